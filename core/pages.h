/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fairlead's memory: one contiguous block taken from the firmware at boot, handed out in zeroed 4 KiB
 * pages. What an exit needs comes from here, so its size is fixed before the guest starts and running out
 * is -ENOMEM (NULL), not a crash.
 */
#ifndef CORE_PAGES_H
#define CORE_PAGES_H

#include "core/types.h"

/* Boot, once. base and size in bytes, 4 KiB aligned, identity-mapped and writable. */
void pages_init(paddr_t base, u64 size);
/* One zeroed page, or NULL. Boot and exit path; takes the allocator's (leaf) lock. */
void *page_alloc(void);
/* Gives back a page that page_alloc() returned. Boot and exit path. */
void page_free(void *page);
/*
 * count zeroed, physically contiguous pages, aligned to `align` bytes (a power of two, at least 4096), or
 * NULL. Boot only; never given back.
 */
void *pages_alloc_contig(u64 count, u64 align);
u64 pages_left(void);

#endif
