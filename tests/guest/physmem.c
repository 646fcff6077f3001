/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical memory as the CPU reaches it, through /dev/mem.
 *
 *   physmem read SIZE ADDRESS            one access of SIZE bytes
 *   physmem write SIZE ADDRESS VALUE
 *   physmem scan START END               reads 8 bytes at the start of each page: pages=, ones= (all bits set), other=
 *   physmem scribble START END VALUE     writes 8 bytes at the start of each page
 */
#include "tests/guest/devmem.h"

/* One page mapped at a time: the range may be gigabytes. */
static int each_page(uint64_t start, uint64_t end, int writing, uint64_t value)
{
	unsigned long long pages = 0, ones = 0, other = 0;

	if (start >= end || (start | end) & (PAGE - 1))
		usage("START below END, both multiples of a page");
	for (uint64_t address = start; address < end; address += PAGE, pages++) {
		volatile uint8_t *p = map_physical(address, PAGE);

		if (writing) {
			store(p, 8, value);
		} else if (load(p, 8) == UINT64_MAX) {
			ones++;
		} else if (other++ == 0) {
			printf("first_other=0x%llx\n", (unsigned long long)address);
		}
		unmap_physical(p, PAGE);
	}
	printf("pages=%llu\n", pages);
	if (!writing)
		printf("ones=%llu\nother=%llu\n", ones, other);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "read") == 0 && argc == 4) {
		unsigned int size = access_size(argv[2], 8);

		printf("value=0x%llx\n", (unsigned long long)load(map_physical(number(argv[3], "ADDRESS", UINT64_MAX),
									       size), size));
		return 0;
	}
	if (strcmp(what, "write") == 0 && argc == 5) {
		unsigned int size = access_size(argv[2], 8);
		uint64_t value = number(argv[4], "VALUE", max_of(size));

		store(map_physical(number(argv[3], "ADDRESS", UINT64_MAX), size), size, value);
		printf("written=0x%llx\n", (unsigned long long)value);
		return 0;
	}
	if (strcmp(what, "scan") == 0 && argc == 4)
		return each_page(number(argv[2], "START", UINT64_MAX), number(argv[3], "END", UINT64_MAX), 0, 0);
	if (strcmp(what, "scribble") == 0 && argc == 5)
		return each_page(number(argv[2], "START", UINT64_MAX), number(argv[3], "END", UINT64_MAX), 1,
				 number(argv[4], "VALUE", UINT64_MAX));
	usage("physmem read SIZE ADDRESS | write SIZE ADDRESS VALUE | scan START END | scribble START END VALUE");
}
