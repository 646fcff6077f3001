/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Base address registers as the guest sees them: sizing, relocation, overlaps, and what is not given at
 * all. Expectations come from PCI Local Bus 3.0, 6.2.5, with numbers written out here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/fake/fake_vpci.h"

/* ---- BARs ---- */

static void test_sizing(void **state)
{
	static const struct {
		unsigned int offset;
		u32 reads, restore;
	} bars[] = {
		{ 0x10, 0xfffe0000, 0xfeb80000 }, { 0x14, 0xffffffe1, 0x0000c041 },
		{ 0x18, 0xffffc00c, 0x0000000c }, { 0x1c, 0xffffffff, 0x000000a0 },
		{ 0x20, 0x00000000, 0x00000000 }, { 0x24, 0x00000000, 0x00000000 },
		{ 0x30, 0xfffc0001, 0xfe000000 },
	};
	u8 before[0x40];

	wr(NIC, 4, 2, 0); /* decoding off, as software does it */
	memcpy(before, nic->cfg, sizeof(before));
	for (unsigned int i = 0; i < ARRAY_SIZE(bars); i++) {
		assert_int_equal(rd(NIC, bars[i].offset, 4), bars[i].restore);
		wr(NIC, bars[i].offset, 4, bars[i].offset == 0x30 ? 0xfffff800 : 0xffffffff);
		assert_int_equal(rd(NIC, bars[i].offset, 4),
				 bars[i].offset == 0x30 ? bars[i].reads & ~1u : bars[i].reads);
		wr(NIC, bars[i].offset, 4, bars[i].restore);
		assert_int_equal(rd(NIC, bars[i].offset, 4), bars[i].restore);
	}
	assert_memory_equal(before, nic->cfg, sizeof(before));
	assert_int_equal(mappings, 2); /* the small device's page and the port's register */
}

/*
 * Byte by byte the size comes out the same, and a byte written into a BAR changes that byte of the address
 * only.
 */
static void test_partial_bar_writes(void **state)
{
	wr(NIC, 4, 2, 0);
	for (unsigned int i = 0; i < 4; i++)
		wr(NIC, 0x10 + i, 1, 0xff);
	assert_int_equal(rd(NIC, 0x10, 4), 0xfffe0000);
	wr(NIC, 0x12, 2, 0xe000);
	assert_int_equal(rd(NIC, 0x10, 4), 0xe0000000);
	wr(NIC, 0x12, 1, 0x14);
	assert_int_equal(rd(NIC, 0x10, 4), 0xe0140000);
	wr(NIC, 0x11, 4, 0xaaf00000); /* straddles into BAR 1's lowest byte */
	assert_int_equal(rd(NIC, 0x10, 4), 0xf0000000);
	assert_int_equal(rd(NIC, 0x14, 4), 0x0000c0a1);
	wr(NIC, 0x18, 8, 0x000000b000008000ull);
	assert_true(rd(NIC, 0x18, 8) == 0x000000b00000800cull);
	assert_int_equal(fake_reg(nic, 0x10, 4), 0xfeb80000);
	assert_int_equal(fake_reg(nic, 0x1c, 4), 0xa0);
}

static void test_mapped_where_firmware_put_it(void **state)
{
	assert_int_equal(reach(0xfeb80000), 0xfeb80000);
	assert_int_equal(reach(0xfeb9ffff), 0xfeb9ffff);
	assert_int_equal(reach(0xa000003fff), 0xa000003fff);
	assert_int_equal(reach(0xfe000000), 0); /* the ROM is off */
	assert_int_equal(reach_port(0xc040), 0xc040);
	assert_int_equal(reach(0xfe800000), 0); /* memory decoding is off there */
}

static void test_decode_off_and_on(void **state)
{
	wr(NIC, 4, 1, 0x01);
	assert_int_equal(reach(0xfeb80000), 0);
	assert_int_equal(reach(0xa000000000), 0);
	assert_int_equal(reach_port(0xc040), 0xc040);
	assert_int_equal(fake_reg(nic, 4, 2), 0x0101);
	wr(NIC, 4, 1, 0x02);
	assert_int_equal(reach(0xfeb80000), 0xfeb80000);
	assert_int_equal(reach_port(0xc040), 0);
}

static void test_relocation(void **state)
{
	/* In the middle of decoding, as hardware allows it. */
	wr(NIC, 0x10, 4, 0xe0000000);
	assert_int_equal(reach(0xfeb80000), 0);
	assert_int_equal(reach(0xe0001234), 0xfeb81234);
	wr(NIC, 0x14, 4, 0xd000);
	assert_int_equal(reach_port(0xd004), 0xc044);
	assert_int_equal(reach_port(0xc044), 0);
	/* Off, both halves, on. */
	wr(NIC, 4, 2, 0);
	wr(NIC, 0x18, 4, 0x00004000);
	wr(NIC, 0x1c, 4, 0xc0);
	wr(NIC, 4, 2, 2);
	assert_int_equal(reach(0xc000004010), 0xa000000010);
	assert_int_equal(reach(0xa000000010), 0);
	/* The hardware was told of none of it. */
	assert_int_equal(fake_reg(nic, 0x10, 4), 0xfeb80000);
	assert_int_equal(fake_reg(nic, 0x14, 4), 0xc041);
	assert_int_equal(fake_reg(nic, 0x18, 4), 0x0000000c);
	assert_int_equal(fake_reg(nic, 0x1c, 4), 0xa0);
}

