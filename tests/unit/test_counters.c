/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters, and the reasons as which SVM's exits count. Exit codes here are those of AMD64 APM vol. 2, appendix C.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/svm/svm.h"
#include "core/counters.h"

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c */

static struct counters_snapshot seen;

static int setup(void **state)
{
	memset(cpu_counters, 0, sizeof(cpu_counters));
	for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu++) { /* what earlier tests left as the base */
		(void)counters_get(cpu, &seen);
		counters_restart(cpu, &seen);
	}
	host_cpu = 0;
	return 0;
}

static void each_counts_by_itself(void **state)
{
	for (unsigned int i = 0; i < COUNTED_EXITS_MAX; i++) {
		setup(state);
		for (unsigned int n = 0; n <= i; n++)
			count_exit(i);
		assert_true(counters_get(0, &seen));
		for (unsigned int j = 0; j < COUNTED_EXITS_MAX; j++)
			assert_int_equal(seen.exit[j], i == j ? i + 1 : 0);
		for (unsigned int j = 0; j < COUNTED_EVENTS; j++)
			assert_int_equal(seen.event[j], 0);
		assert_int_equal(seen.exits, i + 1);
	}
	for (unsigned int i = 0; i < COUNTED_EVENTS; i++) {
		setup(state);
		count_event(i);
		count_event(i);
		assert_true(counters_get(0, &seen));
		for (unsigned int j = 0; j < COUNTED_EVENTS; j++)
			assert_int_equal(seen.event[j], i == j ? 2 : 0);
		assert_int_equal(seen.exits, 0);
	}
}

static void all_reasons_are_summed(void **state)
{
	count_exit(0);
	count_exit(3);
	count_exit(3);
	count_exit(COUNTED_EXITS_MAX - 1);
	count_event(COUNT_CONFIG_READ);
	assert_true(counters_get(0, &seen));
	assert_int_equal(seen.exits, 4);
}

static void cpus_are_apart(void **state)
{
	host_cpu = CPUS_MAX - 1;
	count_exit(2);
	count_event(COUNT_IOAPIC);
	host_cpu = 0;
	assert_false(counters_get(0, &seen));
	assert_false(counters_get(CPUS_MAX - 2, &seen));
	assert_true(counters_get(CPUS_MAX - 1, &seen));
	assert_int_equal(seen.exit[2], 1);
	assert_int_equal(seen.event[COUNT_IOAPIC], 1);
	/* No two CPUs write to one cache line. */
	assert_int_equal((uintptr_t)cpu_counters % 64, 0);
	assert_int_equal(sizeof(cpu_counters[0]) % 64, 0);
}

/* What is counted between the look and the restart is in the next report; and the counting CPU's lines are not written. */
static void restart_loses_nothing(void **state)
{
	struct counters_snapshot first;

	count_exit(1);
	count_event(COUNT_CONFIG_WRITE);
	assert_true(counters_get(0, &first));
	count_exit(1);
	count_exit(1);
	count_event(COUNT_CONFIG_WRITE);
	counters_restart(0, &first);
	assert_true(counters_get(0, &seen));
	assert_int_equal(seen.exit[1], 2);
	assert_int_equal(seen.exits, 2);
	assert_int_equal(seen.event[COUNT_CONFIG_WRITE], 1);
	assert_int_equal(cpu_counters[0].exit[1], 3);
	counters_restart(0, &seen);
	assert_true(counters_get(0, &seen)); /* it has counted once */
	assert_int_equal(seen.exits, 0);
	count_exit(1);
	assert_true(counters_get(0, &seen));
	assert_int_equal(seen.exit[1], 1);
}

/* Every counter goes into its own sum. */
static void sums(void **state)
{
	struct counters_snapshot sum = { .exits = 1000 }, one;

	sum.exit[2] = 10;
	sum.event[1] = 20;
	for (unsigned int i = 0; i < COUNTED_EXITS_MAX; i++)
		one.exit[i] = i + 1;
	for (unsigned int i = 0; i < COUNTED_EVENTS; i++)
		one.event[i] = 100 * (i + 1);
	one.exits = 5;
	counters_add(&sum, &one);
	counters_add(&sum, &one);
	assert_int_equal(sum.exits, 1010);
	for (unsigned int i = 0; i < COUNTED_EXITS_MAX; i++)
		assert_int_equal(sum.exit[i], 2 * (i + 1) + (i == 2 ? 10 : 0));
	for (unsigned int i = 0; i < COUNTED_EVENTS; i++)
		assert_int_equal(sum.event[i], 200 * (i + 1) + (i == 1 ? 20 : 0));
}

static void restart_is_one_cpus(void **state)
{
	count_exit(1);
	host_cpu = 1;
	count_exit(1);
	assert_true(counters_get(0, &seen));
	counters_restart(0, &seen);
	assert_true(counters_get(1, &seen));
	assert_int_equal(seen.exit[1], 1);
}

