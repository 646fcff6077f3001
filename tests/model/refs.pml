/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * References and lookup: pci_dev_find_at(), pci_dev_put(), pci_dev_create(), pci_dev_publish(), the
 * reaper, over refcnt_get_unless_zero(), refcnt_put(), refcnt_init() and a type-stable pool.
 *
 * Bounds: 2 addresses, OBJS objects, one remover a device, LOOKERS lookups of address 0 at any moment,
 * TENANTS births. So an object dies and is born again as another device, and at the same address, under a
 * lookup's feet. Left out: the debug counts per kind, the owner's list (remove.pml), what release does to
 * hardware (reap.pml).
 *
 * CONFIG default -DLOOKERS=2 -DOBJS=1 -DTENANTS=2
 * CONFIG two -DLOOKERS=1 -DOBJS=2 -DTENANTS=3
 * CONFIG race -DLOOKERS=1 -DOBJS=2 -DTENANTS=3 -DSECOND=0
 * CONFIG generation -DLOOKERS=1 -DOBJS=1 -DTENANTS=3 -DWATCHER
 * LARGE wide -DLOOKERS=2 -DOBJS=2 -DTENANTS=3
 * MUTANT NO_SECOND_CHECK default found_is_live
 * MUTANT NO_IDENTITY_CHECK default found_is_what_was_asked_for
 * MUTANT NO_STATE_CHECK default found_is_live
 * MUTANT GET_FROM_ZERO default count_never_from_zero
 * MUTANT STRAY_PUT_FORGETS_LAST default nothing_is_lost
 * MUTANT DECREMENT_THEN_ASK default reaped_once
 * MUTANT FREE_BEFORE_SLOT_EMPTY two free_object_in_no_slot
 * MUTANT PUT_FREES_AT_ONCE default free_object_in_no_slot
 * MUTANT DOUBLE_PUT default count_never_below_zero
 * MUTANT TOUCH_AFTER_PUT default held_is_not_reused
 * MUTANT PUBLISH_WITHOUT_LOCK race one_tenant_a_slot
 * MUTANT EMPTY_WITHOUT_LOOK two only_own_slot_emptied
 * MUTANT NO_GENERATION generation generation_tells_tenants
 * UNREACHED "-end-": the reaper waits for work for ever
 */
#include "common.inc"

DECLARE_RULE(found_is_what_was_asked_for);
DECLARE_RULE(found_is_live);
DECLARE_RULE(held_is_not_reused);
DECLARE_RULE(count_never_from_zero);
DECLARE_RULE(count_never_below_zero);
DECLARE_RULE(reaped_once);
DECLARE_RULE(free_object_in_no_slot);
DECLARE_RULE(one_tenant_a_slot);
DECLARE_RULE(only_own_slot_emptied);
DECLARE_RULE(generation_tells_tenants);
DECLARE_RULE(nothing_is_lost);
DECLARE_RULE(no_deadlock);

#ifndef SECOND
#define SECOND 1 /* address of the second manager */
#endif
#define SLOTS 2
#define FREE 0
#define NEW 1
#define LIVE 2
#define DYING 3
#define RELEASING 4

typedef object {
	byte refs;
	byte state;
	byte address;
	byte tenant; /* ghost: which birth this is; 0: in the pool */
	byte lock;
};
object dev[OBJS + 1];
byte slot[SLOTS];
byte generation[SLOTS];
byte slots_lock;
byte births; /* ghost */
byte done;   /* ghost: processes that are through */
chan pool = [OBJS] of { byte };
chan reap_queue = [OBJS] of { byte }; /* work.pml: each post is followed by one run */

/* refcnt_put(), and pci_dev_put(): the last one only queues. */
inline put(d)
{
#ifdef MUTANT_DECREMENT_THEN_ASK
	dev[d].refs = dev[d].refs - 1;
	old = dev[d].refs + 1;
#else
	d_step {
		RULE(count_never_below_zero, dev[d].refs > 0);
		old = dev[d].refs;
		dev[d].refs--;
	}
#endif
#ifdef MUTANT_PUT_FREES_AT_ONCE
	if
	:: old == 1 ->
		RULE(free_object_in_no_slot, slot[0] != d && slot[1] != d);
		dev[d].state = FREE; dev[d].tenant = 0; pool!d
	:: else
	fi
#else
	if
	:: old == 1 ->
		RULE(reaped_once, nfull(reap_queue) && dev[d].state != RELEASING && dev[d].state != FREE);
		reap_queue!d
	:: else
	fi
#endif
}

/* refcnt_get_unless_zero(): the compare-exchange loop is one step, its first load is of no consequence. */
inline get_unless_zero(d, ok)
{
	d_step {
#ifdef MUTANT_GET_FROM_ZERO
		ok = YES;
		RULE(count_never_from_zero, dev[d].refs != 0);
		dev[d].refs++
#else
		ok = dev[d].refs != 0;
		dev[d].refs = (ok -> dev[d].refs + 1 : 0)
#endif
	}
}

