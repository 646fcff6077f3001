# SPDX-License-Identifier: BSD-2-Clause
"""The QEMU command line: a q35 machine with OVMF, and what the options ask for.

Why each choice is as it is stands in docs/; in short: QEMU's TCG emulates SVM with nested paging on its EPYC model,
MWAIT has to be off there, and x2APIC cannot be combined with -icount.
"""
import fcntl
import os
import shutil
import subprocess

from . import UsageError

QEMU = "qemu-system-x86_64"
OVMF_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"

CPU = "EPYC,+x2apic,-monitor"
CPU_ICOUNT = "EPYC,-rdrand,-rdseed,-rdtscp,-monitor,-x2apic"
ICOUNT = ["-icount", "shift=0,sleep=off", "-seed", "1", "-rtc", "base=2026-01-01,clock=vm"]

IOMMU = {
    "vtd": ["-device", "intel-iommu,intremap=on,eim=on,caching-mode=on,device-iotlb=on,aw-bits=48"],
    "amdvi": ["-device", "amd-iommu,intremap=on,xtsup=on,pt=off"],
    "vtd-no-intremap": ["-device", "intel-iommu,intremap=off,eim=off,caching-mode=on,device-iotlb=on,aw-bits=48"],
    "none": [],
}

NVME_BYTES = 16 * 1024 * 1024
KVM_GET_API_VERSION = 0xAE00


def kvm_usable():
    """Can this user open /dev/kvm, and may a guest there use SVM itself?"""
    try:
        kvm = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if fcntl.ioctl(kvm, KVM_GET_API_VERSION) != 12:
            return False
        with open("/sys/module/kvm_amd/parameters/nested", encoding="ascii") as nested:
            return nested.read().strip() in ("1", "Y")
    except OSError:
        return False
    finally:
        os.close(kvm)


def write_nvme_pattern(path):
    """An image whose every 512-byte sector says its own number sixteen times."""
    with open(path, "wb") as image:
        for sector in range(NVME_BYTES // 512):
            image.write(b"nvme sector %010d fairlead\n" % sector * 16)


def default_devices(folder):
    """What `make run` shows the guest: two network cards in networks of their own (the gateways are 10.0.2.2 and
    10.0.3.2) and a disk."""
    nvme = os.path.join(folder, "nvme.img")
    write_nvme_pattern(nvme)
    return [
        "-netdev", "user,id=fl-n0",
        "-device", "e1000e,netdev=fl-n0,addr=2,romfile=",
        "-netdev", "user,id=fl-n1,net=10.0.3.0/24",
        "-device", "virtio-net-pci,netdev=fl-n1,addr=3,disable-legacy=on,iommu_platform=on,romfile=",
        "-drive", f"file={nvme},if=none,id=fl-d0,format=raw,snapshot=on",
        "-device", "nvme,drive=fl-d0,serial=fairlead,addr=4",
    ]


def boot_image(options, conf, folder):
    """Make the boot disk; in the --bare machine too, so that both have the same devices. Returns its path."""
    image = os.path.join(folder, "boot.img")
    conf_file = os.path.join(folder, "fairlead.conf")
    with open(conf_file, "wb") as file:
        file.write(conf)
    command = [os.path.join(options.tools, "mkboot"), "--conf", conf_file,
               "--kernel", options.kernel, "--initrd", options.initrd]
    if os.path.exists(options.efi):
        command += ["--efi", options.efi]
    else:
        command += ["--efi", options.kernel]    # --bare needs no Fairlead; the disk is only looked at
    if options.shell is not None:
        command += ["--shell", options.shell]
    done = subprocess.run(command + [image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise UsageError("the boot image could not be made: " + " ".join(done.stdout.decode(errors="replace").split()))
    return image


def comma(path):
    """QEMU's option parser takes a comma as two."""
    return str(path).replace(",", ",,")


def command_line(options, conf, cmdline, folder, qmp_fd):
    """Returns QEMU's arguments. Everything the run needs of its own is put in `folder`."""
    if shutil.which(QEMU) is None:
        raise UsageError(f"{QEMU} is not installed: run tools/setup run")
    for firmware in (OVMF_CODE, OVMF_VARS):
        if not os.path.exists(firmware):
            raise UsageError(f"{firmware} is missing: run tools/setup run")

    variables = os.path.join(folder, "vars.fd")     # private: no run sees what another left
    shutil.copyfile(OVMF_VARS, variables)
    disk = boot_image(options, conf, folder)

    accel = options.accel
    if accel == "auto":
        accel = "kvm" if kvm_usable() and not options.icount else "tcg"

    args = [QEMU, "-no-user-config", "-nodefaults", "-display", "none",
            "-machine", "q35" + (",kernel-irqchip=split" if accel == "kvm" else ""), "-accel", accel,
            "-cpu", options.cpu or (CPU_ICOUNT if options.icount else CPU),
            "-smp", str(options.smp), "-m", options.mem,
            # ACPI hot-plug would eject devices behind Fairlead's back
            "-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
            # Fairlead's timer: the HPET sends messages, as that of most machines does
            "-global", "hpet.msi=on",
            "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={OVMF_CODE}",
            "-drive", f"if=pflash,format=raw,unit=1,file={comma(variables)}",
            "-chardev", f"socket,id=fl-qmp,fd={qmp_fd}", "-mon", "chardev=fl-qmp,mode=control",
            "-chardev", f"stdio,id=fl-console,signal=off,logfile={comma(options.log)}",
            "-serial", "chardev:fl-console"]
    args += IOMMU[options.iommu]
    args += ["-drive", f"if=none,id=fl-boot,format=raw,snapshot=on,file={comma(disk)}",
             "-device", "ide-hd,drive=fl-boot,bus=ide.0,bootindex=1"]
    if options.icount:
        args += ICOUNT
    if options.bare:
        args += ["-kernel", options.kernel, "-initrd", options.initrd, "-append", cmdline]
    if options.no_reboot:
        args += ["-no-reboot"]
    if options.qmp:
        args += ["-qmp", f"unix:{comma(options.qmp)},server=on,wait=off"]
    if options.gdb:
        args += ["-gdb", f"tcp:127.0.0.1:{options.gdb}"]

    if options.device is None and not options.no_devices:
        args += default_devices(folder)
    for kind in ("netdev", "drive", "device"):      # back ends before the devices that name them
        for value in getattr(options, kind) or []:
            args += [f"-{kind}", value]
    return args + options.qemu_arg
