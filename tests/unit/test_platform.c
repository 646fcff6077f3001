/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleep, reset, SMI command and configuration mechanism #1, as a guest meets them: through port accesses. Expectations: ACPI 6.5, 4.8.3;
 * PCI Local Bus 3.0, 3.2.2.3.2; Intel ICH9 datasheet, 13.7; the 8042's commands.
 */
#include "fake_x86.h"

#include "arch/x86/closed_ports.h"
#include "arch/x86/pio.h"
#include "arch/x86/platform.h"
#include "drivers/vpci/vpci.h"

#define PM1A_EVENT 0x600
#define PM1A_CONTROL 0x604
#define PM1B_EVENT 0x700
#define PM1B_CONTROL 0x704
#define SMI_COMMAND 0xb0
#define S5_A 5
#define S5_B 6
#define S3 1
#define SCI_ENABLE 0x0001u
#define SLP_EN 0x2000u
#define WAK_STS 0x8000u
#define SLP_TYP(type) ((u32)(type) << 10)

static struct acpi_machine machine = {
	.pm1a_event = PM1A_EVENT,
	.pm1b_event = PM1B_EVENT,
	.pm1_event_length = 4,
	.pm1a_control = PM1A_CONTROL,
	.pm1b_control = PM1B_CONTROL,
	.s5_known = true,
	.s5_type_a = S5_A,
	.s5_type_b = S5_B,
	.smi_command = SMI_COMMAND,
	.acpi_enable = 0xa1,
	.acpi_disable = 0xa0,
	.reset_supported = true,
	.reset_space = ACPI_SPACE_IO,
	.reset_address = 0xc30,
	.reset_value = 0x5a,
};

/* ---- a virtual PCI that records ----------------------------------------------------------------------------------- */

static struct {
	unsigned int reads, writes;
	struct sbdf sbdf;
	unsigned int offset, size;
	u64 value;
} pci;

u64 vpci_read(struct sbdf sbdf, unsigned int offset, unsigned int size)
{
	pci.reads++;
	pci.sbdf = sbdf;
	pci.offset = offset;
	pci.size = size;
	return 0x12345678u >> (8 * (offset & 3)) & GENMASK64(8 * size - 1, 0);
}

void vpci_write(struct sbdf sbdf, unsigned int offset, unsigned int size, u64 value)
{
	pci.writes++;
	pci.sbdf = sbdf;
	pci.offset = offset;
	pci.size = size;
	pci.value = value;
}

/* ---- the guest ---------------------------------------------------------------------------------------------------- */

static u32 in(u16 port, unsigned int size)
{
	u32 value = 0;

	pio_access(port, size, false, &value);
	return value & (u32)GENMASK64(8 * size - 1, 0);
}

static void out(u16 port, unsigned int size, u32 value)
{
	pio_access(port, size, true, &value);
}

static bool resets(u16 port, unsigned int size, u32 value)
{
	return RESETS(out(port, size, value));
}

static int setup(void **state)
{
	memset(fake_port, 0, sizeof(fake_port));
	memset(&pci, 0, sizeof(pci));
	machine.s5_known = true;
	fake_log();
	out(PM1A_EVENT, 2, WAK_STS); /* a refused sleep of the test before */
	out(0xcf8, 4, 0);
	memset(fake_port, 0, sizeof(fake_port));
	ports_forget();
	return 0;
}

static int claim_all(void **state)
{
	return cfg_ports_init() || acpi_pm_init(&machine) || reset_init(&machine) || smi_init(&machine) ||
	       closed_ports_init();
}

/* ---- what is the guest's ------------------------------------------------------------------------------------------ */

/* docs/design/platform-policy.md: the 8259s with their edge/level registers, the 8254 with port 61h, the RTC, the ACPI timer. */
static void legacy_devices_cost_no_exit(void **state)
{
	static const u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1, 0x40, 0x41, 0x42, 0x43, 0x61, 0x70, 0x71, 0x72, 0x73,
				     PM1A_EVENT + 8, PM1A_EVENT + 9, PM1A_EVENT + 10, PM1A_EVENT + 11 };

	for (unsigned int i = 0; i < ARRAY_SIZE(ports); i++)
		assert_false(pio_bitmap[ports[i] / 8] >> (ports[i] % 8) & 1);
}

/* Bit 7 of port 70h holds up the chipset's NMI only: it passes. */
static void the_nmi_disable_bit_passes(void **state)
{
	out(0x70, 1, 0x8f);
	assert_one_write(0x70, 1, 0x8f);
}

/* ---- sleep -------------------------------------------------------------------------------------------------------- */

