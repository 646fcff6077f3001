# SPDX-License-Identifier: BSD-2-Clause
"""The large figures: `make soak`."""
import random

import pytest

from fairlead_memory import code_and_constants
from machine import Machine
from test_garbage import KINDS
from test_guest import CARDS, _served, with_address    # _served: the fixture "served"
from test_memory import ABOVE_RAM
from test_platform import still_runs

pytestmark = pytest.mark.soak

DOWNLOADS = 10          # of 10 MB each, one after the other
RESETS = 20
SEEDS = 12
WRITES = 3000


@pytest.mark.parametrize("driver, host", CARDS)
def test_download_of_100_mb(guest, served, driver, host):
    with_address(guest, driver)
    port, digest = served
    for _ in range(DOWNLOADS):
        assert guest.sh(f"wget -q -O - http://{host}:{port}/file | sha256sum", 120).output.split()[0] == digest


def test_many_dma_attempts(guest):
    """Every megabyte of Fairlead's memory, by writes and by reads; then the device still does its honest work."""
    before = code_and_constants(guest)
    for r in guest.memory_map("Fairlead"):
        guest.sh(f"edudma range {r.start:#x} {r.end:#x} 0x100000", 300)
    assert guest.sh("edudma self").values["self"] == "ok"
    assert code_and_constants(guest) == before


def test_twenty_resets(keeper, arch):
    keeper.stop()
    with Machine("soak-resets", arch=arch) as machine:
        machine.wait_for_shell()
        for n in range(RESETS):
            ways = ("reboot", "portio out 1 0xcf9 6", "portio out 1 0x64 0xfe") if arch.name == "x86" else ("reboot",)
            machine.type(ways[n % len(ways)] + "\r")
            machine.wait_for_shell()
        machine.type("poweroff\r")
        assert machine.wait_for_end(60) == 0


@KINDS
def test_garbage_with_many_seeds(guest, kind):
    before = code_and_constants(guest)
    arguments = {"garbage mmio": f" {ABOVE_RAM:#x} {ABOVE_RAM + 0x1000000:#x}", "garbage ecam": f" {guest.ecam():#x}"}.get(kind, "")
    for seed in random.Random(kind).sample(range(10**9), SEEDS):
        guest.sh(f"{kind} {seed} {WRITES}{arguments}", 300)
        still_runs(guest)
    assert code_and_constants(guest) == before
