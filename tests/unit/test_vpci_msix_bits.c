/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Single bits of MSI-X (PCIe base spec 6.0, 7.7.2) that nothing else depends on: each of a table's place, and reserved
 * ones that a device has set, which software has to ignore and to keep.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "drivers/vpci/row.h"
#include "tests/unit/msix_machine.h"

#define X PCI_BDF(0, 5, 0)
#define XCAP 0x40u
#define XBASE 0xe0000000u
#define XSIZE 0x4000u
#define RESERVED 0x3800u /* of Message Control, 13:11 (7.7.2.2) */

/* A device with one BAR, and one entry there; decoding on. Returns its registers. */
static struct fake_registers *add_device(void **state, unsigned int bar, u32 offset, u32 control)
{
	struct fake_registers *r;
	struct fake_fn *f;

	teardown(state);
	setup(state);
	f = fake_add(X, 0x1234, 0x5678, 0x010802, 0);
	fake_put(f->cfg, 4, 2, 2);
	fake_bar(f, bar, XSIZE, 0, XBASE);
	fake_cap(f, XCAP, 0x11);
	fake_set(f, XCAP + 2, 2, control, 0xc000, 0);
	fake_set(f, XCAP + 4, 4, offset | bar, 0, 0);
	r = fake_registers(XBASE, XSIZE);
	fake_remap_begin(true);
	assert_int_equal(pci_objects_init(32), 0);
	assert_true(pci_enumerate() > 5);
	assert_int_equal(vpci_attach(device(X)), 0);
	assert_int_equal(rd(X, 0x34, 1) & 0xfc, XCAP);
	return r;
}

/* What the guest writes in the table stays in its copy; what it writes beside it arrives. */
static void check_entry(struct fake_registers *r, u32 offset)
{
	u64 value = 0x77, read = 0;

	assert_true(vm.trap(XBASE + offset + 8, 4, true, &value));
	assert_true(vm.trap(XBASE + offset + 8, 4, false, &read));
	assert_int_equal(read, 0x77);
	assert_int_equal(fake_mmio_get(r, offset + 8, 4), 0);
	assert_true(vm.trap(XBASE + offset, 4, true, &value)); /* its first dword, its last, and what is beside it */
	assert_int_equal(fake_mmio_get(r, offset, 4), 0);
	assert_true(vm.trap(XBASE + offset + 12, 4, false, &read));
	assert_int_equal(read, 1);
	assert_true(vm.trap(XBASE + (offset ^ 0x20) + 8, 4, true, &value));
	assert_int_equal(fake_mmio_get(r, (offset ^ 0x20) + 8, 4), 0x77);
}

static void test_each_bit_of_its_place(void **state)
{
	for (unsigned int bar = 0; bar < 6; bar++) {
		for (u32 offset = 8; offset < XSIZE; offset *= 2) {
			check_entry(add_device(state, bar, offset, 0), offset);
			detach(X);
		}
	}
}

static void test_reserved_bits_of_message_control(void **state)
{
	for (u32 bit = 0x800; bit <= 0x2000; bit *= 2) {
		struct fake_registers *r = add_device(state, 0, 0x40, bit);

		assert_int_equal(rd(X, XCAP + 2, 2) & 0x7ff, 0);
		check_entry(r, 0x40);
		detach(X);
	}
}

/* 7.7.2.8: reserved bits say nothing about the mask, and are kept. */
static void test_reserved_bits_of_vector_control(void **state)
{
	for (u32 bit = 2; bit; bit *= 2) {
		end(state);
		begin(state);
		fake_table_fill(table, 0xfee0f000, 0x99, bit); /* not masked */
		wr(NIC, CONTROL, 2, 0x8000);
		assert_int_equal(fake_reg(nic, CONTROL, 2) & 0x8000, 0x8000);
		assert_int_equal(fake_entry_reg(table, 0, 12), bit | 1);
		unmask(0, 0x60);
		assert_int_equal(fake_entry_reg(table, 0, 12), bit);
		set_entry(0, 12, 1);
		assert_int_equal(fake_entry_reg(table, 0, 12), bit | 1);
		wr(NIC, CONTROL, 2, 0);

		/* Nor do they stand for a mask bit that the device does not keep. */
		fake_table_fill(table, 0xfee0f000, 0x99, bit);
		fake_mmio.stuck = true;
		wr(NIC, CONTROL, 2, 0x8000);
		assert_int_equal(fake_reg(nic, CONTROL, 2) & 0x8000, 0);
		fake_mmio.stuck = false;
	}
}

/* A device that has lost its enable bit has lost its table, too, even if it says that the function is masked. */
static void test_only_the_enable_bit_says_that_it_is_on(void **state)
{
	wr(NIC, CONTROL, 2, 0xc000);
	unmask(0, 0x60);
	fake_put(nic->cfg, CONTROL, 2, 0x4004);
	fake_table_fill(table, 0xfee0f000, 0x99, 0);
	wr(NIC, CONTROL, 2, 0x8000);
	assert_int_equal(fake_reg(nic, CONTROL, 2), 0x8004);
	for (unsigned int i = 1; i < 5; i++)
		assert_int_equal(fake_entry_reg(table, i, 12), 1);
	assert_true(fake_entry_reg(table, 0, 12) == 1 || fake_entry_reg(table, 0, 8) != 0x99);
}

/* It is a bit of its own: entries are not masked and opened again, in whose middle an interrupt would wait. */
static void test_the_functions_mask_touches_no_entry(void **state)
{
	unsigned int before;

	wr(NIC, CONTROL, 2, 0x8000);
	unmask(0, 0x60);
	before = fake_mmio.accesses;
	wr(NIC, CONTROL, 2, 0xc000);
	wr(NIC, CONTROL, 2, 0x8000);
	assert_int_equal(fake_mmio.accesses, before);
	fake_fire(table, 0);
	assert_int_equal(table->sent, 1);
}

/* The table is in memory: I/O decoding does not reach it. */
static void test_io_decoding_does_not_reach_it(void **state)
{
	wr(NIC, 4, 2, 1);
	fake_mmio.accesses = 0;
	wr(NIC, CONTROL, 2, 0x8000);
	assert_int_equal(fake_reg(nic, CONTROL, 2) & 0x8000, 0);
	assert_int_equal(fake_mmio.accesses, 0);
	wr(NIC, 4, 2, 3);
	assert_int_equal(fake_reg(nic, CONTROL, 2) & 0x8000, 0x8000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_bit_of_its_place, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reserved_bits_of_message_control, setup, teardown),
		M(test_reserved_bits_of_vector_control),
		M(test_only_the_enable_bit_says_that_it_is_on),
		M(test_the_functions_mask_touches_no_entry),
		M(test_io_decoding_does_not_reach_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
