/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts between CPUs, as the kernel sends them: a thread on each CPU, so that each of the process's CPUs has to be asked.
 *
 *   ipistorm SECONDS         membarrier() and changed mappings from all CPUs at once. Prints what was done, and by how much
 *                            each of the rows calls and rescheduling (and x86's TLB) of /proc/interrupts grew; the program itself sees whether a
 *                            page that was taken away is still there on another CPU (stale)
 *   ipistorm one COUNT       COUNT membarrier()s from the first CPU to a thread on the second, between marks that are seen from
 *                            outside (interrupts.h)
 */
#define _GNU_SOURCE
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tests/guest/cpus.h"
#include "tests/guest/interrupts.h"

#define MARKS 3
#define BATCH 16

static volatile bool over;
static unsigned int cpus[CPUS], count;

static void membarrier(int command)
{
	if (syscall(SYS_membarrier, command, 0, 0))
		fail("membarrier: %s", strerror(errno));
}

/*
 * Each CPU has a window, an address that shows one of two pages of a file, by turns; the page that is shown next gets its number
 * before, through a mapping that stays. Whoever sees less than what was current has an old translation.
 */
#define WINDOW_PAGES 2

static int file;
static uint8_t *whole;
static _Atomic uint64_t *windows[CPUS];
static _Atomic uint64_t current[CPUS];

static void show(unsigned int index, uint64_t version)
{
	off_t at = (off_t)((index * WINDOW_PAGES + version % WINDOW_PAGES) * PAGE);

	*(_Atomic uint64_t *)(whole + at) = version;
	if (mmap((void *)windows[index], PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, file, at) == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	current[index] = version;
}

static void storm(struct cpu_thread *t)
{
	uint64_t version = 0;

	while (!over) {
		for (int i = 0; i < BATCH; i++) {
			membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
			show(t->index, ++version);
			for (unsigned int other = 0; other < count; other++) {
				uint64_t least = current[other];

				t->wrong += *windows[other] < least;
			}
		}
		t->done += BATCH;
	}
}

static void idle(struct cpu_thread *t)
{
	(void)t;
	while (!over)
		;
}

static void one_to_one(uint64_t wanted)
{
	struct cpu_thread other;
	uint64_t before[CPUS], after[CPUS], start;

	if (count < 2)
		fail("one CPU has nobody to ask");
	run_on(cpus[0]);
	marks_begin();
	start_threads(&other, cpus + 1, 1, idle);
	usleep(10000);
	interrupts_by_cpu(CALL_ROW, before);
	start = now_us();
	mark(MARKS);
	for (uint64_t i = 0; i < wanted; i++)
		membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	mark(MARKS);
	start = now_us() - start;
	interrupts_by_cpu(CALL_ROW, after);
	over = true;
	join_threads(&other, 1);
	printf("ipis=%llu\nus=%llu\n", (unsigned long long)(after[1] - before[1]), (unsigned long long)start);
}

static void all_to_all(unsigned int seconds)
{
	static const char *const rows[] = { CALL_ROW, "TLB", RESCHEDULE_ROW }, *const names[] = { "CAL", "TLB", "RES" };
	uint64_t before[3][CPUS] = { { 0 } }, after[CPUS], done = 0, stale = 0;
	struct cpu_thread threads[CPUS];

	file = memfd_create("windows", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, (off_t)(count * WINDOW_PAGES * PAGE)))
		fail("memfd: %s", strerror(errno));
	whole = mmap(NULL, count * WINDOW_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	for (unsigned int i = 0; i < count; i++) {
		windows[i] = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		show(i, 0);
	}
	for (unsigned int r = 0; r < 3; r++)
		interrupts_by_cpu(rows[r], before[r]);
	start_threads(threads, cpus, count, storm);
	sleep(seconds);
	over = true;
	join_threads(threads, count);
	for (unsigned int r = 0; r < 3; r++) {
		uint64_t sum = 0;

		unsigned int positions = interrupts_by_cpu(rows[r], after);

		for (unsigned int i = 0; i < positions; i++)
			sum += after[i] - before[r][i];
		printf("%s=%llu\n", names[r], (unsigned long long)sum);
	}
	for (unsigned int i = 0; i < count; i++) {
		done += threads[i].done;
		stale += threads[i].wrong;
		if (!threads[i].done)
			fail("nothing was done on CPU %u", cpus[i]);
	}
	printf("cpus=%u\nrounds=%llu\nstale=%llu\n", count, (unsigned long long)done, (unsigned long long)stale);
}

int main(int argc, char **argv)
{
	count = online_cpus(cpus);
	membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	if (argc == 3 && strcmp(argv[1], "one") == 0)
		one_to_one(number(argv[2], "COUNT", 10000000));
	else if (argc == 2)
		all_to_all((unsigned int)number(argv[1], "SECONDS", 3600));
	else
		usage("ipistorm SECONDS | one COUNT");
	return 0;
}
