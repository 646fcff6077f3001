/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capabilities as the guest sees them: which are hidden, what may be written, what a reset and an MSI may
 * do. Expectations come from the PCI and PCIe specifications, with numbers written out here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/fake/fake_vpci.h"

/* ---- capabilities ---- */

static void test_list_without_the_hidden_ones(void **state)
{
	static const u8 expected[][2] = { { 0xc8, 0x01 }, { 0xd0, 0x05 }, { 0x80, 0x10 }, { 0xc0, 0x11 } };
	unsigned int at = (unsigned int)rd(NIC, 0x34, 1);

	assert_int_equal(rd(NIC, 6, 2) & 0x10, 0x10);
	for (unsigned int i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_int_equal(at, expected[i][0]);
		assert_int_equal(rd(NIC, at, 1), expected[i][1]);
		at = (unsigned int)rd(NIC, at + 1, 1);
	}
	assert_int_equal(at, 0);
	/* VPD's bytes are not to be had by knowing where they are: up to the next capability. */
	wr(NIC, 0x60, 8, 0);
	wr(NIC, 0x62, 2, 0xffff);
	assert_int_equal(rd(NIC, 0x60, 4), 0);
	assert_int_equal(rd(NIC, 0x64, 4), 0);
	assert_int_equal(fake_reg(nic, 0x62, 2), 0x1234);
	assert_int_equal(fake_reg(nic, 0x64, 4), 0x55667788);
}

static void test_all_capabilities_hidden(void **state)
{
	struct fake_fn *f;

	f = fake_add(PCI_BDF(0, 7, 0), 0x8086, 1, 0x020000, 0);
	fake_cap(f, 0x40, 0x14); /* enhanced allocation */
	assert_int_equal(pci_objects_init(32), 0);
	assert_int_equal(pci_enumerate(), 6);
	assert_int_equal(vpci_attach(device(PCI_BDF(0, 7, 0))), 0);
	assert_int_equal(rd(PCI_BDF(0, 7, 0), 0x34, 1), 0);
	assert_int_equal(rd(PCI_BDF(0, 7, 0), 6, 2), 0);
	assert_int_equal(rd(PCI_BDF(0, 7, 0), 0x40, 4), 0);
}

static void test_extended_list(void **state)
{
	/* SR-IOV is first and hidden: a null capability leads on. */
	assert_int_equal(rd(NIC, 0x100, 4), 0x14000000);
	assert_int_equal(rd(NIC, 0x140, 4), 0x1c020001);
	assert_int_equal(rd(NIC, 0x1c0, 4), 0x00010003);
	wr(NIC, 0x108, 2, 0xffff);
	wr(NIC, 0x1a6, 2, 0x8000);
	assert_int_equal(fake_reg(nic, 0x108, 2), 0);
	assert_int_equal(fake_reg(nic, 0x1a6, 2), 0);
	assert_int_equal(rd(NIC, 0x1a0, 4), 0);
	assert_int_equal(rd(NIC, 0x1c4, 4), 0x11223344);
	expect_read_only(NIC, nic, 0x1c4, 4);
	expect_read_only(NIC, nic, 0x100, 4);
	assert_int_equal(rd(NIC, 0x800, 4), 0);
}

/* What keeps functions apart is Fairlead's, on devices and ports alike: 7.7.11; ARI's groups: 7.8.8.3. */
static void test_isolation_is_read_only(void **state)
{
	fake_ext_cap(nic, 0x200, 0x000d, 1);
	fake_set(nic, 0x204, 2, 0x005f, 0, 0);
	fake_set(nic, 0x206, 2, 0x001d, 0x007f, 0);
	fake_set(nic, 0x208, 4, 0x00000001, 0xffffffff, 0); /* egress control vector */
	fake_ext_cap(nic, 0x220, 0x000e, 1);
	fake_set(nic, 0x226, 2, 0, 0x0073, 0);
	fake_ext_cap(port, 0x100, 0x000d, 1);
	fake_set(port, 0x106, 2, 0x001d, 0x007f, 0);
	assert_int_equal(vpci_attach(device(NIC)), 0);
	assert_int_equal(vpci_attach(device(PORT)), 0);
	assert_int_equal(rd(NIC, 0x206, 2), 0x001d);
	expect_read_only(NIC, nic, 0x204, 4);
	expect_read_only(NIC, nic, 0x208, 4);
	expect_read_only(NIC, nic, 0x224, 4);
	expect_read_only(PORT, port, 0x104, 4);
}

