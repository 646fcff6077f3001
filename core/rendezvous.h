/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Debug builds: one CPU looks at what all of them change (the oracle, core/manage), so the others have to be
 * between two pieces of work meanwhile: each is in the guest, or about to enter it, or asleep, or waits for
 * its own turn to look. In such a moment no lock is held, nothing is half done, and only operations of several
 * steps, which say so, are under way: the same as on a machine with one CPU.
 *
 * Nobody is interrupted for it. A CPU that has left the guest says that it is at work, and one that is
 * through says so; while somebody looks, who wants to begin waits. So what is looked at stands still, but the
 * guest runs on as long as it does not exit.
 */
#ifndef CORE_RENDEZVOUS_H
#define CORE_RENDEZVOUS_H

#include "core/types.h"

#ifdef FL_DEBUG
/* This CPU begins to work: waits while somebody looks. Directly after an exit, and before deferred work. */
void rendezvous_work(void);
/* It has no work in hand: before an entry, before it sleeps. No lock held. */
void rendezvous_rest(void);
/*
 * True: every other CPU rests until rendezvous_end(). One at a time; who waits for his turn rests. False: one
 * has not come to rest within 3 s, and is named in the log. No lock held.
 */
bool MUST_CHECK rendezvous_begin(void);
void rendezvous_end(void);
#else
static inline void rendezvous_work(void)
{
}
static inline void rendezvous_rest(void)
{
}
#endif

#endif
