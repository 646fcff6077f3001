/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shoot-down of the guest's cached translations by generation.
 *
 * Who has taken something out of the guest's second-stage table bumps the generation, and kicks only
 * the CPUs that run the guest now. A CPU inside Fairlead counts as done: it compares the generation before it
 * enters the guest, and flushes. So nobody waits for a CPU that is itself waiting for something.
 */
#ifndef CORE_SHOOTDOWN_H
#define CORE_SHOOTDOWN_H

#include <stdatomic.h>

#include "core/types.h"

struct shootdown {
	_Atomic u64 generation; /* of the table; starts at 1 */
	struct {
		_Atomic u64 in_guest; /* the generation it entered the guest with; 0: inside Fairlead */
		_Atomic u64 flushed;  /* the latest generation for which this CPU has flushed */
	} cpu[64];
};

/* An unused one. Boot. */
void shootdown_init(struct shootdown *s);
/*
 * By each CPU directly before the guest's entry; true: it must flush its translations with that entry. The
 * look at the generation comes after `in_guest` was set, so a bump is either seen here or the bumper sees
 * this CPU in the guest.
 */
bool MUST_CHECK shootdown_enter(struct shootdown *s);
/* By each CPU directly after its exit. */
void shootdown_exit(struct shootdown *s);
/*
 * The table was changed: a new generation, which is returned; kicks whoever runs the guest with an older
 * one. Any lock but none of a CPU's entry.
 */
u64 shootdown_begin(struct shootdown *s);
/* True: no CPU can use a translation from before that generation any more. Never waits. */
bool shootdown_done(struct shootdown *s, u64 generation);
/*
 * Waits for that, bounded (1 s). 0; -ETIMEDOUT after an error line that names the first CPU that did not
 * answer. No lock held.
 */
int MUST_CHECK shootdown_wait(struct shootdown *s, u64 generation);

#endif
