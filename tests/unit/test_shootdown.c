/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shoot-down of the guest's translations. Threads play CPUs; each has a TLB, tagged by address space, which
 * keeps what it has seen until it is flushed, unlike QEMU's. A page that the guest reaches after a finished
 * shoot-down took it away is the bug.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pthread_setaffinity_np() */
#endif
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
#include "core/errno.h"
#include "core/log.h"
#include "core/pages.h"
#include "core/shootdown.h"
#include "core/vm.h"

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c */

static _Atomic unsigned int kicks[CPUS_MAX];
static _Atomic u64 now;
static u64 time_step; /* by which each look at the clock advances it */

void arch_cpu_kick(unsigned int cpu)
{
	atomic_fetch_add(&kicks[cpu], 1);
}

u64 arch_time_us(void)
{
	return atomic_fetch_add(&now, time_step);
}

static char last_line[LOG_LINE_MAX];
static unsigned int lines;

static void sink(enum log_level level, const char *line, size_t len)
{
	snprintf(last_line, sizeof(last_line), "%.*s", (int)len, line);
	lines++;
}

static struct shootdown s __attribute__((aligned(64)));

static int setup(void **state)
{
	shootdown_init(&s);
	memset((void *)kicks, 0, sizeof(kicks));
	host_cpu = 0;
	time_step = 0;
	lines = 0;
	log_set_sink(sink);
	return 0;
}

static bool enter_as(unsigned int cpu)
{
	host_cpu = cpu;
	return shootdown_enter(&s);
}

static void exit_as(unsigned int cpu)
{
	host_cpu = cpu;
	shootdown_exit(&s);
}

/* ---- step by step ---- */

static void test_first_entry_flushes(void **state)
{
	assert_true(enter_as(0));
	exit_as(0);
	assert_false(enter_as(0));
	exit_as(0);
	assert_true(enter_as(63));
	exit_as(63);
}

static void test_nobody_in_the_guest_nobody_kicked(void **state)
{
	u64 generation;

	assert_true(enter_as(1));
	exit_as(1);
	generation = shootdown_begin(&s);
	assert_int_equal(generation, 2);
	assert_true(shootdown_done(&s, generation));
	assert_int_equal(shootdown_wait(&s, generation), 0);
	for (unsigned int i = 0; i < CPUS_MAX; i++)
		assert_int_equal(kicks[i], 0);
	assert_true(enter_as(1)); /* and it flushes, once */
	exit_as(1);
	assert_false(enter_as(1));
	exit_as(1);
}

static void test_who_is_in_the_guest_is_kicked_and_waited_for(void **state)
{
	u64 first, second;

	assert_true(enter_as(1));
	assert_true(enter_as(63));
	host_cpu = 0;
	first = shootdown_begin(&s);
	assert_int_equal(kicks[1], 1);
	assert_int_equal(kicks[63], 1);
	assert_int_equal(kicks[0] + kicks[2], 0);
	assert_false(shootdown_done(&s, first));
	exit_as(1);
	assert_false(shootdown_done(&s, first));
	assert_true(enter_as(1)); /* with the new generation */
	assert_false(shootdown_done(&s, first));
	exit_as(63);
	assert_true(shootdown_done(&s, first));
	second = shootdown_begin(&s);
	assert_int_equal(second, first + 1);
	assert_int_equal(kicks[1], 2);
	assert_int_equal(kicks[63], 1);
	assert_true(shootdown_done(&s, first));
	assert_false(shootdown_done(&s, second));
	exit_as(1);
	assert_true(shootdown_done(&s, second));
}

static void test_several_generations_are_one_flush(void **state)
{
	assert_true(enter_as(1));
	exit_as(1);
	for (unsigned int i = 0; i < 5; i++)
		(void)shootdown_begin(&s);
	assert_true(enter_as(1));
	assert_true(shootdown_done(&s, 6));
	exit_as(1);
}

static void test_a_silent_cpu_is_named_after_a_second(void **state)
{
	u64 generation, start = now;

	assert_true(enter_as(0));
	exit_as(0);
	assert_true(enter_as(17));
	assert_true(enter_as(40));
	host_cpu = 0;
	generation = shootdown_begin(&s);
	time_step = 1000;
	assert_int_equal(shootdown_wait(&s, generation), -ETIMEDOUT);
	assert_in_range(now - start, 1000000, 1100000);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(last_line, "CPU 17"));
	time_step = 0;
	exit_as(17);
	exit_as(40);
	assert_int_equal(shootdown_wait(&s, generation), 0);
}

