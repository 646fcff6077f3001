/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is common to all IOMMUs: the list of units, domains, and the report of faults.
 */
#include "drivers/iommu/internal.h"

#include "core/counters.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/trace.h"

#define RESERVED_MAX 64

LOCK_CLASS(iommu_domain_class, "iommu_domain");

static struct iommu *units; /* written at boot; in order of registration */
static struct iommu_reserved reserved[RESERVED_MAX];
static unsigned int reserved_count;
static paddr_t doorbell;

void iommu_register(struct iommu *iommu)
{
	struct iommu **end = &units;

	while (*end)
		end = &(*end)->next;
	if (!units)
		iommu_attachments_forget();
	iommu->next = NULL;
	atomic_store(&iommu->turn, false);
	iommu_ats_init(iommu);
	*end = iommu;
}

struct iommu *iommu_first(void)
{
	return units;
}

int iommu_add_reserved(const struct iommu_reserved *region)
{
	if (reserved_count == RESERVED_MAX)
		return -ENOSPC;
	reserved[reserved_count++] = *region;
	return 0;
}

bool iommu_reserved_region(unsigned int index, struct iommu_reserved *out)
{
	if (index >= reserved_count)
		return false;
	*out = reserved[index];
	return true;
}

void iommu_forget_all(void)
{
	units = NULL;
	reserved_count = 0;
}

struct iommu *iommu_of(struct pci_dev *dev)
{
	struct iommu *rest = NULL;

	for (struct iommu *u = units; u; u = u->next) {
		const enum iommu_cover cover = u->ops->covers(u, dev);

		if (cover == IOMMU_COVERS_BY_NAME)
			return u;
		if (cover == IOMMU_COVERS_THE_REST)
			rest = u;
	}
	return rest;
}

int iommu_enable_all(void)
{
	for (struct iommu *u = units; u; u = u->next) {
		const int err = u->ops->enable(u);

		if (err)
			return err;
	}
	return 0;
}

/* ---- domains ------------------------------------------------------------------------------------------- */

void iommu_set_doorbell(paddr_t page)
{
	doorbell = page;
}

paddr_t iommu_doorbell(void)
{
	return doorbell;
}

int iommu_domain_init(struct iommu_domain *domain)
{
	int err;

	if (!units)
		return -ENODEV;
	spin_init(&domain->lock, &iommu_domain_class);
	err = units->ops->domain_init(domain);
	if (err || !doorbell)
		return err;
	return iommu_map(domain, doorbell, doorbell, PAGE_SIZE, PT_WRITE | PT_DEVICE);
}

int iommu_map(struct iommu_domain *domain, u64 iova, paddr_t pa, u64 size, unsigned int prot)
{
	u64 began = trace_begin(TRACE_CLASS_IOMMU);
	int err;

	iommu_domain_lock(domain);
	err = pt_map(&domain->table, iova, pa, size, prot);
	iommu_domain_unlock(domain);
	trace_since(TRACE_IOMMU_MAP, began, 0, iova, (u32)(size >> PAGE_SHIFT));
	return err;
}

int iommu_unmap(struct iommu_domain *domain, u64 iova, u64 size)
{
	u64 began = trace_begin(TRACE_CLASS_IOMMU);
	int err;

	iommu_domain_lock(domain);
	err = pt_unmap(&domain->table, iova, size);
	iommu_domain_unlock(domain);
	trace_since(TRACE_IOMMU_UNMAP, began, 0, iova, (u32)(size >> PAGE_SHIFT));
	return err;
}

/*
 * Hardware may still hold pointers to tables that unmaps emptied. Those that were retired before the
 * invalidation began are set aside and given back after it; others, of an unmap on another CPU meanwhile,
 * wait for the next. Their addresses need not lie in the range, so while there are any, everything of the
 * domain is dropped. After a failure hardware may walk them still: they are given back by the next
 * invalidation that succeeds.
 */
