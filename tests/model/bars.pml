/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Remapping BARs in two phases: vpci_wish(), vpci_remap_claim(), vpci_remap() (make_plan, carry_out,
 * commit), vpci_withdraw_start(), vpci_detach(), over the domain's interval map: vpci_map_enter(),
 * vpci_map_leave(), vpci_map_left(), vpci_map_shootdown().
 *
 * Bounds: two devices with one BAR each, two places, one guest CPU that fills and uses its translations.
 * Device 0 and 1 swap their places, two CPUs write to device 0 (-DBUSY), or (-DDETACH) device 0 is moved
 * and withdrawn at the same time, or (-DSHARED) both BARs are in one page and share an interval. Left out:
 * ports, refusals, shoot-downs that are not answered, rounds that go on as work. shootdown.pml has what is
 * one step here: after it no CPU has an old translation.
 *
 * CONFIG default
 * CONFIG detach -DDETACH
 * CONFIG shared -DSHARED
 * CONFIG busy -DBUSY
 * UNREACHED "-end-": the guest uses its translations for ever
 * LARGE twice -DWRITES=2
 * LARGE twice_detach -DWRITES=2 -DDETACH
 * MUTANT PLACE_BEFORE_SHOOTDOWN default place_given_after_shootdown
 * MUTANT NO_SHOOTDOWN default place_given_after_shootdown
 * MUTANT FREED_BY_FIRST_LEAVER shared place_given_after_shootdown
 * MUTANT TWO_TENANTS default one_tenant_a_place
 * MUTANT NOBODY_SERVED default waiter_is_served
 * MUTANT WISH_LOST busy settled_is_as_wished
 * MUTANT TWO_REMAPPERS detach one_remapper_a_device
 * MUTANT DETACH_IGNORES_REMAPPER detach no_write_after_detach
 * MUTANT DETACH_WITH_MAPPING detach detached_is_unmapped
 * MUTANT WAIT_UNDER_LOCK default no_wait_under_device_lock
 * MUTANT TWO_DEVICES_LOCKED default no_deadlock
 * MUTANT CLOSING_FORGOTTEN detach detached_is_unmapped
 */
#include "common.inc"

DECLARE_RULE(place_given_after_shootdown);
DECLARE_RULE(one_tenant_a_place);
DECLARE_RULE(waiter_is_served);
DECLARE_RULE(settled_is_as_wished);
DECLARE_RULE(one_remapper_a_device);
DECLARE_RULE(no_write_after_detach);
DECLARE_RULE(detached_is_unmapped);
DECLARE_RULE(no_wait_under_device_lock);
DECLARE_RULE(no_deadlock);

#ifndef WRITES
#define WRITES 1
#endif

#define DEVS 2
#define PLACES 3 /* 1 and 2; 0 is nowhere */

#define FREE 0
#define WAITING 1
#define MAPPED 2
#define LEAVING 3

/* Which interval a BAR at a place is, and what is there */
#ifdef SHARED
#define HOST(d) 1
#define KEY(d, place) (place)
#else
#define HOST(d) (d + 1)
#define KEY(d, place) (place + d * PLACES)
#endif
#define KEYS (DEVS * PLACES)

byte vpci_lock[DEVS], bar_lock;
byte wanted[DEVS], placed_at[DEVS];
bool unsettled[DEVS], remapping[DEVS], closing[DEVS], attached[DEVS];
byte it_state[KEYS], users[KEYS], leavers[KEYS];
byte table[PLACES];	/* the guest's: what is at a place; 0: nothing */
byte cached[PLACES];	/* the guest CPU's translations */
byte remappers[DEVS];	/* ghost */
byte done;

/* put_in(), under bar_lock */
inline map(d, place)
{
	d_step {
		RULE(one_tenant_a_place, table[place] == 0);
		RULE(place_given_after_shootdown, cached[place] == 0 || cached[place] == HOST(d));
		table[place] = HOST(d);
		it_state[KEY(d, place)] = MAPPED
	}
}

/* Another's interval of that place is mapped, or leaving */
#ifdef SHARED
#define TAKEN(d, place) NO
#else
#ifdef MUTANT_TWO_TENANTS
#define TAKEN(d, place) NO
#else
#ifdef MUTANT_PLACE_BEFORE_SHOOTDOWN
#define TAKEN(d, place) (it_state[KEY((1 - d), place)] == MAPPED)
#else
#define TAKEN(d, place) (it_state[KEY((1 - d), place)] >= MAPPED)
#endif
#endif
#endif

