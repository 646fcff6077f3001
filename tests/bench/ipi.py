#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Instructions for an interrupt from a CPU to itself, without Fairlead and under it: `make bench`.
tests/bench/ipi.py --efi FILE [--json FILE]

For x86. In QEMU's deterministic mode, where a tick of the time-stamp counter is an instruction. That mode has one CPU, and xAPIC only: the two
writes that send it and the EOI that ends it are exits there. (In x2APIC mode one is, the command; EOI is not.)
"""
import argparse
import json
import os
import re
import sys

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))

# pylint: disable=wrong-import-position
import machine          # noqa: E402
from arch import X86    # noqa: E402

LIMIT_S = 300
COUNT = 5000
TOLERANCE = 0.01        # of the interrupts, that are not this program's
COMMAND = f'fl.run="ipicost {COUNT}" fl.net=0 fl.poweroff iomem=relaxed quiet'


def instructions(efi, log, *options):
    """For one interrupt."""
    done = machine.run_qemu("--efi", efi, "--icount", "--no-devices", "--timeout", str(LIMIT_S), "--log", log, "--append", COMMAND,
                            *options, timeout=LIMIT_S + 30)
    if done.returncode:
        sys.exit(f"run-qemu ended with {done.returncode}: {done.stderr}")
    with open(log, encoding="utf-8", errors="replace") as file:
        values = dict(re.findall(r"(?m)^(ticks|sent|arrived)=(\d+)", file.read()))
    sent, arrived = int(values["sent"]), int(values["arrived"])
    if not sent <= arrived <= sent * (1 + TOLERANCE):
        sys.exit(f"{sent} interrupts were sent, {arrived} have arrived: see {log}")
    return int(values["ticks"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--efi", default=X86.efi)
    parser.add_argument("--json", help="write the figures there")
    options = parser.parse_args()
    folder = os.path.join(ROOT, "build", "bench")
    os.makedirs(folder, exist_ok=True)
    efi = os.path.abspath(options.efi)
    bare = instructions(efi, os.path.join(folder, "ipi-bare.log"), "--bare")
    under = instructions(efi, os.path.join(folder, "ipi.log"))
    print(f"instructions per interrupt to itself, xAPIC: {bare} bare, {under} under Fairlead, {under / bare:.1f} times")
    if options.json:
        with open(options.json, "w", encoding="ascii") as file:
            json.dump({"xAPIC, to itself": {"bare": bare, "Fairlead": under, "ratio": round(under / bare, 2)}}, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
