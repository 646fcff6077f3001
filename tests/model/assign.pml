/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device changes hands: manage_assign(), manage_deassign() over pci_op_begin(), pci_dev_set_owner(),
 * pci_op_end(), vpci_attach(), vpci_withdraw_start(), vpci_detach(), against the guest's own accesses
 * (vpci_read(), vpci_write()), pci_dev_remove() and a surprise removal that has to wait for the claim.
 *
 * Bounds: one device, one assign and one deassign at any moments, each of whose steps may fail once, one
 * remove, one guest access, one surprise. Left out: references (remove.pml), BARs (bars.pml), the two
 * halves of a reset.
 *
 * CONFIG default
 * CONFIG surprise -DSURPRISE
 * LARGE twice -DSURPRISE -DTIMES=2
 * MUTANT CLAIM_OUTSIDE_LOCK default one_operation_at_a_time
 * MUTANT REMOVE_IGNORES_CLAIM default claimed_device_is_not_removed
 * MUTANT CHECK_BEFORE_LOCK default guest_device_is_not_removed
 * MUTANT EXPOSE_BEFORE_DMA default dma_attached_before_exposed
 * MUTANT NO_RESET default reset_between_owners
 * MUTANT OWNER_FIRST default owner_moves_last
 * MUTANT NO_UNDO default failed_assign_undoes_all
 * MUTANT BLOCK_BEFORE_WITHDRAW default guest_lets_go_before_dma_blocked
 * MUTANT RESET_BEFORE_BLOCK default reset_after_dma_blocked
 * MUTANT DETACH_WITHOUT_LOCK default no_access_after_detach
 * MUTANT LOST_BETWEEN_LISTS default on_exactly_one_list
 * MUTANT BROKEN_GIVEN default broken_is_not_given
 * MUTANT SURPRISE_IGNORES_CLAIM surprise owner_moves_on_live_device_only
 * MUTANT SURPRISE_KEEPS_EXPOSED surprise dead_device_is_not_exposed
 * MUTANT SURPRISE_GIVES_UP surprise vanished_device_dies
 */
#include "common.inc"

DECLARE_RULE(one_operation_at_a_time);
DECLARE_RULE(claimed_device_is_not_removed);
DECLARE_RULE(guest_device_is_not_removed);
DECLARE_RULE(dma_attached_before_exposed);
DECLARE_RULE(reset_between_owners);
DECLARE_RULE(owner_moves_last);
DECLARE_RULE(failed_assign_undoes_all);
DECLARE_RULE(guest_lets_go_before_dma_blocked);
DECLARE_RULE(reset_after_dma_blocked);
DECLARE_RULE(no_access_after_detach);
DECLARE_RULE(on_exactly_one_list);
DECLARE_RULE(broken_is_not_given);
DECLARE_RULE(owner_moves_on_live_device_only);
DECLARE_RULE(dead_device_is_not_exposed);
DECLARE_RULE(vanished_device_dies);
DECLARE_RULE(no_deadlock);

#ifndef TIMES
#define TIMES 1
#endif

mtype = { LIVE, DYING };
mtype = { QUARANTINE, GUEST };

mtype state = LIVE, owner = QUARANTINE;
bool claimed, broken, gone;
bool dma_attached, vpci;
bool dirty = YES;	/* ghost: firmware or the guest may have changed it since its last reset */
bool on_quarantine = YES, on_guest;
byte quarantine_lock, guest_lock, dev_lock, vpci_lock;
byte running, done;	/* ghost */

/* pci_op_begin() */
inline op_begin(mine)
{
#ifdef MUTANT_CLAIM_OUTSIDE_LOCK
	mine = !claimed;
	LOCK(dev_lock);
	mine = mine && state == LIVE;
#else
	LOCK(dev_lock);
	mine = state == LIVE && !claimed;
#endif
	if
	:: mine ->
		claimed = YES;
		running++;
		RULE(one_operation_at_a_time, running == 1);
		RULE(on_exactly_one_list, on_quarantine + on_guest == 1)
	:: else
	fi;
	UNLOCK(dev_lock)
}

