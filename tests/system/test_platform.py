# SPDX-License-Identifier: BSD-2-Clause
"""The platform policy: what would move memory, put the machine to sleep or switch the protection off is refused.

Registers are compared from outside: configuration space through its window in memory, ports through QEMU's monitor.
"""
import pytest

pytestmark = pytest.mark.x86

PM1_CONTROL = 0x604         # of QEMU's q35
SCI_ENABLED = 1 << 0        # ACPI 6.5, table 4.16
SLEEP_ENABLE = 1 << 13
SLEEP_TYPE = {"S3": 1 << 10, "S4": 2 << 10}     # as QEMU's DSDT says
SMI_COMMAND, ACPI_DISABLE = 0xB2, 3
EFER, EFER_SVME = 0xC0000080, 1 << 12

CHIPSET = [     # function, offset, name: Intel 3 Series MCH and ICH9 data sheets
    ("00:00.0", 0x60, "PCIEXBAR"),
    ("00:00.0", 0x64, "PCIEXBAR-high"),
    ("00:00.0", 0x90, "PAM0-3"),
    ("00:00.0", 0x94, "PAM4-6"),
    ("00:00.0", 0x9C, "SMRAM"),
    ("00:1f.0", 0x40, "PMBASE"),
    ("00:1f.0", 0x44, "ACPI_CNTL"),
    ("00:1f.0", 0xA0, "GEN_PMCON_1"),
    ("00:1f.0", 0xF0, "RCBA"),
]

MSRS = [        # AMD64 APM volume 2, appendix A; BKDG
    (0x79, "microcode-update-intel"),
    (0xC0010020, "PATCH_LOADER"),
    (0xC0010010, "SYSCFG"),
    (0xC0010015, "HWCR"),
    (0xC0010016, "IORR_BASE0"),
    (0xC0010017, "IORR_MASK0"),
    (0xC001001A, "TOP_MEM"),
    (0xC001001D, "TOP_MEM2"),
    (0xC0010111, "SMM_BASE"),
    (0xC0010112, "SMM_ADDR"),
    (0xC0010113, "SMM_MASK"),
    (0xC0010114, "VM_CR"),
    (0xC0010117, "VM_HSAVE_PA"),
]


def bdf_offset(bdf, offset):
    bus, rest = bdf.split(":")
    device, function = rest.split(".")
    return int(bus, 16) << 20 | int(device, 16) << 15 | int(function) << 12 | offset


def still_runs(guest):
    assert guest.qmp.command("query-status")["status"] == "running"
    assert guest.sh("echo alive").output.strip() == "alive"


@pytest.mark.parametrize("state", ["S3", "S4"])
def test_sleep_by_pm1_control_is_refused(guest, state):
    since = guest.mark()
    value = guest.sh(f"portio in 2 {PM1_CONTROL:#x}").number() & SCI_ENABLED
    guest.sh(f"portio out 2 {PM1_CONTROL:#x} {value | SLEEP_TYPE[state] | SLEEP_ENABLE:#x}")
    still_runs(guest)
    guest.wait_for_fairlead("^(warning: )?platform: ", since)


def test_sleep_in_two_bytes_is_refused(guest):
    """The upper half of PM1_CNT by a byte of its own."""
    guest.sh(f"portio out 1 {PM1_CONTROL + 1:#x} {(SLEEP_TYPE['S3'] | SLEEP_ENABLE) >> 8:#x}")
    still_runs(guest)


def test_suspend_by_the_kernel_comes_back(guest):
    """Linux tries to sleep; whether it says no or wakes at once, the machine works afterwards."""
    guest.run("echo mem > /sys/power/state", 120)
    still_runs(guest)
    guest.sh("ping -c 1 -W 20 10.0.2.2")


def test_smi_command_port_is_guarded(guest):
    """ACPI_DISABLE would hand power management back to firmware: it does not arrive."""
    assert guest.qmp.port(PM1_CONTROL, 2) & SCI_ENABLED
    guest.sh(f"portio out 1 {SMI_COMMAND:#x} {ACPI_DISABLE}")
    assert guest.qmp.port(PM1_CONTROL, 2) & SCI_ENABLED


