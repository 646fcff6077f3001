/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fairlead's timer on a model of an HPET. Expectations: IA-PC HPET specification 1.0a, 2.3 (registers; a
 * comparator sends its message when the counter comes to be equal to it, and only then); Intel SDM vol. 3A,
 * 11.11 (messages).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/lapic.h"
#include "arch/x86/nmi.h"
#include "arch/x86/timer.h"
#include "core/arch.h"
#include "core/log.h"
#include "core/mmio.h"
#include "core/timer.h"
#include "core/work.h"

#define SECOND 1000000000ull /* ns */
#define LATE_US_MAX 10000

/* ---- the machine ---- */

static u64 now_ns;
static u64 mhz;
static u32 counter_start;
static int clock_error; /* after calibration the counter runs so many tenths of a percent fast */
static u64 skew_from, counter_at_skew;
static bool stuck;
static u64 stall_ns; /* passes before the next comparator write is done, once */
static u64 address;  /* of messages to this CPU */

static struct {
	u32 caps, period, config;
	struct {
		u32 config, fixed, comparator, data, address;
	} timer[4];
} regs;
static u8 registers[1024] __attribute__((aligned(4096)));
static unsigned int messages, expected_nmis, kicks;
static u32 last_data, last_address;
static bool nmi_waits;

static u64 counter64_at(u64 ns)
{
	if (!clock_error)
		return counter_start + ns * mhz / 1000;
	return counter_at_skew + (ns - skew_from) * mhz / 1000 * (u64)(1000 + clock_error) / 1000;
}

static u32 counter_now(void)
{
	return stuck || !(regs.config & 1) ? counter_start : (u32)counter64_at(now_ns);
}

/* Time passes; comparators that the counter passes, or comes to, send. */
static void pass(u64 ns)
{
	u64 before = counter64_at(now_ns), after = counter64_at(now_ns + ns);

	now_ns += ns;
	if (stuck || !(regs.config & 1))
		return;
	for (unsigned int n = 0; n < ARRAY_SIZE(regs.timer); n++) {
		u32 ahead = regs.timer[n].comparator - (u32)before;

		if ((regs.timer[n].config & 0x4004) != 0x4004)
			continue;
		/* 2.3.9.2.1: once, with 32 bits, there is another when the counter wraps. */
		if ((ahead == 0 || ahead > after - before) && after >> 32 == before >> 32)
			continue;
		messages++;
		last_data = regs.timer[n].data;
		last_address = regs.timer[n].address;
		nmi_waits = true;
	}
}

u64 arch_time_us(void)
{
	pass(50);
	return now_ns / 1000;
}

void arch_cpu_kick(unsigned int cpu)
{
	kicks++;
	nmi_waits = true;
}

void nmi_expect(void)
{
	expected_nmis++;
}

u64 lapic_message_address(void)
{
	return address;
}

static bool model_read(const volatile void *at, unsigned int size, u64 *value)
{
	u64 offset = (u64)((const u8 *)at - registers), n = (offset - 0x100) / 0x20;

	if ((const u8 *)at < registers || offset >= sizeof(registers))
		return false;
	assert_int_equal(size, 4);
	pass(200);
	*value = 0;
	if (offset == 0x000)
		*value = regs.caps;
	else if (offset == 0x004)
		*value = regs.period;
	else if (offset == 0x010)
		*value = regs.config;
	else if (offset == 0x0f0)
		*value = counter_now();
	else if (offset >= 0x100 && offset % 0x20 == 0)
		*value = regs.timer[n].config | regs.timer[n].fixed;
	else
		fail_msg("read of 0x%llx", (unsigned long long)offset);
	return true;
}

static bool model_write(volatile void *at, unsigned int size, u64 value)
{
	u64 offset = (u64)((volatile u8 *)at - registers), n = (offset - 0x100) / 0x20;

	if ((volatile u8 *)at < registers || offset >= sizeof(registers))
		return false;
	assert_int_equal(size, 4);
	assert_true(offset == 0x10 || (offset >= 0x100 && n <= (regs.caps >> 8 & 0x1f)));
	pass(200);
	if (offset == 0x010) {
		regs.config = (u32)value;
	} else if (offset % 0x20 == 0x00) {
		regs.timer[n].config = (u32)value & ~regs.timer[n].fixed & 0x7f4e;
	} else if (offset % 0x20 == 0x08) {
		pass(stall_ns);
		stall_ns = 0;
		regs.timer[n].comparator = (u32)value;
	} else if (offset % 0x20 == 0x10) {
		regs.timer[n].data = (u32)value;
	} else if (offset % 0x20 == 0x14) {
		regs.timer[n].address = (u32)value;
	} else {
		fail_msg("write of 0x%llx", (unsigned long long)offset);
	}
	return true;
}