static void test_bar_where_it_must_not_be(void **state)
{
	wr(NIC, 0x10, 4, 0x10000000); /* the guest's RAM */
	assert_int_equal(reach(0x10000000), 0);
	assert_int_equal(reach(0xfeb80000), 0);
	assert_int_equal(times_logged("00:02.0 BAR 0 cannot stand at 0x10000000"), 1);
	wr(NIC, 0x10, 4, 0xfed80000); /* over an IOMMU's registers */
	assert_int_equal(reach(0xfed90000), 0);
	assert_int_equal(times_logged("BAR 0 cannot stand"), 1); /* once */
	wr(NIC, 0x10, 4, 0xffffffff); /* sizing is not a place */
	wr(NIC, 0x1c, 4, 0xffffffff); /* the end of the address space */
	wr(NIC, 0x18, 4, 0xffffffff);
	wr(NIC, 0x14, 4, 0xffffffff);
	wr(NIC, 0x18, 4, 0x80000000);
	wr(NIC, 0x14, 4, 0x00010000); /* no such port */
	assert_int_equal(reach_port(0), 0);
	wr(NIC, 0x10, 4, 0xfeb80000);
	assert_int_equal(reach(0xfeb80000), 0xfeb80000);
}

/* Two BARs smaller than a page, in one page: the page leaves with the second one. */
static void test_shared_page(void **state)
{
	unsigned int before = mappings;

	assert_int_equal(reach(0xfea00100), 0xfea00100);
	wr(SMALL, 0x10, 4, 0);
	assert_int_equal(reach(0xfea00200), 0xfea00200);
	wr(SMALL, 0x14, 4, 0xe0001200);
	assert_int_equal(reach(0xfea00200), 0);
	assert_int_equal(reach(0xe0001200), 0xfea00200);
	wr(SMALL, 0x10, 4, 0xe0001100);
	assert_int_equal(reach(0xe0001100), 0xfea00100);
	assert_int_equal(mappings, before);
	wr(SMALL, 0x14, 4, 0xe0001300); /* cannot be shown there: a page is the smallest piece */
	assert_int_equal(times_logged("00:03.0 BAR 1 cannot stand at 0xe0001300"), 1);
	assert_int_equal(reach(0xe0001100), 0xfea00100);
	wr(SMALL, 4, 2, 0);
	assert_int_equal(reach(0xe0001100), 0);
}

/* A BAR moved onto another's place waits, and gets it when the other goes: what counts is who is decoded. */
static void test_overlapping_bars(void **state)
{
	wr(SMALL, 4, 2, 0);
	wr(BEHIND, 0x10, 4, 0xfeb90000); /* into the middle of the NIC's */
	wr(BEHIND, 4, 2, 2);
	assert_int_equal(reach(0xfeb90000), 0xfeb90000);
	assert_int_equal(times_logged("01:00.0 BAR 0 cannot stand"), 1);
	wr(NIC, 0x10, 4, 0xe0000000);
	assert_int_equal(reach(0xfeb90000), 0xfe800000);
	wr(NIC, 0x10, 4, 0xfeb80000); /* now the NIC waits */
	assert_int_equal(reach(0xfeb90000), 0xfe800000);
	assert_int_equal(reach(0xfeb80000), 0);
	wr(BEHIND, 4, 2, 0);
	assert_int_equal(reach(0xfeb90000), 0xfeb90000);
	detach(NIC);
	assert_int_equal(reach(0xfeb80000), 0);
}

static void test_swapping_bars_of_one_device(void **state)
{
	struct fake_fn *f;

	f = fake_add(PCI_BDF(0, 7, 0), 0x8086, 1, 0x020000, 0);
	fake_bar(f, 0, 0x2000, 0, 0xfd000000);
	fake_bar(f, 1, 0x2000, 0, 0xfd002000);
	fake_put(f->cfg, 4, 2, 2);
	assert_int_equal(pci_objects_init(32), 0);
	assert_int_equal(pci_enumerate(), 6);
	assert_int_equal(vpci_attach(device(PCI_BDF(0, 7, 0))), 0);
	wr(PCI_BDF(0, 7, 0), 0x10, 8, 0xfd000000fd002000ull);
	assert_int_equal(reach(0xfd002000), 0xfd000000);
	assert_int_equal(reach(0xfd000000), 0xfd002000);
}

