/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an interrupt command means, and for whom. Expectations: AMD64 APM vol. 2, table 16-4 (which combinations there are), 16.6.1
 * (logical destinations of the xAPIC), 16.14 (of the x2APIC); Intel SDM vol. 3A, table 11-3, 11.6.1, 11.6.2 and 11.12.10.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "arch/x86/icr.h"

enum { FIXED, LOWEST, SMI, RESERVED_3, NMI, INIT, STARTUP, RESERVED_7, MODES };
enum { EDGE, LEVEL };
enum { DEASSERT, ASSERT };
enum { DESTINATION, TO_SELF, TO_ALL, TO_OTHERS, SHORTHANDS };
#define ANY (-1)

#define COMMAND(mode, trigger, level, shorthand) \
	((u64)(mode) << 8 | (u64)(level) << 14 | (u64)(trigger) << 15 | (u64)(shorthand) << 18)
#define LOGICAL BIT(11)
#define X2(destination) ((u64)(destination) << 32)
#define X(destination) ((u64)(destination) << 56)

/* CPU 1's logical x2APIC ID is bit 1 of cluster 0, CPU 3's bit 1 of cluster 1, CPU 4's bit 15 of cluster 2. */
static const u32 ids[] = { 0, 1, 2, 0x11, 0x2f, 0x1234 };
#define CPUS ARRAY_SIZE(ids)
#define ALL ((1u << CPUS) - 1)
static struct icr_apic apic[CPUS_MAX];

static void set_modes(bool x2apic)
{
	x86_cpus.count = CPUS;
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		x86_cpus.apic_id[cpu] = ids[cpu];
		apic[cpu].x2apic = x2apic;
		apic[cpu].ldr = 0;
		apic[cpu].dfr = 0xffffffff;
	}
	/* Beyond the count: never a target. */
	for (unsigned int cpu = CPUS; cpu < CPUS_MAX; cpu++) {
		x86_cpus.apic_id[cpu] = 0x40 + cpu;
		apic[cpu].x2apic = x2apic;
		apic[cpu].ldr = 0xff000000;
		apic[cpu].dfr = 0xffffffff;
	}
}

static int x2apic(void **state)
{
	set_modes(true);
	return 0;
}

static int xapic(void **state)
{
	set_modes(false);
	return 0;
}

static enum icr_action action(u64 icr, unsigned int self)
{
	return icr_decode(icr, self, apic).action;
}

static u64 targets(u64 icr, unsigned int self)
{
	struct icr_command nmi = icr_decode(icr | COMMAND(NMI, EDGE, ASSERT, 0), self, apic);
	struct icr_command init = icr_decode(icr | COMMAND(INIT, EDGE, ASSERT, 0), self, apic);
	struct icr_command startup = icr_decode(icr | COMMAND(STARTUP, EDGE, ASSERT, 0) | 0x9a, self, apic);

	assert_int_equal(nmi.action, ICR_NMI);
	assert_int_equal(init.action, ICR_INIT);
	assert_int_equal(startup.action, ICR_STARTUP);
	assert_int_equal(startup.vector, 0x9a);
	assert_true(nmi.targets == init.targets && nmi.targets == startup.targets);
	return nmi.targets;
}

/* ---- combinations ------------------------------------------------------------------------------------------------------ */

