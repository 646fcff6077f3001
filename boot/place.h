/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding room for something among the ranges of free memory. Pure: the host tests it.
 */
#ifndef BOOT_PLACE_H
#define BOOT_PLACE_H

#include "core/memmap.h"

struct place_request {
	u64 size;	 /* bytes, a multiple of 4 KiB, not 0 */
	u64 alignment;	 /* a power of two, at least 4 KiB */
	paddr_t minimum; /* the lowest address it may begin at */
	paddr_t last;	 /* the highest address that its last byte may have */
	bool high;	 /* as high as possible instead of as low as possible */
};

/* Looks through the map's RAM. False: no room. */
bool place_find(const struct memmap *free, const struct place_request *request, paddr_t *base);

#endif