inline op_end()
{
	LOCK(dev_lock);
	running--;
	claimed = NO;
	UNLOCK(dev_lock)
}

/* pci_dev_set_owner(): one list's lock at a time, the device's under it; on no list between, but claimed. */
inline set_owner(from_lock, on_from, to, to_lock, on_to, moved)
{
	LOCK(from_lock);
	LOCK(dev_lock);
#ifdef MUTANT_SURPRISE_IGNORES_CLAIM
	moved = YES;
#else
	moved = state == LIVE;
#endif
	if
	:: moved ->
		RULE(owner_moves_on_live_device_only, state == LIVE);
		on_from = NO;
		owner = to
	:: else
	fi;
	UNLOCK(dev_lock);
	UNLOCK(from_lock);
#ifndef MUTANT_LOST_BETWEEN_LISTS
	if
	:: moved ->
		LOCK(to_lock);
		on_to = YES;
		UNLOCK(to_lock)
	:: else
	fi
#endif
}

inline vpci_off()
{
#ifndef MUTANT_DETACH_WITHOUT_LOCK
	LOCK(vpci_lock);
#endif
	vpci = NO;
#ifndef MUTANT_DETACH_WITHOUT_LOCK
	UNLOCK(vpci_lock)
#endif
}

/* Either it has worked, or it has not. */
inline may_fail(ok)
{
	if
	:: ok = YES
	:: ok = NO
	fi
}

inline reset(ok)
{
	RULE(reset_after_dma_blocked, !dma_attached);
	may_fail(ok);
	ok = ok && !gone;
	if
	:: ok -> dirty = NO
	:: else -> broken = YES
	fi
}

/* manage_assign() and its deferred steps */
proctype assigner()
{
	bool ok, mine, moved;
	byte times;

	do
	:: times < TIMES ->
		times++;
		op_begin(mine);
		if
		:: mine ->
			ok = owner == QUARANTINE && !broken;
#ifdef MUTANT_BROKEN_GIVEN
			ok = owner == QUARANTINE;
#endif
			if
			:: ok ->
#ifndef MUTANT_NO_RESET
				reset(ok);
#endif
#ifdef MUTANT_BROKEN_GIVEN
				ok = YES;
#endif
#ifdef MUTANT_EXPOSE_BEFORE_DMA
				RULE(dma_attached_before_exposed, dma_attached);
#endif
				if
				:: ok -> may_fail(ok); dma_attached = ok
				:: else
				fi;
#ifdef MUTANT_OWNER_FIRST
				RULE(owner_moves_last, vpci && dma_attached);
#endif
				if
				:: ok ->
					may_fail(ok);
					RULE(dma_attached_before_exposed, dma_attached);
					RULE(broken_is_not_given, !broken);
					RULE(reset_between_owners, !dirty);
					LOCK(vpci_lock);
					vpci = ok;
					UNLOCK(vpci_lock)
				:: else
				fi;
				if
				:: ok ->
					RULE(owner_moves_last, vpci && dma_attached);
					set_owner(quarantine_lock, on_quarantine, GUEST, guest_lock, on_guest, moved);
					ok = moved
				:: else
				fi;
#ifndef MUTANT_NO_UNDO
				if
				:: !ok ->
					vpci_off();
					dma_attached = NO
				:: else
				fi;
#endif
				RULE(failed_assign_undoes_all, ok || (!vpci && !dma_attached && owner == QUARANTINE))
			:: else
			fi;
			op_end()
		:: else
		fi
	:: else -> break
	od;
	done++
}

/* What deassign does; a surprise does the same without touching the device. */
inline take_away(to_be_reset)
{
#ifdef MUTANT_BLOCK_BEFORE_WITHDRAW
	RULE(guest_lets_go_before_dma_blocked, !vpci);
#endif
	vpci_off(); /* BARs out of the guest's map, shot down: bars.pml */
	RULE(guest_lets_go_before_dma_blocked, !vpci);
#ifdef MUTANT_RESET_BEFORE_BLOCK
	reset(ok);
#endif
	dma_attached = NO;
	if
	:: to_be_reset -> reset(ok)
	:: else
	fi
}

