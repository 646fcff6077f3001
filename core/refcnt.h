/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reference counts. A count is born at 1, never goes from 0 back to 1, and saturates instead of wrapping: a
 * leak then costs one object, never a use after free. What goes wrong is logged, once for each object.
 *
 * Acquire/release order: what a holder wrote before its put is seen by whoever makes the last put.
 *
 * There is no destructor: the caller whose refcnt_put() gave true, and nobody else, disposes of the object,
 * after whatever it wraps the count in has done its own accounts. It may only pass the object on (a queue
 * of deferred work), because the last put may happen under any lock. Nobody reads the object after his own
 * put.
 *
 * The paths that are taken all the time are inline: one locked instruction, one comparison.
 */
#ifndef CORE_REFCNT_H
#define CORE_REFCNT_H

#include <stdatomic.h>

#include "core/types.h"

#define REFCNT_SATURATED 0x80000000u

struct refcnt {
	_Atomic u32 n;
};

/* refcnt.c: the count was 0, or is at or next to the limit: it stays there, and that is logged. */
void refcnt_get_odd(struct refcnt *r, u32 old);
void refcnt_put_odd(struct refcnt *r, u32 old);

/* To 1, owned by the caller. */
static inline void refcnt_init(struct refcnt *r)
{
	/*
	 * Pairs with the acquire of refcnt_get_unless_zero(): who finds the object anew sees it
	 * initialised.
	 */
	atomic_store_explicit(&r->n, 1, memory_order_release);
}

/* For one who already holds a reference. Any context but NMI. */
static inline void refcnt_get(struct refcnt *r)
{
	u32 old = atomic_fetch_add_explicit(&r->n, 1, memory_order_relaxed);

	/* 0, or the limit is reached: one comparison for both */
	if (__builtin_expect(old - 1 >= REFCNT_SATURATED - 2, false))
		refcnt_get_odd(r, old);
}

/* For one who found a pointer and holds nothing: false, and nothing taken, if the count is 0. */
static inline bool MUST_CHECK refcnt_get_unless_zero(struct refcnt *r)
{
	u32 old = atomic_load_explicit(&r->n, memory_order_relaxed);

	do {
		if (old == 0)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&r->n, &old, old + 1, memory_order_acquire, memory_order_relaxed));
	if (__builtin_expect(old >= REFCNT_SATURATED - 1, false))
		refcnt_get_odd(r, old);
	return true;
}

/* True for the caller whose put was the last. Any context but NMI. */
static inline bool MUST_CHECK refcnt_put(struct refcnt *r)
{
	u32 old = atomic_fetch_sub_explicit(&r->n, 1, memory_order_release);

	if (old == 1) {
		/* Pairs with the releases of all earlier puts. */
		(void)atomic_load_explicit(&r->n, memory_order_acquire);
		return true;
	}
	if (__builtin_expect(old - 1 >= REFCNT_SATURATED - 1, false))
		refcnt_put_odd(r, old);
	return false;
}

/* For display only: stale as soon as it is read. */
static inline u32 refcnt_read(const struct refcnt *r)
{
	return atomic_load_explicit(&r->n, memory_order_relaxed);
}

#endif
