/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPUs in the firmware's MADT (ACPI specification 6.5, 5.2.12.2 and 5.2.12.12): who counts as one, and
 * what the guest's copy says once it is known which came up. Offsets are written as the specification prints
 * them; a missed entry here is a CPU that the guest tries to start, or one that nobody stops.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/errno.h"
#include "tests/unit/acpi_firmware.h"

#define ENABLED 1 /* table 5.23 */
#define CAPABLE 2

/* A type 9 entry with all 32 bits of its ID. */
#define X2APIC_WIDE(id, flags)                                                                               \
	9, 16, 0, 0, (id) & 0xff, (id) >> 8 & 0xff, (id) >> 16 & 0xff, (id) >> 24 & 0xff, flags, 0, 0, 0, 0, \
		0, 0, 0

static struct acpi_machine machine;

static int read_madt(const u8 *entries, size_t length)
{
	fw_reset(NULL);
	fw_list(new_fadt());
	fw_list(new_madt(entries, length));
	assert_int_equal(acpi_init(fw_publish()), 0);
	memset(&machine, 0xa5, sizeof(machine));
	return acpi_read_machine(&machine);
}

static void reads(const u8 *entries, size_t length, const u32 *id, unsigned int count)
{
	assert_int_equal(read_madt(entries, length), 0);
	assert_int_equal(machine.cpus, count);
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(machine.cpu_apic_id[i], id[i]);
}
#define BYTES(...) (const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ })
#define IDS(...) (const u32[]){ __VA_ARGS__ }, ARRAY_SIZE(((const u32[]){ __VA_ARGS__ }))

/* ---- who is a CPU ---- */

static void test_order(void **state)
{
	/* The MADT's order, not that of the IDs: the spec asks for the boot CPU first, threads after cores. */
	reads(BYTES(LAPIC(0, 4, 1), LAPIC(1, 0, 1), LAPIC(2, 0xfe, 1), LAPIC(3, 2, 1)), IDS(4, 0, 0xfe, 2));
	reads(BYTES(X2APIC(2, 1), LAPIC(1, 1, 1), X2APIC(0, 1)), IDS(2, 1, 0));
	assert_false(machine.more_cpus);
	assert_int_equal(fw_warnings, 0);
}

/* Table 5.23: Enabled is ready for use; Online Capable alone may be later; neither: the entry is to be
 * ignored. Bits above are reserved. */
static void test_flags(void **state)
{
	reads(BYTES(LAPIC(0, 0, 0), LAPIC(1, 1, 1), LAPIC(2, 2, 2), LAPIC(3, 3, 3), LAPIC(4, 4, 0xfc),
		    LAPIC(5, 5, 0xfd)),
	      IDS(1, 3, 5));
	reads(BYTES(X2APIC(300, 0), X2APIC(301, 1), X2APIC(302, 2), X2APIC(303, 3), X2APIC(304, 0xfc)),
	      IDS(301, 303));
}

static void test_processor_uid_is_not_the_id(void **state)
{
	/* Type 0: UID at 2, APIC ID at 3. Type 9: APIC ID at 4, flags at 8, UID at 12. */
	reads(BYTES(LAPIC(9, 1, 1), LAPIC(9, 2, 1)), IDS(1, 2));
	reads(BYTES(9, 16, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 77, 0, 0, 0, /* UID 77 */
		    9, 16, 0, 0, 6, 0, 0, 0, 1, 0, 0, 0, 77, 0, 0, 0, /* */
		    9, 16, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0), /* a UID that looks like flags */
	      IDS(5, 6));
}

static void test_wide_ids(void **state)
{
	reads(BYTES(X2APIC_WIDE(0x100u, 1), X2APIC_WIDE(0x01000000u, 1), X2APIC_WIDE(0x00010000u, 1),
		    X2APIC_WIDE(0xfffffffeu, 1), X2APIC_WIDE(0x01000001u, 1)),
	      IDS(0x100, 0x01000000, 0x00010000, 0xfffffffe, 0x01000001));
}

