/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical addresses through /dev/mem. The kernel lets us only where it has no RAM of its own, and only with
 * iomem=relaxed on its command line.
 */
#ifndef TESTS_GUEST_DEVMEM_H
#define TESTS_GUEST_DEVMEM_H

#include <fcntl.h>
#include <sys/mman.h>

#include "tests/guest/guest.h"

/* Maps [address, address + size) and returns a pointer to its first byte; ends the program when that fails. */
static inline volatile uint8_t *map_physical(uint64_t address, uint64_t size)
{
	static int fd = -1;
	uint64_t base = address & ~(uint64_t)(PAGE - 1);
	uint64_t length = (address + size - base + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	void *p;

	if (size == 0 || address + size < address)
		usage("0x%llx + 0x%llx: an empty range, or one that wraps", (unsigned long long)address,
		      (unsigned long long)size);
	if (fd < 0)
		fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	if (fd < 0)
		fail("/dev/mem: %s", strerror(errno));
	p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)base);
	if (p == MAP_FAILED)
		fail("/dev/mem at 0x%llx: %s", (unsigned long long)base, strerror(errno));
	return (volatile uint8_t *)p + (address - base);
}

/* Takes back a mapping of map_physical(). */
static inline void unmap_physical(volatile uint8_t *p, uint64_t size)
{
	uintptr_t first = (uintptr_t)p & ~(uintptr_t)(PAGE - 1);

	munmap((void *)first, (uintptr_t)p + size - first);
}

#endif
