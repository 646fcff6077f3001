/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MCFG in each way it can be wrong, and ECAM accesses against memory that stands for the window. Layout of
 * the table from the PCI Firmware specification 3.3, 4.1.2; address bits from the PCIe base spec 6.0, table
 * 7-1.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/string.h"
#include "drivers/pci/pci.h"

#define MIB ((u64)1 << 20)

void arch_cpu_relax(void)
{
	sched_yield();
}

void panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

static unsigned int error_lines;
static char last_line[LOG_LINE_MAX];

static void sink(enum log_level level, const char *line, size_t len)
{
	if (level == LOG_ERROR)
		error_lines++;
	snprintf(last_line, sizeof(last_line), "%.*s", (int)len, line);
}

/* A table in the making: deliberately at an odd address, as firmware may place it. */
static struct {
	u8 pad;
	u8 bytes[44 + 16 * 12];
} __attribute__((packed)) table;
static size_t table_length;

static void put(size_t at, unsigned int size, u64 value)
{
	for (unsigned int i = 0; i < size; i++)
		table.bytes[at + i] = (u8)(value >> (8 * i));
}

static void add_entry(u64 base, u16 segment, u8 first, u8 last)
{
	put(table_length, 8, base);
	put(table_length + 8, 2, segment);
	put(table_length + 10, 1, first);
	put(table_length + 11, 1, last);
	put(table_length + 12, 4, 0);
	table_length += 16;
}

static int setup(void **state)
{
	memset(&table, 0, sizeof(table));
	memcpy(table.bytes, "MCFG", 4);
	table_length = 44;
	error_lines = 0;
	last_line[0] = '\0';
	log_set_sink(sink);
	return 0;
}

static void expect_refusal(size_t length, const char *words)
{
	const struct ecam_window *windows;
	unsigned int before = pci_ecam_windows(&windows);

	error_lines = 0;
	assert_int_equal(pci_ecam_init(table.bytes, length), -EINVAL);
	assert_int_equal(error_lines, 1);
	assert_non_null(strstr(last_line, "MCFG"));
	assert_non_null(strstr(last_line, words));
	assert_int_equal(pci_ecam_windows(&windows), before); /* nothing was taken over */
}

static void test_lengths(void **state)
{
	add_entry(0xb0000000, 0, 0, 255);
	for (size_t length = 0; length < 44; length++)
		expect_refusal(length, "length");
	expect_refusal(44, "0 entries");
	for (size_t length = 45; length < 60; length++)
		expect_refusal(length, "length");
	expect_refusal(61, "length");
}

static void test_too_many(void **state)
{
	for (unsigned int i = 0; i < 9; i++)
		add_entry((1 + i) << 28, (u16)i, 0, 0);
	expect_refusal(table_length, "9 entries");
}

