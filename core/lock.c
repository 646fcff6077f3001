/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ticket spinlock. Drawing a ticket needs no order; waiting for one's turn acquires, passing it on releases, so
 * what a holder wrote is seen by the next.
 */
#include "core/lock.h"

#include "core/arch.h"

void spin_init(struct spinlock *lock)
{
	atomic_init(&lock->next, 0);
	atomic_init(&lock->serving, 0);
}

void spin_lock(struct spinlock *lock) NO_THREAD_ANALYSIS
{
	u16 ticket = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);

	while (atomic_load_explicit(&lock->serving, memory_order_acquire) != ticket)
		arch_cpu_relax();
}

void spin_unlock(struct spinlock *lock) NO_THREAD_ANALYSIS
{
	/* Only the holder writes `serving`, so a plain increment of what it reads is enough. */
	u16 mine = atomic_load_explicit(&lock->serving, memory_order_relaxed);

	atomic_store_explicit(&lock->serving, (u16)(mine + 1), memory_order_release);
}
