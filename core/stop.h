/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of the machine, a panic or a reset, is one CPU's: the first that wants it. All others stop for
 * good.
 *
 * It guards that nobody is left in the guest when the machine is reset, where he could undo what was done
 * for it: on a PC the reset's cause in CMOS is an index and a data port, which are the guest's.
 */
#ifndef CORE_STOP_H
#define CORE_STOP_H

#include "core/types.h"

/*
 * This CPU ends the machine: kicks all others, so that they come out of the guest. Returns on the first CPU
 * that asks, each time it asks; on any other it does not return. Any context but NMI; never waits.
 */
void stop_others(void);
/*
 * Waits, bounded, until they have stopped. Who spins inside Fairlead never says so; he is not in the guest
 * either. After stop_others().
 */
void stop_wait(void);
#define STOP_WAIT_US 100000u

/* Some CPU ends the machine: is it another, or this one? Any context. */
bool stop_wanted(void);
bool stop_mine(void);
/* Says so and stops for good: there is a reset coming. */
void stop_this_cpu(void) NORETURN;
/*
 * By each CPU before each entry of the guest, and while it waits: a kick that comes later ends that entry,
 * or the sleep. Exit path, no lock held.
 */
static inline void stop_if_wanted(void)
{
	if (stop_wanted())
		stop_this_cpu();
}

#endif
