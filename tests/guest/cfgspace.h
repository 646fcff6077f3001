/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration space by its two doors: ECAM (PCI Express base specification 6.0, 7.2.2), with nothing of the kernel in between, and
 * the machine's own, DOOR.
 */
#ifndef TESTS_GUEST_CFGSPACE_H
#define TESTS_GUEST_CFGSPACE_H

#include "machine.h"

#include "tests/guest/devmem.h"

/* Bytes from the start of an ECAM window that begins with bus 0. */
static inline uint64_t ecam_offset(uint16_t bdf, unsigned int offset)
{
	return ((uint64_t)bdf << 12) | offset;
}

#endif