static void counters_wrap(void **state)
{
	atomic_store(&cpu_counters[0].exit[4], ~(u64)0);
	assert_true(counters_get(0, &seen));
	counters_restart(0, &seen);
	count_exit(4);
	count_exit(4);
	assert_true(counters_get(0, &seen));
	assert_int_equal(seen.exit[4], 2);
}

static void *count_many(void *ctx)
{
	host_cpu = (unsigned int)(uintptr_t)ctx;
	for (unsigned int i = 0; i < 100000; i++) {
		count_exit(5);
		count_event(COUNT_IOMMU_FLUSH);
	}
	return NULL;
}

/* One looks and starts anew while the others count: each count is in exactly one of the looks. */
static void looking_while_they_count(void **state)
{
	pthread_t thread[3];
	u64 exits = 0, events = 0;

	for (uintptr_t i = 0; i < ARRAY_SIZE(thread); i++)
		assert_int_equal(pthread_create(&thread[i], NULL, count_many, (void *)(i + 1)), 0);
	for (unsigned int round = 0; round < 2000; round++) {
		unsigned int cpu = 1 + round % ARRAY_SIZE(thread);

		(void)counters_get(cpu, &seen);
		counters_restart(cpu, &seen);
		exits += seen.exits;
		events += seen.event[COUNT_IOMMU_FLUSH];
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(thread); i++)
		pthread_join(thread[i], NULL);
	for (unsigned int cpu = 1; cpu <= ARRAY_SIZE(thread); cpu++) {
		assert_true(counters_get(cpu, &seen));
		exits += seen.exits;
		events += seen.event[COUNT_IOMMU_FLUSH];
	}
	assert_int_equal(exits, 300000);
	assert_int_equal(events, 300000);
}

/* ---- names and reasons ---- */

static void names_are_there_and_differ(void **state)
{
	static const char *const expected[] = { "cpuid",	 "msr-read",	   "msr-write", "io",	   "nested-fault",
						"nmi",		 "iret",	   "xsetbv",	"invd",	   "vmmcall",
						"hlt",		 "machine-check",  "svm-instruction", "other" };

	assert_string_equal(counters_exit_name(0), "unknown"); /* before they are told */
	x86_name_exits();
	assert_int_equal(counters_exits(), ARRAY_SIZE(expected));
	for (unsigned int i = 0; i < ARRAY_SIZE(expected); i++)
		assert_string_equal(counters_exit_name(i), expected[i]);
	assert_string_equal(counters_exit_name(ARRAY_SIZE(expected)), "unknown");
	for (unsigned int i = 0; i < COUNTED_EVENTS; i++) {
		assert_non_null(counters_event_name(i));
		assert_true(strlen(counters_event_name(i)) <= 20);
		assert_null(strchr(counters_event_name(i), ' '));
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(counters_event_name(i), counters_event_name(j));
	}
}

static void svm_exits_by_reason(void **state)
{
	static const struct {
		u64 code, info;
		const char *reason;
	} cases[] = {
		{ 0x72, 0, "cpuid" },
		{ 0x7c, 0, "msr-read" },
		{ 0x7c, 1, "msr-write" },
		{ 0x7b, 0x00800011, "io" },
		{ 0x400, 4, "nested-fault" },
		{ 0x61, 0, "nmi" },
		{ 0x74, 0, "iret" },
		{ 0x8d, 0, "xsetbv" },
		{ 0x76, 0, "invd" },
		{ 0x81, 0, "vmmcall" },
		{ 0x78, 0, "hlt" },
		{ 0x52, 0, "machine-check" }, /* exception 18 */
		{ 0x80, 0, "svm-instruction" },
		{ 0x82, 0, "svm-instruction" },
		{ 0x83, 0, "svm-instruction" },
		{ 0x84, 0, "svm-instruction" },
		{ 0x85, 0, "svm-instruction" },
		{ 0x86, 0, "svm-instruction" },
		{ 0x7a, 0, "svm-instruction" }, /* INVLPGA */
		{ 0x7f, 0, "other" },		/* shutdown */
		{ 0x63, 0, "other" },		/* INIT */
		{ 0x40, 0, "other" },		/* exception 0 */
		{ 0x60, 0, "other" },		/* external interrupt: not intercepted */
		{ ~0ull, 0, "other" },
	};

	x86_name_exits();
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vmcb_control c = { .exit_code = cases[i].code, .exit_info_1 = cases[i].info };

		assert_string_equal(counters_exit_name(svm_exit_reason(&c)), cases[i].reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_counts_by_itself, setup),
		cmocka_unit_test_setup(all_reasons_are_summed, setup),
		cmocka_unit_test_setup(cpus_are_apart, setup),
		cmocka_unit_test_setup(restart_loses_nothing, setup),
		cmocka_unit_test_setup(sums, setup),
		cmocka_unit_test_setup(restart_is_one_cpus, setup),
		cmocka_unit_test_setup(counters_wrap, setup),
		cmocka_unit_test_setup(looking_while_they_count, setup),
		cmocka_unit_test_setup(names_are_there_and_differ, setup),
		cmocka_unit_test_setup(svm_exits_by_reason, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