@pytest.mark.parametrize("bdf, offset, name", CHIPSET, ids=[name for _, _, name in CHIPSET])
def test_chipset_register_does_not_change(guest, bdf, offset, name):
    """Each byte inverted, by both doors and in each size."""
    base = guest.ecam()
    outside = base + bdf_offset(bdf, offset)
    before = guest.qmp.memory32(outside)
    for door in ("cf8", f"ecam={base:#x}"):
        for size in (4, 2, 1):
            for at in range(0, 4, size):
                value = (before >> 8 * at ^ 0xFFFFFFFF) & ((1 << 8 * size) - 1)
                guest.sh(f"cfgspace {door} write {size} {bdf} {offset + at:#x} {value:#x}")
                assert guest.qmp.memory32(outside) == before, f"{name}: {size} bytes at +{at} through {door}"
    assert guest.sh(f"cfgspace cf8 read 4 {bdf} {offset:#x}").number() == before


@pytest.mark.parametrize("msr, name", MSRS, ids=[name for _, name in MSRS])
def test_routing_msr_does_not_change(guest, msr, name):
    """Refused with #GP, or dropped: a read afterwards gives what it gave before."""
    before = guest.run(f"msr read {msr:#x}")
    old = before.number() if before.status == 0 else 0
    written = guest.run(f"msr write {msr:#x} {old ^ 0x7654000:#x}")
    after = guest.run(f"msr read {msr:#x}")
    assert (after.status, after.output) == (before.status, before.output), f"{name} took the write ({written})"
    assert written.status != 0 or before.status == 0, f"{name} can be written but not read"
    still_runs(guest)


def test_svm_cannot_be_enabled(guest):
    """EFER.SVME reads as 0 and a write that sets it is refused: there is no SVM in the guest."""
    efer = guest.sh(f"msr read {EFER:#x}").number()
    assert not efer & EFER_SVME
    refused = guest.run(f"msr write {EFER:#x} {efer | EFER_SVME:#x}")
    assert refused.status == 1 and "error=gp" in refused.output
    assert guest.sh(f"msr read {EFER:#x}").number() == efer
    assert " svm " not in guest.sh("grep -m1 flags /proc/cpuinfo").output + " "


def test_unknown_msr_is_refused(guest):
    for msr in (0x12345, 0xC0001234, 0x40000123):
        for command in (f"msr read {msr:#x}", f"msr write {msr:#x} 1"):
            result = guest.run(command)
            assert result.status == 1 and "error=gp" in result.output, command


def test_common_msrs_read_sanely(guest):
    apic_base = guest.sh("msr read 0x1b").number()
    assert apic_base & 0xFFFFFF000 == 0xFEE00000 and apic_base & 1 << 11
    pat = guest.sh("msr read 0x277").number()
    assert all((pat >> 8 * i & 0xFF) in (0, 1, 4, 5, 6, 7) for i in range(8))
    capabilities = guest.sh("msr read 0xfe").number()
    assert capabilities & 0xFF <= 16, "more variable MTRRs than any CPU has"


def test_string_input_from_a_trapped_port(guest):
    """REP INSD from the configuration data port gives the same dword each time."""
    guest.sh("portio out 4 0xcf8 0x80000000")
    one = guest.sh("cfgspace cf8 read 4 00:00.0 0").number()
    text = guest.sh("portio out 4 0xcf8 0x80000000; portio ins 4 0xcfc 5").values["bytes"]
    words = [int.from_bytes(bytes.fromhex(text[i:i + 8]), "little") for i in range(0, len(text), 8)]
    assert words == [one] * 5


def test_string_output_to_a_trapped_port(guest):
    """REP OUTSB to the emulated serial port comes out whole."""
    since = guest.mark()
    guest.sh(r"sleep 0.2; portio outs 1 0x3f8 '\nstring-output-0123456789\n'; sleep 0.2")
    assert "string-output-0123456789" in guest.transcript[since:].replace("'\\nstring-output-0123456789\\n'", "")
