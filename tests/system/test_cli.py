# SPDX-License-Identifier: BSD-2-Clause
"""run-qemu's own errors: one line that names what is wrong, exit status 2; and its time limit."""
import os

import pytest

from machine import run_qemu

USAGE_ERROR, TIME_LIMIT = 2, 124


@pytest.mark.parametrize("options, named", [
    (["--no-such-option"], "--no-such-option"),
    (["--mem", "lots"], "lots"),
    (["--smp", "0"], "0"),
    (["--smp", "many"], "many"),
    (["--timeout", "-1"], "-1"),
    (["--iommu", "sometimes"], "sometimes"),
    (["--kernel", "/nonexistent/vmlinuz"], "/nonexistent/vmlinuz"),
    (["--initrd", "/nonexistent/initrd"], "/nonexistent/initrd"),
    (["--efi", "/nonexistent/fairlead.efi"], "/nonexistent/fairlead.efi"),
    (["--bare", "--set", "iommu=off"], "--bare"),
    (["--set", "nonsense"], "nonsense"),
    (["--arch", "mips"], "mips"),
    (["--iommu", "smmuv3"], "smmuv3"),
    (["--firmware", "uboot"], "uboot"),
    (["--arch", "arm64", "--iommu", "vtd"], "vtd"),
    (["--arch", "arm64", "--firmware", "ovmf"], "ovmf"),
    (["--arch", "arm64", "--firmware", "uboot", "--shell="], "--shell"),
    (["--arch", "arm64", "--accel", "kvm"], "kvm"),
    (["--arch", "arm64", "--efi", "/nonexistent/fairlead.efi"], "/nonexistent/fairlead.efi"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_wrong_option_is_named_in_one_line(options, named):
    done = run_qemu(*options)
    assert done.returncode == USAGE_ERROR
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("run-qemu: ") and named in lines[0], done.stderr
    assert done.stdout == ""


def test_conf_that_is_missing(tmp_path):
    missing = tmp_path / "missing.conf"
    done = run_qemu("--conf", str(missing), "--efi", __file__)
    assert done.returncode == USAGE_ERROR
    assert str(missing) in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_help_names_every_option_of_the_manual():
    done = run_qemu("--help")
    assert done.returncode == 0
    for option in ("arch iommu firmware accel cpu smp mem device netdev drive qemu-arg kernel initrd append set conf efi timeout "
                   "log icount qmp gdb bare").split():
        assert f"--{option}" in done.stdout


def test_time_limit_ends_the_machine(keeper, tmp_path):
    keeper.stop()
    log = tmp_path / "serial.log"
    done = run_qemu("--bare", "--no-devices", "--timeout", "3", "--log", str(log))
    assert done.returncode == TIME_LIMIT
    assert "time limit" in done.stderr
    assert os.path.exists(log)


def test_qemu_that_fails_is_reported(keeper):
    keeper.stop()
    done = run_qemu("--bare", "--no-devices", "--device", "no-such-device", "--timeout", "30")
    assert done.returncode == 3
    assert "no-such-device" in done.stderr
