/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of the machine on several CPUs: stop_others(), stop_wait(), stop_wanted(), stop_this_cpu() (core/stop.c),
 * panic_begin() and machine_reset(), console_lock() and console_unlock() with the wait that ends without the lock
 * (core/console/lock.c), and the look before each entry of the guest.
 *
 * Bounds: CPUS CPUs, each with LINES lines to log, EXITS exits that nothing asked for, and one end that it may want: a
 * panic, also in the middle of a line that it writes, and one panic within it; or a reset without a panic. A limit of time is only
 * reached when it has to be: the console's when the holder has stopped for good, stop_wait()'s when whoever has not stopped
 * waits for the console's lock. Left out: other locks, which the end does not take.
 *
 * CONFIG default -DCPUS=2 -DLINES=1 -DEXITS=1
 * CONFIG three -DCPUS=3 -DLINES=1 -DEXITS=0
 * LARGE exits -DCPUS=3 -DLINES=1 -DEXITS=1
 * UNREACHED "-end-": the end of the judge, who goes round for ever
 * MUTANT CLAIM_NOT_ATOMIC default one_ends_the_machine
 * MUTANT PANIC_BEFORE_CLAIM default one_panic_is_heard
 * MUTANT LOCK_WAITED_FOR default end_is_reached
 * MUTANT OWN_LOCK_WAITED_FOR default end_is_reached
 * MUTANT NO_KICK default end_is_reached
 * MUTANT LOOK_BEFORE_VISIT default end_is_reached
 * MUTANT SPINNER_WAITED_FOR default end_is_reached
 * MUTANT PANIC_WITHIN_GOES_ON default panics_end
 * MUTANT NO_STOP_WAIT default no_guest_at_reset
 * MUTANT NO_LOOK_BEFORE_ENTRY default end_is_reached
 * MUTANT NO_LOOK_AFTER_LOCK default others_are_silent
 * MUTANT UNLOCKED_UNHELD three only_the_holder_unlocks
 */
#include "common.inc"

DECLARE_RULE(one_ends_the_machine);
DECLARE_RULE(one_panic_is_heard);
DECLARE_RULE(end_is_reached);
DECLARE_RULE(panics_end);
DECLARE_RULE(no_guest_at_reset);
DECLARE_RULE(others_are_silent);
DECLARE_RULE(only_the_holder_unlocks);
DECLARE_RULE(no_deadlock);

byte ending;		/* CPU number + 1 */
bool has_stopped[CPUS];
byte console;		/* the lock: CPU number + 1 */
bool panicking;
bool kicked[CPUS], nmi[CPUS];
/* ghost */
bool guest[CPUS], spins[CPUS], gone[CPUS]; /* waits for the console's lock; has stopped, whether it could say so or not */
bool spoke;		/* whoever ends the machine has begun to */
bool was_reset;
byte panics_heard;
byte panics;		/* entries of the panic: two at most */
byte enders;

#define MINE (ending == me + 1)
#define WANTED (ending != 0 && !MINE)

inline stop_this_cpu()
{
	d_step { has_stopped[me] = YES; gone[me] = YES };
	goto halted
}

inline stop_others()
{
#ifdef MUTANT_CLAIM_NOT_ATOMIC
	was = ending;
	if
	:: was == 0 -> ending = me + 1
	:: else
	fi;
#else
	d_step {
		was = ending;
		if
		:: was == 0 -> ending = me + 1
		:: else
		fi
	};
#endif
	if
	:: was == 0 ->
		enders++;
		RULE(one_ends_the_machine, enders == 1);
#ifndef MUTANT_NO_KICK
		for (i : 0 .. CPUS - 1) {
			if
			:: i == me
			:: else ->
				d_step { was = kicked[i]; kicked[i] = YES };
				if
				:: !was -> nmi[i] = YES
				:: else
				fi
			fi
		}
		i = 0
#endif
	:: was != 0 && was != me + 1 -> stop_this_cpu()
	:: was == me + 1
	fi;
	was = 0
}

#ifdef MUTANT_LOCK_WAITED_FOR
#define HOLDER_GONE NO
#else
#define HOLDER_GONE (console != 0 && console != me + 1 && gone[console - 1])
#endif

#ifdef MUTANT_OWN_LOCK_WAITED_FOR
#define MINE_ALREADY NO
#else
#define MINE_ALREADY (depth > 1)
#endif

