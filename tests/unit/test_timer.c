/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers: called once, not before their moment, the earliest first, without the lock held; the hardware is
 * armed for the earliest and for nothing when there is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/timer.h"

#define NEVER (~(u64)0)
#define TIMERS 40
#define RUN_MAX 32 /* core/timer.h */

static u64 now, armed_for;
static unsigned int arms;

u64 arch_time_us(void)
{
	return now;
}

void arch_timer_arm(u64 at_us)
{
	armed_for = at_us;
	arms++;
}

static struct timer timers[TIMERS];
static unsigned int order[4 * TIMERS], called;

static void note(struct timer *t)
{
	order[called++] = (unsigned int)(t - timers);
}

static int setup(void **state)
{
	now = 1000000;
	for (unsigned int i = 0; i < TIMERS; i++)
		timer_init(&timers[i], note);
	armed_for = NEVER;
	arms = 0;
	called = 0;
	return 0;
}

static int teardown(void **state)
{
	for (unsigned int i = 0; i < TIMERS; i++)
		(void)timer_cancel(&timers[i]);
	assert_true(armed_for == NEVER);
	return 0;
}

static void test_called_once_at_its_moment(void **state)
{
	timer_set(&timers[0], 500);
	timer_set(&timers[1], 501);
	assert_int_equal(armed_for, 1000500);
	now = 1000499;
	assert_int_equal(timers_run(), 0);
	now = 1000500;
	assert_int_equal(timers_run(), 1);
	assert_int_equal(armed_for, 1000501);
	now = 1000501;
	assert_int_equal(timers_run(), 1);
	assert_true(armed_for == NEVER);
	now = 2000000;
	assert_int_equal(timers_run(), 0);
	assert_int_equal(called, 2);
}

static void test_earliest_first_and_armed_for_it(void **state)
{
	static const u64 delay[] = { 300, 100, 200, 100, 50 };
	/* Of one moment: in the order of being set. */
	static const unsigned int expected[] = { 4, 1, 3, 2, 0 };
	static const u64 armed[] = { 300, 100, 100, 100, 50 };

	for (unsigned int i = 0; i < ARRAY_SIZE(delay); i++) {
		timer_set(&timers[i], delay[i]);
		assert_int_equal(armed_for, 1000000 + armed[i]);
	}
	assert_int_equal(arms, 3); /* what does not change the earliest does not touch the hardware */
	now += 120;
	assert_int_equal(timers_run(), 3);
	assert_int_equal(armed_for, 1000200);
	now += 1000;
	assert_int_equal(timers_run(), 2);
	for (unsigned int i = 0; i < ARRAY_SIZE(expected); i++)
		assert_int_equal(order[i], expected[i]);
}

static void test_an_armed_one_moves(void **state)
{
	timer_set(&timers[0], 100);
	timer_set(&timers[1], 200);
	timer_set(&timers[0], 300);
	assert_int_equal(armed_for, 1000200);
	now += 250;
	assert_int_equal(timers_run(), 1);
	assert_int_equal(order[0], 1);
	timer_set(&timers[0], 10);
	assert_int_equal(armed_for, 1000260);
	now += 10;
	assert_int_equal(timers_run(), 1);
	now += 1000;
	assert_int_equal(timers_run(), 0);
}

static void test_cancel(void **state)
{
	assert_false(timer_cancel(&timers[0]));
	timer_set(&timers[0], 100);
	timer_set(&timers[1], 200);
	timer_set(&timers[2], 300);
	assert_true(timer_cancel(&timers[1])); /* from the middle */
	assert_int_equal(armed_for, 1000100);
	assert_true(timer_cancel(&timers[0]));
	assert_int_equal(armed_for, 1000300);
	assert_false(timer_cancel(&timers[0]));
	assert_true(timer_cancel(&timers[2]));
	assert_true(armed_for == NEVER);
	now += 1000;
	assert_int_equal(timers_run(), 0);
}

static void cancel_next(struct timer *t)
{
	note(t);
	assert_false(t->armed);
	assert_false(timer_cancel(t));
	assert_true(timer_cancel(t + 1));
}

static void test_functions_may_set_and_cancel(void **state)
{
	timer_init(&timers[0], cancel_next);
	timer_set(&timers[0], 10);
	timer_set(&timers[1], 10);
	timer_set(&timers[2], 10);
	now += 10;
	assert_int_equal(timers_run(), 2);
	assert_int_equal(order[1], 2);
}

static void set_again(struct timer *t)
{
	note(t);
	timer_set(t, 5);
}

static void test_one_that_sets_itself_again(void **state)
{
	timer_init(&timers[0], set_again);
	timer_set(&timers[0], 5);
	for (unsigned int i = 1; i <= 10; i++) {
		now += 5;
		arms = 0;
		assert_int_equal(timers_run(), 1);
		assert_int_equal(armed_for, now + 5);
		assert_int_equal(arms, 1);
	}
}

static void set_at_once(struct timer *t)
{
	note(t);
	timer_set(t, 0);
}

static void test_a_call_is_bounded(void **state)
{
	for (unsigned int i = 0; i < TIMERS; i++)
		timer_set(&timers[i], 10);
	now += 10;
	assert_int_equal(timers_run(), RUN_MAX);
	assert_int_equal(armed_for, 1000010); /* the rest is past: at once */
	assert_int_equal(timers_run(), TIMERS - RUN_MAX);
	assert_true(armed_for == NEVER);

	timer_init(&timers[0], set_at_once);
	timer_set(&timers[0], 0);
	called = 0;
	assert_int_equal(timers_run(), RUN_MAX);
	assert_true(timer_cancel(&timers[0]));
}

static void test_the_longest_delay_is_not_over_at_once(void **state)
{
	timer_set(&timers[0], NEVER);
	timer_set(&timers[1], NEVER - 1000000);
	assert_int_equal(timers_run(), 0);
	assert_true(armed_for > now && armed_for != NEVER);
	assert_true(timers[0].at_us != NEVER);
}

static void test_fired_too_early(void **state)
{
	timer_set(&timers[0], 100);
	armed_for = 0;
	now += 99;
	timers_rearm();
	assert_int_equal(armed_for, 1000100);
}

static void test_stats(void **state)
{
	struct timer_stats before, after;

	timer_get_stats(&before);
	timer_set(&timers[0], 10);
	timer_set(&timers[1], 20);
	now += 10 + 7000000;
	assert_int_equal(timers_run(), 2);
	timer_get_stats(&after);
	assert_int_equal(after.expired - before.expired, 2);
	assert_int_equal(after.latest_us, 7000000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_called_once_at_its_moment),
		TEST(test_earliest_first_and_armed_for_it),
		TEST(test_an_armed_one_moves),
		TEST(test_cancel),
		TEST(test_functions_may_set_and_cancel),
		TEST(test_one_that_sets_itself_again),
		TEST(test_a_call_is_bounded),
		TEST(test_the_longest_delay_is_not_over_at_once),
		TEST(test_fired_too_early),
		TEST(test_stats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
