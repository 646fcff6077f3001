# SPDX-License-Identifier: BSD-2-Clause
"""What the tests have to know of each architecture's machine (QEMU's q35 and virt). A test that runs on both asks `guest.arch`."""
import os
from dataclasses import dataclass, field

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


def build(*parts):
    return os.path.join(ROOT, "build", *parts)


@dataclass
class Arch:    # pylint: disable=too-many-instance-attributes
    """One architecture. What pytest is told (--efi) replaces `efi` and `debug_efi`."""

    name: str
    prefix: str             # of the names of its machines: one emulator runs at a time, and has one name
    efi: str
    debug_efi: str
    files: str              # the guest's kernel and initramfs
    bare: list              # options of run-qemu: without Fairlead the guest would use the IOMMU itself; it is to leave it alone
    host_bridge: str        # IDs of 00:00.0
    boot_disk: tuple        # function, IDs, and the file in /dev
    door: str               # configuration space by another way than memory (tests/guest/machine/)
    unaligned: bool         # may a device's memory be addressed unaligned?
    call_row: str           # rows of /proc/interrupts
    timer_row: str
    level: tuple            # words of a row whose interrupt is level-triggered
    console: str
    hypervisor: str         # what the kernel says when it finds Fairlead
    elsewhere: int          # 32-bit memory of the host bridge's window that no device has
    registers: dict         # of the IOMMU: base, and offsets of status, control, table (8 bytes); the bit of status that says "on"
    iommus: tuple           # run-qemu --iommu: what protects, and each that does not
    smp: dict = field(default_factory=dict)     # machines with several CPUs: name -> options

    def doors(self, ecam):
        return self.door, f"ecam={ecam:#x}"

    def enabled(self):
        return self.registers["on"]

    def register(self, name):
        """The physical address."""
        return self.registers["base"] + self.registers[name]


X86 = Arch(
    name="x86", prefix="", efi=build("x86", "fairlead.efi"), debug_efi=build("x86-debug", "fairlead.efi"), files=build("guest"),
    bare=["--append", "intel_iommu=off"],
    host_bridge="8086:29c0", boot_disk=("00:1f.2", "8086:2922", "/dev/sda"),
    door="cf8", unaligned=True, call_row="CAL", timer_row="LOC", level=("IO-APIC", "fasteoi"), console="ttyS0", hypervisor="Hypervisor detected: KVM",
    elsewhere=0xD0000000,
    # VT-d specification 4.1, 11.4: GSTS_REG, GCMD_REG, RTADDR_REG; TES
    registers={"base": 0xFED90000, "status": 0x1C, "control": 0x18, "table": 0x20, "on": 1 << 31},
    iommus=("vtd", "none"),
    smp={"x2apic": [], "xapic": ["--cpu", "EPYC,-x2apic,-monitor"]})     # by how their local APICs are spoken to

ARM64 = Arch(
    name="arm64", prefix="arm64-", efi=build("arm64", "fairlead.efi"), debug_efi=build("arm64-debug", "fairlead.efi"),
    files=build("guest-arm64"),
    bare=["--append", "iommu.passthrough=1"],
    host_bridge="1b36:0008", boot_disk=("00:01.0", "1af4:1042", "/dev/vda"),
    door="sysfs", unaligned=False, call_row="IPI1", timer_row="arch_timer", level=("GICv3", "Level"), console="ttyAMA0", hypervisor="All CPU(s) started at EL1",
    elsewhere=0x30000000,
    # SMMUv3 specification 6.3: SMMU_CR0ACK, SMMU_CR0, SMMU_STRTAB_BASE; SMMUEN
    registers={"base": 0x09050000, "status": 0x24, "control": 0x20, "table": 0x80, "on": 1 << 0},
    iommus=("smmuv3", "none"),
    smp={"arm64": []})

BOTH = {"x86": X86, "arm64": ARM64}
