# SPDX-License-Identifier: BSD-2-Clause
"""Interrupts by message: the guest gets each one, once, without an exit (arm64: with one); a device raises nothing that it was not
given.

The machine has two edu devices, on one interrupt pin: they raise what they are told to (tests/guest/eduirq.c).
"""
import re
import struct

import pytest

import outside
from conftest import E1000E, EDU, NVME, VIRTIO_NET, keep, start_machine
from counters import counts_of
from outside import Config, Exits, PhysicalMemory
from test_guest import interface_of, with_address

EDU_2 = "00:09.0"       # four slots after the first: the same pin of the interrupt router
COUNT = 10000
ROUNDS = 10
RUN_S = 300
SOAK_S = 1300
# Fairlead's own timer, and faults: by time, not by interrupt.
NMIS_A_SECOND = 25
MSI_CAPABILITY = 0x05
MSI_ADDRESS, MSI_DATA = 0x04, 0x0C          # with 64 bits of address
# VT-d specification, 5.1.5.2: a message in the remappable format.
REMAPPABLE = 1 << 4
SUBHANDLE_VALID = 1 << 3
MESSAGE = 0xFEE00000
NOBODYS_INDEX = 0xFFF0


@pytest.fixture(name="two_edus")
def _two_edus(default_devices):
    return default_devices + ["--device", "edu,dma_mask=0xffffffffffff,addr=9"]


def with_network(guest):
    """Both cards have their address: DHCP, and what it starts, is over."""
    for driver in ("e1000e", "virtio_net"):
        with_address(guest, driver)
    return guest


@pytest.fixture(name="irqs")
def _irqs(keeper, two_edus, bare, arch):
    return with_network(keep(keeper, "interrupts", two_edus, bare, arch))


def virtio_of(guest, function):
    """The name of the virtio device in that function: virtio0 or the like."""
    return guest.sh(f"basename $(ls -d /sys/bus/pci/devices/0000:{function}/virtio*)").output.strip()


DISKS = ("nvme", "boot-disk")


def loads(guest):
    """What makes each device interrupt: (device, arguments of irqload without the count)."""
    boot, _, file = guest.arch.boot_disk
    return {"e1000e": (E1000E, f"{interface_of(guest, 'e1000e')} 10.0.2.2"),
            "virtio-net": (VIRTIO_NET, f"{virtio_of(guest, VIRTIO_NET)}- 10.0.3.2"),
            "nvme": (NVME, "nvme0q /dev/nvme0n1"),
            "boot-disk": (boot, f"{'ahci' if guest.arch.name == 'x86' else virtio_of(guest, boot) + '-req'} {file}")}


def load(guest, name, count, before="", limit=RUN_S):
    """Runs one; every operation has to come back."""
    kind = "disk" if name in DISKS else "ping"
    result = guest.run(f"{before}irqload {kind} {count} {loads(guest)[name][1]}", limit)
    assert "lost" in result.values, result.output
    assert result.number("lost") == 0, result.output
    return result


def count_of(guest, name):
    return int(guest.sh(f"awk '/{name}/ {{ for (i = 2; $i ~ /^[0-9]+$/; i++) n += $i }} END {{ print n + 0 }}' "
                        "/proc/interrupts").output)


def irq_of(guest, name):
    return int(guest.sh(f"grep -F {name} /proc/interrupts").output.split(":")[0])


# --- no exits ------------------------------------------------------------------------------------------------------------


@pytest.mark.x86
def test_exits_are_counted_from_outside(irqs):
    """A program that exits COUNT times is seen to: what is not seen below was not there."""
    with Exits(irqs) as exits:
        irqs.sh(f"irqload none {COUNT} - -")
    assert exits.marks() == COUNT + 2 * outside.MARKS


def fairlead_counts(guest):
    """{reason: exits} and {event: count} of CPU 0, as `stats` says."""
    with guest.monitor() as monitor:
        said = monitor.command("stats")
    text = "\n".join(said)
    assert "exits on CPU 0:" in text, text
    exits, events = (dict((name, int(n)) for name, n in re.findall(r"(?m)^ {4}(\S+) +(\d+)$", part))
                     for part in re.search(r"exits on CPU 0: \d+\n((?s:.*))  events on CPU 0:\n((?s:.*))", text).groups())
    return exits, events


