# SPDX-License-Identifier: BSD-2-Clause
"""A storm of accesses that make no sense. The guest's drivers may suffer; Fairlead and what it guards must not."""
import pytest

from fairlead_memory import code_and_constants
from test_memory import ABOVE_RAM, iommu_state
from test_platform import CHIPSET, PM1_CONTROL, SLEEP_ENABLE, bdf_offset, still_runs

SEED = 20260101
COUNT = 3000


@pytest.fixture(name="guarded")
def _guarded(guest):
    """What must be the same before and after, as a function to call at each moment."""
    base = guest.ecam()
    chipset = CHIPSET if guest.arch.name == "x86" else []

    def look():
        return ([guest.qmp.memory32(base + bdf_offset(bdf, offset)) for bdf, offset, _ in chipset], iommu_state(guest),
                code_and_constants(guest))
    return look


KINDS = pytest.mark.parametrize("kind", ["garbage mmio", pytest.param("portgarbage", marks=pytest.mark.x86), "garbage door", "garbage ecam"])


@KINDS
def test_fairlead_survives_garbage(guest, guarded, kind):
    before = guarded()
    arguments = {"garbage mmio": f" {ABOVE_RAM:#x} {ABOVE_RAM + 0x1000000:#x}", "garbage ecam": f" {guest.ecam():#x}"}.get(kind, "")
    since = guest.mark()
    values = guest.sh(f"{kind} {SEED} {COUNT}{arguments}", 300).values
    assert int(values["writes"]) > COUNT // 4
    still_runs(guest)
    assert guarded() == before
    assert not [line for line in guest.fairlead_lines(since) if line.startswith("panic")]
    vendor, device = guest.arch.host_bridge.split(":")
    assert guest.sh(f"cfgspace {guest.arch.door} read 4 00:00.0 0").number() == int(device + vendor, 16)


@pytest.mark.x86
def test_garbage_did_not_stop_power_off(guest):
    """The last act of this machine. By the register itself: the guest's drivers, whose devices the storm has rearranged,
    could hold up an orderly shutdown."""
    guest.type(f"portio out 2 {PM1_CONTROL:#x} {SLEEP_ENABLE:#x}\r")     # sleep type 0 is S5 in QEMU's DSDT
    assert guest.wait_for_end(60) == 0
