/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device objects: where they live, how they are found, and how references are counted.
 *
 * Objects come from a type-stable pool: memory that was a `struct pci_dev` once stays one. That is what
 * lets a lookup touch an object that it holds no reference to: at worst it raises the count of another
 * device, notices, and puts it back.
 *
 * A segment's table has 256 bus pages of 256 slots. A slot holds a pointer and a generation, which counts
 * how often it was emptied.
 */
#include "core/errno.h"
#include "core/log.h"
#include "core/pages.h"
#include "core/string.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/pci.h"

#define PCI_SEGMENTS_MAX ECAM_WINDOWS_MAX
#define BUSES		 256u
#define SLOTS_PER_BUS	 256u

struct pci_slot {
	_Atomic(struct pci_dev *) dev;
	_Atomic u64 generation;
};

struct pci_bus_page {
	struct pci_slot slot[SLOTS_PER_BUS];
};
static_assert(sizeof(struct pci_bus_page) == PAGE_SIZE, "a bus's slots fill one page");

struct pci_segment {
	u16 number;
	struct spinlock slots_lock; /* publishing and emptying slots; readers do not take it */
	_Atomic(struct pci_bus_page *) bus[BUSES];
};

static struct pci_segment segments[PCI_SEGMENTS_MAX];
static _Atomic u32 segment_count; /* grows at boot only; entries below it are complete */

static LOCK_CLASS(pool_class, "pci_pool");
static LOCK_CLASS(slots_class, "pci_slots");
LOCK_CLASS(pci_domain_class, "pci_domain");
LOCK_CLASS(pci_vpci_class, "pci_vpci");
LOCK_CLASS(pci_dev_class, "pci_dev");
LOCK_CLASS(pci_vf_class, "pci_vf");
static struct spinlock pool_lock = SPINLOCK_INIT(pool_class);
static struct pci_dev *pool_free GUARDED_BY(pool_lock); /* linked through next */
static unsigned int pool_free_count GUARDED_BY(pool_lock);

static struct pci_dev *first_dev, *last_dev; /* in the order of publication; boot only */

/*
 * ---- the pool
 * ------------------------------------------------------------------------------------------------
 */

int pci_objects_init(unsigned int max)
{
	u64 bytes = (u64)max * sizeof(struct pci_dev);
	struct pci_dev *objects = pages_alloc_contig(ALIGN_UP(bytes, PAGE_SIZE) / PAGE_SIZE, PAGE_SIZE);

	if (!objects)
		return -ENOMEM;
	first_dev = last_dev = NULL;
	atomic_store(&segment_count, 0);
	spin_lock(&pool_lock);
	pool_free = NULL;
	pool_free_count = max;
	for (unsigned int i = max; i-- > 0;) {
		objects[i].pool_next = pool_free;
		pool_free = &objects[i];
	}
	spin_unlock(&pool_lock);
	return 0;
}

unsigned int pci_objects_left(void)
{
	unsigned int n;

	spin_lock(&pool_lock);
	n = pool_free_count;
	spin_unlock(&pool_lock);
	return n;
}

static struct pci_dev *pool_get(void)
{
	struct pci_dev *dev;

	spin_lock(&pool_lock);
	dev = pool_free;
	if (dev) {
		pool_free = dev->pool_next;
		pool_free_count--;
	}
	spin_unlock(&pool_lock);
	return dev;
}

static void pool_put(struct pci_dev *dev)
{
	spin_lock(&pool_lock);
	dev->pool_next = pool_free;
	pool_free = dev;
	pool_free_count++;
	spin_unlock(&pool_lock);
}

/*
 * ---- references
 * ----------------------------------------------------------------------------------------------
 */

#ifdef FL_DEBUG
static void count_kind(struct pci_dev *dev, enum pci_ref_kind kind)
{
	atomic_fetch_add_explicit(&dev->refs_by_kind[kind], 1, memory_order_relaxed);
}

/* Before the put: afterwards the object may be another device's. */
static void uncount_kind(struct pci_dev *dev, enum pci_ref_kind kind)
{
	if (atomic_fetch_sub_explicit(&dev->refs_by_kind[kind], 1, memory_order_relaxed) == 0)
		panic(SBDF_FMT ": a reference of kind %d was dropped that nobody took", SBDF_ARGS(dev->sbdf),
		      (int)kind);
}
#else
static void count_kind(struct pci_dev *dev, enum pci_ref_kind kind)
{
	(void)dev;
	(void)kind;
}