/* APM vol. 2, table 16-4. One bit a shorthand. */
#define ANY_SHORTHAND 0xfu
#define DESTINATION_OR_OTHERS (1u << DESTINATION | 1u << TO_OTHERS)
static const struct {
	int mode, trigger, level;
	unsigned int shorthands;
} valid[] = {
	{ FIXED, EDGE, ANY, ANY_SHORTHAND },
	{ FIXED, LEVEL, ASSERT, ANY_SHORTHAND },
	{ LOWEST, EDGE, ANY, DESTINATION_OR_OTHERS },
	{ LOWEST, LEVEL, ASSERT, DESTINATION_OR_OTHERS },
	{ SMI, EDGE, ANY, DESTINATION_OR_OTHERS },
	{ SMI, LEVEL, ASSERT, DESTINATION_OR_OTHERS },
	{ NMI, EDGE, ANY, DESTINATION_OR_OTHERS },
	{ NMI, LEVEL, ASSERT, DESTINATION_OR_OTHERS },
	{ INIT, EDGE, ANY, DESTINATION_OR_OTHERS },
	{ INIT, LEVEL, ASSERT, DESTINATION_OR_OTHERS },
	{ STARTUP, ANY, ANY, DESTINATION_OR_OTHERS },
};

static bool is_valid(int mode, int trigger, int level, unsigned int shorthand)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(valid); i++) {
		if (valid[i].mode == mode && (valid[i].trigger == ANY || valid[i].trigger == trigger) &&
		    (valid[i].level == ANY || valid[i].level == level) && (valid[i].shorthands & 1u << shorthand))
			return true;
	}
	return false;
}

static enum icr_action expected_action(int mode, int trigger, int level, unsigned int shorthand)
{
	if (mode == INIT && trigger == LEVEL && level == DEASSERT)
		return ICR_IGNORE; /* SDM, 11.6.1: not supported any more, whatever the shorthand */
	if (mode == FIXED)
		return ICR_PASS; /* level de-assert: SDM, table 11-3, note 2: issued as edge */
	if (!is_valid(mode, trigger, level, shorthand))
		return ICR_REFUSE;
	switch (mode) {
	case LOWEST:
		return ICR_PASS;
	case NMI:
		return ICR_NMI;
	case INIT:
		return ICR_INIT;
	case STARTUP:
		return ICR_STARTUP;
	default:
		return ICR_REFUSE; /* SMI is valid, and never the guest's */
	}
}

static void every_combination(void **state)
{
	for (unsigned int i = 0; i < MODES * SHORTHANDS * 4; i++) {
		int mode = (int)(i / 16), trigger = i >> 2 & 1, level = i >> 3 & 1;
		unsigned int shorthand = i & 3;
		enum icr_action expected = expected_action(mode, trigger, level, shorthand);
		u64 icr = COMMAND(mode, trigger, level, shorthand);

		for (unsigned int self = 0; self < CPUS; self++) {
			assert_int_equal(action(icr, self), expected);
			assert_int_equal(action(icr | LOGICAL, self), expected);
			assert_int_equal(action(icr | X2(ids[2]), self), expected);
			assert_int_equal(action(icr | ~(u64)0 << 32, self), expected);
		}
	}
}

/* Fields that do not decide: the vector (but for SIPI, whose page it is), the level with edge, what is reserved. */
static void other_bits_change_nothing(void **state)
{
	static const unsigned int modes[] = { NMI, INIT, STARTUP, SMI, RESERVED_3, RESERVED_7, FIXED, LOWEST };
	const u64 bits = GENMASK64(7, 0) | BIT(12) | BIT(13) | BIT(14) | GENMASK64(17, 16) | GENMASK64(31, 20);

	for (unsigned int i = 0; i < ARRAY_SIZE(modes); i++) {
		for (unsigned int n = 0; n < 32; n++) {
			u64 icr = COMMAND(modes[i], EDGE, ASSERT, DESTINATION) | X2(ids[2]) | X(ids[2]);
			struct icr_command plain = icr_decode(icr, 1, apic), other;

			if (!(bits & BIT(n)))
				continue;
			other = icr_decode(icr ^ BIT(n), 1, apic);
			assert_int_equal(other.action, plain.action);
			assert_true(other.targets == plain.targets);
			assert_int_equal(other.vector, plain.vector ^ (n < 8 ? 1u << n : 0));
		}
	}
}