static void test_table_full_while_mapping(void **state)
{
	wr(NIC, 4, 2, 0);
	map_error = -ENOMEM;
	wr(NIC, 4, 2, 2);
	assert_int_equal(reach(0xfeb80000), 0);
	assert_int_equal(times_logged("BAR 0 cannot stand at 0xfeb80000"), 1);
	assert_int_equal(reach(0xa000000000), 0xa000000000);
	wr(NIC, 4, 2, 0); /* and nothing is unmapped that was not mapped */
	assert_int_equal(reach(0xa000000000), 0);
}

static void test_rom(void **state)
{
	assert_int_equal(rd(NIC, 0x30, 4), 0xfe000000);
	wr(NIC, 0x30, 4, 0xfe000001);
	assert_int_equal(reach(0xfe000000), 0xfe000000);
	assert_int_equal(fake_reg(nic, 0x30, 4), 0xfe000001);
	for (unsigned int i = 0; i < mappings; i++)
		assert_int_equal(!!(map[i].prot & PT_WRITE), map[i].gpa != 0xfe000000);
	wr(NIC, 0x30, 4, 0xe0000001); /* elsewhere */
	assert_int_equal(reach(0xe003ffff), 0xfe03ffff);
	assert_int_equal(fake_reg(nic, 0x30, 4), 0xfe000001);
	wr(NIC, 4, 2, 0); /* memory decoding governs it too */
	assert_int_equal(reach(0xe0000000), 0);
	wr(NIC, 4, 2, 2);
	wr(NIC, 0x30, 1, 0);
	assert_int_equal(reach(0xe0000000), 0);
	assert_int_equal(fake_reg(nic, 0x30, 4), 0xfe000000);
	assert_int_equal(rd(NIC, 0x30, 4), 0xe0000000);
}

static void test_unassigned_bar(void **state)
{
	struct fake_fn *f;

	f = fake_add(PCI_BDF(0, 7, 0), 0x8086, 1, 0x020000, 0);
	fake_bar(f, 0, 0x2000, 0, 0);
	assert_int_equal(pci_objects_init(32), 0);
	assert_int_equal(pci_enumerate(), 6);
	assert_int_equal(vpci_attach(device(PCI_BDF(0, 7, 0))), 0);
	wr(PCI_BDF(0, 7, 0), 0x10, 4, 0xffffffff);
	assert_int_equal(rd(PCI_BDF(0, 7, 0), 0x10, 4), 0xffffe000);
	wr(PCI_BDF(0, 7, 0), 0x10, 4, 0xe0000000);
	wr(PCI_BDF(0, 7, 0), 4, 2, 6);
	assert_int_equal(rd(PCI_BDF(0, 7, 0), 4, 2), 6);
	assert_int_equal(fake_reg(f, 4, 2), 4); /* it must not decode at address 0 */
	assert_int_equal(reach(0xe0000000), 0);
	assert_int_equal(times_logged("00:07.0 BAR 0 has no address"), 1);
}

/* Firmware that put a BAR over RAM, and a hidden device whose registers share a page with a visible one's. */
static void test_bars_that_are_not_given(void **state)
{
	struct fake_fn *over, *hidden;

	over = fake_add(PCI_BDF(0, 7, 0), 0x8086, 1, 0x020000, 0);
	fake_bar(over, 0, 0x1000, 0, 0x20000000);
	fake_put(over->cfg, 4, 2, 2);
	hidden = fake_add(PCI_BDF(0, 8, 0), 0x8086, 2, 0x020000, 0);
	fake_bar(hidden, 0, 0x100, 0, 0xfea00800);
	assert_int_equal(pci_objects_init(32), 0);
	assert_int_equal(pci_enumerate(), 7);
	atomic_fetch_or(&device(PCI_BDF(0, 8, 0))->flags, PCI_FLAG_HIDDEN);
	assert_int_equal(vpci_attach(device(PCI_BDF(0, 7, 0))), 0);
	assert_int_equal(vpci_attach(device(SMALL)), 0);
	assert_int_equal(reach(0x20000000), 0);
	wr(PCI_BDF(0, 7, 0), 0x10, 4, 0xe0000000); /* nor elsewhere */
	assert_int_equal(reach(0xe0000000), 0);
	assert_int_equal(reach(0xfea00100), 0);
	assert_int_equal(times_logged("00:07.0 BAR 0 at 0x20000000 covers other parts"), 1);
	assert_int_equal(times_logged("00:03.0 BAR 0 shares a page with hidden 0000:00:08.0"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_sizing),
		T(test_partial_bar_writes),
		T(test_mapped_where_firmware_put_it),
		T(test_decode_off_and_on),
		T(test_relocation),
		T(test_bar_where_it_must_not_be),
		T(test_shared_page),
		T(test_overlapping_bars),
		BARE(test_swapping_bars_of_one_device),
		T(test_table_full_while_mapping),
		T(test_rom),
		BARE(test_unassigned_bar),
		BARE(test_bars_that_are_not_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
