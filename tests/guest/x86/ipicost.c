/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ipicost COUNT: what an interrupt from a CPU to itself costs, sent as the kernel does in xAPIC mode: destination, then command, by the
 * local APIC's page (/dev/mem, iomem=relaxed). It arrives at once, with the kernel's handler and its EOI. For one CPU.
 *
 * Prints the ticks of the time-stamp counter for each, of the cheapest of many runs, so that the kernel's timer is not in them; with
 * run-qemu --icount a tick is an instruction. `arrived`: how many the kernel has counted, of `sent`.
 */
#include <x86intrin.h>

#include "tests/guest/devmem.h"

/* AMD64 APM vol. 2, table 16-2 and 16.5 */
#define APIC_PAGE 0xfee00000u
#define APIC_ID 0x20u
#define APIC_ICR 0x300u
#define APIC_ICR_HIGH 0x310u
#define ICR_PENDING 0x1000u
/* Linux's RESCHEDULE_VECTOR (arch/x86/include/asm/irq_vectors.h): its handler does nothing if there is nothing to do. */
#define VECTOR 0xfdu

#define BATCH 50
#define COUNT_MAX 1000000

static volatile uint32_t *apic;

/* Of the row RES of /proc/interrupts, all CPUs together. */
static unsigned long long arrived(void)
{
	FILE *file = fopen("/proc/interrupts", "re");
	unsigned long long sum = 0, count;
	char line[8192];

	while (file && fgets(line, sizeof(line), file)) {
		char *at = strstr(line, "RES:");
		int length;

		for (at = at ? at + strlen("RES:") : NULL; at && sscanf(at, "%llu%n", &count, &length) == 1; at += length)
			sum += count;
	}
	if (file)
		fclose(file);
	return sum;
}

static void send_to_self(uint32_t id)
{
	while (apic[APIC_ICR / 4] & ICR_PENDING)
		;
	apic[APIC_ICR_HIGH / 4] = id;
	apic[APIC_ICR / 4] = VECTOR;
}

static void nothing(uint32_t id)
{
	__asm__ volatile("" : : "r"(id) : "memory");
}

static unsigned long long ticks_of_batch(void (*fn)(uint32_t id), uint32_t id)
{
	unsigned long long start = __rdtsc();

	for (int i = 0; i < BATCH; i++)
		fn(id);
	return __rdtsc() - start;
}

static unsigned long long cheapest(void (*fn)(uint32_t id), uint32_t id, uint64_t batches)
{
	unsigned long long best = ~0ull;

	while (batches--) {
		unsigned long long ticks = ticks_of_batch(fn, id);

		if (ticks < best)
			best = ticks;
	}
	return best;
}

int main(int argc, char **argv)
{
	uint64_t batches;
	unsigned long long before, with, without;
	uint32_t id;

	if (argc != 2)
		usage("ipicost COUNT");
	batches = (number(argv[1], "COUNT", COUNT_MAX) + BATCH - 1) / BATCH;
	apic = (volatile uint32_t *)map_physical(APIC_PAGE, PAGE);
	id = apic[APIC_ID / 4] & 0xff000000u;
	before = arrived();
	without = cheapest(nothing, id, batches);
	with = cheapest(send_to_self, id, batches);
	printf("ticks=%llu\nsent=%llu\narrived=%llu\n", (with - without) / BATCH, (unsigned long long)batches * BATCH,
	       arrived() - before);
	return 0;
}
