/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The power of the guest's CPUs, as PSCI sees it (DEN 0022E 5.5, 5.6, 6.6): a CPU that is asked for twice
 * starts once, where one of them said; what it is told belongs together; and not all go off. Then threads
 * that play CPUs, which switch each other on and themselves off.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "arch/arm64/cpus.h"
#include "core/errno.h"

#define ALARM_SECONDS 120
#define CPUS 4u
#define ROUNDS 20000u

static _Atomic unsigned int kicks[CPUS_MAX];
/* What the CPU that is kicked would see if it were as fast as light. */
static void (*seen_at_kick)(unsigned int cpu);

void arch_cpu_kick(unsigned int cpu)
{
	if (seen_at_kick)
		seen_at_kick(cpu);
	atomic_fetch_add(&kicks[cpu], 1);
}

static int forget(void **state)
{
	seen_at_kick = NULL;
	for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu++)
		kicks[cpu] = 0;
	cpus_init_power();
	return 0;
}

/* ---- the table ----------------------------------------------------------------------------------------- */

static void affinities(void **state)
{
	arm64_cpus = (struct arm64_cpus){ .count = 3, .mpidr = { 0, 0x100, 0xff00000001 } };
	assert_int_equal(cpu_of_mpidr(0), 0);
	assert_int_equal(cpu_of_mpidr(0x100), 1);
	assert_int_equal(cpu_of_mpidr(0xff00000001), 2);
	assert_int_equal(cpu_of_mpidr(1), CPUS_MAX);
	assert_int_equal(cpu_of_mpidr(0xff00000000), CPUS_MAX);
	/* MPIDR_EL1's other bits, which are no part of an affinity */
	assert_int_equal(cpu_of_mpidr(BIT(31)), CPUS_MAX);
	assert_int_equal(cpu_of_mpidr(BIT(24) | 0x100), CPUS_MAX);
	assert_int_equal(cpu_of_mpidr(BIT(40)), CPUS_MAX);
	arm64_cpus.count = 2; /* the third has not come up */
	assert_int_equal(cpu_of_mpidr(0xff00000001), CPUS_MAX);
}

/* ---- one after the other ------------------------------------------------------------------------------- */

static void begins_with_the_boot_cpu(void **state)
{
	struct cpu_start start;

	assert_int_equal(cpu_power(0), CPU_IS_ON);
	for (unsigned int cpu = 1; cpu < CPUS_MAX; cpu++) {
		assert_int_equal(cpu_power(cpu), CPU_IS_OFF);
		assert_false(cpu_take_on(cpu, &start));
	}
	assert_int_equal(cpu_set_off(0), -EBUSY);
	assert_int_equal(cpu_power(0), CPU_IS_ON);
}

static void goes_round(void **state)
{
	struct cpu_start start = { 0 };

	for (u64 i = 1; i < 4; i++) {
		assert_int_equal(cpu_request_on(1, i << 32, ~i), 0);
		assert_int_equal(kicks[1], i);
		assert_int_equal(cpu_power(1), CPU_ON_PENDING);
		assert_int_equal(cpu_request_on(1, 7, 8), -EINPROGRESS);
		assert_true(cpu_take_on(1, &start));
		assert_int_equal(start.entry, i << 32);
		assert_int_equal(start.context, ~i);
		assert_int_equal(cpu_power(1), CPU_IS_ON);
		assert_int_equal(cpu_request_on(1, 7, 8), -EALREADY);
		assert_false(cpu_take_on(1, &start));
		assert_int_equal(kicks[1], i); /* who is refused kicks nobody */
		assert_int_equal(cpu_set_off(1), 0);
		assert_int_equal(cpu_power(1), CPU_IS_OFF);
		assert_false(cpu_take_on(1, &start));
	}
}

static void itself_is_on(void **state)
{
	assert_int_equal(cpu_request_on(0, 4, 5), -EALREADY);
	assert_int_equal(kicks[0], 0);
}

