/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the programs about interrupts share: the kernel's own count of them, time, and marks that can be seen from outside.
 */
#ifndef TESTS_GUEST_INTERRUPTS_H
#define TESTS_GUEST_INTERRUPTS_H

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "machine.h"

#define LOST_ENOUGH 5 /* who has lost so many need not go on */

/* The sum over all CPUs of the lines of /proc/interrupts in which the text occurs. */
static inline uint64_t interrupts_of(const char *text)
{
	FILE *file = fopen("/proc/interrupts", "re");
	char line[4096];
	uint64_t sum = 0;

	if (!file)
		fail("/proc/interrupts: %s", strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		char *end, *at = strchr(line, ':');

		if (!at || !strstr(line, text))
			continue;
		for (at++;; at = end) {
			uint64_t count = strtoull(at, &end, 10);

			if (end == at)
				break;
			sum += count;
		}
	}
	fclose(file);
	return sum;
}

static inline uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/*
 * Marks are accesses that always exit (machine.h), `count` of them in a row: whoever logs exits from outside sees where a
 * measurement begins and ends, and that he sees each.
 */
static inline void marks_begin(void)
{
	exits_begin();
}

static inline void mark(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		exit_now();
}

#endif
