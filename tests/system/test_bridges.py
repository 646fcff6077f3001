# SPDX-License-Identifier: BSD-2-Clause
"""Devices behind bridges: PCIe root ports, and a PCIe-to-PCI bridge, whose devices make requests under another's ID."""
import pytest

from conftest import keep
from test_guest import with_address

# What is tested is core/'s and drivers/'s; a machine of its own. make check has it on x86.
pytestmark = pytest.mark.full_on("arm64")

PORT_1, PORT_2, BRIDGE = "00:05.0", "00:06.0", "00:07.0"
MEMORY_WINDOW = 0x20        # base and limit of a type 1 header (PCIe 7.5.1.3.8)
BUS_NUMBERS = 0x18
BEHIND = ["--netdev", "user,id=n0",
          "--device", "pcie-root-port,id=rp1,chassis=1,addr=5",
          "--device", "igb,netdev=n0,bus=rp1",
          "--netdev", "user,id=n1,net=10.0.3.0/24",
          "--device", "pcie-root-port,id=rp2,chassis=2,addr=6",
          "--device", "virtio-net-pci,netdev=n1,bus=rp2,disable-legacy=on,iommu_platform=on,ats=on,romfile=",
          "--device", "pcie-pci-bridge,id=pb,addr=7",
          "--device", "edu,bus=pb,addr=1,dma_mask=0xffffffffffff"]


@pytest.fixture
def behind(keeper, bare, arch):
    return keep(keeper, "bridges", BEHIND, bare, arch)


@pytest.mark.parametrize("driver, host", [pytest.param("igb", "10.0.2.2", id="igb"),
                                          pytest.param("virtio_net", "10.0.3.2", id="virtio-net")])
def test_network_behind_a_root_port(behind, driver, host):
    with_address(behind, driver)
    behind.sh(f"ping -c 3 -W 10 {host}", 60)


def test_dma_behind_a_pci_bridge(behind):
    assert behind.sh("edudma self").values["self"] == "ok"


def test_dma_behind_a_pci_bridge_is_bounded(behind):
    since = behind.mark()
    target = behind.memory_map("Fairlead")[0].start
    behind.run(f"edudma to {target:#x}")
    # The bridge answers for what is behind it: requests carry its secondary bus, device 0.
    behind.wait_for_fairlead(rf"iommu: DMA write by 0000:03:00.0 to 0x0*{target:x} blocked", since)


@pytest.mark.parametrize("bridge", [PORT_1, PORT_2, BRIDGE])
def test_windows_and_bus_numbers_stay_where_firmware_put_them(behind, bridge):
    device, function = (int(n, 16) for n in bridge[3:].split("."))
    base = behind.ecam() + (device << 15 | function << 12)
    before = [behind.qmp.memory32(base + offset) for offset in (BUS_NUMBERS, MEMORY_WINDOW)]
    behind.sh(f"setpci -s {bridge} {MEMORY_WINDOW:#x}.l=fff0fff0; setpci -s {bridge} {BUS_NUMBERS:#x}.l=00ffff00")
    assert [behind.qmp.memory32(base + offset) for offset in (BUS_NUMBERS, MEMORY_WINDOW)] == before
    # The guest reads back what it wrote: to it, the bridge is a bridge.
    assert behind.sh(f"setpci -s {bridge} {MEMORY_WINDOW:#x}.l").output.strip() == "fff0fff0"
