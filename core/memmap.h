/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's physical memory as a sorted list of ranges that do not overlap, made from the firmware's map.
 * Whatever is not in the list belongs to nobody.
 */
#ifndef CORE_MEMMAP_H
#define CORE_MEMMAP_H

#include "core/types.h"

enum mem_type {
	MEM_RAM,	  /* the guest's; the only kind that devices may reach by DMA */
	MEM_RESERVED,	  /* firmware's: reserved for the guest too; CPU access passes (ACPI tables refer to it) */
	MEM_ACPI_RECLAIM, /* ACPI tables; CPU access passes */
	MEM_ACPI_NVS,	  /* CPU access passes */
	MEM_FIRMWARE,	  /* EFI runtime code and data: reserved for the guest, not mapped */
	MEM_FAIRLEAD,	  /* ours: image, pools, tables. Never mapped for the guest or a device */
	MEM_CUT,	  /* RAM beyond memory=: reserved for the guest, not mapped */
	MEM_UNUSABLE,	  /* bad memory: not mapped */
};

struct mem_range {
	paddr_t base; /* bytes, 4 KiB aligned */
	u64 size;     /* bytes, 4 KiB aligned, not 0 */
	enum mem_type type;
};

#define MEMMAP_MAX 512

struct memmap {
	unsigned int count;
	struct mem_range range[MEMMAP_MAX]; /* ascending by base */
};

/*
 * Adds a range that overlaps nothing in the map, keeps the order, and merges with equal neighbours. base and
 * size 4 KiB aligned.
 * -EINVAL: unaligned, empty or wrapping. -EEXIST: overlaps. -ENOSPC: the map is full. Boot only.
 */
int MUST_CHECK memmap_add(struct memmap *map, paddr_t base, u64 size, enum mem_type type);
/*
 * Gives [base, base+size) another type wherever the map has memory there, splitting ranges. Holes stay holes.
 * -EINVAL, -ENOSPC as above. Boot only.
 */
int MUST_CHECK memmap_retype(struct memmap *map, paddr_t base, u64 size, enum mem_type type);
/* Turns RAM beyond the first `limit` bytes of RAM (counted, not by address) into MEM_CUT. Boot only. */
int MUST_CHECK memmap_limit_ram(struct memmap *map, u64 limit);
/* True if every byte of [base, base+size) is of that type. */
bool memmap_is(const struct memmap *map, paddr_t base, u64 size, enum mem_type type);
/* True if [base, base+size) touches any range of the map of any type. */
bool memmap_touches(const struct memmap *map, paddr_t base, u64 size);
u64 memmap_bytes(const struct memmap *map, enum mem_type type);
const char *mem_type_name(enum mem_type type);

#endif
