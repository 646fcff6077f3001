/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's ACPI tables: they lack what they must lack, their checksums are right, the firmware's stay
 * untouched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/errno.h"
#include "tests/unit/acpi_firmware.h"

static int init(void)
{
	return acpi_init(fw_publish());
}

#define BUFFER 4096
static u8 *buffer;
static const u8 *guest_rsdp, *guest_xsdt;

static u8 *guest_madt; /* as the builder states it; NULL: none */

static int build(size_t size)
{
	paddr_t rsdp = 0, madt = 1;
	int ret;

	free(buffer);
	buffer = aligned_alloc(16, (size + 15) & ~(size_t)15);
	memset(buffer, 0xcc, (size + 15) & ~(size_t)15);
	ret = acpi_build_guest_tables(buffer, size, &rsdp, &madt);
	if (ret >= 0) {
		guest_rsdp = (const u8 *)(uintptr_t)rsdp;
		guest_xsdt = (const u8 *)(uintptr_t)fw_get(guest_rsdp, 24, 8);
		guest_madt = (u8 *)(uintptr_t)madt;
	}
	return ret;
}

static unsigned int guest_tables(void)
{
	return (unsigned int)(fw_get(guest_xsdt, 4, 4) - 36) / 8;
}

static const u8 *guest_table(unsigned int i)
{
	return (const u8 *)(uintptr_t)fw_get(guest_xsdt, 36 + 8 * i, 8);
}

static void list_all(void)
{
	static const char *const others[] = { "DMAR", "MCFG", "IVRS", "SSDT", "HPET", "SSDT", "WAET" };

	list_pc();
	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++)
		fw_list(fw_new(others[i], 60));
	assert_int_equal(init(), 0);
}

static void test_guest_set(void **state)
{
	int used;

	list_all();
	fw.table[7][55] ^= 1; /* not ours to judge: the guest's kernel decides on a damaged SSDT */
	used = build(BUFFER);
	assert_in_range(used, 36 + 36 + 6 * 8 + 44 + sizeof(pc_madt), BUFFER);
	assert_memory_equal(guest_rsdp, "RSD PTR ", 8);
	assert_int_equal(guest_rsdp[15], 2);
	assert_int_equal(fw_get(guest_rsdp, 16, 4),
			 0); /* no RSDT: the firmware's would show what is hidden */
	assert_int_equal(fw_get(guest_rsdp, 20, 4), 36);
	assert_int_equal(fw_sum(guest_rsdp, 20), 0);
	assert_int_equal(fw_sum(guest_rsdp, 36), 0);
	assert_memory_equal(guest_xsdt, "XSDT", 4);
	assert_int_equal(fw_sum(guest_xsdt, (size_t)fw_get(guest_xsdt, 4, 4)), 0);
	assert_int_equal(guest_tables(), 6);
	assert_ptr_equal(guest_table(0), fw.table[0]);
	assert_memory_equal(guest_table(1), "APIC", 4);
	assert_ptr_equal(guest_table(2), fw.table[3]);
	assert_ptr_equal(guest_table(3), fw.table[5]);
	assert_ptr_equal(guest_table(4), fw.table[7]);
	assert_ptr_equal(guest_table(5), fw.table[8]);
	/* Everything used lies within the buffer and is aligned. */
	assert_true(guest_table(1) >= buffer && guest_table(1) + 44 + sizeof(pc_madt) <= buffer + used);
	assert_true(IS_ALIGNED((uintptr_t)guest_table(1), (uintptr_t)16) &&
		    IS_ALIGNED((uintptr_t)guest_xsdt, (uintptr_t)16));
	assert_ptr_equal(guest_table(1), guest_madt);
	/* The copy says what the original says. */
	assert_memory_equal(guest_table(1), fw.table[1], 44 + sizeof(pc_madt));
}

static void test_guest_room(void **state)
{
	int used;

	list_all();
	used = build(BUFFER);
	assert_true(used > 0);
	for (size_t size = 0; size < (size_t)used; size++) {
		assert_int_equal(build(size), -ENOSPC);
		for (size_t i = size; i < ((size + 15) & ~(size_t)15); i++)
			assert_int_equal(buffer[i], 0xcc);
	}
	assert_int_equal(build((size_t)used), used);
	assert_true((size_t)used <= ACPI_GUEST_TABLES_SIZE(44 + sizeof(pc_madt)));
}

static void test_guest_damaged_madt(void **state)
{
	list_all();
	fw.table[1][45] ^= 1;
	assert_true(build(BUFFER) > 0);
	assert_null(guest_madt);
	assert_int_equal(guest_tables(), 5); /* none rather than one that lists CPUs we could not take out */
}

/* ACPI 6.5, 5.2.12: there is one MADT. Of two the guest gets the one that Fairlead has read. */
static void test_guest_two_madts(void **state)
{
	static const u8 second[] = { LAPIC(0, 0, 1), LAPIC(7, 7, 1) };

	list_pc();
	fw_list(new_madt(second, sizeof(second)));
	assert_int_equal(init(), 0);
	assert_true(build(BUFFER) > 0);
	assert_int_equal(guest_tables(), 2);
	assert_ptr_equal(guest_table(1), guest_madt);
	assert_memory_equal(guest_madt, fw.table[1], 44 + sizeof(pc_madt));
}

static int done(void **state)
{
	fw_reset(state);
	free(buffer);
	buffer = NULL;
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fw_reset, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_guest_set),
		TEST(test_guest_two_madts),
		TEST(test_guest_room),
		TEST(test_guest_damaged_madt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
