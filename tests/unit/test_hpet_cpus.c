/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fairlead's timer with several CPUs: the comparator's messages go to the boot CPU, which alone writes its registers (the machine
 * checks that); whoever sets or cancels a timer, it is called in time, no message is left without an explanation, and nobody is
 * woken for nothing. Expectations: core/timer.h; IA-PC HPET specification 1.0a, 2.3.
 */
#include "tests/unit/hpet_machine.h"

static void on(unsigned int cpu)
{
	host_cpu = cpu;
}

static u64 in_us(u64 us)
{
	return now_ns / 1000 + us;
}

static void called_in_time(u64 asked)
{
	assert_in_range(called_at, asked, asked + LATE_US_MAX);
	assert_int_equal(unexplained, 0);
	assert_int_equal(expected_nmis, 0);
}

static void test_another_cpus_timer(void **state)
{
	u64 asked = in_us(5000);

	on(3);
	timer_set(&timer, 5000);
	assert_int_equal(kicks, 1);
	exit_tail();
	(void)run_guest(SECOND / 10);
	assert_int_equal(calls, 1);
	called_in_time(asked);
	assert_int_equal(messages, 1);
}

static void test_earlier_than_what_is_armed(void **state)
{
	static const u64 armed[] = { 50000, 3000000 }; /* one comparison; steps of a second */

	for (unsigned int i = 0; i < ARRAY_SIZE(armed); i++) {
		u64 first = in_us(5000), second = in_us(armed[i]);

		calls = kicks = kicks_taken = 0;
		timer_set(&other, armed[i]);
		assert_int_equal(kicks, 0);
		on(2);
		timer_set(&timer, 5000);
		assert_int_equal(kicks, 1);
		(void)run_guest(SECOND / 50);
		assert_int_equal(calls, 1);
		called_in_time(first);
		(void)run_guest(armed[i] * 1100);
		assert_int_equal(calls, 2);
		called_in_time(second);
	}
}

/* The comparator sends too early; the boot CPU then arms it for what is first. */
static void test_later_than_what_is_armed(void **state)
{
	u64 asked = in_us(9000);

	timer_set(&timer, 5000);
	on(2);
	timer_set(&other, 9000);
	assert_true(timer_cancel(&timer));
	assert_int_equal(kicks, 0);
	(void)run_guest(SECOND / 10);
	assert_int_equal(calls, 1);
	called_in_time(asked);
	assert_int_equal(messages, 2);
	assert_int_equal(visits_ours, 2);
}

static void test_cancelled_by_another_cpu(void **state)
{
	timer_set(&timer, 5000);
	on(2);
	assert_true(timer_cancel(&timer));
	assert_int_equal(kicks, 0);
	assert_int_equal(run_guest(SECOND), 1); /* the message that was to come */
	assert_int_equal(visits_ours, 1);
	assert_int_equal(run_guest(1000 * SECOND), 0);
	assert_int_equal(calls, 0);
}

static void test_set_and_cancelled_by_another_cpu(void **state)
{
	on(1);
	timer_set(&timer, 5000);
	assert_true(timer_cancel(&timer));
	(void)run_guest(1000 * SECOND);
	assert_int_equal(calls, 0);
	assert_int_equal(messages, 0);
	assert_int_equal(unexplained, 0);
}

/* Sent, and not seen yet: the visit arms the comparator for whatever is first by then. */
static void test_while_the_message_is_under_way(void **state)
{
	u64 asked;

	timer_set(&timer, 5000);
	pass(6 * SECOND / 1000);
	assert_int_equal(messages, 1);
	on(2);
	assert_true(timer_cancel(&timer));
	asked = in_us(1000);
	timer_set(&other, 1000);
	assert_int_equal(kicks, 0);
	(void)run_guest(SECOND / 10);
	assert_int_equal(calls, 1);
	called_in_time(asked);
	assert_int_equal(visits_ours, 2);
}

/* Called on the CPU that came by first; the message finds nothing left, but is explained. */
static void test_run_by_another_cpu(void **state)
{
	timer_set(&timer, 5000);
	pass(6 * SECOND / 1000);
	on(2);
	exit_tail();
	assert_int_equal(calls, 1);
	assert_int_equal(kicks, 0);
	assert_int_equal(run_guest(SECOND), 1);
	assert_int_equal(visits_ours, 1);
	assert_int_equal(unexplained, 0);
	assert_int_equal(expected_nmis, 0);
	assert_int_equal(run_guest(1000 * SECOND), 0);
}

static void test_one_that_is_past_is_for_both(void **state)
{
	on(2);
	timer_set(&timer, 0);
	exit_tail();
	assert_int_equal(calls, 1);
	(void)run_guest(SECOND);
	assert_int_equal(calls, 1);
	assert_int_equal(unexplained, 0);
	assert_int_equal(messages, 0);
}

/* The first asks; until the boot CPU has looked, the others are heard with it. */
static void test_one_kick_for_many(void **state)
{
	struct timer many[5];
	u64 asked = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(many); i++) {
		on(i + 1);
		timer_init(&many[i], note);
		asked = in_us(9000 - i * 1000);
		timer_set(&many[i], 9000 - i * 1000);
	}
	assert_int_equal(kicks, 1);
	(void)run_guest((asked * 1000 - now_ns) + 100000);
	assert_int_equal(calls, 1);
	called_in_time(asked);
	(void)run_guest(SECOND / 10);
	assert_int_equal(calls, ARRAY_SIZE(many));
	assert_int_equal(unexplained, 0);
}

/* The comparator is as it should be: off, or armed for that moment. */
static void test_nothing_to_change(void **state)
{
	on(2);
	timers_rearm();
	assert_int_equal(kicks, 0);
	on(0);
	timer_set(&timer, 5000);
	on(2);
	timers_rearm();
	assert_int_equal(kicks, 0);
}

static void test_without_a_timer_nobody_is_woken(void **state)
{
	timer_start(0, 0);
	on(2);
	timer_set(&timer, 5000);
	assert_int_equal(kicks, 0);
	assert_true(timer_cancel(&timer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_another_cpus_timer),
		WITH(test_earlier_than_what_is_armed),
		WITH(test_later_than_what_is_armed),
		WITH(test_cancelled_by_another_cpu),
		WITH(test_set_and_cancelled_by_another_cpu),
		WITH(test_while_the_message_is_under_way),
		WITH(test_run_by_another_cpu),
		WITH(test_one_that_is_past_is_for_both),
		WITH(test_one_kick_for_many),
		WITH(test_nothing_to_change),
		WITHOUT(test_without_a_timer_nobody_is_woken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
