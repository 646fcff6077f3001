/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * "Once for each key": which lines have been said already, so that a guest cannot fill the log with one of
 * them. A fixed number of keys, no lock, any number of CPUs at once; zeroed memory is an empty set.
 *
 * It guards that of several CPUs that come with one key exactly one is the first: places are filled from the
 * start and never emptied, so all of them meet in the same place, and one exchange decides.
 */
#ifndef CORE_ONCE_H
#define CORE_ONCE_H

#include <stdatomic.h>

#include "core/types.h"

/* A place holds the key's complement: 0 is free, and ~0 is no key. */
typedef _Atomic u64 once_place;

/*
 * Which of the keys it is, from 1, the first time it comes; 0: it has come before, there is no place left, or
 * it is ~0. Any context.
 */
static inline unsigned int once_in(once_place *place, unsigned int places, u64 key)
{
	for (unsigned int i = 0; i < places && ~key; i++) {
		u64 there = atomic_load_explicit(&place[i], memory_order_relaxed);

		/* A failed exchange leaves in `there` who was faster. */
		if (!there && atomic_compare_exchange_strong_explicit(&place[i], &there, ~key,
								      memory_order_relaxed, memory_order_relaxed))
			return i + 1;
		if (there == ~key)
			return 0;
	}
	return 0;
}

/* For an array of places. */
#define once(places, key) once_in(places, ARRAY_SIZE(places), key)

#endif
