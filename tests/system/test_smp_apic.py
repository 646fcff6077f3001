# SPDX-License-Identifier: BSD-2-Clause
"""What one CPU of the guest can do to others by its local APIC: everything that a guest's CPUs may do among themselves works, and
nothing reaches Fairlead's CPUs. Without Fairlead most of these end the run: that is what they are for.
"""
import pytest

from conftest import CPUS
from test_smp import X2APIC, CleanLog, all_compute

pytestmark = pytest.mark.x86

NOBODY = 200                # an APIC ID that no CPU has
PAGE = 0x20                 # RAM below 1 MiB that Linux leaves alone
SWEEP_S = 240
ALL_BUT_INIT, INIT = "0123467", "5"
ICR_INIT, ICR_TO_OTHERS = 0x4500, 0xC0000
ONLINE = "/sys/devices/system/cpu/cpu3/online"


# By the page a command is two writes, and among thousands, on a busy host, one may come between the kernel's two: then an interrupt of
# the kernel's goes astray, and one of its CPUs waits for ever.
BY_PAGE_IN_FULL = pytest.mark.parametrize("smp", ["x2apic", pytest.param("xapic", marks=pytest.mark.full)], indirect=True)


def attack(guest, what, timeout=SWEEP_S):
    """Runs it; afterwards every CPU has to be there."""
    result = guest.sh(f"apicattack {what}", timeout)
    print(result.output)
    assert result.number("cpus") == result.number("alive")
    return result


@BY_PAGE_IN_FULL
def test_every_command_to_everybody(smp):
    """Fixed interrupts and NMIs arrive once where they were sent and nowhere else; SMI, ExtINT, remote read and start-ups of CPUs that run
    have no effect."""
    result = attack(smp, f"sweep {ALL_BUT_INIT} {NOBODY}")
    for what in ("fixed_lost", "fixed_doubled", "nmi_lost", "nmi_doubled"):
        assert result.number(what) == 0, what
    assert result.number("sent") > 1000
    all_compute(smp)


@BY_PAGE_IN_FULL
def test_init_to_nobody(smp):
    with CleanLog(smp):
        attack(smp, f"sweep {INIT} {NOBODY}")
    all_compute(smp)


def test_vector_table_cannot_take_a_cpu(smp):
    """What is refused is masked, and reads so."""
    result = attack(smp, "lvt")
    assert result.number("dangerous") == 0
    assert result.number("masked") + result.number("refused") > 0
    all_compute(smp)


def test_offline_cpu_starts_where_it_is_told(smp):
    """INIT and start-ups as the specification has them, in real mode; then the kernel takes the CPU back."""
    ram = smp.memory_map("RAM")
    assert not ram or any(r.start <= PAGE << 12 and (PAGE + 2) << 12 <= r.end for r in ram)
    smp.sh(f"echo 0 > {ONLINE}")
    try:
        assert attack(smp, f"start 3 {PAGE:#x}").number("starts") == 3
    finally:
        smp.sh(f"echo 1 > {ONLINE}")
    assert smp.sh("nproc").output.strip() == str(CPUS)
    all_compute(smp)


def test_messages_of_a_cpu_are_none(smp):
    """Writes to where devices send their messages do not go to the bus."""
    assert attack(smp, "message").number("nmi_doubled") == 0
    all_compute(smp)


@BY_PAGE_IN_FULL
def test_odd_ways_into_the_command_register(smp):
    result = attack(smp, "odd")
    assert result.number("dangerous") == 0
    assert "taken" not in result.values
    for key in ("self_lost", "self_doubled"):
        assert int(result.values.get(key, "0")) == 0
    all_compute(smp)


def init(guest, command, destination, stopped):
    """From CPU 0, while all others count: which of them stop. Then the machine is reset, and everybody is back."""
    since = guest.mark()
    guest.type(f"apicattack init {command:#x} {destination:#x}\r")
    if stopped is not None:
        found = guest.expect(r"apicattack: stopped=(0x[0-9a-f]+)\r\n")
        assert int(found.group(1), 16) == stopped
    guest.wait_for_shell()
    assert guest.sh("nproc").output.strip() == str(CPUS)
    return guest.fairlead_lines(since)


@X2APIC
def test_init_stops_the_cpu_that_it_is_for(smp):
    init(smp, ICR_INIT, 1, 1 << 1)


@pytest.mark.full
def test_init_stops_all_others(smp):
    init(smp, ICR_INIT | ICR_TO_OTHERS, 0, (1 << CPUS) - 2)


@pytest.mark.full
def test_init_of_the_boot_cpu_resets_the_machine(smp, bare):
    said = init(smp, ICR_INIT, 0, None)
    assert bare or [line for line in said if line.startswith("resetting the machine: guest")]
