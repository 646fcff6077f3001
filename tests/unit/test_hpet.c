/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fairlead's timer on a model of an HPET. Expectations: IA-PC HPET specification 1.0a, 2.3 (registers; a
 * comparator sends its message when the counter comes to be equal to it, and only then); Intel SDM vol. 3A,
 * 11.11 (messages).
 */
#include "tests/unit/hpet_machine.h"

/* ---- machines that have none ---- */

/* First of all: nothing of a machine that had one is left. */
static void test_without_one_timers_run_at_exits(void **state)
{
	timer_start(0, 0);
	assert_non_null(strstr(last_line, "no timer of its own"));
	assert_non_null(strstr(last_line, "no HPET"));
	timer_set(&timer, 5000);
	assert_int_equal(run_guest(SECOND), 0);
	exit_tail();
	assert_int_equal(calls, 1);
}

static void test_no_messages(void **state)
{
	regs.timer[1].fixed = regs.timer[2].fixed = 0;
	refused("cannot send messages");
	assert_int_equal(regs.config & LEGACY, 0); /* the guest's 8254 has its interrupt back */
	for (unsigned int n = 0; n < 3; n++)
		assert_int_equal(regs.timer[n].config & 4, 0);
}

static void test_a_capable_one_that_is_not_there(void **state)
{
	regs.caps = 0x8086a001; /* one timer only, and it cannot */
	refused("cannot send messages");
}

static void test_an_impossible_period(void **state)
{
	regs.period = 0;
	refused("period");
	regs.period = 0xffffffff;
	refused("period");
	regs.period = 0x05f5e101; /* 2.3.4: at most 100 ns */
	refused("period");
}

static void test_a_counter_that_stands_still(void **state)
{
	stuck = true;
	refused("stands still");
}

static void test_a_cpu_that_no_message_reaches(void **state)
{
	address = 0;
	refused("APIC ID");
}

/* ---- with one ---- */

static void test_what_is_programmed(void **state)
{
	assert_int_equal(regs.config & 3, 1);	      /* counts, and replaces nobody */
	assert_int_equal(regs.timer[0].config & 4, 0); /* firmware's is off */
	assert_int_equal(regs.timer[2].config & 4, 0);
	timer_set(&timer, 5000);
	assert_int_equal(regs.timer[1].config & 0x4004, 0x4004);
	assert_int_equal(regs.timer[1].config & 0x000a, 0); /* edge, once */
	assert_int_equal(regs.timer[1].config & 0x0100, 0x0100);
	assert_int_equal(regs.timer[1].address, 0xfee05000);
	assert_int_equal(regs.timer[1].data, 0x400); /* NMI */
}

static void test_fires_in_time(void **state)
{
	static const u64 delays[] = { 1, 10, 50, 100, 1000, 5000, 20000, 999999, 1000000, 1000001, 3500000 };

	for (unsigned int i = 0; i < ARRAY_SIZE(delays); i++) {
		u64 asked = now_ns / 1000 + delays[i];

		calls = 0;
		timer_set(&timer, delays[i]);
		exit_tail();
		(void)run_guest(delays[i] * 1000 + 20000000);
		assert_int_equal(calls, 1);
		assert_true(called_at >= asked);
		assert_true(called_at <= asked + 100);
	}
}

static void test_each_message_is_told_once(void **state)
{
	timer_set(&timer, 5000);
	assert_false(timer_fired());
	pass(5 * SECOND / 1000 + 20000);
	assert_int_equal(messages, 1);
	assert_true(timer_fired());
	assert_false(timer_fired());
	exit_tail();
	assert_false(timer_fired());
	assert_int_equal(expected_nmis, 0);
}

static void test_around_the_wrap(void **state)
{
	for (u32 before = 0; before < 200000; before += 7919) {
		u64 asked;

		counter_start += 0u - counter_now() - before; /* so many ticks before 0 */
		asked = now_ns / 1000 + 5000;
		calls = 0;
		timer_set(&timer, 5000);
		assert_false(timer_fired()); /* another NMI, before the match */
		(void)run_guest(6000000);
		assert_int_equal(calls, 1);
		assert_in_range(called_at, asked, asked + 100);
		assert_int_equal(unexplained, 0);
	}
}

static void test_beyond_the_wrap(void **state)
{
	u64 asked = now_ns / 1000 + 900000000ull; /* 14 MHz wraps after 306 s */

	timer_set(&timer, 900000000ull);
	(void)run_guest(899 * SECOND);
	assert_int_equal(calls, 0);
	(void)run_guest(2 * SECOND);
	assert_int_equal(calls, 1);
	assert_in_range(called_at, asked, asked + LATE_US_MAX);
	assert_true(messages < 1000);
	assert_int_equal(visits_ours, messages);
}

