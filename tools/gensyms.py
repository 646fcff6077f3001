#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Turn the output of `nm -n` (standard input) into the C table that core/ksyms.h declares (standard output).

Only functions are kept (nm's types t, T and W). Where several names share an address, a global one wins, then the
first in the alphabet, so that the same image always gives the same table.
"""
import sys


def read_functions(lines):
    functions = {}
    for line in lines:
        fields = line.split()
        if len(fields) != 3 or fields[1] not in "tTW":
            continue
        offset, kind, name = int(fields[0], 16), fields[1], fields[2]
        if name in ("ImageBase", "__image_start", "__text_start", "__text_end"):    # of the linker script
            continue
        rank = (kind == "t", name)
        if offset not in functions or rank < functions[offset]:
            functions[offset] = rank
    return [(offset, functions[offset][1]) for offset in sorted(functions)]


def main():
    functions = read_functions(sys.stdin)
    print("/* Made by tools/gensyms.py; do not edit. */")
    print('#include "core/ksyms.h"')
    print(f"const u32 ksyms_count = {len(functions)};")
    print("const struct ksym ksyms[] = {")
    position = 0
    for offset, name in functions:
        print(f"\t{{ {offset:#x}, {position} }}, /* {name} */")
        position += len(name) + 1
    if not functions:
        print("\t{ 0, 0 },")
    print("};")
    print("const char ksym_names[] =")
    for _, name in functions:
        print(f'\t"{name}\\0"')
    print('\t"";')


if __name__ == "__main__":
    main()
