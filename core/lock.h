/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ticket spinlocks, lock classes, and clang's thread-safety attributes (checked by `make lint`; gcc sees
 * nothing of them).
 *
 * A ticket lock is fair: CPUs enter in the order in which they asked. Fairlead holds locks for tens of
 * instructions and never waits for hardware under one. Locks are not recursive, and none is taken in NMI
 * context.
 *
 * Every lock belongs to a class: all locks that guard the same thing in different objects. The class is two
 * things at once. At compile time it is the token that guards the fields (C cannot name a sibling field in
 * an attribute, so `GUARDED_BY(pci_dev_class)` stands for "the lock of this kind"), and the lock functions
 * of a kind of object acquire the lock *and* the token. At run time it is what the trace names (core/trace.h)
 * and, in debug builds, the node of the order graph (core/lockcheck.h).
 */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include <stdatomic.h>

#include "core/site.h"
#include "core/types.h"

#if defined(__clang__)
#define THREAD_ATTR(x) __attribute__((x))
#else
#define THREAD_ATTR(x)
#endif

#define CAPABILITY(name) THREAD_ATTR(capability(name))
#define GUARDED_BY(lock) THREAD_ATTR(guarded_by(lock))
#define PT_GUARDED_BY(lock) THREAD_ATTR(pt_guarded_by(lock)) /* not the pointer: what it points to */
#define ACQUIRES(...) THREAD_ATTR(acquire_capability(__VA_ARGS__))
#define TRY_ACQUIRES(result, ...) THREAD_ATTR(try_acquire_capability(result, __VA_ARGS__))
#define RELEASES(...) THREAD_ATTR(release_capability(__VA_ARGS__))
#define REQUIRES(...) THREAD_ATTR(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) THREAD_ATTR(locks_excluded(__VA_ARGS__))
#define ACQUIRED_BEFORE(...) THREAD_ATTR(acquired_before(__VA_ARGS__))
#define ACQUIRED_AFTER(...) THREAD_ATTR(acquired_after(__VA_ARGS__))
#define NO_THREAD_ANALYSIS THREAD_ATTR(no_thread_safety_analysis)

struct CAPABILITY("lock class") lock_class {
	const char *name; /* as the monitor and the checker print it: "pci_dev"; no blanks */
	_Atomic u32 id;	  /* lock_class_number(); 0: nobody has asked yet */
};

/* Defines one: `static LOCK_CLASS(pool_class, "pci_pool");`. */
#define LOCK_CLASS(variable, text) struct lock_class variable UNUSED = { .name = (text) }

#define LOCK_CLASSES_MAX 48
/* From 1, given on first use; 0: there are too many. Any context. */
u32 lock_class_number(struct lock_class *class);
/* NULL: no class has that number. Any context. */
const struct lock_class *lock_class_at(u32 number);

struct CAPABILITY("spinlock") spinlock {
	_Atomic u16 next;    /* the ticket that the next CPU draws */
	_Atomic u16 serving; /* the ticket whose holder is inside */
	struct lock_class *class;
};

#define SPINLOCK_INIT(lock_class) { 0, 0, &(lock_class) }

void spin_init(struct spinlock *lock, struct lock_class *class);
void spin_lock_at(struct spinlock *lock, struct code_site site) ACQUIRES(*lock);
#define spin_lock(lock) spin_lock_at(lock, HERE)
/* True: taken. Never waits. */
bool MUST_CHECK spin_trylock_at(struct spinlock *lock, struct code_site site) TRY_ACQUIRES(true, *lock);
#define spin_trylock(lock) spin_trylock_at(lock, HERE)
void spin_unlock(struct spinlock *lock) RELEASES(*lock);

#include "core/lock_order.h"

#endif
