# SPDX-License-Identifier: BSD-2-Clause
"""arm64 from either firmware, on CPUs with VHE and without, with one CPU and with several: each boots, gets its addresses, pings,
downloads through both cards and reads its disk. `make check` takes a choice in which each pair of values occurs, `make check-full` all.
"""
import hashlib
import itertools
import random

import pytest

from arch import ARM64
from conftest import CPUS, keep
from test_guest import CARDS, DOWNLOAD_BYTES, DOWNLOAD_S, SMALL_BYTES, _served, with_address    # _served: the fixture "served"

pytestmark = pytest.mark.arm64

FIRMWARE, MODELS, NUMBERS = ("aavmf", "uboot"), ("max", "cortex-a72", "neoverse-n1"), (1, CPUS)
ALL = list(itertools.product(FIRMWARE, MODELS, NUMBERS))
IN_CHECK = [("aavmf", "max", 1), ("uboot", "max", CPUS), ("aavmf", "cortex-a72", CPUS), ("uboot", "cortex-a72", 1),
            ("aavmf", "neoverse-n1", 1), ("uboot", "neoverse-n1", CPUS)]
DISK_BYTES = 1024 * 1024
PART = {"max": "0x051", "cortex-a72": "0xd08", "neoverse-n1": "0xd0c"}    # MIDR_EL1.PartNum; only cortex-a72 has no VHE


def test_the_choice_is_pairwise():
    for places in itertools.combinations(range(3), 2):
        assert {tuple(one[place] for place in places) for one in IN_CHECK} == {tuple(one[place] for place in places) for one in ALL}


@pytest.mark.parametrize("firmware, model, number", [
    pytest.param(*one, id="-".join(map(str, one)), marks=[] if one in IN_CHECK else pytest.mark.full) for one in ALL])
def test_boots_and_works(keeper, default_devices, nvme_image, served, bare, firmware, model, number):
    default = (firmware, model, number) == (FIRMWARE[0], MODELS[0], NUMBERS[0])
    name = "default" if default else f"boot-{firmware}-{model}-{number}"
    options = [] if default else ["--firmware", firmware, "--cpu", model, "--smp", str(number)]
    guest = keep(keeper, name, default_devices + options, bare, ARM64)
    port, _ = served
    digest = hashlib.sha256(random.Random("download").randbytes(DOWNLOAD_BYTES)[:SMALL_BYTES]).hexdigest()

    assert guest.sh("nproc").output.strip() == str(number)
    assert PART[model] in guest.sh("grep -m 1 'CPU part' /proc/cpuinfo").output
    for card in CARDS:
        driver, host = card.values
        interface, (address, _) = with_address(guest, driver)
        assert address.startswith(host.rsplit(".", 1)[0])
        assert "0% packet loss" in guest.sh(f"ping -c 3 -W 10 -I {interface} {host}").output
        got = guest.sh(f"wget -q -O - http://{host}:{port}/small | sha256sum", DOWNLOAD_S).output.split()[0]
        assert got == digest, driver
    got = guest.sh(f"dd if={guest.nvme()} bs=64k count={DISK_BYTES // 65536} 2>/dev/null | sha256sum", 120).output.split()[0]
    assert got == hashlib.sha256(nvme_image.read_bytes()[:DISK_BYTES]).hexdigest()
    log = guest.sh("dmesg").output
    for bad in ("WARNING:", "BUG:", "Oops", "Call trace", "SError", "soft lockup", "rcu_sched"):
        assert bad not in log
