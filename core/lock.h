/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ticket spinlocks, and clang's thread-safety attributes (checked by `make lint`; gcc sees nothing of them).
 *
 * A ticket lock is fair: CPUs enter in the order in which they asked. Fairlead holds locks for tens of instructions and
 * never waits for hardware under one. Locks are not recursive, and none is taken in NMI context.
 */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include <stdatomic.h>

#include "core/types.h"

#if defined(__clang__)
#define THREAD_ATTR(x) __attribute__((x))
#else
#define THREAD_ATTR(x)
#endif

#define CAPABILITY(name) THREAD_ATTR(capability(name))
#define GUARDED_BY(lock) THREAD_ATTR(guarded_by(lock))
#define ACQUIRES(...) THREAD_ATTR(acquire_capability(__VA_ARGS__))
#define RELEASES(...) THREAD_ATTR(release_capability(__VA_ARGS__))
#define REQUIRES(...) THREAD_ATTR(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) THREAD_ATTR(locks_excluded(__VA_ARGS__))
#define NO_THREAD_ANALYSIS THREAD_ATTR(no_thread_safety_analysis)

struct CAPABILITY("spinlock") spinlock {
	_Atomic u16 next;    /* the ticket that the next CPU draws */
	_Atomic u16 serving; /* the ticket whose holder is inside */
};

#define SPINLOCK_INIT \
	{             \
		0, 0  \
	}

void spin_init(struct spinlock *lock);
void spin_lock(struct spinlock *lock) ACQUIRES(*lock);
void spin_unlock(struct spinlock *lock) RELEASES(*lock);

#endif
