# SPDX-License-Identifier: BSD-2-Clause
"""NMIs that are not Fairlead's reach the guest, and Fairlead's own go on working among them."""
import re

import pytest

pytestmark = pytest.mark.x86

NMIS = 5


def nmi_count(guest):
    return int(re.search(r"NMI:\s+(\d+)", guest.sh("cat /proc/interrupts").output).group(1))


def test_nmis_from_outside_reach_the_guest(guest):
    before = nmi_count(guest)
    for n in range(1, NMIS + 1):
        guest.qmp.command("inject-nmi")
        guest.sh(f"for i in $(seq 100); do [ $(awk '/NMI:/ {{ print $2 }}' /proc/interrupts) -ge {before + n} ] && exit; "
                 "sleep 0.1; done; false", 60)
    assert nmi_count(guest) == before + NMIS


def test_faults_are_told_from_the_guests_nmis(guest, bare):
    """A blocked DMA is reported by an NMI of Fairlead's own: the guest must not see one."""
    before, since = nmi_count(guest), guest.mark()
    guest.run("edudma to 0xfed90000")
    if not bare:
        guest.wait_for_fairlead(r"iommu: DMA write by 0000:00:05.0 to 0xfed90000 blocked", since)
    assert nmi_count(guest) == before
