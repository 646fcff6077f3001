/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Debug builds: one CPU looks at what all of them change, while the others rest: rendezvous_work(), rendezvous_rest(),
 * rendezvous_begin() and rendezvous_end() (core/rendezvous.c), where shootdown_exit(), shootdown_enter() and
 * exit_tail() call them.
 *
 * Bounds: CPUS CPUs, each of ROUNDS exits; in each it works, and may look once (the first LOOKERS CPUs) or shoot down, which waits
 * until nobody is in the guest who was. The limit of 3 s: a looker may give up whenever somebody works, with -DIMPATIENT.
 *
 * CONFIG default -DCPUS=2 -DROUNDS=2 -DLOOKERS=2
 * CONFIG impatient -DCPUS=2 -DROUNDS=2 -DLOOKERS=2 -DIMPATIENT
 * CONFIG three -DCPUS=3 -DROUNDS=1 -DLOOKERS=2
 * LARGE rounds -DCPUS=3 -DROUNDS=2 -DLOOKERS=2
 * UNREACHED "-end-": the end of the judge, who goes round for ever
 * MUTANT LOOK_BEFORE_SAYING default nobody_works_while_somebody_looks
 * MUTANT RESTORED_LAST default nobody_works_while_somebody_looks
 * MUTANT WORK_FORGOTTEN default nobody_works_while_somebody_looks
 * MUTANT REST_BEFORE_TAIL default nobody_works_while_somebody_looks
 * MUTANT TURN_NOT_ATOMIC default nobody_works_while_somebody_looks
 * MUTANT WORKER_INSISTS default nobody_waits_for_ever
 * MUTANT LOOKER_WORKS default nobody_waits_for_ever
 * MUTANT IN_GUEST_WHILE_WAITING three nobody_waits_for_ever
 * MUTANT GIVES_UP_LOOKING impatient nobody_waits_for_ever
 */
#include "common.inc"

DECLARE_RULE(nobody_works_while_somebody_looks);
DECLARE_RULE(nobody_waits_for_ever);

bool works[CPUS];
bool looked_at;
bool in_guest[CPUS];
bool nmi[CPUS];
/* ghost */
bool busy[CPUS];	/* has something in hand, and goes on with it */
byte looking;
byte done;

inline judge()
{
	for (i : 0 .. CPUS - 1) {
		RULE(nobody_works_while_somebody_looks, looking == 0 || !busy[i])
	}
	i = 0
}

inline rendezvous_work()
{
	do
	::
#ifdef MUTANT_LOOK_BEFORE_SAYING
		if
		:: !looked_at -> works[me] = YES; break
		:: else
		fi;
#else
		works[me] = YES;
		if
		:: !looked_at -> break
		:: else
		fi;
#ifndef MUTANT_WORKER_INSISTS
		works[me] = NO;
#endif
#endif
		!looked_at
	od;
	skip;
	d_step { busy[me] = YES; judge() }
}

inline rendezvous_rest()
{
	busy[me] = NO;
	works[me] = NO
}

inline rendezvous_begin()
{
	/* take_turn(): it has nothing in hand now, and no lock */
	busy[me] = NO;
	before = works[me];
#ifndef MUTANT_LOOKER_WORKS
	works[me] = NO;
#endif
#ifdef MUTANT_TURN_NOT_ATOMIC
	!looked_at;
	looked_at = YES;
#else
	atomic { !looked_at -> looked_at = YES };
#endif
#ifdef MUTANT_LOOKER_WORKS
	works[me] = NO;
#endif
	gave_up = NO;
	for (i : 0 .. CPUS - 1) {
		if
		:: gave_up || !works[i]
#ifdef IMPATIENT
		:: !gave_up && works[i] -> gave_up = YES
#endif
		fi
	}
	i = 0
}

inline rendezvous_end()
{
#ifdef MUTANT_RESTORED_LAST
	looked_at = NO;
	d_step { busy[me] = YES; judge() };
	works[me] = before
#else
#ifndef MUTANT_WORK_FORGOTTEN
	works[me] = before;
#endif
	d_step { busy[me] = YES; judge() };
	looked_at = NO
#endif
}

proctype cpu(byte me)
{
	byte i, rounds;
	bool before, gave_up;

	do
	:: rounds < ROUNDS ->
		rounds++;
		/* shootdown_exit() */
#ifdef MUTANT_IN_GUEST_WHILE_WAITING
		rendezvous_work();
		in_guest[me] = NO;
#else
		in_guest[me] = NO;
		rendezvous_work();
#endif
		nmi[me] = NO;
		if
		:: me < LOOKERS ->
			rendezvous_begin();
			if
			:: !gave_up ->
				d_step { looking++; judge() };
				looking--
			:: else
			fi;
#ifdef MUTANT_GIVES_UP_LOOKING
			if
			:: gave_up -> busy[me] = YES
			:: else -> rendezvous_end()
			fi;
#else
			rendezvous_end()
#endif
		:: /* shootdown_begin(), shootdown_wait() */
			for (i : 0 .. CPUS - 1) {
				if
				:: in_guest[i] -> nmi[i] = YES; (!in_guest[i] || !nmi[i])
				:: else
				fi
			}
			i = 0
		:: skip
		fi;
#ifdef MUTANT_REST_BEFORE_TAIL
		works[me] = NO;
		skip; /* work that was posted */
#endif
		/* shootdown_enter() */
		rendezvous_rest();
		if
		:: rounds < ROUNDS -> in_guest[me] = YES
		:: else
		fi;
		/* the guest exits, asked or not */
	:: else -> break
	od;
	done++
}

init {
	byte i;

	atomic {
		for (i : 1 .. CPUS) {
			in_guest[i - 1] = YES;
			run cpu(i - 1)
		}
	}
	timeout;
	RULE(nobody_waits_for_ever, done == CPUS);
	/* whoever waits now waits for ever, which the rule has judged */
	do
	:: i = 0
	od
}
