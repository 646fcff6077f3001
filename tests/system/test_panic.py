# SPDX-License-Identifier: BSD-2-Clause
"""A bug of Fairlead's own ends in a dump with names, a record that survives the reset, and a machine that starts over."""
import pytest

from machine import Machine


def boots_twice(name, mode):
    """Fairlead panics in each boot; the second one shows what the first one left."""
    machine = Machine(name, "--no-devices", "--panic-reboots", "--set", f"debug={mode}")
    with machine:
        machine.expect(r"fairlead: panic: ", 240)
        machine.expect(r"resetting the machine: panic", 60)
        machine.expect(r"the previous run ended in a panic:", 240)
        machine.expect(r"previous: panic: [^\r\n]*\r?\n", 60)
    return machine.fairlead_lines()


@pytest.mark.parametrize("mode, vector, function", [
    ("crash", 14, "write_to_rodata"),
    pytest.param("overflow", 8, "recurse", marks=pytest.mark.full)])
def test_panic_is_dumped_recorded_and_shown_by_the_next_boot(keeper, mode, vector, function):
    keeper.stop()
    lines = boots_twice(f"panic-{mode}", mode)
    first = next(n for n, line in enumerate(lines) if line.startswith("panic: "))
    dump = "\n".join(lines[:first])
    assert f"exception {vector} " in dump
    assert f"{function}+0x" in dump
    shown = "\n".join(line for line in lines if "previous:" in line)
    assert f"{function}+0x" in shown and f"panic: exception {vector}" in shown