/* Bits 55:32 are reserved in xAPIC mode: in the page they are not there. */
static void xapic_destination_is_8_bits(void **state)
{
	assert_int_equal(targets(X(0x11) | GENMASK64(55, 32), 0), 1u << 3);
	assert_int_equal(targets(GENMASK64(55, 32), 1), 1u << 0);
}

static void whatever_is_written(void **state)
{
	unsigned int seed = 1;

	for (unsigned int i = 0; i < 200000; i++) {
		u64 icr = (u64)(u32)rand_r(&seed) << 33 ^ (u64)(u32)rand_r(&seed) << 16 ^ (u64)(u32)rand_r(&seed);
		unsigned int mode = icr >> 8 & 7, self = (unsigned int)rand_r(&seed) % CPUS;
		struct icr_command c;

		for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
			apic[cpu].x2apic = rand_r(&seed) % 2;
			apic[cpu].ldr = (u32)rand_r(&seed) << 16;
			apic[cpu].dfr = rand_r(&seed) % 3 ? 0xffffffff : (u32)rand_r(&seed) << 4;
		}
		c = icr_decode(icr, self, apic);
		if (c.action == ICR_PASS)
			assert_true(mode == FIXED || mode == LOWEST);
		if (c.action == ICR_NMI || c.action == ICR_INIT || c.action == ICR_STARTUP)
			assert_int_equal(mode, c.action == ICR_NMI ? NMI : c.action == ICR_INIT ? INIT : STARTUP);
		else
			assert_int_equal(c.targets, 0);
		assert_int_equal(c.targets & ~(u64)ALL, 0);
	}
}

/* ---- targets ----------------------------------------------------------------------------------------------------------- */

/* "Others" needs no destination, and no mode. */
static void shorthand_others(void **state)
{
	static const u64 destinations[] = { 0, X2(1), X2(0xffffffff), X(1), LOGICAL | X2(1), LOGICAL | X(0xff) };

	for (unsigned int self = 0; self < CPUS; self++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(destinations); i++)
			assert_int_equal(targets(COMMAND(0, 0, 0, TO_OTHERS) | destinations[i], self), ALL & ~(1u << self));
	}
}

static void x2apic_physical(void **state)
{
	static const struct {
		u32 destination;
		u64 targets;
	} table[] = {
		{ 0, 1 << 0 },	     { 1, 1 << 1 },  { 0x11, 1 << 3 },	{ 0x2f, 1 << 4 }, { 0x1234, 1 << 5 },
		{ 3, 0 },	     { 0x34, 0 } /* the low byte alone names nobody */,
		{ 0xff, 0 } /* no broadcast here */, { 0xffff, 0 },	{ 0xfffffffe, 0 }, { 0xffffffff, ALL },
		{ 0x40 + CPUS, 0 } /* in the table, beyond its end */,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		for (unsigned int self = 0; self < CPUS; self++)
			assert_int_equal(targets(X2(table[i].destination), self), table[i].targets);
	}
}

static void x2apic_logical(void **state)
{
	static const struct {
		u32 destination;
		u64 targets;
	} table[] = {
		{ 0x00000001, 1 << 0 },
		{ 0x00000002, 1 << 1 },
		{ 0x00000007, 7 },
		{ 0x0000ffff, 7 },
		{ 0x00000008, 0 },
		{ 0x00010002, 1 << 3 },
		{ 0x00010001, 0 },
		{ 0x0001ffff, 1 << 3 },
		{ 0x00028000, 1 << 4 },
		{ 0x00027fff, 0 },
		{ 0x01230010, 1 << 5 }, /* 1234h: cluster 123h, bit 4 */
		{ 0x0123ffef, 0 },
		{ 0x00000000, 0 },
		{ 0x00030000, 0 },
		{ 0xffff0001, 0 },
		{ 0x000000ff, 7 }, /* no broadcast */
		{ 0xffffffff, ALL }, /* in both destination modes (SDM, 11.12.9) */
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		for (unsigned int self = 0; self < CPUS; self++)
			assert_int_equal(targets(LOGICAL | X2(table[i].destination), self), table[i].targets);
	}
}

