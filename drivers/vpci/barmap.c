/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which guest addresses and ports hold which BAR: one list of intervals for the guest, with a count of users
 * each, because two BARs smaller than a page may share one. It answers overlaps without looking at any other
 * device: who comes second waits, and gets the place when the first one leaves, as the device that is decoded
 * second would be seen on hardware.
 *
 * It guards that no place has a new tenant before the last CPU has forgotten the old one: a tenant leaves in
 * two steps, and the shoot-down is between them. And that the pages of an MSI-X table are mapped nowhere: they
 * are claimed, and the one BAR that holds them is mapped around them.
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
	unsigned int pieces; /* of the range that are in the tables */
};

/* Pages of an MSI-X table, in the host's addresses. */
struct claim {
	struct sbdf owner;
	paddr_t host;
	u64 size; /* 0: free */
};

LOCK_CLASS(bar_map_class, "bar_map");
static struct spinlock bar_lock ACQUIRED_AFTER(pci_vf_class) ACQUIRED_BEFORE(iommu_ats_class) =
	SPINLOCK_INIT(bar_map_class); /* the domain's bar_lock of pci-objects: everything below */
static struct interval *intervals GUARDED_BY(bar_lock);
static unsigned int interval_count GUARDED_BY(bar_lock);
static struct claim *claims GUARDED_BY(bar_lock);
static unsigned int claim_count GUARDED_BY(bar_lock);
static struct vm *map_vm; /* written at boot */

static void *alloc_array(u64 bytes)
{
	return pages_alloc_contig(ALIGN_UP(bytes, PAGE_SIZE) / PAGE_SIZE, PAGE_SIZE);
}

int vpci_barmap_init(struct vm *vm, unsigned int devices)
{
	unsigned int count = devices * (PCI_BARS + 1);
	struct interval *list = alloc_array((u64)count * sizeof(*list));
	struct claim *tables = alloc_array((u64)devices * sizeof(*tables));

	if (!list || !tables)
		return -ENOMEM;
	map_vm = vm;
	vm->trap = vpci_trap;
	spin_lock(&bar_lock);
	intervals = list;
	interval_count = count;
	claims = tables;
	claim_count = devices;
	spin_unlock(&bar_lock);
	return 0;
}

/* ---- the guest's tables; the page-table lock and the platform's are inner ones ---- */

/* What is mapped of a range: all of it, or what is before and what is behind the pages of a table. */
struct piece {
	u64 from, size;
};

static unsigned int pieces_of(const struct vpci_range *r, struct piece out[2])
{
	unsigned int n = 0;

	if (r->trap_from)
		out[n++] = (struct piece){ 0, r->trap_from };
	if (r->trap_to < r->size)
		out[n++] = (struct piece){ r->trap_to, r->size - r->trap_to };
	return n;
}

static int map_ports(const struct vpci_range *r, bool on) REQUIRES(bar_lock)
{
	const struct vpci_platform *p = vpci_platform();

	if (!p->map_ports)
		return -EOPNOTSUPP;
	return p->map_ports(p->ctx, (u16)r->at, (u16)r->host, (u32)r->size, on);
}

/* On an error a part may be in: it->pieces says so. */
static int put_in(struct interval *it) REQUIRES(bar_lock)
{
	const struct vpci_range *r = &it->range;
	struct piece piece[2];
	unsigned int count = pieces_of(r, piece);
	int ret = 0;

	while (it->pieces < count && !ret) {
		const struct piece *p = &piece[it->pieces];

		ret = r->io ? map_ports(r, true) :
			      vm_map_mmio(map_vm, r->at + p->from, r->host + p->from, p->size, r->prot);
		it->pieces += !ret;
	}
	return ret;
}

static int take_out(struct interval *it) REQUIRES(bar_lock)
{
	const struct vpci_range *r = &it->range;
	struct piece piece[2];
	int ret = 0;

	(void)pieces_of(r, piece);
	while (it->pieces && !ret) {
		const struct piece *p = &piece[it->pieces - 1];

		ret = r->io ? map_ports(r, false) : vm_unmap_mmio(map_vm, r->at + p->from, p->size);
		it->pieces -= !ret;
	}
	return ret;
}

