/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deferred work: each post is followed by one run that sees what the poster wrote; first in, first out;
 * nothing is lost however many CPUs post at once, or when an NMI (here: a signal) posts in the middle of
 * anything.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/timer.h"
#include "core/work.h"

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c */

static _Atomic unsigned int kicks[CPUS_MAX];

void arch_cpu_kick(unsigned int cpu)
{
	atomic_fetch_add(&kicks[cpu], 1);
}

#define ITEMS 64

struct item {
	struct work work;
	unsigned int number;
	_Atomic unsigned int runs;
};

static struct item items[ITEMS];
static unsigned int order[4 * ITEMS], ran;

static void note(struct work *w)
{
	struct item *it = container_of(w, struct item, work);

	order[ran++] = it->number;
	atomic_fetch_add(&it->runs, 1);
}

static int setup(void **state)
{
	host_cpu = 0;
	memset(items, 0, sizeof(items));
	memset((void *)kicks, 0, sizeof(kicks));
	ran = 0;
	for (unsigned int i = 0; i < ITEMS; i++) {
		items[i].number = i;
		work_init(&items[i].work, note);
	}
	return 0;
}

/* ---- one CPU ---- */

static void test_first_in_first_out(void **state)
{
	assert_false(work_pending());
	for (unsigned int i = 0; i < 10; i++)
		assert_true(work_post(&items[i].work));
	assert_true(work_pending());
	assert_int_equal(work_run(100), 10);
	assert_false(work_pending());
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(order[i], i);
	assert_int_equal(kicks[0], 0); /* this CPU comes to its tail anyway */
}

static void test_posted_twice_runs_once(void **state)
{
	assert_true(work_post(&items[0].work));
	assert_false(work_post(&items[0].work));
	assert_false(work_post_on(3, &items[0].work));
	assert_int_equal(kicks[3], 0);
	assert_int_equal(work_run(100), 1);
	assert_int_equal(work_run(100), 0);
	assert_true(work_post(&items[0].work));
	assert_int_equal(work_run(100), 1);
}

static void test_what_is_left_stays_first_in_line(void **state)
{
	for (unsigned int i = 0; i < 6; i++)
		assert_true(work_post(&items[i].work));
	assert_int_equal(work_run(2), 2);
	assert_true(work_pending());
	for (unsigned int i = 6; i < 9; i++)
		assert_true(work_post(&items[i].work));
	assert_int_equal(work_run(3), 3);
	assert_int_equal(work_run(100), 4);
	for (unsigned int i = 0; i < 9; i++)
		assert_int_equal(order[i], i);
}

static void post_itself(struct work *w)
{
	note(w);
	assert_true(work_post(w));
}

static void test_posted_meanwhile_is_for_the_next_call(void **state)
{
	work_init(&items[0].work, post_itself);
	assert_true(work_post(&items[0].work));
	assert_int_equal(work_run(100), 1);
	assert_int_equal(work_run(100), 1);
	assert_true(work_pending());
	items[0].work.fn = note;
	assert_int_equal(work_run(100), 1);
	assert_false(work_pending());
}

static void free_it(struct work *w)
{
	free(container_of(w, struct item, work));
	ran++;
}

static void test_may_be_freed_by_its_function(void **state)
{
	for (unsigned int i = 0; i < 3; i++) {
		struct item *it = calloc(1, sizeof(*it));

		work_init(&it->work, free_it);
		assert_true(work_post(&it->work));
	}
	assert_int_equal(work_run(100), 3);
	assert_int_equal(ran, 3);
}

static void test_another_cpu_is_kicked(void **state)
{
	assert_true(work_post_on(5, &items[0].work));
	assert_int_equal(kicks[5], 1);
	assert_false(work_pending());
	assert_int_equal(work_run(100), 0);
	host_cpu = 5;
	assert_true(work_pending());
	assert_int_equal(work_run(100), 1);
	assert_true(work_post_on(5, &items[0].work)); /* itself */
	assert_int_equal(kicks[5], 1);
	assert_int_equal(work_run(100), 1);
}

/* ---- the tail of an exit ---- */

static void test_tail_kicks_for_what_it_leaves(void **state)
{
	struct work_stats before, after;

	work_get_stats(&before);
	exit_tail();
	assert_int_equal(kicks[0], 0);
	for (unsigned int i = 0; i < WORK_BUDGET + 1; i++)
		assert_true(work_post(&items[i].work));
	exit_tail();
	assert_int_equal(ran, WORK_BUDGET);
	assert_int_equal(kicks[0], 1);
	exit_tail();
	assert_int_equal(ran, WORK_BUDGET + 1);
	assert_int_equal(kicks[0], 1);
	work_get_stats(&after);
	assert_int_equal(after.run - before.run, WORK_BUDGET + 1);
	assert_int_equal(after.left_over - before.left_over, 1);
}

static void expired(struct timer *t)
{
	(void)work_post(&items[0].work);
}

static void test_tail_runs_timers_before_work(void **state)
{
	struct timer t;

	timer_init(&t, expired);
	timer_set(&t, 0);
	exit_tail();
	assert_int_equal(ran, 1); /* what a timer posts is done in the same tail */
}

/* ---- many CPUs ---- */

#define POSTERS 3
#define DRAINERS 2
#define ROUNDS 20000
#define SHARED 8

static struct item shared[SHARED];
static _Atomic unsigned int written[POSTERS][SHARED], seen[POSTERS][SHARED];
static _Atomic unsigned int posted;
static _Atomic bool stop;