static void uncount_kind(struct pci_dev *dev, enum pci_ref_kind kind)
{
	(void)dev;
	(void)kind;
}
#endif

static struct pci_segment *segment_of(u16 number)
{
	u32 n = atomic_load_explicit(&segment_count, memory_order_acquire);

	for (u32 i = 0; i < n; i++) {
		if (segments[i].number == number)
			return &segments[i];
	}
	return NULL;
}

static struct pci_slot *slot_of(struct sbdf sbdf)
{
	struct pci_segment *seg = segment_of(sbdf.segment);
	struct pci_bus_page *page =
		seg ? atomic_load_explicit(&seg->bus[PCI_BUS(sbdf.bdf)], memory_order_acquire) : NULL;

	return page ? &page->slot[sbdf.bdf & 0xff] : NULL;
}

/*
 * The last reference is gone. The slot is emptied before the object returns to the pool, so that a lookup's
 * second check fails from here on; the generation tells a slot's old tenant from its next.
 */
static void release(struct pci_dev *dev)
{
	struct pci_slot *slot = slot_of(dev->sbdf);
	struct pci_segment *seg = segment_of(dev->sbdf.segment);
	struct pci_dev *parent = dev->parent;

	atomic_store_explicit(&dev->state, PCI_RELEASING, memory_order_release);
	if (seg && slot) {
		spin_lock(&seg->slots_lock);
		if (atomic_load_explicit(&slot->dev, memory_order_relaxed) == dev) {
			atomic_store_explicit(&slot->dev, NULL, memory_order_release);
			atomic_fetch_add_explicit(&slot->generation, 1, memory_order_release);
		}
		spin_unlock(&seg->slots_lock);
	}
	dev->parent = NULL;
	pool_put(dev);
	/*
	 * Not before: the bridge may go with it. Each step goes up one bus, so the depth is that of the
	 * tree (below 256).
	 */
	if (parent)
		pci_dev_put(parent, PCI_REF_PARENT);
}

void pci_dev_get_at(struct pci_dev *dev, enum pci_ref_kind kind, struct code_site site UNUSED)
{
	refcnt_get(&dev->refs);
	count_kind(dev, kind);
}

void pci_dev_put(struct pci_dev *dev, enum pci_ref_kind kind)
{
	uncount_kind(dev, kind);
	if (refcnt_put(&dev->refs))
		release(dev);
}

static bool same_sbdf(struct sbdf a, struct sbdf b)
{
	return a.segment == b.segment && a.bdf == b.bdf;
}

struct pci_dev *pci_dev_find_at(struct sbdf sbdf, struct code_site site UNUSED)
{
	struct pci_slot *slot = slot_of(sbdf);
	struct pci_dev *dev = slot ? atomic_load_explicit(&slot->dev, memory_order_acquire) : NULL;

	if (!dev || !refcnt_get_unless_zero(&dev->refs))
		return NULL;
	count_kind(dev, PCI_REF_TRANSIENT);
	/*
	 * The second check: between the load and the reference the object may have died and been born again
	 * as another device. Now that we hold it, what it is cannot change; if it is not what we looked
	 * for, give it back.
	 */
	if (atomic_load_explicit(&slot->dev, memory_order_acquire) == dev &&
	    atomic_load_explicit(&dev->state, memory_order_acquire) == PCI_LIVE && same_sbdf(dev->sbdf, sbdf))
		return dev;
	pci_dev_put(dev, PCI_REF_TRANSIENT);
	return NULL;
}

/*
 * ---- birth and death
 * -----------------------------------------------------------------------------------------
 */

struct pci_dev *pci_dev_create(struct sbdf sbdf, struct pci_dev *parent)
{
	struct pci_dev *dev = pool_get();