static void power_off_passes(void **state)
{
	out(PM1A_CONTROL, 2, SLP_TYP(S5_A) | SLP_EN | SCI_ENABLE);
	assert_one_write(PM1A_CONTROL, 2, SLP_TYP(S5_A) | SLP_EN | SCI_ENABLE);
	ports_forget();
	out(PM1B_CONTROL, 2, SLP_TYP(S5_B) | SLP_EN);
	assert_one_write(PM1B_CONTROL, 2, SLP_TYP(S5_B) | SLP_EN);
	assert_int_equal(in(PM1A_EVENT, 2) & WAK_STS, 0);
}

/* Each block has its own sleep type. */
static void power_off_needs_the_type_of_its_block(void **state)
{
	out(PM1A_CONTROL, 2, SLP_TYP(S5_B) | SLP_EN);
	out(PM1B_CONTROL, 2, SLP_TYP(S5_A) | SLP_EN);
	for (unsigned int i = 0; i < port_write_count; i++)
		assert_int_equal(port_writes[i].value & SLP_EN, 0);
}

static void other_sleeps_are_refused(void **state)
{
	for (u32 type = 0; type < 8; type++) {
		if (type == S5_A)
			continue;
		ports_forget();
		out(PM1A_CONTROL, 2, SLP_TYP(type) | SLP_EN | SCI_ENABLE);
		for (unsigned int i = 0; i < port_write_count; i++)
			assert_int_equal(port_writes[i].value & SLP_EN, 0);
		assert_int_equal(in(PM1A_EVENT, 2) & WAK_STS, WAK_STS);
	}
	assert_true(log_lines >= 7);
}

static void a_byte_write_of_slp_en_is_seen(void **state)
{
	out(PM1A_CONTROL + 1, 1, (SLP_TYP(S3) | SLP_EN) >> 8);
	for (unsigned int i = 0; i < port_write_count; i++)
		assert_int_equal(port_writes[i].value & (SLP_EN >> 8), 0);
	assert_int_equal(in(PM1A_EVENT + 1, 1) & 0x80, 0x80);
	out(PM1A_EVENT, 2, WAK_STS);
	ports_forget();
	out(PM1A_CONTROL + 1, 1, (SLP_TYP(S5_A) | SLP_EN) >> 8);
	assert_one_write(PM1A_CONTROL + 1, 1, (SLP_TYP(S5_A) | SLP_EN) >> 8);
}

/* A dword write runs past the register; one that begins before it is no way around, either. */
static void wider_and_straddling_writes_are_seen(void **state)
{
	out(PM1A_CONTROL, 4, SLP_TYP(S3) | SLP_EN);
	out(PM1A_CONTROL - 1, 4, (SLP_TYP(S3) | SLP_EN) << 8);
	assert_int_equal(fake_port[PM1A_CONTROL + 1] & (SLP_EN >> 8), 0);
	assert_int_equal(in(PM1A_EVENT, 2) & WAK_STS, WAK_STS);
}

static void without_s5_no_sleep_passes(void **state)
{
	machine.s5_known = false;
	for (u32 type = 0; type < 8; type++) {
		out(PM1A_CONTROL, 2, SLP_TYP(type) | SLP_EN);
		assert_int_equal(fake_port[PM1A_CONTROL + 1] & (SLP_EN >> 8), 0);
	}
}

static void control_without_slp_en_passes(void **state)
{
	out(PM1A_CONTROL, 2, SLP_TYP(S3) | SCI_ENABLE);
	assert_one_write(PM1A_CONTROL, 2, SLP_TYP(S3) | SCI_ENABLE);
	assert_int_equal(in(PM1A_CONTROL, 2), SLP_TYP(S3) | SCI_ENABLE);
	assert_int_equal(in(PM1A_EVENT, 2) & WAK_STS, 0);
}

static void wake_status_stays_until_cleared(void **state)
{
	fake_port[PM1A_EVENT] = 0x21; /* global lock, timer */
	out(PM1A_CONTROL, 2, SLP_TYP(S3) | SLP_EN);
	assert_int_equal(in(PM1A_EVENT, 2), WAK_STS | 0x21);
	ports_forget();
	out(PM1A_EVENT, 2, 0x0001); /* another bit is cleared: goes to the hardware, WAK_STS stays */
	assert_one_write(PM1A_EVENT, 2, 0x0001);
	assert_int_equal(in(PM1A_EVENT + 1, 1), 0x80);
	assert_int_equal(in(PM1A_EVENT, 1) & 0x80, 0); /* the low byte has no WAK_STS */
	out(PM1A_EVENT + 1, 1, 0x80);
	fake_port[PM1A_EVENT + 1] = 0;
	assert_int_equal(in(PM1A_EVENT, 2) & WAK_STS, 0);
}

/* ---- reset -------------------------------------------------------------------------------------------------------- */

