# SPDX-License-Identifier: BSD-2-Clause
"""The x86 machine: q35 with OVMF. QEMU's TCG emulates SVM with nested paging on its EPYC model, MWAIT has to be off there, and
x2APIC cannot be combined with -icount."""
import os
import shutil

from .qemu import comma, kvm_usable

QEMU = "qemu-system-x86_64"
DEBIAN = "run"          # tools/setup's group
BOOT_FILE = "BOOTX64.EFI"
# idle=nomwait: keeps cpuidle-haltpoll out, which would register on seeing KVM's hint REALTIME (docs/design/smp.md).
CMDLINE = "console=ttyS0 fl.net=1 idle=nomwait"
GDB_ARCHITECTURE = "i386:x86-64"

CPU = "EPYC,+x2apic,-monitor"
CPU_ICOUNT = "EPYC,-rdrand,-rdseed,-rdtscp,-monitor,-x2apic"

# The first is the default.
IOMMU = {
    "vtd": ["-device", "intel-iommu,intremap=on,eim=on,caching-mode=on,device-iotlb=on,aw-bits=48"],
    "amdvi": ["-device", "amd-iommu,intremap=on,xtsup=on,pt=off"],
    "vtd-no-intremap": ["-device", "intel-iommu,intremap=off,eim=off,caching-mode=on,device-iotlb=on,aw-bits=48"],
    "none": [],
}

OVMF_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"
FIRMWARE = {"ovmf": [OVMF_CODE, OVMF_VARS]}     # the files of each; the first is the default


def machine(options, folder):
    """-machine, firmware, IOMMU."""
    accel = options.accel
    if accel == "auto":
        accel = "kvm" if kvm_usable() and not options.icount else "tcg"
    variables = os.path.join(folder, "vars.fd")     # private: no run sees what another left
    shutil.copyfile(OVMF_VARS, variables)
    return ["-machine", "q35" + (",kernel-irqchip=split" if accel == "kvm" else ""), "-accel", accel,
            # ACPI hot-plug would eject devices behind Fairlead's back
            "-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
            # Fairlead's timer: the HPET sends messages, as that of most machines does
            "-global", "hpet.msi=on",
            "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={OVMF_CODE}",
            "-drive", f"if=pflash,format=raw,unit=1,file={comma(variables)}"] + IOMMU[options.iommu]


def boot_disk(_options):
    """The device of the drive fl-boot."""
    return "ide-hd,drive=fl-boot,bus=ide.0,bootindex=1"
