/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bounded storm of accesses that make no sense, the same for the same SEED. The guest may suffer; Fairlead must not.
 *
 *   garbage door SEED COUNT                   reads and writes of configuration space by the machine's own door (machine.h)
 *   garbage ecam SEED COUNT BASE              the same through memory
 *   garbage mmio SEED COUNT START END         memory that the guest does not own
 *
 * Sizes and alignment are any that the machine lets through to the device.
 */
#include "tests/guest/cfgspace.h"

static uint64_t state;
static unsigned long long reads, writes;

static uint64_t below(uint64_t limit)
{
	return random_word(&state) % limit;
}

/* Half of the time a function of bus 0, where devices are; else anywhere. */
static uint16_t some_bdf(void)
{
	return (uint16_t)(below(2) ? below(256) : below(65536));
}

static void door_storm(void)
{
	unsigned int size = 1u << below(3);
	unsigned int offset = (unsigned int)(below(DOOR_SPACE) & ~(uint64_t)(size - 1));
	int writing = (int)below(2);

	door_access(some_bdf(), offset, size, writing, (uint32_t)random_word(&state));
	*(writing ? &writes : &reads) += 1;
}

static void access_memory(uint64_t address)
{
	unsigned int size = 1u << below(4);
	volatile uint8_t *p;

	address -= address % DEVICE_ALIGNMENT(size);
	p = map_physical(address, size);

	if (below(2)) {
		store(p, size, random_word(&state));
		writes++;
	} else {
		load(p, size);
		reads++;
	}
	unmap_physical(p, size);
}

int main(int argc, char **argv)
{
	const char *what = argc > 3 ? argv[1] : "";
	int wanted = strcmp(what, "door") == 0 ? 4 :
		strcmp(what, "ecam") == 0 ? 5 : strcmp(what, "mmio") == 0 ? 6 : 0;
	uint64_t start = 0, end = 0;

	if (argc != wanted)
		usage("garbage door SEED COUNT | ecam SEED COUNT BASE | mmio SEED COUNT START END");
	state = number(argv[2], "SEED", UINT64_MAX);
	unsigned long long count = number(argv[3], "COUNT", 10000000);

	if (wanted > 4)
		start = number(argv[4], "START", UINT64_MAX);
	if (wanted > 5)
		end = number(argv[5], "END", UINT64_MAX);
	if (wanted == 6 && end < start + PAGE)
		usage("mmio: START a page or more below END");
	if (wanted == 4)
		door_open();

	for (unsigned long long i = 0; i < count; i++) {
		if (what[0] == 'd')
			door_storm();
		else if (what[0] == 'e')
			access_memory(start + ecam_offset(some_bdf(), (unsigned int)below(4096 - 8)));
		else
			access_memory(start + below(end - start - 8));
	}
	printf("reads=%llu\nwrites=%llu\n", reads, writes);
	return 0;
}
