/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread on each of the first N CPUs, all after the same locks of the kernel for a second each.
 *
 *   lockbench N      files=, futex=, pipe=, yield=: operations of all threads together
 *
 * files: dup() and close(), a spinlock that all threads of a process share (files_struct's). futex: a hash bucket's spinlock.
 * pipe: one byte in and out of one pipe, a mutex that sleeps and wakes. yield: each CPU's own lock, for comparison.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <sys/syscall.h>

#include "tests/guest/cpus.h"
#include "tests/guest/interrupts.h"

#define RUN_US 1000000u
#define BATCH 64

static volatile bool over;
static void (*operation)(void);
static int fds[2];
static uint32_t word;

static void files(void)
{
	int fd = dup(0);

	if (fd < 0)
		fail("dup: %s", strerror(errno));
	close(fd);
}

/* Nobody waits there: the bucket is locked, looked at, unlocked. */
static void futex(void)
{
	syscall(SYS_futex, &word, FUTEX_REQUEUE, 0, 1, &word, 0);
	syscall(SYS_futex, &word, FUTEX_WAIT, 1, NULL, NULL, 0);
}

static void pipe_byte(void)
{
	char byte = 0;

	if (write(fds[1], &byte, 1) != 1 || read(fds[0], &byte, 1) != 1)
		fail("pipe: %s", strerror(errno));
}

static void yield(void)
{
	sched_yield();
}

static void hammer(struct cpu_thread *t)
{
	while (!over) {
		for (int i = 0; i < BATCH; i++)
			operation();
		t->done += BATCH;
	}
}

static void measure(const char *name, void (*what)(void), const unsigned int *cpus, unsigned int n)
{
	struct cpu_thread threads[CPUS];
	uint64_t start, sum = 0;

	over = false;
	operation = what;
	start_threads(threads, cpus, n, hammer);
	start = now_us();
	usleep(RUN_US);
	over = true;
	join_threads(threads, n);
	start = now_us() - start;
	for (unsigned int i = 0; i < n; i++) {
		if (!threads[i].done)
			fail("%s: nothing was done on CPU %u", name, cpus[i]);
		sum += threads[i].done;
	}
	printf("%s=%llu\n", name, (unsigned long long)(sum * 1000000 / start));
}

int main(int argc, char **argv)
{
	unsigned int cpus[CPUS], count = online_cpus(cpus), n;

	if (argc != 2)
		usage("lockbench N");
	n = (unsigned int)number(argv[1], "N", count);
	if (!n)
		usage("N: at least 1");
	if (pipe(fds))
		fail("pipe: %s", strerror(errno));
	measure("files", files, cpus, n);
	measure("futex", futex, cpus, n);
	measure("pipe", pipe_byte, cpus, n);
	measure("yield", yield, cpus, n);
	return 0;
}
