# SPDX-License-Identifier: BSD-2-Clause
"""Instructions until the guest's init, without Fairlead and under it, in QEMU's deterministic mode: the same figure in
each run. One instruction is one nanosecond there."""
import json
import os
import re

import pytest

from machine import LOGS, run_qemu

pytestmark = pytest.mark.full

LIMIT_S = 400
COMMAND = 'fl.run="tsc; cat /proc/uptime" fl.net=0 fl.poweroff quiet'


def instructions(name, *options):
    """(counter at init, the kernel's own uptime in seconds) of one run."""
    os.makedirs(LOGS, exist_ok=True)
    log = os.path.join(LOGS, f"{name}.log")
    done = run_qemu("--icount", "--no-devices", "--timeout", str(LIMIT_S), "--log", log, "--append", COMMAND, *options,
                    timeout=LIMIT_S + 30)
    assert done.returncode == 0, done.stderr
    with open(log, encoding="utf-8", errors="replace") as file:
        text = file.read()
    return int(re.search(r"tsc=(\d+)", text).group(1)), float(re.search(r"(?m)^(\d+\.\d+) \d+\.\d+", text).group(1))


def test_instructions_to_init(keeper):
    keeper.stop()
    bare = instructions("icount-bare", "--bare")
    first = instructions("icount-1")
    second = instructions("icount-2")
    figures = {"tsc at init, bare": bare[0], "tsc at init, Fairlead": first[0],
               "kernel uptime at init, bare (s)": bare[1], "kernel uptime at init, Fairlead (s)": first[1]}
    with open(os.path.join(LOGS, "icount.json"), "w", encoding="ascii") as file:
        json.dump(figures, file, indent=1)
    for name, value in figures.items():
        print(f"{name}: {value}")
    assert first == second, "two runs of the same machine differ"
    # The kernel's way to init is the same work; what Fairlead adds to it stays a fraction of it.
    assert first[1] < 1.5 * bare[1]