/* 5.2.12.12 lets firmware list a CPU below 255 in both forms, and some does: it is one CPU. */
static void test_both_forms(void **state)
{
	reads(BYTES(LAPIC(0, 0, 1), LAPIC(1, 1, 1), X2APIC(0, 1), X2APIC(1, 1), X2APIC(300, 1)),
	      IDS(0, 1, 300));
	reads(BYTES(X2APIC(1, 1), LAPIC(0, 0, 1), LAPIC(1, 1, 1), X2APIC(0, 1)), IDS(1, 0));
	/* Enabled in one of the two only. */
	reads(BYTES(LAPIC(0, 0, 1), LAPIC(1, 1, 0), X2APIC(0, 0), X2APIC(1, 1)), IDS(0, 1));
	/* The same entry twice. */
	reads(BYTES(LAPIC(0, 3, 1), LAPIC(1, 3, 1), X2APIC(400, 1), X2APIC(400, 1)), IDS(3, 400));
	/* 256 is not 0 and 257 is not 1. */
	reads(BYTES(LAPIC(0, 0, 1), LAPIC(1, 1, 1), X2APIC(256, 1), X2APIC(257, 1)), IDS(0, 1, 256, 257));
}

/* The broadcast IDs (0xff for a message from a xAPIC, 0xffffffff in x2APIC mode) are nobody's. 255 in the
 * long form is an ID as any. */
static void test_broadcast_is_nobody(void **state)
{
	reads(BYTES(LAPIC(0, 0, 1), LAPIC(1, 0xff, 1), LAPIC(2, 0xff, 3), LAPIC(3, 1, 1)), IDS(0, 1));
	reads(BYTES(X2APIC_WIDE(0xffffffffu, 1), LAPIC(0, 0, 1)), IDS(0));
	reads(BYTES(LAPIC(0, 0, 1), X2APIC(255, 1)), IDS(0, 255));
	assert_int_equal(read_madt(BYTES(LAPIC(1, 0xff, 1), X2APIC_WIDE(0xffffffffu, 1))), -EINVAL);
	assert_non_null(strstr(fw_last_error, "no CPU"));
}

/* A CPU's entry is only type 0 or 9. What else has bytes in these places is something else. */
static void test_other_entries(void **state)
{
	reads(BYTES(LAPIC(0, 0, 1), 4, 6, 0xff, 0, 0, 1,	       /* local APIC NMI */
		    3, 8, 1, 1, 1, 0, 0, 0,			       /* NMI source */
		    7, 16, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0,   /* local SAPIC: IA-64's */
		    10, 12, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0,	       /* local x2APIC NMI */
		    0x80, 16, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0 /* the vendor's own */),
	      IDS(0));
	/* An entry may be longer than its type needs (5.2.12: "length" is what to go by). */
	reads(BYTES(0, 10, 0, 6, 1, 0, 0, 0, 0x55, 0x55, 9, 20, 0, 0, 44, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1,
		    1, 1, LAPIC(2, 2, 1)),
	      IDS(6, 300, 2));
}