inline map_enter(d, place)
{
	LOCK(bar_lock);
	if
	:: it_state[KEY(d, place)] == FREE -> it_state[KEY(d, place)] = WAITING
	:: else
	fi;
	if
	:: it_state[KEY(d, place)] == WAITING && !TAKEN(d, place) -> map(d, place)
	:: else
	fi;
	users[KEY(d, place)]++;
	UNLOCK(bar_lock)
}

inline map_leave(d, place, shoot)
{
	LOCK(bar_lock);
	if
	:: leavers[KEY(d, place)] + 1 == users[KEY(d, place)] ->
		if
		:: it_state[KEY(d, place)] == MAPPED -> table[place] = 0; shoot = YES
		:: else
		fi;
		it_state[KEY(d, place)] = LEAVING
	:: else
	fi;
	leavers[KEY(d, place)]++;
	UNLOCK(bar_lock)
}

inline serve(d, place)
{
	if
	:: it_state[KEY(d, place)] == WAITING && !TAKEN(d, place) -> map(d, place)
	:: else
	fi
}

inline map_left(d, place)
{
	LOCK(bar_lock);
	d_step { leavers[KEY(d, place)]--; users[KEY(d, place)]-- };
#ifdef MUTANT_FREED_BY_FIRST_LEAVER
	if
	:: it_state[KEY(d, place)] == LEAVING ->
		it_state[KEY(d, place)] = (users[KEY(d, place)] == leavers[KEY(d, place)] -> FREE : WAITING);
		RULE(place_given_after_shootdown, cached[place] == 0 || leavers[KEY(d, place)] == 0)
	:: else
	fi;
#else
	if
	:: users[KEY(d, place)] == 0 -> it_state[KEY(d, place)] = FREE
	:: users[KEY(d, place)] != 0 && leavers[KEY(d, place)] == 0 && it_state[KEY(d, place)] == LEAVING ->
		it_state[KEY(d, place)] = WAITING
	:: else
	fi;
#endif
#ifndef MUTANT_NOBODY_SERVED
	if
	:: it_state[KEY(d, place)] != MAPPED && leavers[KEY(d, place)] == 0 ->
		serve(0, place);
#ifndef SHARED
		serve(1, place)
#endif
	:: else
	fi;
#endif
	UNLOCK(bar_lock)
}

/* vpci_map_shootdown(): waits for other CPUs, which may want this device's lock before they answer */
inline shoot_down(d)
{
	RULE(no_wait_under_device_lock, !HELD(vpci_lock[d]));
#ifndef MUTANT_NO_SHOOTDOWN
	d_step { cached[1] = 0; cached[2] = 0 }
#endif
}

inline wish(d, place, mine)
{
	mine = NO;
	LOCK(vpci_lock[d]);
#ifdef MUTANT_TWO_DEVICES_LOCKED
	/* "does it overlap with another device's?" asked of the other device */
	LOCK(vpci_lock[1 - d]);
	UNLOCK(vpci_lock[1 - d]);
#endif
	if
	:: attached[d] && !closing[d] ->
		wanted[d] = place;
		unsettled[d] = YES;
		claim(d, mine)
	:: else
	fi;
	UNLOCK(vpci_lock[d])
}

inline claim(d, mine)
{
#ifdef MUTANT_TWO_REMAPPERS
	mine = unsettled[d];
#else
	mine = unsettled[d] && !remapping[d];
#endif
	remapping[d] = remapping[d] || mine
}

/* vpci_remap(): the caller has claimed it */
inline remap(d)
{
	d_step { remappers[d]++; RULE(one_remapper_a_device, remappers[d] == 1) };
	do
	::	LOCK(vpci_lock[d]);
		/* make_plan() */
		d_step {
#ifdef MUTANT_CLOSING_FORGOTTEN
			enter = wanted[d];
#else
			enter = (closing[d] -> 0 : wanted[d]);
#endif
			leave = (placed_at[d] != enter -> placed_at[d] : 0);
			enter = (placed_at[d] != enter -> enter : 0)
		}
		if
		:: !leave && !enter ->
			unsettled[d] = NO;
			remappers[d]--;
			remapping[d] = NO;
			UNLOCK(vpci_lock[d]);
			break
		:: else
		fi;
#ifdef MUTANT_WAIT_UNDER_LOCK
		shoot_down(d);
#endif
		UNLOCK(vpci_lock[d]);
		/* carry_out() */
		if
		:: leave ->
			shoot = NO;
			map_leave(d, leave, shoot);
#ifndef MUTANT_PLACE_BEFORE_SHOOTDOWN
			if
			:: shoot -> shoot_down(d)
			:: else
			fi;
			map_left(d, leave)
#else
			map_left(d, leave);
			if
			:: shoot -> shoot_down(d)
			:: else
			fi
#endif
		:: else
		fi;
		if
		:: enter -> map_enter(d, enter)
		:: else
		fi;
		LOCK(vpci_lock[d]);
		/* commit() */
		RULE(no_write_after_detach, attached[d]);
		placed_at[d] = enter;
#ifdef MUTANT_WISH_LOST
		unsettled[d] = NO;
		remappers[d]--;
		remapping[d] = NO;
		UNLOCK(vpci_lock[d]);
		break
#else
		UNLOCK(vpci_lock[d])
#endif
	od
}

