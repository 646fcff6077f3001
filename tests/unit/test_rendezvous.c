/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who looks finds the others at rest: threads play CPUs that work on plain variables without a lock, and leave
 * them whole only when they rest. (make stress runs this under ThreadSanitizer, which sees any overlap.)
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/log.h"
#include "core/rendezvous.h"
#include "core/shootdown.h"
#include "core/work.h"

extern _Thread_local unsigned int host_cpu;

#define CPUS   4u
#define ROUNDS 3000u

static _Atomic u64 now, step;

u64 arch_time_us(void)
{
	return atomic_fetch_add(&now, step);
}

static char last_line[LOG_LINE_MAX];
static unsigned int lines;

static void sink(enum log_level level, const char *line, size_t len)
{
	snprintf(last_line, sizeof(last_line), "%.*s", (int)len, line);
	lines++;
}

static struct shootdown s;

static int setup(void **state)
{
	shootdown_init(&s);
	host_cpu = 0;
	now = step = 0;
	lines = 0;
	log_set_sink(sink);
	return 0;
}

static int teardown(void **state)
{
	for (host_cpu = 0; host_cpu < CPUS_MAX; host_cpu++)
		rendezvous_rest();
	host_cpu = 0;
	log_set_sink(NULL);
	return 0;
}

static void work_as(unsigned int cpu)
{
	host_cpu = cpu;
	rendezvous_work();
	host_cpu = 0;
}

static void rest_as(unsigned int cpu)
{
	host_cpu = cpu;
	rendezvous_rest();
	host_cpu = 0;
}

/* ---- one thread ---- */

static void test_nobody_is_there(void **state)
{
	assert_true(rendezvous_begin());
	rendezvous_end();
	assert_true(rendezvous_begin());
	rendezvous_end();
	assert_int_equal(lines, 0);
}

/* The looker himself works, before and after. */
static void test_he_goes_on_with_his_work(void **state)
{
	work_as(0);
	assert_true(rendezvous_begin());
	rendezvous_end();
	step = 1000;
	host_cpu = 1;
	assert_false(rendezvous_begin());
	assert_non_null(strstr(last_line, "CPU 0 "));
	rest_as(0);
	host_cpu = 1;
	assert_true(rendezvous_begin());
	rendezvous_end();
}

static void test_who_does_not_rest_is_named(void **state)
{
	u64 begin;

	work_as(17);
	work_as(40);
	step = 1000;
	begin = now;
	assert_false(rendezvous_begin());
	assert_in_range(now - begin, 3000000, 3100000);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(last_line, "CPU 17 "));
	rest_as(17);
	assert_false(rendezvous_begin());
	assert_non_null(strstr(last_line, "CPU 40 "));
	rest_as(40);
	assert_true(rendezvous_begin());
	rendezvous_end();
	work_as(40); /* nobody is kept */
}

/* In the guest it rests; from the exit to the end of the exit's tail it works; asleep it rests. */
static void test_where_a_cpu_rests(void **state)
{
	step = 1000;
	host_cpu = 3;
	(void)!shootdown_enter(&s);
	host_cpu = 0;
	assert_true(rendezvous_begin());
	rendezvous_end();
	host_cpu = 3;
	shootdown_exit(&s);
	host_cpu = 0;
	assert_false(rendezvous_begin());
	host_cpu = 3;
	exit_tail();
	host_cpu = 0;
	assert_true(rendezvous_begin());
	rendezvous_end();
}

static bool worked_meanwhile;

static void look(struct work *w)
{
	unsigned int self = host_cpu;

	host_cpu = self + 1;
	worked_meanwhile = !rendezvous_begin();
	if (!worked_meanwhile)
		rendezvous_end();
	host_cpu = self;
}

/* Deferred work is work, also where no exit came before it. */
static void test_the_tail_is_work(void **state)
{
	struct work w;

	step = 1000;
	work_init(&w, look);
	work_post(&w);
	worked_meanwhile = false;
	exit_tail();
	assert_true(worked_meanwhile);
	assert_true(rendezvous_begin());
	rendezvous_end();
}

/* ---- threads ---- */

static unsigned int half[CPUS][2]; /* equal when their CPU rests */
static unsigned int looks, torn;   /* the looker's */

static void look_at_all(void)
{
	if (!rendezvous_begin())
		return;
	looks++;
	for (unsigned int i = 0; i < CPUS; i++)
		torn += i != host_cpu && half[i][0] != half[i][1];
	rendezvous_end();
}

static void *cpu_main(void *arg)
{
	unsigned int self = (unsigned int)(uintptr_t)arg;

	host_cpu = self;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		rendezvous_work();
		half[self][0]++;
		if (n % 7 == self)
			sched_yield();
		half[self][1]++;
		if (n % 5 == self) /* several at once */
			look_at_all();
		half[self][0]++;
		half[self][1]++;
		rendezvous_rest();
	}
	return NULL;
}

static void test_all_look_and_work(void **state)
{
	pthread_t cpu[CPUS];

	looks = torn = 0;
	for (uintptr_t i = 0; i < CPUS; i++)
		assert_int_equal(pthread_create(&cpu[i], NULL, cpu_main, (void *)i), 0);
	for (unsigned int i = 0; i < CPUS; i++)
		pthread_join(cpu[i], NULL);
	assert_int_equal(torn, 0);
	assert_int_equal(looks, CPUS * (ROUNDS / 5)); /* none was refused */
	assert_int_equal(lines, 0);
	for (unsigned int i = 0; i < CPUS; i++)
		assert_int_equal(half[i][0], 2 * ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nobody_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_he_goes_on_with_his_work, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_does_not_rest_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(test_where_a_cpu_rests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_tail_is_work, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_look_and_work, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
