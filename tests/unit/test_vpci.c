/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest sees of the configuration header, of bridges and of the chipset, and how accesses are
 * split. Expectations come from the PCI and PCIe specifications, with numbers written out here: no table of
 * the code under test is used.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/fake/fake_vpci.h"

/* ---- sizes and alignments ---- */

static void test_absent_functions(void **state)
{
	struct vpci_stats stats;

	assert_int_equal(rd(PCI_BDF(0, 9, 0), 0, 1), 0xff);
	assert_int_equal(rd(PCI_BDF(0, 9, 0), 0, 2), 0xffff);
	assert_int_equal(rd(PCI_BDF(0, 9, 0), 0, 4), 0xffffffff);
	assert_true(rd(PCI_BDF(0, 9, 0), 0, 8) == 0xffffffffffffffff);
	wr(PCI_BDF(0, 9, 0), 4, 4, 7);
	vpci_get_stats(&stats);
	assert_int_equal(stats.reads, 4);
	assert_int_equal(stats.writes, 1);
}

static void test_malformed_accesses(void **state)
{
	assert_true(rd(NIC, 0, 3) == 0xffffff);
	assert_true(rd(NIC, 0, 0) == 0xffffffffffffffff);
	assert_true(rd(NIC, 0, 9) == 0xffffffffffffffff);
	assert_int_equal(rd(NIC, 4096, 4), 0xffffffff);
	wr(NIC, 4096, 4, 0);
	wr(NIC, 4, 16, 0);
	assert_int_equal(fake_reg(nic, 4, 2), 0x0103);
}

static void test_splitting(void **state)
{
	/* IDs 8086:10d3; command 0103, status 0010 */
	assert_true(rd(NIC, 0, 8) == 0x0010010310d38086ull);
	assert_int_equal(rd(NIC, 1, 4), 0x0310d380);
	assert_int_equal(rd(NIC, 2, 4), 0x010310d3);
	assert_int_equal(rd(NIC, 3, 2), 0x0310);
	assert_int_equal(rd(NIC, 3, 4), 0x10010310);
	assert_true(rd(NIC, 1, 8) == 0x010010010310d380ull);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(rd(NIC, i, 1), (0x0010010310d38086ull >> (8 * i)) & 0xff);
	/* The end of conventional space; beyond it only extended space of functions that have it. */
	assert_int_equal(rd(SMALL, 0xfe, 4), 0xffff0000);
	assert_int_equal(rd(SMALL, 0x100, 4), 0xffffffff);
	assert_int_equal(rd(NIC, 0xffe, 4), 0xffff0000);
	assert_true(rd(NIC, 0xffc, 8) == 0xffffffff00000000ull);
}

/* A straddling write reaches both dwords, low part first, and neither one's neighbours. */
static void test_straddling_write(void **state)
{
	fake_set(small, 0x50, 4, 0, 0xffffffff, 0);
	fake_set(small, 0x54, 4, 0, 0xffffffff, 0);
	wr(SMALL, 0x53, 2, 0xbbaa);
	assert_int_equal(fake_reg(small, 0x50, 4), 0xaa000000);
	assert_int_equal(fake_reg(small, 0x54, 4), 0x000000bb);
	assert_int_equal(small->last_write_offset, 0x54);
	wr(SMALL, 0x51, 4, 0x04030201);
	assert_int_equal(fake_reg(small, 0x50, 4), 0x03020100);
	assert_int_equal(fake_reg(small, 0x54, 4), 0x00000004);
	wr(SMALL, 0x50, 8, 0x8877665544332211ull);
	assert_int_equal(fake_reg(small, 0x50, 4), 0x44332211);
	assert_int_equal(fake_reg(small, 0x54, 4), 0x88776655);
}

/* ---- header registers ---- */

static void test_read_only_header(void **state)
{
	expect_read_only(NIC, nic, 0x00, 4);
	expect_read_only(NIC, nic, 0x08, 4);
	expect_read_only(NIC, nic, 0x0e, 1);
	expect_read_only(NIC, nic, 0x0f, 1);
	expect_read_only(NIC, nic, 0x28, 4);
	expect_read_only(NIC, nic, 0x2c, 4);
	expect_read_only(NIC, nic, 0x34, 4);
	expect_read_only(NIC, nic, 0x38, 4);
	expect_read_only(NIC, nic, 0x3d, 1);
	expect_read_only(NIC, nic, 0x3e, 2);
	assert_int_equal(rd(NIC, 0x00, 4), 0x10d38086);
	assert_int_equal(rd(NIC, 0x08, 4), 0x02000001);
	assert_int_equal(rd(NIC, 0x2c, 4), 0x11001af4);
	assert_int_equal(rd(NIC, 0x3d, 1), 1);
}