int iommu_invalidate(struct iommu_domain *domain, u64 iova, u64 size)
{
	u64 began = trace_begin(TRACE_CLASS_IOMMU);
	void *retired;
	int err = 0;

	count_event(COUNT_IOMMU_FLUSH);
	iommu_domain_lock(domain);
	retired = pt_take_retired(&domain->table);
	iommu_domain_unlock(domain);
	if (retired)
		size = 0;
	for (struct iommu *u = units; u && !err; u = u->next)
		err = u->ops->invalidate(u, domain, iova, size);
	/* What a device caches itself goes after what its unit caches, or it would ask the unit again. */
	for (struct iommu *u = units; u && !err; u = u->next)
		err = iommu_ats_invalidate(u, iova, size);
	if (err) {
		iommu_domain_lock(domain);
		pt_retire_again(&domain->table, retired);
		iommu_domain_unlock(domain);
	} else {
		pt_free_retired(retired);
	}
	trace_since(TRACE_IOMMU_FLUSH, began, 0, iova, (u32)(size >> PAGE_SHIFT));
	return err;
}

/* ---- faults -------------------------------------------------------------------------------------------- */

#define FAULT_BUDGET	  32   /* records that one call handles, per unit */
#define FAULT_SOURCES	  64   /* devices that are counted apart */
#define FAULT_LINES_FIRST 16   /* logged of each */
#define FAULT_LINES_AFTER 1024 /* then one in so many */

struct fault_source {
	struct sbdf sbdf;
	u64 count; /* 0: free */
};

static LOCK_CLASS(report_class, "iommu_report");
static struct spinlock report_lock LEAF_LOCK = SPINLOCK_INIT(report_class);
/* The last is shared by whoever found no place. */
static struct fault_source sources[FAULT_SOURCES + 1] GUARDED_BY(report_lock);

/* How many faults that device has had, this one included. */
static u64 count_fault(struct sbdf sbdf)
{
	unsigned int i;
	u64 count;

	spin_lock(&report_lock);
	for (i = 0; i < FAULT_SOURCES && sources[i].count; i++) {
		if (sources[i].sbdf.segment == sbdf.segment && sources[i].sbdf.bdf == sbdf.bdf)
			break;
	}
	sources[i].sbdf = sbdf;
	count = ++sources[i].count;
	spin_unlock(&report_lock);
	return count;
}

/* The device may be gone, or be an alias that nobody is found under: the fault is told all the same. */
static void count_for_device(struct sbdf source)
{
	struct pci_dev *dev = pci_dev_find(source);

	if (!dev)
		return;
	atomic_fetch_add_explicit(&dev->dma_faults, 1, memory_order_relaxed);
	pci_dev_put(dev, PCI_REF_TRANSIENT);
}

static void report(const struct iommu_fault *fault)
{
	const u64 count = count_fault(fault->source);
	const char *more = count == FAULT_LINES_FIRST ? "; of its next ones, each 1024th is shown" : "";

	count_event(COUNT_IOMMU_FAULT);
	trace(TRACE_IOMMU_FAULT, fault->reason, fault->interrupt ? fault->index : fault->address, 0,
	      (u32)fault->source.segment << 16 | fault->source.bdf);
	count_for_device(fault->source);
	if (count > FAULT_LINES_FIRST && count % FAULT_LINES_AFTER)
		return;
	if (fault->interrupt)
		log_warn("iommu: interrupt by " SBDF_FMT " blocked (index %u: %s)%s", SBDF_ARGS(fault->source),
			 fault->index, fault->text, more);
	else if (fault->somewhere)
		log_warn("iommu: DMA by " SBDF_FMT " blocked (%s)%s", SBDF_ARGS(fault->source),
			 fault->text, more);
	else
		log_warn("iommu: DMA %s by " SBDF_FMT " %s 0x%llx blocked (%s)%s",
			 fault->write ? "write" : "read", SBDF_ARGS(fault->source), fault->write ? "to" : "from",
			 (unsigned long long)fault->address, fault->text, more);
}

bool iommu_any_fault_pending(void)
{
	for (struct iommu *u = units; u; u = u->next) {
		if (u->ops->fault_pending(u))
			return true;
	}
	return false;
}

struct fault_batch {
	struct iommu_fault fault[FAULT_BUDGET];
	unsigned int count;
};

/* Under the unit's fault lock: only kept. */
static void collect(const struct iommu_fault *fault, void *ctx)
{
	struct fault_batch *batch = ctx;

	if (batch->count < FAULT_BUDGET)
		batch->fault[batch->count++] = *fault;
}

void iommu_report_faults(void)
{
	struct fault_batch batch;

	for (struct iommu *u = units; u; u = u->next) {
		if (!u->ops->fault_pending(u))
			continue;
		batch.count = 0;
		u->ops->drain_faults(u, FAULT_BUDGET, collect, &batch);
		for (unsigned int i = 0; i < batch.count; i++)
			report(&batch.fault[i]);
	}
}
