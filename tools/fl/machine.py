# SPDX-License-Identifier: BSD-2-Clause
"""The QEMU command line: the architecture's machine (x86.py, arm64.py) and what the options ask for."""
import os
import shutil
import subprocess

from . import UsageError, arm64, x86
from .qemu import comma

ARCH = {"x86": x86, "arm64": arm64}
ICOUNT = ["-icount", "shift=0,sleep=off", "-seed", "1", "-rtc", "base=2026-01-01,clock=vm"]
NVME_BYTES = 16 * 1024 * 1024


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
    command = [os.path.join(options.tools, "mkboot"), "--conf", conf_file, "--boot-file", ARCH[options.arch].BOOT_FILE,
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


def command_line(options, conf, cmdline, folder, qmp_fd):
    """Returns QEMU's arguments. Everything the run needs of its own is put in `folder`."""
    arch = ARCH[options.arch]
    if shutil.which(arch.QEMU) is None:
        raise UsageError(f"{arch.QEMU} is not installed: run tools/setup {arch.DEBIAN}")
    for firmware in arch.FIRMWARE[options.firmware]:
        if not os.path.exists(firmware):
            raise UsageError(f"{firmware} is missing: run tools/setup {arch.DEBIAN}")
    disk = boot_image(options, conf, folder)

    args = [arch.QEMU, "-no-user-config", "-nodefaults", "-display", "none"] + arch.machine(options, folder)
    args += ["-cpu", options.cpu or (arch.CPU_ICOUNT if options.icount else arch.CPU),
             "-smp", str(options.smp), "-m", options.mem,
             "-chardev", f"socket,id=fl-qmp,fd={qmp_fd}", "-mon", "chardev=fl-qmp,mode=control",
             "-chardev", f"stdio,id=fl-console,signal=off,logfile={comma(options.log)}",
             "-serial", "chardev:fl-console",
             "-drive", f"if=none,id=fl-boot,format=raw,snapshot=on,file={comma(disk)}",
             "-device", arch.boot_disk(options)]
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
