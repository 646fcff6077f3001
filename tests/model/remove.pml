/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking a device out: pci_dev_remove() with its four answers, against itself, against a holder and
 * against an operation that gives the device to the guest (pci_op_begin(), pci_dev_set_owner(),
 * pci_op_end()), and the reaper.
 *
 * Bounds: one device, REMOVERS removes, one holder, one assign that may give the device back or not. Left
 * out: re-add and the second check (refs.pml; here a lookup is one step), the parts of an assign
 * (assign.pml), VFs (pf_vf.pml).
 *
 * CONFIG default -DREMOVERS=2
 * CONFIG stays -DREMOVERS=2 -DHOLDER_STAYS
 * MUTANT CHECK_OUTSIDE_LOCK default check_and_transition_are_one_step
 * MUTANT CLAIM_IGNORED default claimed_device_is_not_removed
 * MUTANT SECOND_REMOVE_DROPS default base_and_owner_dropped_once
 * MUTANT NO_STATE_CHECK default one_remove_wins
 * MUTANT BUSY_FREES default busy_changes_nothing
 * MUTANT ZERO_BEFORE_REAPED default zero_means_gone
 * MUTANT NO_EVENT default each_ticket_has_its_event
 * MUTANT EVENT_TWICE default each_ticket_has_its_event
 * MUTANT EVENT_EARLY default event_means_gone
 * MUTANT WAIT_FOR_HOLDERS stays remove_never_waits
 * MUTANT MOVE_WITHOUT_LOOK default owner_moves_on_live_device_only
 * MUTANT REAP_WHILE_HELD default holder_may_finish
 * MUTANT ALREADY_FOR_GONE default nodev_when_gone
 * MUTANT STAYS_ON_LIST default dying_is_on_no_list
 * UNREACHED "-end-": the reaper waits for work for ever
 */
#include "common.inc"

DECLARE_RULE(check_and_transition_are_one_step);
DECLARE_RULE(claimed_device_is_not_removed);
DECLARE_RULE(base_and_owner_dropped_once);
DECLARE_RULE(one_remove_wins);
DECLARE_RULE(busy_changes_nothing);
DECLARE_RULE(zero_means_gone);
DECLARE_RULE(each_ticket_has_its_event);
DECLARE_RULE(event_means_gone);
DECLARE_RULE(remove_never_waits);
DECLARE_RULE(owner_moves_on_live_device_only);
DECLARE_RULE(holder_may_finish);
DECLARE_RULE(nodev_when_gone);
DECLARE_RULE(dying_is_on_no_list);
DECLARE_RULE(no_deadlock);

mtype = { LIVE, DYING, RELEASING, GONE_FROM_TABLE };
mtype = { QUARANTINE, GUEST };
mtype = { ZERO, INPROGRESS, BUSY, ALREADY, NODEV };

byte refs = 2;
mtype state = LIVE, owner = QUARANTINE;
bool claimed, on_list = YES, in_slot = YES, dma_open = YES;
byte list_lock, dev_lock;
byte base = 1, owner_ref = 1;		/* ghost: the references' kinds */
byte wins, tickets, events, removed, done; /* ghost */
chan work = [3] of { bit };

#ifdef MUTANT_REAP_WHILE_HELD
#define LAST(old) (old == 2 && state == DYING)
#else
#define LAST(old) (old == 1)
#endif

inline put()
{
	d_step { old = refs; refs-- };
	if
	:: LAST(old) -> work!1
	:: else
	fi
}

/* pci_dev_find(): the second check is in refs.pml. */
inline find(found)
{
	d_step {
		found = in_slot && refs != 0 && state == LIVE;
		refs = (found -> refs + 1 : refs)
	}
}

inline drop_base_and_owner()
{
	d_step { RULE(base_and_owner_dropped_once, owner_ref == 1); owner_ref-- };
	put();
	d_step { RULE(base_and_owner_dropped_once, base == 1); base-- };
	put()
}

inline judge()
{
	if
#ifdef MUTANT_NO_STATE_CHECK
	:: NO
#else
	:: state != LIVE -> answer = ALREADY
#endif
#ifdef MUTANT_CLAIM_IGNORED
	:: state == LIVE && owner == GUEST -> answer = BUSY
#else
	:: state == LIVE && (owner == GUEST || claimed) -> answer = BUSY
#endif
	:: else -> answer = INPROGRESS
	fi
}