/* One after the other leaves: it is done with the last, whoever that is, and each was asked once. */
static void test_sixty_four_cpus(void **state)
{
	u64 generation;

	for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu++)
		assert_true(enter_as(cpu));
	exit_as(5);
	generation = shootdown_begin(&s);
	for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu++) {
		assert_int_equal(kicks[cpu], cpu != 5);
		assert_int_equal(shootdown_done(&s, generation), false);
		if (cpu != 5)
			exit_as(cpu);
		assert_int_equal(shootdown_done(&s, generation), cpu == CPUS_MAX - 1);
		if (cpu != 5)
			assert_true(enter_as(cpu)); /* and is not waited for again */
	}
}

/* Both are inside, and neither waits for the other; nor for one that has never run the guest, or waits to be started. */
static void test_nobody_waits_for_who_is_inside(void **state)
{
	u64 mine, the_others;

	assert_true(enter_as(1));
	assert_true(enter_as(2));
	exit_as(1);
	mine = shootdown_begin(&s);
	assert_false(shootdown_done(&s, mine));
	exit_as(2); /* kicked, or on its own; and wants one itself */
	the_others = shootdown_begin(&s);
	assert_int_equal(shootdown_wait(&s, the_others), 0);
	host_cpu = 1;
	assert_int_equal(shootdown_wait(&s, mine), 0);
	assert_true(enter_as(1));
	assert_true(enter_as(2));
}

/* ---- emptied tables ---- */

#define POOL_SIZE (2 * SIZE_2M)
#define REGION 0x40000000u

static void map_and_unmap(void)
{
	assert_int_equal(vm_map_mmio(&guest, REGION, 0xd0000000, PAGE_SIZE, PT_READ), 0);
	assert_int_equal(vm_unmap_mmio(&guest, REGION, PAGE_SIZE), 0);
}

static void test_tables_are_given_back_after_their_own_shootdown(void **state)
{
	u8 *pool = aligned_alloc(SIZE_2M, POOL_SIZE);
	u64 empty, before, after;

	pages_init(virt_to_phys(pool), POOL_SIZE);
	assert_int_equal(vm_init(&guest, &pt_format_npt, 4, 2), 0);
	empty = pages_left();

	before = vm_shootdown(&guest);
	map_and_unmap();
	assert_int_equal(pages_left(), empty - 3);
	assert_int_equal(vm_shootdown_wait(&guest, before), 0);
	assert_int_equal(pages_left(), empty - 3); /* it began before they were emptied */

	after = vm_shootdown(&guest);
	assert_int_equal(pages_left(), empty - 3);
	assert_int_equal(vm_shootdown_wait(&guest, after), 0);
	assert_int_equal(pages_left(), empty);
	free(pool);
}

static void test_tables_stay_while_a_cpu_may_walk_them(void **state)
{
	u8 *pool = aligned_alloc(SIZE_2M, POOL_SIZE);
	u64 empty, generation;

	pages_init(virt_to_phys(pool), POOL_SIZE);
	assert_int_equal(vm_init(&guest, &pt_format_npt, 4, 2), 0);
	empty = pages_left();
	host_cpu = 1;
	assert_true(shootdown_enter(&guest.shootdown));
	host_cpu = 0;
	map_and_unmap();
	generation = vm_shootdown(&guest);
	assert_int_equal(kicks[1], 1);
	time_step = 100000;
	assert_int_equal(vm_shootdown_wait(&guest, generation), -ETIMEDOUT);
	assert_int_equal(pages_left(), empty - 3);
	host_cpu = 1;
	shootdown_exit(&guest.shootdown);
	host_cpu = 0;
	assert_int_equal(vm_shootdown_wait(&guest, vm_shootdown(&guest)), 0);
	assert_int_equal(pages_left(), empty);
	free(pool);
}

/*
 * Each unmap comes after the other CPU's shoot-down has begun, for ever: the tables go back all the same, and
 * none before a shoot-down that began after it was emptied.
 */
