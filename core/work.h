/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deferred work: what must not, or cannot, be done where it was noticed. There is no scheduler and a busy
 * guest may not exit for seconds, so each CPU has a queue, filled from any context without a lock and
 * drained at the tail of each exit; who queues for another CPU kicks it.
 *
 * A function that is called as work runs on the exit path with no lock held, may post (itself, too) and set
 * timers, and must not wait for hardware for longer than microseconds: longer waits are steps of a state
 * machine on a timer (core/timer.h). It drops its TRANSIENT references before it returns; what it keeps for
 * later is a WORK reference.
 */
#ifndef CORE_WORK_H
#define CORE_WORK_H

#include <stdatomic.h>

#include "core/types.h"

struct work {
	struct work *next;	    /* while queued; the queue's */
	void (*fn)(struct work *w); /* called with `w` no longer queued: it may be posted anew, or freed */
	_Atomic bool queued;
};

/* Before the first post. */
void work_init(struct work *w, void (*fn)(struct work *w));
/*
 * Queues for this CPU, or for another, which is kicked. False: it was queued already and will run once,
 * after this call (what the caller wrote before is seen by fn). Any context, NMI included.
 */
bool work_post(struct work *w);
bool work_post_on(unsigned int cpu, struct work *w);
/*
 * Runs what is queued for this CPU, first in first out, at most `budget`; what was posted meanwhile is left
 * for the next call. Returns how many ran. Exit tail; no lock held.
 */
unsigned int work_run(unsigned int budget);
/* Is something queued for this CPU? Any context. */
bool work_pending(void);

#define WORK_BUDGET 32 /* an exit's */

/*
 * What the architecture calls between the last exit handler and the next entry, on each CPU: expired
 * timers, then work. If the budget leaves some, kicks this CPU, so that the guest exits again at once. No
 * lock held.
 */
void exit_tail(void);

struct work_stats {
	u64 run, left_over; /* functions run; tails that could not finish */
};
void work_get_stats(struct work_stats *out);

#endif
