/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the programs for several CPUs share: who is online, a thread on each CPU, interrupts by CPU.
 */
#ifndef TESTS_GUEST_CPUS_H
#define TESTS_GUEST_CPUS_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <unistd.h>

#include "tests/guest/guest.h"

#define CPUS 64

/* Puts the numbers of the CPUs that are online in cpus[CPUS]; returns how many. */
static inline unsigned int online_cpus(unsigned int *cpus)
{
	FILE *file = fopen("/sys/devices/system/cpu/online", "re");
	unsigned int first, last, n = 0;

	if (!file)
		fail("/sys/devices/system/cpu/online: %s", strerror(errno));
	while (fscanf(file, "%u", &first) == 1) { /* as in 0-1,3 */
		int next = fgetc(file);

		last = first;
		if (next == '-') {
			if (fscanf(file, "%u", &last) != 1)
				break;
			next = fgetc(file);
		}
		for (; first <= last && n < CPUS; first++)
			cpus[n++] = first;
		if (next != ',')
			break;
	}
	fclose(file);
	return n;
}

/* The calling thread runs on that CPU and on no other, from the return on. */
static inline void run_on(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("CPU %u: %s", cpu, strerror(errno));
	if (sched_getcpu() != (int)cpu)
		fail("CPU %u: this is CPU %d", cpu, sched_getcpu());
}

struct cpu_thread {
	pthread_t thread;
	unsigned int cpu, index; /* index: 0, 1, ... in the order of the CPUs */
	void (*fn)(struct cpu_thread *t);
	uint64_t done, wrong;	 /* what fn counts */
};

static inline void *cpu_thread_start(void *arg)
{
	struct cpu_thread *t = arg;

	run_on(t->cpu);
	t->fn(t);
	return NULL;
}

/* Starts a thread on each of the CPUs. */
static inline void start_threads(struct cpu_thread *threads, const unsigned int *cpus, unsigned int count,
				 void (*fn)(struct cpu_thread *t))
{
	for (unsigned int i = 0; i < count; i++) {
		threads[i] = (struct cpu_thread){ .cpu = cpus[i], .index = i, .fn = fn };
		if (pthread_create(&threads[i].thread, NULL, cpu_thread_start, &threads[i]))
			fail("no thread for CPU %u", cpus[i]);
	}
}

static inline void join_threads(struct cpu_thread *threads, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		pthread_join(threads[i].thread, NULL);
}

/*
 * The row of /proc/interrupts that begins with "NAME:", by position among the CPUs that are online. Returns how many positions
 * there are; 0: no such row.
 */
static inline unsigned int interrupts_by_cpu(const char *name, uint64_t *counts)
{
	FILE *file = fopen("/proc/interrupts", "re");
	char line[4096];
	unsigned int n = 0;

	if (!file)
		fail("/proc/interrupts: %s", strerror(errno));
	while (!n && fgets(line, sizeof(line), file)) {
		char *end, *at = line + strspn(line, " ");

		if (strncmp(at, name, strlen(name)) != 0 || at[strlen(name)] != ':')
			continue;
		for (at += strlen(name) + 1; n < CPUS; at = end, n++) {
			counts[n] = strtoull(at, &end, 10);
			if (end == at)
				break;
		}
	}
	fclose(file);
	return n;
}

#endif
