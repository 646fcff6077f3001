# SPDX-License-Identifier: BSD-2-Clause
"""Messages as a device that does what it likes would send them: to the doorbell with another device's events, and to registers that
raise interrupts, or do worse, when they are written. What an ordinary DMA does to all of these is in test_dma.py and test_smmu.py.
"""
import struct

import pytest

from conftest import E1000E, EDU, NVME, VIRTIO_NET
from outside import PhysicalMemory
from pattern import edu_page
from test_arm64_gic import counts, give_back, lend
from test_interrupts import MSI_CAPABILITY, MSI_ADDRESS, MSI_DATA, arrives, msix_message
from test_smmu import DISTRIBUTOR, DOORBELL, DOORBELL_PAGE, ITS, REDISTRIBUTOR

pytestmark = pytest.mark.arm64

EVENTS = 8              # of each device's table: the first ones are those that it has
SETSPI = DISTRIBUTOR + 0x40     # GICD_SETSPI_NSR (IHI 0069, 12.9.36): a write of an SPI's number raises it
SPI = 40
GOLDEN = 0x9E3779B97F4A7C15


def seed_for(word):
    """edudma's pattern begins with a word of 64 bits that its seed determines, one for each: the seed that gives this one (SplitMix64,
    undone)."""
    mask = (1 << 64) - 1

    def unshift(value, by):
        result = value
        for _ in range(64 // by):
            result = value ^ result >> by
        return result
    z = unshift(word, 31) * pow(0x94D049BB133111EB, -1, 1 << 64) & mask
    z = unshift(z, 27) * pow(0xBF58476D1CE4E5B9, -1, 1 << 64) & mask
    return unshift(z, 30) - GOLDEN & mask


class Message:
    """What the device's MSI capability holds in hardware; written past everybody, and put back at the end: `with Message(...) as m`."""

    def __init__(self, guest, bdf):
        self.guest = guest
        self.config = guest.ecam() + (int(bdf[3:5], 16) << 15)
        space = guest.qmp.memory(self.config, 256)
        at = space[0x34]
        while space[at] != MSI_CAPABILITY:
            at = space[at + 1]
            assert at, "no MSI"
        self.at = self.config + at
        self.address, = struct.unpack_from("<Q", space, at + MSI_ADDRESS)
        self.data, = struct.unpack_from("<H", space, at + MSI_DATA)

    def write(self, address, data):
        with PhysicalMemory(self.guest) as memory:
            memory.write(self.at + MSI_ADDRESS, address & 0xFFFFFFFF, 4)
            memory.write(self.at + MSI_ADDRESS + 4, address >> 32, 4)
            memory.write(self.at + MSI_DATA, data, 2)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.write(self.address, self.data)


def quiet(guest):
    """{name: count} of all interrupts by message that nobody raises while the machine is idle: the disks' and the cards' for
    configuration."""
    lines = guest.sh("cat /proc/interrupts").output.splitlines()
    names = [line.split()[-1] for line in lines if "MSI" in line]
    wanted = [name for name in names if name.startswith("nvme0q") or name.endswith("-config") or "-req" in name]
    assert len(wanted) > 3, lines
    return counts(guest, wanted)


@pytest.fixture(name="victim")
def _victim(smp):
    """edu has a message that works, before and after."""
    name = lend(smp, EDU, VIRTIO_NET)
    assert arrives(smp, name) == 1
    yield smp
    assert arrives(smp, name) == 1, "its own message does not work any more"
    give_back(smp, [EDU])


def others_events(guest):
    """The EventIDs that the other devices' tables hold in hardware, and the first ones of any table."""
    held = [msix_message(guest, device, bar, entry) for device, bar, entries in ((E1000E, 3, 3), (VIRTIO_NET, 1, 3), (NVME, 0, 2))
            for entry in range(entries)]
    assert {address for address, _ in held} == {DOORBELL}
    return {data for _, data in held} | set(range(EVENTS))


def test_the_seed_gives_the_word():
    """The test below writes what it means to write."""
    for word in (0, 1, 0x12345, (1 << 64) - 1):
        assert edu_page(seed_for(word))[:8] == struct.pack("<Q", word)


def test_event_written_by_dma(victim):
    """A device's own DMA can write the doorbell, because its messages are such writes: it names events of its own table only."""
    before = quiet(victim)
    for event in sorted(others_events(victim)):
        victim.sh(f"edudma -s {seed_for(event)} to {DOORBELL:#x} 4")
    assert quiet(victim) == before


def test_event_of_another_device(victim):
    """Its message says every event that the others have: the ITS knows from whom it comes."""
    before = quiet(victim)
    with Message(victim, EDU) as own:
        events = others_events(victim) - {own.data}
        for event in sorted(events):
            own.write(DOORBELL, event)
            victim.sh(f"eduirq 0000:{EDU} raise 1")
    assert len(events) >= EVENTS - 1
    assert quiet(victim) == before


def test_message_to_a_register(victim):
    """Nothing but the doorbell's page is there for messages: not the distributor, the ITS, a redistributor, the SMMU."""
    before, smmu = quiet(victim), victim.arch.register("control")
    was = victim.qmp.memory32(smmu)
    with Message(victim, EDU) as own:
        for address in (SETSPI, ITS, DOORBELL_PAGE + 0x1000, REDISTRIBUTOR, smmu):
            since = victim.mark()
            own.write(address, SPI if address == SETSPI else 0)
            victim.sh(f"eduirq 0000:{EDU} raise 1")
            victim.wait_for_fairlead(rf"iommu: DMA write by 0000:{EDU} \w+ 0x0*{address:x} blocked", since)
    assert quiet(victim) == before
    assert victim.qmp.memory32(smmu) == was