static void test_idle_costs_nothing(void **state)
{
	timer_set(&timer, 5000);
	(void)run_guest(SECOND);
	assert_int_equal(messages, 1);
	assert_int_equal(run_guest(1000 * SECOND), 0); /* three wraps: a comparator left on would match */
	timer_set(&timer, 5000);
	assert_true(timer_cancel(&timer));
	assert_int_equal(run_guest(1000 * SECOND), 0);
	assert_int_equal(messages, 1);
}

static void drift(int tenths)
{
	counter_at_skew = counter64_at(now_ns);
	skew_from = now_ns;
	clock_error = tenths;
}

static void test_a_fast_counter_makes_no_timer_early(void **state)
{
	u64 asked = now_ns / 1000 + 3000000;

	drift(50);
	timer_set(&timer, 3000000);
	(void)run_guest(4 * SECOND);
	assert_int_equal(calls, 1);
	assert_in_range(called_at, asked, asked + LATE_US_MAX);
	assert_true(messages > 3);
}

/* Over a minute half a percent would be 300 ms. */
static void test_a_slow_counter_does_not_add_up(void **state)
{
	u64 asked = now_ns / 1000 + 60000000;

	drift(-5);
	timer_set(&timer, 60000000);
	(void)run_guest(61 * SECOND);
	assert_int_equal(calls, 1);
	assert_in_range(called_at, asked, asked + LATE_US_MAX);
}

/* The counter passes the comparator before it is written: there will be no match until it has wrapped. */
static void test_too_late_for_the_comparator(void **state)
{
	static const u64 stall[] = { 4980000, 4995000, 4999000, 5000000, 5001000, 6000000, 50000000 };

	for (unsigned int i = 0; i < ARRAY_SIZE(stall); i++) {
		u64 asked = now_ns / 1000 + 5000;

		calls = 0;
		stall_ns = stall[i];
		timer_set(&timer, 5000);
		exit_tail();
		(void)run_guest(20000000);
		assert_int_equal(calls, 1);
		assert_true(called_at >= asked);
		assert_true(called_at <= max_u64(asked, asked - 5000 + stall[i] / 1000) + 100);
	}
}

/* The same on the way to a far moment, when the tail finds nothing expired. */
static void test_too_late_for_a_step(void **state)
{
	u64 asked = now_ns / 1000 + 3000000;

	stall_ns = SECOND + SECOND / 100;
	timer_set(&timer, 3000000);
	exit_tail();
	(void)run_guest(4 * SECOND);
	assert_int_equal(calls, 1);
	assert_in_range(called_at, asked, asked + 100);
}

static void test_past_moments_are_for_the_next_tail(void **state)
{
	arch_timer_arm(now_ns / 1000 - 1);
	assert_true(work_pending());
	exit_tail();
	assert_false(work_pending());
}

/* Its message is on its way, or was never sent: nobody can tell, so it is announced. */
static void test_an_unseen_message_is_announced(void **state)
{
	timer_set(&timer, 5000);
	pass(4 * SECOND / 1000);
	timer_set(&other, 100); /* armed anew in time: there was no message */
	assert_int_equal(expected_nmis, 0);
	assert_true(timer_cancel(&other));
	assert_int_equal(expected_nmis, 0);
	pass(2 * SECOND / 1000);
	assert_int_equal(messages, 1);
	exit_tail(); /* of another exit */
	assert_int_equal(calls, 1);
	assert_int_equal(expected_nmis, 1);
	assert_false(timer_fired());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITHOUT(test_without_one_timers_run_at_exits),
		WITHOUT(test_no_messages),
		WITHOUT(test_a_capable_one_that_is_not_there),
		WITHOUT(test_an_impossible_period),
		WITHOUT(test_a_counter_that_stands_still),
		WITHOUT(test_a_cpu_that_no_message_reaches),
		WITH(test_what_is_programmed),
		WITH(test_fires_in_time),
		WITH(test_each_message_is_told_once),
		WITH(test_around_the_wrap),
		WITH(test_beyond_the_wrap),
		WITH(test_idle_costs_nothing),
		WITH(test_a_fast_counter_makes_no_timer_early),
		WITH(test_a_slow_counter_does_not_add_up),
		WITH(test_too_late_for_the_comparator),
		WITH(test_too_late_for_a_step),
		WITH(test_past_moments_are_for_the_next_tail),
		WITH(test_an_unseen_message_is_announced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
