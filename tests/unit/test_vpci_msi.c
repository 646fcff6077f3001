/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI as the guest programs it, and what the device is programmed with (PCIe base spec 6.0, 7.7.1). The device of
 * these tests sends as the specification says, and what becomes of its messages is a fake unit's to say
 * (fake_remap.h). Offsets and bits are written down here a second time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "drivers/pci/msi.h"
#include "drivers/vpci/row.h"
#include "tests/fake/fake_vpci.h"

/* 64-bit with masks, 8 messages; 32-bit with masks, 32 messages; 64-bit without, 4 messages. */
#define WIDE   PCI_BDF(0, 7, 0)
#define NARROW PCI_BDF(0, 8, 0)
#define SIMPLE PCI_BDF(0, 9, 0)
#define CAP 0x50
#define CONTROL (CAP + 2)
#define ADDRESS (CAP + 4)

static struct fake_fn *wide, *narrow, *simple;

static unsigned int data_at(u16 bdf)
{
	return bdf == NARROW ? CAP + 8 : CAP + 12;
}

static unsigned int mask_at(u16 bdf)
{
	return data_at(bdf) + 4;
}

static struct fake_fn *fn(u16 bdf)
{
	return bdf == WIDE ? wide : bdf == NARROW ? narrow : simple;
}

static u32 hw(u16 bdf, unsigned int offset, unsigned int size)
{
	return fake_reg(fn(bdf), offset, size);
}

static bool hw_enabled(u16 bdf)
{
	return hw(bdf, CONTROL, 2) & 1;
}

static struct fake_fn *add_device(u16 bdf, u16 control)
{
	struct fake_fn *f = fake_add(bdf, 0x8086, 0x1234, 0x020000, 0);
	bool masks = control & 0x100;
	unsigned int data = data_at(bdf);

	fake_put(f->cfg, 4, 2, 0x0004);
	fake_cap(f, CAP, 0x05);
	/* Also the enable bit of extended message data sticks: nobody may set it. */
	fake_set(f, CONTROL, 2, control, 0x0471, 0);
	fake_set(f, ADDRESS, 4, 0xdeadbee0, 0xfffffffc, 0); /* firmware's leftovers */
	if (control & 0x80)
		fake_set(f, CAP + 8, 4, 0x00000abc, 0xffffffff, 0);
	fake_set(f, data, 2, 0x5a5a, 0xffff, 0);
	fake_set(f, data + 2, 2, 0x7777, 0xffff, 0); /* extended message data */
	if (masks) {
		fake_set(f, data + 4, 4, 0x00000003, (1ull << (1u << (control >> 1 & 7))) - 1, 0);
		fake_set(f, data + 8, 4, 0, 0, 0);
	}
	fake_express(f, 0x80, 0);
	return f;
}

static int begin_with(void **state, bool remapped)
{
	int ret = setup(state);

	fake_remap_begin(remapped);
	wide = add_device(WIDE, 0x0386);
	narrow = add_device(NARROW, 0x010a);
	simple = add_device(SIMPLE, 0x0084);
	assert_int_equal(pci_objects_init(32), 0);
	assert_int_equal(pci_enumerate(), 8);
	for (struct pci_dev *d = pci_dev_next(NULL); d && !ret; d = pci_dev_next(d))
		ret = vpci_attach(d);
	return ret;
}

static int begin(void **state)
{
	return begin_with(state, true);
}

static int begin_plain(void **state)
{
	return begin_with(state, false);
}

static int end(void **state)
{
	fake_remap.at_flush = NULL;
	fake.wrote = NULL;
	return teardown(state);
}

/* ---- the device ---- */

enum { SILENT = -1 };

/* Message i, now: a verdict, or SILENT. 7.7.1.2: 2^MME messages; 7.7.1.5: the number in the data's low bits. */
static int sends(u16 bdf, unsigned int i)
{
	u32 control = hw(bdf, CONTROL, 2), count = 1u << (control >> 4 & 7);
	u64 address = hw(bdf, ADDRESS, 4);
	u32 data = hw(bdf, data_at(bdf), 2);

	if (control & 0x80)
		address |= (u64)hw(bdf, CAP + 8, 4) << 32;
	if (!(control & 1) || i >= count)
		return SILENT;
	if ((control & 0x100) && (hw(bdf, mask_at(bdf), 4) >> i & 1))
		return SILENT;
	return (int)fake_message(bdf, address, (data & ~(count - 1)) | i);
}

