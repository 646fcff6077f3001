/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI as the guest programs it, and what the device is programmed with (PCIe base spec 6.0, 7.7.1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/msi_machine.h"

/* ---- registers ---- */

/* What of each byte the guest may write, and what the rest reads as: 7.7.1.2 to 7.7.1.8. */
struct bytes {
	u8 writable[24], fixed[24];
	unsigned int count;
};

static struct bytes expected(u16 bdf)
{
	static const struct bytes of_wide = {
		{ 0, 0, 0x71, 0, 0xfc, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0 },
		{ 0x05, 0x80, 0x86, 0x01 }, 24
	}, of_narrow = {
		{ 0, 0, 0x71, 0, 0xfc, 255, 255, 255, 255, 255, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0 },
		{ 0x05, 0x80, 0x0a, 0x01 }, 20
	}, of_simple = {
		{ 0, 0, 0x71, 0, 0xfc, 255, 255, 255, 255, 255, 255, 255, 255, 255 },
		{ 0x05, 0x80, 0x84, 0x00 }, 14
	};

	return bdf == WIDE ? of_wide : bdf == NARROW ? of_narrow : of_simple;
}

static void reads_back(u16 bdf, const u8 *shadow)
{
	struct bytes e = expected(bdf);

	for (unsigned int size = 1; size <= 8; size *= 2) {
		for (unsigned int at = 0; at + size <= e.count; at++) {
			u64 value = rd(bdf, CAP + at, size);

			for (unsigned int i = 0; i < size; i++)
				assert_int_equal((u8)(value >> (8 * i)), e.fixed[at + i] | shadow[at + i]);
		}
	}
}

/* Each size at each place, the straddling ones too; enabled, with any message, and disabled. */
static void every_write(u16 bdf)
{
	struct bytes e = expected(bdf);
	u8 shadow[24] = { 0 };
	u64 random = 88172645463325252ull;

	reads_back(bdf, shadow);
	for (unsigned int round = 0; round < 20; round++) {
		for (unsigned int size = 1; size <= 8; size *= 2) {
			for (unsigned int at = 0; at + size <= e.count; at++) {
				random ^= random << 13;
				random ^= random >> 7;
				random ^= random << 17;
				wr(bdf, CAP + at, size, random);
				for (unsigned int i = 0; i < size; i++)
					shadow[at + i] = (u8)(random >> (8 * i)) & e.writable[at + i];
				reads_back(bdf, shadow);
			}
		}
	}
	assert_int_equal(hw(bdf, CONTROL, 2) & 0x400, 0);
	assert_int_equal(hw(bdf, data_at(bdf) + 2, 2), 0x7777);
}

static void test_registers_wide(void **state)
{
	every_write(WIDE);
}

static void test_registers_narrow(void **state)
{
	every_write(NARROW);
}

static void test_registers_simple(void **state)
{
	every_write(SIMPLE);
}

/* What the guest writes does not get to the device's address and data; only the unit's message does. */
static void test_device_gets_the_units_message_only(void **state)
{
	write_message(WIDE, 3, 0x4041);
	assert_int_equal(hw(WIDE, ADDRESS, 4), 0xdeadbee0);
	assert_int_equal(hw(WIDE, data_at(WIDE), 2), 0x5a5a);
	assert_int_equal(fake_remap.sets, 0);
	enable(WIDE, 0);
	assert_int_equal(hw(WIDE, ADDRESS, 4), fake_remappable(0));
	assert_int_equal(hw(WIDE, CAP + 8, 4), 0);
	assert_int_equal(hw(WIDE, data_at(WIDE), 2), 0);
	assert_int_equal(hw(WIDE, CONTROL, 2), 0x0387);
	delivers(WIDE, 0, 3, 0x41);
	/* Control is the guest's own, whatever is in the hardware's. */
	fake_put(wide->cfg, CONTROL, 2, 0x03f6);
	assert_int_equal(rd(WIDE, CONTROL, 2), 0x0187);
}

/* ---- order ---- */

static char trace[2000];
static u16 traced;

static void note_write(struct fake_fn *f, unsigned int offset, unsigned int size, u32 value)
{
	if (f == fn(traced) && offset >= CAP && offset < CAP + 0x18)
		snprintf(trace + strlen(trace), sizeof(trace) - strlen(trace), "%x=%x ", offset - CAP, value);
}

static void note_flush(void)
{
	strcat(trace, "flush ");
}

static void begin_trace(u16 bdf)
{
	traced = bdf;
	trace[0] = '\0';
	fake.wrote = note_write;
	fake_remap.at_flush = note_flush;
}

static void test_order(void **state)
{
	write_message(WIDE, 1, 0x0030);
	wr(WIDE, mask_at(WIDE), 4, 0x02);
	begin_trace(WIDE);
	enable(WIDE, 1);
	assert_string_equal(trace, "flush 4=fee00018 8=0 c=0 10=2 2=11 ");
	begin_trace(WIDE);
	wr(WIDE, data_at(WIDE), 2, 0x0050);
	assert_string_equal(trace, "flush 10=2 "); /* the message stays the same */
	begin_trace(WIDE);
	wr(WIDE, mask_at(WIDE), 4, 0x03);
	assert_string_equal(trace, "10=3 "); /* nothing is waited for */
	begin_trace(WIDE);
	wr(WIDE, CONTROL, 2, 0x0000);
	assert_string_equal(trace, "2=0 flush "); /* and then the entries go */
	begin_trace(WIDE);
	enable(WIDE, 2);
	begin_trace(WIDE);
	enable(WIDE, 0); /* another number while enabled */
	assert_string_equal(trace, "2=0 flush 4=fee00090 8=0 c=0 10=3 2=1 flush ");
}

/* One flush for a write of two registers; none for one that changes nothing. */
static void test_flushes(void **state)
{
	write_message(WIDE, 1, 0x0030);
	enable(WIDE, 0);
	fake_remap.flushes = 0;
	wr(WIDE, CAP + 6, 8, 0xfee0ull | 0x0040ull << 48);
	assert_int_equal(fake_remap.flushes, 1);
	delivers(WIDE, 0, 1, 0x40);
	write_message(WIDE, 1, 0x0040);
	enable(WIDE, 0);
	assert_int_equal(fake_remap.flushes, 1);
	wr(WIDE, mask_at(WIDE), 4, 1);
	wr(WIDE, mask_at(WIDE), 4, 0);
	assert_int_equal(fake_remap.flushes, 1);
	write_message(WIDE, 1, 0x0041);
	assert_int_equal(fake_remap.flushes, 2);
	assert_int_equal(fake_remap.last_first, 0);
	assert_int_equal(fake_remap.last_count, 1);
}

static void test_new_target_from_the_write_on(void **state)
{
	write_message(SIMPLE, 1, 0x0030);
	enable(SIMPLE, 0);
	for (unsigned int i = 0; i < 50; i++) {
		delivers(SIMPLE, 0, (u8)(i + 1), (u8)(0x30 + i)); /* the unit has it cached now */
		wr(SIMPLE, ADDRESS + 1, 1, (i + 2) << 4);
		wr(SIMPLE, ADDRESS + 2, 1, 0xe0 | (i + 2) >> 4);
		delivers(SIMPLE, 0, (u8)(i + 2), (u8)(0x30 + i));
		wr(SIMPLE, data_at(SIMPLE), 1, 0x31 + i);
		delivers(SIMPLE, 0, (u8)(i + 2), (u8)(0x31 + i));
	}
}

/* ---- several messages ---- */

static void test_multiple(void **state)
{
	for (unsigned int mme = 0; mme < 8; mme++) {
		unsigned int log2 = mme < 3 ? mme : 3; /* it is capable of 8; 6 and 7 are reserved */

		write_message(WIDE, 5, 0x00b7);
		enable(WIDE, mme);
		assert_int_equal(rd(WIDE, CONTROL, 2), 0x0187 | mme << 4);
		assert_int_equal(hw(WIDE, CONTROL, 2), 0x0387 | log2 << 4);
		assert_int_equal(pci_msi_count(device(WIDE)), 1u << log2);
		for (unsigned int i = 0; i < 1u << log2; i++)
			delivers(WIDE, i, 5, (u8)((0xb7 & ~((1u << log2) - 1)) | i));
		assert_int_equal(sends(WIDE, 1u << log2), SILENT);
		wr(WIDE, CONTROL, 1, 0);
	}
	write_message(NARROW, 5, 0x00bf);
	enable(NARROW, 7);
	assert_int_equal(pci_msi_count(device(NARROW)), 32);
	for (unsigned int i = 0; i < 32; i++)
		delivers(NARROW, i, 5, (u8)(0xa0 + i));
}

/* Its row is its own: what others may raise of it, and what it may raise of theirs, is nothing. */
static void test_rows_are_apart(void **state)
{
	write_message(WIDE, 1, 0x0040);
	enable(WIDE, 3);
	write_message(SIMPLE, 2, 0x0050);
	enable(SIMPLE, 2);
	for (unsigned int i = 0; i < 4; i++)
		delivers(SIMPLE, i, 2, (u8)(0x50 + i));
	for (u32 i = 0; i < 8; i++)
		assert_int_equal(fake_message(SIMPLE, fake_remappable(i), 0), FAKE_WRONG_REQUESTER);
	assert_int_equal(fake_message(SIMPLE, 0xfee00000, 0x40), FAKE_COMPATIBILITY);
	assert_int_equal(fake_message(WIDE, hw(WIDE, ADDRESS, 4), 8), FAKE_WRONG_REQUESTER);
}

static void test_number_changes_while_enabled(void **state)
{
	write_message(WIDE, 1, 0x0040);
	enable(WIDE, 0);
	for (unsigned int log2 = 3; log2 + 1 > 0; log2--) {
		wr(WIDE, CONTROL, 1, 0x81 | log2 << 4);
		assert_int_equal(pci_msi_count(device(WIDE)), 1u << log2);
		assert_int_equal(fake_entries_used(), 1u << log2);
		for (unsigned int i = 0; i < 1u << log2; i++)
			delivers(WIDE, i, 1, (u8)(0x40 + i));
	}
}

/* ---- masks ---- */

static void test_masks(void **state)
{
	assert_int_equal(hw(WIDE, mask_at(WIDE), 4), 0); /* not firmware's 3 */
	write_message(WIDE, 1, 0x0040);
	wr(WIDE, mask_at(WIDE), 4, 0xffffff05);
	assert_int_equal(rd(WIDE, mask_at(WIDE), 4), 0x05); /* 8 messages, 8 bits */
	assert_int_equal(hw(WIDE, mask_at(WIDE), 4), 0x05);
	enable(WIDE, 3);
	for (unsigned int i = 0; i < 8; i++) {
		if (i == 0 || i == 2)
			assert_int_equal(sends(WIDE, i), SILENT);
		else
			delivers(WIDE, i, 1, (u8)(0x40 + i));
	}
	fake_put(wide->cfg, mask_at(WIDE) + 4, 4, 0x05); /* pending */
	assert_int_equal(rd(WIDE, mask_at(WIDE) + 4, 4), 0x05);
	wr(WIDE, mask_at(WIDE) + 4, 4, 0);
	assert_int_equal(hw(WIDE, mask_at(WIDE) + 4, 4), 0x05);
	wr(WIDE, mask_at(WIDE), 1, 0x04);
	delivers(WIDE, 0, 1, 0x40);
	assert_int_equal(sends(WIDE, 2), SILENT);
}

/* A read's answer pushes messages that are under way (2.4.1): then the guest's write may return. */
static void test_masking_and_disabling_read_back(void **state)
{
	write_message(WIDE, 1, 0x0040);
	enable(WIDE, 0);
	wide->last_read_offset = 0;
	wr(WIDE, mask_at(WIDE), 4, 1);
	assert_int_equal(wide->last_read_offset, mask_at(WIDE));
	wr(WIDE, CONTROL, 2, 0);
	assert_int_equal(wide->last_read_offset, CONTROL);
}

/* ---- what is no interrupt ---- */

static void test_no_interrupt(void **state)
{
	static const struct {
		u64 address;
		u16 data;
	} bad[] = {
		{ 0xfee00000, 0x0240 }, /* SMI */ { 0xfee00000, 0x0440 }, /* NMI */
		{ 0xfee00000, 0x0540 }, /* INIT */ { 0xfee00000, 0x0740 }, /* ExtINT */
		{ 0xfee00000, 0x000f }, /* no vector */ { 0xfee00010, 0x0040 }, /* remappable format */
		{ 0x12345000, 0x0040 }, { 0x1fee00000, 0x0040 }, { 0, 0 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		wr(SIMPLE, ADDRESS, 8, bad[i].address);
		wr(SIMPLE, data_at(SIMPLE), 2, bad[i].data);
		enable(SIMPLE, 0);
		assert_int_equal(rd(SIMPLE, CONTROL, 2), 0x0085);
		assert_int_equal(sends(SIMPLE, 0), SILENT);
		for (u32 entry = 0; entry < 4; entry++)
			assert_int_not_equal(fake_message(SIMPLE, fake_remappable(entry), 0), FAKE_DELIVERED);
		/* Good from now on, by writes while enabled. */
		write_message(SIMPLE, 1, 0x0040);
		delivers(SIMPLE, 0, 1, 0x40);
		wr(SIMPLE, ADDRESS, 8, bad[i].address);
		wr(SIMPLE, data_at(SIMPLE), 2, bad[i].data);
		assert_int_equal(sends(SIMPLE, 0), SILENT);
		wr(SIMPLE, CONTROL, 2, 0);
	}
	assert_int_equal(times_logged("is not an ordinary interrupt"), 1);
}

/* ---- not remapped ---- */

static int begin_plain(void **state)
{
	return begin_with(state, false);
}

static void test_plain(void **state)
{
	write_message(WIDE, 3, 0x4041);
	enable(WIDE, 0);
	assert_int_equal(hw(WIDE, ADDRESS, 4), 0xfee03000);
	assert_int_equal(hw(WIDE, data_at(WIDE), 2), 0x4041);
	delivers(WIDE, 0, 3, 0x41);
	wr(WIDE, data_at(WIDE), 1, 0x42);
	delivers(WIDE, 0, 3, 0x42);
	wr(WIDE, ADDRESS + 1, 1, 0x40);
	delivers(WIDE, 0, 4, 0x42);
	wr(WIDE, CONTROL, 2, 0x0031);
	for (unsigned int i = 0; i < 8; i++)
		delivers(WIDE, i, 4, (u8)(0x40 + i));
	wr(WIDE, data_at(WIDE), 2, 0x0240);
	assert_int_equal(sends(WIDE, 0), SILENT);
	wr(WIDE, data_at(WIDE), 2, 0x0140);
	delivers(WIDE, 7, 4, 0x47);
	assert_true(fake_interrupt.lowest);
}

/* ---- reset ---- */

static void test_reset(void **state)
{
	static const u8 nothing[24];

	write_message(WIDE, 1, 0x0040);
	wr(WIDE, mask_at(WIDE), 4, 0x0f);
	enable(WIDE, 3);
	begin_trace(WIDE);
	wr(WIDE, 0x80 + 8, 2, 0x8000); /* function level reset */
	assert_string_equal(trace, "2=0 flush "); /* off before its entries go */
	assert_int_equal(fake_entries_used(), 0);
	assert_int_equal(pci_msi_count(device(WIDE)), 0);
	assert_int_equal(rd(WIDE, 0, 2), 0x8086);
	reads_back(WIDE, nothing);
	write_message(WIDE, 1, 0x0041);
	enable(WIDE, 3);
	delivers(WIDE, 1, 1, 0x41);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		M(test_registers_wide),
		M(test_registers_narrow),
		M(test_registers_simple),
		M(test_device_gets_the_units_message_only),
		M(test_order),
		M(test_flushes),
		M(test_new_target_from_the_write_on),
		M(test_multiple),
		M(test_rows_are_apart),
		M(test_number_changes_while_enabled),
		M(test_masks),
		M(test_masking_and_disabling_read_back),
		M(test_no_interrupt),
		cmocka_unit_test_setup_teardown(test_plain, begin_plain, end),
		M(test_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