def counted_run(guest, name, count):
    """What Fairlead counts while the program runs and the console is used for it: ({reason: exits}, {event: count})."""
    before = fairlead_counts(guest)
    result = load(guest, name, count)
    after = fairlead_counts(guest)
    return result, *({key: value - was.get(key, 0) for key, value in now.items()} for was, now in zip(before, after))


@pytest.mark.x86
@pytest.mark.parametrize("name", ["e1000e", "virtio-net", "nvme"])
def test_no_exit_per_interrupt(irqs, bare, name):
    """From outside: between the marks there is no exit but Fairlead's own NMIs. Fairlead's counters: with COUNT interrupts
    they show what they show without."""
    if not bare:
        _, exits_without, events_without = counted_run(irqs, name, 1)
    with Exits(irqs) as exits:
        if bare:
            result = load(irqs, name, COUNT)
        else:
            result, exits_with, events_with = counted_run(irqs, name, COUNT)
    interrupts = result.number("interrupts")
    assert interrupts >= COUNT
    seconds = result.number("us") / 1e6
    by_code, by_vector = exits.between_marks()
    nmis = by_code.pop(outside.EXIT_NMI, 0)
    print(f"{name}: {interrupts} interrupts in {seconds:.1f} s, {nmis} exits by NMI, others: {dict(by_code)}")
    assert not by_code
    assert nmis <= 5 + NMIS_A_SECOND * seconds
    assert sum(count for vector, count in by_vector.items() if vector) >= interrupts
    if bare:
        return
    print(f"Fairlead: {exits_with} with, {exits_without} without")
    for reason in exits_with:
        # The console's own exits (io), time's (nmi) and those of a program that starts (cpuid) differ a little from run to run.
        assert abs(exits_with[reason] - exits_without.get(reason, 0)) <= COUNT // 20, reason
    for event in ("interrupt-entry", "msix-table", "ioapic"):
        assert events_with.get(event, 0) == events_without.get(event, 0), event


def all_interrupts(guest, rows="."):
    """Of /proc/interrupts, all CPUs together: the rows whose name matches."""
    return int(guest.sh(f"awk 'NR > 1 && $1 ~ /{rows}/ {{ for (i = 2; $i ~ /^[0-9]+$/; i++) n += $i }} END {{ print n + 0 }}' "
                        "/proc/interrupts").output)


def exits_during(guest, work):
    """(exits by interrupt, all other exits, interrupts of any kind that the guest had) while work() is done. To send an interrupt to
    another CPU is an exit, too; these are not among the others."""
    before, since, sent = counts_of(guest), all_interrupts(guest), all_interrupts(guest, "IPI")
    work()
    total, sent = all_interrupts(guest) - since, all_interrupts(guest, "IPI") - sent
    grown = counts_of(guest).all_exits - before.all_exits
    return grown.pop("interrupt"), sum(grown.values()) - sent, total


def at_most_one_exit_each(guest, work, count):
    """By Fairlead's counters: work(count), which has so many interrupts, brings no more exits than the guest has interrupts, its
    timer's among them; and all other exits (the console's) are as many as with work(1). The monitor's keys are interrupts that the guest
    does not have: what they cost is seen with work(1), too."""
    taken_without, others_without, total_without = exits_during(guest, lambda: work(1))
    taken, others, total = exits_during(guest, lambda: work(count))
    print(f"{count} interrupts of the device, {total} in all, {taken} exits by interrupt ({taken / total:.3f} each), {others} others; "
          f"without: {total_without}, {taken_without}, {others_without}")
    assert taken - total <= max(taken_without - total_without, 0) + count // 20, "more than one exit for an interrupt"
    assert others - others_without <= count // 20, "other exits come with interrupts"


# On arm64 their messages are as the NVMe's are: an MSI-X table.
MSIX_AS_WELL = [pytest.param(name, marks=pytest.mark.full_on("arm64")) for name in ("virtio-net", "boot-disk")]


@pytest.mark.arm64
@pytest.mark.parametrize("name", ["e1000e", "nvme", *MSIX_AS_WELL])
def test_one_exit_per_interrupt_at_most(irqs, name):
    """It is taken at EL2 and put in a list register; its end is hardware's."""
    at_most_one_exit_each(irqs, lambda count: load(irqs, name, count), COUNT)


