/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ticket spinlock. Drawing a ticket needs no order; waiting for one's turn acquires, passing it on
 * releases, so what a holder wrote is seen by the next.
 */
#include "core/lock.h"

#include "core/arch.h"
#include "core/lockcheck.h"
#include "core/trace.h"

/* [number - 1]: filled from the start, never emptied. */
static _Atomic(struct lock_class *) classes[LOCK_CLASSES_MAX];

/* On first use it gets the first free place. Whoever comes at the same time finds it there. */
u32 lock_class_number(struct lock_class *class)
{
	u32 number = atomic_load_explicit(&class->id, memory_order_relaxed);

	if (number)
		return number;
	for (number = 1; number <= LOCK_CLASSES_MAX; number++) {
		struct lock_class *there = NULL;

		if (atomic_compare_exchange_strong_explicit(&classes[number - 1], &there, class, memory_order_acq_rel,
							    memory_order_acquire) ||
		    there == class) {
			atomic_store_explicit(&class->id, number, memory_order_relaxed);
			return number;
		}
	}
	return 0;
}

const struct lock_class *lock_class_at(u32 number)
{
	if (!number || number > LOCK_CLASSES_MAX)
		return NULL;
	return atomic_load_explicit(&classes[number - 1], memory_order_acquire);
}

void spin_init(struct spinlock *lock, struct lock_class *class)
{
	atomic_init(&lock->next, 0);
	atomic_init(&lock->serving, 0);
	lock->class = class;
}

/* What is traced goes another way, out of line: so who is not traced needs no stack frame. */
#define TRACED __attribute__((cold, noinline)) static

/* A lock that was zeroed and never initialised has no class. */
TRACED void trace_lock(enum trace_event event, const struct spinlock *lock, u64 began)
{
	u16 class = lock->class ? (u16)lock_class_number(lock->class) : 0;
	u64 address = (u64)(uintptr_t)lock;

	if (began)
		trace_since(event, began, class, address, 0);
	else
		trace(event, class, address, 0, 0);
}

static inline void taken(struct spinlock *lock, bool waited)
{
	lockcheck_acquired(lock, waited);
	if (trace_on(TRACE_CLASS_LOCKS))
		trace_lock(TRACE_LOCK_TAKEN, lock, 0);
}

__attribute__((noinline)) static void wait_for_turn(struct spinlock *lock, u16 ticket)
{
	u64 began = trace_begin(TRACE_CLASS_LOCKS);

	while (atomic_load_explicit(&lock->serving, memory_order_acquire) != ticket)
		arch_cpu_relax();
	if (began)
		trace_lock(TRACE_LOCK_CONTENDED, lock, began);
	taken(lock, true);
}

void spin_lock_at(struct spinlock *lock, struct code_site site) NO_THREAD_ANALYSIS
{
	u16 ticket;

	lockcheck_acquire(lock, site, false);
	ticket = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);
	if (__builtin_expect(atomic_load_explicit(&lock->serving, memory_order_acquire) == ticket, true))
		taken(lock, false);
	else
		wait_for_turn(lock, ticket);
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
	taken(lock, false);
	return true;
}

static inline void pass_on(struct spinlock *lock)
{
	/* Only the holder writes `serving`, so a plain increment of what it reads is enough. */
	u16 mine = atomic_load_explicit(&lock->serving, memory_order_relaxed);

	atomic_store_explicit(&lock->serving, (u16)(mine + 1), memory_order_release);
}

TRACED void traced_pass_on(struct spinlock *lock)
{
	trace_lock(TRACE_LOCK_RELEASED, lock, 0); /* before another can take it */
	pass_on(lock);
}

void spin_unlock(struct spinlock *lock) NO_THREAD_ANALYSIS
{
	lockcheck_release(lock);
	if (trace_on(TRACE_CLASS_LOCKS))
		traced_pass_on(lock);
	else
		pass_on(lock);
}