/* The boot CPU is one like the others, once another is certain to be there. */
static void the_last_one_stays(void **state)
{
	struct cpu_start start;

	assert_int_equal(cpu_request_on(2, 4, 5), 0);
	assert_int_equal(cpu_set_off(0), 0); /* 2 is about to be on */
	assert_true(cpu_take_on(2, &start));
	assert_int_equal(cpu_set_off(2), -EBUSY);
	assert_int_equal(cpu_power(2), CPU_IS_ON);
	assert_int_equal(cpu_request_on(0, 6, 7), 0);
	assert_int_equal(cpu_set_off(2), 0);
	assert_true(cpu_take_on(0, &start));
	assert_int_equal(start.entry, 6);
	assert_int_equal(cpu_set_off(0), -EBUSY);
}

/* Refused requests count for nothing. */
static void refused_requests_keep_nobody_awake(void **state)
{
	struct cpu_start start;

	assert_int_equal(cpu_request_on(1, 4, 5), 0);
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(cpu_request_on(1, 4, 5), -EINPROGRESS);
	assert_true(cpu_take_on(1, &start));
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(cpu_request_on(1, 4, 5), -EALREADY);
	assert_int_equal(cpu_set_off(1), 0);
	assert_int_equal(cpu_set_off(0), -EBUSY);
}

static bool taken;

/* It starts, and is so fast that it is off again before the request has returned. */
static void take_at_once(unsigned int cpu)
{
	struct cpu_start start = { 0 };

	taken = cpu_take_on(cpu, &start);
	assert_true(taken);
	assert_int_equal(start.entry, 0x1000);
	assert_int_equal(start.context, 42);
	assert_int_equal(cpu_set_off(cpu), 0);
}

static void is_there_when_it_is_kicked(void **state)
{
	seen_at_kick = take_at_once;
	taken = false;
	assert_int_equal(cpu_request_on(3, 0x1000, 42), 0);
	assert_true(taken);
	assert_int_equal(cpu_power(3), CPU_IS_OFF);
	assert_int_equal(cpu_set_off(0), -EBUSY);
}

/* ---- all at once --------------------------------------------------------------------------------------- */

static _Atomic unsigned int running, granted[CPUS], started[CPUS], refused_off;
static _Atomic bool done;
static unsigned int plain[CPUS]; /* the CPU's own: ThreadSanitizer sees who touches it without being told */

/* An entry names who asked and how often; the context is made of it, so a mixture of two requests is seen. */
#define CONTEXT(entry) ((entry) * 0x9e3779b97f4a7c15)

static void ask_for_others(unsigned int self, u64 *asked)
{
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		u64 entry = ++*asked << 8 | self;
		int error = cpu_request_on(cpu, entry, CONTEXT(entry));

		if (cpu == self)
			assert_int_equal(error, -EALREADY);
		if (!error)
			atomic_fetch_add(&granted[cpu], 1);
	}
}

static bool wait_until_asked(unsigned int self)
{
	struct cpu_start start;

	while (!cpu_take_on(self, &start)) {
		if (atomic_load(&done))
			return false;
		sched_yield();
	}
	assert_int_equal(start.context, CONTEXT(start.entry));
	assert_in_range(start.entry & 0xff, 0, CPUS - 1);
	atomic_fetch_add(&running, 1);
	atomic_fetch_add(&started[self], 1);
	return true;
}

static void *play(void *arg)
{
	unsigned int self = (unsigned int)(uintptr_t)arg;
	bool on = self == 0;
	u64 asked = 0;

	while (!atomic_load(&done)) {
		if (!on && !wait_until_asked(self))
			break;
		on = true;
		plain[self]++;
		ask_for_others(self, &asked);
		if (started[self] >= ROUNDS)
			atomic_store(&done, true);
		/* From here on it counts as off for the ghost, which so never says more than is true. */
		atomic_fetch_sub(&running, 1);
		on = cpu_set_off(self) != 0;
		if (on) {
			atomic_fetch_add(&running, 1);
			atomic_fetch_add(&refused_off, 1);
		}
	}
	return NULL;
}