static void test_bist_never_starts(void **state)
{
	fake_set(nic, 0x0f, 1, 0x80, 0xff, 0);
	assert_int_equal(rd(NIC, 0x0f, 1), 0);
	wr(NIC, 0x0c, 4, 0xffff2010);
	assert_int_equal(fake_reg(nic, 0x0c, 4), 0x80002010); /* line size and latency only */
}

static void test_interrupt_line_is_the_guests(void **state)
{
	assert_int_equal(rd(NIC, 0x3c, 1), 11);
	wr(NIC, 0x3c, 1, 5);
	assert_int_equal(rd(NIC, 0x3c, 2), 0x0105);
	assert_int_equal(fake_reg(nic, 0x3c, 1), 11);
}

static void test_command(void **state)
{
	assert_int_equal(rd(NIC, 4, 2), 0x0103);
	wr(NIC, 4, 2,
	   0xffff); /* I/O, memory, bus master, MWI, parity, SERR, INTx: 0x557; never 3, 5, 7, 9, 15:11 */
	assert_int_equal(fake_reg(nic, 4, 2), 0x0557 & 0x05ff);
	assert_int_equal(rd(NIC, 4, 2), 0x0557);
	wr(NIC, 5, 1, 0x00); /* the upper byte alone: SERR and INTx disable go */
	assert_int_equal(fake_reg(nic, 4, 2), 0x0057);
	wr(NIC, 4, 1, 0x06);
	assert_int_equal(fake_reg(nic, 4, 2), 0x0006);
	wr(NIC, 5, 1, 0x04);
	assert_int_equal(rd(NIC, 4, 2), 0x0406);
}

/*
 * PCIe base spec 6.0, 7.5.1.1.4: writing 1 clears, writing 0 leaves; writing Command must not clear Status.
 */
static void test_status(void **state)
{
	fake_put(nic->cfg, 6, 2, 0xf910);
	assert_int_equal(rd(NIC, 6, 2), 0xf910);
	wr(NIC, 4, 4, 0x00000007); /* with Command, as a dword */
	assert_int_equal(fake_reg(nic, 6, 2), 0xf910);
	wr(NIC, 4, 2, 0x0003);
	assert_int_equal(fake_reg(nic, 6, 2), 0xf910);
	wr(NIC, 7, 1, 0x80);
	assert_int_equal(fake_reg(nic, 6, 2), 0x7910);
	wr(NIC, 6, 1, 0xff); /* the low byte has nothing to clear */
	assert_int_equal(fake_reg(nic, 6, 2), 0x7910);
	wr(NIC, 4, 4, 0xffff0007);
	assert_int_equal(fake_reg(nic, 6, 2), 0x0010);
	/* 64-bit write over Command, Status, Revision, Class. */
	fake_put(nic->cfg, 6, 2, 0xf910);
	wr(NIC, 4, 8, 0x0000000008000003ull);
	assert_int_equal(fake_reg(nic, 6, 2), 0xf110);
}

/* ---- bridges and the chipset ---- */

static void test_bridge_registers_are_shadowed(void **state)
{
	u8 before[4096];

	memcpy(before, port->cfg, sizeof(before));
	assert_int_equal(rd(PORT, 0x18, 4), 0x00010100);
	wr(PORT, 0x18, 4, 0x40302010);
	assert_int_equal(rd(PORT, 0x18, 4), 0x40302010);
	wr(PORT, 0x19, 1, 0x55);
	assert_int_equal(rd(PORT, 0x18, 4), 0x40305510);
	wr(PORT, 0x1c, 2, 0xffff);
	assert_int_equal(rd(PORT, 0x1c, 2), 0xf0f0); /* 16-bit I/O window: low nibbles are wired */
	wr(PORT, 0x20, 4, 0xffffffff);
	assert_int_equal(rd(PORT, 0x20, 4), 0xfff0fff0);
	wr(PORT, 0x24, 4, 0);
	assert_int_equal(rd(PORT, 0x24, 4), 0x00010001 & rd(PORT, 0x24, 4));
	assert_int_equal(rd(PORT, 0x24, 2), 0x0001); /* 64-bit capable */
	wr(PORT, 0x28, 8, 0x0123456789abcdefull);
	assert_true(rd(PORT, 0x28, 8) == 0x0123456789abcdefull);
	wr(PORT, 0x30, 4, 0xffffffff);
	assert_int_equal(rd(PORT, 0x30, 4), 0);
	wr(PORT, 0x3e, 2, 0xffff); /* a secondary bus reset, among others */
	assert_int_equal(rd(PORT, 0x3e, 2), 0x0fff);
	wr(PORT, 0x04, 2, 0x0000);
	assert_int_equal(rd(PORT, 0x04, 2), 0x0000);
	assert_memory_equal(before, port->cfg, sizeof(before));
	assert_int_equal(reach(0xfe900000), 0); /* its own BAR follows the guest's wish */
	wr(PORT, 0x04, 2, 0x0002);
	wr(PORT, 0x10, 4, 0xe0000000);
	assert_int_equal(reach(0xe0000000), 0xfe900000);
	assert_memory_equal(before, port->cfg, sizeof(before));
}

