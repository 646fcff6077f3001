/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt messages: every field alone and every bit that must be refused, from Intel SDM vol. 3A, 11.11
 * (figures "Layout of the MSI Message Address Register" and "... Data Register").
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "drivers/iommu/apic_message.h"

void arch_cpu_relax(void)
{
}

static struct apic_target target;

static bool parse(u64 address, u32 data)
{
	const struct pci_message message = { address, data };

	memset(&target, 0x5a, sizeof(target));
	return apic_message_parse(&message, &target);
}

static void expect(u64 address, u32 data, u32 destination, u8 vector, bool logical, bool lowest)
{
	assert_true(parse(address, data));
	assert_int_equal(target.destination, destination);
	assert_int_equal(target.vector, vector);
	assert_int_equal(target.logical, logical);
	assert_int_equal(target.lowest, lowest);
	assert_false(target.nmi);
	assert_false(target.level);
}

static void test_fields(void **state)
{
	expect(0xfee00000, 0x0041, 0, 0x41, false, false);
	expect(0xfee03000, 0x00ef, 3, 0xef, false, false);
	expect(0xfeefe000, 0x0010, 0xfe, 0x10, false, false);
	expect(0xfee01004, 0x0041, 1, 0x41, true, false);
	expect(0xfeeff004, 0x0041, 0xff, 0x41, true, false); /* a set of eight, not everybody */
	expect(0xfeeff000, 0x0041, 0xffffffff, 0x41, false, false);
	for (unsigned int i = 0; i < 8; i++)
		expect(0xfee00000 + (0x1000ull << i), 0x41, 1u << i, 0x41, false, false);
}

/* Redirection hint and delivery mode each ask for one of a set; a physical destination is no set. */
static void test_lowest_priority(void **state)
{
	expect(0xfee0300c, 0x0041, 3, 0x41, true, true);
	expect(0xfee03004, 0x0141, 3, 0x41, true, true);
	expect(0xfee0300c, 0x0141, 3, 0x41, true, true);
	expect(0xfee03008, 0x0141, 3, 0x41, false, false);
	expect(0xfee03000, 0x0141, 3, 0x41, false, false);
}

/* A device's message is an edge, whatever it says. */
static void test_trigger_mode_is_ignored(void **state)
{
	expect(0xfee01000, 0x4041, 1, 0x41, false, false);
	expect(0xfee01000, 0x8041, 1, 0x41, false, false);
	expect(0xfee01000, 0xc041, 1, 0x41, false, false);
}

static void test_other_addresses(void **state)
{
	for (unsigned int bit = 20; bit < 64; bit++)
		assert_false(parse(0xfee00000ull ^ (u64)1 << bit, 0x41));
	assert_false(parse(0, 0x41));
	assert_true(parse(0xfee00003, 0x41)); /* bits 1:0 do not count */
}

/* Bit 4 is the remappable format; 11:5 would be a destination of more bits. */
static void test_reserved_address_bits(void **state)
{
	for (unsigned int bit = 4; bit < 12; bit++)
		assert_false(parse(0xfee00000ull | 1u << bit, 0x41));
}

static void test_delivery_modes(void **state)
{
	for (u32 mode = 0; mode < 8; mode++)
		assert_int_equal(parse(0xfee01000, mode << 8 | 0x41), mode <= 1);
}

static void test_vectors(void **state)
{
	for (u32 vector = 0; vector < 256; vector++)
		assert_int_equal(parse(0xfee01000, vector), vector >= 16);
}

static void build(const struct apic_target *t, u64 address, u32 data)
{
	struct pci_message message;

	assert_true(apic_message_build(t, &message));
	assert_int_equal(message.address, address);
	assert_int_equal(message.data, data);
}

static void test_build(void **state)
{
	struct pci_message message;

	build(&(struct apic_target){ .destination = 0x12, .vector = 0x41 }, 0xfee12000, 0x41);
	build(&(struct apic_target){ .destination = 0x12, .vector = 0xfe, .logical = true }, 0xfee12004, 0xfe);
	build(&(struct apic_target){ .destination = 3, .vector = 0x41, .logical = true, .lowest = true }, 0xfee0300c,
	      0x141);
	build(&(struct apic_target){ .destination = 3, .vector = 0x41, .nmi = true }, 0xfee03000, 0x400);
	build(&(struct apic_target){ .destination = 3, .vector = 0x41, .level = true }, 0xfee03000, 0xc041);
	build(&(struct apic_target){ .destination = 0xffffffff, .vector = 0x41 }, 0xfeeff000, 0x41);
	build(&(struct apic_target){ .destination = 0xff, .vector = 0x41, .logical = true }, 0xfeeff004, 0x41);
	assert_false(apic_message_build(&(struct apic_target){ .destination = 0x100, .vector = 0x41 }, &message));
	assert_false(apic_message_build(&(struct apic_target){ .destination = 0xff, .vector = 0x41 }, &message));
	assert_false(apic_message_build(
		&(struct apic_target){ .destination = 0xffffffff, .vector = 0x41, .logical = true }, &message));
}

/* What was parsed is built again as it was, but for what does not count. */
static void test_there_and_back(void **state)
{
	for (u32 destination = 0; destination < 256; destination++) {
		for (u32 flags = 0; flags < 4; flags++) {
			const u64 address = 0xfee00000 | destination << 12 | flags << 2;
			struct pci_message again;

			assert_true(parse(address, 0x77));
			assert_true(apic_message_build(&target, &again));
			assert_int_equal(again.address, flags == 2 ? address & ~8ull : address);
			assert_int_equal(again.data, flags == 3 ? 0x177 : 0x77);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_lowest_priority),
		cmocka_unit_test(test_trigger_mode_is_ignored),
		cmocka_unit_test(test_other_addresses),
		cmocka_unit_test(test_reserved_address_bits),
		cmocka_unit_test(test_delivery_modes),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
