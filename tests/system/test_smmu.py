# SPDX-License-Identifier: BSD-2-Clause
"""What only SMMUv3 and the GIC have: faults faster than they can be recorded, the doorbell, registers of the interrupt controller."""
import re

import pytest

from test_dma import STEP
from test_memory import ABOVE_RAM, iommu_state
from test_platform import still_runs

pytestmark = pytest.mark.arm64

TRANSFERS = 20              # of a page each, both ways: 1024 events of 4 bytes, many times what the queue holds
# QEMU's virt: its memory map
DISTRIBUTOR, ITS, DOORBELL_PAGE, REDISTRIBUTOR = 0x08000000, 0x08080000, 0x08090000, 0x080A0000
COMMAND_QUEUE = ITS + 0x80      # GITS_CBASER (IHI 0069, 12.19)
DOORBELL = DOORBELL_PAGE + 0x40


def overflows(guest, since):
    """How often Fairlead says it lost records; it says so at 1, 2, 4, 8... times."""
    said = [re.search(r"SMMUv3 unit 0: more faults than it can record \((\d+) times", line) for line in guest.fairlead_lines(since)]
    return max((int(found.group(1)) for found in said if found), default=0)


def test_more_faults_than_can_be_recorded(guest):
    """Each transfer brings more events at once than the queue has room for. Records are lost and that is said; afterwards faults are
    reported as before, DMA works, and the guest runs."""
    since = guest.mark()
    guest.sh(f"edudma range {ABOVE_RAM:#x} {ABOVE_RAM + TRANSFERS * STEP:#x} {STEP:#x}", 60 + 2 * TRANSFERS)
    guest.sh("true")
    assert overflows(guest, since) >= 4
    assert guest.sh("edudma self").values["self"] == "ok"
    with guest.monitor() as monitor:
        said = "\n".join(monitor.command("stats"))
    assert int(re.search(r"SMMUv3\): (\d+) faults", said).group(1)) > TRANSFERS
    still_runs(guest)
    guest.sh("ping -c 3 -W 10 10.0.2.2")


@pytest.mark.parametrize("address", [DISTRIBUTOR, ITS, REDISTRIBUTOR], ids=hex)
def test_devices_do_not_reach_the_interrupt_controller(guest, address):
    before = guest.qmp.memory(address, 4096)
    guest.sh(f"edudma to {address:#x}")
    assert guest.qmp.memory(address, 4096) == before
    still_runs(guest)
    guest.sh("ping -c 3 -W 10 10.0.2.2")
    assert iommu_state(guest)[0] & guest.arch.enabled()


def test_messages_that_nobody_was_given(guest):
    """The doorbell is open to every device, each for its own events: a page of nonsense written there raises nothing."""
    guest.sh(f"edudma to {DOORBELL_PAGE:#x}")
    still_runs(guest)
    log = guest.sh("dmesg | tail -n 20").output
    assert "unexpected" not in log.lower() and "spurious" not in log.lower(), log
    guest.sh("ping -c 3 -W 10 10.0.2.2; ping -c 3 -W 10 10.0.3.2; dd if=/dev/nvme0n1 of=/dev/null bs=64k count=4 iflag=direct")


def test_guest_does_not_reach_the_its(guest):
    """Where its registers are, the guest finds the emulated frame, and where its doorbell is, nothing; writes do not arrive."""
    command_queue = guest.qmp.memory(COMMAND_QUEUE, 8)
    assert command_queue != bytes(8), "Fairlead has given the ITS no command queue"
    assert guest.sh(f"physmem read 8 {COMMAND_QUEUE:#x}").number() != int.from_bytes(command_queue, "little")
    assert guest.sh(f"physmem read 4 {DOORBELL:#x}").number() == 0xFFFFFFFF
    for size, address in ((8, COMMAND_QUEUE), (4, ITS), (4, DOORBELL)):
        guest.sh(f"physmem write {size} {address:#x} 0")
    assert guest.qmp.memory(COMMAND_QUEUE, 8) == command_queue
    guest.sh("ping -c 1 -W 10 10.0.2.2")
