/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reference counts. A count is born at 1, never goes from 0 back to 1, and saturates instead of wrapping: a leak
 * then costs one object, never a use after free.
 *
 * Acquire/release order: what a holder wrote before its put is seen by whoever makes the last put.
 */
#ifndef CORE_REFCNT_H
#define CORE_REFCNT_H

#include <stdatomic.h>

#include "core/types.h"

#define REFCNT_SATURATED 0x80000000u

struct refcnt {
	_Atomic u32 n;
};

void refcnt_init(struct refcnt *r); /* to 1, owned by the caller */
/* For one who already holds a reference. Any context but NMI. */
void refcnt_get(struct refcnt *r);
/* For one who found a pointer and holds nothing: false, and nothing taken, if the count is 0. */
bool MUST_CHECK refcnt_get_unless_zero(struct refcnt *r);
/* True for the caller whose put was the last: it alone must now dispose of the object. */
bool MUST_CHECK refcnt_put(struct refcnt *r);
u32 refcnt_read(const struct refcnt *r); /* for display only: stale as soon as it is read */

#endif
