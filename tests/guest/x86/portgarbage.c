/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bounded storm of port accesses that make no sense, the same for the same SEED: ports that Fairlead answers, all sizes, also as
 * strings. The guest may suffer; Fairlead must not.
 *
 *   portgarbage SEED COUNT
 *
 * Left out is only what would end the run by design: the machine's reset (port CF9) and power-off (SLP_EN of PM1_CNT),
 * and the serial port that the test listens to.
 */
#include "machine.h"

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
	unsigned long long count;

	if (argc != 3)
		usage("portgarbage SEED COUNT");
	state = number(argv[1], "SEED", UINT64_MAX);
	count = number(argv[2], "COUNT", 10000000);
	door_open();
	for (unsigned long long i = 0; i < count; i++)
		port_storm();
	printf("reads=%llu\nwrites=%llu\n", reads, writes);
	return 0;
}
