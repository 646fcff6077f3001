/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which guest addresses and ports hold which BAR: one list of intervals for the guest, with a count of users
 * each, because two BARs smaller than a page may share one. It answers overlaps without looking at any other
 * device: who comes second waits, and gets the place when the first one leaves, as the device that is decoded
 * second would be seen on hardware.
 *
 * It guards that no place has a new tenant before the last CPU has forgotten the old one: a tenant leaves in
 * two steps, and the shoot-down is between them.
 */
#include "core/errno.h"
#include "core/log.h"
#include "core/pages.h"
#include "drivers/vpci/row.h"

enum interval_state {
	INTERVAL_FREE,
	INTERVAL_WAITING, /* in nobody's reach: the place is another's */
	INTERVAL_MAPPED,
	INTERVAL_LEAVING, /* out of the table, but CPUs may still use it */
};

struct interval {
	struct vpci_range range;
	enum interval_state state;
	u32 users;
	u32 leavers; /* of the users, those between their two steps */
};

LOCK_CLASS(bar_map_class, "bar_map");
static struct spinlock bar_lock ACQUIRED_AFTER(pci_vf_class) ACQUIRED_BEFORE(iommu_ats_class) =
	SPINLOCK_INIT(bar_map_class); /* the domain's bar_lock of pci-objects: everything below */
static struct interval *intervals GUARDED_BY(bar_lock);
static unsigned int interval_count GUARDED_BY(bar_lock);
static struct vm *map_vm; /* written at boot */

int vpci_barmap_init(struct vm *vm, unsigned int count)
{
	u64 bytes = ALIGN_UP((u64)count * sizeof(struct interval), PAGE_SIZE);
	struct interval *list = pages_alloc_contig(bytes / PAGE_SIZE, PAGE_SIZE);

	if (!list)
		return -ENOMEM;
	map_vm = vm;
	spin_lock(&bar_lock);
	intervals = list;
	interval_count = count;
	spin_unlock(&bar_lock);
	return 0;
}

/* ---- the guest's tables; the page-table lock and the platform's are inner ones ---- */

static int put_in(const struct vpci_range *r) REQUIRES(bar_lock)
{
	const struct vpci_platform *p = vpci_platform();

	if (!r->io)
		return vm_map_mmio(map_vm, r->at, r->host, r->size, r->prot);
	if (!p->map_ports)
		return -EOPNOTSUPP;
	return p->map_ports(p->ctx, (u16)r->at, (u16)r->host, (u32)r->size, true);
}

static int take_out(const struct vpci_range *r) REQUIRES(bar_lock)
{
	const struct vpci_platform *p = vpci_platform();

	if (!r->io)
		return vm_unmap_mmio(map_vm, r->at, r->size);
	return p->map_ports(p->ctx, (u16)r->at, (u16)r->host, (u32)r->size, false);
}

int vpci_map_shootdown(void)
{
	return vm_shootdown_wait(map_vm, vm_shootdown(map_vm));
}

/* ---- the list ---- */

static bool same(const struct vpci_range *a, const struct vpci_range *b)
{
	return a->io == b->io && a->at == b->at && a->host == b->host && a->size == b->size &&
	       a->prot == b->prot;
}

static bool overlap(const struct vpci_range *a, const struct vpci_range *b)
{
	return a->io == b->io && ranges_overlap(a->at, a->size, b->at, b->size);
}

static struct interval *find(const struct vpci_range *r) REQUIRES(bar_lock)
{
	for (unsigned int i = 0; i < interval_count; i++) {
		if (intervals[i].state != INTERVAL_FREE && same(&intervals[i].range, r))
			return &intervals[i];
	}
	return NULL;
}

static struct interval *find_free(void) REQUIRES(bar_lock)
{
	for (unsigned int i = 0; i < interval_count; i++) {
		if (intervals[i].state == INTERVAL_FREE)
			return &intervals[i];
	}
	return NULL;
}

