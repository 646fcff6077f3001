/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared console by several CPUs at once: two that log, with and without a lock held, the guest's writer and
 * its reader, the boot CPU with the timer and the monitor's line. Also under ThreadSanitizer (tools/stress.mk): the
 * fake 16550 is nobody's, so an access past the console's lock is seen as a race.
 */
#define CHIP_SENT (1 << 20)
#include "fake_uart.h"

#define LINES	    1500
#define GUEST_BYTES 20000
#include "console_threads.h"

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
