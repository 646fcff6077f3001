# SPDX-License-Identifier: BSD-2-Clause
"""The guest's CPU and memory that is not the guest's: reads give all-ones, writes change nothing.

Fairlead logs the first pages only: the test that looks for the line comes first.
"""
import struct

import pytest

from fairlead_memory import code_and_constants, snapshot

MIB = 1024 * 1024
PAGE = 4096
SCRIBBLE = 0x5C21BB1E5C21BB1E
ABOVE_RAM = 0x800000000         # 32 GiB: no machine here has memory there


def fairlead_ranges(guest):
    ranges = guest.memory_map("Fairlead")
    assert ranges, "Fairlead has not said where its memory is"
    return ranges


def iommu_state(guest):
    """The IOMMU's status and the address of its table, from outside."""
    arch = guest.arch
    return guest.qmp.memory32(arch.register("status")), guest.qmp.memory(arch.register("table"), 8)


def test_unowned_access_is_logged_once_a_page(guest):
    page = ABOVE_RAM + 0x7000
    since = guest.mark()
    for offset in (0, 8, 16):
        guest.sh(f"physmem read 4 {page + offset:#x}")
        guest.sh(f"physmem write 4 {page + offset:#x} 1")
    guest.sh("true")
    lines = [line for line in guest.fairlead_lines(since) if "unowned" in line]
    assert lines, "nothing was logged"
    assert len(lines) == len(set(lines)) <= 2, lines
    assert all(int(line.split("0x")[1].split()[0], 16) & ~0xFFF == page for line in lines), lines


def test_reading_fairlead_memory_gives_all_ones(guest):
    """The first word of every page."""
    for r in fairlead_ranges(guest):
        values = guest.sh(f"physmem scan {r.start:#x} {r.end:#x}", 180).values
        assert int(values["pages"]) == (r.end - r.start) // 4096
        assert int(values["other"]) == 0, f"{r}: readable at {values['first_other']}"


def test_writing_fairlead_memory_changes_nothing(guest):
    """A write to every page, to its first word, compared from outside. Elsewhere the value may stand: it passes through Fairlead's
    stack while the write is dropped."""
    ranges = fairlead_ranges(guest)
    before = code_and_constants(guest)
    for r in ranges:
        guest.sh(f"physmem scribble {r.start:#x} {r.end:#x} {SCRIBBLE:#x}", 180)
    assert code_and_constants(guest) == before
    pattern = struct.pack("<Q", SCRIBBLE)
    for start, data in snapshot(guest, ranges).items():
        written = [start + at for at in range(0, len(data), PAGE) if data[at:at + len(pattern)] == pattern]
        assert not written, [hex(address) for address in written[:4]]


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_unowned_reads_give_all_ones_of_each_size(guest, size):
    for address in (ABOVE_RAM, ABOVE_RAM + 3, ABOVE_RAM + 0xFFF):   # the last one crosses into the next page
        if address % size and not guest.arch.unaligned:
            continue
        assert guest.sh(f"physmem read {size} {address:#x}").number() == (1 << 8 * size) - 1


def test_iommu_registers_are_out_of_reach(guest):
    """All-ones to the guest; and a write that would switch translation off does not arrive."""
    arch = guest.arch
    before = iommu_state(guest)
    assert before[0] & arch.enabled(), "DMA translation is not on"
    for address in (arch.registers["base"], arch.registers["base"] + 8, arch.register("status"), arch.register("table")):
        assert guest.sh(f"physmem read 4 {address:#x}").number() == 0xFFFFFFFF
    guest.sh(f"physmem write 4 {arch.register('control'):#x} 0")
    guest.sh(f"physmem write 8 {arch.register('table'):#x} 0")
    assert iommu_state(guest) == before


def test_memory_map_accounts_for_all_ram(guest):
    """The ranges ascend without overlap, and what is not Fairlead's or firmware's is the guest's."""
    ranges = guest.memory_map()
    assert all(a.end <= b.start for a, b in zip(ranges, ranges[1:]))
    ram = sum(r.end - r.start for r in ranges if r.kind == "RAM")
    total = int(guest.sh("awk '/MemTotal/ { print $2 }' /proc/meminfo").output) * 1024
    assert 0.9 * ram < total <= ram
    assert sum(r.end - r.start for r in ranges if r.kind == "Fairlead") < 256 * MIB
    iomem = guest.sh("grep 'System RAM' /proc/iomem").output
    for line in iomem.splitlines():
        start, end = (int(text, 16) for text in line.split()[0].split("-"))
        for r in fairlead_ranges(guest):
            assert end < r.start or start >= r.end, f"{line} is Fairlead's, and the guest's kernel takes it for RAM"