/* manage_deassign() and its deferred steps. A failed reset: quarantined all the same, BROKEN. */
proctype deassigner()
{
	bool ok, mine, moved;
	byte times;

	do
	:: times < TIMES ->
		times++;
		op_begin(mine);
		if
		:: mine ->
			if
			:: owner == GUEST ->
				take_away(YES);
				set_owner(guest_lock, on_guest, QUARANTINE, quarantine_lock, on_quarantine, moved)
			:: else
			fi;
			op_end()
		:: else
		fi
	:: else -> break
	od;
	done++
}

inline judge_remove(win)
{
#ifdef MUTANT_REMOVE_IGNORES_CLAIM
	win = state == LIVE && owner == QUARANTINE
#else
	win = state == LIVE && owner == QUARANTINE && !claimed
#endif
}

/* pci_dev_remove(): the check and the transition are one step */
proctype remover()
{
	bool win;

#ifdef MUTANT_CHECK_BEFORE_LOCK
	judge_remove(win);
#endif
	LOCK(quarantine_lock);
	LOCK(dev_lock);
#ifdef MUTANT_CHECK_BEFORE_LOCK
	win = win && state == LIVE && !claimed;
#else
	judge_remove(win);
#endif
	if
	:: win ->
		RULE(guest_device_is_not_removed, owner == QUARANTINE);
#ifndef MUTANT_CHECK_BEFORE_LOCK
		RULE(claimed_device_is_not_removed, !claimed);
#endif
		RULE(dead_device_is_not_exposed, !vpci);
		state = DYING;
		on_quarantine = NO
	:: else
	fi;
	UNLOCK(dev_lock);
	UNLOCK(quarantine_lock);
	done++
}

/* vpci_write(): a lookup, a reference, and vpci_lock for all of the access */
proctype guest()
{
	LOCK(vpci_lock);
	if
	:: vpci ->
		dirty = YES;
		RULE(no_access_after_detach, vpci) /* rows and BAR state are there until the access is over */
	:: else
	fi;
	UNLOCK(vpci_lock);
	done++
}

#ifdef SURPRISE
/* pci_dev_surprise(), the deferred hook, pci_surprise_done() */
proctype surprise()
{
	bool ok, mine, moved;

	gone = YES;
	do
	:: op_begin(mine);
		if
		:: mine -> break
#ifdef MUTANT_SURPRISE_GIVES_UP
		:: else -> goto out
#else
		:: !mine && state != LIVE -> goto out /* a remove has won */
#ifdef MUTANT_SURPRISE_IGNORES_CLAIM
		:: !mine && state == LIVE ->
			LOCK(dev_lock);
			state = DYING;
			on_quarantine = NO;
			on_guest = NO;
			UNLOCK(dev_lock);
			goto out
#else
		:: !mine && state == LIVE -> !claimed || state != LIVE /* a timer looks again */
#endif
#endif
		fi
	od;
#ifndef MUTANT_SURPRISE_KEEPS_EXPOSED
	if
	:: owner == GUEST ->
		take_away(NO);
		set_owner(guest_lock, on_guest, QUARANTINE, quarantine_lock, on_quarantine, moved)
	:: else
	fi;
#endif
	LOCK(quarantine_lock);
	LOCK(dev_lock);
	RULE(dead_device_is_not_exposed, !vpci);
	state = DYING;
	on_quarantine = NO;
	running--;
	claimed = NO;
	UNLOCK(dev_lock);
	UNLOCK(quarantine_lock);
out:	done++
}
#define SURPRISES 1
#else
#define SURPRISES 0
#endif

init {
	atomic {
		run assigner();
		run deassigner();
		run remover();
		run guest();
#ifdef SURPRISE
		run surprise()
#endif
	}
	timeout;
	RULE(no_deadlock, done == 4 + SURPRISES && !dev_lock && !vpci_lock && !quarantine_lock && !guest_lock);
	RULE(vanished_device_dies, !gone || state == DYING);
	RULE(failed_assign_undoes_all, owner == GUEST || (!vpci && !dma_attached));
	RULE(on_exactly_one_list, on_quarantine + on_guest == (state == LIVE -> 1 : 0))
}
