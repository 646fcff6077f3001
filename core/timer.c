/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of armed timers, the earliest first, those of one moment in the order in which they were set. It
 * guards that the hardware is armed for the first of the list whenever nobody is at work on it, and for
 * nothing if it is empty.
 *
 * There are few timers (one a device at most), so a list will do.
 */
#include "core/timer.h"

#include "core/arch.h"
#include "core/lock.h"
#include "core/trace.h"

#define NEVER ((u64)-1)
#define RUN_MAX 32u

static LOCK_CLASS(timers_class, "timers");
static struct spinlock timers_lock CONSOLE_LEAF = SPINLOCK_INIT(timers_class);
static struct timer *first GUARDED_BY(timers_lock);
/* CPUs in timers_run(): each arms the hardware when it leaves. */
static unsigned int running GUARDED_BY(timers_lock);
static _Atomic u64 next_at = NEVER;    /* of the first: what an exit looks at without the lock */
static _Atomic u64 expired, latest_us; /* written under the lock */

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	*t = (struct timer){ .fn = fn };
}

static void rearm(void) REQUIRES(timers_lock)
{
	u64 at = first ? first->at_us : NEVER;

	atomic_store_explicit(&next_at, at, memory_order_relaxed);
	if (!running)
		arch_timer_arm(at);
}

static void insert(struct timer *t) REQUIRES(timers_lock)
{
	struct timer **link = &first;

	while (*link && (*link)->at_us <= t->at_us)
		link = &(*link)->next;
	t->next = *link;
	*link = t;
	t->armed = true;
}

static void take_out(struct timer *t) REQUIRES(timers_lock)
{
	struct timer **link = &first;

	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	t->armed = false;
}

void timer_set(struct timer *t, u64 delay_us)
{
	u64 now = arch_time_us();
	struct timer *was_first;

	spin_lock(&timers_lock);
	was_first = first;
	if (t->armed)
		take_out(t);
	t->at_us = delay_us < NEVER - 1 - now ? now + delay_us : NEVER - 1;
	insert(t);
	if (first == t || was_first == t)
		rearm();
	spin_unlock(&timers_lock);
}

bool timer_cancel(struct timer *t)
{
	bool was_armed, was_first;

	spin_lock(&timers_lock);
	was_armed = t->armed;
	was_first = first == t;
	if (was_armed)
		take_out(t);
	if (was_armed && was_first)
		rearm();
	spin_unlock(&timers_lock);
	return was_armed;
}

void timers_rearm(void)
{
	spin_lock(&timers_lock);
	rearm();
	spin_unlock(&timers_lock);
}

static void note_expired(u64 late_us) REQUIRES(timers_lock)
{
	u64 count = atomic_load_explicit(&expired, memory_order_relaxed) + 1;

	atomic_store_explicit(&expired, count, memory_order_relaxed);
	if (late_us > atomic_load_explicit(&latest_us, memory_order_relaxed))
		atomic_store_explicit(&latest_us, late_us, memory_order_relaxed);
}

/* The next one to call, no longer armed; NULL: none has expired. */
static struct timer *take_expired(void) REQUIRES(timers_lock)
{
	struct timer *t = first;
	u64 now = arch_time_us();

	if (!t || t->at_us > now)
		return NULL;
	take_out(t);
	note_expired(now - t->at_us);
	return t;
}

static void call(struct timer *t)
{
	void (*fn)(struct timer *t) = t->fn;
	u64 began = trace_begin(TRACE_CLASS_WORK);

	fn(t);
	trace_since(TRACE_TIMER, began, 0, (u64)(uintptr_t)fn, 0);
}

unsigned int timers_run(void)
{
	unsigned int called = 0;
	struct timer *t;

	if (atomic_load_explicit(&next_at, memory_order_relaxed) == NEVER ||
	    atomic_load_explicit(&next_at, memory_order_relaxed) > arch_time_us())
		return 0;
	spin_lock(&timers_lock);
	running++;
	while (called < RUN_MAX && (t = take_expired())) {
		spin_unlock(&timers_lock);
		call(t);
		called++;
		spin_lock(&timers_lock);
	}
	running--;
	rearm();
	spin_unlock(&timers_lock);
	return called;
}

void timer_get_stats(struct timer_stats *out)
{
	out->expired = atomic_load_explicit(&expired, memory_order_relaxed);
	out->latest_us = atomic_load_explicit(&latest_us, memory_order_relaxed);
}
