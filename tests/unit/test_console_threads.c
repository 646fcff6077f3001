/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared console by several CPUs at once: two that log, with and without a lock held, the guest's writer and
 * its reader, the boot CPU with the timer and the monitor's line. Also under ThreadSanitizer (tools/stress.mk): the
 * fake 16550 is nobody's, so an access past the console's lock is seen as a race.
 */
#define CHIP_SENT (1 << 20)
#include "fake_uart.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "core/lock.h"

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c */

#define ESCAPES	    "\x01\x01\x01"
#define LOGGERS	    2
#define LINES	    1500
#define GUEST_BYTES 20000
#define SECONDS	    120

/* Only the guest writes these; all else is Fairlead's. */
static const char guest_alphabet[] = "#$%&";
static const char typed[] = "first for the guest\r" ESCAPES "one\r" ESCAPES "between\r" ESCAPES "two x\b\r" ESCAPES
			    "last";
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

/* Waits for room as a driver does, then fills the FIFO without looking again. */
static void *guest_writes(void *arg)
{
	unsigned int sent = 0;

	start(3);
	while (sent < GUEST_BYTES) {
		if (!(in(LSR) & LSR_THRE))
			continue;
		for (unsigned int i = 0; i < FIFO && sent < GUEST_BYTES; i++, sent++)
			out(THR, (u8)guest_alphabet[sent % 4]);
		exit_now();
	}
	atomic_fetch_sub(&busy, 1);
	return NULL;
}

static char got[sizeof(typed)];

static void *guest_reads(void *arg)
{
	unsigned int n = 0;

	start(4);
	while (n < sizeof(for_the_guest) - 1) {
		out(IER, n % 2 ? 0x07 : 0x05);
		(void)in(IIR);
		if (in(LSR) & LSR_DR)
			got[n++] = (char)in(RBR);
		exit_now();
		sched_yield();
	}
	atomic_fetch_sub(&busy, 1);
	return NULL;
}

/* Time passes here alone. */
static void boot_cpu_until_all_are_done(void)
{
	start(0);
	while (atomic_load(&busy) || strcmp(command_lines, "one|two |") != 0) {
		now_us += 1000;
		exit_now();
		sched_yield();
	}
}

/* ---- what the terminal shows ---- */

static unsigned int next_line[LOGGERS + 1];
static unsigned int guest_bytes;

static bool is_guests(char c)
{
	return c && strchr(guest_alphabet, c);
}

/* Everything between two line ends is one writer's, and a line of Fairlead's is whole. */
static void judge_line(const char *line, size_t len)
{
	unsigned int cpu, number;
	char whole[128], copy[256];

	if (len && is_guests(line[0])) {
		for (size_t i = 0; i < len; i++)
			assert_int_equal(line[i], guest_alphabet[guest_bytes++ % 4]);
		return;
	}
	assert_true(len < sizeof(copy));
	memcpy(copy, line, len);
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

static void lines_stay_whole(void **state)
{
	pthread_t thread[LOGGERS + 2];

	log_set_level(LOG_INFO);
	chip_types(typed);
	out(FCR, 0x01);
	atomic_store(&busy, LOGGERS + 2);
	alarm(SECONDS); /* a deadlock ends the test */
	pthread_barrier_init(&barrier, NULL, LOGGERS + 3);
	for (unsigned int i = 0; i < LOGGERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, logs, (void *)(uintptr_t)(i + 1)), 0);
	assert_int_equal(pthread_create(&thread[LOGGERS], NULL, guest_writes, NULL), 0);
	assert_int_equal(pthread_create(&thread[LOGGERS + 1], NULL, guest_reads, NULL), 0);
	boot_cpu_until_all_are_done();
	for (unsigned int i = 0; i < LOGGERS + 2; i++)
		pthread_join(thread[i], NULL);
	alarm(0);
	judge_terminal();
	assert_string_equal(got, for_the_guest);
}

static int setup(void **state)
{
	return setup_with(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lines_stay_whole, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
