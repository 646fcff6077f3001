# SPDX-License-Identifier: BSD-2-Clause
"""The arm64 machine: virt with EL2, GICv3, ITS and SMMUv3, and AAVMF or U-Boot, which hand out a device tree."""
QEMU = "qemu-system-aarch64"
DEBIAN = "run-arm64"
BOOT_FILE = "BOOTAA64.EFI"
CMDLINE = "console=ttyAMA0 fl.net=1"
GDB_ARCHITECTURE = "aarch64"

CPU = "max"
CPU_ICOUNT = "cortex-a72"       # no instruction that asks the host for random numbers

IOMMU = {"smmuv3": "smmuv3", "none": "none"}
# What `file` is for -bios. acpi=off: AAVMF hands out ACPI tables or a device tree, never both.
FIRMWARE = {"aavmf": ["/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"], "uboot": ["/usr/lib/u-boot/qemu_arm64/u-boot.bin"]}


def machine(options, _folder):
    """-machine, firmware, IOMMU. The bare machine has no firmware: QEMU starts the kernel as a boot loader does, at EL2, which
    Linux keeps where there is VHE and leaves otherwise. It is the same machine that Fairlead gets."""
    arguments = ["-machine", f"virt,virtualization=on,gic-version=3,its=on,acpi=off,iommu={IOMMU[options.iommu]}", "-accel", "tcg"]
    if not options.bare:
        arguments += ["-bios", FIRMWARE[options.firmware][0]]
    return arguments


def boot_disk(options):
    """The device of the drive fl-boot, at 00:01.0. U-Boot does not see a virtio disk behind an IOMMU."""
    if options.firmware == "uboot":
        return "nvme,drive=fl-boot,serial=fairlead-boot,addr=1"
    return "virtio-blk-pci,drive=fl-boot,addr=1,disable-legacy=on,iommu_platform=on,bootindex=1"