static void test_secondary_status(void **state)
{
	fake_put(port->cfg, 0x1e, 2, 0xf900);
	wr(PORT, 0x1c, 2, 0x2010);
	assert_int_equal(fake_reg(port, 0x1e, 2), 0xf900);
	wr(PORT, 0x1f, 1, 0x20);
	assert_int_equal(fake_reg(port, 0x1e, 2), 0xd900);
	wr(PORT, 0x1c, 4, 0xffff0000);
	assert_int_equal(fake_reg(port, 0x1e, 2), 0x0000);
	assert_int_equal(fake_reg(port, 0x1c, 2), 0x00f0);
}

/* Windows that the bridge does not have: nothing sticks, or the guest would believe in them. */
static void test_bridge_without_windows(void **state)
{
	struct fake_fn *f;

	f = fake_add_bridge(PCI_BDF(0, 7, 0), 9, 9);
	fake_set(f, 0x1c, 2, 0, 0, 0);
	fake_set(f, 0x24, 4, 0, 0, 0);
	fake_set(f, 0x28, 4, 0, 0, 0);
	fake_set(f, 0x2c, 4, 0, 0, 0);
	assert_int_equal(pci_objects_init(32), 0);
	assert_int_equal(pci_enumerate(), 6);
	assert_int_equal(vpci_attach(device(PCI_BDF(0, 7, 0))), 0);
	wr(PCI_BDF(0, 7, 0), 0x1c, 2, 0xffff);
	wr(PCI_BDF(0, 7, 0), 0x24, 8, ~0ull);
	assert_int_equal(rd(PCI_BDF(0, 7, 0), 0x1c, 2), 0);
	assert_true(rd(PCI_BDF(0, 7, 0), 0x24, 8) == 0);
}

static void test_bridge_keeps_forwarding(void **state)
{
	fake_put(port->cfg, 4, 2, 0x0003);
	assert_int_equal(vpci_attach(device(PORT)), 0);
	assert_int_equal(fake_reg(port, 4, 2), 0x0007); /* DMA of what is behind needs it */
}

static void test_root_port_capability(void **state)
{
	u8 before[4096];

	memcpy(before, port->cfg, sizeof(before));
	/* No button, controller, sensor, indicators, surprise, hot-plug; no command completed events. */
	assert_int_equal(rd(PORT, 0x54, 4), 0x00040000);
	wr(PORT, 0x58, 4, 0xffffffff); /* slot control, status */
	assert_int_equal(rd(PORT, 0x58, 2), 0x1fff);
	assert_int_equal(rd(PORT, 0x5a, 2), 0x0040);
	wr(PORT, 0x5c, 4, 0xffffffff);
	wr(PORT, 0x60, 4, 0xffffffff);
	wr(PORT, 0x48, 4, 0xffffffff);
	wr(PORT, 0x50, 4, 0xffffffff); /* link disable */
	wr(PORT, 0x68, 4, 0xffffffff);
	assert_memory_equal(before, port->cfg, sizeof(before));
}

