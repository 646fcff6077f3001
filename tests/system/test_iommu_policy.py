# SPDX-License-Identifier: BSD-2-Clause
"""iommu=off and iommu=optional: the guest runs, and nobody can overlook that it runs unprotected."""
import pytest

from machine import Machine

# What is tested is core/'s and drivers/'s; a machine of its own. make check has it on x86.
pytestmark = pytest.mark.full_on("arm64")


@pytest.mark.parametrize("name, options", [
    pytest.param("iommu-off", ["--set", "iommu=off"], id="off"),
    pytest.param("iommu-optional", ["--set", "iommu=optional", "--iommu", "none"], id="optional-without-iommu", marks=pytest.mark.full)])
def test_unprotected_is_said_aloud(keeper, arch, name, options):
    keeper.stop()
    with Machine(name, "--device", "edu,dma_mask=0xffffffffffff", *options, arch=arch) as machine:
        machine.wait_for_shell()
        warnings = [line for line in machine.fairlead_lines() if line.startswith("warning: ")]
        assert any("UNPROTECTED" in line for line in warnings), warnings
        # And it is true: the device reaches its page without any translation.
        assert machine.sh("edudma self").values["self"] == "ok"


def test_protected_boot_does_not_warn(guest):
    assert not [line for line in guest.fairlead_lines() if "UNPROTECTED" in line]


@pytest.mark.full     # test_discover has the choice
def test_optional_with_an_iommu_protects(keeper, arch):
    keeper.stop()
    with Machine("iommu-optional-protects", "--device", "edu,dma_mask=0xffffffffffff,addr=5",
                 "--set", "iommu=optional", arch=arch) as machine:
        machine.wait_for_shell()
        assert not [line for line in machine.fairlead_lines() if "UNPROTECTED" in line]
        since = machine.mark()
        assert machine.sh("edudma self").values["self"] == "ok"
        machine.sh(f"edudma to {arch.registers['base']:#x}")
        machine.wait_for_fairlead("iommu: DMA write by 0000:00:05.0 .* blocked", since)


@pytest.mark.x86
@pytest.mark.full
@pytest.mark.parametrize("options", [
    pytest.param(["--set", "intremap=off"], id="off"),
    pytest.param(["--set", "intremap=optional", "--iommu", "vtd-no-intremap"], id="optional-without-remapping")])
def test_unremapped_interrupts_are_said_aloud(keeper, options):
    keeper.stop()
    with Machine("intremap", "--device", "edu,dma_mask=0xffffffffffff,addr=5", *options) as machine:
        machine.wait_for_shell()
        unprotected = [line for line in machine.fairlead_lines() if "UNPROTECTED" in line]
        assert len(unprotected) == 1 and "interrupts are not remapped" in unprotected[0], unprotected
        # Memory is protected all the same.
        since = machine.mark()
        machine.sh("edudma to 0xfed90000")
        machine.wait_for_fairlead("iommu: DMA write by 0000:00:05.0 .* blocked", since)
