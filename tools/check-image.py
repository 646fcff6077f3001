#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check a linked image for what the linker and objcopy let pass in silence.

    tools/check-image.py FAIRLEAD.SO FAIRLEAD.EFI

1. Every relocation is R_X86_64_RELATIVE (or NONE, which asks for nothing): GNU-EFI's _relocate() applies no other kind, and says nothing.
2. The PE sections are page-aligned, follow each other without a hole and cover the whole image up to __image_end:
   what is missing there is memory that the firmware never gave us (.bss is the classic).
"""
import re
import struct
import subprocess
import sys

PAGE = 4096


def symbol(elf, name):
    for line in subprocess.check_output(["nm", elf], text=True).splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[2] == name:
            return int(fields[0], 16)
    sys.exit(f"{elf}: no symbol {name}")


def check_relocations(elf):
    listing = subprocess.check_output(["readelf", "-rW", elf], text=True)
    foreign = set(re.findall(r"\b(R_X86_64_\w+)", listing)) - {"R_X86_64_RELATIVE", "R_X86_64_NONE"}
    if foreign:
        sys.exit(f"{elf}: relocations that nobody applies: {', '.join(sorted(foreign))}")


def pe_sections(path):
    """Yields (name, address, size in memory) from the section headers (PE/COFF specification, section 4)."""
    data = open(path, "rb").read()
    pe = struct.unpack_from("<I", data, 0x3C)[0]
    count, optional_size = struct.unpack_from("<H12xH", data, pe + 6)
    for i in range(count):
        header = pe + 24 + optional_size + 40 * i
        name, size, address = struct.unpack_from("<8sII", data, header)
        yield name.rstrip(b"\0").decode(), address, size


def main():
    elf, efi = sys.argv[1:]
    check_relocations(elf)
    expected = PAGE
    for name, address, size in pe_sections(efi):
        if address != expected:
            sys.exit(f"{efi}: section {name} is at {address:#x}, expected {expected:#x}")
        expected = (address + size + PAGE - 1) // PAGE * PAGE
    end = symbol(elf, "__image_end")
    if expected != end:
        sys.exit(f"{efi}: sections end at {expected:#x}, the image at {end:#x}")


if __name__ == "__main__":
    main()
