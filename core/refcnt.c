/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What reference counts do when something is wrong; the rest is inline in the header. A count that reached
 * REFCNT_SATURATED stays there for good; the distance to 0 and to 2^32 is larger than the number of CPUs
 * that can be between an increment and the repair, so it cannot wrap.
 */
#include "core/refcnt.h"

#include "core/log.h"

static void stay(struct refcnt *r)
{
	atomic_store_explicit(&r->n, REFCNT_SATURATED, memory_order_relaxed);
}

static void saturate(struct refcnt *r, const char *what)
{
	stay(r);
	log_error("reference count %s: the object is kept for good", what);
}

void refcnt_get_odd(struct refcnt *r, u32 old)
{
	if (old == 0)
		saturate(r, "raised from 0");
	else if (old == REFCNT_SATURATED - 1)
		saturate(r, "at its limit");
	else
		stay(r);
}

void refcnt_put_odd(struct refcnt *r, u32 old)
{
	if (old == 0)
		saturate(r, "dropped below 0");
	else
		stay(r);
}
