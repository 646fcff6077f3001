/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest: which physical addresses it reaches and who answers the rest.
 *
 * vm_map_*() put pages in the guest's second-stage table. An access that misses the table arrives at
 * vm_mmio_access(): a registered region emulates it (ECAM, APIC page, GIC), otherwise nobody owns the address:
 * reads give all-ones, writes are dropped, both counted, logged once per page.
 */
#ifndef CORE_VM_H
#define CORE_VM_H

#include "core/lock.h"
#include "core/memmap.h"
#include "core/once.h"
#include "core/pagetable/pagetable.h"
#include "core/shootdown.h"
#include "drivers/iommu/iommu.h"

/*
 * size: 1, 2, 4, 8; the access does not cross the region's end. value: read fills it, zero-extended. Exit
 * path.
 */
typedef void (*vm_mmio_fn)(void *ctx, gpa_t gpa, unsigned int size, bool write, u64 *value);

/*
 * Registers that are trapped and move with the guest's BARs (vPCI). True: it has answered; false: the address
 * is not one of them. Arguments as above. Exit path, no lock held.
 */
typedef bool (*vm_trap_fn)(gpa_t gpa, unsigned int size, bool write, u64 *value);

struct vm_mmio_region {
	gpa_t base;
	u64 size;
	vm_mmio_fn fn;
	void *ctx;
	const char *name;
};

#define VM_MMIO_REGIONS 16
#define VM_LOGGED_PAGES 64

extern struct lock_class stage2_class; /* one of the page-table locks: only leaves may be taken under it */

struct vm {
	struct spinlock stage2_lock; /* of changes, and of software's looks (vm_lookup()); hardware reads without it */
	struct pagetable stage2;
	struct shootdown shootdown;
	u64 retired_at GUARDED_BY(stage2_class); /* generation when an unmap may last have emptied tables */
	void *aside GUARDED_BY(stage2_class);	 /* retired tables to which no others are added (vm.c) */
	u64 aside_at GUARDED_BY(stage2_class);
	struct iommu_domain dma;
	bool dma_on; /* false: iommu=off, or optional and absent */
	struct vm_mmio_region region[VM_MMIO_REGIONS];
	unsigned int regions;
	vm_trap_fn trap; /* asked when no region has the address; NULL: nobody. Written at boot */
	_Atomic u64 unowned_reads, unowned_writes;
	once_place logged_page[VM_LOGGED_PAGES];
};

extern struct vm guest; /* there is one */

/* An empty guest with a second-stage table of that format. Boot. -ENOMEM. */
int MUST_CHECK vm_init(struct vm *vm, const struct pt_format *format, unsigned int levels,
		       unsigned int max_leaf);
/*
 * The same by the width of guest-physical addresses (pt_init_input()), and with contiguous runs where the
 * format has them: then vm_set_live() is to come before the first entry. -EINVAL: the format has no such
 * width.
 */
int MUST_CHECK vm_init_input(struct vm *vm, const struct pt_format *format, unsigned int input_bits,
			     unsigned int max_leaf);
/*
 * CPUs walk the table from now on. flush_tlb: how all of them forget it, for CPUs that need break before make
 * (pagetable.h); it is called with stage2_lock held. NULL: they do not need it. Boot.
 */
void vm_set_live(struct vm *vm, void (*flush_tlb)(const struct pagetable *pt));
/*
 * Maps what the memory map grants the guest: CPU access for RAM, ACPI, NVS and reserved; DMA (if dma_on)
 * for RAM only. Boot.
 */
int MUST_CHECK vm_map_memory(struct vm *vm, const struct memmap *map);
/*
 * Device registers at gpa backed by hpa. Pages already mapped: -EEXIST. Needs no flush: what was absent is
 * not cached. Boot and exit path.
 */
int MUST_CHECK vm_map_mmio(struct vm *vm, gpa_t gpa, paddr_t hpa, u64 size, unsigned int prot);
/*
 * Takes it out of the table only: CPUs may still use it until a shoot-down that begins later is done.
 * Before the first entry there is nobody to shoot down.
 */
int MUST_CHECK vm_unmap_mmio(struct vm *vm, gpa_t gpa, u64 size);
/*
 * Starts to make every CPU forget what was unmapped before; returns what to wait for. Exit path; locks may
 * be held.
 */
u64 vm_shootdown(struct vm *vm);
/*
 * Waits for that, at most 1 s, and gives emptied tables back. 0; -ETIMEDOUT, logged: some CPU may still use
 * them. Exit path, no lock held.
 */
int MUST_CHECK vm_shootdown_wait(struct vm *vm, u64 generation);
/*
 * What the table says of an address now: pt_lookup() under stage2_lock. Without it a table could go back to
 * the pool while it is read, for a shoot-down does not wait for CPUs inside Fairlead. Exit path.
 */
int MUST_CHECK vm_lookup(struct vm *vm, gpa_t gpa, paddr_t *pa, unsigned int *prot);
/*
 * Does the table let the guest's CPUs at that address, now, for all of prot? Then an access that has missed
 * it is to be tried again: another CPU has mapped the page meanwhile, or this one went by a table that is
 * retired and not shot down yet. Exit path.
 */
bool vm_allows(struct vm *vm, gpa_t gpa, unsigned int prot);
/*
 * May a BAR of the guest stand there, as far as that is no architecture's: not memory, no IOMMU's registers,
 * no emulated region. Exit path.
 */
bool vm_may_map(const struct vm *vm, const struct memmap *map, gpa_t gpa, u64 size);
/* Boot. -ENOSPC; -EEXIST: overlaps another region. */
int MUST_CHECK vm_add_region(struct vm *vm, const struct vm_mmio_region *region);
/*
 * The answer to an access that the second-stage table did not satisfy. gpa..gpa+size within one page. Exit
 * path.
 */
void vm_mmio_access(struct vm *vm, gpa_t gpa, unsigned int size, bool write, u64 *value);

#endif
