/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI in two phases: what others do while a flush is waited for, and flushes that fail. What is not flushed is not
 * used, and nobody commits what is another's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "drivers/vpci/row.h"
#include "tests/unit/msi_machine.h"

/* ---- others, while a flush is waited for ---- */

static void (*meanwhile)(void);

static void run_meanwhile(void)
{
	void (*run)(void) = meanwhile;

	meanwhile = NULL;
	if (run)
		run();
}

static void during_the_next_flush(void (*what)(void))
{
	meanwhile = what;
	fake_remap.at_flush = run_meanwhile;
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

/* ---- failures ---- */

static void test_flush_fails_at_enable(void **state)
{
	write_message(SIMPLE, 1, 0x0040);
	fake_remap.fail_flushes = 1;
	enable(SIMPLE, 1);
	assert_int_equal(sends(SIMPLE, 0), SILENT);
	assert_int_equal(rd(SIMPLE, CONTROL, 2), 0x0095);
	assert_int_equal(times_logged("what was changed is off"), 1);
	wr(SIMPLE, data_at(SIMPLE), 2, 0x0040); /* nothing new, but another attempt */
	delivers(SIMPLE, 1, 1, 0x41);
}

/*
 * A message that changes while it may be sent: the unit may know the old entry for ever, so the device is disabled.
 * Each way to write it anew is another attempt; one that masks is not.
 */
static void fail_a_change(u16 bdf, u8 vector)
{
	fake_remap.fail_flushes = 1;
	wr(bdf, data_at(bdf), 2, vector);
	assert_int_equal(fn(bdf)->last_read_offset, CONTROL); /* read back: none is under way */
	assert_false(hw_enabled(bdf));
	assert_int_equal(rd(bdf, CONTROL, 2) & 1, 1);
}

static void test_flush_fails_while_enabled(void **state)
{
	write_message(WIDE, 1, 0x0040);
	enable(WIDE, 1);
	delivers(WIDE, 1, 1, 0x41);
	fail_a_change(WIDE, 0x50);
	assert_int_equal(times_logged("what was changed is off"), 1);
	wr(WIDE, ADDRESS, 4, 0xfee01000); /* nothing new, but another attempt */
	delivers(WIDE, 1, 1, 0x51);
	fail_a_change(WIDE, 0x60);
	wr(WIDE, mask_at(WIDE), 4, 3);
	assert_false(hw_enabled(WIDE));
	wr(WIDE, mask_at(WIDE), 4, 2);
	delivers(WIDE, 0, 1, 0x60);
	assert_int_equal(sends(WIDE, 1), SILENT);
	fail_a_change(WIDE, 0x70);
	fake_remap.fail_flushes = 1;
	enable(WIDE, 1);
	assert_false(hw_enabled(WIDE));
	enable(WIDE, 1);
	delivers(WIDE, 0, 1, 0x70);
	assert_int_equal(times_logged("what was changed is off"), 4);
}

/* Meanwhile another CPU has changed it, and flushed: what fails is older. */
static void change_well_then_fail(void)
{
	wr(SIMPLE, data_at(SIMPLE), 2, 0x0042);
	fake_remap.fail_flushes = 1;
}

static void test_older_flush_fails(void **state)
{
	write_message(SIMPLE, 1, 0x0040);
	enable(SIMPLE, 0);
	during_the_next_flush(change_well_then_fail);
	wr(SIMPLE, data_at(SIMPLE), 2, 0x0041);
	assert_int_equal(times_logged("cannot be flushed"), 1);
	delivers(SIMPLE, 0, 1, 0x42);
}

/* A failed flush of other entries, or of what is flushed by now, is nothing to this one. */
static void test_another_flush_fails(void **state)
{
	struct vpci_flush other = { .wanted = true, .first = 100, .count = 1, .upto = ~0ull };
	struct vpci_flush same = { .wanted = true, .first = 0, .count = 100, .upto = ~0ull };

	write_message(SIMPLE, 1, 0x0040);
	enable(SIMPLE, 0);
	fake_remap.fail_flushes = 1;
	vpci_flush_finish(device(SIMPLE), &same);
	delivers(SIMPLE, 0, 1, 0x40);
	fake_remap.fail_flushes = 1;
	pci_vpci_lock(device(SIMPLE));
	device(SIMPLE)->vpci->msi.unflushed = true;
	pci_vpci_unlock(device(SIMPLE));
	vpci_flush_finish(device(SIMPLE), &other);
	delivers(SIMPLE, 0, 1, 0x40);
}

static void withdraw_then_fail(void)
{
	withdraw_it();
	fake_remap.fail_flushes = 1;
}

/* Who withdraws it silences it. */
static void test_withdrawn_and_failed(void **state)
{
	unsigned long writes;

	write_message(SIMPLE, 1, 0x0040);
	enable(SIMPLE, 0);
	during_the_next_flush(withdraw_then_fail);
	writes = simple->writes;
	wr(SIMPLE, data_at(SIMPLE), 2, 0x0041);
	assert_int_equal(simple->writes, writes);
	assert_int_equal(vpci_detach(device(SIMPLE)), 0);
}

/* What failed went with its row: masks are the device's own again. */
static void test_disabled_after_a_failure(void **state)
{
	write_message(WIDE, 1, 0x0040);
	wr(WIDE, mask_at(WIDE), 4, 0x03);
	fake_remap.fail_flushes = 1;
	enable(WIDE, 0);
	wr(WIDE, CONTROL, 2, 0);
	wr(WIDE, mask_at(WIDE), 4, 0x02);
	assert_int_equal(hw(WIDE, mask_at(WIDE), 4), 0x02);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		M(test_flush_fails_at_enable),
		M(test_flush_fails_while_enabled),
		M(test_older_flush_fails),
		M(test_another_flush_fails),
		M(test_withdrawn_and_failed),
		M(test_disabled_after_a_failure),
		M(test_vanished),
		M(test_vanished_during_the_flush),
		M(test_reset_during_the_flush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
