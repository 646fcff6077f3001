# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures of the system tests.

A test that asks for `arch`, or for a machine (which asks for it), runs once for each architecture, unless it is marked as one
architecture's own (x86, arm64). One booted machine serves many tests: the `guest` fixture hands out the default machine and boots
it again only when an earlier test has left it dead. At most one emulator runs at a time.

    pytest -m "not full and not soak" tests/system     what `make check` runs
    pytest --arch arm64 tests/system                   one architecture's part
    pytest --bare tests/system                         the same machines without Fairlead: protection must fail then
    pytest --arch x86 --efi FILE tests/system          another image: clang's, or one broken on purpose
"""
import os
import random
import sys

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

# pylint: disable=wrong-import-position
from arch import ARM64, BOTH, X86   # noqa: E402
from machine import Machine         # noqa: E402

# Devices of the default machine: where each is on bus 0, for the tests that name it.
E1000E, VIRTIO_NET, NVME, EDU = "00:02.0", "00:03.0", "00:04.0", "00:05.0"
NVME_BYTES = 8 * 1024 * 1024
CPUS = 4

# Files in the order in which they run, each architecture's for itself: first what needs a guest as it booted, last what may leave
# a wreck.
ORDER = ["cli", "boot", "guest", "lspci", "config_space", "memory", "platform", "nmi", "dma", "smmu", "garbage", "monitor", "interrupts",
         "intx", "bridges", "power", "quarantine", "limits", "iommu_policy", "refusals", "smp", "smp_limits", "icount"]


def pytest_addoption(parser):
    parser.addoption("--arch", choices=list(BOTH), help="one architecture (default: both)")
    parser.addoption("--bare", action="store_true",
                     help="leave Fairlead out: shows which tests can fail (those of protection must)")
    parser.addoption("--efi", metavar="FILE", help="with --arch: test this image (default build/ARCH/fairlead.efi)")
    parser.addoption("--debug-efi", metavar="FILE",
                     help="with --arch: where self-checks are wanted, this one (default build/ARCH-debug/fairlead.efi: make DEBUG=1)")


def pytest_configure(config):
    for option in ("efi", "debug_efi"):
        path = config.getoption(option)
        if path and not config.getoption("arch"):
            raise pytest.UsageError("an image is of one architecture: say --arch as well")
        if path:
            setattr(BOTH[config.getoption("arch")], option, os.path.abspath(path))


def archs_of(definition):
    """The architectures that a test is for."""
    own = [name for name in BOTH if definition.get_closest_marker(name)]
    wanted = definition.config.getoption("arch")
    return [BOTH[name] for name in own or BOTH if wanted in (None, name)]


def marked(definition, name):
    """Does a parametrize() of the test's own name that parameter?"""
    return any(name in mark.args[0] for mark in definition.iter_markers("parametrize"))


def pytest_generate_tests(metafunc):
    archs = archs_of(metafunc.definition)
    if "smp" in metafunc.fixturenames:      # its machine says which architecture it is
        if not marked(metafunc.definition, "smp"):
            metafunc.parametrize("smp", [name for arch in archs for name in arch.smp], indirect=True)
    elif "arch" in metafunc.fixturenames:
        metafunc.parametrize("arch", archs, ids=lambda arch: arch.name, indirect=True, scope="session")


def arch_of(item):
    """The architecture of a collected test; None: it needs no machine."""
    params = getattr(item, "callspec", None) and item.callspec.params or {}
    if "smp" in params:
        return next(arch for arch in BOTH.values() if params["smp"] in arch.smp)
    return params.get("arch") or next((arch for name, arch in BOTH.items() if item.get_closest_marker(name)), None)


# On several CPUs in check-full only: the local APIC by its page. What it has of its own is one register file, which the host's tests
# have, and the machine with one CPU and --icount.
SMP_IN_FULL = ("xapic",)


def mark_full(item):
    """What a test is left out of `make check` for stands at its mark full_on."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    names = {params.get("smp"), getattr(arch_of(item), "name", None)}
    if any(names & set(mark.args) for mark in item.iter_markers("full_on")) or params.get("smp") in SMP_IN_FULL:
        item.add_marker("full")


@pytest.hookimpl(tryfirst=True)     # before -m looks
def pytest_collection_modifyitems(config, items):
    wanted = config.getoption("arch")
    for item in items:
        mark_full(item)

    def rank(item):
        name, arch = item.path.stem.removeprefix("test_"), arch_of(item)
        which = 0
        if "smp" in getattr(item, "fixturenames", ()):      # two machines of x86 serve the tests of several files
            name, which = "smp", list(arch.smp).index(item.callspec.params["smp"])
        return list(BOTH.values()).index(arch or X86), ORDER.index(name) if name in ORDER else len(ORDER), which

    def kept_out(item):
        """Another architecture is wanted, or a parameter is marked as another's."""
        arch, own = arch_of(item) or X86, [name for name in BOTH if item.get_closest_marker(name)]
        return wanted not in (None, arch.name) or (own and arch.name not in own)

    kept = [item for item in items if not kept_out(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = sorted(kept, key=rank)


class Keeper:
    """Holds at most one running machine, under a name."""

    def __init__(self):
        self.machine = None

    def get(self, name, start):
        """The machine of that name, started by start() if it does not run or no longer answers."""
        if not (self.machine and self.machine.name == name and self.machine.alive()):
            self.stop()
            self.machine = start()
            assert self.machine.name == name
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


@pytest.fixture(scope="session", name="arch")
def _arch(request):
    return request.param


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


def start_machine(name, options, bare, arch=X86, efi=None):
    return Machine(name, *options, *(arch.bare if bare else []), arch=arch, bare=bare, efi=efi)


def keep(keeper, name, options, bare, arch, efi=None):
    """The machine of that name and architecture."""
    return keeper.get(arch.prefix + name, lambda: start_machine(name, options, bare, arch, efi))


@pytest.fixture
def guest(keeper, default_devices, bare, arch):
    """The default machine at its guest's shell. Shared: leave it as you found it."""
    return keep(keeper, "default", default_devices, bare, arch)


@pytest.fixture
def debug_guest(keeper, default_devices, bare, arch):
    """The same under the debug image, whose oracle and lock checker panic at a breach. The edu device has no reset: it may change hands
    without."""
    return keep(keeper, "debug", default_devices + ["--set", "device 1234:11e8: reset=none"], bare, arch, arch.debug_efi)


@pytest.fixture
def smp(request, keeper, default_devices, bare):
    """The default machine with several CPUs, of each kind that there is. Shared: leave it as you found it, all CPUs online."""
    which = request.param
    arch = ARM64 if which in ARM64.smp else X86
    return keep(keeper, f"smp-{which}", default_devices + ["--smp", str(CPUS)] + arch.smp[which], bare, arch)