static void cf9_resets(void **state)
{
	assert_true(resets(0xcf9, 1, 0x06));
	assert_true(resets(0xcf9, 1, 0x0e));
	assert_true(resets(0xcf9, 1, 0x04));
	assert_true(resets(0xcf8, 2, 0x0600)); /* as the upper byte of a word */
	assert_true(resets(0xcf6, 4, 0x06000000));
	assert_int_equal(port_write_count, 2); /* CF6h and CF7h of the last one */
}

static void cf9_without_rst_cpu_passes(void **state)
{
	assert_false(resets(0xcf9, 1, 0x02));
	assert_one_write(0xcf9, 1, 0x02);
	assert_int_equal(in(0xcf9, 1), 0x02);
}

static void keyboard_controller_resets(void **state)
{
	for (u32 command = 0; command < 0x100; command++) {
		bool pulses_reset = command >= 0xf0 && !(command & 1);

		assert_int_equal(resets(0x64, 1, command), pulses_reset);
	}
}

static void keyboard_output_port_resets(void **state)
{
	assert_false(resets(0x64, 1, 0xd1));
	assert_true(resets(0x60, 1, 0xfe));
	assert_false(resets(0x64, 1, 0xd1));
	assert_false(resets(0x60, 1, 0xdf));
	assert_false(resets(0x60, 1, 0xfe)); /* now data for the keyboard */
}

static void port_92_resets(void **state)
{
	assert_true(resets(0x92, 1, 0x03));
	assert_false(resets(0x92, 1, 0x02));
	assert_one_write(0x92, 1, 0x02);
}

static void acpi_register_resets(void **state)
{
	assert_false(resets(0xc30, 1, 0x59));
	assert_one_write(0xc30, 1, 0x59);
	assert_true(resets(0xc30, 1, 0x5a));
	assert_int_equal(port_write_count, 1);
}

static void a20_stays_on(void **state)
{
	out(0x92, 1, 0x00);
	assert_one_write(0x92, 1, 0x02);
	ports_forget();
	out(0x64, 1, 0xdd); /* disable A20 */
	out(0x64, 1, 0xfd); /* pulse it */
	assert_int_equal(port_write_count, 0);
	out(0x64, 1, 0xd1);
	out(0x60, 1, 0xdd);
	assert_int_equal(port_writes[1].port, 0x60);
	assert_int_equal(port_writes[1].value, 0xdf);
}

static void keyboard_data_passes(void **state)
{
	fake_port[0x60] = 0x1c;
	fake_port[0x64] = 0x01;
	assert_int_equal(in(0x60, 1), 0x1c);
	assert_int_equal(in(0x64, 1), 0x01);
	out(0x60, 1, 0xed);
	assert_one_write(0x60, 1, 0xed);
}

/* ---- SMI ---------------------------------------------------------------------------------------------------------- */

static void smi_command_only_enables_acpi(void **state)
{
	for (u32 command = 0; command < 0x100; command++) {
		ports_forget();
		out(SMI_COMMAND, 1, command);
		assert_int_equal(port_write_count, command == machine.acpi_enable);
		ports_forget();
		out(0xb2, 1, command); /* the chipset's, not the one that the FADT names */
		assert_int_equal(port_write_count, 0);
	}
	fake_port[SMI_COMMAND] = 0x77;
	assert_int_equal(in(SMI_COMMAND, 1), 0x77);
}

static void smi_command_in_a_wider_write(void **state)
{
	out(0xb2, 2, 0x00a1);
	out(SMI_COMMAND, 2, 0x00a0);
	for (unsigned int i = 0; i < port_write_count; i++) {
		assert_int_not_equal(port_writes[i].port, 0xb2);
		assert_int_not_equal(port_writes[i].port, SMI_COMMAND);
	}
}

/* ---- closed ports ------------------------------------------------------------------------------------------------- */

/* fw_cfg's DMA takes any physical address, and no IOMMU stands in its way (QEMU, docs/specs/fw_cfg.rst). */
static void fw_cfg_is_closed(void **state)
{
	out(0x510, 2, 0x0000);
	out(0x514, 4, 0x00000000);
	out(0x518, 4, 0x00100000);
	out(0x516, 4, 0x12345678);
	assert_int_equal(in(0x511, 1), 0xff);
	assert_int_equal(in(0x514, 4), 0xffffffff);
	assert_int_equal(port_write_count + port_read_count, 0);
}