static void delivers(u16 bdf, unsigned int i, u8 destination, u8 vector)
{
	assert_int_equal(sends(bdf, i), FAKE_DELIVERED);
	assert_int_equal(fake_interrupt.destination, destination);
	assert_int_equal(fake_interrupt.vector, vector);
}

static void write_message(u16 bdf, u8 destination, u16 data)
{
	wr(bdf, ADDRESS, 4, 0xfee00000u | (u32)destination << 12);
	if (bdf != NARROW)
		wr(bdf, CAP + 8, 4, 0);
	wr(bdf, data_at(bdf), 2, data);
}

static void enable(u16 bdf, unsigned int log2)
{
	wr(bdf, CONTROL, 2, 1 | log2 << 4);
}

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

/* ---- others, while a flush is waited for ---- */

static void (*meanwhile)(void);

static void once(void)
{
	void (*run)(void) = meanwhile;

	meanwhile = NULL;
	if (run)
		run();
}

static void during_the_next_flush(void (*what)(void))
{
	meanwhile = what;
	fake_remap.at_flush = once;
}

static bool was_enabled;

static void see_disabled(void)
{
	was_enabled = hw_enabled(SIMPLE);
}

static void test_not_enabled_before_the_flush(void **state)
{
	was_enabled = true;
	write_message(SIMPLE, 1, 0x0040);
	during_the_next_flush(see_disabled);
	enable(SIMPLE, 0);
	assert_false(was_enabled);
	assert_true(hw_enabled(SIMPLE));
}

static void disable_it(void)
{
	wr(SIMPLE, CONTROL, 2, 0);
}

static void test_disabled_during_the_flush(void **state)
{
	write_message(SIMPLE, 1, 0x0040);
	during_the_next_flush(disable_it);
	enable(SIMPLE, 0);
	assert_false(hw_enabled(SIMPLE));
	assert_int_equal(rd(SIMPLE, CONTROL, 2), 0x0084);
	assert_int_equal(fake_entries_used(), 0);
}

/* The other's flush fails, so its change is not in force; this one's must not make it so. */
static void change_in_vain(void)
{
	fake_remap.fail_flushes = 1;
	wr(SIMPLE, data_at(SIMPLE), 2, 0x0041);
}

static void test_newer_change_is_not_committed(void **state)
{
	write_message(SIMPLE, 1, 0x0040);
	during_the_next_flush(change_in_vain);
	enable(SIMPLE, 0);
	assert_false(hw_enabled(SIMPLE));
	assert_int_equal(times_logged("cannot be flushed"), 1);
	enable(SIMPLE, 0); /* the guest says it again */
	delivers(SIMPLE, 0, 1, 0x41);
}

static void change_well(void)
{
	wr(SIMPLE, data_at(SIMPLE), 2, 0x0041);
}

static void test_newer_change_is_the_others(void **state)
{
	write_message(SIMPLE, 1, 0x0040);
	during_the_next_flush(change_well);
	enable(SIMPLE, 0);
	delivers(SIMPLE, 0, 1, 0x41);
}

static void unmask_in_vain(void)
{
	fake_remap.fail_flushes = 1;
	wr(WIDE, mask_at(WIDE), 4, 0);
	if (hw(WIDE, mask_at(WIDE), 4) != 1)
		broken = "unmasked before the flush";
	fake_remap.fail_flushes = 1; /* this one's too */
}

/* Changed while masked: the unmask waits for a flush that succeeds. */
static void test_unmask_waits(void **state)
{
	write_message(WIDE, 1, 0x0040);
	enable(WIDE, 0);
	delivers(WIDE, 0, 1, 0x40);
	wr(WIDE, mask_at(WIDE), 4, 1);
	during_the_next_flush(unmask_in_vain);
	wr(WIDE, data_at(WIDE), 2, 0x0041);
	assert_int_equal(sends(WIDE, 0), SILENT);
	assert_int_equal(rd(WIDE, mask_at(WIDE), 4), 0);
	wr(WIDE, mask_at(WIDE), 4, 0); /* once more, and now the flush works */
	delivers(WIDE, 0, 1, 0x41);
}

