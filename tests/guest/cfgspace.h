/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration space by its two doors, with nothing of the kernel in between: CF8/CFC (PCI Local Bus specification 3.0,
 * 3.2.2.3.2) and ECAM (PCI Express base specification 6.0, 7.2.2).
 */
#ifndef TESTS_GUEST_CFGSPACE_H
#define TESTS_GUEST_CFGSPACE_H

#include <sys/io.h>

#include "tests/guest/devmem.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_ENABLE 0x80000000u
#define CF8_TRIES 1000

/*
 * The kernel may use the two ports between our two instructions; it then leaves another address behind, which is seen and
 * the access repeated. (A write that went astray cannot be taken back, but the kernel rarely touches configuration space.)
 */
static inline uint32_t cf8_access(uint16_t bdf, unsigned int offset, unsigned int size, int writing, uint32_t value)
{
	uint32_t address = CONFIG_ENABLE | ((uint32_t)bdf << 8) | (offset & 0xfc);
	uint16_t port = (uint16_t)(CONFIG_DATA + (offset & 3));

	for (int tries = 0; tries < CF8_TRIES; tries++) {
		outl(address, CONFIG_ADDRESS);
		if (writing && size == 1)
			outb((uint8_t)value, port);
		else if (writing && size == 2)
			outw((uint16_t)value, port);
		else if (writing)
			outl(value, port);
		else
			value = size == 1 ? inb(port) : size == 2 ? inw(port) : inl(port);
		if (inl(CONFIG_ADDRESS) == address)
			return value;
	}
	fail("CF8 does not keep its value: 0x%x written", address);
}

/* Bytes from the start of an ECAM window that begins with bus 0. */
static inline uint64_t ecam_offset(uint16_t bdf, unsigned int offset)
{
	return ((uint64_t)bdf << 12) | offset;
}

#endif
