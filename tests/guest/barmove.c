/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moves a device's memory back and forth while all other CPUs read at both addresses: once it has moved, nobody may find it at the
 * old one (a translation that is out of date), and everybody has to find it at the new one.
 *
 *   barmove ROUNDS DEVICE ADDRESS    BAR 0 of DEVICE (0000:00:05.0), 32 bits of address, to ADDRESS and back; the first dword of
 *                                    its memory is a number that never changes. Needs iomem=relaxed
 *
 * old=N: reads that found it at an address that it had left, missing=N: that did not find it where it was, odd=N: that were
 * something else. reads=N were between two moves, so that it was clear what they had to be.
 */
#define _GNU_SOURCE
#include "tests/guest/cpus.h"
#include "tests/guest/devmem.h"
#include "tests/guest/pcidev.h"

#define BAR0 0x10
#define BAR_FLAGS 0xfu

static volatile uint8_t *places[2];
static uint32_t identity, absent; /* what is read where it is, and where nothing is */
static _Atomic uint64_t moves; /* even: it is at places[moves / 2 % 2]; odd: it moves */
static volatile bool over;
static _Atomic uint64_t reads[CPUS], old, missing, odd, other;

static void look(struct cpu_thread *t)
{
	while (!over) {
		uint64_t before = moves;
		uint32_t seen[2] = { (uint32_t)load(places[0], 4), (uint32_t)load(places[1], 4) };
		unsigned int here = before / 2 % 2;

		for (int i = 0; i < 2; i++)
			if (seen[i] != identity && seen[i] != absent) { odd++; other = seen[i]; }
		if (before % 2 || moves != before)
			continue;
		reads[t->index]++;
		old += seen[!here] != absent;
		missing += seen[here] != identity;
	}
}

/* Nobody moves on before each of the others has looked. */
static void wait_for_looks(unsigned int others)
{
	uint64_t seen[CPUS];

	for (unsigned int i = 0; i < others; i++)
		seen[i] = reads[i];
	for (unsigned int i = 0; i < others; i++)
		while (reads[i] == seen[i])
			sched_yield();
}

static void move(int config, uint32_t to)
{
	uint32_t command = config_read(config, PCI_COMMAND, 2);

	moves++;
	config_write(config, PCI_COMMAND, 2, command & ~PCI_COMMAND_MEMORY);
	config_write(config, BAR0, 4, to);
	config_write(config, PCI_COMMAND, 2, command | PCI_COMMAND_MEMORY);
	moves++;
}

int main(int argc, char **argv)
{
	struct cpu_thread threads[CPUS];
	unsigned int cpus[CPUS], count = online_cpus(cpus);
	uint32_t addresses[2];
	uint64_t rounds, sum = 0;
	int config;

	if (argc != 4)
		usage("barmove ROUNDS DEVICE ADDRESS");
	if (count < 2)
		fail("one CPU has nobody to look");
	rounds = number(argv[1], "ROUNDS", 1000000);
	config = open_config(argv[2]);
	config_write(config, PCI_COMMAND, 2, config_read(config, PCI_COMMAND, 2) | PCI_COMMAND_MEMORY);
	addresses[0] = config_read(config, BAR0, 4) & ~BAR_FLAGS;
	addresses[1] = (uint32_t)number(argv[3], "ADDRESS", UINT32_MAX);
	for (int i = 0; i < 2; i++)
		places[i] = map_physical(addresses[i], PAGE);
	identity = (uint32_t)load(places[0], 4);
	absent = (uint32_t)load(places[1], 4);
	if (identity == absent)
		fail("%s: 0x%x here and there", argv[2], identity);
	run_on(cpus[0]);
	start_threads(threads, cpus + 1, count - 1, look);
	wait_for_looks(count - 1);
	for (uint64_t n = 1; n <= rounds * 2; n++) {
		move(config, addresses[n % 2]);
		wait_for_looks(count - 1);
	}
	over = true;
	join_threads(threads, count - 1);
	for (unsigned int i = 0; i < count - 1; i++)
		sum += reads[i];
	printf("cpus=%u\nmoves=%llu\nreads=%llu\nold=%llu\nmissing=%llu\nodd=%llu\nother=0x%llx\n", count, (unsigned long long)moves / 2,
	       (unsigned long long)sum, (unsigned long long)old, (unsigned long long)missing, (unsigned long long)odd, (unsigned long long)other);
	return 0;
}