static char last_line[LOG_LINE_MAX];

static void sink(enum log_level level, const char *line, size_t len)
{
	snprintf(last_line, sizeof(last_line), "%.*s", (int)len, line);
}

/* A step that ends before the next match, or is short. */
static u64 step(void)
{
	u64 shortest = 1000 * SECOND;

	for (unsigned int n = 0; n < ARRAY_SIZE(regs.timer); n++) {
		u64 ahead = regs.timer[n].comparator - counter_now();

		if ((regs.timer[n].config & 0x4004) == 0x4004)
			shortest = min_u64(shortest, ahead * 500 / mhz);
	}
	return max_u64(shortest, 1000);
}

/* The guest runs, and exits for NMIs only; a visit as nmi.c does it. Returns how many. */
static unsigned int visits_ours, unexplained;

static unsigned int run_guest(u64 ns)
{
	u64 end = now_ns + ns;
	unsigned int visits = 0, kicks_seen = kicks;

	while (nmi_waits || now_ns < end) {
		while (!nmi_waits && now_ns < end)
			pass(min_u64(end - now_ns, step()));
		if (!nmi_waits)
			break;
		nmi_waits = false;
		visits++;
		if (timer_fired())
			visits_ours++;
		else if (kicks == kicks_seen)
			unexplained++;
		kicks_seen = kicks;
		exit_tail();
		assert_true(visits < 100000);
	}
	return visits;
}

static u64 called_at, calls;

static void note(struct timer *t)
{
	called_at = now_ns / 1000;
	calls++;
}

static struct timer timer = { .fn = note }, other = { .fn = note };

#define FSB_CAPABLE 0x8000u
#define LEGACY 2u

static int setup(void **state)
{
	memset(&regs, 0, sizeof(regs));
	now_ns = 5 * SECOND;
	mhz = 14; /* 14 MHz */
	counter_start = 1000;
	clock_error = 0;
	stuck = false;
	stall_ns = 0;
	address = 0xfee05000;
	regs.caps = 0x8086a201;
	regs.period = 71428571;
	regs.config = LEGACY;
	for (unsigned int n = 0; n < 3; n++) {
		regs.timer[n].fixed = n >= 1 ? FSB_CAPABLE | 0x30 : 0x30;
		regs.timer[n].config = 0x000e; /* as firmware may leave it: level, enabled, periodic */
	}
	host_mmio_read = model_read;
	host_mmio_write = model_write;
	messages = expected_nmis = kicks = visits_ours = unexplained = 0;
	calls = 0;
	nmi_waits = false;
	log_set_sink(sink);
	last_line[0] = '\0';
	timer_init(&timer, note);
	timer_init(&other, note);
	return 0;
}

static int start(void **state)
{
	setup(state);
	timer_start(virt_to_phys(registers));
	assert_non_null(strstr(last_line, "HPET comparator 1"));
	return 0;
}

static int teardown(void **state)
{
	(void)timer_cancel(&timer);
	(void)timer_cancel(&other);
	exit_tail();
	assert_false(work_pending());
	return 0;
}

/* ---- machines that have none ---- */

static void refused(const char *why)
{
	timer_start(virt_to_phys(registers));
	assert_non_null(strstr(last_line, "no timer of its own: deferred work waits for the guest's"));
	assert_non_null(strstr(last_line, why));
	for (unsigned int n = 0; n < 3; n++)
		assert_true((regs.timer[n].config & 0x4004) != 0x4004);
}

/* First of all: nothing of a machine that had one is left. */
static void test_without_one_timers_run_at_exits(void **state)
{
	timer_start(0);
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

#define WITHOUT(f) cmocka_unit_test_setup(f, setup)
#define WITH(f) cmocka_unit_test_setup_teardown(f, start, teardown)

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
