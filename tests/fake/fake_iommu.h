/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fake IOMMU behind the interface of drivers/iommu/iommu.h: one unit for everything. It keeps what
 * hardware keeps, an entry for each requester ID, and beside it caches of entries and translations that
 * hold on to old contents until an invalidation, so that a forgotten one lets a device through. Its
 * operations can be told to fail.
 *
 * Relaxed atomics only, no lock, for the reason that fake_threads.h gives. One file of a program defines
 * FAKE_IOMMU_HERE.
 */
#ifndef TESTS_FAKE_IOMMU_H
#define TESTS_FAKE_IOMMU_H

#include <string.h>

#include "core/errno.h"
#include "core/pagetable/pagetable.h"
#include "drivers/iommu/iommu.h"

#define FI_CACHED 16 /* translations that each domain's cache holds */

extern struct fake_iommu {
	struct iommu unit;
	_Atomic(struct iommu_domain *) entry[65536];	 /* in memory: what software wrote */
	_Atomic(struct iommu_domain *) cached[65536];	 /* in the hardware's context cache */
	_Atomic u64 iotlb[FI_CACHED];			 /* page | 1 of the guest's domain that was reached */
	_Atomic u64 attaches, blocks, invalidations, device_tlb_invalidations;
	_Atomic int fail_after; /* the n-th operation from now fails with -EIO; 0: none */
} fi;
#ifdef FAKE_IOMMU_HERE
struct fake_iommu fi;
#endif

static inline bool fi_fails(void)
{
	int left = atomic_load(&fi.fail_after);

	return left > 0 && atomic_fetch_sub(&fi.fail_after, 1) == 1;
}

static inline enum iommu_cover fi_covers(struct iommu *iommu, struct pci_dev *dev)
{
	(void)iommu;
	(void)dev;
	return IOMMU_COVERS_THE_REST;
}

static inline int fi_enable(struct iommu *iommu)
{
	(void)iommu;
	return 0;
}

static inline int fi_domain_init(struct iommu_domain *domain)
{
	int ret = pt_init(&domain->table, &pt_format_vtd_ss, 4, 1);

	domain->id = 1;
	domain->root = virt_to_phys(domain->table.root);
	domain->levels = domain->table.levels;
	return ret;
}

static inline int fi_attach(struct iommu *iommu, struct iommu_domain *domain, u16 bdf)
{
	struct iommu_domain *old = atomic_load_explicit(&fi.entry[bdf], memory_order_relaxed);

	(void)iommu;
	if (fi_fails())
		return -EIO;
	if (old)
		return old == domain ? 0 : -EBUSY;
	atomic_store_explicit(&fi.entry[bdf], domain, memory_order_relaxed);
	atomic_store_explicit(&fi.cached[bdf], NULL, memory_order_relaxed);
	atomic_fetch_add_explicit(&fi.attaches, 1, memory_order_relaxed);
	return 0;
}

static inline int fi_block(struct iommu *iommu, u16 bdf)
{
	(void)iommu;
	if (fi_fails())
		return -EIO;
	atomic_store_explicit(&fi.entry[bdf], NULL, memory_order_relaxed);
	atomic_store_explicit(&fi.cached[bdf], NULL, memory_order_relaxed); /* the entry's invalidation */
	atomic_fetch_add_explicit(&fi.blocks, 1, memory_order_relaxed);
	return 0;
}

static inline int fi_invalidate(struct iommu *iommu, struct iommu_domain *domain, u64 iova, u64 size)
{
	(void)iommu;
	(void)domain;
	(void)iova;
	(void)size;
	if (fi_fails())
		return -EIO;
	for (unsigned int i = 0; i < FI_CACHED; i++)
		atomic_store_explicit(&fi.iotlb[i], 0, memory_order_relaxed);
	atomic_fetch_add_explicit(&fi.invalidations, 1, memory_order_relaxed);
	return 0;
}

/* What hardware holds for that requester ID (software's entry, as the oracle asks for it). */
static inline bool fi_lookup(struct iommu *iommu, u16 bdf, paddr_t *root, u16 *domain_id)
{
	struct iommu_domain *domain = atomic_load_explicit(&fi.entry[bdf], memory_order_relaxed);

	(void)iommu;
	if (!domain)
		return false;
	*root = virt_to_phys(domain->table.root);
	*domain_id = domain->id;
	return true;
}

static inline int fi_device_tlb(struct iommu *iommu, u16 bdf, u64 iova, u64 size)
{
	(void)iommu;
	(void)bdf;
	(void)iova;
	(void)size;
	if (fi_fails())
		return -EIO;
	atomic_fetch_add_explicit(&fi.device_tlb_invalidations, 1, memory_order_relaxed);
	return 0;
}

static inline unsigned int fi_drain(struct iommu *iommu, unsigned int budget, iommu_fault_fn fn, void *ctx)
{
	(void)iommu;
	(void)budget;
	(void)fn;
	(void)ctx;
	return 0;
}

static inline bool fi_pending(struct iommu *iommu)
{
	(void)iommu;
	return false;
}

static inline void fi_message(struct iommu *iommu, u64 address, u32 data)
{
	(void)iommu;
	(void)address;
	(void)data;
}

static inline void fi_describe(struct iommu *iommu)
{
	(void)iommu;
}

/* A DMA by `bdf` to that page: does hardware let it through? What it found is cached, as hardware does. */
static inline bool fi_dma(u16 bdf, u64 iova)
{
	struct iommu_domain *domain = atomic_load_explicit(&fi.cached[bdf], memory_order_relaxed);
	_Atomic u64 *line = &fi.iotlb[(iova >> PAGE_SHIFT) % FI_CACHED];

	if (!domain) {
		domain = atomic_load_explicit(&fi.entry[bdf], memory_order_relaxed);
		if (!domain)
			return false;
		atomic_store_explicit(&fi.cached[bdf], domain, memory_order_relaxed);
		/*
		 * Hardware that reads an entry while it is cleared keeps at most what the invalidation then
		 * drops.
		 */
		if (!atomic_load_explicit(&fi.entry[bdf], memory_order_relaxed))
			atomic_store_explicit(&fi.cached[bdf], NULL, memory_order_relaxed);
	}
	if (atomic_load_explicit(line, memory_order_relaxed) == ((iova & PAGE_MASK) | 1))
		return true;
	if (pt_lookup(&domain->table, iova & PAGE_MASK, NULL, NULL, NULL))
		return false;
	atomic_store_explicit(line, (iova & PAGE_MASK) | 1, memory_order_relaxed);
	return true;
}

#endif
