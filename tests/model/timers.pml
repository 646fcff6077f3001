/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers with one list and one comparator, which is the boot CPU's: timer_set(), timers_run(), timers_rearm() and rearm()
 * (core/timer.c); arch_timer_arm(), ask_boot_cpu(), program(), stop() and timer_fired() (arch/x86/timer.c); exit_tail().
 *
 * Bounds: 2 timers, which together are set SETS times, by any CPU, for moments up to LAST; CPU 0 is the boot CPU, the other
 * exits by itself EXITS times. Time passes at any moment, as a whole number; a step of the comparator is one. It
 * matches when the counter gets there, not when it is past it. Left out: the margin, what is owed, timer_cancel(), and who finds
 * a timer expired on his way (that is timers_run() of any CPU, which is in).
 *
 * CONFIG default -DCPUS=2 -DSETS=2 -DEXITS=1 -DLAST=3
 * CONFIG again -DCPUS=2 -DSETS=3 -DEXITS=1 -DLAST=2
 * LARGE three -DCPUS=3 -DSETS=2 -DEXITS=1 -DLAST=3
 * LARGE sets -DCPUS=2 -DSETS=3 -DEXITS=2 -DLAST=3
 * UNREACHED "-end-": everybody goes round for ever
 * MUTANT NOBODY_ASKED default armed_for_the_first
 * MUTANT ARMED_IS_ENOUGH default armed_for_the_first
 * MUTANT RUNNER_LEAVES_IT default armed_for_the_first
 * MUTANT REARMED_WHILE_RUNNING default armed_for_the_first
 * MUTANT SAME_DEADLINE_IS_ENOUGH default armed_for_the_first
 * MUTANT LATE_NOT_POSTED default armed_for_the_first
 * MUTANT STEP_NOT_FOLLOWED default armed_for_the_first
 * MUTANT PASSED_UNSEEN default each_is_called
 * MUTANT BOOT_CPU_NOT_KICKED default work_is_not_left
 * MUTANT ANYBODY_PROGRAMS default one_programs
 * MUTANT NEXT_NOT_LOOKED_AT default none_is_early
 */
#include "common.inc"

DECLARE_RULE(armed_for_the_first);
DECLARE_RULE(each_is_called);
DECLARE_RULE(work_is_not_left);
DECLARE_RULE(one_programs);
DECLARE_RULE(none_is_early);

#define NEVER 15
#define BOOT 0
#define MIN(a, b) ((a) < (b) -> (a) : (b))

byte now = 1;
byte timers_lock;
byte at[2] = NEVER;	/* the list: NEVER is not on it */
byte next_at = NEVER;
byte running;
/* the comparator, and what arch/x86/timer.c knows of it */
bool enables;
byte match;
byte deadline = NEVER;
bool armed;
bool again;		/* is queued, on the boot CPU */
bool nmi;		/* the boot CPU's */
bool guest[CPUS];
byte sets;

#define FIRST MIN(at[0], at[1])

/* Nobody is at work, and nothing is on its way to the one who could be. */
inline judge()
{
	quiet = !nmi;
	for (i : 0 .. CPUS - 1) {
		quiet = quiet && guest[i]
	}
	i = 0;
	RULE(armed_for_the_first, !quiet || FIRST == NEVER || armed && enables && deadline <= FIRST && match <= FIRST);
	quiet = NO
}

/* Any number of posts are one; another CPU's is a kick. */
inline post_again()
{
	again = YES;
#ifndef MUTANT_BOOT_CPU_NOT_KICKED
	if
	:: me != BOOT -> nmi = YES
	:: else
	fi
#endif
}

inline stop()
{
	RULE(one_programs, me == BOOT);
	enables = NO;
	armed = NO
}