static void xapic_physical(void **state)
{
	for (unsigned int self = 0; self < CPUS; self++) {
		assert_int_equal(targets(X(0), self), 1 << 0);
		assert_int_equal(targets(X(2), self), 1 << 2);
		assert_int_equal(targets(X(0x2f), self), 1 << 4);
		assert_int_equal(targets(X(0x0f), self), 0); /* 4-bit IDs: no */
		assert_int_equal(targets(X(0xfe), self), 0);
		assert_int_equal(targets(X(0xff), self), ALL);
	}
}

/* Flat: a bit a CPU, or several. With one each, a destination is the set itself. */
static void xapic_flat(void **state)
{
	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		apic[cpu].ldr = 1u << (24 + cpu) | 0xffffff; /* bits 23:0 are reserved */
	for (u32 destination = 0; destination < 0xff; destination++)
		assert_int_equal(targets(LOGICAL | X(destination), 2), destination & ALL);
	assert_int_equal(targets(LOGICAL | X(0xff), 2), ALL);

	apic[1].ldr = 0;
	apic[3].ldr = 0xc1000000;
	apic[4].dfr = 0xf0000000; /* bits 27:0 are reserved */
	assert_int_equal(targets(LOGICAL | X(0x02), 0), 0);
	assert_int_equal(targets(LOGICAL | X(0x80), 0), 1 << 3);
	assert_int_equal(targets(LOGICAL | X(0x01), 0), 1 << 0 | 1 << 3);
	assert_int_equal(targets(LOGICAL | X(0x10), 0), 1 << 4);
	assert_int_equal(targets(LOGICAL | X(0xff), 0), ALL); /* all ones: broadcast, with no bit in LDR too */
}

/* Cluster: bits 7:4 are a number, 3:0 a bit a CPU. */
static void xapic_cluster(void **state)
{
	static const u32 ldr[CPUS] = { 0x01000000, 0x02000000, 0x14000000, 0x18000000, 0xe1000000, 0x13000000 };
	static const struct {
		u8 destination;
		u64 targets;
	} table[] = {
		{ 0x01, 1 << 0 },
		{ 0x03, 1 << 0 | 1 << 1 },
		{ 0x0f, 1 << 0 | 1 << 1 },
		{ 0x14, 1 << 2 },
		{ 0x1c, 1 << 2 | 1 << 3 },
		{ 0x11, 1 << 5 },
		{ 0x1f, 1 << 2 | 1 << 3 | 1 << 5 },
		{ 0xe1, 1 << 4 },
		{ 0xe2, 0 },
		{ 0x10, 0 }, /* a cluster, none in it */
		{ 0x2f, 0 },
		{ 0xf1, 0 },
		{ 0x00, 0 },
		{ 0xff, ALL },
	};

	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		apic[cpu].ldr = ldr[cpu];
		apic[cpu].dfr = 0x0fffffff;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		for (unsigned int self = 0; self < CPUS; self++)
			assert_int_equal(targets(LOGICAL | X(table[i].destination), self), table[i].targets);
	}
}

/* Each APIC compares in its own model. Models other than 0 and Fh are reserved: such an APIC matches nothing. */
static void xapic_each_its_own_model(void **state)
{
	apic[0].ldr = 0x12000000;
	apic[1].ldr = 0x12000000;
	apic[1].dfr = 0x0fffffff;
	apic[2].ldr = 0x12000000;
	apic[2].dfr = 0x5fffffff;
	assert_int_equal(targets(LOGICAL | X(0x12), 3), 1 << 0 | 1 << 1);
	assert_int_equal(targets(LOGICAL | X(0x10), 3), 1 << 0);
	assert_int_equal(targets(LOGICAL | X(0x02), 3), 1 << 0);
	assert_int_equal(targets(LOGICAL | X(0x13), 3), 1 << 0 | 1 << 1);
	assert_int_equal(targets(LOGICAL | X(0xff), 3), ALL);
}