/* Nobody is left who could switch on another if the last one goes off: then the alarm rings. */
static void all_at_once(void **state)
{
	pthread_t thread[CPUS];

	alarm(ALARM_SECONDS);
	running = 1;
	done = false;
	for (uintptr_t i = 0; i < CPUS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, play, (void *)i), 0);
	for (unsigned int i = 0; i < CPUS; i++)
		pthread_join(thread[i], NULL);
	alarm(0);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		/*
		 * Each request that was granted has started it once; one may not have been taken at the end.
		 */
		assert_in_range(granted[cpu] - started[cpu], 0, 1);
		assert_true(plain[cpu] >= started[cpu]);
		assert_int_equal(granted[cpu], kicks[cpu]);
	}
}

static _Atomic unsigned int gate, winners, off_refused, off_granted;

static void *go_off(void *arg)
{
	unsigned int self = (unsigned int)(uintptr_t)arg;

	atomic_fetch_add(&gate, 1);
	while (atomic_load(&gate) < CPUS)
		sched_yield();
	if (cpu_set_off(self))
		atomic_fetch_add(&off_refused, 1);
	else
		atomic_fetch_add(&off_granted, 1);
	return NULL;
}

/* All of them go off at one moment: exactly one stays. */
static void one_stays(void **state)
{
	pthread_t thread[CPUS];
	struct cpu_start start;

	for (unsigned int round = 0; round < 3000; round++) {
		cpus_init_power();
		for (unsigned int cpu = 1; cpu < CPUS; cpu++) {
			assert_int_equal(cpu_request_on(cpu, cpu, cpu), 0);
			assert_true(cpu_take_on(cpu, &start));
		}
		gate = off_refused = off_granted = 0;
		for (uintptr_t i = 0; i < CPUS; i++)
			assert_int_equal(pthread_create(&thread[i], NULL, go_off, (void *)i), 0);
		for (unsigned int i = 0; i < CPUS; i++)
			pthread_join(thread[i], NULL);
		assert_int_equal(off_refused, 1);
		assert_int_equal(off_granted, CPUS - 1);
	}
}

static void *ask(void *arg)
{
	u64 entry = (u64)(uintptr_t)arg;

	atomic_fetch_add(&gate, 1);
	while (atomic_load(&gate) < 2)
		sched_yield();
	if (!cpu_request_on(1, entry, CONTEXT(entry)))
		atomic_fetch_add(&winners, 1);
	return NULL;
}

/* Two ask for one CPU at one moment: one of them is told that it will start there. */
static void one_is_granted(void **state)
{
	pthread_t thread[2];
	struct cpu_start start;

	for (unsigned int round = 0; round < 300; round++) {
		cpus_init_power();
		gate = winners = 0;
		for (uintptr_t i = 0; i < 2; i++)
			assert_int_equal(pthread_create(&thread[i], NULL, ask, (void *)(i + 1)), 0);
		while (!cpu_take_on(1, &start))
			sched_yield();
		assert_int_equal(start.context, CONTEXT(start.entry));
		for (unsigned int i = 0; i < 2; i++)
			pthread_join(thread[i], NULL);
		assert_int_equal(winners, 1);
		assert_false(cpu_take_on(1, &start));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(affinities, forget),
		cmocka_unit_test_setup(begins_with_the_boot_cpu, forget),
		cmocka_unit_test_setup(goes_round, forget),
		cmocka_unit_test_setup(itself_is_on, forget),
		cmocka_unit_test_setup(the_last_one_stays, forget),
		cmocka_unit_test_setup(refused_requests_keep_nobody_awake, forget),
		cmocka_unit_test_setup(is_there_when_it_is_kicked, forget),
		cmocka_unit_test_setup(all_at_once, forget),
		cmocka_unit_test_setup(one_stays, forget),
		cmocka_unit_test_setup(one_is_granted, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
