/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shoot-down by generation: shootdown_enter(), shootdown_exit(), shootdown_begin(), shootdown_done(), and
 * what the world switch does between them (enter_guest(): NMIs are held from the look at the generation to
 * the guest's first instruction).
 *
 * Bounds: CPUS guest CPUs of ENTRIES entries each, BUMPERS who change the table once each. Each CPU's
 * translation cache is one number: the version of the table that its oldest entry is from; it may be
 * filled at any moment in the guest. With -DWAITS a CPU may wait for a SIPI for ever, from the start or
 * after an exit; it is inside Fairlead. Left out: weak memory (the code's seq_cst pairs are what makes this
 * model true), the 1 s limit.
 *
 * CONFIG default -DCPUS=1 -DENTRIES=3 -DBUMPERS=2
 * CONFIG cpus -DCPUS=2 -DENTRIES=1 -DBUMPERS=1
 * CONFIG waits -DCPUS=2 -DENTRIES=2 -DBUMPERS=1 -DWAITS
 * LARGE wide -DCPUS=2 -DENTRIES=2 -DBUMPERS=1
 * MUTANT NO_LOOK_AFTER default no_stale_translation_after_done
 * MUTANT BUMP_BEFORE_CHANGE default no_stale_translation_after_done
 * MUTANT INSIDE_IS_CURRENT default no_stale_translation_after_done
 * MUTANT FLUSH_FORGOTTEN default no_stale_translation_after_done
 * MUTANT IN_GUEST_TOO_NEW default no_stale_translation_after_done
 * MUTANT KICKED_BY_CPU0_ONLY cpus shootdown_ends
 * MUTANT NO_KICK default shootdown_ends
 * MUTANT NMI_LOST_BEFORE_ENTRY default shootdown_ends
 * MUTANT WAITING_IS_FLUSHED waits no_stale_translation_after_done
 * MUTANT WAITING_IS_IN_GUEST waits shootdown_ends
 * MUTANT INSIDE_WAITED_FOR default never_waits_for_a_cpu_inside
 */
#include "common.inc"

DECLARE_RULE(no_stale_translation_after_done);
DECLARE_RULE(shootdown_ends);
DECLARE_RULE(never_waits_for_a_cpu_inside);

#define INSIDE 0
#define FIRST 1

byte generation = FIRST;
byte in_guest[CPUS];
byte flushed[CPUS];
bool nmi[CPUS];		/* pending; held while the CPU is inside Fairlead with GIF at 0 */
byte table = 1;		/* version of the guest's second-stage table */
byte retired = 1;	/* ghost: translations of older versions may not be used any more */
byte cached[CPUS];	/* version of the oldest cached translation; 0: none */
bool guest[CPUS];	/* ghost: runs the guest */
byte through;		/* ghost: bumpers that are */

/* What is cached is used at once and all the time, so the rule is looked at whenever one of its two sides changes. */
#define CHECK(c) RULE(no_stale_translation_after_done, !guest[c] || cached[c] == 0 || cached[c] >= retired)

proctype cpu(byte me)
{
	byte seen, entries;
	bool flush;

	do
	:: entries < ENTRIES ->
		entries++;
		/* shootdown_enter() */
#ifdef MUTANT_NO_LOOK_AFTER
		seen = generation;
		in_guest[me] = (flushed[me] -> flushed[me] : FIRST);
#else
#ifdef MUTANT_IN_GUEST_TOO_NEW
		/* "the newest" before the flush is decided */
		in_guest[me] = generation;
		seen = (flushed[me] -> flushed[me] : FIRST);
#else
		in_guest[me] = (flushed[me] -> flushed[me] : FIRST);
		seen = generation;
#endif
#endif
		flush = NO;
		if
		:: flushed[me] == seen
		:: else ->
			flush = YES;
			flushed[me] = seen;
			in_guest[me] = seen
		fi;
#ifdef MUTANT_NMI_LOST_BEFORE_ENTRY
		nmi[me] = NO;
#endif
		/* VMRUN: the flush is part of it; a held NMI makes it exit at once, but first the guest may run */
#ifndef MUTANT_FLUSH_FORGOTTEN
		if
		:: flush -> cached[me] = 0
		:: else
		fi;
#endif
		d_step { guest[me] = YES; CHECK(me) };
endless:	do
		:: d_step { cached[me] == 0 -> cached[me] = table; CHECK(me) }
		:: nmi[me] -> break
		:: entries < ENTRIES -> break /* an exit of the guest's own; after the last entry only an NMI ends it */
		od;
		/* #VMEXIT; shootdown_exit() */
		guest[me] = NO;
		nmi[me] = NO;
		in_guest[me] = INSIDE;
#ifdef MUTANT_WAITING_IS_FLUSHED
		flushed[me] = generation
#else
		skip
#endif
#ifdef WAITS
	:: entries < ENTRIES ->
		/* for a SIPI that does not come */
#ifdef MUTANT_WAITING_IS_IN_GUEST
		in_guest[me] = (flushed[me] -> flushed[me] : FIRST);
#endif
		break
#endif
	:: else -> break
	od
}

#ifdef MUTANT_INSIDE_WAITED_FOR
#define BEHIND(c) (in_guest[c] < mine)
#else
#ifdef MUTANT_INSIDE_IS_CURRENT
#define BEHIND(c) (in_guest[c] != INSIDE && in_guest[c] + 1 < mine)
#else
#define BEHIND(c) (in_guest[c] != INSIDE && in_guest[c] < mine)
#endif
#endif

proctype bumper()
{
	byte mine, version, i;

#ifdef MUTANT_BUMP_BEFORE_CHANGE
	d_step { generation++; mine = generation };
	d_step { table++; version = table };
#else
	d_step { table++; version = table };	/* under the page tables' lock */
	d_step { generation++; mine = generation };
#endif
	/* shootdown_begin(): kicks those that run with an older one */
	for (i : 0 .. CPUS - 1) {
#ifdef MUTANT_KICKED_BY_CPU0_ONLY
		if
		:: i == 0 && BEHIND(i) -> nmi[i] = YES
		:: else
		fi
#else
#ifdef MUTANT_NO_LOOK_AFTER
		nmi[i] = YES; /* whom it misses is not the point here */
#endif
#ifndef MUTANT_NO_KICK
		if
		:: BEHIND(i) -> nmi[i] = YES
		:: else
		fi
#else
		skip
#endif
#endif
	}
	/* shootdown_wait() */
	for (i : 0 .. CPUS - 1) {
		RULE(never_waits_for_a_cpu_inside, in_guest[i] != INSIDE || !BEHIND(i));
		!BEHIND(i)
	}
	skip;
	/* what was taken out may be used for something else now */
	d_step {
		retired = (retired < version -> version : retired);
		for (i : 0 .. CPUS - 1) {
			CHECK(i)
		}
	}
	through++
}

init {
	byte i;

	atomic {
		for (i : 1 .. CPUS) {
			run cpu(i - 1)
		}
		for (i : 1 .. BUMPERS) {
			run bumper()
		}
	}
	/* a CPU may stay in the guest for ever; bumpers may not wait for ever */
	timeout;
	RULE(shootdown_ends, through == BUMPERS)
}
