# SPDX-License-Identifier: BSD-2-Clause
"""A device told to read and write memory that is not the guest's. `edu` does what it is told.

Fairlead logs the first faults of a device and then only a few: the tests that look for a line come first, with a word each (SMMUv3 has
a fault for each).
"""
import pytest

from conftest import EDU
from fairlead_memory import assert_absent, code_and_constants, snapshot
from pattern import edu_page
from test_memory import ABOVE_RAM, fairlead_ranges, iommu_state

STEP = 2 * 1024 * 1024
SEED = 0xED0
ATTEMPTS = 5
WORD = 4
SECONDS_A_STEP = 2      # four transfers of 100 ms, with room


def fault(verb, address):
    return rf"^(warning: )?iommu: DMA {verb} by 0000:{EDU} \w+ 0x0*{address:x} blocked"


def targets(guest):
    first = fairlead_ranges(guest)[0]
    return {"fairlead": first.start, "iommu-registers": guest.arch.registers["base"], "unowned": ABOVE_RAM}


@pytest.fixture(autouse=True, name="working_dma")
def _working_dma(guest):
    """In this very boot the device reaches a page of the guest's: what is blocked below is not simply broken."""
    assert guest.sh("edudma self").values["self"] == "ok"


def test_edu_reaches_the_guests_own_page(guest):
    values = guest.sh("edudma self").values
    assert values["device"] == f"0000:{EDU}"
    address = int(values["page"], 16)
    assert any(r.start <= address < r.end for r in guest.memory_map("RAM"))


@pytest.mark.parametrize("where", ["fairlead", "iommu-registers", "unowned"])
def test_blocked_write_is_logged(guest, where):
    """The line names the device and the address."""
    address = targets(guest)[where]
    since = guest.mark()
    guest.sh(f"edudma to {address:#x} {WORD}")
    guest.wait_for_fairlead(fault("write", address), since)


@pytest.mark.parametrize("where", ["fairlead", "iommu-registers", "unowned"])
def test_blocked_read_is_logged_and_gives_nothing(guest, where):
    address = targets(guest)[where]
    since = guest.mark()
    assert guest.sh(f"edudma from {address:#x} {WORD}").values["from"] != "other", "something of that memory has arrived"
    guest.wait_for_fairlead(fault("read", address), since)


def test_all_of_fairlead_memory_is_safe_from_dma(guest):
    """Every 2 MiB of it and the last page, written and read; compared from outside."""
    ranges = fairlead_ranges(guest)
    before = code_and_constants(guest)
    for r in ranges:
        steps = (r.end - r.start + STEP - 1) // STEP
        values = guest.sh(f"edudma -s {SEED} range {r.start:#x} {r.end:#x} {STEP:#x}", 60 + SECONDS_A_STEP * steps).values
        assert int(values["addresses"]) == steps
        assert int(values["other"]) == 0, f"{r}: DMA has read what is at {values['other_at']}"
        guest.sh(f"edudma -s {SEED} to {r.end - 4096:#x}")
    assert code_and_constants(guest) == before
    assert_absent(edu_page(SEED)[:16], snapshot(guest, ranges))


def test_the_pattern_would_be_found(guest):
    """The search above can fail: it finds the same pattern around a page that the device may write. The program has ended
    when memory is looked at, so its page may be another's by then: once in a few attempts it has to be found."""
    for attempt in range(1, ATTEMPTS + 1):
        address = int(guest.sh(f"edudma -s {SEED + attempt} self").values["page"], 16)
        start = address & ~(STEP - 1)
        try:
            assert_absent(edu_page(SEED + attempt)[:16], {start: guest.qmp.memory(start, STEP)})
        except AssertionError as found:
            assert f"stand at {address:#x}" in str(found)
            return
    pytest.fail(f"not found in {ATTEMPTS} attempts")


def test_iommu_registers_are_safe_from_dma(guest):
    before = iommu_state(guest)
    guest.sh(f"edudma -s {SEED} to {guest.arch.registers['base']:#x}")
    assert iommu_state(guest) == before


def test_firmware_memory_is_safe_from_dma(guest):
    """What the CPU may read because ACPI needs it is still not a device's: the tables themselves."""
    reserved = [r for r in guest.memory_map() if r.kind not in ("RAM", "Fairlead", "unusable")]
    assert reserved
    for r in reserved[:4]:
        before = guest.qmp.memory(r.start, 4096)
        guest.sh(f"edudma -s {SEED} to {r.start:#x}")
        assert edu_page(SEED)[:16] not in guest.qmp.memory(r.start, 4096), r
        assert guest.qmp.memory(r.start, 4096) == before, r


@pytest.mark.full_on("arm64")     # the limit is drivers/iommu's
def test_fault_lines_are_limited(guest):
    """A device that faults without end does not fill the console."""
    since = guest.mark()
    guest.sh(f"edudma range {ABOVE_RAM:#x} {ABOVE_RAM + 40 * STEP:#x} {STEP:#x}", 60 + SECONDS_A_STEP * 40)
    guest.sh("true")
    lines = [line for line in guest.fairlead_lines(since) if "DMA" in line]
    assert len(lines) < 40, lines
