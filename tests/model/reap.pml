/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last put, and what release does: pci_dev_put() posts dev->release; the reaper silences the device,
 * blocks its DMA (pci_hooks.block_dma), empties the slot, bumps the generation, returns the object to the
 * pool, posts the completion event, and runs an add that was latched while the slot was occupied
 * (pci_dev_add(), pci_rescan()).
 *
 * Bounds: one address, 2 objects, a device that is removed once and found present again at any moment
 * (PRESENCES times); a release may fail, and is tried again by a later remove. Left out: references while
 * it lives (refs.pml), the answers of remove (remove.pml).
 *
 * CONFIG default -DPRESENCES=2 -DREMOVES=2
 * CONFIG once -DPRESENCES=2 -DREMOVES=1
 * CONFIG fails -DPRESENCES=1 -DREMOVES=2 -DMAY_FAIL
 * LARGE three -DPRESENCES=3 -DREMOVES=3 -DMAY_FAIL
 * MUTANT LATCH_OUTSIDE_LOCK once presence_is_not_lost
 * MUTANT NO_LATCH default presence_is_not_lost
 * MUTANT RETRY_BEFORE_EMPTY default presence_is_not_lost
 * MUTANT SLOT_EMPTY_BEFORE_BLOCKED default new_tenant_after_dma_blocked
 * MUTANT NO_WAIT_FOR_INVALIDATION default pool_after_invalidation
 * MUTANT POOL_BEFORE_SLOT default pool_after_slot_empty
 * MUTANT EVENT_BEFORE_EMPTY default event_after_slot_empty
 * MUTANT RELEASE_IN_PUT default release_runs_without_locks
 * MUTANT FAILED_FREED fails failed_release_is_kept
 * MUTANT FAILED_GIVEN_OUT fails broken_is_not_given_out
 * MUTANT STALE_LATCH default no_add_nobody_asked_for
 * MUTANT UNLATCH_BEFORE_LIVE fails no_add_nobody_asked_for
 * MUTANT FAILED_ADD_LEAKS default failed_add_leaves_nothing
 * UNREACHED "-end-": the reaper waits for work for ever
 */
#include "common.inc"

DECLARE_RULE(presence_is_not_lost);
DECLARE_RULE(new_tenant_after_dma_blocked);
DECLARE_RULE(pool_after_invalidation);
DECLARE_RULE(pool_after_slot_empty);
DECLARE_RULE(event_after_slot_empty);
DECLARE_RULE(release_runs_without_locks);
DECLARE_RULE(failed_release_is_kept);
DECLARE_RULE(broken_is_not_given_out);
DECLARE_RULE(failed_add_leaves_nothing);
DECLARE_RULE(no_add_nobody_asked_for);
DECLARE_RULE(no_deadlock);

#define FREE 0
#define NEW 1
#define LIVE 2
#define DYING 3
#define RELEASING 4

byte state[3];		/* of object 1 and 2 */
bool broken[3];
byte slot, slots_lock, dev_lock;
bool latched;		/* under slots_lock: a presence was seen while the slot was occupied */
byte context_of;	/* whose DMA the IOMMU lets through; NIL: blocked */
bool stale;		/* translations from before the block may be cached still */
byte presence;		/* ghost: someone has said that a device is there */
byte done;
chan pool = [2] of { byte };
chan work = [2] of { byte };
chan adds = [4] of { bit };	/* adds to be run: 1 from a rescan, 0 for what was latched */

/* pci_dev_put(): any lock may be held, so it only posts. */
inline last_put(d)
{
#ifdef MUTANT_RELEASE_IN_PUT
	RULE(release_runs_without_locks, !HELD(dev_lock));
#endif
	work!d
}

/* Adds run one at a time, as management operations. */
proctype adder()
{
	byte d;
	bool published, rescan;

end:	do
	:: adds?rescan ->
		pool?d;
		state[d] = NEW;
#ifdef MUTANT_LATCH_OUTSIDE_LOCK
		if
		:: slot != NIL && state[slot] != LIVE ->
			latched = YES;
			state[d] = FREE; pool!d; goto next
		:: else
		fi;
#endif
		LOCK(slots_lock);
		published = slot == NIL && (rescan || latched);
		if
		:: published ->
			RULE(new_tenant_after_dma_blocked, context_of == NIL && !stale);
			state[d] = LIVE;
			slot = d;
			RULE(no_add_nobody_asked_for, rescan || presence);
#ifdef MUTANT_STALE_LATCH
			latched = latched && rescan;
#else
			latched = NO;
#endif
			presence = 0
		:: else ->
#if defined(MUTANT_LATCH_OUTSIDE_LOCK) || defined(MUTANT_NO_LATCH)
			skip
#else
			if
			:: slot == NIL || !rescan -> skip /* the latched one came too late: another was faster */
			:: slot != NIL && rescan && state[slot] == LIVE -> presence = 0 /* it has an object */
			:: slot != NIL && rescan && state[slot] != LIVE -> d_step { latched = YES; presence = 1 }
			fi
#endif
		fi;
		UNLOCK(slots_lock);
		if
		:: published ->
			context_of = d; /* attached to quarantine, or assigned later */
			broken[d] = NO /* a new object */
		:: else ->
			/* nobody else has seen it: straight back */
			state[d] = FREE;
#ifndef MUTANT_FAILED_ADD_LEAKS
			pool!d
#endif
		fi
next:		skip
	od
}

