# SPDX-License-Identifier: BSD-2-Clause
"""CPUs that the guest does not get cannot be reached by it; and the monitor at work while all CPUs are."""
import re

import pytest

from conftest import CPUS, EDU, NVME, keep, start_machine
from test_smp import all_compute, bar_moves, storm_is_clean
from test_smp_apic import ALL_BUT_INIT, ICR_INIT, INIT, PAGE, attack

FEWER = 2
ICR_STARTUP = 0x4600


def state_of_cpus(guest):
    """{CPU: its registers as QEMU has them}. (QEMU leaves an INIT that finds a CPU halted pending until something wakes the CPU, so what is
    seen of a parked one is the halt in which firmware left it.)"""
    parts = re.split(r"(?m)^CPU#(\d+)\r?$", guest.qmp.monitor("info registers -a"))
    return {int(cpu): text for cpu, text in zip(parts[1::2], parts[2::2])}


def cannot_start(guest, apic_id):
    """It is told INIT and start-ups, and code is where they would lead it."""
    result = guest.run(f"apicattack start {apic_id} {PAGE:#x}")
    assert result.status == 1 and "page 0: started 0 times, expected 1" in result.output, result.output


@pytest.fixture(name="fewer")
def _fewer(keeper, bare, arch):
    """Four CPUs, two of them the guest's. Without Fairlead the kernel is asked to leave two alone, which does not protect them."""
    options = ["--smp", str(CPUS), "--append", "iomem=relaxed"]
    options += ["--append", f"maxcpus={FEWER}"] if bare else ["--set", f"cpus={FEWER}"]
    return keep(keeper, "smp-fewer", options, bare, arch)


@pytest.mark.full_on("arm64")       # a boot of its own, for what is core's
def test_guest_has_the_cpus_that_it_is_given(fewer, bare):
    assert fewer.sh("nproc").output.strip() == str(FEWER)
    assert bare or any(re.search(rf"cpus: the guest gets {FEWER} of {CPUS}", line) for line in fewer.fairlead_lines())
    all_compute(fewer, FEWER)


@pytest.mark.x86
def test_parked_cpus_cannot_be_reached(fewer):
    """Every command, to each of them by its APIC ID and to everybody: from outside they are seen to stand where they stood."""
    before = state_of_cpus(fewer)
    for parked in range(FEWER, CPUS):
        result = attack(fewer, f"sweep {ALL_BUT_INIT}{INIT} {parked}")
        for what in ("fixed_lost", "fixed_doubled", "nmi_lost", "nmi_doubled"):
            assert result.number(what) == 0, what
        cannot_start(fewer, parked)
        fewer.sh(f"apicattack send {ICR_INIT:#x} {parked}; apicattack send {ICR_STARTUP | PAGE:#x} {parked}; "
                 f"apicattack send {ICR_STARTUP | PAGE:#x} {parked}")
    after = state_of_cpus(fewer)
    assert set(after) == set(range(CPUS))
    for parked in range(FEWER, CPUS):
        assert "HLT=1" in before[parked]
        assert after[parked] == before[parked], f"CPU {parked} has moved"
    all_compute(fewer, FEWER)


@pytest.mark.full     # a boot of its own; what becomes of such a CPU is the host's tests'
def test_cpu_that_does_not_come_up_is_left_out(keeper, bare, arch):
    if bare:
        pytest.skip("needs Fairlead's configuration")
    keeper.stop()
    options = ["--no-devices", "--smp", str(CPUS), "--append", "iomem=relaxed", "--append", "fl.net=0", "--set", "debug=lostcpu"]
    with start_machine("smp-lost", options, bare, arch) as guest:
        guest.wait_for_shell()
        assert any(re.search(rf"cpus: the CPU with (APIC ID|MPIDR 0x){CPUS - 1} does not come up", line) for line in guest.fairlead_lines())
        assert any(re.search(rf"cpus: the guest gets {CPUS - 1} of {CPUS}", line) for line in guest.fairlead_lines())
        assert guest.sh("nproc").output.strip() == str(CPUS - 1)
        all_compute(guest, CPUS - 1)
        if arch.name == "x86":
            cannot_start(guest, CPUS - 1)


# --- the monitor under load ------------------------------------------------------------------------------------------------


@pytest.fixture(name="debug_smp")
def _debug_smp(keeper, default_devices, bare, arch):
    """Four CPUs under the debug image, whose oracle and lock checker panic at a breach. The edu device may change hands without a
    reset."""
    options = default_devices + ["--smp", str(CPUS), "--set", "device 1234:11e8: reset=none"]
    return keep(keeper, "smp-debug", options, bare, arch, arch.debug_efi)


@pytest.mark.full_on("arm64")     # a machine of its own, for what is core/'s
@pytest.mark.full_on("arm64")       # a boot of its own, for what is core's and the drivers'
def test_devices_change_hands_under_a_storm(debug_smp):
    """All CPUs read and write the configuration space of a device, and of all of them, while it comes and goes."""
    guest = debug_smp
    seconds, times = 12, 5
    guest.sh(f"cfgstorm one {seconds} {guest.ecam():#x} {EDU} msi > /tmp/storm 2>&1 & echo $! > /tmp/pid; "
             "until grep -q started= /tmp/storm; do sleep 0.1; done")
    with guest.monitor() as monitor:
        for _ in range(times):
            assert monitor.finish(f"deassign {EDU}", 120)[-1].endswith(": done")
            assert monitor.finish(f"assign {EDU}", 120)[-1].endswith(": done")
        assert monitor.finish(f"deassign {NVME}", 120)[-1].endswith(": done")
        assert monitor.finish(f"assign {NVME}", 120)[-1].endswith(": done")
    guest.sh("while kill -0 $(cat /tmp/pid) 2> /dev/null; do sleep 0.1; done", 60 + seconds)
    result = guest.sh("cat /tmp/storm")
    storm_is_clean(result)
    assert result.number("absent") > 0, "it never went"
    all_compute(guest)


@pytest.mark.full_on("arm64")     # a machine of its own, for what is core/'s
@pytest.mark.full_on("arm64")
def test_memory_moves_with_the_oracle_looking(debug_smp):
    guest = debug_smp
    guest.sh(f"echo 1 > /sys/bus/pci/devices/0000:{EDU}/remove; echo 1 > /sys/bus/pci/rescan", 120)
    bar_moves(guest, 10)
    all_compute(guest)