inline arch_timer_arm(moment)
{
	if
#ifndef MUTANT_ANYBODY_PROGRAMS
	:: me != BOOT ->
		/* ask_boot_cpu() */
#ifndef MUTANT_NOBODY_ASKED
		if
#ifdef MUTANT_ARMED_IS_ENOUGH
		:: moment != NEVER && !armed -> post_again()
#else
		:: moment != NEVER && !(armed && deadline <= moment) -> post_again()
#endif
		:: else
		fi
#else
		skip
#endif
	:: me == BOOT ->
#else
	:: YES ->
#endif
		if
#ifdef MUTANT_SAME_DEADLINE_IS_ENOUGH
		:: moment == deadline
#else
		:: armed && moment == deadline
#endif
		:: else ->
			stop();
			deadline = moment;
			if
			:: moment == NEVER
			:: else ->
				late = moment <= now;
				if
				:: late
				:: else ->
					/* program(): a step, and a look whether it has passed meanwhile */
					d_step { match = MIN(moment, now + 1); armed = YES };
					enables = YES;
#ifdef MUTANT_PASSED_UNSEEN
					late = NO
#else
					late = match <= now
#endif
				fi;
				if
				:: late ->
					stop();
#ifndef MUTANT_LATE_NOT_POSTED
					post_again()
#else
					skip
#endif
				:: else
				fi;
				late = NO
			fi
		fi
	fi
}

/* Under the lock */
inline rearm()
{
	next_at = FIRST;
	if
	:: running == 0 -> arch_timer_arm(next_at)
	:: else
	fi
}

inline timer_set(t, moment)
{
	LOCK(timers_lock);
	was_first = FIRST;
	at[t] = (moment);
	if
	:: FIRST != was_first || at[t] == FIRST -> rearm()
	:: else
	fi;
	was_first = 0;
	UNLOCK(timers_lock)
}

/* A function that is called, or an exit's handler, sets any timer. */
inline perhaps_set()
{
	if
	:: atomic { sets < SETS -> sets++ };
		if
		:: t = 0
		:: t = 1
		fi;
		if
		:: moment = now + 1
		:: moment = now + 2
		fi;
		moment = MIN(moment, LAST);
		timer_set(t, moment);
		t = 0;
		moment = 0
	:: skip
	fi
}

inline timers_run()
{
	if
#ifdef MUTANT_NEXT_NOT_LOOKED_AT
	:: next_at == NEVER
#else
	:: next_at == NEVER || next_at > now
#endif
	:: else ->
		LOCK(timers_lock);
		running++;
		do
#ifdef MUTANT_NEXT_NOT_LOOKED_AT
		:: FIRST != NEVER ->
#else
		:: FIRST <= now ->
#endif
			d_step {
				RULE(none_is_early, FIRST <= now);
				if
				:: at[0] == FIRST -> at[0] = NEVER
				:: else -> at[1] = NEVER
				fi
			};
			UNLOCK(timers_lock);
			perhaps_set(); /* the timer's function */
			LOCK(timers_lock)
		:: else -> break
		od;
#ifdef MUTANT_REARMED_WHILE_RUNNING
		rearm();
		running--;
#else
		running--;
#ifndef MUTANT_RUNNER_LEAVES_IT
		rearm();
#endif
#endif
		UNLOCK(timers_lock)
	fi
}

proctype cpu(byte me)
{
	byte i, t, moment, was_first, exits;
	bool late, quiet;

	do
	::	/* the exit's handler; of an NMI timer_fired(), too */
		if
		:: me == BOOT ->
			nmi = NO;
			if
			:: armed && match <= now ->
				armed = NO;
#ifndef MUTANT_STEP_NOT_FOLLOWED
				again = YES
#endif
			:: else
			fi
		:: else
		fi;
		perhaps_set();
		/* exit_tail() */
		timers_run();
		if
		:: me == BOOT && again ->
			again = NO;
			/* timers_rearm() */
			LOCK(timers_lock);
			rearm();
			UNLOCK(timers_lock)
		:: else
		fi;
		if
		:: me == BOOT && again -> nmi = YES /* it is left, so the CPU kicks itself */
		:: else
		fi;
		d_step { guest[me] = YES; judge() };
		/* Only an NMI ends it for sure. */
		if
		:: me == BOOT && nmi
		:: me != BOOT && exits < EXITS -> exits++
		fi;
		guest[me] = NO
	od
}

proctype clock()
{
end:	do
	:: atomic {
		now < LAST -> now++;
		if
		:: enables && now == match -> nmi = YES
		:: else
		fi
	}
	od
}

init {
	byte i;

	atomic {
		run clock();
		for (i : 1 .. CPUS) {
			run cpu(i - 1)
		}
	}
	timeout;
	RULE(work_is_not_left, !again);
	RULE(each_is_called, FIRST == NEVER);
	/* who waits now waits for ever, which the rules have judged */
	do
	:: i = 0
	od
}
