# SPDX-License-Identifier: BSD-2-Clause
"""Configuration space as hardware behaves: both doors (memory, and x86's ports or the kernel's file), every width, missing functions,
sizing and moving a BAR."""
import pytest

from conftest import E1000E, EDU, NVME

COMMAND, STATUS, BAR0, ROM_BAR = 0x04, 0x06, 0x10, 0x30
MEMORY_DECODING = 2
EDU_BAR_SIZE = 0x100000
EDU_ID = 0x010000ED     # identification register of QEMU's edu


@pytest.fixture(name="base")
def _base(guest):
    return guest.ecam()


def read(guest, door, size, bdf, offset):
    return guest.sh(f"cfgspace {door} read {size} {bdf} {offset:#x}").number()


def write(guest, door, size, bdf, offset, value):
    guest.sh(f"cfgspace {door} write {size} {bdf} {offset:#x} {value:#x}")


@pytest.mark.parametrize("bdf", ["00:00.0", E1000E, NVME, None], ids=lambda bdf: bdf or "boot-disk")
def test_both_doors_show_the_same(guest, base, bdf):
    """The header and the IDs, dword by dword."""
    bdf = bdf or guest.arch.boot_disk[0]
    for offset in (0x00, 0x08, 0x0C, 0x10, 0x2C, 0x34, 0x3C):
        assert read(guest, guest.arch.door, 4, bdf, offset) == read(guest, f"ecam={base:#x}", 4, bdf, offset), hex(offset)


def test_narrow_reads_are_parts_of_the_dword(guest, base):
    for door in guest.arch.doors(base):
        whole = read(guest, door, 4, E1000E, 0x08)
        for size in (1, 2):
            for at in range(0, 4, size):
                assert read(guest, door, size, E1000E, 8 + at) == whole >> 8 * at & ((1 << 8 * size) - 1)


def test_unaligned_and_wide_reads_through_ecam(guest, base):
    """Accesses that straddle dwords give the bytes that stand there (arm64 lets none through to a device)."""
    door = f"ecam={base:#x}"
    whole = b"".join(read(guest, door, 4, E1000E, at).to_bytes(4, "little") for at in range(0, 32, 4))
    for size, offset in ((2, 1), (2, 3), (4, 1), (4, 2), (4, 7), (8, 0), (8, 8), (8, 3)):
        if offset % size and not guest.arch.unaligned:
            continue
        assert read(guest, door, size, E1000E, offset) == int.from_bytes(whole[offset:offset + size], "little"), \
            f"{size} bytes at {offset}"


def test_missing_functions_read_all_ones(guest, base):
    for bdf in ("00:1e.7", "00:02.1", "05:00.0", "ff:1f.7"):
        for door in guest.arch.doors(base):
            for size in (1, 2, 4):
                assert read(guest, door, size, bdf, 0) == (1 << 8 * size) - 1, (bdf, door, size)
            write(guest, door, 4, bdf, 0x10, 0)


def test_extended_space_of_a_conventional_device_reads_all_ones(guest, base):
    """edu is no PCI Express device: it has 256 bytes."""
    assert read(guest, f"ecam={base:#x}", 4, EDU, 0x100) == 0xFFFFFFFF


def test_identity_is_read_only(guest):
    door = guest.arch.door
    before = read(guest, door, 4, EDU, 0)
    write(guest, door, 4, EDU, 0, 0x12345678)
    assert read(guest, door, 4, EDU, 0) == before


def test_bar_sizing(guest, base):
    """All ones written give the size, and the address comes back when it is written again (PCI 3.0, 6.2.5.1). The
    device keeps decoding where it is meanwhile: what the guest writes is a shadow."""
    for door in guest.arch.doors(base):
        before = read(guest, door, 4, EDU, BAR0)
        command = read(guest, door, 2, EDU, COMMAND)
        write(guest, door, 2, EDU, COMMAND, command & ~MEMORY_DECODING)
        write(guest, door, 4, EDU, BAR0, 0xFFFFFFFF)
        assert (~read(guest, door, 4, EDU, BAR0) & 0xFFFFFFF0) + 0x10 == EDU_BAR_SIZE
        write(guest, door, 4, EDU, BAR0, before)
        write(guest, door, 2, EDU, COMMAND, command)
        assert read(guest, door, 4, EDU, BAR0) == before