/* pci_dev_find_at(): found is NIL, or an object with a TRANSIENT reference. */
inline find(want, found)
{
	found = slot[want];
	if
	:: found != NIL ->
		get_unless_zero(found, ok);
		if
		:: !ok -> found = NIL
		:: else ->
#ifndef MUTANT_NO_SECOND_CHECK
#ifndef MUTANT_NO_IDENTITY_CHECK
			ok = slot[want] == found;
#endif
#ifndef MUTANT_NO_STATE_CHECK
			ok = ok && dev[found].state == LIVE;
#endif
#ifndef MUTANT_NO_IDENTITY_CHECK
			ok = ok && dev[found].address == want;
#endif
			if
			:: !ok ->
#ifdef MUTANT_STRAY_PUT_FORGETS_LAST
				d_step { dev[found].refs-- }
#else
				put(found);
#endif
				found = NIL
			:: else
			fi
#endif
		fi
	:: else
	fi
}

proctype looker(byte want)
{
	byte d, old, tenant, dying;
	bool ok;

	/* ghost: the tenant that was dying when this lookup began; it must not be found */
	d_step { dying = (slot[want] != NIL && dev[slot[want]].state == DYING -> dev[slot[want]].tenant : 0) }
	find(want, d);
	if
	:: d != NIL ->
		RULE(found_is_what_was_asked_for, dev[d].address == want);
		tenant = dev[d].tenant;
		RULE(found_is_live, tenant != dying && dev[d].state != NEW);
#ifdef MUTANT_TOUCH_AFTER_PUT
		put(d);
		RULE(held_is_not_reused, dev[d].tenant == tenant && dev[d].state != RELEASING)
#else
		RULE(held_is_not_reused, dev[d].tenant == tenant && dev[d].state != RELEASING && dev[d].state != FREE);
#ifdef MUTANT_DOUBLE_PUT
		put(d);
#endif
		put(d)
#endif
	:: else
	fi;
	done++
}

/* pci_dev_add() and the remove that wins, again and again at one address. */
proctype manager(byte address)
{
	byte d, old;
	bool published;

	do
	:: atomic { births < TENANTS && pool?[_] -> births++; pool?d; dev[d].tenant = births };
		/* pci_dev_create(): the count stays 0 until all else is written */
		dev[d].state = NEW;
		dev[d].address = address;
		dev[d].refs = 1;
		/* pci_dev_publish() */
#ifndef MUTANT_PUBLISH_WITHOUT_LOCK
		LOCK(slots_lock);
#endif
		if
		:: slot[address] != NIL ->
			published = NO;
			dev[d].state = DYING
		:: else ->
			dev[d].state = LIVE;
			RULE(one_tenant_a_slot, slot[address] == NIL);
			slot[address] = d;
			published = YES
		fi;
#ifndef MUTANT_PUBLISH_WITHOUT_LOCK
		UNLOCK(slots_lock);
#endif
		/* a failed add leaves nothing behind; else it lives until a remove wins */
		if
		:: published -> dev[d].state = DYING
		:: else
		fi;
		put(d)
	:: births == TENANTS -> break
	od;
	done++
}

/* The reaper, as deferred work. */
proctype reaper()
{
	byte d;

end:	do
	:: reap_queue?d ->
		RULE(reaped_once, dev[d].refs == 0 && dev[d].state != FREE && dev[d].state != RELEASING);
		dev[d].state = RELEASING;
#ifdef MUTANT_FREE_BEFORE_SLOT_EMPTY
		RULE(free_object_in_no_slot, slot[0] != d && slot[1] != d);
		pool!d;
#endif
		LOCK(slots_lock);
#ifdef MUTANT_EMPTY_WITHOUT_LOOK
		RULE(only_own_slot_emptied, slot[dev[d].address] == d || slot[dev[d].address] == NIL);
		slot[dev[d].address] = NIL;
		generation[dev[d].address]++;
#else
		if
		:: slot[dev[d].address] == d ->
			slot[dev[d].address] = NIL;
#ifndef MUTANT_NO_GENERATION
			generation[dev[d].address]++
#endif
		:: else /* it was never published */
		fi;
#endif
		UNLOCK(slots_lock);
		RULE(free_object_in_no_slot, slot[0] != d && slot[1] != d);
		dev[d].state = FREE;
		dev[d].tenant = 0;
		pool!d
	od
}

#ifdef WATCHER
/* pci_dev_info_next(): who holds no reference can tell, by the slot's generation, whether it is the same tenant. */
proctype watcher()
{
	byte d, g, tenant;

	LOCK(slots_lock);
	d = slot[0];
	g = generation[0];
	tenant = dev[d].tenant;
	UNLOCK(slots_lock);
	LOCK(slots_lock);
	RULE(generation_tells_tenants, d == NIL || slot[0] != d || generation[0] != g || dev[d].tenant == tenant);
	UNLOCK(slots_lock);
	done++
}
#define WATCHERS 1
#else
#define WATCHERS 0
#endif

init {
	byte i;

	atomic {
		for (i : 1 .. OBJS) {
			pool!i
		}
		for (i : 1 .. LOOKERS) {
			run looker(0)
		}
		run manager(0);
		run manager(SECOND);
		run reaper();
#ifdef WATCHER
		run watcher()
#endif
	}
	timeout;
	RULE(no_deadlock, done == LOOKERS + 2 + WATCHERS && slots_lock == 0 && empty(reap_queue));
	RULE(nothing_is_lost, len(pool) == OBJS && slot[0] == NIL && slot[1] == NIL)
}