static void look(struct work *w)
{
	struct item *it = container_of(w, struct item, work);

	for (unsigned int p = 0; p < POSTERS; p++) {
		unsigned int now = atomic_load_explicit(&written[p][it->number], memory_order_relaxed);

		if (now > atomic_load_explicit(&seen[p][it->number], memory_order_relaxed))
			atomic_store_explicit(&seen[p][it->number], now, memory_order_relaxed);
	}
	atomic_fetch_add(&it->runs, 1);
}

static void *poster(void *arg)
{
	unsigned int self = (unsigned int)(uintptr_t)arg;

	host_cpu = self;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		unsigned int i = (n * 7 + self) % SHARED;

		atomic_store_explicit(&written[self][i], n, memory_order_relaxed);
		if (work_post_on(POSTERS + n % DRAINERS, &shared[i].work))
			atomic_fetch_add(&posted, 1);
		if (n % 64 == 0)
			sched_yield();
	}
	return NULL;
}

static void *drainer(void *arg)
{
	host_cpu = POSTERS + (unsigned int)(uintptr_t)arg;
	while (!stop || work_pending()) {
		if (!work_run(3))
			sched_yield();
	}
	return NULL;
}

static void test_no_post_is_lost_among_threads(void **state)
{
	pthread_t p[POSTERS], d[DRAINERS];
	unsigned int runs = 0;

	for (unsigned int i = 0; i < SHARED; i++) {
		shared[i].number = i;
		work_init(&shared[i].work, look);
	}
	for (uintptr_t i = 0; i < DRAINERS; i++)
		assert_int_equal(pthread_create(&d[i], NULL, drainer, (void *)i), 0);
	for (uintptr_t i = 0; i < POSTERS; i++)
		assert_int_equal(pthread_create(&p[i], NULL, poster, (void *)i), 0);
	for (unsigned int i = 0; i < POSTERS; i++)
		pthread_join(p[i], NULL);
	stop = true;
	for (unsigned int i = 0; i < DRAINERS; i++)
		pthread_join(d[i], NULL);
	for (unsigned int i = 0; i < SHARED; i++) {
		runs += shared[i].runs;
		assert_false(shared[i].work.queued);
		for (unsigned int n = 0; n < POSTERS; n++) {
			/* The last post, queued or not, was followed by a run. */
			assert_int_equal(seen[n][i], written[n][i]);
		}
	}
	assert_int_equal(runs, posted);
}

/*
 * What was written before a post that found it queued is a plain variable: ThreadSanitizer checks that the
 * run comes after.
 */
static unsigned int payload[2], sum;
static _Atomic bool first_is_posted, second_is_posted;
static struct work handed;

static void add(struct work *w)
{
	sum = payload[0] + payload[1];
}

static void *post_second(void *arg)
{
	while (!atomic_load_explicit(&first_is_posted, memory_order_acquire))
		sched_yield();
	payload[1] = 20;
	assert_false(work_post_on(9, &handed));
	atomic_store_explicit(&second_is_posted, true, memory_order_relaxed);
	return NULL;
}

static void *run_both(void *arg)
{
	host_cpu = 9;
	while (!atomic_load_explicit(&second_is_posted, memory_order_relaxed))
		sched_yield();
	assert_int_equal(work_run(1), 1);
	return NULL;
}

static void test_a_post_that_changed_nothing_is_seen_too(void **state)
{
	pthread_t second, runner;

	work_init(&handed, add);
	payload[0] = 1;
	assert_true(work_post_on(9, &handed));
	assert_int_equal(pthread_create(&second, NULL, post_second, NULL), 0);
	assert_int_equal(pthread_create(&runner, NULL, run_both, NULL), 0);
	atomic_store_explicit(&first_is_posted, true, memory_order_release);
	pthread_join(second, NULL);
	pthread_join(runner, NULL);
	assert_int_equal(sum, 21);
}

/* ---- an NMI in the middle ---- */

static struct item from_nmi;
static volatile unsigned int nmis, nmi_posts;

static void on_signal(int number)
{
	nmis++;
	if (work_post(&from_nmi.work))
		nmi_posts++;
}

static void test_an_nmi_may_post_in_the_middle(void **state)
{
	struct itimerval often = { { 0, 50 }, { 0, 50 } }, off = { { 0, 0 }, { 0, 0 } };
	unsigned int rounds = 0, before, count = 0;

	work_init(&from_nmi.work, look);
	from_nmi.number = 0;
	signal(SIGALRM, on_signal);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	while (nmis < 500) {
		for (unsigned int i = 0; i < 4; i++)
			count += work_post(&items[(rounds + i) % ITEMS].work);
		ran = 0;
		(void)work_run(rounds % 7);
		rounds++;
	}
	setitimer(ITIMER_REAL, &off, NULL);
	do
		ran = 0;
	while (work_run(16));
	before = 0;
	for (unsigned int i = 0; i < ITEMS; i++)
		before += items[i].runs;
	assert_int_equal(before, count);
	assert_int_equal(from_nmi.runs, nmi_posts);
	assert_true(nmi_posts > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_first_in_first_out, setup),
		cmocka_unit_test_setup(test_posted_twice_runs_once, setup),
		cmocka_unit_test_setup(test_what_is_left_stays_first_in_line, setup),
		cmocka_unit_test_setup(test_posted_meanwhile_is_for_the_next_call, setup),
		cmocka_unit_test_setup(test_may_be_freed_by_its_function, setup),
		cmocka_unit_test_setup(test_another_cpu_is_kicked, setup),
		cmocka_unit_test_setup(test_tail_kicks_for_what_it_leaves, setup),
		cmocka_unit_test_setup(test_tail_runs_timers_before_work, setup),
		cmocka_unit_test_setup(test_no_post_is_lost_among_threads, setup),
		cmocka_unit_test_setup(test_a_post_that_changed_nothing_is_seen_too, setup),
		cmocka_unit_test_setup(test_an_nmi_may_post_in_the_middle, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
