/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of the machine on several CPUs: one CPU's, the others stop, and what is said last is said, whoever has the
 * console's lock. Each case is a process of its own, because a machine ends once; its threads play CPUs. Also under
 * ThreadSanitizer (tools/stress.mk).
 */
#define CHIP_SENT (1 << 16)
#define arch_cpu_kick fake_uart_kick /* this test has its own */
#include "fake_uart.h"
#undef arch_cpu_kick

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/x86/cpus.h"
#include "core/console/lock.h"
#include "core/panic.h"
#include "core/stop.h"

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c */

#define SECONDS 20

static _Atomic unsigned int kicks[8], halted;

void arch_cpu_kick(unsigned int cpu)
{
	atomic_fetch_add(&kicks[cpu], 1);
}

/* The thread of a CPU that has stopped runs no further. */
static void halt(void)
{
	atomic_fetch_add(&halted, 1);
	pthread_exit(NULL);
}

static void expect_at(bool right, const char *what, int line)
{
	if (right)
		return;
	fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, line, what);
	_exit(1);
}
#define expect(x) expect_at(x, #x, __LINE__)

/* One case: passes if the process ends with 0. */
static void run(void (*body)(void))
{
	pid_t child = fork();
	int status;

	if (!child) {
		alarm(SECONDS); /* a deadlock ends it */
		fake_halt = halt;
		x86_cpus.count = 4;
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static pthread_t on_cpu(unsigned int cpu, void *(*fn)(void *cpu))
{
	pthread_t thread;

	expect(!pthread_create(&thread, NULL, fn, (void *)(uintptr_t)cpu));
	return thread;
}

static void await(_Atomic unsigned int *what, unsigned int value)
{
	while (atomic_load(what) != value)
		sched_yield();
}

/* ---- whose the end is ---- */

static _Atomic unsigned int came_back, winner;

static void *wants_the_end(void *cpu)
{
	host_cpu = (unsigned int)(uintptr_t)cpu;
	stop_others();
	atomic_fetch_add(&came_back, 1);
	atomic_store(&winner, host_cpu);
	expect(stop_mine() && !stop_wanted());
	stop_others(); /* a reset, in the panic */
	return NULL;
}

static void one_of_all(void)
{
	pthread_t thread[4];

	expect(!stop_wanted() && !stop_mine());
	for (unsigned int i = 0; i < 4; i++)
		thread[i] = on_cpu(i, wants_the_end);
	for (unsigned int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	expect(came_back == 1);
	expect(halted == 3);
	for (unsigned int i = 0; i < 4; i++)
		expect(kicks[i] == (i != winner));
	host_cpu = (winner + 1) % 4;
	expect(stop_wanted() && !stop_mine());
}

static void the_first_cpu_ends_the_machine(void **state)
{
	for (unsigned int i = 0; i < 10; i++)
		run(one_of_all);
}

/* ---- until the others have stopped ---- */

static void *comes_by(void *cpu)
{
	host_cpu = (unsigned int)(uintptr_t)cpu;
	await(&kicks[host_cpu], 1);
	stop_if_wanted();
	expect(false);
	return NULL;
}

static void all_stop(void)
{
	pthread_t thread[4];

	for (unsigned int i = 1; i < 4; i++)
		thread[i] = on_cpu(i, comes_by);
	stop_if_wanted(); /* nobody does */
	stop_others();
	stop_wait(); /* time stands still: it is not time that ends it */
	for (unsigned int i = 1; i < 4; i++)
		pthread_join(thread[i], NULL);
	expect(halted == 3);
}

static _Atomic bool waited;

static void *waits(void *cpu)
{
	host_cpu = 0;
	stop_others();
	stop_wait();
	atomic_store(&waited, true);
	return NULL;
}

/* Time passes until `waited`; returns how much. */
static u64 time_that_passes(void)
{
	u64 from = now_us;

	while (!atomic_load(&waited)) {
		now_us += 100;
		sched_yield();
	}
	return now_us - from;
}

static void two_of_three_stop(void)
{
	pthread_t thread = on_cpu(0, waits);
	pthread_t other[2] = { on_cpu(1, comes_by), on_cpu(3, comes_by) };

	pthread_join(other[0], NULL);
	pthread_join(other[1], NULL);
	expect(time_that_passes() >= STOP_WAIT_US);
	pthread_join(thread, NULL);
}

static void a_reset_waits_for_the_others_but_not_for_ever(void **state)
{
	run(all_stop);
	run(two_of_three_stop);
}

static void alone(void)
{
	x86_cpus.count = 0; /* early in boot */
	stop_others();
	stop_wait();
	expect(!kicks[0]);
}

static void a_single_cpu_waits_for_nobody(void **state)
{
	run(alone);
}

/* ---- the console ---- */

static _Atomic bool locked, give_back;

static void *holds_the_console(void *cpu)
{
	host_cpu = (unsigned int)(uintptr_t)cpu;
	console_lock();
	atomic_store(&locked, true);
	while (!atomic_load(&give_back))
		sched_yield();
	console_unlock();
	return NULL;
}

static bool is_free(void)
{
	return atomic_load(&console_spinlock.next) == atomic_load(&console_spinlock.serving);
}

static void expect_sent(const char *text)
{
	chip.sent[chip.sent_count] = '\0';
	expect(strcmp(chip.sent, text) == 0);
}

static void *logs_too(void *cpu)
{
	host_cpu = (unsigned int)(uintptr_t)cpu;
	log_info("of no interest any more");
	return NULL;
}

static void *speaks_last(void *cpu)
{
	host_cpu = 0;
	stop_others();
	log_error("panic: the last word");
	atomic_store(&waited, true);
	return NULL;
}

/* Who has the lock gives it back: until then nothing is said. */
static void in_turn(void)
{
	pthread_t holder = on_cpu(1, holds_the_console), thread;

	while (!locked)
		sched_yield();
	thread = on_cpu(0, speaks_last);
	await(&kicks[1], 1);
	for (unsigned int i = 0; i < 200; i++)
		sched_yield();
	expect(!waited);
	expect_sent("");
	give_back = true;
	pthread_join(thread, NULL);
	pthread_join(holder, NULL);
	expect_sent("fairlead: panic: the last word\r\n");
	console_lock(); /* and it is free again */
	console_unlock();
}

/* He does not: in the middle of a line, which is left where it is. */
static void past_who_hangs(void)
{
	pthread_t thread;

	(void)on_cpu(1, holds_the_console);
	while (!locked)
		sched_yield();
	thread = on_cpu(0, speaks_last);
	await(&kicks[1], 1);
	expect(time_that_passes() >= CONSOLE_WAIT_US);
	pthread_join(thread, NULL);
	expect_sent("fairlead: panic: the last word\r\n");
	/* Who comes now does not queue for it: he stops, and says so. */
	pthread_join(on_cpu(3, logs_too), NULL);
	expect(halted == 1);
	expect_sent("fairlead: panic: the last word\r\n");
}

static void the_last_word_waits_a_while_for_the_console(void **state)
{
	run(in_turn);
	run(past_who_hangs);
}

/* Whoever comes later, and whoever waited when the end began, stops instead, and leaves the lock free. */
static void others_are_silent(void)
{
	u16 first = atomic_load(&console_spinlock.next);
	pthread_t holder = on_cpu(1, holds_the_console), waiter, late;

	while (!locked)
		sched_yield();
	waiter = on_cpu(2, logs_too);
	while (atomic_load(&console_spinlock.next) != first + 2)
		sched_yield();
	stop_others();
	give_back = true;
	pthread_join(holder, NULL);
	pthread_join(waiter, NULL);
	expect(halted == 1);
	late = on_cpu(3, logs_too);
	pthread_join(late, NULL);
	expect(halted == 2);
	expect_sent("");
	log_error("panic: heard");
	expect_sent("fairlead: panic: heard\r\n");
	expect(is_free());
}

static void the_others_say_nothing_any_more(void **state)
{
	run(others_are_silent);
}

/* A machine check, or a fault of our own, while this CPU writes a line: THRE is read for each character. */
static unsigned int reads_until_check;

static bool check_in_the_middle(u16 port, u8 *value)
{
	if (port == COM1 + LSR && reads_until_check && !--reads_until_check) {
		log_error("machine check: bank 0");
		expect(!is_free()); /* the outer line's */
	}
	return chip_read(port, value);
}

static void line_in_a_line(void)
{
	u16 first = atomic_load(&console_spinlock.next);

	model_read = check_in_the_middle;
	reads_until_check = 60;
	log_info("a line that is cut in two");
	model_read = chip_read;
	chip.sent[chip.sent_count] = '\0';
	expect(strstr(chip.sent, "\r\nfairlead: error: machine check: bank 0\r\n"));
	expect(!strncmp(chip.sent, "fairlead: a", 10));
	/* It was given back once, at the end of the outer line. */
	expect(atomic_load(&console_spinlock.next) == first + 1 && is_free());
	log_info("and on");
	chip.sent[chip.sent_count] = '\0';
	expect(strstr(chip.sent, "\r\nfairlead: and on\r\n"));
	expect(atomic_load(&console_spinlock.next) == first + 2 && is_free());
}

static void no_cpu_waits_for_itself(void **state)
{
	run(line_in_a_line);
}

/* ---- the record of a panic, by several CPUs ---- */

static void *notes_errors(void *cpu)
{
	char line[32];

	host_cpu = (unsigned int)(uintptr_t)cpu;
	for (unsigned int i = 0; i < 10; i++) {
		int n = snprintf(line, sizeof(line), "cpu %u error %u", host_cpu, i);

		panic_note_line(LOG_ERROR, line, (size_t)n);
		sched_yield();
	}
	return NULL;
}

static unsigned int previous;

static void count_previous(enum log_level level, const char *line, size_t len)
{
	previous += strstr(line, "previous: cpu ") != NULL;
}

static void record_of_many(void)
{
	void *page = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
	pthread_t thread[3];

	memset(page, 0, PAGE_SIZE);
	panic_use_record(virt_to_phys(page));
	for (unsigned int i = 0; i < 3; i++)
		thread[i] = on_cpu(i + 1, notes_errors);
	panic_mark_record();
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	log_set_sink(count_previous);
	panic_show_previous();
	expect(previous == 30); /* 30 lines of 13 bytes: all fit, and the checksum does */
}

static void the_record_keeps_lines_of_several_cpus(void **state)
{
	for (unsigned int i = 0; i < 10; i++)
		run(record_of_many);
}

static int setup(void **state)
{
	return setup_with(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_first_cpu_ends_the_machine, setup),
		cmocka_unit_test_setup(a_reset_waits_for_the_others_but_not_for_ever, setup),
		cmocka_unit_test_setup(a_single_cpu_waits_for_nobody, setup),
		cmocka_unit_test_setup(the_last_word_waits_a_while_for_the_console, setup),
		cmocka_unit_test_setup(the_others_say_nothing_any_more, setup),
		cmocka_unit_test_setup(no_cpu_waits_for_itself, setup),
		cmocka_unit_test_setup(the_record_keeps_lines_of_several_cpus, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
