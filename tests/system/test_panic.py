# SPDX-License-Identifier: BSD-2-Clause
"""A bug of Fairlead's own ends in a dump with names, a record that survives the reset, and a machine that starts over."""
import pytest

from machine import Machine


def boots_twice(name, mode, arch):
    """Fairlead panics in each boot; the second one shows what the first one left."""
    machine = Machine(name, "--no-devices", "--panic-reboots", "--set", f"debug={mode}", arch=arch)
    with machine:
        machine.expect(r"fairlead: panic: ", 240)
        machine.expect(r"resetting the machine: panic", 60)
        machine.expect(r"the previous run ended in a panic:", 240)
        machine.expect(r"previous: panic: [^\r\n]*\r?\n", 60)
    return machine.fairlead_lines()


# What the dump and the panic's last line call the exception: x86's page fault and double fault; arm64's data abort at EL2, which is
# exception class 0x25 (Arm ARM, D19.2.37).
EXCEPTIONS = {"x86": {"crash": ("exception 14 ", "exception 14"), "overflow": ("exception 8 ", "exception 8")},
              "arm64": {"crash": (", class 0x25,", "exception class 0x25"), "overflow": (", class 0x25,", "exception class 0x25")}}


@pytest.mark.parametrize("mode, function", [
    ("crash", "write_to_rodata"),
    pytest.param("overflow", "recurse", marks=pytest.mark.full)])
def test_panic_is_dumped_recorded_and_shown_by_the_next_boot(keeper, arch, mode, function):
    keeper.stop()
    in_dump, in_panic = EXCEPTIONS[arch.name][mode]
    lines = boots_twice(f"panic-{mode}", mode, arch)
    first = next(n for n, line in enumerate(lines) if line.startswith("panic: "))
    dump = "\n".join(lines[:first])
    assert in_dump in dump
    assert f"{function}+0x" in dump
    shown = "\n".join(line for line in lines if "previous:" in line)
    assert f"{function}+0x" in shown and f"panic: {in_panic}" in shown