# --- none lost, none doubled ----------------------------------------------------------------------------------------------


# A list register holds one interrupt, QEMU's CPUs have four of them: eight devices at once.
MANY = ["00:05.0", *(f"00:{slot:02x}.0" for slot in range(9, 16))]
BORROWED = [(VIRTIO_NET, 0), (VIRTIO_NET, 1), (VIRTIO_NET, 2), (E1000E, 0), (E1000E, 1), (E1000E, 2), (NVME, 0), (NVME, 1)]
EDU_RAISE = 0x60
AT_ONCE = 20


def messages_by_name(guest):
    """{what a row of /proc/interrupts is called: count} of the rows of messages."""
    rows = [line.split() for line in guest.sh("grep MSI /proc/interrupts").output.splitlines()]
    return {row[-1]: int(row[1]) for row in rows}


@pytest.mark.arm64
def test_more_pending_than_list_registers(keeper, default_devices, bare, arch):
    """The machine stands still while eight devices send: all eight messages are pending when the CPU goes on, and each arrives."""
    edus = [part for slot in range(9, 16) for part in ("--device", f"edu,addr={slot:#x}")]
    guest = with_network(keep(keeper, "many-edus", default_devices + edus, bare, arch))
    for edu, (other, entry) in zip(MANY, BORROWED):
        guest.sh(f"eduirq 0000:{edu} message 0000:{other} {entry}")
    bars = [int(guest.sh(f"head -n 1 /sys/bus/pci/devices/0000:{edu}/resource").output.split()[0], 16) for edu in MANY]
    before = messages_by_name(guest)
    for _ in range(AT_ONCE):
        with PhysicalMemory(guest) as memory:
            for bar in bars:
                memory.write(bar + EDU_RAISE, 1, 4)
        guest.sh("true")
    grown = {name: count - before[name] for name, count in messages_by_name(guest).items()}
    print(grown)
    # A device's own work may add to it. Configuration changes never do: that one is exact.
    assert len([name for name, more in grown.items() if more >= AT_ONCE]) == len(MANY), grown
    assert grown[f"{virtio_of(guest, VIRTIO_NET)}-config"] == AT_ONCE


def edu_sends(guest, edu=EDU):
    """The edu's message is virtio's for configuration changes from now on; its number for the kernel."""
    guest.sh(f"eduirq 0000:{edu} message 0000:{VIRTIO_NET} 0")
    return irq_of(guest, f"{virtio_of(guest, VIRTIO_NET)}-config")


def sequence(guest, count, irq, limit):
    """edu raises, each with a number, while its message is rewritten all the while."""
    result = guest.run(f"irqmove 0000:{EDU} > /tmp/moves & eduirq 0000:{EDU} seq {count} {irq}; S=$?; kill %1; wait; "
                       "cat /tmp/moves; exit $S", limit)
    print(result.output)
    assert result.status == 0, result.output
    for key, expected in (("sent", count), ("counted", count), ("lost", 0), ("doubled", 0), ("wrong", 0)):
        assert result.number(key) == expected, key
    return result.number("moves")


def moving(guest, name, count, limit=RUN_S):
    """The same under a driver of Linux's: its messages move while every operation waits for its interrupt."""
    device = loads(guest)[name][0]
    guest.sh("dmesg -c > /dev/null")
    result = load(guest, name, count, f"trap 'kill %1; wait; cat /tmp/moves' EXIT; irqmove 0000:{device} > /tmp/moves & ",
                  limit)
    print(result.output)
    # NVMe and AHCI say so when they find a finished command whose interrupt never came; nobody's interrupts are reported, too.
    assert not re.search("timeout|polled|nobody cared|No irq handler|lost", guest.sh("dmesg").output)
    return result


def until_moved(moves, once):
    """Runs it until its messages have moved so often: how often they do in one run is the host's business."""
    moved = 0
    for _ in range(ROUNDS):
        moved += once()
        if moved >= moves:
            return
    assert moved >= moves