int vpci_map_shootdown(void)
{
	return vm_shootdown_wait(map_vm, vm_shootdown(map_vm));
}

/* ---- the list ---- */

static bool same(const struct vpci_range *a, const struct vpci_range *b)
{
	return a->io == b->io && a->at == b->at && a->host == b->host && a->size == b->size &&
	       a->prot == b->prot && a->trap_from == b->trap_from && a->trap_to == b->trap_to;
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
	ret = put_in(wanted);
	if (!ret)
		wanted->state = INTERVAL_MAPPED;
	if (!ret || !wanted->pieces)
		return ret;
	/*
	 * The second piece has found no page for a table. CPUs may know the first one already, so the place is
	 * nobody's until this BAR has left it.
	 */
	wanted->state = INTERVAL_LEAVING;
	(void)take_out(wanted); /* what stays in goes when the BAR leaves */
	return -EEXIST;
}

/* ---- pages that nobody is given ---- */

/* The claimed pages are this range's own, and left out of it. */
static bool leaves_out(const struct vpci_range *r, const struct claim *c)
{
	return r->host + r->trap_from == c->host && r->trap_to - r->trap_from == c->size;
}

static bool may_enter(const struct vpci_range *r) REQUIRES(bar_lock)
{
	for (unsigned int i = 0; i < claim_count && !r->io; i++) {
		const struct claim *c = &claims[i];

		if (c->size && ranges_overlap(c->host, c->size, r->host, r->size) && !leaves_out(r, c))
			return false;
	}
	return true;
}

static bool is_used(paddr_t host, u64 size) REQUIRES(bar_lock)
{
	for (unsigned int i = 0; i < interval_count; i++) {
		const struct interval *it = &intervals[i];

		if (it->state != INTERVAL_FREE && !it->range.io &&
		    ranges_overlap(it->range.host, it->range.size, host, size))
			return true;
	}
	return false;
}

static int claim(struct sbdf owner, paddr_t host, u64 size) REQUIRES(bar_lock)
{
	struct claim *mine = NULL;

	for (unsigned int i = 0; i < claim_count; i++) {
		if (!claims[i].size)
			mine = &claims[i];
		else if (ranges_overlap(claims[i].host, claims[i].size, host, size))
			return -EBUSY;
	}
	if (!mine)
		return -ENOSPC;
	if (is_used(host, size))
		return -EBUSY;
	*mine = (struct claim){ owner, host, size };
	return 0;
}

int vpci_map_claim(struct sbdf owner, paddr_t host, u64 size)
{
	int ret;

	spin_lock(&bar_lock);
	ret = claim(owner, host, size);
	spin_unlock(&bar_lock);
	return ret;
}

static bool same_sbdf(struct sbdf a, struct sbdf b)
{
	return a.segment == b.segment && a.bdf == b.bdf;
}

void vpci_map_unclaim(struct sbdf owner)
{
	spin_lock(&bar_lock);
	for (unsigned int i = 0; i < claim_count; i++) {
		if (same_sbdf(claims[i].owner, owner))
			claims[i] = (struct claim){ .size = 0 };
	}
	spin_unlock(&bar_lock);
}

bool vpci_map_trapped(gpa_t gpa, struct sbdf *owner, unsigned int *bar)
{
	bool found = false;

	spin_lock(&bar_lock);
	for (unsigned int i = 0; i < interval_count && !found; i++) {
		const struct interval *it = &intervals[i];
		const struct vpci_range *r = &it->range;

		found = it->state == INTERVAL_MAPPED && gpa - r->at - r->trap_from < r->trap_to - r->trap_from;
		if (found) {
			*owner = r->owner;
			*bar = r->bar;
		}
	}
	spin_unlock(&bar_lock);
	return found;
}

/* ---- coming and going ---- */

static int enter(const struct vpci_range *r) REQUIRES(bar_lock)
{
	struct interval *it = find(r);
	int ret;

	if (!may_enter(r))
		return -EACCES;
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
		ret = take_out(it);
		*shoot_down |= !ret && it->state != INTERVAL_WAITING;
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
