# SPDX-License-Identifier: BSD-2-Clause
"""A device that was taken away goes on by itself: what it could reach a moment ago it must not reach now. The IOMMU remembers device
entries and translations, so this fails when one invalidation is missing: there is an image in which it is left out on purpose.
"""
import os
import shutil
import subprocess

import pytest

from arch import ARM64, ROOT
from conftest import EDU, keep
from outside import PhysicalMemory
from pattern import edu_page

SEED = 0xDEAD
PAGE, CHUNK = 4096, 1024
COMMAND, MEMORY_AND_MASTER = 0x04, 6
# QEMU's docs/specs/edu.rst
EDU_SOURCE, EDU_DESTINATION, EDU_COUNT, EDU_COMMAND = 0x80, 0x88, 0x90, 0x98
EDU_BUFFER, EDU_TO_RAM = 0x40000, 3
OPTIONS = ["--set", "device 1234:11e8: reset=none"]
BUILD_S = 400

# The one line that is left out.
STREAM = os.path.join("drivers", "iommu", "smmuv3", "stream.c")
INVALIDATION = "return smmu_invalidate_stream_and_domain(unit, stream, vmid);"


def reaches_the_guest(guest):
    """Has the device, in quarantine, write where it wrote when it was the guest's. True: it arrived."""
    guest.sh(f"edudma -s {SEED} hold > /tmp/hold 2>&1 & for i in $(seq 200); do grep -q -e self= -e error= /tmp/hold && exit; sleep 0.1; done")
    values = guest.sh("cat /tmp/hold").values
    assert values["self"] == "ok"
    page = int(values["page"], 16)
    bar = int(guest.sh(f"head -n 1 /sys/bus/pci/devices/0000:{EDU}/resource").output.split()[0], 16)
    command = guest.ecam() + (int(EDU[3:5], 16) << 15) + COMMAND
    with guest.monitor() as monitor:
        assert monitor.finish(f"deassign {EDU}", 120)[-1] == f"deassign 0000:{EDU}: done"
        with PhysicalMemory(guest) as memory:
            for at in range(page, page + PAGE, CHUNK):
                memory.write(at, 0, CHUNK)
            memory.write(command, MEMORY_AND_MASTER, 2)
            for register, value in ((EDU_SOURCE, EDU_BUFFER), (EDU_DESTINATION, page), (EDU_COUNT, PAGE),
                                    (EDU_COMMAND, EDU_TO_RAM)):
                memory.write(bar + register, value, 8)
        # A transfer takes 100 ms of the machine's time; the guest's clock tells when they are over.
        for _ in range(3):
            monitor.command("pci")
    guest.sh("sleep 1")
    return edu_page(SEED)[:16] in guest.qmp.memory(page, PAGE)


@pytest.mark.full_on("x86")      # test_vtd has the invalidation, and a model that keeps stale entries
def test_device_in_quarantine_reaches_nothing(keeper, default_devices, arch):
    guest = keep(keeper, "quarantine", default_devices + OPTIONS, False, arch)
    since = guest.mark()
    assert not reaches_the_guest(guest)
    guest.wait_for_fairlead(rf"iommu: DMA (write )?by 0000:{EDU} .*blocked", since)
    keeper.stop()


@pytest.fixture(name="broken")
def _broken(tmp_path):
    """An image that does not tell the SMMU that a device was taken away."""
    tree = tmp_path / "tree"
    for folder in ("arch", "boot", "core", "drivers", "tools"):
        shutil.copytree(os.path.join(ROOT, folder), tree / folder)
    shutil.copy(os.path.join(ROOT, "Makefile"), tree)
    (tree / "build").mkdir()
    (tree / "build" / "arm64-root").symlink_to(os.path.join(ROOT, "build", "arm64-root"))
    source = tree / STREAM
    text = source.read_text()
    assert text.count(INVALIDATION) == 1
    source.write_text(text.replace(INVALIDATION, "return vmid ? 0 : 0;"))
    subprocess.run(["make", "-s", "-C", tree, "SETUP=no", "ARCH=arm64", "CC=gcc", "DEBUG=0", "B=build/broken"], check=True,
                   timeout=BUILD_S, env={k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))})
    return str(tree / "build" / "broken" / "fairlead.efi")


@pytest.mark.arm64
@pytest.mark.full
def test_without_the_invalidation_it_does(keeper, default_devices, arch, broken):
    keeper.stop()
    guest = keep(keeper, "quarantine-broken", default_devices + OPTIONS, False, ARM64, broken)
    assert reaches_the_guest(guest), "the test above could not fail"
    keeper.stop()
