/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers of Fairlead's own: a function is called on the exit path (as work is, core/work.h) when a moment
 * has come, whatever the guest does, within 10 ms of it. The hardware behind it is the architecture's
 * (arch_timer_arm()).
 *
 * All CPUs share one sorted list; timers expire on the CPU that the hardware timer interrupts, or on any
 * other that comes by later.
 */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include "core/types.h"

struct timer {
	struct timer *next;
	u64 at_us; /* of arch_time_us() */
	void (*fn)(struct timer *t);
	bool armed; /* all under the list's lock */
};

void timer_init(struct timer *t, void (*fn)(struct timer *t));
/*
 * fn is called once, `delay_us` from now. An armed timer is moved. Exit path and boot; takes the timers'
 * lock, which is inside the console's.
 */
void timer_set(struct timer *t, u64 delay_us);
/*
 * True: it was armed and will not be called. False: it was not, or its function is about to run, or runs,
 * on another CPU.
 */
bool timer_cancel(struct timer *t);
/* Calls what has expired; bounded: at most 32 a call. Exit tail. Returns how many. */
unsigned int timers_run(void);

/* The hardware has fired, maybe too early: arms it for the first timer again. Exit path. */
void timers_rearm(void);

struct timer_stats {
	u64 expired;
	u64 latest_us; /* the largest delay between the moment asked for and the call */
};
void timer_get_stats(struct timer_stats *out);

#endif