/* Nothing of a malformed MADT is used, wherever in it the mistake is. */
static void test_malformed(void **state)
{
	static const struct {
		u8 at, value;
	} bad[] = {
		{ 1, 0 }, { 1, 7 }, { 1, 40 }, { 9, 15 }, { 9, 0 }, { 9, 255 }, { 25, 7 }, { 25, 9 }, { 25, 1 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		u8 entries[] = { LAPIC(0, 0, 1), X2APIC(300, 1), LAPIC(1, 1, 1) };

		entries[bad[i].at] = bad[i].value;
		assert_int_equal(read_madt(entries, sizeof(entries)), -EINVAL);
		assert_int_equal(fw_errors, 1);
		assert_non_null(strstr(fw_last_error, "APIC"));
	}
}

/* ---- more than there is room for ---- */

static u8 *many(unsigned int count, bool both, size_t *length)
{
	u8 *entries = malloc((size_t)count * (both ? 32 : 16)), *at = entries;

	for (unsigned int form = 0; form < (both ? 2u : 1u); form++) {
		for (unsigned int i = 0; i < count; i++, at += 16)
			memcpy(at, (const u8[]){ X2APIC(i + 1000, 1) }, 16);
	}
	*length = (size_t)(at - entries);
	return entries;
}

static void lists_of(unsigned int count, bool both, bool more)
{
	size_t length;
	u8 *entries = many(count, both, &length);

	assert_int_equal(read_madt(entries, length), 0);
	assert_int_equal(machine.cpus, count < CPUS_MAX ? count : CPUS_MAX);
	for (unsigned int i = 0; i < machine.cpus; i++)
		assert_int_equal(machine.cpu_apic_id[i], 1000 + i);
	assert_int_equal(machine.more_cpus, more);
	assert_int_equal(fw_warnings, more); /* said once */
	assert_int_equal(fw_errors, 0);
	free(entries);
}

static void test_many(void **state)
{
	assert_int_equal(CPUS_MAX, 64);
	lists_of(63, false, false);
	lists_of(64, false, false);
	lists_of(65, false, true);
	lists_of(512, false, true);
	/* In both forms they are no more than they are. */
	lists_of(64, true, false);
	lists_of(65, true, true);
	/* The 65th is not enabled, or nobody's: it is not there. */
	size_t length;
	u8 *entries = many(65, false, &length);
	entries[length - 8] = CAPABLE;
	assert_int_equal(read_madt(entries, length), 0);
	assert_false(machine.more_cpus);
	entries[length - 8] = ENABLED;
	memset(entries + length - 12, 0xff, 4);
	assert_int_equal(read_madt(entries, length), 0);
	assert_false(machine.more_cpus);
	assert_int_equal(machine.cpus, 64);
	free(entries);
}

/* ---- the guest's copy ---- */

/* Every kind of entry that can be in there. Offsets below are from here. */
static const u8 full[] = {
	LAPIC(0, 0, 1),				   /* 0 */
	LAPIC(1, 1, 1),				   /* 8 */
	LAPIC(2, 2, 2),				   /* 16 */
	LAPIC(3, 3, 0xfd),			   /* 24: with reserved bits */
	X2APIC(0, 1),				   /* 32 */
	X2APIC(3, 3),				   /* 48 */
	X2APIC(300, 3),				   /* 64 */
	X2APIC(255, 1),				   /* 80 */
	LAPIC(4, 0xff, 1),			   /* 96 */
	X2APIC_WIDE(0xffffffffu, 3),		   /* 104 */
	IOAPIC(0xfec0, 0),			   /* 120 */
	2, 10, 0, 0, 2, 0, 0, 0, 0, 0,		   /* 132: interrupt source override */
	4, 6, 0xff, 0, 0, 1,			   /* 142: local APIC NMI, of all */
	4, 6, 1, 5, 0, 1,			   /* 148: and of one that may be out */
	10, 12, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0,	   /* 154: local x2APIC NMI */
	0x7f, 8, 1, 1, 1, 1, 1, 1,		   /* 166: reserved */
};
static const struct {
	unsigned int at; /* of the flags */
	u32 id;
} cpu_entry[] = {
	{ 4, 0 },	{ 12, 1 },	{ 20, 2 },	{ 28, 3 },
	{ 32 + 8, 0 },	{ 48 + 8, 3 },	{ 64 + 8, 300 }, { 80 + 8, 255 },
	{ 100, 0xffffffff }, { 104 + 8, 0xffffffff }, /* nobody: never kept */
};

/* What the spec says of the result, computed byte by byte from the original. */
static void keeps(const u32 *id, unsigned int count)
{
	u8 *before = new_madt(full, sizeof(full)), *after = new_madt(full, sizeof(full));

	acpi_keep_cpus(after, id, count);
	for (unsigned int e = 0; e < ARRAY_SIZE(cpu_entry); e++) {
		bool kept = false;

		for (unsigned int i = 0; i < count; i++)
			kept |= id[i] == cpu_entry[e].id && cpu_entry[e].id != 0xffffffff;
		if (!kept)
			before[44 + cpu_entry[e].at] &= (u8)~(ENABLED | CAPABLE);
	}
	assert_int_equal(fw_sum(after, 44 + sizeof(full)), 0);
	before[9] = after[9]; /* the checksum, which was just checked */
	assert_memory_equal(before, after, 44 + sizeof(full));
	free(before);
	free(after);
}

static void test_keep(void **state)
{
	keeps(IDS(0));
	keeps(IDS(0, 1));
	keeps(IDS(1, 0)); /* the order is the caller's */
	keeps(IDS(0, 3));
	keeps(IDS(0, 300));
	keeps(IDS(255)); /* the long one; the short 0xff is nobody */
	keeps(IDS(0, 1, 2, 3, 255, 300));
	keeps(IDS(9)); /* the boot CPU is not in the firmware's MADT */
	keeps(IDS(256 + 0, 256 + 44));
	keeps(NULL, 0);
}

static void test_keep_twice(void **state)
{
	u8 *madt = new_madt(full, sizeof(full));

	acpi_keep_cpus(madt, IDS(0, 1, 3));
	acpi_keep_cpus(madt, IDS(0, 3, 300)); /* 300 was out: it stays out */
	assert_int_equal(madt[44 + 4], 1);
	assert_int_equal(madt[44 + 12], 0);
	assert_int_equal(madt[44 + 28], 0xfd);
	assert_int_equal(madt[44 + 72], 0);
	assert_int_equal(fw_sum(madt, 44 + sizeof(full)), 0);
	free(madt);
}

/* A copy made for the guest, and the firmware's own, which stays. */
static void test_keep_in_the_copy(void **state)
{
	u8 *buffer = aligned_alloc(16, 4096), *copy;
	paddr_t rsdp, madt;

	assert_int_equal(read_madt(full, sizeof(full)), 0);
	assert_true(acpi_build_guest_tables(buffer, 4096, &rsdp, &madt) > 0);
	copy = (u8 *)(uintptr_t)madt;
	assert_int_equal(machine.cpus, 5); /* 0 1 3 300 255 */
	acpi_keep_cpus(copy, machine.cpu_apic_id, 2);
	assert_int_equal(copy[44 + 4], 1);
	assert_int_equal(copy[44 + 12], 1);
	assert_int_equal(copy[44 + 28], 0xfc);
	assert_memory_equal(fw.table[1] + 44, full, sizeof(full));
	assert_int_equal(fw_sum(fw.table[1], 44 + sizeof(full)), 0);
	free(buffer);
}

/* More than 64 CPUs: whoever is not in the list is out, for he is in no set of CPUs. */
static void test_keep_many(void **state)
{
	size_t length;
	u8 *entries = many(70, false, &length), *madt = new_madt(entries, length);

	assert_int_equal(read_madt(entries, length), 0);
	acpi_keep_cpus(madt, machine.cpu_apic_id, machine.cpus);
	for (unsigned int i = 0; i < 70; i++)
		assert_int_equal(madt[44 + 16 * i + 8], i < 64);
	free(madt);
	free(entries);
}

/* Whatever acpi_read_machine() lets pass, it finds exactly the CPUs that were put in. */
static void test_random(void **state)
{
	srand(20261121);
	for (unsigned int round = 0; round < 2000; round++) {
		u8 entries[40 * 16];
		u32 expected[64];
		size_t length = 0;
		unsigned int count = 0;

		for (unsigned int n = (unsigned int)rand() % 40; n; n--) {
			bool wide = rand() % 2, known = false;
			u32 id = rand() % 4 ? (u32)rand() % 20 : (u32)rand() % 2 ? 255 : 0xffffffff;
			u8 flags = (u8)(rand() % 4);

			if (!wide)
				memcpy(entries + length, (const u8[]){ LAPIC(n, (u8)id, flags) }, 8);
			else
				memcpy(entries + length, (const u8[]){ X2APIC_WIDE(id, flags) }, 16);
			length += wide ? 16 : 8;
			if (!(flags & ENABLED) || id == 0xffffffff || (!wide && id == 255))
				continue;
			for (unsigned int i = 0; i < count; i++)
				known |= expected[i] == id;
			if (!known)
				expected[count++] = id;
		}
		if (count)
			reads(entries, length, expected, count);
		else
			assert_int_equal(read_madt(entries, length), -EINVAL);
	}
}

static int done(void **state)
{
	return fw_reset(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fw_reset, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order),	   TEST(test_flags),		TEST(test_processor_uid_is_not_the_id),
		TEST(test_wide_ids),	   TEST(test_both_forms),	TEST(test_broadcast_is_nobody),
		TEST(test_other_entries),  TEST(test_malformed),	TEST(test_many),
		TEST(test_keep),	   TEST(test_keep_twice),	TEST(test_keep_in_the_copy),
		TEST(test_keep_many),	   TEST(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
