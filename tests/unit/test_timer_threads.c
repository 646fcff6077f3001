/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers set, cancelled and run by several CPUs at once: each is called or cancelled once for each time that it was set, not before
 * its moment; and the hardware is armed for the first whenever nobody is at work on the list, because one CPU here runs timers only
 * when it fires.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/timer.h"

#define NEVER (~(u64)0)
#define SETTERS 3
#define TIMERS 8 /* of each */
#define ROUNDS 3000
#define PATIENCE_US 20000000u /* a moment that was missed shows by then */

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c */

/* Written under the timers' lock; ThreadSanitizer sees whether that is so. */
static u64 armed_under_lock = NEVER;
static _Atomic u64 armed_for = NEVER;

void arch_timer_arm(u64 at_us)
{
	armed_under_lock = at_us;
	atomic_store(&armed_for, at_us);
}

static struct owned {
	struct timer timer;
	_Atomic bool set;
	_Atomic u64 not_before;
} owned[SETTERS][TIMERS];
static _Atomic unsigned int calls, cancels, wrong, early, fired;
static _Atomic bool done, missed;

/* The end of one setting: called, or cancelled; not both. */
static void ended(struct owned *o)
{
	if (!atomic_exchange(&o->set, false))
		wrong++;
}

static void expire(struct timer *t)
{
	struct owned *o = container_of(t, struct owned, timer);

	if (arch_time_us() < atomic_load(&o->not_before))
		early++;
	calls++;
	ended(o);
}

static void set(struct owned *o, u64 delay_us)
{
	atomic_store(&o->not_before, arch_time_us() + delay_us);
	atomic_store(&o->set, true);
	timer_set(&o->timer, delay_us);
}

static void cancel(struct owned *o)
{
	if (timer_cancel(&o->timer)) {
		cancels++;
		ended(o);
	}
}

static bool wait_for_end(struct owned *o)
{
	u64 end = arch_time_us() + PATIENCE_US;

	while (atomic_load(&o->set)) {
		if (arch_time_us() > end || missed) {
			missed = true;
			return false;
		}
		sched_yield();
	}
	return true;
}

static void *setter(void *arg)
{
	unsigned int self = (unsigned int)(uintptr_t)arg, seed = self + 1;

	host_cpu = self + 1;
	for (unsigned int n = 0; n < ROUNDS && !missed; n++) {
		struct owned *o = &owned[self][n % TIMERS];

		if (!wait_for_end(o))
			return NULL;
		set(o, (u64)rand_r(&seed) % 60);
		if (rand_r(&seed) % 4 == 0)
			cancel(&owned[rand_r(&seed) % SETTERS][rand_r(&seed) % TIMERS]);
		if (rand_r(&seed) % 8 == 0)
			(void)timers_run(); /* an exit of this CPU */
	}
	for (unsigned int i = 0; i < TIMERS; i++) {
		if (!wait_for_end(&owned[self][i]))
			return NULL;
	}
	return NULL;
}

/* The boot CPU, in the guest until the hardware fires. */
static void *fires(void *arg)
{
	host_cpu = 0;
	while (!done) {
		if (arch_time_us() >= atomic_load(&armed_for)) {
			fired++;
			(void)timers_run();
			timers_rearm();
		} else {
			sched_yield();
		}
	}
	return NULL;
}

static void test_each_setting_ends_once(void **state)
{
	pthread_t thread[SETTERS], hardware;

	for (unsigned int i = 0; i < SETTERS * TIMERS; i++)
		timer_init(&owned[i / TIMERS][i % TIMERS].timer, expire);
	assert_int_equal(pthread_create(&hardware, NULL, fires, NULL), 0);
	for (uintptr_t i = 0; i < SETTERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, setter, (void *)i), 0);
	for (unsigned int i = 0; i < SETTERS; i++)
		pthread_join(thread[i], NULL);
	done = true;
	pthread_join(hardware, NULL);
	assert_false(missed);
	assert_int_equal(wrong, 0);
	assert_int_equal(early, 0);
	assert_int_equal(calls + cancels, SETTERS * ROUNDS);
	assert_true(fired > 0);
	assert_true(cancels > 0);
	assert_true(armed_under_lock == NEVER);
}

/* ---- one that is running --------------------------------------------------------------------------------------------- */

static struct timer slow, quick, next_one;
static _Atomic bool slow_runs, slow_may_end;
static _Atomic unsigned int quick_calls;

static void run_slowly(struct timer *t)
{
	slow_runs = true;
	while (!slow_may_end)
		sched_yield();
}

static void count(struct timer *t)
{
	quick_calls++;
}

static void *run_timers(void *arg)
{
	host_cpu = 1;
	(void)timers_run();
	return NULL;
}

/* While a function runs the list is everybody else's; the hardware is armed by who leaves last. */
static void test_while_a_function_runs(void **state)
{
	pthread_t thread;

	timer_init(&slow, run_slowly);
	timer_init(&quick, count);
	timer_init(&next_one, count);
	timer_set(&slow, 0);
	assert_int_equal(pthread_create(&thread, NULL, run_timers, NULL), 0);
	while (!slow_runs)
		sched_yield();
	assert_false(timer_cancel(&slow)); /* too late */
	timer_set(&quick, 0);
	assert_int_equal(timers_run(), 1);
	assert_int_equal(quick_calls, 1);
	timer_set(&next_one, 1000000000);
	slow_may_end = true;
	pthread_join(thread, NULL);
	assert_true(armed_for == next_one.at_us);
	assert_true(timer_cancel(&next_one));
	assert_true(armed_for == NEVER);
}

/* Set anew by another CPU while its function runs: called once more. */
static void test_set_while_its_function_runs(void **state)
{
	pthread_t thread;

	slow_runs = slow_may_end = false;
	timer_init(&slow, run_slowly);
	timer_set(&slow, 0);
	assert_int_equal(pthread_create(&thread, NULL, run_timers, NULL), 0);
	while (!slow_runs)
		sched_yield();
	timer_set(&slow, 1000000000);
	slow_may_end = true;
	pthread_join(thread, NULL);
	assert_true(armed_for == slow.at_us);
	assert_true(timer_cancel(&slow));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_setting_ends_once),
		cmocka_unit_test(test_while_a_function_runs),
		cmocka_unit_test(test_set_while_its_function_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