inline console_lock()
{
	depth++;
	if
	:: MINE_ALREADY /* what it interrupts on this CPU has the lock, or asks for it */
	:: !MINE_ALREADY && MINE ->
		if
		:: atomic { console == 0 -> console = me + 1; holds = YES }
		:: HOLDER_GONE
		fi
	:: else ->
		if
		:: WANTED -> stop_this_cpu()
		:: else
		fi;
		spins[me] = YES;
		atomic { console == 0 -> console = me + 1; spins[me] = NO };
#ifndef MUTANT_NO_LOOK_AFTER_LOCK
		if
		:: WANTED -> console = 0; stop_this_cpu()
		:: else
		fi;
#endif
		holds = YES
	fi
}

inline console_unlock()
{
	if
#ifdef MUTANT_UNLOCKED_UNHELD
	:: depth == 1 ->
#else
	:: depth == 1 && holds ->
#endif
		holds = NO;
		RULE(only_the_holder_unlocks, console == me + 1);
		console = 0
	:: else
	fi;
	depth--
}

proctype cpu(byte me)
{
	byte lines, exits, depth, was, i;
	bool wanted, holds, within;

	do
	::	/* nmi_handle(): takes note of the kick before anything is looked at */
#ifdef MUTANT_LOOK_BEFORE_VISIT
		if
		:: WANTED -> stop_this_cpu()
		:: else
		fi;
#endif
		if
		:: nmi[me] -> nmi[me] = NO; kicked[me] = NO
		:: else
		fi;
		/* the exit's work */
		if
		:: lines < LINES ->
			lines++;
			console_lock();
			RULE(others_are_silent, MINE || !spoke);
			if
			:: !wanted -> wanted = YES; goto panic /* a machine check in the middle of the line */
			:: skip
			fi;
			console_unlock()
		:: !wanted -> wanted = YES; goto panic
		:: !wanted -> wanted = YES; goto reset /* the guest's triple fault */
		:: skip
		fi;
#if !defined(MUTANT_NO_LOOK_BEFORE_ENTRY) && !defined(MUTANT_LOOK_BEFORE_VISIT)
		if
		:: WANTED -> stop_this_cpu()
		:: else
		fi;
#endif
		d_step {
			guest[me] = YES;
			RULE(no_guest_at_reset, !was_reset)
		};
		if
		:: nmi[me]
		:: exits < EXITS -> exits++
		fi;
		guest[me] = NO
	od;

panic:
#ifdef MUTANT_PANIC_BEFORE_CLAIM
	panics_heard++;
	RULE(one_panic_is_heard, panics_heard == 1);
#endif
	stop_others();
	d_step { panics++; RULE(panics_end, panics <= 2) };
#ifndef MUTANT_PANIC_WITHIN_GOES_ON
	if
	:: panicking -> goto reset
	:: else
	fi;
#endif
	panicking = YES;
	console_lock();
	spoke = YES;
#ifndef MUTANT_PANIC_BEFORE_CLAIM
	panics_heard++;
	RULE(one_panic_is_heard, panics_heard == 1 || within);
#endif
	if
#ifdef MUTANT_PANIC_WITHIN_GOES_ON
	:: within = YES; goto panic
#else
	:: !within -> within = YES; goto panic
#endif
	:: skip
	fi;
	console_unlock();

reset:
	stop_others();
	console_lock();
	spoke = YES;
	console_unlock();
#ifndef MUTANT_NO_STOP_WAIT
	/* stop_wait() */
	for (i : 0 .. CPUS - 1) {
#ifdef MUTANT_SPINNER_WAITED_FOR
		(i == me || has_stopped[i])
#else
		(i == me || has_stopped[i] || spins[i])
#endif
	}
#endif
	i = 0;
	d_step {
		was_reset = YES;
		for (i : 0 .. CPUS - 1) {
			RULE(no_guest_at_reset, i == me || !guest[i])
		}
	};
	goto out;
halted:
	spins[me] = NO;
	NO;
out:	skip
}

init {
	byte i;

	atomic {
		for (i : 1 .. CPUS) {
			run cpu(i - 1)
		}
	}
	timeout;
	RULE(end_is_reached, was_reset || ending == 0);
	for (i : 0 .. CPUS - 1) {
		RULE(no_deadlock, was_reset || guest[i])
	}
	/* whoever waits now waits for ever, which the rules have judged */
	do
	:: i = 0
	od
}