static void test_tables_go_back_while_others_unmap(void **state)
{
	u8 *pool = aligned_alloc(SIZE_2M, POOL_SIZE);
	u64 empty, begun;

	pages_init(virt_to_phys(pool), POOL_SIZE);
	assert_int_equal(vm_init(&guest, &pt_format_npt, 4, 2), 0);
	empty = pages_left();
	map_and_unmap();
	begun = vm_shootdown(&guest);
	for (unsigned int n = 0; n < 100; n++) {
		u64 next;

		map_and_unmap();
		next = vm_shootdown(&guest);
		map_and_unmap();
		assert_int_equal(vm_shootdown_wait(&guest, begun), 0);
		assert_true(pages_left() <= empty - 3); /* the newest are there yet */
		assert_true(pages_left() >= empty - 9 * 3);
		begun = next;
	}
	assert_int_equal(vm_shootdown_wait(&guest, begun), 0);
	assert_int_equal(vm_shootdown_wait(&guest, vm_shootdown(&guest)), 0);
	assert_int_equal(pages_left(), empty);
	free(pool);
}

/* What is set aside waits for a shoot-down that began after that, whichever is done first. */
static void test_set_aside_is_not_given_back_early(void **state)
{
	u8 *pool = aligned_alloc(SIZE_2M, POOL_SIZE);
	u64 empty, first, second;

	pages_init(virt_to_phys(pool), POOL_SIZE);
	assert_int_equal(vm_init(&guest, &pt_format_npt, 4, 2), 0);
	empty = pages_left();
	first = vm_shootdown(&guest);
	second = vm_shootdown(&guest);
	map_and_unmap();
	assert_int_equal(vm_shootdown_wait(&guest, first), 0);
	assert_int_equal(pages_left(), empty - 3);
	assert_int_equal(vm_shootdown_wait(&guest, second), 0);
	assert_int_equal(pages_left(), empty - 3);
	map_and_unmap();
	assert_int_equal(vm_shootdown_wait(&guest, vm_shootdown(&guest)), 0);
	assert_int_equal(pages_left(), empty);
	free(pool);
}

/* An access that has missed the table is tried again only if it would not miss now, and may do what it wants. */
static void test_who_may_try_again(void **state)
{
	u8 *pool = aligned_alloc(SIZE_2M, POOL_SIZE);

	pages_init(virt_to_phys(pool), POOL_SIZE);
	assert_int_equal(vm_init(&guest, &pt_format_npt, 4, 2), 0);
	assert_false(vm_allows(&guest, REGION, PT_READ));
	assert_int_equal(vm_map_mmio(&guest, REGION, 0xd0000000, PAGE_SIZE, PT_READ), 0);
	assert_true(vm_allows(&guest, REGION, PT_READ));
	assert_true(vm_allows(&guest, REGION + PAGE_SIZE - 1, PT_READ));
	assert_false(vm_allows(&guest, REGION, PT_WRITE));
	assert_false(vm_allows(&guest, REGION, PT_EXEC));
	assert_false(vm_allows(&guest, REGION + PAGE_SIZE, PT_READ));
	assert_int_equal(vm_map_mmio(&guest, REGION + PAGE_SIZE, 0xd0001000, PAGE_SIZE, PT_READ | PT_WRITE), 0);
	assert_true(vm_allows(&guest, REGION + PAGE_SIZE, PT_WRITE));
	assert_int_equal(vm_unmap_mmio(&guest, REGION, 2 * PAGE_SIZE), 0);
	assert_false(vm_allows(&guest, REGION + PAGE_SIZE, PT_READ));
	free(pool);
}

/* ---- a CPU that never answers, among threads ---- */

#define MUTE 9
#define IMPATIENT 4

static _Atomic unsigned int gave_up;

static void *impatient(void *arg)
{
	host_cpu = (unsigned int)(uintptr_t)arg;
	for (unsigned int n = 0; n < 3; n++) {
		u64 at = REGION + (u64)host_cpu * SIZE_2M;

		(void)!shootdown_enter(&guest.shootdown);
		shootdown_exit(&guest.shootdown);
		assert_int_equal(vm_map_mmio(&guest, at, at, PAGE_SIZE, PT_READ), 0);
		assert_int_equal(vm_unmap_mmio(&guest, at, PAGE_SIZE), 0);
		gave_up += vm_shootdown_wait(&guest, vm_shootdown(&guest)) == -ETIMEDOUT;
	}
	return NULL;
}

static _Atomic unsigned int named, others_named;

static void count_names(enum log_level level, const char *line, size_t len)
{
	char text[LOG_LINE_MAX];

	snprintf(text, sizeof(text), "%.*s", (int)len, line);
	*(strstr(text, "CPU 9 ") ? &named : &others_named) += 1;
}

