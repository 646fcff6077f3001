/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest: which physical addresses it reaches and who answers the rest.
 *
 * vm_map_*() put pages in the guest's second-stage table. An access that misses the table arrives at vm_mmio_access(): a
 * registered region emulates it (ECAM, APIC page), otherwise nobody owns the address: reads give all-ones, writes are dropped,
 * both counted, logged once per page.
 */
#ifndef CORE_VM_H
#define CORE_VM_H

#include "core/memmap.h"
#include "core/pagetable/pagetable.h"
#include "drivers/iommu/iommu.h"

/* size: 1, 2, 4, 8; the access does not cross the region's end. value: read fills it, zero-extended. Exit path. */
typedef void (*vm_mmio_fn)(void *ctx, gpa_t gpa, unsigned int size, bool write, u64 *value);

struct vm_mmio_region {
	gpa_t base;
	u64 size;
	vm_mmio_fn fn;
	void *ctx;
	const char *name;
};

#define VM_MMIO_REGIONS 16
#define VM_LOGGED_PAGES 64

struct vm {
	struct pagetable stage2;
	struct iommu_domain dma;
	bool dma_on; /* false: iommu=off, or optional and absent */
	struct vm_mmio_region region[VM_MMIO_REGIONS];
	unsigned int regions;
	bool stage2_changed; /* set by map/unmap; the architecture flushes before the next entry, then calls vm_flushed() */
	u64 unowned_reads, unowned_writes;
	gpa_t logged_page[VM_LOGGED_PAGES];
	unsigned int logged_pages;
};

extern struct vm guest; /* there is one */

/* An empty guest with a second-stage table of that format. Boot. -ENOMEM. */
int MUST_CHECK vm_init(struct vm *vm, const struct pt_format *format, unsigned int levels, unsigned int max_leaf);
/* Maps what the memory map grants the guest: CPU access for RAM, ACPI, NVS and reserved; DMA (if dma_on) for RAM only. Boot. */
int MUST_CHECK vm_map_memory(struct vm *vm, const struct memmap *map);
/* Device registers at gpa backed by hpa. Pages already mapped: -EEXIST. Boot and exit path. */
int MUST_CHECK vm_map_mmio(struct vm *vm, gpa_t gpa, paddr_t hpa, u64 size, unsigned int prot);
int MUST_CHECK vm_unmap_mmio(struct vm *vm, gpa_t gpa, u64 size);
/* Boot. -ENOSPC; -EEXIST: overlaps another region. */
int MUST_CHECK vm_add_region(struct vm *vm, const struct vm_mmio_region *region);
/* The answer to an access that the second-stage table did not satisfy. gpa..gpa+size within one page. Exit path. */
void vm_mmio_access(struct vm *vm, gpa_t gpa, unsigned int size, bool write, u64 *value);
/* The architecture has flushed: emptied tables may be used again. */
void vm_flushed(struct vm *vm);

#endif