proctype remover()
{
	byte old;
	bool found, gone;
	mtype answer;

	gone = !in_slot; /* ghost: before the call */
	find(found);
	if
	:: !found && in_slot ->
		answer = ALREADY
#ifdef MUTANT_SECOND_REMOVE_DROPS
		; drop_base_and_owner()
#endif
	:: else ->
		if
#ifdef MUTANT_ALREADY_FOR_GONE
		:: !found -> answer = ALREADY
#else
		:: !found -> answer = NODEV
#endif
		:: else ->
#ifdef MUTANT_CHECK_OUTSIDE_LOCK
			judge();
#endif
			LOCK(list_lock);
			LOCK(dev_lock);
#ifdef MUTANT_CHECK_OUTSIDE_LOCK
			if
			:: state != LIVE -> answer = ALREADY
			:: else
			fi;
#else
			judge();
#endif
			if
			:: answer == INPROGRESS ->
				RULE(check_and_transition_are_one_step, owner == QUARANTINE || claimed);
				RULE(claimed_device_is_not_removed, !claimed || owner == GUEST);
				state = DYING;
				wins++;
				RULE(one_remove_wins, wins == 1);
				tickets++;
#ifndef MUTANT_STAYS_ON_LIST
				on_list = NO;
#endif
				RULE(dying_is_on_no_list, !on_list)
			:: else
			fi;
			UNLOCK(dev_lock);
			UNLOCK(list_lock);
			if
			:: answer == INPROGRESS -> drop_base_and_owner()
#ifdef MUTANT_BUSY_FREES
			:: answer == BUSY ->
				d_step { base-- };
				RULE(busy_changes_nothing, wins || (base == 1 && owner_ref == 1));
				put()
#endif
			:: else
			fi;
			RULE(busy_changes_nothing, answer != BUSY || wins || (base == 1 && owner_ref == 1));
			put();
#ifdef MUTANT_WAIT_FOR_HOLDERS
			if
			:: answer == INPROGRESS -> state == GONE_FROM_TABLE
			:: else
			fi;
#endif
#ifdef MUTANT_ZERO_BEFORE_REAPED
			if
			:: answer == INPROGRESS && refs == 0 -> answer = ZERO
			:: else
			fi
#else
			if
			:: answer == INPROGRESS && !in_slot -> answer = ZERO /* the slot's generation has moved on */
			:: else
			fi
#endif
		fi
	fi;
	RULE(zero_means_gone, answer != ZERO || (!in_slot && !dma_open));
	RULE(nodev_when_gone, !gone || answer == NODEV);
	removed++;
	done++
}

/* Has looked the device up, and is still using it. */
proctype holder()
{
	byte old;
	bool found;

	find(found);
	if
	:: found ->
#ifdef HOLDER_STAYS
		goto stays;
#endif
		RULE(holder_may_finish, state == LIVE || state == DYING);
		put()
	:: else
	fi;
#ifdef HOLDER_STAYS
stays:
#endif
	done++
}

/* manage_assign(), of which here only the claim and the move of ownership matter; then perhaps back. */
proctype assigner()
{
	byte old;
	bool found, mine;

	find(found);
	if
	:: found ->
		LOCK(dev_lock);
		mine = state == LIVE && !claimed;
		claimed = claimed || mine;
		UNLOCK(dev_lock);
		if
		:: mine ->
			LOCK(dev_lock);
#ifdef MUTANT_MOVE_WITHOUT_LOOK
			/* the look is at a time without the lock, and there was no claim */
			UNLOCK(dev_lock);
			claimed = NO;
			LOCK(dev_lock);
#endif
			RULE(owner_moves_on_live_device_only, state == LIVE);
			owner = GUEST;
			UNLOCK(dev_lock);
			LOCK(dev_lock);
			claimed = NO;
			UNLOCK(dev_lock);
			if
			:: LOCK(dev_lock);
				mine = state == LIVE && !claimed && owner == GUEST;
				if
				:: mine -> owner = QUARANTINE
				:: else
				fi;
				UNLOCK(dev_lock)
			:: skip
			fi
		:: else
		fi;
		put()
	:: else
	fi;
	done++
}

proctype reaper()
{
end:	do
	:: work?_ ->
		state = RELEASING;
#ifdef MUTANT_EVENT_EARLY
		events++;
		RULE(event_means_gone, !in_slot && !dma_open);
#endif
		dma_open = NO;
		in_slot = NO;
		state = GONE_FROM_TABLE;
#if !defined(MUTANT_NO_EVENT) && !defined(MUTANT_EVENT_EARLY)
		RULE(event_means_gone, !in_slot && !dma_open);
		events++;
#endif
#ifdef MUTANT_EVENT_TWICE
		events++;
#endif
	od
}

init {
	byte i;

	atomic {
		for (i : 1 .. REMOVERS) {
			run remover()
		}
		run holder();
		run assigner();
		run reaper()
	}
	timeout;
	RULE(remove_never_waits, removed == REMOVERS);
	RULE(no_deadlock, done == REMOVERS + 2 && empty(work) && !list_lock && !dev_lock);
#ifdef HOLDER_STAYS
	RULE(each_ticket_has_its_event, events <= tickets)
#else
	RULE(each_ticket_has_its_event, events == tickets)
#endif
}