/* All who wait give up, each with a line that names it; no table goes back; and when it has left, all do. */
static void test_a_cpu_that_never_answers(void **state)
{
	u8 *pool = aligned_alloc(SIZE_2M, POOL_SIZE);
	pthread_t cpu[IMPATIENT];
	u64 empty, left;

	pages_init(virt_to_phys(pool), POOL_SIZE);
	assert_int_equal(vm_init(&guest, &pt_format_npt, 4, 2), 0);
	empty = pages_left();
	log_set_sink(count_names);
	time_step = 100;
	host_cpu = MUTE;
	assert_true(shootdown_enter(&guest.shootdown));
	for (uintptr_t i = 0; i < IMPATIENT; i++)
		assert_int_equal(pthread_create(&cpu[i], NULL, impatient, (void *)i), 0);
	for (unsigned int i = 0; i < IMPATIENT; i++)
		pthread_join(cpu[i], NULL);
	log_set_sink(NULL);
	assert_int_equal(gave_up, 3 * IMPATIENT);
	assert_int_equal(named, 3 * IMPATIENT);
	assert_int_equal(others_named, 0);
	left = pages_left();
	assert_true(left <= empty - 2 * 3 * IMPATIENT); /* at least two tables each time */
	host_cpu = MUTE;
	shootdown_exit(&guest.shootdown);
	host_cpu = 0;
	assert_int_equal(vm_shootdown_wait(&guest, vm_shootdown(&guest)), 0);
	assert_int_equal(pages_left(), empty);
	free(pool);
}

/* ---- threads ---- */

#define CPUS 3
#define CHANGERS 2
#define CHANGES 1000
#define SLOTS CHANGERS	/* each changer has an address of its own */
#define FRAMES 8
#define ASID 1

struct tlb_entry {
	bool valid;
	unsigned int asid, frame;
};

static _Atomic unsigned int table[SLOTS]; /* frame + 1; 0: not present */
static _Atomic bool owned[SLOTS][FRAMES]; /* the guest may reach it */
static _Atomic bool stop;
static _Atomic u64 stale, accesses, timeouts;

static void use(unsigned int slot, struct tlb_entry *tlb)
{
	if (!tlb->valid || tlb->asid != ASID) {
		unsigned int entry = atomic_load_explicit(&table[slot], memory_order_relaxed);

		if (!entry)
			return; /* a fault: not present is not cached */
		*tlb = (struct tlb_entry){ true, ASID, entry - 1 };
	}
	atomic_fetch_add_explicit(&accesses, 1, memory_order_relaxed);
	if (!atomic_load_explicit(&owned[slot][tlb->frame], memory_order_relaxed))
		atomic_fetch_add(&stale, 1);
}

/* In the guest until kicked, or for a while; a kick that came before the entry ends it at once. */
static void *cpu_main(void *arg)
{
	struct tlb_entry tlb[SLOTS] = { 0 };
	unsigned int round = 0, seen = 0;

	host_cpu = (unsigned int)(uintptr_t)arg;
	while (!stop) {
		unsigned int steps = ++round % 4 ? round % 13 : 1000000000;

		if (shootdown_enter(&s))
			memset(tlb, 0, sizeof(tlb));
		for (unsigned int i = 0; i < steps && kicks[host_cpu] == seen && !stop; i++) {
			use(i % SLOTS, &tlb[i % SLOTS]);
			if (i % 64 == 63)
				sched_yield(); /* the host may have fewer CPUs than this machine */
		}
		shootdown_exit(&s);
		seen = kicks[host_cpu];
		if (round % 64 == 0)
			sched_yield();
	}
	return NULL;
}

static void *changer(void *arg)
{
	unsigned int slot = (unsigned int)(uintptr_t)arg;

	host_cpu = CPUS + slot;
	for (unsigned int n = 0; n < CHANGES; n++) {
		unsigned int frame = n % FRAMES;
		u64 generation;

		atomic_store(&owned[slot][frame], true);
		atomic_store_explicit(&table[slot], frame + 1, memory_order_release); /* no flush */
		for (unsigned int i = 0; i < n % 50; i++)
			arch_cpu_relax();
		atomic_store_explicit(&table[slot], 0, memory_order_release);
		generation = shootdown_begin(&s);
		if (shootdown_wait(&s, generation))
			timeouts++;
		atomic_store_explicit(&owned[slot][frame], false, memory_order_relaxed);
	}
	return NULL;
}

