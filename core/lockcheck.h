/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The run-time lock checker of debug builds. It sees what the compiler cannot: callees, aliases, what is
 * held when the guest is entered. In release builds every call here is empty.
 *
 * It keeps, for each CPU, the locks held and where they were taken, and for all CPUs the graph of "B was
 * taken while A was held" over lock classes. One run that takes A then B and, anywhere, B then A is
 * reported, whether or not it deadlocked. A breach is our own bug: it is reported, with both chains, to the
 * function set by lockcheck_on_report() (default: log the lines, then panic()).
 */
#ifndef CORE_LOCKCHECK_H
#define CORE_LOCKCHECK_H

#include "core/lock.h"

#define LOCKS_HELD_MAX 16 /* by one CPU at once */

struct lock_class_info { /* for the monitor's `locks` */
	const char *name;
	u64 taken, contended;	/* how often; how often it had to wait */
	unsigned int held;	/* now, by all CPUs */
};

#ifdef FL_DEBUG
/*
 * By core/lock.c, before waiting, after it was taken, before it is released. Any context but NMI: NMI is
 * reported.
 */
void lockcheck_acquire(struct spinlock *lock, struct code_site site, bool try);
void lockcheck_acquired(struct spinlock *lock, bool waited);
void lockcheck_release(struct spinlock *lock);
/* The architecture's NMI handler, around whatever it does. */
void lockcheck_nmi(bool inside);
/* A TRANSIENT reference was taken or dropped on this CPU; reports name the place where it was taken. */
void lockcheck_ref(const void *object, struct code_site site, bool taken);
/* The next instruction is the guest's: nothing may be held, locks or TRANSIENT references. */
void lockcheck_vm_entry(void);
/* What comes waits for hardware or for another CPU, which may itself want any lock: none may be held. */
void lockcheck_wait(void);
/* One class after the other, from index 0; false past the end. */
bool lockcheck_class(unsigned int index, struct lock_class_info *out);
/* Whether "`inner` was taken under `outer`" was ever seen; indexes as above. For the monitor and tests. */
bool lockcheck_edge(unsigned int outer, unsigned int inner);
/* Tests: gets each report, one text of several lines. NULL: back to log and panic. */
void lockcheck_on_report(void (*fn)(const char *text));
/* Tests: forgets the graph and what is held. No lock is held. */
void lockcheck_reset(void);
#else
static inline void lockcheck_acquire(struct spinlock *lock UNUSED, struct code_site site UNUSED, bool try UNUSED)
{
}
static inline void lockcheck_acquired(struct spinlock *lock UNUSED, bool waited UNUSED)
{
}
static inline void lockcheck_release(struct spinlock *lock UNUSED)
{
}
static inline void lockcheck_nmi(bool inside UNUSED)
{
}
static inline void lockcheck_ref(const void *object UNUSED, struct code_site site UNUSED, bool taken UNUSED)
{
}
static inline void lockcheck_vm_entry(void)
{
}
static inline void lockcheck_wait(void)
{
}
static inline bool lockcheck_class(unsigned int index UNUSED, struct lock_class_info *out UNUSED)
{
	return false;
}
#endif

#endif