/* The remove that wins, whenever a device is there; it holds the last references. */
proctype remover()
{
	byte d, times;

	do
	:: times < REMOVES && slot != NIL && state[slot] == LIVE && (context_of == slot || broken[slot]) ->
		LOCK(dev_lock);
		d = slot;
		state[d] = DYING;
#ifdef MUTANT_RELEASE_IN_PUT
		last_put(d);
		UNLOCK(dev_lock);
#else
		UNLOCK(dev_lock);
		last_put(d);
#endif
		times++
	:: times >= 1 -> break
	od;
	done++
}

/* A rescan, or a hot-plug interrupt: something is there. */
proctype detector()
{
	byte times;

	do
	:: times < PRESENCES ->
		atomic { presence = 1; adds!1 };
		times++
	:: times == PRESENCES -> break
	od;
	done++
}

inline empty_slot(d)
{
	LOCK(slots_lock);
	if
	:: slot == d -> slot = NIL
	:: else
	fi;
	again = latched;
	UNLOCK(slots_lock)
}

proctype reaper()
{
	byte d;
	bool again, failed;

end:	do
	:: work?d ->
		state[d] = RELEASING;
#ifdef MUTANT_SLOT_EMPTY_BEFORE_BLOCKED
		empty_slot(d);
		if
		:: again -> adds!0
		:: else
		fi;
#endif
#ifdef MUTANT_RETRY_BEFORE_EMPTY
		again = latched;
		latched = NO;
		if
		:: again -> adds!0
		:: else
		fi;
#endif
		/* pci_hooks.block_dma: blocks, drops translations, waits */
		d_step { context_of = NIL; stale = YES };
#ifndef MUTANT_NO_WAIT_FOR_INVALIDATION
		stale = NO;
#endif
		failed = NO;
#ifdef MAY_FAIL
		if
		:: failed = YES
		:: skip
		fi;
#endif
		if
		:: failed ->
			/* kept in its slot, BROKEN: never freed half-way */
			broken[d] = YES;
			RULE(failed_release_is_kept, slot == d);
#ifdef MUTANT_FAILED_FREED
			empty_slot(d);
			RULE(failed_release_is_kept, !broken[d] || slot == d);
			pool!d
#endif
#ifdef MUTANT_FAILED_GIVEN_OUT
			context_of = d;
#endif
#if !defined(MUTANT_FAILED_FREED)
			/* keep(): a later remove tries again; what was latched was this device */
#ifdef MUTANT_UNLATCH_BEFORE_LIVE
			LOCK(slots_lock);
			latched = NO;
			UNLOCK(slots_lock);
#endif
			LOCK(dev_lock);
			LOCK(slots_lock);
			state[d] = LIVE;
			presence = 0;
#ifndef MUTANT_UNLATCH_BEFORE_LIVE
			latched = NO;
#endif
			UNLOCK(slots_lock);
			UNLOCK(dev_lock)
#endif
		:: else ->
			broken[d] = NO;
#ifdef MUTANT_POOL_BEFORE_SLOT
			RULE(pool_after_slot_empty, slot != d);
#endif
#ifdef MUTANT_EVENT_BEFORE_EMPTY
			RULE(event_after_slot_empty, slot != d);
#endif
#if !defined(MUTANT_SLOT_EMPTY_BEFORE_BLOCKED) && !defined(MUTANT_RETRY_BEFORE_EMPTY)
			empty_slot(d);
#endif
#ifdef MUTANT_RETRY_BEFORE_EMPTY
			slot = NIL;
#endif
			RULE(pool_after_invalidation, !stale && context_of != d);
			RULE(pool_after_slot_empty, slot != d);
			RULE(event_after_slot_empty, slot != d);
			state[d] = FREE;
			pool!d;
			/* here comes the completion event, and then the add that had to wait */
			if
			:: again -> adds!0
			:: else
			fi
		fi;
		again = NO
	od
}

init {
	byte d = 1;

	atomic {
		pool!2;
		state[d] = LIVE;
		slot = d;
		context_of = d;
		run adder();
		run remover();
		run detector();
		run reaper()
	}
	timeout;
	RULE(failed_add_leaves_nothing, len(pool) == (slot != NIL -> 1 : 2));
	RULE(broken_is_not_given_out, slot == NIL || !broken[slot] || context_of != slot);
	RULE(no_deadlock, done == 2 && empty(work) && empty(adds) && !slots_lock && !dev_lock);
	RULE(presence_is_not_lost, !presence || (slot != NIL && state[slot] == LIVE))
}