static void test_aer(void **state)
{
	assert_int_equal(rd(NIC, 0x144, 4), 0x00100000);
	wr(NIC, 0x146, 1, 0x00);
	assert_int_equal(fake_reg(nic, 0x144, 4), 0x00100000);
	wr(NIC, 0x146, 1, 0x10);
	assert_int_equal(fake_reg(nic, 0x144, 4), 0);
	wr(NIC, 0x148, 4, 0xffffffff);
	assert_int_equal(rd(NIC, 0x148, 4), 0x0ffff030);
	wr(NIC, 0x150, 4, 0x0001);
	assert_int_equal(rd(NIC, 0x150, 4), 0x2000);
	expect_read_only(NIC, nic, 0x15c, 4);
}

static void test_power_states(void **state)
{
	struct vpci_stats stats;

	wr(NIC, 0xcc, 2, 0x0001); /* D1, D2 */
	wr(NIC, 0xcc, 1, 0x02);
	assert_int_equal(fake_reg(nic, 0xcc, 2), 0x2000);
	vpci_get_stats(&stats);
	assert_int_equal(stats.refused_writes, 2);
	fake_put(nic->cfg, 0xcc, 2, 0xa000); /* PME status */
	wr(NIC, 0xcc, 2, 0x0103);
	assert_int_equal(fake_reg(nic, 0xcc, 2), 0xa103);
	wr(NIC, 0xcd, 1, 0x80);
	assert_int_equal(fake_reg(nic, 0xcc, 2), 0x2003); /* PME status and enable cleared, state kept */
	expect_read_only(NIC, nic, 0xca, 2);
}

/*
 * D3hot to D0 resets a function without No_Soft_Reset; afterwards BARs must be back where firmware had
 * them.
 */
static void test_wakeup_resets(void **state)
{
	wr(NIC, 0xcc, 2, 3);
	wr(NIC, 0xcc, 2, 0);
	fake_fn_reset(nic); /* what such a function does by itself */
	assert_int_equal(reach(0xfeb80000), 0);
	assert_int_equal(rd(NIC, 4, 2), 0);
	assert_int_equal(rd(NIC, 0x10, 4), 0);
	assert_int_equal(fake_reg(nic, 0x10, 4), 0);
	wr(NIC, 0x10, 4, 0xe0000000);
	wr(NIC, 0x18, 8, 0xa000000000ull);
	wr(NIC, 4, 2, 6);
	assert_int_equal(fake_reg(nic, 0x10, 4), 0xfeb80000);
	assert_int_equal(fake_reg(nic, 0x14, 4), 0xc041);
	assert_int_equal(fake_reg(nic, 0x1c, 4), 0xa0);
	assert_int_equal(fake_reg(nic, 4, 2), 6);
	assert_int_equal(reach(0xe0000000), 0xfeb80000);
	assert_int_equal(device(NIC)->flags, 0);
}

static void test_wakeup_with_no_soft_reset(void **state)
{
	fake_put(nic->cfg, 0xcc, 2, 0x2008);
	wr(NIC, 0xcc, 2, 3);
	wr(NIC, 0xcc, 2, 0);
	assert_int_equal(reach(0xfeb80000), 0xfeb80000);
	assert_int_equal(rd(NIC, 0x10, 4), 0xfeb80000);
}

static void test_function_level_reset(void **state)
{
	fake_put(nic->cfg, 0x88, 2, 0x2830); /* payload 256 bytes, by firmware */
	detach(NIC);
	assert_int_equal(vpci_attach(device(NIC)), 0);
	wr(NIC, 0x89, 1, 0xa8);
	assert_int_equal(nic->resets, 1);
	assert_int_equal(rd(NIC, 0x88, 2) & 0x8000, 0);
	assert_int_equal(rd(NIC, 4, 2), 0);
	assert_int_equal(reach(0xfeb80000), 0);
	wr(NIC, 0x88, 2, 0x2810); /* the driver restores what it saved; payload stays firmware's */
	assert_int_equal(fake_reg(nic, 0x88, 2), 0x2830);
	wr(NIC, 0x10, 4, 0xfeb80000);
	wr(NIC, 4, 2, 6);
	assert_int_equal(fake_reg(nic, 0x10, 4), 0xfeb80000);
	assert_int_equal(reach(0xfeb80000), 0xfeb80000);
}

