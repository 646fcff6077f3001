/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One access to configuration space.
 *
 *   cfgspace DOOR read SIZE BUS:DEVICE.FUNCTION OFFSET           DOOR: cf8 on x86, sysfs on arm64
 *   cfgspace DOOR write SIZE BUS:DEVICE.FUNCTION OFFSET VALUE
 *   cfgspace ecam=BASE read|write ...    the same through memory; BASE is that of bus 0, SIZE may be 8
 */
#include "tests/guest/cfgspace.h"

static uint16_t parse_bdf(const char *text)
{
	unsigned int bus, device, function;
	char rest;

	if (sscanf(text, "%2x:%2x.%1x%c", &bus, &device, &function, &rest) != 3 || device > 31 || function > 7)
		usage("'%s' is not BUS:DEVICE.FUNCTION as in 00:1f.0", text);
	return (uint16_t)(bus << 8 | device << 3 | function);
}

int main(int argc, char **argv)
{
	int writing = argc == 7 && strcmp(argv[2], "write") == 0;
	int by_door = argc > 1 && strcmp(argv[1], DOOR) == 0;
	uint64_t value = 0;

	if ((!writing && !(argc == 6 && strcmp(argv[2], "read") == 0)) ||
	    (!by_door && strncmp(argv[1], "ecam=", 5) != 0))
		usage("cfgspace " DOOR "|ecam=BASE read SIZE BDF OFFSET | write SIZE BDF OFFSET VALUE");
	unsigned int size = access_size(argv[3], by_door ? 4 : 8);
	uint16_t bdf = parse_bdf(argv[4]);
	unsigned int offset = (unsigned int)number(argv[5], "OFFSET", (by_door ? DOOR_SPACE : 4096) - 1);

	if (writing)
		value = number(argv[6], "VALUE", max_of(size));
	if (by_door) {
		door_open();
		value = door_access(bdf, offset, size, writing, (uint32_t)value);
	} else {
		uint64_t base = number(argv[1] + 5, "BASE", UINT64_MAX);
		volatile uint8_t *p = map_physical(base + ecam_offset(bdf, offset), size);

		if (writing)
			store(p, size, value);
		else
			value = load(p, size);
	}
	printf("%s=0x%llx\n", writing ? "written" : "value", (unsigned long long)value);
	return 0;
}
