# SPDX-License-Identifier: BSD-2-Clause
"""What Linux finds of PSCI, and CPUs that go off and come back while disk and network use them."""
import re

import pytest

from conftest import CPUS
from test_guest import interface_of, with_address
from test_smp import CleanLog, all_compute, by_cpu

pytestmark = pytest.mark.arm64

LOAD_S = 240
ANSWERED = "ping -c 2 -W 10 10.0.2.2 > /dev/null || exit 9"
ONLINE = "/sys/devices/system/cpu/cpu"


def test_firmware_interface_is_psci_by_hvc(smp):
    log = smp.sh("dmesg | grep psci:").output
    assert re.search(r"psci: PSCIv1\.\d detected in firmware", log), log
    assert "psci: Using standard PSCI v0.2 function IDs" in log
    assert smp.sh("tr '\\0' '\\n' < /proc/device-tree/psci/method").output.strip() == "hvc"
    assert smp.sh("for c in /proc/device-tree/cpus/cpu@*; do cat $c/enable-method; echo; done").output.count("psci") == CPUS


@pytest.mark.full     # fails: docs/design/limits.md, "CPUs that go off and on under load"
@pytest.mark.parametrize("rounds", [3, 20])
def test_cpus_go_off_and_on_under_load(smp, rounds):
    """Disk and network go on all the while, with the card's interrupts on the very CPU that leaves: it hands them on. Nothing is lost, and
    the kernel complains of nothing."""
    card = interface_of(smp, "e1000e")
    with_address(smp, "e1000e")
    irqs = smp.sh(f"awk -F: '/{card}/ {{ print $1 + 0 }}' /proc/interrupts").output.split()
    lists = " ".join(f"/proc/irq/{irq}/smp_affinity_list" for irq in irqs)
    before = by_cpu(smp, card)
    smp.sh("rm -f /tmp/off-on.*; for i in 1 2; do (while [ ! -e /tmp/off-on.stop ]; do "
           "dd if=/dev/nvme0n1 of=/dev/null bs=64k count=32 iflag=direct 2> /dev/null || echo failed; done; echo disk ended) "
           "> /tmp/off-on.$i 2>&1 & done; ping -i 0.1 10.0.2.2 > /tmp/off-on.ping 2>&1 & echo $! > /tmp/off-on.pid")
    with CleanLog(smp):
        for _ in range(rounds):
            for cpu in range(1, CPUS):
                smp.sh(f"for f in {lists}; do echo {cpu} > $f || exit 1; done; {ANSWERED}; "
                       f"echo 0 > {ONLINE}{cpu}/online || exit 2; [ $(nproc) = {CPUS - 1} ] || exit 3; {ANSWERED}; "
                       f"echo 1 > {ONLINE}{cpu}/online || exit 4; [ $(nproc) = {CPUS} ]", LOAD_S)
        smp.sh("touch /tmp/off-on.stop; kill -INT $(cat /tmp/off-on.pid); for i in $(seq 100); do "
               "[ $(cat /tmp/off-on.[12] | grep -c 'disk ended') = 2 ] && grep -q received /tmp/off-on.ping && exit; "
               "sleep 0.1; done; false")
    assert "failed" not in smp.sh("cat /tmp/off-on.1 /tmp/off-on.2").output
    sent, received = re.search(r"(\d+) packets transmitted, (\d+) packets received", smp.sh("cat /tmp/off-on.ping").output).groups()
    assert int(sent) > 0 and int(sent) - int(received) <= 1     # the last one's answer may be on its way
    after = by_cpu(smp, card)
    assert all(after[cpu] > before[cpu] for cpu in range(1, CPUS)), (before, after)
    smp.sh(f"for f in {lists}; do echo 0-{CPUS - 1} > $f; done")
    all_compute(smp)
