/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device objects: where they live and how they are found.
 *
 * Objects come from a type-stable pool: memory that was a `struct pci_dev` once stays one. That is what
 * lets a lookup touch an object that it holds no reference to: at worst it raises the count of another
 * device, notices, and puts it back.
 *
 * A segment's table has 256 bus pages of 256 slots. A slot holds a pointer and, in one word, a generation,
 * which counts how often it was emptied, and a latch: a function showed up at this address while the slot
 * was still a dying one's.
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
#define SLOT_LATCHED	 1ull /* in pci_slot.word; the generation is above it */
#define SLOT_GENERATION	 2ull

struct pci_slot {
	_Atomic(struct pci_dev *) dev;
	_Atomic u64 word; /* generation * SLOT_GENERATION | SLOT_LATCHED */
};

struct pci_bus_page {
	struct pci_slot slot[SLOTS_PER_BUS];
};
static_assert(sizeof(struct pci_bus_page) == PAGE_SIZE, "a bus's slots fill one page");

struct pci_segment {
	u16 number;
	struct spinlock slots_lock; /* changes of slots and bus pages; readers do not take it */
	_Atomic(struct pci_bus_page *) bus[BUSES];
};

static struct pci_segment segments[PCI_SEGMENTS_MAX];
static _Atomic u32 segment_count; /* only grows; entries below it are complete */

static LOCK_CLASS(pool_class, "pci_pool");
static struct lock_class slots_class LEAF_LOCK;
static LOCK_CLASS(slots_class, "pci_slots");
static LOCK_CLASS(segments_class, "pci_segments");
static struct spinlock pool_lock LEAF_LOCK = SPINLOCK_INIT(pool_class);
static struct pci_dev *pool_free GUARDED_BY(pool_lock); /* linked through pool_next */
static unsigned int pool_free_count GUARDED_BY(pool_lock);
static struct spinlock segments_lock LEAF_LOCK = SPINLOCK_INIT(segments_class); /* adding one */

static void slots_lock_at(struct pci_segment *seg, struct code_site site) ACQUIRES(seg->slots_lock, slots_class)
	NO_THREAD_ANALYSIS
{
	spin_lock_at(&seg->slots_lock, site);
}
#define slots_lock(seg) slots_lock_at(seg, HERE)

static void slots_unlock(struct pci_segment *seg) RELEASES(seg->slots_lock, slots_class) NO_THREAD_ANALYSIS
{
	spin_unlock(&seg->slots_lock);
}

#ifdef FL_HOST
void (*pci_test_hook)(enum pci_test_point point);
#endif

/* ---- the pool ---- */

