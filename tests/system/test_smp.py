# SPDX-License-Identifier: BSD-2-Clause
"""Several CPUs: all of them work, are interrupted, go off- and online, and tell each other, whichever way their local APICs are
spoken to. test_smp_apic.py has what one CPU can do to another, test_smp_power.py the end of the machine.
"""
import hashlib
import re

import pytest

import outside
from conftest import CPUS, E1000E, EDU, NVME, VIRTIO_NET, start_machine
from counters import counts_of
from outside import Exits
from test_guest import _served, interface_of, with_address    # _served: the fixture "served"
from test_interrupts import at_most_one_exit_each, virtio_of

ALL = set(range(CPUS))
X2APIC = pytest.mark.parametrize("smp", ["x2apic"], indirect=True)
ON_X86 = pytest.mark.parametrize("smp", ["x2apic", "xapic"], indirect=True)
ONCE_EACH = pytest.mark.parametrize("smp", ["x2apic", "arm64"], indirect=True)
DOWNLOADS = (("e1000e", E1000E, "10.0.2.2"), ("virtio_net", VIRTIO_NET, "10.0.3.2"))
DOWNLOAD_S = 240
BENCH_S = 240               # fair locks crawl while the host runs two of four CPUs
ROUNDS, SOAK_ROUNDS = 5, 100
SOAK_DOWNLOADS = 10         # of 10 MB each
COUNT = 2000                # interrupts in one measurement
NMIS_A_SECOND = 25 * CPUS
NMIS, NMI_TRIES = 3, 3      # from outside
APIC_PAGE, APIC_EOI = 0xFEE00000, 0xB0
COMPLAINTS = ("WARNING:", "BUG:", "Oops", "soft lockup", "rcu_preempt", "rcu_sched", "timeout", "nobody cared", "No irq handler",
              "APIC error", "unchecked MSR access", "unknown reason", "failed to", "not responding", "unresponsive")


class CleanLog:
    """The kernel's log has nothing to complain of while this is entered; what it says then is in `lines`."""

    def __init__(self, guest):
        self.guest, self.lines = guest, []
        self.mark = f"clean-log-{guest.mark()}"

    def __enter__(self):
        self.guest.sh(f"echo {self.mark} > /dev/kmsg")
        return self

    def __exit__(self, kind, *_):
        if kind:
            return
        self.lines = self.guest.sh(f"dmesg | sed -n '/{self.mark}/,$p'").output.splitlines()
        assert self.lines, "the kernel has forgotten"
        bad = [line for line in self.lines if any(word in line for word in COMPLAINTS)]
        assert not bad, bad


def by_cpu(guest, row):
    """Of /proc/interrupts: {CPU: count}, summed over the rows in which the text occurs."""
    lines = guest.sh("cat /proc/interrupts").output.splitlines()
    cpus = [int(name.removeprefix("CPU")) for name in lines[0].split()]
    sums = dict.fromkeys(cpus, 0)
    for line in lines[1:]:
        name, *fields = line.split()
        if row == name.rstrip(":") or (not name.rstrip(":").isupper() and row in line):
            for cpu, field in zip(cpus, fields):
                sums[cpu] += int(field)
    return sums


def all_compute(guest, cpus=CPUS):
    """A program on each CPU gives the right result, and the timer of each ticks."""
    before = by_cpu(guest, guest.arch.timer_row)
    for cpu in range(cpus):
        assert guest.sh(f"taskset {1 << cpu:x} sh -c 'sleep 0.02; echo $((6 * {cpu + 7}))'").output.strip() == str(6 * (cpu + 7))
    after = by_cpu(guest, guest.arch.timer_row)
    assert set(after) == set(range(cpus))
    assert all(after[cpu] > before[cpu] for cpu in after), (before, after)


# --- as it booted ----------------------------------------------------------------------------------------------------------


def test_all_cpus_came_up(smp, request, bare):
    log = smp.sh("dmesg").output
    assert smp.sh("nproc").output.strip() == str(CPUS)
    assert f"Brought up 1 node, {CPUS} CPUs" in log
    if not bare:
        assert any(re.search(rf"cpus: the guest gets {CPUS} of {CPUS}", line) for line in smp.fairlead_lines())
    if not bare and smp.arch.name == "x86":
        x2apic = "x2apic" in request.node.callspec.params.values()
        assert ("Switched APIC routing to physical x2apic" in log) == x2apic
    all_compute(smp)