static void unmask_well(void)
{
	wr(WIDE, mask_at(WIDE), 4, 0);
	if (sends(WIDE, 0) != FAKE_DELIVERED || fake_interrupt.vector != 0x41)
		broken = "unmasked, and the write returned";
}

static void test_unmask_by_another(void **state)
{
	write_message(WIDE, 1, 0x0040);
	enable(WIDE, 0);
	delivers(WIDE, 0, 1, 0x40);
	wr(WIDE, mask_at(WIDE), 4, 1);
	during_the_next_flush(unmask_well);
	wr(WIDE, data_at(WIDE), 2, 0x0041);
	delivers(WIDE, 0, 1, 0x41);
}

static void mask_now(void)
{
	wr(WIDE, mask_at(WIDE), 4, 1);
	if (sends(WIDE, 0) != SILENT)
		broken = "masking waited";
}

static void test_masked_during_a_flush(void **state)
{
	write_message(WIDE, 1, 0x0040);
	enable(WIDE, 0);
	during_the_next_flush(mask_now);
	wr(WIDE, data_at(WIDE), 2, 0x0041);
	assert_int_equal(sends(WIDE, 0), SILENT);
	wr(WIDE, mask_at(WIDE), 4, 0);
	delivers(WIDE, 0, 1, 0x41);
}

/* ---- detach while a flush is waited for ---- */

static void withdraw_it(void)
{
	if (vpci_withdraw_start(device(SIMPLE)))
		broken = "withdrawn";
}

static void test_withdrawn_during_the_flush(void **state)
{
	write_message(SIMPLE, 1, 0x0040);
	during_the_next_flush(withdraw_it);
	enable(SIMPLE, 0);
	assert_false(hw_enabled(SIMPLE)); /* who withdraws silences it, and is not undone */
	assert_int_equal(vpci_detach(device(SIMPLE)), 0);
}

static void detach_it(void)
{
	withdraw_it();
	if (vpci_detach(device(SIMPLE)))
		broken = "detached";
}

static void test_detached_during_the_flush(void **state)
{
	write_message(SIMPLE, 1, 0x0040);
	during_the_next_flush(detach_it);
	enable(SIMPLE, 0);
	assert_false(hw_enabled(SIMPLE));
	assert_int_equal(pci_msi_count(device(SIMPLE)), 0);
	assert_int_equal(fake_entries_used(), 0);
}

/* The newcomer's row is the same, its number of changes begins anew, and its flush fails. */
static void come_back_in_vain(void)
{
	detach_it();
	if (vpci_attach(device(SIMPLE)))
		broken = "attached";
	write_message(SIMPLE, 1, 0x0041);
	fake_remap.fail_flushes = 1;
	enable(SIMPLE, 0);
}

static void test_attached_again_during_the_flush(void **state)
{
	write_message(SIMPLE, 1, 0x0040);
	enable(SIMPLE, 0);
	for (unsigned int i = 0; i < 20; i++)
		wr(SIMPLE, data_at(SIMPLE), 2, 0x50 + i);
	during_the_next_flush(come_back_in_vain);
	wr(SIMPLE, data_at(SIMPLE), 2, 0x40);
	assert_false(hw_enabled(SIMPLE));
	assert_int_equal(rd(SIMPLE, CONTROL, 2), 0x0085);
}

/* A note of other entries says nothing about these. */
static void test_flushed(void **state)
{
	struct vpci_flush flush = { .wanted = true, .first = 8, .count = 4, .upto = 100 };

	assert_true(vpci_flushed(&flush, 8, 100));
	assert_true(vpci_flushed(&flush, 11, 1));
	assert_false(vpci_flushed(&flush, 7, 1));
	assert_false(vpci_flushed(&flush, 12, 1));
	assert_false(vpci_flushed(&flush, 8, 101));
	assert_false(vpci_flushed(&flush, 8, 0x100000001ull));
}

