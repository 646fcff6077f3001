/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deferred work: work_post(), work_post_on(), work_run() (claim, push, take, run_one), exit_tail(), and
 * the way into the guest. A lost wake-up would be: work is queued, the CPU is in the guest, and nothing is
 * on its way to take it out.
 *
 * Bounds: one CPU that drains, one work item posted by POSTERS other CPUs and, with -DNMI, by an NMI
 * handler of the CPU itself, and a second item that shares the list. The CPU enters the guest any number
 * of times. The list is modelled as what it is: the newest item, and next pointers. Left out: the budget,
 * timers.
 *
 * On this CPU NMIs are taken only in the window after an exit (GIF is 1 there, and in the guest, where an
 * NMI is an exit); with -DOPEN at any moment in Fairlead, as on a CPU that has no GIF: then the handler
 * itself has to kick.
 *
 * CONFIG default -DPOSTERS=2
 * CONFIG nmi -DPOSTERS=1 -DNMI
 * CONFIG open -DPOSTERS=1 -DNMI -DOPEN
 * LARGE three -DPOSTERS=3 -DNMI -DOPEN
 * UNREACHED "-end-": the CPU goes round for ever
 * MUTANT NO_KICK default no_lost_wakeup
 * MUTANT KICK_BEFORE_PUSH default no_lost_wakeup
 * MUTANT NMI_EATEN_BEFORE_ENTRY default no_lost_wakeup
 * MUTANT NO_KICK_FROM_NMI open no_lost_wakeup
 * MUTANT PUSH_NOT_ATOMIC default only_queued_items_are_run
 * MUTANT TAKE_NOT_ATOMIC default each_post_is_run
 * MUTANT CLEARED_AFTER_RUN default run_sees_what_was_posted
 * MUTANT NO_CLAIM default queued_once
 * MUTANT NEXT_READ_AFTER_RUN default only_queued_items_are_run
 */
#include "common.inc"

DECLARE_RULE(no_lost_wakeup);
DECLARE_RULE(each_post_is_run);
DECLARE_RULE(run_sees_what_was_posted);
DECLARE_RULE(queued_once);
DECLARE_RULE(only_queued_items_are_run);
DECLARE_RULE(no_deadlock);

#define ITEMS 2 /* 1: posted by everybody; 2: by poster 0 only */

bool queued[ITEMS + 1];
byte next[ITEMS + 1];
bool linked[ITEMS + 1];	/* ghost: is on a list */
byte newest;		/* pushed, by whomever */
bool nmi;		/* pending for this CPU */
bool guest;		/* the CPU is in the guest */
bool asked[ITEMS + 1];	/* ghost: a post has said something that no run has seen */
byte done, posters_left = POSTERS;

inline push(w, seen)
{
	do
	:: seen = newest;
		next[w] = seen;
#ifdef MUTANT_PUSH_NOT_ATOMIC
		newest = w;
		break
#else
		if
		:: atomic { newest == seen -> newest = w }
			break
		:: newest != seen
		fi
#endif
	od
}

inline claim(w, was)
{
	d_step { was = queued[w]; queued[w] = YES }
#ifdef MUTANT_NO_CLAIM
	was = NO
#endif
}

/* work_post_on() of another CPU, or from NMI context of this one */
inline post(w, was, seen, kick)
{
	asked[w] = YES; /* what the poster wrote before */
	claim(w, was);
	if
	:: !was ->
		RULE(queued_once, !linked[w]);
		linked[w] = YES;
#ifdef MUTANT_KICK_BEFORE_PUSH
		nmi = YES;
		push(w, seen)
#else
		push(w, seen);
#ifndef MUTANT_NO_KICK
		if
		:: kick -> nmi = YES
		:: else
		fi
#endif
#endif
	:: else
	fi
}

proctype poster(byte me)
{
	byte seen;
	bool was;

	post(1, was, seen, YES);
	if
	:: me == 0 -> post(2, was, seen, YES)
	:: else
	fi;
	done++
}

#ifdef NMI
bool posted_by_nmi;

#ifdef MUTANT_NO_KICK_FROM_NMI
#define KICKS NO
#else
#ifdef OPEN
#define KICKS YES
#else
#define KICKS NO /* the tail follows the window */
#endif
#endif

/* An NMI of the timer's: its handler posts. It runs on the CPU's own stack: nothing else of the CPU moves meanwhile. */
#define NMI_HERE \
	if \
	:: atomic { !posted_by_nmi -> posted_by_nmi = YES; post(1, was, seen, KICKS) } \
	:: skip \
	fi
#else
#define NMI_HERE skip
#endif
#ifdef OPEN
#define NMI_ANYWHERE NMI_HERE
#else
#define NMI_ANYWHERE skip
#endif

proctype cpu()
{
	byte taken, older, oldest, w, seen;
	bool was;

end:	do
	::	/* in Fairlead: nmi_window(), and the NMI that waited is taken here, to no other effect than the exit */
		nmi = NO;
		NMI_HERE;
		/* exit_tail(): take() */
#ifdef MUTANT_TAKE_NOT_ATOMIC
		taken = newest;
		newest = NIL;
#else
		d_step { taken = newest; newest = NIL };
#endif
		NMI_ANYWHERE;
		oldest = NIL;
		do
		:: taken != NIL ->
			older = next[taken];
			next[taken] = oldest;
			oldest = taken;
			taken = older
		:: else -> break
		od;
		do
		:: oldest != NIL ->
			w = oldest;
#if !defined(MUTANT_NEXT_READ_AFTER_RUN) && !defined(MUTANT_NO_CLAIM)
			RULE(only_queued_items_are_run, queued[w]);
#endif
#ifndef MUTANT_NEXT_READ_AFTER_RUN
			oldest = next[w];
#endif
			linked[w] = NO;
#ifndef MUTANT_CLEARED_AFTER_RUN
			queued[w] = NO;
#endif
			NMI_ANYWHERE;
			/* w->fn(w) */
			asked[w] = NO;
#ifdef MUTANT_CLEARED_AFTER_RUN
			queued[w] = NO;
#endif
#ifdef MUTANT_NEXT_READ_AFTER_RUN
			RULE(only_queued_items_are_run, queued[w]);
			oldest = next[w];
#endif
		:: else -> break
		od;
		NMI_ANYWHERE;
		/* here is the last look; then the way in, on which an NMI is held */
#ifdef MUTANT_NMI_EATEN_BEFORE_ENTRY
		nmi = NO;
#endif
		guest = YES;
		/* an exit of the guest's own is possible, but nothing may depend on one */
endstay:	if
		:: nmi
#ifdef NMI
		:: !posted_by_nmi /* the timer's NMI, which is an exit too */
#endif
		fi;
		guest = NO
	od
}

init {
	byte i;

	atomic {
		for (i : 1 .. POSTERS) {
			run poster(i - 1)
		}
		run cpu()
	}
	timeout;
	RULE(no_deadlock, done == POSTERS && guest);
	RULE(no_lost_wakeup, newest == NIL);
	RULE(each_post_is_run, !queued[1] && !queued[2]);
	RULE(run_sees_what_was_posted, !asked[1] && !asked[2])
}
