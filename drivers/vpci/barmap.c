/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which guest-physical addresses hold which BAR: one list of intervals for the guest, with a count of users
 * each, because two BARs smaller than a page may share one. It answers overlaps without looking at any
 * other device: who comes second waits, and gets the place when the first one leaves, as the device that is
 * decoded second would be seen on hardware.
 */
#include "core/errno.h"
#include "core/log.h"
#include "core/pages.h"
#include "drivers/vpci/row.h"

struct interval {
	gpa_t gpa;
	paddr_t hpa;
	u64 size; /* bytes, whole pages; 0: the entry is free */
	u32 users;
	unsigned int prot;
	bool mapped;
};

static LOCK_CLASS(bar_class, "bar_map");
static struct spinlock bar_lock = SPINLOCK_INIT(bar_class); /* the domain's bar_lock of pci-objects: everything below */
static struct interval *intervals GUARDED_BY(bar_lock);
static unsigned int interval_count GUARDED_BY(bar_lock);
static struct vm *map_vm GUARDED_BY(bar_lock);

int vpci_barmap_init(struct vm *vm, unsigned int count)
{
	u64 bytes = ALIGN_UP((u64)count * sizeof(struct interval), PAGE_SIZE);
	struct interval *list = pages_alloc_contig(bytes / PAGE_SIZE, PAGE_SIZE);

	if (!list)
		return -ENOMEM;
	spin_lock(&bar_lock);
	intervals = list;
	interval_count = count;
	map_vm = vm;
	spin_unlock(&bar_lock);
	return 0;
}

static bool overlap(const struct interval *a, const struct interval *b)
{
	return ranges_overlap(a->gpa, a->size, b->gpa, b->size);
}

static int try_map(struct interval *wanted) REQUIRES(bar_lock)
{
	int ret;

	for (unsigned int i = 0; i < interval_count; i++) {
		if (intervals[i].mapped && overlap(&intervals[i], wanted))
			return -EEXIST;
	}
	ret = vm_map_mmio(map_vm, wanted->gpa, wanted->hpa, wanted->size, wanted->prot);
	wanted->mapped = !ret;
	return ret;
}

static struct interval *find(const struct interval *key) REQUIRES(bar_lock)
{
	for (unsigned int i = 0; i < interval_count; i++) {
		struct interval *it = &intervals[i];

		if (it->size == key->size && it->gpa == key->gpa && it->hpa == key->hpa &&
		    it->prot == key->prot)
			return it;
	}
	return NULL;
}

static struct interval *find_free(void) REQUIRES(bar_lock)
{
	for (unsigned int i = 0; i < interval_count; i++) {
		if (!intervals[i].size)
			return &intervals[i];
	}
	return NULL;
}

int vpci_barmap_add(gpa_t gpa, paddr_t hpa, u64 size, unsigned int prot)
{
	struct interval key = { gpa, hpa, size, 1, prot, false };
	struct interval *it;
	int ret = 0;

	spin_lock(&bar_lock);
	it = find(&key);
	if (it) {
		it->users++;
		if (!it->mapped)
			ret = try_map(it);
	} else {
		it = find_free();
		if (it) {
			*it = key;
			ret = try_map(it);
		} else {
			ret = -ENOSPC;
		}
	}
	spin_unlock(&bar_lock);
	return ret;
}

/* The place that `gone` had is free: whoever waited for it may have it now. */
static void serve_waiting(const struct interval *gone) REQUIRES(bar_lock)
{
	for (unsigned int i = 0; i < interval_count; i++) {
		struct interval *it = &intervals[i];

		if (it->size && it->users && !it->mapped && overlap(it, gone))
			(void)try_map(it); /* still taken in part: it goes on waiting */
	}
}

void vpci_barmap_remove(gpa_t gpa, paddr_t hpa, u64 size, unsigned int prot)
{
	struct interval key = { gpa, hpa, size, 0, prot, false };
	struct interval *it;
	int ret;

	spin_lock(&bar_lock);
	it = find(&key);
	if (!it || !it->users || --it->users) {
		spin_unlock(&bar_lock);
		return;
	}
	ret = it->mapped ? vm_unmap_mmio(map_vm, gpa, size) : 0;
	if (!ret) {
		it->mapped = false;
		it->size = 0;
		serve_waiting(&key);
	}
	spin_unlock(&bar_lock);
	/*
	 * The entry stays as a mapped one without users: the place is not given to another while the old
	 * mapping is in the table.
	 */
	if (ret)
		log_error("vpci: BAR at 0x%llx cannot be unmapped (%d)", (unsigned long long)gpa, ret);
}
