# SPDX-License-Identifier: BSD-2-Clause
"""`lspci -vv` in the guest, without Fairlead and under it: every line that differs is explained in docs/differences.md.

An entry of the architecture's table there is: which functions, which lines (regular expressions), why. A line that differs must match an
entry, and every entry must have been needed, so that the list stays true.
"""
import difflib
import os
import re

from conftest import keep
from machine import ROOT

DIFFERENCES = os.path.join(ROOT, "docs", "differences.md")
ROW = re.compile(r"^\| *`(.+?)` *\| *`(.+)` *\| *(\S.*?) *\|$")


def explained(arch):
    """[(function, line)] of the rows below the architecture's heading. In a table a | is written \\|."""
    with open(DIFFERENCES, encoding="utf-8") as file:
        part = re.search(rf"(?ms)^## {arch.name}$(.*?)(?=^## |\Z)", file.read()).group(1)
    rows = []
    for text in part.splitlines():
        found = ROW.match(text.strip())
        if found:
            rows.append(tuple(re.compile(regex.replace("\\|", "|")) for regex in found.group(1, 2)))
    assert rows or "No line differs" in part
    return rows


def functions(text):
    """{function: its lines} of the output of lspci -vv."""
    result = {}
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = [line.rstrip() for line in block.splitlines()]
        result[lines[0].split()[0]] = lines
    return result


def lspci(machine):
    """Once the drivers have settled: each network interface has its address."""
    machine.sh("for i in $(seq 200); do [ $(ls /run/net | grep -vc log) = 2 ] && break; sleep 0.1; done")
    return functions(machine.sh("lspci -vv 2>/dev/null").output)


def differences(ours, theirs):
    """(function, line) for each line that only one side has; a function that one side lacks is one such line."""
    for bdf in sorted(ours.keys() | theirs.keys()):
        if bdf not in ours or bdf not in theirs:
            yield bdf, f"whole function, {'missing' if bdf not in ours else 'only'} under Fairlead"
            continue
        for line in difflib.ndiff(theirs[bdf], ours[bdf]):
            if line[0] in "+-":
                yield bdf, line[0] + line[1:].strip()


def test_every_difference_is_explained(guest, keeper, default_devices, arch):
    # The guest is as it booted: this module runs before those that poke at devices.
    under = lspci(guest)
    keeper.stop()
    bare = lspci(keep(keeper, "default-bare", default_devices, True, arch))
    keeper.stop()
    assert len(bare) >= 6

    rows, used, unexplained = explained(arch), set(), []
    for bdf, line in differences(under, bare):
        matching = [row for row in rows if row[0].search(bdf) and row[1].search(line)]
        used.update(matching)
        if not matching:
            unexplained.append(f"{bdf} {line}")
    assert not unexplained, "not in docs/differences.md:\n" + "\n".join(unexplained)
    assert used == set(rows), f"entries that no line needs: {[(a.pattern, b.pattern) for a, b in set(rows) - used]}"


def test_an_unexplained_difference_would_be_found():
    """The comparison can fail: a changed, a missing and an added line, and a missing function."""
    bare = functions("00:01.0 Thing\n\tControl: A+\n\tStatus: B\n\n00:02.0 Other\n\tControl: A+\n")
    ours = functions("00:01.0 Thing\n\tControl: A-\n\tExtra: C\n")
    assert sorted(differences(ours, bare)) == [
        ("00:01.0", "+Control: A-"), ("00:01.0", "+Extra: C"), ("00:01.0", "-Control: A+"), ("00:01.0", "-Status: B"),
        ("00:02.0", "whole function, missing under Fairlead")]