static void test_bad_entries(void **state)
{
	static const struct {
		u64 base;
		u8 first, last;
		const char *words;
	} bad[] = {
		{ 0xb0000000, 5, 4, "reversed" },
		{ 0, 0, 255, "base is 0" },
		{ 0xb0000001, 0, 255, "multiple of 1 MiB" },
		{ 0xb0080000, 0, 255, "multiple of 1 MiB" },
		{ 0xfffffffff0000000, 0, 255, "wraps" },
		{ 0xfffffffffff00000, 0, 0, "wraps" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		table_length = 44;
		add_entry(0x40000000, 1, 0, 0); /* a good one before it */
		add_entry(bad[i].base, 0, bad[i].first, bad[i].last);
		expect_refusal(table_length, bad[i].words);
		assert_non_null(strstr(last_line, "entry 1"));
	}
}

static void test_overlaps(void **state)
{
	/* The same buses twice. */
	add_entry(0x40000000, 0, 0, 127);
	add_entry(0x80000000, 0, 127, 255);
	expect_refusal(table_length, "overlaps");
	/* The same memory for two segments. */
	table_length = 44;
	add_entry(0x40000000, 0, 0, 255);
	add_entry(0x4ff00000, 1, 0, 0);
	expect_refusal(table_length, "overlaps");
	table_length = 44;
	add_entry(0x40000000, 0, 0, 0);
	add_entry(0x40000000, 1, 0, 255);
	expect_refusal(table_length, "overlaps");
}

/* Nothing reaches the hardware outside the windows; inside, each register is where table 7-1 says. */
static void test_access(void **state)
{
	u8 *memory = aligned_alloc(MIB, 4 * MIB); /* buses 0x10 and 0x11, then segment 3's buses 0 and 1 */
	const struct ecam_window *windows;
	struct sbdf in = { 0, PCI_BDF(0x11, 0x1f, 7) }, seg3 = { 3, PCI_BDF(1, 2, 3) };
	size_t at = MIB + (0x1f << 15) + (7 << 12), at3 = 3 * MIB + (2 << 15) + (3 << 12);

	assert_non_null(memory);
	memset(memory, 0xee, 4 * MIB);
	/* MCFG's base is that of bus 0, which is not in the first window. */
	add_entry(virt_to_phys(memory) - 0x10 * MIB, 0, 0x10, 0x11);
	add_entry(virt_to_phys(memory) + 2 * MIB, 3, 0, 1);
	assert_int_equal(pci_ecam_init(table.bytes, table_length), 2);
	assert_int_equal(pci_ecam_windows(&windows), 2);
	assert_int_equal(windows[0].base, virt_to_phys(memory) - 0x10 * MIB);
	assert_int_equal(windows[0].first_bus, 0x10);
	assert_int_equal(windows[1].segment, 3);
	assert_int_equal(error_lines, 0);

	memcpy(memory + at, "\x86\x80\xd3\x10", 4);
	memcpy(memory + at + 0xffc, "\x01\x02\x03\x04", 4);
	assert_int_equal(pci_cfg_read(in, 0, 4), 0x10d38086);
	assert_int_equal(pci_cfg_read(in, 0, 2), 0x8086);
	assert_int_equal(pci_cfg_read(in, 2, 2), 0x10d3);
	assert_int_equal(pci_cfg_read(in, 1, 2), 0xd380);
	assert_int_equal(pci_cfg_read(in, 3, 1), 0x10);
	assert_int_equal(pci_cfg_read(in, 0xffc, 4), 0x04030201);

	pci_cfg_write(in, 0x40, 4, 0x11223344);
	pci_cfg_write(in, 0x40, 1, 0x1ff);
	pci_cfg_write(in, 0x42, 2, 0xaabb);
	assert_memory_equal(memory + at + 0x40, "\xff\x33\xbb\xaa", 4);
	pci_cfg_write(in, 0x41, 2, 0x5566);
	assert_memory_equal(memory + at + 0x40, "\xff\x66\x55\xaa", 4);
	pci_cfg_write(seg3, 0, 4, 0x12345678);
	assert_memory_equal(memory + at3, "\x78\x56\x34\x12", 4);

	/* Other buses, other segments, beyond the function. */
	assert_int_equal(pci_cfg_read((struct sbdf){ 0, PCI_BDF(0x0f, 0, 0) }, 0, 4), 0xffffffff);
	assert_int_equal(pci_cfg_read((struct sbdf){ 0, PCI_BDF(0x12, 0, 0) }, 0, 2), 0xffff);
	assert_int_equal(pci_cfg_read((struct sbdf){ 1, PCI_BDF(0x10, 0, 0) }, 0, 1), 0xff);
	assert_int_equal(pci_cfg_read((struct sbdf){ 3, PCI_BDF(2, 0, 0) }, 0, 4), 0xffffffff);
	pci_cfg_write((struct sbdf){ 0, PCI_BDF(0x12, 0, 0) }, 0, 4, 0); /* would be segment 3's bus 0 */
	assert_int_equal(memory[2 * MIB], 0xee);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_lengths, setup),   cmocka_unit_test_setup(test_too_many, setup),
		cmocka_unit_test_setup(test_bad_entries, setup), cmocka_unit_test_setup(test_overlaps, setup),
		cmocka_unit_test_setup(test_access, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
