#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check a linked image for what the linker and objcopy let pass in silence.

    tools/check-image.py FAIRLEAD.SO FAIRLEAD.EFI

1. Every relocation is a RELATIVE one (or NONE, which asks for nothing): GNU-EFI's _relocate() applies no other kind, and says
   nothing.
2. The PE sections are page-aligned, follow each other without a hole and cover the whole image up to __image_end, and the file
   holds what they say it does: what is missing there is memory that the firmware never gave us (.bss is the classic). On arm64
   the headers are those of GNU-EFI's crt0, and objcopy leaves out what comes last in the image if it is all zero.
"""
import re
import struct
import subprocess
import sys

PAGE = 4096
SIZE_OF_IMAGE = 56      # offset in the optional header


def readelf(option, elf):
    return subprocess.check_output(["readelf", option, elf], text=True)


def symbol(elf, name):
    for line in readelf("-sW", elf).splitlines():
        fields = line.split()
        if len(fields) == 8 and fields[7] == name:
            return int(fields[1], 16)
    sys.exit(f"{elf}: no symbol {name}")


def check_relocations(elf):
    kinds = set(re.findall(r"\b(R_(?:X86_64|AARCH64)_\w+)", readelf("-rW", elf)))
    foreign = sorted(kind for kind in kinds if not re.fullmatch(r"R_(X86_64|AARCH64)_(RELATIVE|NONE)", kind))
    if not kinds:
        sys.exit(f"{elf}: no relocation at all: an image that is linked for one address")
    if foreign:
        sys.exit(f"{elf}: relocations that nobody applies: {', '.join(foreign)}")


def pe_image(data):
    """(size of the image, [(name, address, size in memory, size in the file, place in the file)]) from the headers (PE/COFF
    specification, sections 3 and 4)."""
    pe = struct.unpack_from("<I", data, 0x3C)[0]
    count, optional_size = struct.unpack_from("<H12xH", data, pe + 6)
    sections = []
    for i in range(count):
        header = pe + 24 + optional_size + 40 * i
        name, size, address, raw_size, raw = struct.unpack_from("<8sIIII", data, header)
        sections.append((name.rstrip(b"\0").decode(), address, size, raw_size, raw))
    return struct.unpack_from("<I", data, pe + 24 + SIZE_OF_IMAGE)[0], sections


def main():
    elf, efi = sys.argv[1:]
    check_relocations(elf)
    with open(efi, "rb") as file:
        data = file.read()
    image_size, sections = pe_image(data)
    expected = PAGE
    for name, address, size, raw_size, raw in sections:
        if address != expected:
            sys.exit(f"{efi}: section {name} is at {address:#x}, expected {expected:#x}")
        if raw + raw_size > len(data):
            sys.exit(f"{efi}: section {name} ends at {raw + raw_size:#x} in a file of {len(data):#x} bytes")
        expected = (address + size + PAGE - 1) // PAGE * PAGE
    end = symbol(elf, "__image_end")
    if expected != end:
        sys.exit(f"{efi}: sections end at {expected:#x}, the image at {end:#x}")
    if image_size < end:
        sys.exit(f"{efi}: the firmware is asked for {image_size:#x} bytes, the image has {end:#x}")


if __name__ == "__main__":
    main()