int pci_objects_init(unsigned int max)
{
	u64 bytes = (u64)max * sizeof(struct pci_dev);
	struct pci_dev *objects = pages_alloc_contig(ALIGN_UP(bytes, PAGE_SIZE) / PAGE_SIZE, PAGE_SIZE);

	if (!objects)
		return -ENOMEM;
	atomic_store(&segment_count, 0);
	pci_domains_init();
	pci_events_init();
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

struct pci_dev *pci_pool_get(void)
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

void pci_pool_put(struct pci_dev *dev)
{
	spin_lock(&pool_lock);
	dev->pool_next = pool_free;
	pool_free = dev;
	pool_free_count++;
	spin_unlock(&pool_lock);
}

/* ---- finding a slot ---- */

static struct pci_segment *segment_of(u16 number)
{
	u32 n = atomic_load_explicit(&segment_count, memory_order_acquire);

	for (u32 i = 0; i < n; i++) {
		if (segments[i].number == number)
			return &segments[i];
	}
	return NULL;
}

static struct pci_slot *slot_in(struct pci_segment *seg, u16 bdf)
{
	struct pci_bus_page *page = atomic_load_explicit(&seg->bus[PCI_BUS(bdf)], memory_order_acquire);

	return page ? &page->slot[bdf % SLOTS_PER_BUS] : NULL;
}

static struct pci_slot *slot_of(struct sbdf sbdf)
{
	struct pci_segment *seg = segment_of(sbdf.segment);

	return seg ? slot_in(seg, sbdf.bdf) : NULL;
}

/* A place in the whole table, for walking it. `at` is segment << 16 | bdf. */
struct place {
	struct pci_segment *seg;
	struct pci_slot *slot;
	u32 at;
};

static struct sbdf sbdf_of(u32 at)
{
	return (struct sbdf){ (u16)(at >> 16), (u16)at };
}

/* The segment with the smallest number that is not below `number`. */
static struct pci_segment *segment_from(u32 number)
{
	u32 n = atomic_load_explicit(&segment_count, memory_order_acquire);
	struct pci_segment *best = NULL;

	for (u32 i = 0; i < n; i++) {
		if (segments[i].number >= number && (!best || segments[i].number < best->number))
			best = &segments[i];
	}
	return best;
}

/* The first slot at or after `at` for which there is a page, whether or not it is occupied. */
static bool place_from(u64 at, struct place *place)
{
	struct pci_segment *seg;

	while ((seg = segment_from((u32)(at >> 16)))) {
		if (seg->number > at >> 16)
			at = (u64)seg->number << 16;
		for (; at >> 16 == seg->number; at = ALIGN_UP(at + 1, SLOTS_PER_BUS)) {
			struct pci_slot *slot = slot_in(seg, (u16)at);

			if (slot) {
				*place = (struct place){ seg, slot, (u32)at };
				return true;
			}
		}
	}
	return false;
}

/* ---- lookup ---- */

static bool same_sbdf(struct sbdf a, struct sbdf b)
{
	return a.segment == b.segment && a.bdf == b.bdf;
}

static struct pci_dev *take_from(struct pci_slot *slot, struct sbdf sbdf)
{
	struct pci_dev *dev = atomic_load_explicit(&slot->dev, memory_order_acquire);

	PCI_TEST_POINT(PCI_TEST_LOOKUP_LOADED);
	if (!dev || !pci_ref_try(dev))
		return NULL;
	PCI_TEST_POINT(PCI_TEST_LOOKUP_TAKEN);
	/*
	 * The second check: between the load and the reference the object may have died and been born again
	 * as another device. Now that we hold it, what it is cannot change; if it is not what we looked
	 * for, give it back. That may be the last reference.
	 */
	if (atomic_load_explicit(&slot->dev, memory_order_acquire) == dev && pci_dev_state(dev) == PCI_LIVE &&
	    same_sbdf(dev->sbdf, sbdf))
		return dev;
	if (pci_ref_drop(dev, PCI_REF_TRANSIENT))
		work_post(&dev->release);
	return NULL;
}

struct pci_dev *pci_dev_find_unnoted(struct sbdf sbdf)
{
	struct pci_slot *slot = slot_of(sbdf);

	return slot ? take_from(slot, sbdf) : NULL;
}

struct pci_dev *pci_dev_find_at(struct sbdf sbdf, struct code_site site)
{
	struct pci_dev *dev = pci_dev_find_unnoted(sbdf);

	if (dev)
		pci_holder_add(dev, PCI_REF_TRANSIENT, site);
	return dev;
}

struct pci_dev *pci_dev_next_at(struct pci_dev *prev, struct code_site site)
{
	u64 at = prev ? ((u64)prev->sbdf.segment << 16 | prev->sbdf.bdf) + 1 : 0;
	struct pci_dev *next = NULL;
	struct place place;

	for (; !next && place_from(at, &place); at = (u64)place.at + 1)
		next = take_from(place.slot, sbdf_of(place.at));
	if (next)
		pci_holder_add(next, PCI_REF_TRANSIENT, site);
	if (prev)
		pci_dev_put(prev, PCI_REF_TRANSIENT);
	return next;
}

/* ---- changing slots ---- */

static struct pci_segment *segment_make(u16 number)
{
	struct pci_segment *seg;
	u32 n;

	spin_lock(&segments_lock);
	seg = segment_of(number);
	n = atomic_load_explicit(&segment_count, memory_order_relaxed);
	if (!seg && n < PCI_SEGMENTS_MAX) {
		seg = &segments[n];
		seg->number = number;
		spin_init(&seg->slots_lock, &slots_class);
		for (unsigned int bus = 0; bus < BUSES; bus++)
			atomic_store_explicit(&seg->bus[bus], NULL, memory_order_relaxed);
		atomic_store_explicit(&segment_count, n + 1, memory_order_release);
	}
	spin_unlock(&segments_lock);
	return seg;
}

/* The bus's page, made if it is new. Two may make it at once: one of the pages goes back. */
static bool page_make(struct pci_segment *seg, u8 bus)
{
	struct pci_bus_page *page;
	bool kept;

	if (atomic_load_explicit(&seg->bus[bus], memory_order_acquire))
		return true;
	page = page_alloc();
	if (!page)
		return false;
	slots_lock(seg);
	kept = !atomic_load_explicit(&seg->bus[bus], memory_order_relaxed);
	if (kept)
		atomic_store_explicit(&seg->bus[bus], page, memory_order_release);
	slots_unlock(seg);
	if (!kept)
		page_free(page);
	return true;
}

int pci_slot_reserve(struct pci_dev *dev)
{
	struct pci_segment *seg = segment_make(dev->sbdf.segment);
	struct pci_dev *tenant;
	struct pci_slot *slot;

	if (!seg || !page_make(seg, PCI_BUS(dev->sbdf.bdf)))
		return -ENOMEM;
	slot = slot_in(seg, dev->sbdf.bdf);
	slots_lock(seg);
	tenant = atomic_load_explicit(&slot->dev, memory_order_relaxed);
	/* A tenant stays one while we hold the lock, so its state may be read without a reference. */
	if (!tenant) {
		atomic_store_explicit(&slot->dev, dev, memory_order_release);
		atomic_fetch_and_explicit(&slot->word, ~SLOT_LATCHED, memory_order_relaxed);
	} else if (pci_dev_state(tenant) >= PCI_DYING) {
		atomic_fetch_or_explicit(&slot->word, SLOT_LATCHED, memory_order_relaxed);
	}
	slots_unlock(seg);
	return tenant ? -EBUSY : 0;
}

bool pci_slot_empty(struct pci_dev *dev)
{
	struct pci_segment *seg = segment_of(dev->sbdf.segment);
	struct pci_slot *slot = seg ? slot_in(seg, dev->sbdf.bdf) : NULL;
	u64 word = 0;

	if (!slot)
		return false;
	slots_lock(seg);
	if (atomic_load_explicit(&slot->dev, memory_order_relaxed) == dev) {
		atomic_store_explicit(&slot->dev, NULL, memory_order_release);
		word = atomic_fetch_add_explicit(&slot->word, SLOT_GENERATION, memory_order_release);
	}
	slots_unlock(seg);
	return word & SLOT_LATCHED;
}

void pci_slot_make_live(struct pci_dev *dev)
{
	struct pci_segment *seg = segment_of(dev->sbdf.segment);
	struct pci_slot *slot = slot_in(seg, dev->sbdf.bdf);

	slots_lock(seg);
	atomic_store_explicit(&dev->state, PCI_LIVE, memory_order_release);
	atomic_fetch_and_explicit(&slot->word, ~SLOT_LATCHED, memory_order_relaxed);
	slots_unlock(seg);
}

struct pci_dev *pci_slot_take_kept(struct sbdf sbdf)
{
	struct pci_segment *seg = segment_of(sbdf.segment);
	struct pci_slot *slot = seg ? slot_in(seg, sbdf.bdf) : NULL;
	struct pci_dev *dev;

	if (!slot)
		return NULL;
	slots_lock(seg);
	dev = atomic_load_explicit(&slot->dev, memory_order_acquire);
	/* Who clears the flag has it: nobody else refers to it, and none of its works is queued. */
	if (dev && !(atomic_fetch_and_explicit(&dev->flags, ~(u32)PCI_FLAG_KEPT, memory_order_acq_rel) &
		     PCI_FLAG_KEPT))
		dev = NULL;
	slots_unlock(seg);
	return dev;
}

bool pci_slot_next_latched(u32 *from, struct sbdf *out)
{
	struct place place;
	u64 at = *from;

	for (; place_from(at, &place); at = (u64)place.at + 1) {
		bool taken;

		if (!(atomic_load_explicit(&place.slot->word, memory_order_relaxed) & SLOT_LATCHED))
			continue;
		slots_lock(place.seg);
		taken = !atomic_load_explicit(&place.slot->dev, memory_order_relaxed) &&
			atomic_fetch_and_explicit(&place.slot->word, ~SLOT_LATCHED, memory_order_relaxed) &
				SLOT_LATCHED;
		slots_unlock(place.seg);
		if (taken) {
			*out = sbdf_of(place.at);
			*from = place.at + 1;
			return true;
		}
	}
	return false;
}

u64 pci_slot_generation(struct sbdf sbdf)
{
	struct pci_slot *slot = slot_of(sbdf);

	return slot ? atomic_load_explicit(&slot->word, memory_order_acquire) / SLOT_GENERATION : 0;
}

/* ---- looking without a reference: a slot's tenant stays one under slots_lock ---- */

bool pci_slot_tenant(struct sbdf sbdf, enum pci_state *state)
{
	struct pci_segment *seg = segment_of(sbdf.segment);
	struct pci_slot *slot = seg ? slot_in(seg, sbdf.bdf) : NULL;
	struct pci_dev *dev;

	if (!slot)
		return false;
	slots_lock(seg);
	dev = atomic_load_explicit(&slot->dev, memory_order_acquire);
	if (dev)
		*state = pci_dev_state(dev);
	slots_unlock(seg);
	return dev;
}

static void copy_holders(struct pci_dev_info *out, const struct pci_dev *dev)
{
#ifdef FL_DEBUG
	for (unsigned int i = 0; i < PCI_REF_KINDS; i++)
		out->refs_by_kind[i] = atomic_load_explicit(&dev->refs_by_kind[i], memory_order_relaxed);
	for (unsigned int i = 0; i < PCI_SITES; i++) {
		out->holder[i] = atomic_load_explicit(&dev->holder_site[i], memory_order_acquire);
		out->holder_kind[i] =
			(enum pci_ref_kind)atomic_load_explicit(&dev->holder_kind[i], memory_order_relaxed);
	}
#else
	(void)out;
	(void)dev;
#endif
}

static void copy_info(struct pci_dev_info *out, const struct pci_dev *dev)
{
	memset(out, 0, sizeof(*out));
	out->sbdf = dev->sbdf;
	out->state = pci_dev_state(dev);
	out->owner = pci_dev_owner(dev);
	out->op = pci_dev_op(dev);
	out->flags = atomic_load_explicit(&dev->flags, memory_order_relaxed);
	out->refs = refcnt_read(&dev->refs);
	copy_holders(out, dev);
	if (out->state == PCI_NEW)
		return; /* its creator is still reading what it is */
	out->vendor = dev->vendor;
	out->device = dev->device;
	out->class_code = dev->class_code;
}

bool pci_dev_info_next(u32 *from, struct pci_dev_info *out)
{
	struct place place;
	u64 at = *from;

	for (; place_from(at, &place); at = (u64)place.at + 1) {
		struct pci_dev *dev;

		if (!atomic_load_explicit(&place.slot->dev, memory_order_relaxed))
			continue;
		if (place.at == ~0u) /* has no successor */
			return false;
		slots_lock(place.seg);
		dev = atomic_load_explicit(&place.slot->dev, memory_order_acquire);
		if (dev) {
			copy_info(out, dev);
			out->generation =
				atomic_load_explicit(&place.slot->word, memory_order_relaxed) / SLOT_GENERATION;
		}
		slots_unlock(place.seg);
		if (dev) {
			*from = place.at + 1;
			return true;
		}
	}
	return false;
}
