/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Fairlead's own page table maps on every machine; the architecture adds its registers, guards its stacks and loads the table.
 * The invariant: nothing is both writable and executable. Boot; each returns 0 or the errno of pt_map().
 */
#ifndef CORE_OWN_MAP_H
#define CORE_OWN_MAP_H

#include "core/memmap.h"
#include "core/pagetable/pagetable.h"

/* The image: text with `text` (PT_READ | PT_EXEC, and what the architecture adds), constants to be read, data to be written. */
int MUST_CHECK own_map_image(struct pagetable *pt, unsigned int text);
/*
 * Everything else of Fairlead's, and what Fairlead may touch of the rest: the guest's RAM with `user` (PT_USER, where the table can
 * say so), and the ACPI tables. image: where the image is, which has rights of its own.
 */
int MUST_CHECK own_map_memory(struct pagetable *pt, const struct memmap *map, paddr_t image, u64 image_size, unsigned int user);
/* Device registers. Firmware may list a block as reserved memory or name one twice: mapping it once is enough. Size 0: nothing. */
int MUST_CHECK own_map_registers(struct pagetable *pt, paddr_t base, u64 size);
/* Those of configuration space and of the IOMMUs. */
int MUST_CHECK own_map_pci(struct pagetable *pt);
/* Whole pages, page by page, for a part may be there already. */
int MUST_CHECK own_map_more_registers(struct pagetable *pt, paddr_t base, u64 size);

#endif
