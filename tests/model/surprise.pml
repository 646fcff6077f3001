/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A card is pulled out: pci_dev_surprise() for a PF and its VF, pci_hooks.link, the accessors
 * pci_dev_read() and pci_dev_write(), the guest's all-ones trap, the reaper, and the next card.
 *
 * Bounds: a PF with one VF, two CPUs that notice at any moment, one holder of the PF that goes on touching
 * it, one holder of the VF, one new card. Left out: the claim (assign.pml), MSI, which functions a port
 * has below it.
 *
 * CONFIG default
 * LARGE three -DDETECTORS=3
 * MUTANT LINK_UP_TOO_EARLY default old_holder_never_meets_new_card
 * MUTANT LINK_LEFT_UP default guest_never_reaches_new_card
 * MUTANT GONE_LAST default gone_before_anything_else
 * MUTANT ACCESS_WITHOUT_LOOK default gone_is_not_touched
 * MUTANT PF_FIRST default vfs_before_their_pf
 * MUTANT EVERYBODY_WINS default one_surprise_wins
 * MUTANT NO_TRAP default guest_reads_all_ones
 * MUTANT TRAP_AFTER_LINK_UP default guest_never_reaches_new_card
 * MUTANT DEVICE_TLB_INVALIDATED default gone_is_sent_nothing
 * MUTANT LINK_STAYS_DOWN default link_comes_back
 * UNREACHED "-end-": the reaper waits for work for ever
 * MUTANT VF_FORGOTTEN default vfs_go_with_their_pf
 */
#include "common.inc"

DECLARE_RULE(old_holder_never_meets_new_card);
DECLARE_RULE(gone_before_anything_else);
DECLARE_RULE(gone_is_not_touched);
DECLARE_RULE(vfs_before_their_pf);
DECLARE_RULE(one_surprise_wins);
DECLARE_RULE(guest_reads_all_ones);
DECLARE_RULE(guest_never_reaches_new_card);
DECLARE_RULE(gone_is_sent_nothing);
DECLARE_RULE(link_comes_back);
DECLARE_RULE(vfs_go_with_their_pf);
DECLARE_RULE(no_deadlock);

#ifndef DETECTORS
#define DETECTORS 2
#endif

#define PF 0
#define VF 1

mtype = { LIVE, DYING, REAPED };
mtype = { DEVICE, ALL_ONES, UNMAPPED };

mtype state[2] = LIVE;
bool gone[2];
byte refs[2] = 2;	/* BASE and OWNER as one, and a holder */
byte pf_lock;
mtype guest_bar = DEVICE;	/* what the guest reaches at its BAR of the PF */
bool link = YES;		/* the port's */
byte card = 1;			/* what sits in the slot; 0: nothing; 2: the next one */
bool noticed;			/* ghost: by the port's interrupt, or an access that read all-ones */
byte winners, done;
chan work = [4] of { byte };

/* pci_dev_read(), pci_dev_write(): the look, and then the access. A vanished card answers all-ones by itself. */
inline access(d)
{
#ifdef MUTANT_ACCESS_WITHOUT_LOOK
	ok = YES;
	if
	:: gone[d] -> RULE(gone_is_not_touched, !ok)
	:: else
	fi;
#else
	ok = !gone[d];
#endif
	if
	:: ok ->
		/* the look may be old by now, so the link is what keeps the next card away */
		RULE(old_holder_never_meets_new_card, card != 2 || !link)
	:: else
	fi
}

inline put(d)
{
	d_step { refs[d]--; last = refs[d] == 0 };
	if
	:: last -> work!d
	:: else
	fi
}

/* A long user: it has looked the device up long ago. */
proctype holder(byte d)
{
	bool last, ok;

	access(d);
	access(d);
	put(d);
	done++
}

/* The guest, by its own mapping, which asks nobody. */
proctype guest()
{
	RULE(guest_never_reaches_new_card, guest_bar != DEVICE || card != 2 || !link);
	RULE(guest_reads_all_ones, !(state[PF] == REAPED && guest_bar == DEVICE));
	RULE(guest_never_reaches_new_card, guest_bar != DEVICE || card != 2 || !link);
	done++
}

inline dies(d)
{
	d_step {
		RULE(vfs_before_their_pf, d == VF || state[VF] != LIVE);
		state[d] = DYING
	};
	put(d)
}

proctype detector()
{
	bool first, last;

	card != 1; /* it reads all-ones, or the port tells */
#ifdef MUTANT_GONE_LAST
	RULE(gone_before_anything_else, gone[PF] || state[PF] != LIVE);
#endif
#ifdef MUTANT_EVERYBODY_WINS
	first = !gone[PF];
	gone[PF] = YES;
#else
	d_step { first = !gone[PF]; gone[PF] = YES }; /* an atomic or */
#endif
	if
	:: first ->
		winners++;
		RULE(one_surprise_wins, winners == 1);
		gone[VF] = YES;
#ifndef MUTANT_LINK_LEFT_UP
		link = NO;
#endif
		noticed = YES;
		RULE(gone_before_anything_else, gone[PF] && gone[VF]);
#if !defined(MUTANT_NO_TRAP) && !defined(MUTANT_TRAP_AFTER_LINK_UP)
		guest_bar = ALL_ONES; /* and shot down: shootdown.pml */
#endif
#ifdef MUTANT_DEVICE_TLB_INVALIDATED
		RULE(gone_is_sent_nothing, !gone[PF]);
#endif
#ifdef MUTANT_PF_FIRST
		LOCK(pf_lock);
		dies(PF);
		dies(VF);
		UNLOCK(pf_lock)
#else
		LOCK(pf_lock);
#ifndef MUTANT_VF_FORGOTTEN
		dies(VF);
#endif
		UNLOCK(pf_lock);
		LOCK(pf_lock);
#ifdef MUTANT_VF_FORGOTTEN
		RULE(vfs_go_with_their_pf, state[VF] != LIVE);
#endif
		dies(PF);
		UNLOCK(pf_lock)
#endif
#ifdef MUTANT_LINK_UP_TOO_EARLY
		;
		link = YES
#endif
	:: else
	fi;
	done++
}

proctype reaper()
{
	byte d;

end:	do
	:: work?d ->
		/* not silenced and not invalidated: it is GONE */
		RULE(gone_is_sent_nothing, gone[d]);
		state[d] = REAPED;
		if
		:: state[PF] == REAPED && state[VF] == REAPED ->
#ifdef MUTANT_TRAP_AFTER_LINK_UP
			link = YES;
			guest_bar = ALL_ONES
#else
#ifndef MUTANT_LINK_STAYS_DOWN
			link = YES
#endif
#endif
		:: else
		fi
	od
}

/*
 * Somebody pulls the card, and puts another in its place. The hand is slower than the notice: without this
 * assumption the rule that holders never meet the next card does not hold, and cannot: nobody has told
 * Fairlead anything yet.
 */
proctype hand()
{
	card = 0;
	noticed;
	card = 2;
	done++
}

init {
	byte i;

	atomic {
		run holder(PF);
		run holder(VF);
		run guest();
		for (i : 1 .. DETECTORS) {
			run detector()
		}
		run reaper();
		run hand()
	}
	timeout;
	RULE(no_deadlock, done == DETECTORS + 4 && !pf_lock && empty(work));
	RULE(vfs_go_with_their_pf, state[VF] == REAPED && state[PF] == REAPED);
	RULE(guest_reads_all_ones, guest_bar == ALL_ONES);
	RULE(link_comes_back, link)
}