static void test_chipset_writes_are_dropped(void **state)
{
	u8 before[4096];
	struct vpci_stats stats;

	memcpy(before, host->cfg, sizeof(before));
	assert_int_equal(rd(HOST, 0x60, 4), 0xb0000001);
	assert_int_equal(rd(HOST, 0x10, 4), 0xfed10000);
	wr(HOST, 0x60, 4, 0xc0000001); /* PCIEXBAR */
	wr(HOST, 0x91, 1, 0x00);
	wr(HOST, 0x10, 4, 0xffffffff);
	wr(HOST, 0x04, 2, 0x0000);
	wr(HOST, 0xe2, 2, 0xffff);
	wr(HOST, 0xe4, 8, ~0ull);
	wr(HOST, 0x0c, 2, 0xffff);
	assert_memory_equal(before, host->cfg, sizeof(before));
	assert_int_equal(rd(HOST, 0x60, 4), 0xb0000001);
	assert_int_equal(rd(HOST, 0x10, 4), 0xfed10000);
	vpci_get_stats(&stats);
	assert_int_equal(stats.refused_writes, 4); /* two registers, two dwords of the capability */
	assert_int_equal(stats.passed_writes, 0);
	assert_int_equal(rd(HOST, 0xe4, 4), 0x11111111);
	assert_int_equal(times_logged("00:00.0: write to chipset register 0x60"), 1);
	assert_int_equal(times_logged("write to chipset register"), 1);
}

/* Bytes of an ordinary function that no capability has: the device's, in the guest's very access. */
static void test_device_specific_bytes_pass(void **state)
{
	struct vpci_stats stats;

	assert_int_equal(rd(SMALL, 0x50, 4), 0x01020304);
	assert_int_equal(small->last_read_size, 4);
	wr(SMALL, 0x52, 2, 0xabcd);
	assert_int_equal(small->last_write_offset, 0x52);
	assert_int_equal(small->last_write_size, 2);
	assert_int_equal(rd(SMALL, 0x50, 4), 0xabcd0304);
	assert_int_equal(rd(SMALL, 0x53, 1), 0xab);
	vpci_get_stats(&stats);
	assert_int_equal(stats.passed_reads, 9);
	assert_int_equal(stats.passed_writes, 2);
	assert_int_equal(stats.refused_writes, 0);
}

/* ---- attaching ---- */

static void test_attach_detach(void **state)
{
	struct pci_dev *dev = device(NIC);
	u32 refs = refcnt_read(&dev->refs);

	assert_int_equal(rd(NIC, 0, 4), 0xffffffff);
	assert_int_equal(vpci_detach(dev), -ENODEV);
	assert_int_equal(vpci_attach(dev), 0);
	assert_int_equal(refcnt_read(&dev->refs), refs + 1);
	assert_int_equal(vpci_attach(dev), -EBUSY);
	assert_int_equal(rd(NIC, 0, 4), 0x10d38086);
	assert_int_equal(refcnt_read(&dev->refs), refs + 1); /* accesses leave none behind */
	assert_true(mappings > 0);
	assert_int_equal(vpci_detach(dev), -EBUSY); /* not withdrawn */
	assert_int_equal(rd(NIC, 0, 4), 0x10d38086);
	assert_int_equal(vpci_withdraw_start(dev), 0);
	assert_int_equal(rd(NIC, 0, 4), 0xffffffff);
	assert_int_equal(refcnt_read(&dev->refs), refs + 1);
	assert_int_equal(vpci_detach(dev), 0);
	assert_int_equal(vpci_withdraw_start(dev), -ENODEV);
	assert_int_equal(refcnt_read(&dev->refs), refs);
	assert_int_equal(mappings, 0);
	assert_int_equal(reach_port(0xc040), 0);
	assert_int_equal(rd(NIC, 0, 4), 0xffffffff);
}

static void test_pool_too_small(void **state)
{
	assert_int_equal(vpci_init(&vm, &test_platform, 1), 0);
	assert_int_equal(vpci_attach(device(NIC)), 0);
	assert_int_equal(vpci_attach(device(SMALL)), -ENOMEM);
	detach(NIC);
	assert_int_equal(vpci_attach(device(SMALL)), 0);
	assert_int_equal(vpci_init(&vm, &(struct vpci_platform){ .map_ports = map_ports }, 1), -EINVAL);
}

static void test_vanished(void **state)
{
	unsigned long writes;

	fake_vanish(nic);
	assert_true(rd(NIC, 0, 8) == ~0ull);
	writes = nic->writes;
	assert_int_equal(rd(NIC, 0x3c, 1), 0xff); /* shadows too */
	assert_int_equal(rd(NIC, 0x10, 4), 0xffffffff);
	wr(NIC, 4, 2, 7);
	assert_int_equal(nic->writes, writes);
	assert_true(device(NIC)->flags & PCI_FLAG_GONE);
	detach(NIC);
	assert_int_equal(reach(0xfeb80000), 0);
}

