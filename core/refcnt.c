/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reference counts: see the header for the rules. A count that reached REFCNT_SATURATED stays there for good; the
 * distance to 2^32 is larger than the number of CPUs that can be between an increment and the repair, so it cannot wrap.
 */
#include "core/refcnt.h"

#include "core/log.h"

void refcnt_init(struct refcnt *r)
{
	/* Pairs with the acquire of refcnt_get_unless_zero(): who finds the object anew sees it initialised. */
	atomic_store_explicit(&r->n, 1, memory_order_release);
}

static void saturate(struct refcnt *r, const char *what)
{
	atomic_store_explicit(&r->n, REFCNT_SATURATED, memory_order_relaxed);
	log_error("reference count %s: the object is kept for good", what);
}

void refcnt_get(struct refcnt *r)
{
	u32 old = atomic_fetch_add_explicit(&r->n, 1, memory_order_relaxed);

	if (old == 0)
		saturate(r, "raised from 0");
	else if (old >= REFCNT_SATURATED - 1)
		atomic_store_explicit(&r->n, REFCNT_SATURATED, memory_order_relaxed);
}

bool refcnt_get_unless_zero(struct refcnt *r)
{
	u32 old = atomic_load_explicit(&r->n, memory_order_relaxed);

	do {
		if (old == 0)
			return false;
		if (old >= REFCNT_SATURATED)
			return true;
	} while (!atomic_compare_exchange_weak_explicit(&r->n, &old, old + 1, memory_order_acquire, memory_order_relaxed));
	return true;
}

bool refcnt_put(struct refcnt *r)
{
	u32 old = atomic_fetch_sub_explicit(&r->n, 1, memory_order_release);

	if (old == 1) {
		/* Pairs with the releases of all earlier puts. */
		(void)atomic_load_explicit(&r->n, memory_order_acquire);
		return true;
	}
	if (old == 0)
		saturate(r, "dropped below 0");
	else if (old >= REFCNT_SATURATED)
		atomic_store_explicit(&r->n, REFCNT_SATURATED, memory_order_relaxed);
	return false;
}

u32 refcnt_read(const struct refcnt *r)
{
	return atomic_load_explicit(&r->n, memory_order_relaxed);
}
