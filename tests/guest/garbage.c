/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bounded storm of accesses that make no sense, the same for the same SEED. The guest may suffer; Fairlead must not.
 *
 *   garbage cf8 SEED COUNT                    reads and writes of configuration space through the ports
 *   garbage ecam SEED COUNT BASE              the same through memory, any size and alignment
 *   garbage ports SEED COUNT                  ports that Fairlead answers, all sizes, also as strings
 *   garbage mmio SEED COUNT START END         memory that the guest does not own
 *
 * Left out is only what would end the run by design: the machine's reset (port CF9) and power-off (SLP_EN of PM1_CNT),
 * and the serial port that the test listens to.
 */
#include "tests/guest/cfgspace.h"

#define PM1_CONTROL 0x604
#define PM1_SLEEP_ENABLE 0x2000u
#define SMI_COMMAND 0xb2
#define STRING_UNITS 8u

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

static void cf8_storm(void)
{
	unsigned int size = 1u << below(3);
	unsigned int offset = (unsigned int)(below(256) & ~(uint64_t)(size - 1));
	int writing = (int)below(2);

	cf8_access(some_bdf(), offset, size, writing, (uint32_t)random_word(&state));
	*(writing ? &writes : &reads) += 1;
}

static void access_memory(uint64_t address)
{
	unsigned int size = 1u << below(4);
	volatile uint8_t *p = map_physical(address, size);

	if (below(2)) {
		store(p, size, random_word(&state));
		writes++;
	} else {
		load(p, size);
		reads++;
	}
	unmap_physical(p, size);
}

static void port_storm(void)
{
	/* Byte and word accesses from CFC up, dwords at both: CF9 alone is the reset register. */
	uint16_t port = (uint16_t)(CONFIG_DATA + below(4));
	uint32_t value = (uint32_t)random_word(&state);
	uint32_t strings[STRING_UNITS];

	switch (below(7)) {
	case 0:
		outl(value, CONFIG_ADDRESS);
		break;
	case 1:
		outb((uint8_t)value, port);
		break;
	case 2:
		outw((uint16_t)value, port); /* at CFF it runs past the last data port */
		break;
	case 3:
		insl(CONFIG_DATA, strings, STRING_UNITS);
		reads += STRING_UNITS;
		return;
	case 4:
		for (unsigned int i = 0; i < STRING_UNITS; i++)
			strings[i] = (uint32_t)random_word(&state);
		outsl(CONFIG_DATA, strings, STRING_UNITS);
		break;
	case 5:
		outw((uint16_t)(value & ~PM1_SLEEP_ENABLE), PM1_CONTROL);
		break;
	default:
		outb((uint8_t)value, SMI_COMMAND);
	}
	writes++;
}

int main(int argc, char **argv)
{
	const char *what = argc > 3 ? argv[1] : "";
	int wanted = strcmp(what, "cf8") == 0 || strcmp(what, "ports") == 0 ? 4 :
		strcmp(what, "ecam") == 0 ? 5 : strcmp(what, "mmio") == 0 ? 6 : 0;
	uint64_t start = 0, end = 0;

	if (argc != wanted)
		usage("garbage cf8|ports SEED COUNT | ecam SEED COUNT BASE | mmio SEED COUNT START END");
	state = number(argv[2], "SEED", UINT64_MAX);
	unsigned long long count = number(argv[3], "COUNT", 10000000);

	if (wanted > 4)
		start = number(argv[4], "START", UINT64_MAX);
	if (wanted > 5)
		end = number(argv[5], "END", UINT64_MAX);
	if (wanted == 6 && end < start + PAGE)
		usage("mmio: START a page or more below END");
	if (wanted == 4 && iopl(3))
		fail("iopl: %s", strerror(errno));

	for (unsigned long long i = 0; i < count; i++) {
		if (what[0] == 'c')
			cf8_storm();
		else if (what[0] == 'p')
			port_storm();
		else if (what[0] == 'e')
			access_memory(start + ecam_offset(some_bdf(), (unsigned int)below(4096 - 8)));
		else
			access_memory(start + below(end - start - 8));
	}
	printf("reads=%llu\nwrites=%llu\n", reads, writes);
	return 0;
}
