# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures of the system tests.

One booted machine serves many tests: the `guest` fixture hands out the default machine and boots it again only when an
earlier test has left it dead. At most one emulator runs at a time.

    pytest -m "not full and not soak" tests/system     what `make check` runs
    pytest --bare tests/system                         the same machines without Fairlead: protection must fail then
    pytest --efi FILE tests/system                     another image: clang's, or one broken on purpose
"""
import os
import random
import sys

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

# pylint: disable=wrong-import-position
import machine                  # noqa: E402
from machine import Machine     # noqa: E402

# Devices of the default machine: where each is on bus 0, for the tests that name it.
E1000E, VIRTIO_NET, NVME, EDU = "00:02.0", "00:03.0", "00:04.0", "00:05.0"
NVME_BYTES = 8 * 1024 * 1024

# Files in the order in which they run: first what needs a guest as it booted, last what may leave a wreck.
ORDER = ["cli", "guest", "lspci", "config_space", "memory", "platform", "nmi", "dma", "garbage", "monitor", "interrupts", "intx",
         "bridges", "power", "limits", "iommu_policy", "refusals", "smp x2apic", "smp xapic", "smp_limits", "icount"]


def pytest_addoption(parser):
    parser.addoption("--bare", action="store_true",
                     help="leave Fairlead out: shows which tests can fail (those of protection must)")
    parser.addoption("--efi", metavar="FILE", help="test this image (default build/x86/fairlead.efi)")
    parser.addoption("--debug-efi", metavar="FILE",
                     help="where self-checks are wanted, this one (default build/x86-debug/fairlead.efi: make DEBUG=1)")


def pytest_configure(config):
    if config.getoption("--efi"):
        machine.EFI = os.path.abspath(config.getoption("--efi"))
    if config.getoption("--debug-efi"):
        machine.DEBUG_EFI = os.path.abspath(config.getoption("--debug-efi"))


def pytest_collection_modifyitems(items):
    def rank(item):
        name = item.path.stem.removeprefix("test_")
        if "smp" in getattr(item, "fixturenames", ()):
            name = f"smp {item.callspec.params['smp']}"     # two machines serve the tests of several files
        return ORDER.index(name) if name in ORDER else len(ORDER)
    items.sort(key=rank)


class Keeper:
    """Holds at most one running machine, under a name."""

    def __init__(self):
        self.machine = None

    def get(self, name, start):
        """The machine of that name, started by start() if it does not run or no longer answers."""
        if not (self.machine and self.machine.name == name and self.machine.alive()):
            self.stop()
            self.machine = start()
            self.machine.wait_for_shell()
        return self.machine

    def stop(self):
        if self.machine:
            self.machine.stop()
            self.machine = None


@pytest.fixture(scope="session", name="keeper")
def _keeper():
    keeper = Keeper()
    yield keeper
    keeper.stop()


@pytest.fixture(scope="session", name="bare")
def _bare(request):
    return request.config.getoption("--bare")


@pytest.fixture(scope="session")
def nvme_image(tmp_path_factory):
    """A disk image of random contents, the same in every run."""
    path = tmp_path_factory.mktemp("disk") / "nvme.img"
    path.write_bytes(random.Random("nvme").randbytes(NVME_BYTES))
    return path


@pytest.fixture(scope="session")
def default_devices(nvme_image):
    """The default machine: a network card of each kind in a network of its own, a disk, and the DMA probe."""
    return ["--netdev", "user,id=n0",
            "--device", "e1000e,netdev=n0,addr=2,romfile=",
            "--netdev", "user,id=n1,net=10.0.3.0/24",
            "--device", "virtio-net-pci,netdev=n1,addr=3,disable-legacy=on,iommu_platform=on,romfile=",
            "--drive", f"file={nvme_image},if=none,id=d0,format=raw,snapshot=on",
            "--device", "nvme,drive=d0,serial=fairlead,addr=4",
            "--device", "edu,dma_mask=0xffffffffffff,addr=5",
            "--append", "iomem=relaxed"]


def start_machine(name, options, bare, efi=None):
    # Without Fairlead the guest would use the IOMMU itself; here it stands for nobody using it.
    extra = ["--append", "intel_iommu=off"] if bare else []
    return Machine(name, *options, *extra, bare=bare, efi=efi)


@pytest.fixture
def guest(keeper, default_devices, bare):
    """The default machine at its guest's shell. Shared: leave it as you found it."""
    return keeper.get("default", lambda: start_machine("default", default_devices, bare))


@pytest.fixture
def debug_guest(keeper, default_devices, bare):
    """The same under the debug image, whose oracle and lock checker panic at a breach. The edu device has no reset: it may change hands
    without."""
    options = default_devices + ["--set", "device 1234:11e8: reset=none"]
    return keeper.get("debug", lambda: start_machine("debug", options, bare, machine.DEBUG_EFI))


CPUS = 4
# Machines with several CPUs, by how their local APICs are spoken to.
SMP = {"x2apic": [], "xapic": ["--cpu", "EPYC,-x2apic,-monitor"]}


@pytest.fixture(params=list(SMP))
def smp(request, keeper, default_devices, bare):
    """The default machine with several CPUs. Shared: leave it as you found it, all CPUs online."""
    name = f"smp-{request.param}"
    options = default_devices + ["--smp", str(CPUS)] + SMP[request.param]
    return keeper.get(name, lambda: start_machine(name, options, bare))
