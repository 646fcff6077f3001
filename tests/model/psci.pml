/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The power of arm64's guest CPUs: cpu_request_on(), cpu_set_off(), cpu_take_on() (arch/arm64/cpus.c), and the run loop's wait
 * (wait_until_on(), arch/arm64/run.c).
 *
 * Bounds: CPUS CPUs, the first of them on. A CPU that is on asks for any CPU, itself included, or goes off; REQUESTS requests
 * and OFFS calls of CPU_OFF in all. A CPU that is off looks when it is kicked.
 *
 * CONFIG default -DCPUS=3 -DREQUESTS=3 -DOFFS=3
 * CONFIG two -DCPUS=2 -DREQUESTS=4 -DOFFS=4
 * CONFIG claims -DCPUS=3 -DREQUESTS=3 -DOFFS=0
 * LARGE four -DCPUS=4 -DREQUESTS=3 -DOFFS=3
 * UNREACHED "-end-": the end of the judge, who goes round for ever
 * MUTANT CLAIM_NOT_ATOMIC claims requests_are_seen
 * MUTANT START_WRITTEN_LATE default started_as_asked
 * MUTANT NO_KICK default requests_are_seen
 * MUTANT KICK_FIRST default requests_are_seen
 * MUTANT LAST_NOT_ATOMIC default somebody_is_on
 * MUTANT LAST_GOES_OFF default somebody_is_on
 * MUTANT AWAKE_LATE two refused_only_as_the_last
 * MUTANT TAKEN_STAYS_PENDING claims requests_are_seen
 */
#include "common.inc"

DECLARE_RULE(started_as_asked);
DECLARE_RULE(requests_are_seen);
DECLARE_RULE(somebody_is_on);
DECLARE_RULE(refused_only_as_the_last);
DECLARE_RULE(no_deadlock);

#define OFF 0
#define ON 1
#define PENDING 2
#define CLAIMED 3

byte state[CPUS];
byte start[CPUS];	/* who has asked, + 1 */
byte awake;
bool kick[CPUS];	/* an SGI that is pending: it ends WFI and an entry */
byte requests, offs;
/* ghost */
byte granted[CPUS];	/* who was told that it starts there, + 1, until it has */
bool leaves[CPUS];	/* it has been allowed to go off, and has not said so yet */

inline request(cpu)
{
#ifdef MUTANT_CLAIM_NOT_ATOMIC
	was = state[cpu];
	if
	:: was == OFF -> state[cpu] = CLAIMED
	:: else
	fi;
#else
	d_step {
		was = state[cpu];
		if
		:: was == OFF -> state[cpu] = CLAIMED
		:: else
		fi
	};
#endif
	if
	:: was == OFF ->
		d_step {
			RULE(started_as_asked, granted[cpu] == 0);
			granted[cpu] = me + 1
		};
#ifndef MUTANT_START_WRITTEN_LATE
		start[cpu] = me + 1;
#endif
#ifndef MUTANT_AWAKE_LATE
		awake++;
#endif
#ifdef MUTANT_KICK_FIRST
		kick[cpu] = YES;
#endif
		state[cpu] = PENDING;
#ifdef MUTANT_AWAKE_LATE
		awake++;
#endif
#ifdef MUTANT_START_WRITTEN_LATE
		start[cpu] = me + 1;
#endif
#if !defined(MUTANT_NO_KICK) && !defined(MUTANT_KICK_FIRST)
		kick[cpu] = YES
#else
		skip
#endif
	:: else
	fi;
	was = 0
}

/* How many are on, or will be, and have not been allowed to go off: awake is never below that. */
inline count_sure()
{
	sure = 0;
	for (i : 0 .. CPUS - 1) {
		if
		:: (state[i] == ON || state[i] == PENDING) && !leaves[i] -> sure++
		:: else
		fi
	};
	i = 0
}

inline set_off()
{
#ifdef MUTANT_LAST_NOT_ATOMIC
	was = awake;
	if
	:: was > 1 ->
		d_step { awake = was - 1; leaves[me] = YES };
		refused = NO
	:: else -> refused = YES
	fi;
	was = 0;
#else
	/* The loop of the compare-and-exchange ends with one that succeeds, or that finds the last. */
	d_step {
#ifdef MUTANT_LAST_GOES_OFF
		if
		:: awake > 0 -> awake--; refused = NO; leaves[me] = YES
		:: else -> refused = YES
		fi;
#else
		if
		:: awake > 1 -> awake--; refused = NO; leaves[me] = YES
		:: else -> refused = YES
		fi;
#endif
		if
		:: refused ->
			count_sure();
			RULE(refused_only_as_the_last, sure <= 1);
			sure = 0
		:: else
		fi
	};
#endif
	if
	:: !refused ->
		d_step {
			state[me] = OFF;
			leaves[me] = NO;
			count_sure();
			RULE(somebody_is_on, sure > 0);
			sure = 0
		}
	:: else
	fi
}

proctype cpu(byte me)
{
	byte was, i, other, sure, got;
	bool refused;

	if
	:: me == 0 -> goto on
	:: else -> goto off
	fi;
off:	/* wait_until_on(): interrupts taken, then the look, then WFI */
	kick[me] = NO;
	if
	:: state[me] == PENDING ->
		got = start[me];
#ifndef MUTANT_TAKEN_STAYS_PENDING
		state[me] = ON
#else
		skip
#endif
	:: else ->
		kick[me];
		goto off
	fi;
	d_step {
		RULE(started_as_asked, got == granted[me]);
		granted[me] = 0;
		got = 0
	};
on:
	do
	:: atomic { requests < REQUESTS -> requests++ };
		if
		:: other = 0
		:: other = 1
#if CPUS > 2
		:: other = 2
#endif
#if CPUS > 3
		:: other = 3
#endif
		fi;
		request(other);
		other = 0
	:: atomic { offs < OFFS -> offs++ };
		set_off();
		if
		:: !refused -> goto off
		:: else -> refused = NO
		fi
	od
}

init {
	byte i;

	atomic {
		state[0] = ON;
		awake = 1;
		for (i : 1 .. CPUS) {
			run cpu(i - 1)
		}
	}
	timeout;
	for (i : 0 .. CPUS - 1) {
		RULE(requests_are_seen, state[i] != PENDING);
		RULE(no_deadlock, state[i] == ON || state[i] == OFF)
	}
	/* who is off now is so for ever, who is on has nothing to do */
	do
	:: i = 0
	od
}