static void test_device_control(void **state)
{
	wr(NIC, 0x88, 2, 0x7fff);
	/*
	 * Errors, relaxed ordering, extended tags, auxiliary power, no snoop, read request size; payload as
	 * it was; no phantom functions.
	 */
	assert_int_equal(fake_reg(nic, 0x88, 2), 0x7d1f);
	fake_put(nic->cfg, 0x8a, 2, 0x000f);
	wr(NIC, 0x88, 4, 0x00052810);
	assert_int_equal(fake_reg(nic, 0x8a, 2), 0x000a);
	wr(NIC, 0x90, 2, 0xffff); /* link control */
	assert_int_equal(fake_reg(nic, 0x90, 2), 0x0183 & 0x0fdb);
	assert_int_equal(rd(NIC, 0x90, 2), 0x01c3);
	wr(NIC, 0xa8, 2, 0xffff);
	assert_int_equal(fake_reg(nic, 0xa8, 2), 0x035f);
}

/* ---- MSI ---- */

static void test_msi_programming(void **state)
{
	wr(NIC, 0xd4, 4, 0xfee01004);
	wr(NIC, 0xd8, 4, 0);
	wr(NIC, 0xdc, 2, 0x4021);
	assert_int_equal(rd(NIC, 0xd4, 4), 0xfee01004);
	assert_int_equal(rd(NIC, 0xdc, 4), 0x4021);
	wr(NIC, 0xd2, 2, 0x0001);
	assert_int_equal(fake_reg(nic, 0xd4, 4), 0xfee01004);
	assert_int_equal(fake_reg(nic, 0xdc, 2), 0x4021);
	assert_int_equal(fake_reg(nic, 0xd2, 2), 0x0081);
	wr(NIC, 0xd5, 1, 0x20); /* affinity changes while enabled */
	wr(NIC, 0xdc, 1, 0x31);
	assert_int_equal(fake_reg(nic, 0xd4, 4), 0xfee02004);
	assert_int_equal(fake_reg(nic, 0xdc, 2), 0x4031);
}

