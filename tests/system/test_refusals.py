# SPDX-License-Identifier: BSD-2-Clause
"""What Fairlead does not start: one line that names the key or the table, then an error status for the firmware.

Many bad configurations share one boot: a script of the UEFI shell puts each in place, starts fairlead.efi and prints its
status. That the script goes on at all shows that the firmware got the machine back in order. What the machine lacks takes
a boot of its own.
"""
import gzip
import os
import re
import struct
import subprocess

import pytest

from arch import X86
from machine import ESCAPES, LOGS, run_qemu

EFI_ERRORS = range(1, 64)       # UEFI 2.10, appendix D; the shell prints them without the high bit that marks an error
BOOT_S = 180

GOOD = "kernel=\\fairlead\\vmlinuz\ninitrd=\\fairlead\\initrd.gz\ncmdline=quiet\n"

# Name: (text of fairlead.conf or None for no file, what the line must name, load options if any)
CONFIGURATIONS = {
    "unknown-key": (GOOD + "colour=blue\n", "colour"),
    "unknown-device-option": (GOOD + "device 00:02.0: hied\n", "hied"),
    "bad-device-selector": (GOOD + "device 00:99.9: hide\n", "00:99.9"),
    "bad-iommu": (GOOD + "iommu=maybe\n", "iommu"),
    "bad-intremap": (GOOD + "intremap=maybe\n", "intremap"),
    "bad-memory": (GOOD + "memory=lots\n", "memory"),
    "memory-overflow": (GOOD + "memory=99999999999999999999G\n", "memory"),
    "bad-cpus": (GOOD + "cpus=-1\n", "cpus"),
    "bad-loglevel": (GOOD + "loglevel=loud\n", "loglevel"),
    "bad-console": (GOOD + "console=printer\n", "console"),
    "no-value": (GOOD + "iommu\n", "iommu"),
    "nul-byte": (GOOD + "iommu=re\0quired\n", ""),
    "no-kernel-key": ("initrd=\\fairlead\\initrd.gz\n", "kernel"),
    "missing-kernel": (GOOD.replace("vmlinuz", "nowhere"), "nowhere"),
    "missing-initrd": (GOOD.replace("initrd.gz", "nothing.gz"), "nothing.gz"),
    "not-a-kernel": (GOOD.replace("vmlinuz", "text"), "text"),
    "truncated-kernel": (GOOD.replace("vmlinuz", "short"), "short"),
    "truncated-in-the-header": (GOOD.replace("vmlinuz", "tiny"), "tiny"),
    "empty-kernel": (GOOD.replace("vmlinuz", "empty"), "empty"),
    "too-little-memory": (GOOD + "memory=32M\n", "memory"),
    "no-room-in-memory": (GOOD + "memory=64M\n", "memory"),
    "given-twice": (GOOD + "memory=512M\nmemory=1G\n", "memory"),
    "unknown-load-option": (GOOD, "--frobnicate", "--frobnicate"),
    "other-conf-that-is-missing": (GOOD, "other.conf", "--conf=\\fairlead\\other.conf"),
    "empty-conf": ("", "kernel"),
    "missing-conf": (None, "fairlead.conf"),
}
# arm64's kernel may be compressed.
ARM64_CONFIGURATIONS = {
    "gzip-of-no-kernel": (GOOD.replace("vmlinuz", "text.gz"), "text.gz"),
    "truncated-gzip": (GOOD.replace("vmlinuz", "short.gz"), "short.gz"),
    "gzip-with-a-wrong-checksum": (GOOD.replace("vmlinuz", "sum.gz"), "sum.gz"),
}
CONFIGURATION_NAMES = [*CONFIGURATIONS, *(pytest.param(name, marks=pytest.mark.arm64) for name in ARM64_CONFIGURATIONS)]


def configurations(arch):
    # The file that is not there comes last.
    return CONFIGURATIONS if arch is X86 else {**ARM64_CONFIGURATIONS, **CONFIGURATIONS}