static void test_function_zero_hidden(void **state)
{
	fake_add(PCI_BDF(0, 7, 0), 0x8086, 1, 0x020000, 0x80);
	fake_add(PCI_BDF(0, 7, 1), 0x8086, 1, 0x020000, 0);
	assert_int_equal(pci_objects_init(32), 0);
	assert_int_equal(pci_enumerate(), 7);
	atomic_fetch_or(&device(PCI_BDF(0, 7, 0))->flags, PCI_FLAG_HIDDEN);
	assert_int_equal(vpci_attach(device(PCI_BDF(0, 7, 1))), 0);
	assert_int_equal(times_logged("the guest will not find 0000:00:07.1"), 1);
}

/* A device that is nothing but capabilities: refused, and nothing of it stays. */
static void test_too_many_capabilities(void **state)
{
	struct fake_fn *f = fake_add(PCI_BDF(0, 7, 0), 0x8086, 1, 0x020000, 0);
	int ret;

	fake_express(f, 0x40, 0);
	for (unsigned int o = 0x80; o < 0xfc; o += 4)
		fake_cap(f, o, 0x01); /* each says to be 8 bytes long */
	for (unsigned int o = 0x100; o < 0x1000; o += 8)
		fake_ext_cap(f, o, 0x0001, 1);
	assert_int_equal(pci_objects_init(32), 0);
	assert_int_equal(pci_enumerate(), 6);
	ret = vpci_attach(device(PCI_BDF(0, 7, 0)));
	assert_true(ret == 0 || ret == -ENOSPC);
	assert_int_equal(times_logged("more than 48 extended capabilities"), 1);
	assert_int_equal(vpci_attach(device(NIC)), 0);
}

static void test_ecam_region(void **state)
{
	static const struct {
		u8 header[44];
		u64 base;
		u16 segment;
		u8 first, last;
		u32 reserved;
	} __attribute__((packed)) mcfg = { .base = 0xb0000000, .segment = 0, .first = 2, .last = 3 };
	u64 at = 0xb0200000 + (31 << 15) + (5 << 12), value = 0;
	struct fake_fn *f;

	fake_add_bridge(PCI_BDF(0, 7, 0), 2, 3);
	fake_add(PCI_BDF(2, 31, 0), 0x1111, 0x2222, 0x020000, 0x80);
	f = fake_add(PCI_BDF(2, 31, 5), 0x3333, 0x4444, 0x020000, 0x80);
	assert_int_equal(pci_objects_init(32), 0);
	assert_int_equal(pci_enumerate(), 8);
	assert_int_equal(vpci_attach(device(PCI_BDF(2, 31, 5))), 0);
	regions = 0;
	assert_int_equal(pci_ecam_init(&mcfg, sizeof(mcfg)), 1);
	assert_int_equal(vpci_add_ecam_regions(&vm), 0);
	assert_int_equal(regions, 1);
	assert_int_equal(region.base, 0xb0200000); /* of bus 2: the window starts there */
	assert_int_equal(region.size, 0x200000);
	region.fn(region.ctx, at, 4, false, &value);
	assert_int_equal(value, 0x44443333);
	value = 0x0406;
	region.fn(region.ctx, at + 4, 2, true, &value);
	assert_int_equal(fake_reg(f, 4, 2), 0x0406 & 0x05ff);
	region.fn(region.ctx, 0xb0300000, 4, false, &value); /* bus 3 */
	assert_int_equal(value, 0xffffffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_absent_functions),
		T(test_malformed_accesses),
		T(test_splitting),
		T(test_straddling_write),
		T(test_read_only_header),
		T(test_bist_never_starts),
		T(test_interrupt_line_is_the_guests),
		T(test_command),
		T(test_status),
		T(test_bridge_registers_are_shadowed),
		T(test_secondary_status),
		BARE(test_bridge_without_windows),
		BARE(test_bridge_keeps_forwarding),
		T(test_root_port_capability),
		T(test_chipset_writes_are_dropped),
		T(test_device_specific_bytes_pass),
		BARE(test_attach_detach),
		BARE(test_pool_too_small),
		T(test_vanished),
		BARE(test_function_zero_hidden),
		BARE(test_too_many_capabilities),
		BARE(test_ecam_region),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