def test_sequence_of_messages(irqs):
    irq = edu_sends(irqs)
    until_moved(COUNT // 10, lambda: sequence(irqs, COUNT, irq, RUN_S))


@pytest.mark.parametrize("name", ["nvme", "e1000e", *MSIX_AS_WELL])
def test_moving_interrupts(irqs, name):
    """MSI-X entries masked, rewritten and unmasked (nvme and the cards), MSI rewritten as it stands (x86's boot disk)."""
    def once():
        result = moving(irqs, name, COUNT)
        if name in DISKS:
            assert result.number("interrupts") == COUNT     # one for each command: none doubled
        return result.number("moves")
    until_moved(COUNT // 10, once)


@pytest.fixture(name="fresh")
def _fresh(keeper, two_edus, bare, arch):
    """A machine of its own for each long run: none lives longer than MACHINE_LIMIT_S."""
    keeper.stop()
    return with_network(keep(keeper, "interrupts", two_edus, bare, arch))


@pytest.mark.soak
def test_sequence_of_a_million(fresh):
    irq = edu_sends(fresh)
    assert sequence(fresh, 1000000, irq, SOAK_S) >= 100000


@pytest.mark.soak
@pytest.mark.parametrize("name, count", [("nvme", 250000), ("boot-disk", 250000), ("e1000e", 100000), ("virtio-net", 100000)])
def test_moving_interrupts_for_long(fresh, name, count):
    assert moving(fresh, name, count, SOAK_S).number("moves") >= count // 10


# --- what a device was not given -----------------------------------------------------------------------------------------


@pytest.fixture(name="victim")
def _victim(irqs):
    """edu works by the message that it was given; what the test puts in its registers is taken back."""
    edu_sends(irqs)
    with Config(irqs, EDU) as config:
        at = config.capability(MSI_CAPABILITY)
        given = config.read(at + MSI_ADDRESS), config.read(at + MSI_DATA)
    assert arrives(irqs, "virtio0-config")
    yield irqs, given
    program(irqs, EDU, given)
    assert arrives(irqs, "virtio0-config"), "it does not work again"


def program(guest, bdf, message):
    """A device that says what it likes: its registers are written past everybody."""
    with Config(guest, bdf) as config:
        at = config.capability(MSI_CAPABILITY)
        config.write(at + MSI_ADDRESS, message[0])
        config.write(at + MSI_DATA, message[1])


def arrives(guest, name, edu=EDU):
    """How often the kernel counts that interrupt when the device raises one."""
    before = count_of(guest, name)
    assert guest.sh(f"eduirq 0000:{edu} raise 0x5").number("status") == 5
    return count_of(guest, name) - before


def index_of(message):
    """The entry that a message in the remappable format names."""
    address, data = message
    assert address & REMAPPABLE, f"the hardware holds {address:#x}: not remapped"
    index = (address >> 5 & 0x7FFF) | (address >> 2 & 1) << 15
    return index + (data & 0xFFFF) if address & SUBHANDLE_VALID else index


def naming(index):
    return MESSAGE | (index & 0x7FFF) << 5 | REMAPPABLE | (index >> 15) << 2, 0


def msix_message(guest, device, bar, entry):
    """What an entry of the device's MSI-X table says in hardware, seen from outside (the tables here begin with their page)."""
    table = {E1000E: 0, NVME: 0x2000, VIRTIO_NET: 0}[device]
    base = int(guest.sh(f"awk 'NR == {bar + 1} {{ print $1 }}' /sys/bus/pci/devices/0000:{device}/resource").output, 16)
    address, _, data, _ = struct.unpack("<4I", guest.qmp.memory(base + table + 16 * entry, 16))
    return address, data


def blocked(bdf, index, why):
    return rf"iommu: interrupt by 0000:{bdf} blocked \(index {index}\b.*{why}"


@pytest.mark.x86
def test_hardware_holds_remappable_messages_only(victim):
    guest, given = victim
    seen = {index_of(given)}
    for device, bar, entries in ((E1000E, 3, 3), (VIRTIO_NET, 1, 3), (NVME, 0, 2)):
        for entry in range(entries):
            index = index_of(msix_message(guest, device, bar, entry))
            assert index not in seen, "two messages by one entry"
            seen.add(index)


@pytest.mark.x86
@pytest.mark.parametrize("index, why", [(NOBODYS_INDEX, "interrupt index beyond the table"),
                                        (None, "interrupt entry not present")], ids=["beyond-the-table", "not-present"])
def test_index_that_nobody_has(victim, index, why):
    guest, given = victim
    if index is None:
        index = index_of(given) + 200       # within the smallest table, far from what the devices here have
    since = guest.mark()
    program(guest, EDU, naming(index))
    assert arrives(guest, "virtio0-config") == 0
    guest.wait_for_fairlead(blocked(EDU, index, why), since)


@pytest.mark.x86
def test_message_of_another_device(victim):
    """An index that exists, and is the disk's: the requester is compared."""
    guest, _ = victim
    disk = msix_message(guest, NVME, 0, 1)
    since = guest.mark()
    program(guest, EDU, disk)
    assert arrives(guest, "nvme0q1") == 0, "the disk's interrupt was raised by another device"
    guest.wait_for_fairlead(blocked(EDU, index_of(disk), "interrupt of another device"), since)


@pytest.mark.x86
def test_message_sent_by_another_device(victim):
    """The other edu sends what this one was given."""
    guest, given = victim
    edu_sends(guest, EDU_2)
    assert arrives(guest, "virtio0-config", EDU_2) == 1
    with Config(guest, EDU_2) as config:
        at = config.capability(MSI_CAPABILITY)
        own = config.read(at + MSI_ADDRESS), config.read(at + MSI_DATA)
    since = guest.mark()
    program(guest, EDU_2, given)
    assert arrives(guest, "virtio0-config", EDU_2) == 0
    guest.wait_for_fairlead(blocked(EDU_2, index_of(given), "interrupt of another device"), since)
    program(guest, EDU_2, own)
    assert arrives(guest, "virtio0-config", EDU_2) == 1


@pytest.mark.x86
@pytest.mark.full
def test_without_remapping_it_gets_through(keeper, two_edus, bare):
    """`intremap=off`: the same attempt succeeds, so it can."""
    if bare:
        pytest.skip("needs Fairlead's configuration")
    keeper.stop()
    with start_machine("intremap-off", two_edus + ["--set", "intremap=off"], bare) as guest:
        guest.wait_for_shell()
        edu_sends(guest)
        program(guest, EDU, msix_message(guest, NVME, 0, 1))
        assert arrives(guest, "nvme0q1") == 1


# --- two devices on one pin ----------------------------------------------------------------------------------------------
# Last in this file: the edus have a driver afterwards.

UIO = "/sys/bus/pci/drivers/uio_pci_generic"


def use_pins(guest):
    """The edus raise by pin, and user space handles them."""
    guest.sh("for d in $(lspci -nd 1234:11e8 | cut -d ' ' -f 1); do setpci -s $d CAP_MSI+2.w=0:1; done; "
             f"modprobe uio_pci_generic; ls -d {UIO}/0000:* > /dev/null 2>&1 || echo 1234 11e8 > {UIO}/new_id")


def unhandled(guest, irq):
    """How many the kernel found no device for."""
    return int(guest.sh(f"awk '/^unhandled/ {{ print $2 }}' /proc/irq/{irq}/spurious").output)


def test_two_devices_on_one_pin(irqs):
    """Both edus at the same time: level-triggered, shared, 1000 each."""
    guest = irqs
    use_pins(guest)
    lines = [line for line in guest.sh("cat /proc/interrupts").output.splitlines() if "uio_pci_generic" in line]
    assert len(lines) == 1 and lines[0].count("uio_pci_generic") == 2, f"not one pin: {lines}"
    assert all(word in lines[0] for word in guest.arch.level), "not level-triggered"
    irq = irq_of(guest, "uio_pci_generic")
    before = count_of(guest, "uio_pci_generic")
    result = guest.run(f"eduirq 0000:{EDU} intx 1000 uio0 > /tmp/first & eduirq 0000:{EDU_2} intx 1000 uio1; A=$?; "
                       "wait %1; echo status=$((A + $?)); sed 's/^/first_/' /tmp/first", RUN_S)
    print(result.output)
    assert result.number("status") == 0, result.output
    for key in ("sent", "first_sent"):
        assert result.number(key) == 1000
    for key in ("lost", "wrong", "first_lost", "first_wrong"):
        assert result.number(key) == 0, key
    assert 1000 <= count_of(guest, "uio_pci_generic") - before <= 2000
    assert unhandled(guest, irq) == 0
