# SPDX-License-Identifier: BSD-2-Clause
"""Fairlead's own memory, looked at from outside, before and after an attack on it.

Counters, stacks and log buffers in it change all the time. So two things are asked: the pattern that the attack writes is
nowhere, and the code and constants of the image, found by their bytes in fairlead.efi, are the same bit by bit.
"""
import os
import struct

from machine import ROOT

IMAGE = os.path.join(ROOT, "build", "x86", "fairlead.efi")


def snapshot(guest, ranges):
    """{start: bytes} of each range."""
    return {r.start: guest.qmp.memory(r.start, r.end - r.start) for r in ranges}


def sections(path=IMAGE):
    """{name: (address relative to the image, bytes)} of a PE file (Microsoft PE format, section table)."""
    with open(path, "rb") as file:
        data = file.read()
    header = struct.unpack_from("<I", data, 0x3C)[0]
    assert data[header:header + 4] == b"PE\0\0", f"{path} is not a PE file"
    count, = struct.unpack_from("<H", data, header + 6)
    optional, = struct.unpack_from("<H", data, header + 20)
    found = {}
    for i in range(count):
        entry = header + 24 + optional + 40 * i
        name = data[entry:entry + 8].rstrip(b"\0").decode()
        virtual_size, address, raw_size, raw = struct.unpack_from("<IIII", data, entry + 8)
        found[name] = (address, data[raw:raw + min(virtual_size, raw_size)])
    return found


def locate(memory, needle):
    """The physical address of these bytes in a snapshot."""
    for start, data in memory.items():
        offset = data.find(needle)
        if offset >= 0:
            return start + offset
    return None


def part(memory, address, size):
    for start, data in memory.items():
        if start <= address and address + size <= start + len(data):
            return data[address - start:address - start + size]
    raise AssertionError(f"{address:#x} + {size:#x} is not in Fairlead's memory")


def assert_intact(before, after, pattern):
    """The pattern is nowhere, and the image's code and constants are what they were."""
    for start, data in after.items():
        offset = data.find(pattern)
        assert offset < 0, f"the attack's bytes stand at {start + offset:#x}, in Fairlead's memory"
    image = sections()
    text_offset, text = image[".text"]
    text_at = locate(before, text)
    assert text_at is not None, "the code of fairlead.efi is not where Fairlead says that its memory is"
    for name in (".text", ".rodata"):
        offset, content = image[name]
        address = text_at - text_offset + offset
        assert part(after, address, len(content)) == part(before, address, len(content)), f"{name} has changed"
