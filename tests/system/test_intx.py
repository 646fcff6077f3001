# SPDX-License-Identifier: BSD-2-Clause
"""Interrupts by the pins of the I/O APIC and of the 8259, and what is left of a PC's own: PIT, RTC, PM timer; arm64: by the SPIs of the
host bridge."""
import pytest

import outside
from arch import X86
from conftest import NVME_BYTES, keep, start_machine
from machine import Machine
from outside import Exits
from test_guest import interface_of, with_address
from test_interrupts import COUNT, at_most_one_exit_each, NMIS_A_SECOND, RUN_S, count_of, irq_of, unhandled, use_pins

# What is tested is core/'s and drivers/'s; a machine of its own. make check has it on x86.
pytestmark = pytest.mark.full_on("arm64")

PM_TIMER = 0x608        # of QEMU's q35, as FADT says
ALARM_S = 2


def devices(nvme_image, *options):
    """Three devices on one pin (slots 2, 6 and 10), each with a driver of its own; no messages."""
    return ["--netdev", "user,id=n0",
            "--device", "e1000e,netdev=n0,addr=2,romfile=",
            "--device", "edu,dma_mask=0xffffffffffff,addr=6",
            "--drive", f"file={nvme_image},if=none,id=d0,format=raw,snapshot=on",
            "--device", "nvme,drive=d0,serial=fairlead,addr=0xa",
            "--append", "iomem=relaxed pci=nomsi", *options]


@pytest.fixture(name="pins")
def _pins(keeper, nvme_image, bare, arch):
    return keep(keeper, "intx", devices(nvme_image), bare, arch)


def test_the_pin_is_shared(pins):
    line = pins.sh("grep nvme0q1 /proc/interrupts").output
    assert interface_of(pins, "e1000e") in line
    assert all(word in line for word in pins.arch.level), "not a level-triggered pin"


@pytest.mark.x86
@pytest.mark.parametrize("kind", ["ping", "disk"])
def test_no_exit_per_interrupt(pins, kind):
    """Raised by pin, acknowledged to the local APIC, which tells the I/O APIC: not one exit."""
    with_address(pins, "e1000e")
    target = "/dev/nvme0n1" if kind == "disk" else "10.0.2.2"
    with Exits(pins) as exits:
        result = pins.sh(f"irqload {kind} {COUNT} nvme0q {target}", RUN_S)
    by_code, by_vector = exits.between_marks()
    nmis = by_code.pop(outside.EXIT_NMI, 0)
    interrupts, seconds = result.number("interrupts"), result.number("us") / 1e6
    print(f"{kind}: {interrupts} interrupts in {seconds:.1f} s, {nmis} exits by NMI, others: {dict(by_code)}")
    assert result.number("lost") == 0
    assert interrupts >= COUNT
    assert not by_code
    assert nmis <= 5 + NMIS_A_SECOND * seconds
    assert sum(count for vector, count in by_vector.items() if vector) >= interrupts


@pytest.mark.arm64
@pytest.mark.parametrize("kind", [pytest.param("ping", marks=pytest.mark.full), "disk"])    # one pin, one way
def test_one_exit_per_interrupt_at_most(pins, kind):
    """Raised by pin: the list register is tied to the physical interrupt, whose deactivation is hardware's."""
    with_address(pins, "e1000e")
    target = "/dev/nvme0n1" if kind == "disk" else "10.0.2.2"

    def work(count):
        result = pins.sh(f"irqload {kind} {count} nvme0q {target}", RUN_S)
        assert result.number("lost") == 0 and result.number("interrupts") >= count
    at_most_one_exit_each(pins, work, COUNT)


def test_both_at_once(pins):
    """All devices of the pin at work: none waits for an interrupt that another one took. edu's is handled in user space."""
    with_address(pins, "e1000e")
    irq = irq_of(pins, "nvme0q1")
    use_pins(pins)
    pins.sh("dmesg -c > /dev/null")
    result = pins.run(f"irqload ping {COUNT} nvme0q 10.0.2.2 > /tmp/1 & irqload disk {COUNT} nvme0q /dev/nvme0n1 > /tmp/2 & "
                      "eduirq 0000:00:06.0 intx 1000 uio0; A=$?; wait %1; B=$?; wait %2; echo status=$((A + B + $?)); "
                      "sed 's/^/ping_/' /tmp/1; sed 's/^/disk_/' /tmp/2", RUN_S)
    print(result.output)
    for key in ("status", "lost", "wrong", "ping_lost", "disk_lost"):
        assert result.number(key) == 0, result.output
    assert unhandled(pins, irq) == 0
    assert "timeout" not in pins.sh("dmesg").output


@pytest.mark.x86    # AAVMF keeps the RTC for itself and takes it out of the tree
def test_rtc_alarm(pins):
    before = count_of(pins, "rtc0")
    pins.sh(f"echo 0 > /sys/class/rtc/rtc0/wakealarm; echo +{ALARM_S} > /sys/class/rtc/rtc0/wakealarm; "
            "for i in $(seq 200); do [ -z \"$(cat /sys/class/rtc/rtc0/wakealarm)\" ] && exit; sleep 0.1; done; exit 1")
    assert count_of(pins, "rtc0") == before + 1


@pytest.mark.x86
def test_pit_at_boot(pins):
    """Linux tries the PIT's interrupt before it trusts the I/O APIC."""
    assert count_of(pins, " timer") > 0
    assert "MP-BIOS bug" not in pins.sh("dmesg").output


@pytest.mark.x86
def test_pm_timer_without_exits(pins):
    first, second = (pins.sh(f"portio in 4 {PM_TIMER:#x}").number() for _ in range(2))
    assert first != second
    with Exits(pins) as exits:
        pins.sh(f"irqload port 1000 nvme0q {PM_TIMER:#x}")
    by_code, _ = exits.between_marks()
    by_code.pop(outside.EXIT_NMI, 0)
    assert not by_code


@pytest.mark.arm64
@pytest.mark.full
def test_without_an_its(keeper, default_devices, bare, arch):
    """No ITS, no messages: Fairlead says so, and the devices use their pins."""
    keeper.stop()
    with start_machine("no-its", default_devices + ["--qemu-arg=-machine its=off"], bare, arch) as guest:
        guest.wait_for_shell()
        assert bare or any("no ITS" in line for line in guest.fairlead_lines())
        assert "MSI" not in guest.sh("cat /proc/interrupts").output
        for driver, host in (("e1000e", "10.0.2.2"), ("virtio_net", "10.0.3.2")):
            with_address(guest, driver)
            guest.sh(f"ping -c 3 -W 10 {host}")
        guest.sh("dd if=/dev/nvme0n1 of=/dev/null bs=64k count=4")


@pytest.mark.full     # a boot of its own, for `noapic`
@pytest.mark.x86
def test_without_the_io_apic(keeper, nvme_image, bare):
    """`noapic`: the 8259s and LINT0 for good, messages and pins of PCI included."""
    keeper.stop()
    with Machine("noapic", *devices(nvme_image, "--append", "noapic"), *(X86.bare if bare else []), bare=bare) as guest:
        guest.wait_for_shell()
        with_address(guest, "e1000e")
        lines = guest.sh("cat /proc/interrupts").output
        assert "XT-PIC" in lines and "IO-APIC" not in lines
        blocks = NVME_BYTES // 4096
        for load in (f"disk {blocks} nvme0q /dev/nvme0n1", "ping 1000 nvme0q 10.0.2.2"):
            result = guest.sh(f"irqload {load}", RUN_S)
            assert result.number("lost") == 0
            assert result.number("interrupts") > 0
