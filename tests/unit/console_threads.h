/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tests of the shared console by several threads have in common, whatever the UART is: who logs, what
 * is typed, and what the terminal may show. Included behind the fake UART (`chip`), with LINES and
 * GUEST_BYTES defined.
 */
#ifndef TESTS_CONSOLE_THREADS_H
#define TESTS_CONSOLE_THREADS_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "core/lock.h"

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c */

#define ESCAPES "\x01\x01\x01"
#define LOGGERS 2
#define SECONDS 120

/* Only the guest writes these; all else is Fairlead's. */
static const char guest_alphabet[] = "#$%&";
static const char typed[] = "first for the guest\r" ESCAPES "one\r" ESCAPES "between\r" ESCAPES
			    "two x\b\r" ESCAPES "last";
static const char for_the_guest[] = "first for the guest\rbetween\rlast";

static LOCK_CLASS(leaf_class, "a_leaf");
static struct spinlock leaf LEAF_LOCK = SPINLOCK_INIT(leaf_class);

static _Atomic unsigned int busy;
static pthread_barrier_t barrier;

static void start(unsigned int cpu)
{
	host_cpu = cpu;
	pthread_barrier_wait(&barrier);
}

static void *logs(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg;

	start(cpu);
	for (unsigned int i = 0; i < LINES; i++) {
		bool held = i % 3 == 0;

		if (held)
			spin_lock(&leaf);
		log_info("cpu %u says line %u to the end", cpu, i);
		if (held)
			spin_unlock(&leaf);
		exit_now();
	}
	atomic_fetch_sub(&busy, 1);
	return NULL;
}

/* ---- what the terminal shows ---- */

static unsigned int next_line[LOGGERS + 1];
static unsigned int guest_bytes;

static bool is_guests(char c)
{
	return c && strchr(guest_alphabet, c);
}

/* Everything between two line ends is one writer's, and a line of Fairlead's is whole. */
static void judge_line(const char *text, size_t len)
{
	unsigned int cpu, number;
	char whole[128], copy[256];

	if (len && is_guests(text[0])) {
		for (size_t i = 0; i < len; i++)
			assert_int_equal(text[i], guest_alphabet[guest_bytes++ % 4]);
		return;
	}
	assert_true(len < sizeof(copy));
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (sscanf(copy, "fairlead: cpu %u says line %u to", &cpu, &number) == 2) {
		snprintf(whole, sizeof(whole), "fairlead: cpu %u says line %u to the end", cpu, number);
		assert_string_equal(copy, whole);
		assert_true(cpu >= 1 && cpu <= LOGGERS);
		assert_int_equal(number, next_line[cpu]++);
		return;
	}
	assert_true(!len || strncmp(copy, "fairlead: monitor: the keyboard is ", 35) == 0 ||
		    strncmp(copy, "(fairlead) ", 11) == 0);
	for (size_t i = 0; i < len; i++)
		assert_false(is_guests(copy[i]));
}

static void judge_terminal(void)
{
	unsigned int from = 0;

	assert_true(chip.sent_count < CHIP_SENT - 1);
	for (unsigned int i = 0; i <= chip.sent_count; i++) {
		if (i < chip.sent_count && chip.sent[i] != '\r' && chip.sent[i] != '\n')
			continue;
		judge_line(chip.sent + from, i - from);
		from = i + 1;
	}
	assert_int_equal(guest_bytes, GUEST_BYTES);
	for (unsigned int cpu = 1; cpu <= LOGGERS; cpu++)
		assert_int_equal(next_line[cpu], LINES);
	assert_int_equal(chip.lost, 0);
}

#endif
