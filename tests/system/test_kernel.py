# SPDX-License-Identifier: BSD-2-Clause
"""arm64: a kernel of our own as the guest (tests/guest/arm64/kernel) does at EL1 what Linux never does: every system register, calls of
nonsense to the firmware, more pending interrupts than list registers, every kind of load and store at emulated registers, and the
ways out of stage 2. Each of its lines is a test; its last says that it came to its end.

Without Fairlead (--bare) its tests of protection fail: EL2 has nothing that they ask for.
"""
import os
import re

import pytest

from machine import run_qemu

pytestmark = pytest.mark.arm64

FIRMWARE_AND_CPU = [
    ("aavmf", "cortex-a72", 1),                                         # no VHE
    ("aavmf", "max", 4),                                                # VHE and everything else that QEMU has
    pytest.param("uboot", "neoverse-n1", 4, marks=pytest.mark.full),
    pytest.param("uboot", "cortex-a72", 4, marks=pytest.mark.full),
    pytest.param("aavmf", "neoverse-n1", 1, marks=pytest.mark.full),
]
LIMIT_S = 240
# What has to be among the lines, so that a kernel that leaves something out is seen.
GROUPS = {"id-hidden", "id-shown", "hvc-nonsense", "smc-nonsense", "gic-order", "gic-storm", "timer-virtual", "timer-physical", "mmio-loads",
          "mmio-stores", "memory-reads", "memory-fetches", "memory-walks", "sysreg-read", "sysreg-write", "gic-after-garbage"}
WITH_CPUS = {"gic-sgi-others", "cpu-off-on", "cpu-on-race", "cpu-on-state", "psci-entries"}


@pytest.mark.parametrize("firmware, cpu, cpus", FIRMWARE_AND_CPU)
def test_kernel_of_our_own(arch, keeper, bare, tmp_path, firmware, cpu, cpus):
    keeper.stop()
    options = ["--arch", arch.name, "--firmware", firmware, "--cpu", cpu, "--smp", str(cpus), "--no-reboot",
               "--kernel", os.path.join(arch.files, "testkernel"), "--timeout", str(LIMIT_S), "--log", str(tmp_path / "serial.log")]
    done = run_qemu(*options, *(["--bare", "--append", "bare"] if bare else ["--efi", arch.efi]), timeout=LIMIT_S + 60)
    lines = done.stdout.replace("\r", "").splitlines()
    passed = {line.removeprefix("PASS ") for line in lines if line.startswith("PASS ")}
    failed = [line for line in lines if line.startswith("FAIL ")]
    assert not failed, "\n".join(failed)
    assert GROUPS | (WITH_CPUS if cpus > 1 else set()) <= passed
    assert any(re.fullmatch(r"DONE \d+ passed 0 failed", line) for line in lines), lines[-5:]
    assert done.returncode == 0
