# SPDX-License-Identifier: BSD-2-Clause
"""`memory=` and `hide`: what the configuration takes away is really gone. One boot."""
import pytest

from conftest import E1000E, EDU, keep
from pattern import edu_page

# What is tested is core/'s and drivers/'s; a machine of its own. make check has it on x86.
pytestmark = pytest.mark.full_on("arm64")

LIMIT = 512 * 1024 * 1024
SEED = 0x11317


@pytest.fixture
def limited(keeper, default_devices, bare, arch):
    """The default machine, cut to 512 MiB, its e1000e hidden."""
    settings = [] if bare else ["--set", "memory=512M", "--set", f"device {E1000E}: hide"]
    return keep(keeper, "limits", default_devices + settings, bare, arch)


def cut(machine):
    ranges = machine.memory_map("cut off")
    assert ranges, "Fairlead names no range as cut"
    return max(ranges, key=lambda r: r.end - r.start)


def test_guest_has_what_the_limit_says(limited):
    total = int(limited.sh("awk '/MemTotal/ { print $2 }' /proc/meminfo").output) * 1024
    assert LIMIT * 0.8 < total <= LIMIT
    assert sum(r.end - r.start for r in limited.memory_map("RAM")) <= LIMIT


def test_cut_memory_is_out_of_the_cpus_reach(limited):
    r = cut(limited)
    for address in (r.start, (r.start + r.end) // 2, r.end - 8):
        before = limited.qmp.memory(address & ~7, 8)
        assert limited.sh(f"physmem read 8 {address & ~7:#x}").number() == (1 << 64) - 1
        limited.sh(f"physmem write 8 {address & ~7:#x} 0x1122334455667788")
        assert limited.qmp.memory(address & ~7, 8) == before


def test_cut_memory_is_out_of_a_devices_reach(limited):
    r = cut(limited)
    assert limited.sh("edudma self").values["self"] == "ok"
    since = limited.mark()
    for address in (r.start, ((r.start + r.end) // 2) & ~0xFFF, r.end - 4096):
        before = limited.qmp.memory(address, 4096)
        limited.sh(f"edudma -s {SEED} to {address:#x}")
        after = limited.qmp.memory(address, 4096)
        assert edu_page(SEED)[:16] not in after
        assert after == before
    limited.wait_for_fairlead(rf"iommu: DMA write by 0000:{EDU} \w+ 0x0*{r.start:x} blocked", since)


def test_hidden_device_is_not_there(limited):
    assert E1000E not in limited.sh("lspci -n").output
    base = limited.ecam()
    for door in limited.arch.doors(base):
        for offset in (0, 8, 0x10):
            assert limited.sh(f"cfgspace {door} read 4 {E1000E} {offset:#x}").number() == 0xFFFFFFFF
        limited.sh(f"cfgspace {door} write 2 {E1000E} 4 0x7")


def test_hidden_device_registers_are_not_mapped(limited):
    """Its BAR, as it really is, answers the guest with all-ones."""
    bar = limited.qmp.memory32(limited.ecam() + (2 << 15) + 0x10) & ~0xF
    assert bar
    assert limited.sh(f"physmem read 4 {bar + 8:#x}").number() == 0xFFFFFFFF


def test_hidden_device_cannot_master_the_bus(limited):
    """The real command register, seen from outside: the guest's write above did not arrive."""
    command = limited.qmp.memory32(limited.ecam() + (2 << 15) + 4) & 0xFFFF
    assert not command & 4