static void test_note_of_another_entry(void **state)
{
	struct pci_dev *dev = device(SIMPLE);
	struct vpci_flush other = { .wanted = true, .first = 100, .count = 1, .upto = ~0ull };

	write_message(SIMPLE, 1, 0x0040);
	fake_remap.fail_flushes = 1;
	enable(SIMPLE, 0);
	vpci_flush_finish(dev, &other);
	assert_false(hw_enabled(SIMPLE));
}

/* The note holds all that was changed, in any order, and is taken once. */
static void test_note(void **state)
{
	static const u32 order[] = { 5, 3, 9, 4 };
	struct pci_message message = { 0xfee00000, 0x40 };
	struct pci_dev *dev = device(SIMPLE);
	struct vpci_flush note;
	u64 number = 0, last;
	u32 first;

	fake_remap.threads = true;
	pci_vpci_lock(dev);
	assert_int_equal(pci_msi_grow(dev, true, 16, &first), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(order); i++) {
		last = number;
		assert_true(vpci_message_set(dev->vpci, first + order[i], &message, &number));
		assert_true(number > last);
	}
	note = vpci_flush_take(dev->vpci);
	assert_true(note.wanted);
	assert_int_equal(note.first, first + 3);
	assert_int_equal(note.count, 7);
	assert_int_equal(note.upto, number);
	assert_false(vpci_flush_take(dev->vpci).wanted);
	pci_vpci_unlock(dev);
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

/* ---- failures ---- */

static void test_flush_fails_at_enable(void **state)
{
	write_message(SIMPLE, 1, 0x0040);
	fake_remap.fail_flushes = 1;
	enable(SIMPLE, 1);
	assert_int_equal(sends(SIMPLE, 0), SILENT);
	assert_int_equal(rd(SIMPLE, CONTROL, 2), 0x0095);
	assert_int_equal(times_logged("what was changed stays off"), 1);
	wr(SIMPLE, data_at(SIMPLE), 2, 0x0040); /* nothing new, but another attempt */
	delivers(SIMPLE, 1, 1, 0x41);
}

static void test_vanished(void **state)
{
	unsigned long before;

	write_message(SIMPLE, 1, 0x0040);
	enable(SIMPLE, 0);
	fake_vanish(simple);
	assert_int_equal(rd(SIMPLE, 0, 2), 0xffff);
	before = simple->writes;
	wr(SIMPLE, data_at(SIMPLE), 2, 0x0041);
	wr(SIMPLE, CONTROL, 2, 0);
	detach(SIMPLE);
	assert_int_equal(simple->writes, before);
	assert_int_equal(fake_entries_used(), 0);
}

static void vanish_it(void)
{
	fake_vanish(simple);
	(void)pci_dev_read(device(SIMPLE), 0, 2);
}

static void test_vanished_during_the_flush(void **state)
{
	unsigned long before;

	write_message(SIMPLE, 1, 0x0040);
	before = simple->writes;
	during_the_next_flush(vanish_it);
	enable(SIMPLE, 0);
	assert_int_equal(simple->writes, before);
	detach(SIMPLE);
	assert_int_equal(fake_entries_used(), 0);
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

static void reset_it(void)
{
	wr(SIMPLE, 0x80 + 8, 2, 0x8000);
}

static void test_reset_during_the_flush(void **state)
{
	write_message(SIMPLE, 1, 0x0040);
	during_the_next_flush(reset_it);
	enable(SIMPLE, 0);
	assert_false(hw_enabled(SIMPLE));
}

#define M(name) cmocka_unit_test_setup_teardown(name, begin, end)

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
		M(test_not_enabled_before_the_flush),
		M(test_disabled_during_the_flush),
		M(test_newer_change_is_not_committed),
		M(test_newer_change_is_the_others),
		M(test_unmask_waits),
		M(test_unmask_by_another),
		M(test_masked_during_a_flush),
		M(test_withdrawn_during_the_flush),
		M(test_detached_during_the_flush),
		M(test_attached_again_during_the_flush),
		M(test_flushed),
		M(test_note_of_another_entry),
		M(test_note),
		M(test_no_interrupt),
		cmocka_unit_test_setup_teardown(test_plain, begin_plain, end),
		M(test_flush_fails_at_enable),
		M(test_vanished),
		M(test_vanished_during_the_flush),
		M(test_reset),
		M(test_reset_during_the_flush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