	if (!dev)
		return NULL;
	/*
	 * A stale lookup may look at the object at any time, so the count stays 0 until all else is
	 * written, and is not written before: everything behind it is cleared.
	 */
	memset((u8 *)dev + sizeof(dev->refs), 0, sizeof(*dev) - sizeof(dev->refs));
	static_assert(offsetof(struct pci_dev, refs) == 0, "the count comes first");
	spin_init(&dev->lock, &pci_dev_class);
	spin_init(&dev->vpci_lock, &pci_vpci_class);
	atomic_store_explicit(&dev->state, PCI_NEW, memory_order_relaxed);
	dev->sbdf = sbdf;
	atomic_store_explicit(&dev->owner, PCI_OWNER_QUARANTINE, memory_order_relaxed);
	dev->parent = parent;
	if (parent)
		pci_dev_get(parent, PCI_REF_PARENT);
	refcnt_init(&dev->refs);
	count_kind(dev, PCI_REF_BASE);
	pci_dev_get(dev, PCI_REF_OWNER);
	return dev;
}

/* The slot for a device, its segment and bus page made if they are new. Boot, one CPU. */
static struct pci_slot *slot_make(struct sbdf sbdf)
{
	struct pci_segment *seg = segment_of(sbdf.segment);
	u32 n = atomic_load_explicit(&segment_count, memory_order_relaxed);

	if (!seg) {
		if (n == PCI_SEGMENTS_MAX)
			return NULL;
		seg = &segments[n];
		seg->number = sbdf.segment;
		spin_init(&seg->slots_lock, &slots_class);
		for (unsigned int bus = 0; bus < BUSES; bus++)
			atomic_store_explicit(&seg->bus[bus], NULL, memory_order_relaxed);
		atomic_store_explicit(&segment_count, n + 1, memory_order_release);
	}
	if (!atomic_load_explicit(&seg->bus[PCI_BUS(sbdf.bdf)], memory_order_relaxed)) {
		struct pci_bus_page *page = page_alloc();

		if (!page)
			return NULL;
		atomic_store_explicit(&seg->bus[PCI_BUS(sbdf.bdf)], page, memory_order_release);
	}
	return slot_of(sbdf);
}

int pci_dev_publish(struct pci_dev *dev)
{
	struct pci_slot *slot = slot_make(dev->sbdf);
	struct pci_segment *seg = segment_of(dev->sbdf.segment);
	int ret = 0;

	if (!slot || !seg)
		return -ENOMEM;
	spin_lock(&dev->lock);
	spin_lock(&seg->slots_lock);
	if (atomic_load_explicit(&slot->dev, memory_order_relaxed)) {
		ret = -EBUSY;
	} else {
		atomic_store_explicit(&dev->state, PCI_LIVE, memory_order_release);
		atomic_store_explicit(&slot->dev, dev, memory_order_release);
	}
	spin_unlock(&seg->slots_lock);
	spin_unlock(&dev->lock);
	if (ret)
		return ret;
	if (last_dev)
		last_dev->domain_next = dev;
	else
		first_dev = dev;
	last_dev = dev;
	return 0;
}

static void list_remove(struct pci_dev *dev)
{
	struct pci_dev *before = NULL;

	for (struct pci_dev *d = first_dev; d; before = d, d = d->domain_next) {
		if (d != dev)
			continue;
		if (before)
			before->domain_next = dev->domain_next;
		else
			first_dev = dev->domain_next;
		if (last_dev == dev)
			last_dev = before;
		return;
	}
}

void pci_dev_drop(struct pci_dev *dev)
{
	list_remove(dev);
	spin_lock(&dev->lock);
	atomic_store_explicit(&dev->state, PCI_DYING, memory_order_release);
	spin_unlock(&dev->lock);
	pci_dev_put(dev, PCI_REF_OWNER);
	pci_dev_put(dev, PCI_REF_BASE);
}

struct pci_dev *pci_dev_next_at(struct pci_dev *prev, struct code_site site)
{
	struct pci_dev *next = prev ? prev->domain_next : first_dev;

	if (next)
		pci_dev_get_at(next, PCI_REF_TRANSIENT, site);
	if (prev)
		pci_dev_put(prev, PCI_REF_TRANSIENT);
	return next;
}

int pci_dev_set_owner(struct pci_dev *dev, enum pci_owner owner)
{
	int ret = -EBUSY;

	spin_lock(&dev->lock);
	if (atomic_load_explicit(&dev->state, memory_order_relaxed) == PCI_LIVE) {
		atomic_store_explicit(&dev->owner, owner, memory_order_release);
		ret = 0;
	}
	spin_unlock(&dev->lock);
	return ret;
}
