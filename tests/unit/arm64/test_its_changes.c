/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages over the ITS that change: when hardware has forgotten what was, which CPU takes them, what the
 * oracle is told.
 */
#include "tests/unit/arm64/its_machine.h"

static int boot(void **state)
{
	power_on();
	start(4);
	return 0;
}

/* ---- changes ---- */

static void test_changes_at_once(void **state)
{
	const u32 e = take(&nic, 2);

	aim(&nic, e, SPI_FIRST);
	assert_true(set(&nic, e, SPI_FIRST + 1)); /* the same LPI: no flush needed */
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	assert_int_equal(raised[SPI_FIRST + 1], 1);
	assert_int_equal(msi->flush(&nic, e, 1), 0);
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	assert_int_equal(raised[SPI_FIRST + 1], 2);
	assert_int_equal(raised[SPI_FIRST], 0);
	assert_true(msi->set(&nic, e, NULL));
	assert_int_equal(sends(NIC_ID, &nic, e), 0);
	assert_int_equal(msi->flush(&nic, e, 1), 0);
	assert_int_equal(fake_find(NIC_ID, programmed(&nic, e).data) != NULL, 0);
}

/* What was pending when it was taken back does not come later, and not to the next owner of the LPI. */
static void test_pending_is_forgotten(void **state)
{
	const u32 e = take(&nic, 1);
	const struct pci_message m = programmed(&nic, e);
	u32 f;

	aim(&nic, e, SPI_FIRST);
	for (unsigned int cpu = 0; cpu < 4; cpu++)
		fake.cpu[cpu].ctlr = 0; /* nobody takes it now: it stays pending */
	fake.cpu[0].ctlr = 1;
	fake.cpu[0].cached[8192 + e] = 0;
	assert_true(fake_message(NIC_ID, m.address, m.data));
	assert_int_equal(all_raised, 0);
	give_back(&nic, e, 1);
	for (unsigned int cpu = 0; cpu < 4; cpu++)
		assert_false(fake.cpu[cpu].pending[8192 + e]);
	f = take(&nic, 1);
	assert_int_equal(f, e);
	aim(&nic, f, SPI_FIRST + 9);
	assert_int_equal(all_raised, 0);
}

static void test_freed(void **state)
{
	const u32 e = take(&nic, 4);
	u32 f;

	for (u32 i = 0; i < 4; i++)
		aim(&nic, e + i, SPI_FIRST + i);
	give_back(&nic, e, 4);
	assert_int_equal(in_use(), 0);
	for (u32 i = 0; i < 4; i++)
		assert_false(fake_message(NIC_ID, dt.its.base + 0x10040, e + i));
	f = take(&nic, 1);
	assert_int_equal(f, e);
	assert_int_equal(msi->flush(&nic, 0, 0), 0); /* all of everybody */
	assert_int_equal(sends(NIC_ID, &nic, f), 0);
	assert_int_equal(all_raised, 0);
}

/* What is nobody's is not mapped, whatever it is set to; and does not come to who takes it. */
static void test_nobodys(void **state)
{
	const u32 e = take(&nic, 1);

	assert_true(set(&nic, e + 1, SPI_FIRST));
	assert_int_equal(msi->flush(&nic, e, 2), 0);
	assert_false(fake_message(NIC_ID, dt.its.base + 0x10040, programmed(&nic, e).data + 1));
	assert_int_equal(take(&nic, 1), e + 1);
	assert_int_equal(msi->flush(&nic, e, 2), 0);
	assert_int_equal(sends(NIC_ID, &nic, e + 1), 0);
	(void)set(&nic, 16384, SPI_FIRST);
	(void)set(&nic, 0xffffffff, SPI_FIRST);
	assert_int_equal(msi->flush(&nic, 16380, 100), 0);
	assert_int_equal(msi->flush(&nic, 0xfffffff0, 100), 0);
	assert_int_equal(fake.done_of[0x0a], 0);
}