def bad_kernels(arch, kernel):
    """{name: bytes} of the files that the configurations name."""
    files = {"text": b"This is not a kernel.\n" * 100, "short": kernel[:len(kernel) // 2], "tiny": kernel[:600], "empty": b""}
    if arch is not X86:
        packed = gzip.compress(kernel, 1, mtime=0)
        files |= {"text.gz": gzip.compress(files["text"] * 10000, mtime=0), "short.gz": packed[:len(packed) // 2],
                  "sum.gz": packed[:-8] + bytes(byte ^ 1 for byte in packed[-8:-4]) + packed[-4:]}
    return files


def make_disk(path, folder, arch):
    """A FAT disk with Fairlead, the configurations, the files they name and the script that tries them all."""
    kernel_file, initrd_file = (os.path.join(arch.files, name) for name in ("vmlinuz", "initrd.gz"))
    with open(kernel_file, "rb") as file:
        kernel = file.read()
    files = bad_kernels(arch, kernel)
    script = ["fs1:"]
    for number, (name, (text, _, *options)) in enumerate(configurations(arch).items()):
        if text is None:
            script.append("rm -q \\fairlead\\fairlead.conf")
        else:
            files[f"{number}.conf"] = text.encode()
            script.append(f"cp -q \\fairlead\\{number}.conf \\fairlead\\fairlead.conf")
        script += [f"echo BEGIN-{name}", " ".join(["fairlead.efi", *options]), f"echo STATUS-{name} %lasterror%"]
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "all.nsh").write_bytes("\r\n".join(["@echo -off"] + script + [""]).encode())

    environment = {**os.environ, "MTOOLS_SKIP_CHECK": "1"}

    def tool(*arguments):
        subprocess.run(arguments, check=True, env=environment, stdout=subprocess.DEVNULL)

    size = 24 * 1024 * 1024 + len(kernel) + sum(len(data) for data in files.values())
    size -= size % 1048576
    path.write_bytes(b"")
    os.truncate(path, size)
    tool("mformat", "-i", path, "-T", str(size // 512), "-h", "64", "-s", "32", "::")
    tool("mmd", "-i", path, "::/fairlead")
    tool("mcopy", "-i", path, arch.efi, "::/fairlead.efi")
    tool("mcopy", "-i", path, kernel_file, "::/fairlead/vmlinuz")
    tool("mcopy", "-i", path, initrd_file, "::/fairlead/initrd.gz")
    tool("mcopy", "-i", path, folder / "all.nsh", "::/all.nsh")
    for name in files:
        tool("mcopy", "-i", path, folder / name, f"::/fairlead/{name}")


def serial_text(log):
    """The serial output as lines, without cursor movements."""
    with open(log, encoding="utf-8", errors="replace") as file:
        return re.sub(r"[\r\n]+", "\n", ESCAPES.sub("", file.read()))


def error_lines(text):
    return [line.strip() for line in text.splitlines() if line.strip().startswith("fairlead: error: ")]


@pytest.fixture(scope="module", name="transcript")
def _transcript(keeper, arch, tmp_path_factory):
    """The serial output of the boot that tries all configurations."""
    keeper.stop()
    folder = tmp_path_factory.mktemp("refusals")
    disk = folder / "disk.img"
    make_disk(disk, folder, arch)
    os.makedirs(LOGS, exist_ok=True)
    log = os.path.join(LOGS, f"{arch.prefix}refusals.log")
    device = "ide-hd,bus=ide.1" if arch is X86 else "virtio-blk-pci,disable-legacy=on,iommu_platform=on"
    # Two CPUs, so that each start takes the memory through which the second would be woken, and gives it back.
    # Fairlead on the second disk reads its own volume's configuration, not the first one's, which is a good one.
    done = run_qemu("--arch", arch.name, "--efi", arch.efi, "--shell=--probe\r\nfs1:\\all.nsh", "--timeout", str(BOOT_S * 2), "--log", log,
                    "--smp", "2", "--drive", f"file={disk},if=none,id=refusals,format=raw,snapshot=on",
                    "--device", f"{device},drive=refusals,bootindex=2", timeout=BOOT_S * 2 + 30)
    text = serial_text(log)
    last = list(configurations(arch))[-1]
    assert f"STATUS-{last}" in text, f"the script stopped on the way (run-qemu: {done.returncode}):\n{text[-3000:]}"
    return text


@pytest.mark.parametrize("name", CONFIGURATION_NAMES)
def test_bad_configuration_is_refused(transcript, arch, name):
    """One error line, which names the culprit, and an EFI error status."""
    part = re.search(rf"BEGIN-{name}\n(.*?)STATUS-{name} (\S+)", transcript, re.DOTALL)
    assert part, "fairlead.efi did not come back"
    errors = error_lines(part.group(1))
    assert len(errors) == 1, part.group(1)
    assert configurations(arch)[name][1] in errors[0]
    assert int(part.group(2), 16) in EFI_ERRORS, f"EFI status {part.group(2)} is no error"
    assert "fairlead: memory: 0x" not in part.group(1), "it had begun to take the machine"


PROBED = {"x86": (("SVM", "VT-d"), r"cpus: 2, APIC IDs 0-1; would be woken through 0x[0-9a-f]{5}\n"),
          "arm64": (("GICv3", "SMMUv3", "ITS present"), r"cpus: 2, affinities 0x0 0x1\n")}


def test_probe_reports_and_returns(transcript, arch):
    """--probe says what the machine has, refuses nothing, and the firmware goes on."""
    part = transcript[:transcript.index("BEGIN-")]
    assert not error_lines(part)
    words, cpus = PROBED[arch.name]
    for word in (*words, "00:00.0", arch.boot_disk[0]):
        assert word in part, f"--probe does not mention {word}:\n{part[-3000:]}"
    assert re.search(cpus, part), part[-3000:]


def refused_by_machine(keeper, arch, name, *options):
    """Boot a machine that lacks something. Returns its serial output; run-qemu has to say that Fairlead refused."""
    keeper.stop()
    os.makedirs(LOGS, exist_ok=True)
    log = os.path.join(LOGS, f"{arch.prefix}{name}.log")
    done = run_qemu("--arch", arch.name, "--efi", arch.efi, "--shell=", "--no-devices", "--timeout", str(BOOT_S), "--log", log, *options,
                    timeout=BOOT_S + 30)
    text = serial_text(log)
    status = re.search(r"FAIRLEAD-EFI-STATUS (\S+)", text)
    assert status, f"fairlead.efi did not come back:\n{text[-2000:]}"
    assert int(status.group(1), 16) in EFI_ERRORS
    assert done.returncode == 1, done.stderr
    errors = error_lines(text)
    assert len(errors) == 1, text
    return errors[0]


@pytest.mark.x86
def test_cpu_without_svm_is_refused(keeper, arch):
    assert "SVM" in refused_by_machine(keeper, arch, "no-svm", "--cpu", "EPYC,-svm,+x2apic,-monitor")


@pytest.mark.full     # test_svm_check has the choice
@pytest.mark.x86
def test_cpu_without_nested_paging_is_refused(keeper, arch):
    assert "nested paging" in refused_by_machine(keeper, arch, "no-npt", "--cpu", "EPYC,-npt,+x2apic,-monitor").lower()


# What is given to -machine, and what the line names.
@pytest.mark.arm64
@pytest.mark.parametrize("name, machine, named", [
    ("el1", "virtualization=off", "EL1"),
    ("gicv2", "gic-version=2", "GICv3"),
    ("acpi", "acpi=on", "device tree")], ids=lambda value: None if "=" in value else value.replace(" ", "-"))
def test_machine_that_lacks_something_is_refused(keeper, arch, name, machine, named):
    assert named in refused_by_machine(keeper, arch, name, f"--qemu-arg=-machine {machine}")


@pytest.mark.arm64
@pytest.mark.full
def test_refusal_under_u_boot(keeper, arch):
    """Its boot manager gets the machine back, and says so."""
    keeper.stop()
    done = run_qemu("--arch", arch.name, "--efi", arch.efi, "--firmware", "uboot", "--no-devices", "--timeout", str(BOOT_S),
                    "--qemu-arg=-machine virtualization=off", timeout=BOOT_S + 30)
    assert done.returncode == 1 and "Fairlead refused: fairlead: error: " in done.stderr and "EL1" in done.stderr, done.stderr


def test_no_iommu_is_refused_when_required(keeper, arch):
    line = refused_by_machine(keeper, arch, "no-iommu", "--iommu", "none")
    assert "iommu" in line.lower()


@pytest.mark.x86
def test_no_interrupt_remapping_is_refused_when_required(keeper, arch):
    line = refused_by_machine(keeper, arch, "no-intremap", "--iommu", "vtd-no-intremap")
    assert "intremap=required" in line
    assert "intremap=off" in line       # what to do


# --- IOMMU tables that are malformed: QEMU adds a DMAR table of ours to a machine that has none -----------------------

def dmar(structures, declared=None):
    """A DMAR table (VT-d specification 8.1): ACPI header, host address width, flags, ten reserved bytes. QEMU's
    -acpitable sets length and checksum of what it is given as a whole file."""
    body = struct.pack("<BB10x", 47, 0) + structures
    header = struct.pack("<4sIBB6s8sI4sI", b"DMAR", declared or 36 + len(body), 1, 0, b"FAIRLD", b"FLTEST  ", 1,
                         b"TEST", 1)
    table = bytearray(header + body)
    table[9] = -sum(table) & 0xFF
    return bytes(table)


def drhd(length=16, base=0xFED90000, flags=1):
    """One remapping unit for all devices (8.3)."""
    return struct.pack("<HHBBHQ", 0, length, flags, 0, 0, base)


BAD_DMAR = {
    "drhd-longer-than-the-table": dmar(drhd(length=200)),
    "drhd-of-length-zero": dmar(drhd(length=0)),
    "no-unit-at-all": dmar(b""),
    "unit-at-nothing": dmar(drhd(base=0xFEDA0000)),
    "scope-runs-past-its-unit": dmar(drhd(length=18) + b"\x01\x40"),
}


@pytest.mark.x86
@pytest.mark.parametrize("name", [
    "drhd-longer-than-the-table",
    pytest.param("drhd-of-length-zero", marks=pytest.mark.full),
    pytest.param("no-unit-at-all", marks=pytest.mark.full),
    pytest.param("unit-at-nothing", marks=pytest.mark.full),
    pytest.param("scope-runs-past-its-unit", marks=pytest.mark.full)])
def test_malformed_dmar_is_refused(keeper, arch, tmp_path, name):
    table = tmp_path / "dmar.bin"
    table.write_bytes(BAD_DMAR[name])
    line = refused_by_machine(keeper, arch, f"dmar-{name}", "--iommu", "none", f"--qemu-arg=-acpitable file={table}")
    assert "DMAR" in line
