/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A physical function vanishes while its virtual function goes its own ways: pci_dev_surprise() with
 * waits_for_vfs() and die(), against pci_dev_remove() of the VF, pci_vf_publish(), and keep(), which makes
 * a VF whose release failed LIVE again. Nobody waits: who finds something that has to go first returns,
 * and who goes first wakes it.
 *
 * Bounds: a PF and one VF, which is published at any moment, and may be removed by itself; one notice of
 * the PF. Left out: the claim (assign.pml), the link (surprise.pml). A VF's transitions are under its PF's
 * lock here, as pci-objects has it.
 *
 * CONFIG default
 * CONFIG fails -DMAY_FAIL
 * MUTANT REMOVE_WAKES_NOBODY default vanished_pf_dies
 * MUTANT DIE_WAKES_NOBODY default vanished_pf_dies
 * MUTANT LOOK_BEFORE_GONE default vanished_pf_dies
 * MUTANT PUBLISH_IGNORES_GONE default pf_dies_after_its_vfs
 * MUTANT VF_NOT_POSTED default vanished_vf_dies
 * MUTANT WAIT_NOT default pf_dies_after_its_vfs
 * MUTANT KEPT_VF_LIVES fails live_vf_has_live_pf
 * MUTANT PF_REFERENCE_DROPPED_EARLY default pf_outlives_its_vfs
 * UNREACHED "-end-": the deferred work and the reaper wait for ever
 */
#include "common.inc"

DECLARE_RULE(vanished_pf_dies);
DECLARE_RULE(vanished_vf_dies);
DECLARE_RULE(pf_dies_after_its_vfs);
DECLARE_RULE(live_vf_has_live_pf);
DECLARE_RULE(pf_outlives_its_vfs);
DECLARE_RULE(no_deadlock);

#define PF 0
#define VF 1

mtype = { NONE, NEW, LIVE, DYING, REAPED };

mtype state[2] = LIVE;
bool gone[2], posted[2];	/* posted: the `vanished` work is queued */
byte refs[2];
byte pf_lock, done;
bool tried;			/* ghost: a release failed once */
chan work = [4] of { byte };
chan reap_queue = [4] of { byte };

inline put(d)
{
	d_step { refs[d]--; last = refs[d] == 0 };
	if
	:: last -> reap_queue!d
	:: else
	fi
}

/* pci_surprise_post(): queued once, with a reference of its own */
inline surprise_post(d)
{
	atomic {
		if
		:: !posted[d] && refs[d] != 0 -> posted[d] = YES; refs[d]++; work!d
		:: else
		fi
	}
}

/* LIVE -> DYING under the PF's lock; a PF that had to wait is told */
inline dies(d, wakes)
{
	LOCK(pf_lock);
	won = state[d] == LIVE;
	if
	:: won ->
		RULE(pf_dies_after_its_vfs, d == VF || state[VF] != LIVE);
		state[d] = DYING
	:: else
	fi;
	UNLOCK(pf_lock);
	if
	:: won ->
		if
		:: d == VF && wakes && gone[PF] -> surprise_post(PF)
		:: else
		fi;
#ifdef MUTANT_PF_REFERENCE_DROPPED_EARLY
		if
		:: d == VF -> put(PF)
		:: else
		fi;
#endif
		put(d)
	:: else
	fi
}

#ifdef MUTANT_DIE_WAKES_NOBODY
#define DIE_WAKES NO
#else
#define DIE_WAKES YES
#endif
#ifdef MUTANT_REMOVE_WAKES_NOBODY
#define REMOVE_WAKES NO
#else
#define REMOVE_WAKES YES
#endif

/* pci_dev_surprise() */
inline surprise(d)
{
#ifdef MUTANT_LOOK_BEFORE_GONE
	LOCK(pf_lock);
	wait = d == PF && state[VF] == LIVE;
	UNLOCK(pf_lock);
	gone[d] = YES;
	if
	:: wait -> gone[VF] = YES; surprise_post(VF)
	:: else
	fi;
#else
	gone[d] = YES;
	wait = NO;
	if
	:: d == PF ->
		/* waits_for_vfs() */
		LOCK(pf_lock);
#ifndef MUTANT_WAIT_NOT
		wait = state[VF] == LIVE;
#endif
		if
		:: wait ->
			if
			:: !gone[VF] ->
				gone[VF] = YES;
#ifndef MUTANT_VF_NOT_POSTED
				surprise_post(VF)
#endif
			:: else
			fi
		:: else
		fi;
		UNLOCK(pf_lock)
	:: else
	fi;
#endif
	if
	:: !wait -> dies(d, DIE_WAKES)
	:: else
	fi
}

/* Deferred work: `vanished` */
proctype worker()
{
	byte d;
	bool last, won, wait;

end:	do
	:: work?d ->
		posted[d] = NO;
		surprise(d);
		put(d)
	od
}

/* Somebody reads all-ones from the PF; it holds a reference. */
proctype noticer()
{
	bool last, won, wait;

	surprise(PF);
	put(PF);
	done++
}

/* pci_dev_remove() of the VF: it must be LIVE for that. Its own reference on it comes from a lookup. */
proctype remover()
{
	bool ok, last, won;

	atomic {
		ok = state[VF] == LIVE && refs[VF] != 0;
		if
		:: ok -> refs[VF]++
		:: else
		fi
	}
	if
	:: ok -> dies(VF, REMOVE_WAKES); put(VF)
	:: else
	fi;
	done++
}

/* pci_vf_publish(), by an operation that holds the PF */
proctype publisher()
{
	bool last;

	refs[VF] = 1;
	LOCK(pf_lock);
	if
#ifdef MUTANT_PUBLISH_IGNORES_GONE
	:: state[PF] == LIVE -> state[VF] = LIVE
#else
	:: state[PF] == LIVE && !gone[PF] -> state[VF] = LIVE
#endif
	:: else -> state[VF] = DYING
	fi;
	UNLOCK(pf_lock);
	if
	:: state[VF] == DYING && refs[VF] == 1 -> skip /* dropped by its creator, or already on its way */
	:: else
	fi;
	done++
}

proctype reaper()
{
	byte d;
	bool last, won;

end:	do
	:: reap_queue?d ->
#ifdef MAY_FAIL
		if
		:: d == VF && !tried ->
			tried = YES;
			/* keep(): LIVE again, if its PF is */
			LOCK(pf_lock);
			if
#ifndef MUTANT_KEPT_VF_LIVES
			:: state[PF] != LIVE || gone[PF] -> skip /* as it was, with its slot and PF: a remove tries again */
#endif
			:: else ->
				refs[d] = 1;
				state[d] = LIVE;
				RULE(live_vf_has_live_pf, state[PF] == LIVE)
			fi;
			UNLOCK(pf_lock);
			goto next
		:: !(d == VF && !tried)
		fi;
#endif
		RULE(pf_outlives_its_vfs, d == VF || (state[VF] != LIVE && state[VF] != DYING));
		state[d] = REAPED;
		if
		:: d == VF ->
#ifndef MUTANT_PF_REFERENCE_DROPPED_EARLY
			put(PF)
#endif
		:: else
		fi;
next:		skip
	od
}

init {
	atomic {
		state[VF] = NEW;
		refs[PF] = 3; /* BASE and OWNER as one, the noticer's, the VF's */
		run worker();
		run reaper();
		run noticer();
		run remover();
		run publisher()
	}
	timeout;
	RULE(no_deadlock, done == 3 && !pf_lock && empty(work) && empty(reap_queue));
	RULE(vanished_vf_dies, state[VF] != LIVE);
	RULE(vanished_pf_dies, state[PF] != LIVE)
}