/* One that still delivers, in the hardware or by the guest's wish, is not given to somebody else. */
static void test_not_freed(void **state)
{
	const u32 e = take(&nic, 2);

	aim(&nic, e, SPI_FIRST);
	msi->free(&nic, e, 1);
	assert_int_equal(in_use(), 2);
	assert_true(msi->set(&nic, e, NULL));
	msi->free(&nic, e, 1); /* no flush */
	assert_int_equal(in_use(), 2);
	assert_true(set(&nic, e + 1, SPI_FIRST));
	msi->free(&nic, e + 1, 1); /* wished for, not mapped yet */
	assert_int_equal(in_use(), 2);
	assert_int_equal(msi->flush(&nic, e, 1), 0);
	msi->free(&nic, e, 1);
	assert_int_equal(in_use(), 1);
	msi->free(&nic, e, 1);
	msi->free(&nic, 16383, 4);
	msi->free(&nic, 0xfffffff0, 0x20);
	assert_int_equal(in_use(), 1);
}

static void test_flush_all(void **state)
{
	const u32 e = take(&nic, 1), f = take(&other, 1);

	assert_true(set(&nic, e, SPI_FIRST));
	assert_true(set(&other, f, SPI_FIRST + 1));
	assert_int_equal(msi->flush(&nic, 0, 0), 0);
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	assert_int_equal(sends(OTHER_ID, &other, f), 1);
}

/* As hardware's frame would: whoever writes the SPI's number raises it. */
static void test_one_spi_twice(void **state)
{
	const u32 e = take(&nic, 1), f = take(&other, 1);

	aim(&nic, e, SPI_FIRST);
	aim(&other, f, SPI_FIRST);
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	assert_int_equal(sends(OTHER_ID, &other, f), 1);
	assert_int_equal(raised[SPI_FIRST], 2);
	give_back(&other, f, 1);
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	its_route(SPI_FIRST, 2); /* that event is not the one that asked last: it stays, and works */
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	assert_int_equal(raised[SPI_FIRST], 4);
}

/* ---- CPUs ---- */

static void test_target(void **state)
{
	const u32 e = take(&nic, 1);

	for (unsigned int cpu = 0; cpu < 4; cpu++) {
		const u64 syncs = fake.done_of[0x05];

		route[SPI_FIRST + cpu] = cpu;
		aim(&nic, e, SPI_FIRST + cpu);
		assert_int_equal(fake.done_of[0x05] - syncs,
				 cpu ? 2 : 1); /* no redistributor that has no part in it */
		assert_int_equal(sends(NIC_ID, &nic, e), 1);
		assert_int_equal(raised_by[SPI_FIRST + cpu], cpu);
	}
	give_back(&nic, e, 1);
	assert_int_equal(sends(NIC_ID, &nic, e), 0);
}

/* Nobody waits for the move: until it is done, the old CPU takes it; the SPI rises all the same. */
static void test_route(void **state)
{
	const u32 e = take(&nic, 1);

	aim(&nic, e, SPI_FIRST);
	fake.at_once = 0;
	its_route(SPI_FIRST, 3);
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	assert_int_equal(raised_by[SPI_FIRST], 0);
	fake.at_once = 1;
	route[SPI_FIRST] = 3;
	assert_int_equal(msi->flush(&nic, e, 1), 0);
	assert_int_equal(fake.done_of[0x01], 1);
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	assert_int_equal(raised_by[SPI_FIRST], 3);
	route[SPI_FIRST + 4] = 3;
	aim(&nic, e, SPI_FIRST + 4);
	its_route(SPI_FIRST, 2); /* the event raises another SPI meanwhile */
	aim(&nic, e, SPI_FIRST + 4);
	assert_int_equal(fake.done_of[0x01], 1);
	aim(&nic, e, SPI_FIRST);
	its_route(SPI_FIRST, 3); /* it is there */
	its_route(SPI_FIRST + 1, 2);
	its_route(33, 2);
	its_route(8192 + e, 2);
	assert_int_equal(msi->flush(&nic, e, 1), 0);
	assert_int_equal(fake.done_of[0x01], 1);
	give_back(&nic, e, 1);
	its_route(SPI_FIRST, 1); /* nobody's any more */
	assert_int_equal(msi->flush(&nic, 0, 0), 0);
	assert_int_equal(fake.done_of[0x01], 1);
	assert_int_equal(sends(NIC_ID, &nic, e), 0);
}

