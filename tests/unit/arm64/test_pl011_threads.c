/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared PL011 by several CPUs at once: two that log, with and without a lock held, the guest's writer
 * and its reader, the boot CPU with the interrupt, the timer and the monitor's line. Also under
 * ThreadSanitizer: the fake is nobody's, so an access past the console's lock is seen as a race; and so is
 * the emulated line, which the UART's lock keeps in order.
 */
#define CHIP_SENT (1 << 20)
#include "fake_pl011.h"

#define LINES	    800
#define GUEST_BYTES 8000
#include "tests/unit/console_threads.h"

static void *guest_writes(void *arg UNUSED)
{
	start(3);
	for (unsigned int sent = 0; sent < GUEST_BYTES; sent++) {
		if (sent % HALF == 0)
			out(IMSC, in(IMSC) ^ TX);
		out_wide(DR, 1, (u8)guest_alphabet[sent % 4]);
		exit_now();
	}
	out(IMSC, RX | RT);
	atomic_fetch_sub(&busy, 1);
	return NULL;
}

static char got[sizeof(typed)];

static void *guest_reads(void *arg UNUSED)
{
	unsigned int n = 0;

	start(4);
	while (n < sizeof(for_the_guest) - 1) {
		if (!(in(FR) & RXFE))
			got[n++] = (char)in(DR);
		(void)in(MIS);
		out(ICR, TX);
		exit_now();
		sched_yield();
	}
	atomic_fetch_sub(&busy, 1);
	return NULL;
}

/* Time passes here alone; the interrupt is the boot CPU's, and comes whether there is a reason or not. */
static void boot_cpu_until_all_are_done(void)
{
	start(0);
	while (atomic_load(&busy) || strcmp(command_lines, "one|two |") != 0) {
		now_us += 1000;
		gic.handler(SPI);
		exit_now();
		sched_yield();
	}
}

static void lines_stay_whole(void **state)
{
	pthread_t thread[LOGGERS + 2];

	chip_types(typed);
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
	/* The last word on the line is the last change: the fake has compared each with the one before. */
	assert_int_equal(line.level, in(MIS) != 0);
}

static int setup(void **state)
{
	return setup_with(1, &the_uart);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lines_stay_whole, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