static void test_no_stale_translation_among_threads(void **state)
{
	pthread_t cpu[CPUS], change[CHANGERS];

	time_step = 1;
	for (uintptr_t i = 0; i < CPUS; i++)
		assert_int_equal(pthread_create(&cpu[i], NULL, cpu_main, (void *)i), 0);
	for (uintptr_t i = 0; i < CHANGERS; i++)
		assert_int_equal(pthread_create(&change[i], NULL, changer, (void *)i), 0);
	for (unsigned int i = 0; i < CHANGERS; i++)
		pthread_join(change[i], NULL);
	stop = true;
	for (unsigned int i = 0; i < CPUS; i++)
		pthread_join(cpu[i], NULL);
	assert_int_equal(timeouts, 0);
	assert_int_equal(stale, 0);
	assert_true(accesses > CHANGES);
}

/*
 * The two stores and loads of the header's promise, nothing else: a CPU enters while the generation is
 * bumped. Either it sees the new generation, or the other sees it in the guest.
 */
#define RACES 200000
#define RACER 5 /* its word is near the generation, but in another cache line */

static _Atomic unsigned int starts, ends;
static _Atomic bool entry_flushed;

/* Both threads arrive, then both go on, as nearly at once as can be. */
static void meet(_Atomic unsigned int *line, unsigned int round)
{
	atomic_fetch_add(line, 1);
	for (unsigned int spins = 1; atomic_load(line) < 2 * round; spins++) {
		if (spins % 1000 == 0)
			sched_yield();
	}
}

/* On one CPU nothing races. If the host has no second one, so be it. */
static void run_on(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)!pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void pause_for(unsigned int turns)
{
	for (volatile unsigned int i = 0; i < turns; i++)
		;
}

static void *racing_entry(void *arg)
{
	host_cpu = RACER;
	run_on(1);
	for (unsigned int n = 1; n <= RACES; n++) {
		meet(&starts, 2 * n - 1);
		pause_for(n % 97);
		entry_flushed = shootdown_enter(&s);
		meet(&ends, 2 * n - 1);
		meet(&starts, 2 * n); /* the other has looked */
		shootdown_exit(&s);
		(void)!shootdown_enter(&s); /* flushed for this generation at the latest here */
		shootdown_exit(&s);
		meet(&ends, 2 * n);
	}
	return NULL;
}

static void test_entry_and_bump_cannot_miss_each_other(void **state)
{
	unsigned int missed = 0, both[2] = { 0 };
	pthread_t cpu;

	assert_true(enter_as(RACER));
	exit_as(RACER);
	host_cpu = 0;
	run_on(0);
	starts = ends = 0;
	assert_int_equal(pthread_create(&cpu, NULL, racing_entry, NULL), 0);
	for (unsigned int n = 1; n <= RACES; n++) {
		unsigned int before = kicks[RACER];

		meet(&starts, 2 * n - 1);
		pause_for(n % 89);
		(void)shootdown_begin(&s);
		meet(&ends, 2 * n - 1);
		missed += !entry_flushed && kicks[RACER] == before;
		both[entry_flushed]++;
		meet(&starts, 2 * n);
		meet(&ends, 2 * n);
	}
	pthread_join(cpu, NULL);
	assert_int_equal(missed, 0);
	print_message("%u entries saw the bump, %u did not\n", both[1], both[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_first_entry_flushes, setup),
		cmocka_unit_test_setup(test_nobody_in_the_guest_nobody_kicked, setup),
		cmocka_unit_test_setup(test_who_is_in_the_guest_is_kicked_and_waited_for, setup),
		cmocka_unit_test_setup(test_several_generations_are_one_flush, setup),
		cmocka_unit_test_setup(test_a_silent_cpu_is_named_after_a_second, setup),
		cmocka_unit_test_setup(test_tables_are_given_back_after_their_own_shootdown, setup),
		cmocka_unit_test_setup(test_tables_stay_while_a_cpu_may_walk_them, setup),
		cmocka_unit_test_setup(test_sixty_four_cpus, setup),
		cmocka_unit_test_setup(test_nobody_waits_for_who_is_inside, setup),
		cmocka_unit_test_setup(test_tables_go_back_while_others_unmap, setup),
		cmocka_unit_test_setup(test_set_aside_is_not_given_back_early, setup),
		cmocka_unit_test_setup(test_who_may_try_again, setup),
		cmocka_unit_test_setup(test_a_cpu_that_never_answers, setup),
		cmocka_unit_test_setup(test_no_stale_translation_among_threads, setup),
		cmocka_unit_test_setup(test_entry_and_bump_cannot_miss_each_other, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
