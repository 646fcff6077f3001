/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a lookup costs: pci_dev_find() and the put of what it found, in instructions at 4, 256 and 65,536
 * devices, and in time under contention, beside a variant that takes a leaf lock around a plain table in
 * place of the second check.
 *
 * Instructions are counted by single-stepping a child, so the figure is exact and the same on every run.
 * Times are of this host and say only which variant is better.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "core/pages.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/pci.h"

#define MEMORY	      ((size_t)192 << 20)
#define LOOPS	      400000u
#define THREADS_MAX   4u
#define DEVICES_MAX   65536u
#define ROUNDS	      5u /* of a timed measurement: the best one counts */

static const unsigned int counts[] = { 4, 256, 65536 };

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	abort();
}

/* ---- the variant with a leaf lock ---- */

static LOCK_CLASS(leaf_class, "leaf");
static struct spinlock leaf = SPINLOCK_INIT(leaf_class);
static struct pci_dev *table[DEVICES_MAX];

static struct pci_dev *find_locked(struct sbdf sbdf)
{
	struct pci_dev *dev;

	spin_lock(&leaf);
	dev = table[sbdf.bdf];
	if (dev && pci_dev_state(dev) == PCI_LIVE)
		pci_dev_get(dev, PCI_REF_TRANSIENT);
	else
		dev = NULL;
	spin_unlock(&leaf);
	return dev;
}

static struct pci_dev *find_free(struct sbdf sbdf)
{
	return pci_dev_find(sbdf);
}

typedef struct pci_dev *(*find_fn)(struct sbdf sbdf);

static bool __attribute__((noinline)) one_lookup(find_fn find, u16 bdf)
{
	struct pci_dev *dev = find((struct sbdf){ 0, bdf });

	if (dev)
		pci_dev_put(dev, PCI_REF_TRANSIENT);
	return dev;
}

/* ---- instructions ---- */

/* Instructions of one lookup, as executed: a child runs it, the parent steps it. */
static unsigned long count_instructions(find_fn find, u16 bdf)
{
	volatile int *counting =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long steps = 0;
	int status;
	pid_t child = fork();

	if (child == 0) {
		(void)one_lookup(find, bdf); /* the dynamic linker's work is done by the first call */
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		*counting = 1;
		(void)one_lookup(find, bdf);
		*counting = 0;
		_exit(0);
	}
	for (waitpid(child, &status, 0); WIFSTOPPED(status); waitpid(child, &status, 0)) {
		steps += *counting != 0;
		ptrace(PTRACE_SINGLESTEP, child, NULL, NULL);
	}
	munmap((void *)counting, 4096);
	return steps;
}

/* What one_lookup() itself and the frame of the measurement cost. */
static struct pci_dev *find_nothing(struct sbdf sbdf)
{
	(void)sbdf;
	return NULL;
}

/* ---- time ---- */

struct job {
	find_fn find;
	unsigned int devices, first, step;
	pthread_barrier_t *start;
	u64 found;
	double began, ended; /* nanoseconds */
};

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void *run_job(void *ctx)
{
	struct job *job = ctx;
	unsigned int at = job->first;

	pthread_barrier_wait(job->start);
	job->began = now_ns();
	for (unsigned int i = 0; i < LOOPS; i++) {
		job->found += one_lookup(job->find, (u16)at);
		at = (at + job->step) % job->devices;
	}
	job->ended = now_ns();
	return NULL;
}

/*
 * Nanoseconds a lookup, all threads together: from the first's start to the last's end, by lookups done.
 * `same`: all look for one device.
 */
static double time_once(find_fn find, unsigned int threads, unsigned int devices, bool same)
{
	pthread_t thread[THREADS_MAX];
	struct job job[THREADS_MAX];
	pthread_barrier_t start;
	double began = 0, ended = 0;

	pthread_barrier_init(&start, NULL, threads);
	for (unsigned int i = 0; i < threads; i++) {
		job[i] = (struct job){ find, devices, same ? 0 : i, same ? 0 : threads, &start, 0, 0, 0 };
		pthread_create(&thread[i], NULL, run_job, &job[i]);
	}
	for (unsigned int i = 0; i < threads; i++) {
		pthread_join(thread[i], NULL);
		if (job[i].found != LOOPS)
			panic("a device was not found\n");
		began = !i || job[i].began < began ? job[i].began : began;
		ended = job[i].ended > ended ? job[i].ended : ended;
	}
	pthread_barrier_destroy(&start);
	return (ended - began) / (LOOPS * threads);
}

static double time_lookups(find_fn find, unsigned int threads, unsigned int devices, bool same)
{
	double best = time_once(find, threads, devices, same);

	for (unsigned int i = 1; i < ROUNDS; i++) {
		double t = time_once(find, threads, devices, same);

		best = t < best ? t : best;
	}
	return best;
}

/* ---- the machine ---- */

static void add_devices(unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		struct pci_dev *dev = pci_dev_create((struct sbdf){ 0, (u16)i }, NULL);

		if (!dev)
			panic("device %u could not be made\n", i);
		pci_dev_publish(dev);
		table[i] = dev;
	}
}

int main(void)
{
	void *memory = aligned_alloc(SIZE_2M, MEMORY);
	unsigned long frame, hit, miss, locked;
	unsigned int made = 0;

	setvbuf(stdout, NULL, _IOLBF, 0); /* the children must not print it again */
	pages_init(virt_to_phys(memory), MEMORY);
	if (pci_objects_init(DEVICES_MAX))
		panic("no memory for %u objects\n", DEVICES_MAX);
	frame = count_instructions(find_nothing, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(counts); i++) {
		if (counts[i] < DEVICES_MAX) { /* with all 65,536 there is no address without a device */
			add_devices(made, counts[i]);
			made = counts[i];
			miss = count_instructions(find_free, (u16)counts[i]) - frame;
		} else {
			add_devices(made, counts[i]);
			miss = 0;
		}
		hit = count_instructions(find_free, (u16)(counts[i] - 1)) - frame;
		locked = count_instructions(find_locked, (u16)(counts[i] - 1)) - frame;
		printf("%6u devices: lookup and put %3lu instructions", counts[i], hit);
		if (miss)
			printf(", not found %3lu", miss);
		printf("; with a leaf lock %3lu\n", locked);
	}
	for (unsigned int threads = 1; threads <= THREADS_MAX; threads *= 2) {
		for (unsigned int same = 0; same < 2; same++)
			printf("%u threads, %s: %6.1f ns a lookup, with a leaf lock %6.1f ns\n", threads,
			       same ? "one device      " : "each its devices",
			       time_lookups(find_free, threads, 256, same),
			       time_lookups(find_locked, threads, 256, same));
	}
	return 0;
}