/* One that waits gets its place, if nobody else has it or is about to leave it. */
static int try_map(struct interval *wanted) REQUIRES(bar_lock)
{
	int ret;

	for (unsigned int i = 0; i < interval_count; i++) {
		const struct interval *it = &intervals[i];

		if ((it->state == INTERVAL_MAPPED || it->state == INTERVAL_LEAVING) &&
		    overlap(&it->range, &wanted->range))
			return -EEXIST;
	}
	ret = put_in(&wanted->range);
	if (!ret)
		wanted->state = INTERVAL_MAPPED;
	return ret;
}

static int enter(const struct vpci_range *r) REQUIRES(bar_lock)
{
	struct interval *it = find(r);
	int ret;

	if (!it) {
		it = find_free();
		if (!it)
			return -ENOSPC;
		*it = (struct interval){ .range = *r, .state = INTERVAL_WAITING };
	}
	if (it->state == INTERVAL_MAPPED)
		ret = 0;
	else
		ret = it->state == INTERVAL_WAITING ? try_map(it) : -EEXIST;
	if (!ret || ret == -EEXIST)
		it->users++;
	else if (!it->users)
		it->state = INTERVAL_FREE;
	return ret;
}

int vpci_map_enter(const struct vpci_range *r)
{
	int ret;

	spin_lock(&bar_lock);
	ret = enter(r);
	spin_unlock(&bar_lock);
	return ret;
}

int vpci_map_leave(const struct vpci_range *r, bool *shoot_down)
{
	struct interval *it;
	int ret = 0;

	spin_lock(&bar_lock);
	it = find(r);
	if (!it || it->leavers == it->users)
		panic("vpci: a BAR leaves 0x%llx, where it does not stand", (unsigned long long)r->at);
	if (it->leavers + 1 == it->users) { /* nobody stays */
		if (it->state == INTERVAL_MAPPED) {
			ret = take_out(r);
			*shoot_down |= !ret;
		}
		if (!ret)
			it->state = INTERVAL_LEAVING;
	}
	if (!ret)
		it->leavers++;
	spin_unlock(&bar_lock);
	return ret;
}

/* A place is free: whoever waited for it may have it now. */
static void serve_waiting(const struct vpci_range *place) REQUIRES(bar_lock)
{
	for (unsigned int i = 0; i < interval_count; i++) {
		struct interval *it = &intervals[i];

		if (it->state == INTERVAL_WAITING && overlap(&it->range, place))
			(void)try_map(it); /* still taken in part: it goes on waiting */
	}
}

void vpci_map_left(const struct vpci_range *r)
{
	struct interval *it;

	spin_lock(&bar_lock);
	it = find(r);
	if (!it || !it->leavers)
		panic("vpci: a BAR has left 0x%llx twice", (unsigned long long)r->at);
	it->leavers--;
	it->users--;
	/*
	 * Free only when each who was on his way out has waited for his shoot-down. Somebody may have come
	 * back meanwhile: then it waits for its own place, as all do.
	 */
	if (!it->users)
		it->state = INTERVAL_FREE;
	else if (!it->leavers && it->state == INTERVAL_LEAVING)
		it->state = INTERVAL_WAITING;
	if (it->state != INTERVAL_MAPPED && !it->leavers)
		serve_waiting(r);
	spin_unlock(&bar_lock);
}

bool vpci_map_holds(const struct vpci_range *r)
{
	struct interval *it;
	bool mapped;

	spin_lock(&bar_lock);
	it = find(r);
	mapped = it && it->state == INTERVAL_MAPPED;
	spin_unlock(&bar_lock);
	return mapped;
}

unsigned int vpci_map_users(void)
{
	unsigned int users = 0;

	spin_lock(&bar_lock);
	for (unsigned int i = 0; i < interval_count; i++)
		users += intervals[i].state == INTERVAL_FREE ? 0 : intervals[i].users;
	spin_unlock(&bar_lock);
	return users;
}
