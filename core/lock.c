/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ticket spinlock. Drawing a ticket needs no order; waiting for one's turn acquires, passing it on
 * releases, so what a holder wrote is seen by the next.
 */
#include "core/lock.h"

#include "core/arch.h"
#include "core/lockcheck.h"

void spin_init(struct spinlock *lock, struct lock_class *class UNUSED)
{
	atomic_init(&lock->next, 0);
	atomic_init(&lock->serving, 0);
#ifdef FL_DEBUG
	lock->class = class;
#endif
}

void spin_lock_at(struct spinlock *lock, struct code_site site) NO_THREAD_ANALYSIS
{
	bool waited = false;
	u16 ticket;

	lockcheck_acquire(lock, site, false);
	ticket = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);
	while (atomic_load_explicit(&lock->serving, memory_order_acquire) != ticket) {
		waited = true;
		arch_cpu_relax();
	}
	lockcheck_acquired(lock, waited);
}

bool spin_trylock_at(struct spinlock *lock, struct code_site site) NO_THREAD_ANALYSIS
{
	u16 serving = atomic_load_explicit(&lock->serving, memory_order_acquire);
	u16 expected = serving;

	/* Free means that the next ticket is the one being served; whoever draws it is inside. */
	if (!atomic_compare_exchange_strong_explicit(&lock->next, &expected, (u16)(serving + 1), memory_order_acquire,
						     memory_order_relaxed))
		return false;
	lockcheck_acquire(lock, site, true);
	lockcheck_acquired(lock, false);
	return true;
}

void spin_unlock(struct spinlock *lock) NO_THREAD_ANALYSIS
{
	/* Only the holder writes `serving`, so a plain increment of what it reads is enough. */
	u16 mine;

	lockcheck_release(lock);
	mine = atomic_load_explicit(&lock->serving, memory_order_relaxed);
	atomic_store_explicit(&lock->serving, (u16)(mine + 1), memory_order_release);
}