static void test_msi_that_is_no_interrupt(void **state)
{
	static const struct {
		u64 address;
		u16 data;
	} bad[] = {
		{ 0xfee00000, 0x0200 },
		{ 0xfee00000, 0x0400 },
		{ 0xfee00000, 0x0500 },
		{ 0xfee00000, 0x0700 },
		{ 0xfee00000, 0x0300 },
		{ 0xfee00000, 0x0600 },
		{ 0x12345000, 0x0041 },
		{ 0xfed00000, 0x0041 },
		{ 0xfef00000, 0x0041 },
		{ 0x1fee00000, 0x0041 },
		{ 0, 0 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vpci_stats before, after;

		wr(NIC, 0xd4, 4, bad[i].address);
		wr(NIC, 0xd8, 4, bad[i].address >> 32);
		wr(NIC, 0xdc, 2, bad[i].data);
		vpci_get_stats(&before);
		wr(NIC, 0xd2, 2, 1);
		vpci_get_stats(&after);
		assert_int_equal(fake_reg(nic, 0xd2, 2) & 1, 0);
		assert_int_equal(rd(NIC, 0xd2, 2), 0x0081); /* the guest reads what it wrote */
		assert_int_equal(after.refused_writes, before.refused_writes + 1);
		wr(NIC, 0xd2, 2, 0);
	}
	assert_int_equal(fake_reg(nic, 0xdc, 2), 0);
	/* Enabled with a good one, then changed into bad ones: nothing is sent, and never a bad one. */
	wr(NIC, 0xd4, 4, 0xfee00000);
	wr(NIC, 0xd8, 4, 0);
	wr(NIC, 0xdc, 2, 0x0141); /* lowest priority */
	wr(NIC, 0xd2, 2, 1);
	assert_int_equal(fake_reg(nic, 0xd2, 2) & 1, 1);
	wr(NIC, 0xdd, 1, 0x02);
	assert_int_equal(fake_reg(nic, 0xd2, 2) & 1, 0);
	wr(NIC, 0xd7, 1, 0x00);
	wr(NIC, 0xd8, 1, 0x01);
	assert_int_equal(fake_reg(nic, 0xd2, 2) & 1, 0);
	assert_int_equal(fake_reg(nic, 0xd4, 4), 0xfee00000);
	assert_int_equal(fake_reg(nic, 0xd8, 4), 0);
	assert_int_equal(fake_reg(nic, 0xdc, 2), 0x0141);
	/* Good again, while the guest has it enabled all the time. */
	wr(NIC, 0xd4, 8, 0xfee03000);
	wr(NIC, 0xdc, 2, 0x0045);
	assert_int_equal(fake_reg(nic, 0xd2, 2) & 1, 1);
	assert_int_equal(fake_reg(nic, 0xd4, 4), 0xfee03000);
	assert_int_equal(fake_reg(nic, 0xdc, 2), 0x0045);
	assert_int_equal(times_logged("is not an ordinary interrupt"), 1);
}

/* A second MSI capability would be a way around the checks of the first. */
static void test_second_msi(void **state)
{
	struct fake_fn *f;
	u16 bdf = PCI_BDF(0, 7, 0);

	f = fake_add(bdf, 0x8086, 1, 0x020000, 0);
	for (unsigned int o = 0x40; o <= 0x60; o += 0x20) {
		fake_cap(f, o, 0x05);
		fake_set(f, o + 2, 2, 0, 0x0071, 0);
		fake_set(f, o + 4, 4, 0, 0xfffffffc, 0);
		fake_set(f, o + 8, 2, 0, 0xffff, 0);
	}
	assert_int_equal(pci_objects_init(32), 0);
	assert_int_equal(pci_enumerate(), 6);
	assert_int_equal(vpci_attach(device(bdf)), 0);
	wr(bdf, 0x64, 4, 0x1000);
	wr(bdf, 0x68, 4, 0x0200);
	wr(bdf, 0x62, 2, 1);
	wr(bdf, 0x64, 4, 0xfee00000); /* nor with a message that would be fine */
	wr(bdf, 0x68, 4, 0x0041);
	wr(bdf, 0x62, 2, 1);
	assert_int_equal(rd(bdf, 0x60, 4), 0x00000005);
	assert_int_equal(rd(bdf, 0x64, 4), 0);
	assert_int_equal(fake_reg(f, 0x64, 4), 0);
	assert_int_equal(fake_reg(f, 0x62, 2), 0);
	assert_int_equal(fake_reg(f, 0x68, 4), 0);
}

static void test_msix(void **state)
{
	wr(NIC, 0xc2, 2, 0xffff);
	assert_int_equal(fake_reg(nic, 0xc2, 2), 0xc004);
	assert_int_equal(rd(NIC, 0xc0, 4), 0xc0040011);
	expect_read_only(NIC, nic, 0xc4, 4);
	expect_read_only(NIC, nic, 0xc8, 2); /* the next one's header */
}

/*
 * A vendor's capability goes to the device access by access: virtio's window onto its BARs depends on the
 * size.
 */
static void test_vendor_capability(void **state)
{
	struct fake_fn *f;
	u16 bdf = PCI_BDF(0, 7, 0);

	f = fake_add(bdf, 0x1af4, 0x1041, 0x020000, 0);
	fake_cap(f, 0x40, 0x09);
	fake_set(f, 0x42, 2, 0x0514, 0, 0);
	for (unsigned int o = 0x44; o < 0x54; o += 4)
		fake_set(f, o, 4, 0, 0xffffffff, 0);
	fake_cap(f, 0x54, 0x09); /* says that it is 255 bytes long, over the next one */
	fake_set(f, 0x56, 1, 0xff, 0, 0);
	fake_cap(f, 0x60, 0x14);
	fake_set(f, 0x64, 4, 0x77, 0xffffffff, 0);
	assert_int_equal(pci_objects_init(32), 0);
	assert_int_equal(pci_enumerate(), 6);
	assert_int_equal(vpci_attach(device(bdf)), 0);
	for (unsigned int size = 1; size <= 4; size *= 2) {
		wr(bdf, 0x50, size, 0x01020304);
		assert_int_equal(f->last_write_offset, 0x50);
		assert_int_equal(f->last_write_size, size);
		rd(bdf, 0x50, size);
		assert_int_equal(f->last_read_size, size);
	}
	assert_int_equal(rd(bdf, 0x40, 4), 0x05145409);
	wr(bdf, 0x64, 4, 0);
	assert_int_equal(fake_reg(f, 0x64, 4), 0x77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_list_without_the_hidden_ones),
		BARE(test_all_capabilities_hidden),
		T(test_extended_list),
		BARE(test_isolation_is_read_only),
		T(test_aer),
		T(test_power_states),
		T(test_wakeup_resets),
		T(test_wakeup_with_no_soft_reset),
		T(test_function_level_reset),
		T(test_device_control),
		T(test_msi_programming),
		T(test_msi_that_is_no_interrupt),
		BARE(test_second_msi),
		T(test_msix),
		BARE(test_vendor_capability),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
