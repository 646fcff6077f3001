# SPDX-License-Identifier: BSD-2-Clause
"""The end of a machine with several CPUs, each time from the last CPU and with all of them at work."""
import re

import pytest

from conftest import CPUS
from test_guest import with_address
from test_power import _guest_files     # the fixture "guest_files"
from test_smp import X2APIC, all_compute

ON_EACH = pytest.mark.parametrize("smp", ["x2apic", "arm64", "xapic"], indirect=True)

BUSY = "for i in $(seq 8); do (while :; do :; done) > /dev/null 2>&1 & done"
LAST = f"taskset {1 << (CPUS - 1):x}"


def is_back(guest):
    guest.wait_for_shell()
    assert f"Brought up 1 node, {CPUS} CPUs" in guest.sh("dmesg").output
    all_compute(guest)
    with_address(guest, "e1000e")
    guest.sh("ping -c 3 -W 10 10.0.2.2", 90)


@pytest.mark.full_on("x2apic", "arm64")     # test_power.py has it on one CPU
@ON_EACH
def test_kexec(smp, bare, guest_files):
    with_address(smp, "e1000e")
    smp.sh(f"cd /tmp && for f in vmlinuz initrd.gz; do wget -q http://10.0.2.2:{guest_files}/$f || exit 1; done", 120)
    smp.sh(BUSY)
    since = smp.mark()
    smp.type(f"{LAST} kexec /tmp/vmlinuz /tmp/initrd.gz\r")
    is_back(smp)
    assert bare or not [line for line in smp.fairlead_lines(since) if line.startswith("memory: ")], "not a kexec"


def reboot(smp, bare):
    smp.sh(BUSY)
    since = smp.mark()
    smp.type(f"{LAST} busybox reboot -f\r")
    is_back(smp)
    assert bare or [line for line in smp.fairlead_lines(since) if re.match("resetting the machine: (the )?guest", line)]


@pytest.mark.full_on("x2apic", "arm64")     # test_power.py has it on one CPU
@ON_EACH
def test_reboot(smp, bare):
    reboot(smp, bare)


@X2APIC
@pytest.mark.full
def test_triple_fault_of_one_cpu(smp, bare):
    smp.sh("echo triple > /sys/kernel/reboot/type; echo 1 > /sys/kernel/reboot/force")
    reboot(smp, bare)


def test_power_off(smp):
    smp.sh(BUSY)
    smp.type(f"{LAST} busybox poweroff -f\r")
    assert smp.wait_for_end(60) == 0
