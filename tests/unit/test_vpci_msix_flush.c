/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X: what is under way when the guest's write returns, and flushes that fail. What is not flushed is not sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/msix_machine.h"

/* One that is open, and changes: closed before, and it stays so; the others go on. */
static void test_failed_flush_of_an_open_entry(void **state)
{
	wr(NIC, CONTROL, 2, 0x8000);
	unmask(0, 0x60);
	unmask(1, 0x70);
	fake_remap.fail_flushes = 1;
	set_entry(0, 8, 0x61);
	assert_int_equal(fake_entry_reg(table, 0, 12), 1);
	fake_fire(table, 0);
	assert_int_equal(table->sent, 0);
	fake_fire(table, 1);
	assert_int_equal(table->sent, 1);
	set_entry(0, 8, 0x61); /* nothing new, but another attempt */
	assert_int_equal(table->sent, 2);
	assert_int_equal(fake_interrupt.vector, 0x61);
}

/* A read's answer pushes messages that are under way (2.4.1): then the guest's write may return. */
static void forget_reads(struct fake_fn *f, unsigned int offset, unsigned int size, u32 value)
{
	f->last_read_offset = 0;
}

static void test_disabling_reads_back(void **state)
{
	static const u16 quiet[] = { 0xc000, 0x0000 }; /* Function Mask; disabled */

	for (unsigned int i = 0; i < 2; i++) {
		wr(NIC, CONTROL, 2, 0x8000);
		fake.wrote = forget_reads;
		wr(NIC, CONTROL, 2, quiet[i]);
		fake.wrote = NULL;
		assert_int_equal(nic->last_read_offset, CONTROL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		M(test_failed_flush_of_an_open_entry),
		M(test_disabling_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