def test_bar_moves_with_the_guest(guest):
    """Memory moves in the guest's view; the device's own register stays as firmware set it."""
    door = guest.arch.door
    outside = guest.ecam() + (5 << 15) + BAR0
    real = guest.qmp.memory32(outside)
    old = read(guest, door, 4, EDU, BAR0) & ~0xF
    new = guest.arch.elsewhere + (0x1000000 if old == guest.arch.elsewhere else 0)
    command = read(guest, door, 2, EDU, COMMAND)
    try:
        write(guest, door, 2, EDU, COMMAND, command & ~MEMORY_DECODING)
        assert guest.sh(f"physmem read 4 {old:#x}").number() == 0xFFFFFFFF, "still decodes"
        write(guest, door, 4, EDU, BAR0, new)
        write(guest, door, 2, EDU, COMMAND, command | MEMORY_DECODING)
        assert guest.sh(f"physmem read 4 {new:#x}").number() == EDU_ID
        assert guest.sh(f"physmem read 4 {old:#x}").number() == 0xFFFFFFFF
        assert guest.qmp.memory32(outside) == real
    finally:
        write(guest, door, 2, EDU, COMMAND, command & ~MEMORY_DECODING)
        write(guest, door, 4, EDU, BAR0, old)
        write(guest, door, 2, EDU, COMMAND, command | MEMORY_DECODING)
    assert guest.sh(f"physmem read 4 {old:#x}").number() == EDU_ID
    write(guest, door, 2, EDU, COMMAND, command)


def test_bar_cannot_cover_what_is_not_the_devices(guest):
    """A BAR moved onto Fairlead's memory, the IOMMU's registers or ECAM shows nothing of them and hides nothing. (ECAM may be where 32
    bits do not reach.)"""
    ecam, door = guest.ecam(), guest.arch.door
    registers = guest.arch.registers["base"]
    iommu = registers & ~(EDU_BAR_SIZE - 1)
    old = read(guest, door, 4, EDU, BAR0) & ~0xF
    command = read(guest, door, 2, EDU, COMMAND)
    fairlead = guest.memory_map("Fairlead")
    assert fairlead
    places = [place for place in (fairlead[0].start & ~(EDU_BAR_SIZE - 1), iommu, ecam) if place < 1 << 32]
    try:
        for place in places:
            write(guest, door, 2, EDU, COMMAND, command & ~MEMORY_DECODING)
            write(guest, door, 4, EDU, BAR0, place)
            write(guest, door, 2, EDU, COMMAND, command | MEMORY_DECODING)
            if place == ecam:
                assert read(guest, f"ecam={ecam:#x}", 4, "00:00.0", 0) == read(guest, door, 4, "00:00.0", 0)
            elif place == iommu:
                assert guest.sh(f"physmem read 4 {registers:#x}").number() == 0xFFFFFFFF
            else:
                assert guest.sh(f"physmem read 4 {fairlead[0].start:#x}").number() == 0xFFFFFFFF
    finally:
        write(guest, door, 2, EDU, COMMAND, command & ~MEMORY_DECODING)
        write(guest, door, 4, EDU, BAR0, old)
        write(guest, door, 2, EDU, COMMAND, command | MEMORY_DECODING)
    assert guest.sh(f"physmem read 4 {old:#x}").number() == EDU_ID
    write(guest, door, 2, EDU, COMMAND, command)


def test_status_bits_clear_by_writing_one(guest):
    """A write of 0 leaves the error bits; the read-only bits (capability list) stay whatever is written."""
    door = guest.arch.door
    before = read(guest, door, 2, E1000E, STATUS)
    write(guest, door, 2, E1000E, STATUS, 0)
    assert read(guest, door, 2, E1000E, STATUS) == before
    write(guest, door, 2, E1000E, STATUS, 0xFFFF)
    assert read(guest, door, 2, E1000E, STATUS) & 0x10


def test_capabilities_are_reachable(guest):
    """The list ends, and the e1000e's MSI-X and PCI Express capabilities are in it."""
    door = guest.arch.door
    found, at = [], read(guest, door, 1, E1000E, 0x34)
    while at and len(found) < 48:
        header = read(guest, door, 2, E1000E, at)
        found.append(header & 0xFF)
        at = header >> 8
    assert at == 0
    assert {0x10, 0x11} <= set(found)


def test_rom_bar_does_not_reach_fairlead(guest):
    """A device without a ROM has no ROM BAR to write."""
    door = guest.arch.door
    before = read(guest, door, 4, EDU, ROM_BAR)
    write(guest, door, 4, EDU, ROM_BAR, 0xFFFFFFFF)
    assert read(guest, door, 4, EDU, ROM_BAR) == before