def test_locks_are_native(smp):
    """Not the test-and-set locks that Linux takes on x86 when it finds a hypervisor and no help for its own."""
    log = smp.sh("dmesg").output
    assert smp.arch.name != "x86" or "PV spinlocks disabled with KVM_HINTS_REALTIME hints" in log
    assert "no host support" not in log
    one, four = (smp.sh(f"lockbench {n}", BENCH_S).values for n in (1, CPUS))
    for name in one:
        print(f"{name}: {one[name]} operations a second on one CPU, {four[name]} on {CPUS} together")


@pytest.mark.full
@X2APIC
def test_locks_beside_bare(smp, keeper, default_devices, bare):
    """Printed, not judged: the machine's load is not ours, and with fewer cores than CPUs fair locks wait for who does not run. The
    other machine's CPU does not say that it is emulated: else Linux would take test-and-set locks there."""
    ours = [smp.sh(f"lockbench {n}", BENCH_S).values for n in (1, 2, CPUS)]
    keeper.stop()
    options = ["--smp", str(CPUS), "--cpu", "EPYC,+x2apic,-monitor,-hypervisor"]
    with start_machine("smp-bare", default_devices + options, True) as other:
        other.wait_for_shell()
        theirs = [other.sh(f"lockbench {n}", BENCH_S).values for n in (1, 2, CPUS)]
    for n, our, their in zip((1, 2, CPUS), ours, theirs):
        for name in our:
            print(f"{name} on {n}: {our[name]} a second{' bare' if bare else ' under Fairlead'}, {their[name]} bare: "
                  f"{int(our[name]) / int(their[name]):.2f}")


@X2APIC
def test_idle_cpus_halt(smp):
    """The driver that the hints bring would poll before it halts (smp.md)."""
    assert smp.sh("cat /sys/devices/system/cpu/cpuidle/current_driver").output.strip() != "haltpoll"