/* Before the flush the event is not mapped, and a move does not map it. */
static void test_route_too_early(void **state)
{
	const u32 e = take(&nic, 1);

	assert_true(set(&nic, e, SPI_FIRST));
	its_route(SPI_FIRST, 2);
	assert_int_equal(msi->flush(&other, 64, 1), 0);
	assert_int_equal(sends(NIC_ID, &nic, e), 0);
	assert_int_equal(fake.done_of[0x01] + fake.done_of[0x0a], 0);
}

/* A flush after the move waits for both redistributors: nothing is left at the old one. */
static void test_moved_and_freed(void **state)
{
	const u32 e = take(&nic, 1);

	aim(&nic, e, SPI_FIRST);
	fake.at_once = 0;
	its_route(SPI_FIRST, 2);
	fake.at_once = 2;
	give_back(&nic, e, 1);
	assert_int_equal(fake.laters, 0);
	for (unsigned int cpu = 0; cpu < 4; cpu++)
		assert_false(fake.cpu[cpu].pending[8192 + e]);
}

/* An event that the guest has turned to another CPU by a new message. */
static void test_set_moves(void **state)
{
	const u32 e = take(&nic, 1);

	aim(&nic, e, SPI_FIRST);
	route[SPI_FIRST + 1] = 2;
	aim(&nic, e, SPI_FIRST + 1);
	assert_int_equal(sends(NIC_ID, &nic, e), 1);
	assert_int_equal(raised_by[SPI_FIRST + 1], 2);
}

static void test_stray_lpis(void **state)
{
	struct its_usage before, usage;

	its_usage(&before);
	its_interrupt(8192);
	its_interrupt(8192 + 16384);
	its_interrupt(0xffffffff);
	assert_int_equal(all_raised, 0);
	its_usage(&usage);
	assert_int_equal(usage.dropped - before.dropped, 3);
}

/* ---- the oracle ---- */

static void test_agrees(void **state)
{
	const u32 e = take(&nic, 2), f = take(&other, 1);
	const struct pci_message a = v2m(SPI_FIRST), b = v2m(SPI_FIRST + 1);
	u8 *config;

	assert_true(msi->agrees(&nic, e, NULL));
	assert_false(msi->agrees(&nic, e, &a));
	aim(&nic, e, SPI_FIRST);
	assert_true(msi->agrees(&nic, e, &a));
	assert_false(msi->agrees(&nic, e, &b));
	assert_false(msi->agrees(&nic, e, NULL));
	config = (u8 *)(uintptr_t)(fake.cpu[0].propbaser & 0xffffffffff000ull);
	config[e] ^= 1; /* disabled: it would not come */
	assert_false(msi->agrees(&nic, e, &a));
	config[e] ^= 1;
	assert_false(msi->agrees(&other, e, &a)); /* it is not that device's */
	assert_false(msi->agrees(&nic, f, &a));
	assert_false(msi->agrees(&nic, e + 2, NULL)); /* nobody's */
	assert_false(msi->agrees(&nic, 16384, NULL));
	give_back(&nic, e, 2);
	assert_false(msi->agrees(&nic, e, NULL));
}

static void test_usage(void **state)
{
	struct pci_msi_usage usage;
	u32 e, f;

	assert_true(msi->usage(&usage));
	assert_int_equal(usage.used, 0);
	e = take(&nic, 3);
	f = take(&other, 2);
	assert_int_equal(in_use(), 5);
	give_back(&nic, e, 3);
	assert_int_equal(in_use(), 2);
	give_back(&other, f, 2);
	assert_int_equal(in_use(), 0);
}

#define T(name) cmocka_unit_test_setup(name, boot)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_changes_at_once), T(test_pending_is_forgotten),
		T(test_freed),		 T(test_nobodys),
		T(test_not_freed),	 T(test_flush_all),
		T(test_one_spi_twice),	 T(test_target),
		T(test_route),		 T(test_route_too_early),
		T(test_moved_and_freed), T(test_set_moves),
		T(test_stray_lpis),	 T(test_agrees),
		T(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
