# SPDX-License-Identifier: BSD-2-Clause
"""Instructions until the guest's init, without Fairlead and under it, in QEMU's deterministic mode, where one instruction is
one nanosecond.

The counter at init includes firmware and, under Fairlead, the reading of kernel and initramfs from disk, whose end QEMU
signals when the host is done: that differs a little from run to run. The kernel's own time does not include it.
"""
import json
import os
import re

import pytest

from machine import LOGS, run_qemu

pytestmark = pytest.mark.full

LIMIT_S = 400
TOLERANCE = 0.001
COMMAND = 'fl.run="instructions; dmesg | grep Run./init" fl.net=0 fl.poweroff quiet'


def instructions(arch, name, *options):
    """(counter at init, the kernel's own time at init in microseconds) of one run."""
    os.makedirs(LOGS, exist_ok=True)
    log = os.path.join(LOGS, f"{arch.prefix}{name}.log")
    done = run_qemu("--arch", arch.name, "--efi", arch.efi, "--icount", "--no-devices", "--timeout", str(LIMIT_S), "--log", log,
                    "--append", COMMAND, *options, timeout=LIMIT_S + 30)
    assert done.returncode == 0, done.stderr
    with open(log, encoding="utf-8", errors="replace") as file:
        text = file.read()
    seconds, fraction = re.search(r"\[ *(\d+)\.(\d{6})\] Run /init", text).groups()
    return int(re.search(r"instructions=(\d+)", text).group(1)), int(seconds) * 1000000 + int(fraction)


def test_instructions_to_init(keeper, arch):
    keeper.stop()
    bare = instructions(arch, "icount-bare", "--bare")
    first = instructions(arch, "icount-1")
    second = instructions(arch, "icount-2")
    figures = {"counter at init, bare": bare[0], "counter at init, Fairlead": first[0],
               "kernel to init, bare (thousands of instructions)": bare[1],
               "kernel to init, Fairlead (thousands of instructions)": first[1]}
    with open(os.path.join(LOGS, f"{arch.prefix}icount.json"), "w", encoding="ascii") as file:
        json.dump(figures, file, indent=1)
    for name, value in figures.items():
        print(f"{name}: {value}")
    assert abs(first[1] - second[1]) < TOLERANCE * first[1], f"two runs of the same machine differ: {first}, {second}"
    # The kernel's way to init is the same work; what Fairlead adds to it stays a fraction of it.
    assert first[1] < 1.5 * bare[1]