/* While a guest changes its CPUs over from one mode to the other. */
static void mixed_modes(void **state)
{
	apic[0].x2apic = apic[1].x2apic = true;
	apic[2].ldr = 0x02000000;
	apic[3].ldr = 0x40000000;
	/* The sender's mode says how wide the destination is. */
	assert_int_equal(targets(X2(2), 0), 1 << 2);
	assert_int_equal(targets(X(1), 2), 1 << 1);
	assert_int_equal(targets(X2(0xff), 0), 0);
	assert_int_equal(targets(X2(0xffffffff), 0), ALL);
	assert_int_equal(targets(X(0xff), 2), ALL);
	/* The target's mode says what matches. */
	assert_int_equal(targets(LOGICAL | X2(0x00000002), 0), 1 << 1 | 1 << 2);
	assert_int_equal(targets(LOGICAL | X2(0x00000040), 0), 1 << 3);
	assert_int_equal(targets(LOGICAL | X2(0x00010040), 0), 0);
	assert_int_equal(targets(LOGICAL | X(0x02), 2), 1 << 1 | 1 << 2);
}

/* A full table: 64 CPUs are a whole u64. */
static void as_many_as_there_can_be(void **state)
{
	x86_cpus.count = CPUS_MAX;
	for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu++)
		x86_cpus.apic_id[cpu] = cpu;
	assert_true(targets(X2(0xffffffff), 0) == ~(u64)0);
	assert_true(targets(COMMAND(0, 0, 0, TO_OTHERS), 63) == ~(u64)0 >> 1);
	assert_true(targets(X2(63), 0) == BIT(63));
	assert_true(targets(LOGICAL | X2(0x00038001), 0) == (BIT(63) | BIT(48)));
	x86_cpus.count = 1;
	assert_true(targets(X2(0xffffffff), 0) == 1);
	assert_true(targets(COMMAND(0, 0, 0, TO_OTHERS), 0) == 0);
}

/* The table by ID (cpus.h): its own CPUs, and nobody else. */
static void cpus_by_id(void **state)
{
	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		assert_int_equal(x86_cpu_by_apic_id(ids[cpu]), cpu);
	assert_int_equal(x86_cpu_by_apic_id(3), NO_CPU);
	assert_int_equal(x86_cpu_by_apic_id(0x34), NO_CPU);
	assert_int_equal(x86_cpu_by_apic_id(0x40 + CPUS), NO_CPU); /* in the table, beyond its end */
	assert_int_equal(x86_cpu_by_apic_id(0xffffffff), NO_CPU);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_combination, x2apic),
		cmocka_unit_test_setup(every_combination, xapic),
		cmocka_unit_test_setup(other_bits_change_nothing, x2apic),
		cmocka_unit_test_setup(other_bits_change_nothing, xapic),
		cmocka_unit_test_setup(xapic_destination_is_8_bits, xapic),
		cmocka_unit_test_setup(whatever_is_written, x2apic),
		cmocka_unit_test_setup(shorthand_others, x2apic),
		cmocka_unit_test_setup(shorthand_others, xapic),
		cmocka_unit_test_setup(x2apic_physical, x2apic),
		cmocka_unit_test_setup(x2apic_logical, x2apic),
		cmocka_unit_test_setup(xapic_physical, xapic),
		cmocka_unit_test_setup(xapic_flat, xapic),
		cmocka_unit_test_setup(xapic_cluster, xapic),
		cmocka_unit_test_setup(xapic_each_its_own_model, xapic),
		cmocka_unit_test_setup(mixed_modes, xapic),
		cmocka_unit_test_setup(as_many_as_there_can_be, x2apic),
		cmocka_unit_test_setup(cpus_by_id, x2apic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