/* A guest CPU's configuration writes: the device is wanted elsewhere, and perhaps back */
proctype writer(byte d, place)
{
	byte enter, leave, n;
	bool mine, shoot;

	do
	:: n < WRITES ->
		n++;
		wish(d, place, mine);
		if
		:: mine -> remap(d)
		:: else
		fi;
		place = 3 - place
	:: else -> break
	od;
	done++
}

#ifdef DETACH
/* manage_deassign(): vpci_withdraw_start() until it says 0, then vpci_detach() */
proctype detacher(byte d)
{
	byte enter, leave;
	bool mine, shoot;

	do
	::	LOCK(vpci_lock[d]);
		closing[d] = YES;
		unsettled[d] = YES;
		claim(d, mine);
		UNLOCK(vpci_lock[d]);
		if
		:: mine -> remap(d); break
		:: else -> !remapping[d] /* -EINPROGRESS: a timer calls again */
		fi
#ifdef MUTANT_DETACH_IGNORES_REMAPPER
	:: remapping[d] -> closing[d] = YES; break
#endif
#ifdef MUTANT_DETACH_WITH_MAPPING
	:: closing[d] = YES; break
#endif
	od;
	LOCK(vpci_lock[d]);
#if !defined(MUTANT_DETACH_IGNORES_REMAPPER) && !defined(MUTANT_DETACH_WITH_MAPPING)
	if
	:: closing[d] && !remapping[d] && !unsettled[d] ->
		RULE(detached_is_unmapped, !placed_at[d] && users[KEY(d, 1)] + users[KEY(d, 2)] == 0);
		attached[d] = NO
	:: else /* -EBUSY */
	fi;
#else
#ifdef MUTANT_DETACH_WITH_MAPPING
	RULE(detached_is_unmapped, !placed_at[d] && users[KEY(d, 1)] + users[KEY(d, 2)] == 0);
#endif
	attached[d] = NO;
#endif
	UNLOCK(vpci_lock[d]);
	done++
}
#endif

#if defined(DETACH) || defined(BUSY)
#define THROUGH 3
#else
#define THROUGH 2
#endif

/* The guest's CPU caches what it reaches, whenever it likes */
proctype guest()
{
end:	do
	:: atomic { cached[1] == 0 && table[1] != 0 -> cached[1] = table[1] }
	:: atomic { cached[2] == 0 && table[2] != 0 -> cached[2] = table[2] }
	od
}

#define STANDS(d) (closing[d] || placed_at[d] == wanted[d])
#define SERVED(d) (!placed_at[d] || it_state[KEY(d, placed_at[d])] == MAPPED)

init {
	atomic {
		/* device 0 stands at 1, device 1 at 2 (shared: both at 1) */
		d_step {
			attached[0] = YES; attached[1] = YES;
			wanted[0] = 1; placed_at[0] = 1; users[KEY(0, 1)]++; it_state[KEY(0, 1)] = MAPPED; table[1] = HOST(0);
#ifdef SHARED
			wanted[1] = 1; placed_at[1] = 1; users[KEY(1, 1)]++
#else
			wanted[1] = 2; placed_at[1] = 2; users[KEY(1, 2)]++; it_state[KEY(1, 2)] = MAPPED; table[2] = HOST(1)
#endif
		}
		run writer(0, 2);
#ifdef SHARED
		run writer(1, 2);
#else
		run writer(1, 1);
#endif
#ifdef DETACH
		run detacher(0);
#endif
#ifdef BUSY
		run writer(0, 1);
#endif
		run guest()
	}
	timeout;
	RULE(no_deadlock, done == THROUGH && !vpci_lock[0] && !vpci_lock[1] && !bar_lock);
	RULE(settled_is_as_wished, STANDS(0) && STANDS(1) && !unsettled[0] && !unsettled[1]);
	RULE(waiter_is_served, SERVED(0) && SERVED(1) || (placed_at[0] == placed_at[1]))
}
