/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * "Once for each key", alone and by several CPUs at once; the latter under ThreadSanitizer, too
 * (tools/stress.mk).
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "core/once.h"

static void each_key_is_first_once(void **state)
{
	once_place seen[4] = { 0 };

	assert_int_equal(once(seen, 7), 1);
	assert_int_equal(once(seen, 7), 0);
	assert_int_equal(once(seen, 0), 2); /* the key 0 is one like others */
	assert_int_equal(once(seen, 0), 0);
	assert_int_equal(once(seen, 1ull << 63), 3);
	assert_int_equal(once(seen, 7), 0);
	assert_int_equal(once(seen, 1ull << 63), 0);
	assert_int_equal(once(seen, 0xfffffffffffffffe), 4);
	assert_int_equal(once(seen, 0xfffffffffffffffe), 0);
}

static void what_finds_no_place_is_never_first(void **state)
{
	struct {
		once_place seen[2];
		u64 behind;
	} m = { .behind = 0 };

	assert_int_equal(once(m.seen, 1), 1);
	assert_int_equal(once(m.seen, 2), 2);
	assert_int_equal(once(m.seen, 3), 0);
	assert_int_equal(once(m.seen, 3), 0);
	assert_int_equal(once(m.seen, 2), 0);
	assert_int_equal(m.behind, 0);
}

static void all_ones_is_no_key(void **state)
{
	once_place seen[1] = { 0 };

	assert_int_equal(once(seen, ~0ull), 0);
	assert_int_equal(once(seen, 5), 1); /* and it took no place */
}

/* ---- several CPUs with the same keys ---- */

#define CPUS   4
#define KEYS   64
#define PLACES 48
#define ROUNDS 400

static once_place shared[PLACES];
static pthread_barrier_t barrier;
static struct {
	unsigned int nth[KEYS]; /* what this CPU was told */
} told[CPUS];

static void *comes(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&barrier); /* the judge has read, and cleared */
		for (unsigned int i = 0; i < KEYS; i++) {
			unsigned int key = cpu % 2 ? KEYS - 1 - i : i;

			told[cpu].nth[key] = once(shared, key * 0x1000);
			if ((i ^ round) % 7 == cpu)
				sched_yield();
		}
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

/* Each place was given to one key, each key's to one CPU. */
static void judge(void)
{
	unsigned int given[PLACES + 1] = { 0 };

	for (unsigned int key = 0; key < KEYS; key++) {
		unsigned int firsts = 0;

		for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
			assert_true(told[cpu].nth[key] <= PLACES);
			given[told[cpu].nth[key]]++;
			firsts += told[cpu].nth[key] != 0;
		}
		assert_true(firsts <= 1);
	}
	for (unsigned int i = 1; i <= PLACES; i++)
		assert_int_equal(given[i], 1);
}

static void of_several_cpus_one_is_first(void **state)
{
	pthread_t thread[CPUS];

	pthread_barrier_init(&barrier, NULL, CPUS + 1);
	for (unsigned int i = 0; i < CPUS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, comes, (void *)(uintptr_t)i), 0);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		memset(shared, 0, sizeof(shared));
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		judge();
	}
	for (unsigned int i = 0; i < CPUS; i++)
		pthread_join(thread[i], NULL);
}

/* ---- two CPUs in step, so that both find the place free ---- */

#define STEPS 20000

static once_place place_of_step[STEPS];
static _Atomic unsigned int at_step[2];
static bool first_at_step[2][STEPS];

static void *keeps_step(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg;

	for (unsigned int step = 0; step < STEPS; step++) {
		atomic_store(&at_step[cpu], step + 1);
		for (unsigned int spins = 1; atomic_load(&at_step[!cpu]) <= step; spins++) {
			if (spins % 1000 == 0)
				sched_yield();
		}
		first_at_step[cpu][step] = once_in(&place_of_step[step], 1, 5) == 1;
	}
	return NULL;
}

static void of_two_that_find_it_free_one_is_first(void **state)
{
	pthread_t thread[2];

	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, keeps_step, (void *)(uintptr_t)i), 0);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	for (unsigned int step = 0; step < STEPS; step++)
		assert_int_equal(first_at_step[0][step] + first_at_step[1][step], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_is_first_once),
		cmocka_unit_test(what_finds_no_place_is_never_first),
		cmocka_unit_test(all_ones_is_no_key),
		cmocka_unit_test(of_several_cpus_one_is_first),
		cmocka_unit_test(of_two_that_find_it_free_one_is_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
