/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Would a reader-writer lock pay? Sections as short as the tree's (one step along a list) under the ticket
 * spinlock of core/lock.c and under a fair ticket reader-writer lock that exists only here, readers alone,
 * on 1, 2 and 4 threads.
 *
 * Figures are of this host: nanoseconds of CPU time a section, waiting included, the median of several
 * rounds. CPU time, because it hardly depends on what else the host does. Under a lock that lets readers
 * work side by side for free, the figure would not grow with the threads.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/arch.h"
#include "core/lock.h"

#define THREADS_MAX 4u
#define ROUNDS 7u
#define ROUND_NS 50000000u
#define BATCH 256u
#define NODES 16u
#define SPINS_BEFORE_YIELD 200u

/* With more threads than CPUs the one whose turn it is may not be running. */
void arch_cpu_relax(void)
{
	static _Thread_local unsigned int spins;

	if (++spins % SPINS_BEFORE_YIELD == 0)
		sched_yield();
	__builtin_ia32_pause();
}

/*
 * Fair: readers and writers enter in the order of their tickets. A reader passes the turn on as soon as it
 * is in, so the next one may join; a writer waits until those before it have left.
 */
struct ticket_rwlock {
	_Atomic u32 next, read_turn, write_turn;
};

static void read_lock(struct ticket_rwlock *lock)
{
	u32 ticket = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);

	while (atomic_load_explicit(&lock->read_turn, memory_order_acquire) != ticket)
		arch_cpu_relax();
	atomic_store_explicit(&lock->read_turn, ticket + 1, memory_order_release);
}

static void read_unlock(struct ticket_rwlock *lock)
{
	atomic_fetch_add_explicit(&lock->write_turn, 1, memory_order_release);
}

static void write_lock(struct ticket_rwlock *lock)
{
	u32 ticket = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);

	while (atomic_load_explicit(&lock->write_turn, memory_order_acquire) != ticket)
		arch_cpu_relax();
}

static void write_unlock(struct ticket_rwlock *lock)
{
	u32 ticket = atomic_load_explicit(&lock->write_turn, memory_order_relaxed);

	atomic_store_explicit(&lock->read_turn, ticket + 1, memory_order_release);
	atomic_store_explicit(&lock->write_turn, ticket + 1, memory_order_release);
}

static LOCK_CLASS(bench_class, "bench");
static struct spinlock spin ALIGNED(64) = SPINLOCK_INIT(bench_class);
static struct ticket_rwlock rw ALIGNED(64);

/* What a section looks at: one step of a list, as of owners, of BAR ranges, of ATS devices. */
static struct node {
	struct node *next;
	u64 key, value;
} nodes[NODES] ALIGNED(64);

static u64 step(struct node **at)
{
	struct node *node = *at;
	u64 found = node->key & 1 ? node->value : node->key;

	*at = node->next;
	return found;
}

enum kind { NONE, SPIN, READ, WRITE, KINDS };
static const char *const names[KINDS] = { "no lock", "spinlock", "rwlock, readers", "rwlock, writers" };

struct run {
	enum kind kind;
	unsigned int threads;
	_Atomic unsigned int ready;
	_Atomic bool stop;
	_Atomic u64 sections, sum;
	_Atomic u64 cpu_ns;
};

static u64 now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (u64)now.tv_sec * 1000000000u + (u64)now.tv_nsec;
}

/* So many sections between two looks at the clock. */
static u64 batch(enum kind kind, struct node **at)
{
	u64 sum = 0;

	for (unsigned int i = 0; i < BATCH; i++) {
		if (kind == SPIN)
			spin_lock(&spin);
		else if (kind == READ)
			read_lock(&rw);
		else if (kind == WRITE)
			write_lock(&rw);
		sum += step(at);
		__asm__ volatile("" : "+r"(sum) : : "memory");
		if (kind == SPIN)
			spin_unlock(&spin);
		else if (kind == READ)
			read_unlock(&rw);
		else if (kind == WRITE)
			write_unlock(&rw);
	}
	return sum;
}

/* All begin together; the first to come keeps the time. */
static void *worker(void *arg)
{
	struct run *run = arg;
	bool first = atomic_fetch_add(&run->ready, 1) == 0;
	struct node *at = &nodes[0];
	u64 sections = 0, sum = 0, start, cpu_start;

	while (atomic_load(&run->ready) < run->threads)
		sched_yield();
	start = now_ns(CLOCK_MONOTONIC);
	cpu_start = now_ns(CLOCK_THREAD_CPUTIME_ID);
	while (!atomic_load_explicit(&run->stop, memory_order_relaxed)) {
		sum += batch(run->kind, &at);
		sections += BATCH;
		if (first && now_ns(CLOCK_MONOTONIC) - start > ROUND_NS)
			atomic_store(&run->stop, true);
	}
	atomic_fetch_add(&run->cpu_ns, now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_start);
	atomic_fetch_add(&run->sections, sections);
	atomic_fetch_add(&run->sum, sum);
	return NULL;
}

static double measure_once(enum kind kind, unsigned int threads)
{
	struct run run = { .kind = kind, .threads = threads };
	pthread_t thread[THREADS_MAX];

	for (unsigned int i = 0; i < threads; i++) {
		if (pthread_create(&thread[i], NULL, worker, &run)) {
			perror("pthread_create");
			exit(1);
		}
	}
	for (unsigned int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	return (double)run.cpu_ns / (double)run.sections;
}

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double measure(enum kind kind, unsigned int threads)
{
	double ns[ROUNDS];

	for (unsigned int i = 0; i < ROUNDS; i++)
		ns[i] = measure_once(kind, threads);
	qsort(ns, ROUNDS, sizeof(ns[0]), ascending);
	return ns[ROUNDS / 2];
}

int main(void)
{
	static const unsigned int threads[] = { 1, 2, 4 };

	for (unsigned int i = 0; i < NODES; i++)
		nodes[i] = (struct node){ .next = &nodes[(i + 5) % NODES], .key = i, .value = i * i };
	printf("%ld CPUs\nCPU ns a section  1 thread  2 threads  4 threads\n", sysconf(_SC_NPROCESSORS_ONLN));
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		printf("%-16s", names[kind]);
		for (unsigned int i = 0; i < ARRAY_SIZE(threads); i++)
			printf("%10.1f", measure((enum kind)kind, threads[i]));
		printf("\n");
	}
	return 0;
}