static void ports_of_a_hidden_device_are_closed(void **state)
{
	static struct pci_dev dev;

	dev.bar[1].type = PCI_BAR_IO;
	dev.bar[1].base = 0x6000;
	dev.bar[1].size = 0x20;
	assert_int_equal(closed_ports_hide(&dev), 0);
	out(0x601f, 1, 1);
	assert_int_equal(in(0x6000, 4), 0xffffffff);
	assert_int_equal(port_write_count + port_read_count, 0);
	assert_int_equal(closed_ports_hide(&dev), -EEXIST);
	dev.bar[1].base = 0xfff0; /* nonsense: past the last port */
	assert_int_equal(closed_ports_hide(&dev), 0);
}

/* ---- configuration mechanism #1 ----------------------------------------------------------------------------------- */

static void address_is_a_dword_latch(void **state)
{
	out(0xcf8, 4, 0xffffffff);
	assert_int_equal(in(0xcf8, 4), 0x80fffffc); /* reserved bits read as zero */
	out(0xcf8, 1, 0x12);
	out(0xcf8, 2, 0x0034);
	out(0xcfa, 2, 0x5678);
	out(0xcfb, 1, 0x9a);
	assert_int_equal(in(0xcf8, 4), 0x80fffffc);
}

static void data_goes_to_the_function(void **state)
{
	out(0xcf8, 4, 0x80000000 | 0x03 << 16 | 0x1f << 11 | 2 << 8 | 0x40);
	assert_int_equal(in(0xcfc, 4), 0x12345678);
	assert_int_equal(pci.sbdf.segment, 0);
	assert_int_equal(pci.sbdf.bdf, PCI_BDF(3, 0x1f, 2));
	assert_int_equal(pci.offset, 0x40);
	assert_int_equal(pci.size, 4);
	assert_int_equal(in(0xcfe, 2), 0x1234);
	assert_int_equal(pci.offset, 0x42);
	assert_int_equal(in(0xcfd, 1), 0x56);
	out(0xcff, 1, 0xab);
	assert_int_equal(pci.writes, 1);
	assert_int_equal(pci.offset, 0x43);
	assert_int_equal(pci.size, 1);
	assert_int_equal(pci.value, 0xab);
	assert_int_equal(port_write_count + port_read_count, 0);
}

static void disabled_data_port_answers_ones(void **state)
{
	out(0xcf8, 4, 0x00000040);
	assert_int_equal(in(0xcfc, 4), 0xffffffff);
	out(0xcfc, 4, 0);
	assert_int_equal(pci.reads + pci.writes, 0);
	assert_int_equal(port_write_count, 0);
}

static void data_access_past_the_window_is_split(void **state)
{
	fake_port[0xd00] = 0x99;
	out(0xcf8, 4, 0x80000040);
	assert_int_equal(in(0xcff, 2), 0x9912);
	assert_int_equal(pci.size, 1);
	assert_int_equal(pci.offset, 0x43);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(legacy_devices_cost_no_exit, setup),
		cmocka_unit_test_setup(the_nmi_disable_bit_passes, setup),
		cmocka_unit_test_setup(power_off_passes, setup),
		cmocka_unit_test_setup(power_off_needs_the_type_of_its_block, setup),
		cmocka_unit_test_setup(other_sleeps_are_refused, setup),
		cmocka_unit_test_setup(a_byte_write_of_slp_en_is_seen, setup),
		cmocka_unit_test_setup(wider_and_straddling_writes_are_seen, setup),
		cmocka_unit_test_setup(without_s5_no_sleep_passes, setup),
		cmocka_unit_test_setup(control_without_slp_en_passes, setup),
		cmocka_unit_test_setup(wake_status_stays_until_cleared, setup),
		cmocka_unit_test_setup(cf9_resets, setup),
		cmocka_unit_test_setup(cf9_without_rst_cpu_passes, setup),
		cmocka_unit_test_setup(keyboard_controller_resets, setup),
		cmocka_unit_test_setup(keyboard_output_port_resets, setup),
		cmocka_unit_test_setup(port_92_resets, setup),
		cmocka_unit_test_setup(acpi_register_resets, setup),
		cmocka_unit_test_setup(a20_stays_on, setup),
		cmocka_unit_test_setup(keyboard_data_passes, setup),
		cmocka_unit_test_setup(smi_command_only_enables_acpi, setup),
		cmocka_unit_test_setup(smi_command_in_a_wider_write, setup),
		cmocka_unit_test_setup(fw_cfg_is_closed, setup),
		cmocka_unit_test_setup(ports_of_a_hidden_device_are_closed, setup),
		cmocka_unit_test_setup(address_is_a_dword_latch, setup),
		cmocka_unit_test_setup(data_goes_to_the_function, setup),
		cmocka_unit_test_setup(disabled_data_port_answers_ones, setup),
		cmocka_unit_test_setup(data_access_past_the_window_is_split, setup),
	};

	return cmocka_run_group_tests(tests, claim_all, NULL);
}