@ONCE_EACH
def test_each_cpu_is_counted_for_itself(smp, bare):
    """What a program does on CPU 2 is counted on CPU 2."""
    if bare:
        pytest.skip("Fairlead's counters")
    exits = 10000
    before = counts_of(smp).exits
    smp.sh(f"taskset 4 irqload none {exits} - -")
    after = counts_of(smp).exits
    assert set(after) == ALL
    reason = "io" if smp.arch.name == "x86" else "data-abort"
    grown = {cpu: after[cpu][reason] - before[cpu][reason] for cpu in ALL}
    assert grown[2] >= exits + 2 * outside.MARKS
    assert all(grown[cpu] < exits // 2 for cpu in ALL - {2}), grown    # the console's


# --- interrupts ------------------------------------------------------------------------------------------------------------


def download_both(guest, served):
    """10 MB through each card at the same time, while their interrupts move from CPU to CPU."""
    port, digest = served
    for driver, _, _ in DOWNLOADS:
        with_address(guest, driver)
    names = [interface_of(guest, "e1000e"), virtio_of(guest, VIRTIO_NET) + "-"]
    before = [by_cpu(guest, name) for name in names]
    movers = " ".join(f"irqmove 0000:{bdf} > /tmp/m{n} & M{n}=$!;" for n, (_, bdf, _) in enumerate(DOWNLOADS))
    wgets = " ".join(f"(wget -q -O - http://{host}:{port}/file | sha256sum > /tmp/h{n}) & W{n}=$!;"
                     for n, (_, _, host) in enumerate(DOWNLOADS))
    result = guest.sh(f"{movers} {wgets} wait $W0 $W1; kill $M0 $M1; wait $M0 $M1; cut -c 1-64 /tmp/h0 /tmp/h1; cat /tmp/m0 /tmp/m1",
                      DOWNLOAD_S)
    hashes = re.findall(r"(?m)^[0-9a-f]{64}$", result.output)
    assert hashes == [digest, digest]
    moves = [int(n) for n in re.findall(r"moves=(\d+)", result.output)]
    print(f"moves asked for: {moves}")
    assert len(moves) == 2 and min(moves) > 100
    return [{cpu: now - was for (cpu, was), now in zip(first.items(), by_cpu(guest, name).values())}
            for name, first in zip(names, before)]


def test_downloads_while_interrupts_move(smp, served):
    with CleanLog(smp):
        for name, interrupts in zip(("e1000e", "virtio-net"), download_both(smp, served)):
            print(f"{name}: interrupts by CPU {interrupts}")
            assert all(interrupts.values()), "did not move"


@pytest.mark.soak
def test_downloads_of_100_mb(smp, served):
    with CleanLog(smp):
        for _ in range(SOAK_DOWNLOADS):
            download_both(smp, served)


def exits_of_interrupts(guest, count):
    """What happens between the marks while the disk interrupts CPU 3, which works and is not idle otherwise:
    (interrupts of the disk, all interrupts of Linux's, {exit code: count}, {address: faults})."""
    def all_interrupts():
        lines = guest.sh("cat /proc/interrupts").output.splitlines()[1:]
        return sum(int(field) for line in lines for field in line.split()[1:1 + CPUS] if field.isdigit() and "NMI:" not in line)
    guest.sh("taskset 8 sh -c 'renice 19 $$; while :; do :; done' > /dev/null 2>&1 & echo $! > /tmp/busy")
    try:
        before = all_interrupts()
        with Exits(guest) as exits:
            result = guest.sh(f"taskset 8 irqload disk {count} nvme0q /dev/nvme0n1", 300)
        total = all_interrupts() - before
    finally:
        guest.sh("kill $(cat /tmp/busy)")
    assert result.number("lost") == 0 and result.number("interrupts") >= count
    return result, total, exits.between_marks()[0], exits.faults_between_marks()


@X2APIC
def test_no_exit_per_interrupt(smp):
    """Of all CPUs together; what there is besides Fairlead's NMIs is the kernel's own (interrupts between CPUs)."""
    result, _, by_code, _ = exits_of_interrupts(smp, COUNT)
    nmis = by_code.pop(outside.EXIT_NMI, 0)
    print(f"{result.number('interrupts')} interrupts, {nmis} exits by NMI, others: {dict(by_code)}")
    assert nmis <= CPUS * 5 + NMIS_A_SECOND * result.number("us") / 1e6
    assert sum(by_code.values()) <= COUNT // 10


@pytest.mark.parametrize("smp", ["arm64"], indirect=True)
def test_one_exit_per_interrupt_at_most(smp):
    """Of all CPUs together, interrupts between them included."""
    def work(count):
        result = smp.sh(f"taskset 8 irqload disk {count} nvme0q /dev/nvme0n1", 300)
        assert result.number("lost") == 0 and result.number("interrupts") >= count
    at_most_one_exit_each(smp, work, 5 * COUNT)


@pytest.mark.parametrize("smp", ["xapic"], indirect=True)
def test_one_exit_per_interrupt_with_the_page(smp):
    """Its end (EOI), and only that: at most one for each interrupt that any CPU had."""
    result, total, _, faults = exits_of_interrupts(smp, COUNT)
    eois = faults.pop(APIC_PAGE + APIC_EOI, 0)
    print(f"{result.number('interrupts')} interrupts of the disk, {total} in all, {eois} exits by EOI, others: "
          f"{ {hex(address): n for address, n in faults.items()} }")
    assert eois <= total
    assert {address & ~0xFFF for address in faults} <= {APIC_PAGE}
    # Timers and interrupts between CPUs are written to the page, too; the disk's need none of that.
    assert sum(faults.values()) <= COUNT // 2 + 3 * (total - COUNT)


def test_interrupts_between_cpus(smp):
    """Every CPU asks every other at once; a translation that one of them takes away is gone on all when it says so."""
    result = smp.sh("ipistorm 3")
    print(result.output)
    assert result.number("cpus") == CPUS
    assert result.number("rounds") > 0 and result.number("CAL") > 0
    assert result.number("stale") == 0


# --- off and on ------------------------------------------------------------------------------------------------------------


def off_and_on(guest, rounds):
    """Each CPU but the first goes off- and online again, then all of them at once; programs run on all of them meanwhile, and must not
    notice."""
    cpus = "/sys/devices/system/cpu/cpu"
    result = hashlib.sha256(b"work\n").hexdigest() + "  -"
    guest.sh("rm -f /tmp/stop; for i in 1 2 3 4; do (n=0; while [ ! -e /tmp/stop ]; do "
             f"[ \"$(echo work | sha256sum)\" = '{result}' ] || echo wrong; n=$((n + 1)); done; echo worked $n) > /tmp/w$i 2>&1 & done")
    with CleanLog(guest):
        guest.sh(f"for n in $(seq {rounds}); do for c in 1 2 3; do echo 0 > {cpus}$c/online || exit 1; "
                 f"[ $(nproc) = {CPUS - 1} ] || exit 2; echo 1 > {cpus}$c/online || exit 3; [ $(nproc) = {CPUS} ] || exit 4; "
                 "done; done", 60 + 10 * rounds)
        guest.sh(f"for c in 3 1 2; do echo 0 > {cpus}$c/online || exit 1; done; [ $(nproc) = 1 ] || exit 2; "
                 f"for c in 2 3 1; do echo 1 > {cpus}$c/online || exit 3; done; [ $(nproc) = {CPUS} ]")
        guest.sh("touch /tmp/stop; for i in $(seq 100); do [ $(cat /tmp/w? | grep -c worked) = 4 ] && exit; sleep 0.1; done; false")
    worked = guest.sh("cat /tmp/w?").output.split()
    assert worked[::2] == ["worked"] * 4 and all(int(n) > 0 for n in worked[1::2]), worked
    all_compute(guest)


def test_cpus_go_off_and_on(smp):
    off_and_on(smp, ROUNDS)


@pytest.mark.soak
def test_cpus_go_off_and_on_100_times(smp):
    off_and_on(smp, SOAK_ROUNDS)


# --- NMIs ------------------------------------------------------------------------------------------------------------------


@ON_X86
def test_backtraces_of_all_cpus(smp):
    """The kernel sends each other CPU an NMI, and each prints where it was."""
    before = by_cpu(smp, "NMI")
    with CleanLog(smp) as log:
        smp.sh("taskset 4 sh -c 'echo l > /proc/sysrq-trigger'")
        smp.sh(f"for i in $(seq 100); do [ $(dmesg | sed -n '/{log.mark}/,$p' | grep -c 'NMI backtrace for cpu') -ge {CPUS} ] && exit; "
               "sleep 0.1; done; false")
    told = re.findall(r"NMI backtrace for cpu (\d+)", "\n".join(log.lines))
    assert sorted(int(cpu) for cpu in told) == sorted(ALL)
    after = by_cpu(smp, "NMI")
    assert {cpu: after[cpu] - before[cpu] for cpu in ALL} == {0: 1, 1: 1, 2: 0, 3: 1}


@ON_X86
def test_nmi_from_outside(smp):
    """It comes to the CPUs whose LINT1 listens: the first. One that coincides with one of Fairlead's own may be taken for it
    (limits.md), so it is sent again; none comes twice, or to another CPU."""
    before, sent = by_cpu(smp, "NMI"), 0
    for n in range(1, NMIS + 1):
        for _ in range(NMI_TRIES):
            smp.qmp.command("inject-nmi")
            sent += 1
            if not smp.run(f"for i in $(seq 20); do [ $(awk '/NMI:/ {{ print $2 }}' /proc/interrupts) -ge {before[0] + n} ] && "
                           "exit; sleep 0.1; done; false").status:
                break
    after = by_cpu(smp, "NMI")
    print(f"{sent} sent")
    assert {cpu: after[cpu] - before[cpu] for cpu in ALL} == {0: NMIS, 1: 0, 2: 0, 3: 0}


@X2APIC
def test_what_the_kernel_says_of_performance_counters(smp):
    """TCG has none, with and without Fairlead: the kernel finds that out, and has no watchdog by NMI then."""
    assert "PMU not available" in smp.sh("dmesg").output
    assert smp.sh("cat /proc/sys/kernel/nmi_watchdog").output.strip() == "0"


# --- configuration space ---------------------------------------------------------------------------------------------------


def storm_is_clean(result, cpus=CPUS):
    print(result.output)
    assert result.number("cpus") == cpus
    assert all(result.number(f"cpu{cpu}") > 0 for cpu in range(cpus))
    assert result.number("torn") == 0
    assert result.number("wrong_identity") == 0


def test_one_device_from_all_cpus(smp):
    result = smp.sh(f"cfgstorm one 3 {smp.ecam():#x} {EDU} msi")
    storm_is_clean(result)
    assert result.number("absent") == 0


def test_different_devices_from_all_cpus(smp):
    registers = " ".join(f"{bdf}@{what}" for bdf, what in ((E1000E, "msi/4"), (VIRTIO_NET, "0x3c/1"), (NVME, "0x3c/1"),
                                                           (EDU, "msi/4")))
    result = smp.sh(f"cfgstorm each 3 {smp.ecam():#x} {registers}")
    storm_is_clean(result)
    assert result.number("absent") == 0


def bar_moves(guest, rounds):
    result = guest.sh(f"barmove {rounds} 0000:{EDU} {guest.arch.elsewhere:#x}", 120)
    print(result.output)
    assert result.number("moves") == 2 * rounds and result.number("reads") > 0
    for what in ("old", "missing", "odd"):
        assert result.number(what) == 0, what


def test_memory_moves_under_all_cpus(smp):
    """A device's memory moves: from then on no CPU finds it at the old address, and each at the new one."""
    bar_moves(smp, 50)
