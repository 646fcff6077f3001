/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A physical function and its virtual ones: pci_vf_publish(), pci_vfs_enable(), pci_vfs_disable(),
 * pci_dev_remove() of the PF, and of a VF, and their reapers.
 *
 * Bounds: one PF, two VFs made by one enable, one disable, one remove of the PF at any moment, one holder
 * of VF 0 who may have it assigned. The enable runs with the PF claimed (as the code has it), or, with
 * -DHOTPLUG, without a claim: as by a rescan that finds a VF. Left out: the 100 ms, references' kinds but
 * PF.
 *
 * CONFIG default
 * CONFIG hotplug -DHOTPLUG
 * LARGE both -DHOTPLUG -DHOLDERS=2
 * MUTANT PUBLISH_WITHOUT_PF_LOCK hotplug vf_published_under_live_pf
 * MUTANT PUBLISH_WITHOUT_LOOK hotplug vf_published_under_live_pf
 * MUTANT LOOK_BEFORE_LOCK hotplug vf_published_under_live_pf
 * MUTANT NO_PF_REFERENCE hotplug pf_outlives_its_vfs
 * MUTANT PF_IGNORES_VFS default pf_with_vfs_stays
 * MUTANT POISON_PF default refused_pf_stays_healthy
 * MUTANT DISABLE_IGNORES_GUEST default guests_vf_vetoes_disable
 * MUTANT DISABLE_HALF default refused_disable_changes_nothing
 * MUTANT CLEAR_ENABLE_EARLY default vf_enable_while_held
 * MUTANT ENABLE_HALF default enable_all_or_none
 * MUTANT VF_LOCK_FIRST hotplug no_deadlock
 * MUTANT UNLINK_WITHOUT_PF_LOCK hotplug vf_list_agrees
 */
#include "common.inc"

DECLARE_RULE(vf_published_under_live_pf);
DECLARE_RULE(pf_outlives_its_vfs);
DECLARE_RULE(pf_with_vfs_stays);
DECLARE_RULE(refused_pf_stays_healthy);
DECLARE_RULE(guests_vf_vetoes_disable);
DECLARE_RULE(refused_disable_changes_nothing);
DECLARE_RULE(vf_enable_while_held);
DECLARE_RULE(enable_all_or_none);
DECLARE_RULE(vf_list_agrees);
DECLARE_RULE(no_deadlock);

#ifndef HOLDERS
#define HOLDERS 1
#endif
#define VFS 2

mtype = { NONE, NEW, LIVE, DYING, GONE };

mtype pf_state = LIVE;
bool pf_claimed, vf_enable, pf_broken;
byte pf_refs = 1;	/* BASE and OWNER as one */
byte pf_lock, vf_count;
mtype vf_state[VFS] = NONE;
byte vf_refs[VFS], vf_lock[VFS];
bool vf_guest[VFS];	/* the guest owns it */
byte done, removing;

inline pf_put()
{
	d_step { pf_refs-- };
	if
	:: pf_refs == 0 -> pf_state = GONE /* the reaper; refs.pml has the put itself */
	:: else
	fi
}

/* The last reference of a VF: its reaper, which also drops the VF's reference on the PF. */
inline vf_put(i)
{
	d_step { vf_refs[i]--; last = vf_refs[i] == 0 };
	if
	:: last ->
		RULE(pf_outlives_its_vfs, pf_state != GONE);
		RULE(vf_enable_while_held, vf_enable || vf_state[i] == NEW);
		vf_state[i] = GONE;
#ifndef MUTANT_NO_PF_REFERENCE
		atomic { pf_put() }
#endif
	:: else
	fi
}

/* pci_dev_create() with its PF, then pci_vf_publish() */
inline add_vf(i)
{
	/* found by lookup: a reference on the PF, which the VF keeps */
	atomic {
		ok = pf_state == LIVE && pf_refs != 0;
		if
		:: ok ->
#ifndef MUTANT_NO_PF_REFERENCE
			pf_refs++;
#endif
			vf_state[i] = NEW;
			vf_refs[i] = 1
		:: else
		fi
	}
	if
	:: ok ->
#ifdef MUTANT_LOOK_BEFORE_LOCK
		ok = pf_state == LIVE;
#endif
#ifndef MUTANT_PUBLISH_WITHOUT_PF_LOCK
		LOCK(pf_lock);
#endif
		LOCK(vf_lock[i]);
#if !defined(MUTANT_LOOK_BEFORE_LOCK) && !defined(MUTANT_PUBLISH_WITHOUT_LOOK)
		ok = pf_state == LIVE;
#endif
		if
		:: ok ->
			vf_state[i] = LIVE;
			RULE(vf_published_under_live_pf, pf_state == LIVE);
			vf_count++
		:: else
		fi;
		UNLOCK(vf_lock[i]);
#ifndef MUTANT_PUBLISH_WITHOUT_PF_LOCK
		UNLOCK(pf_lock);
#endif
		if
		:: !ok -> vf_put(i) /* -ENODEV: the VF is the caller's to drop */
		:: else
		fi
	:: else
	fi
}

/* VF: LIVE -> DYING, off the PF's list, its own reference dropped. The caller has looked at the owner under these locks. */
inline vf_dies(i)
{
#ifdef MUTANT_UNLINK_WITHOUT_PF_LOCK
	LOCK(vf_lock[i]);
	won = vf_state[i] == LIVE && !vf_guest[i];
	if
	:: won ->
		vf_state[i] = DYING;
		seen = vf_count;
		vf_count = seen - 1
	:: else
	fi;
	UNLOCK(vf_lock[i]);
#else
#ifdef MUTANT_VF_LOCK_FIRST
	LOCK(vf_lock[i]);
	LOCK(pf_lock);
#else
	LOCK(pf_lock);
	LOCK(vf_lock[i]);
#endif
	won = vf_state[i] == LIVE && !vf_guest[i];
	if
	:: won ->
		vf_state[i] = DYING;
		vf_count--
	:: else
	fi;
	UNLOCK(vf_lock[i]);
	UNLOCK(pf_lock);
#endif
	if
	:: won -> vf_put(i)
	:: else
	fi
}

/* pci_vfs_enable(), or a rescan that finds VFs */
proctype enabler()
{
	bool ok, last;
#ifndef HOTPLUG
	bool won;
	byte i;
#endif

#ifdef HOTPLUG
	vf_enable = YES; /* by firmware */
	add_vf(0);
	add_vf(1);
#else
	LOCK(pf_lock);
	ok = pf_state == LIVE && !pf_claimed && vf_count == 0;
	pf_claimed = pf_claimed || ok;
	UNLOCK(pf_lock);
	if
	:: ok ->
		vf_enable = YES;
		i = 0;
		do
		:: i < VFS ->
			add_vf(i);
			if
			:: ok -> ok = YES
			:: ok -> ok = NO /* the next one does not answer */
			fi;
			i++;
			if
			:: !ok -> break
			:: else
			fi
		:: else -> break
		od;
		/* if one cannot be added, none stays */
		if
		:: !ok && i != 0 ->
#ifndef MUTANT_ENABLE_HALF
			do
			:: i > 0 ->
				i--;
				vf_dies(i)
			:: else -> break
			od;
			(vf_state[0] == GONE || vf_state[0] == NONE) && (vf_state[1] == GONE || vf_state[1] == NONE);
			vf_enable = NO;
#endif
			RULE(enable_all_or_none, vf_count == 0)
		:: else
		fi;
		LOCK(pf_lock);
		pf_claimed = NO;
		UNLOCK(pf_lock)
	:: else
	fi;
#endif
	done++
}

#ifndef HOTPLUG
/* pci_vfs_disable(): each VF is removed, and only when they are gone VF Enable is cleared */
proctype disabler()
{
	bool ok, last, won;

	LOCK(pf_lock);
	ok = pf_state == LIVE && !pf_claimed && vf_count != 0;
#ifndef MUTANT_DISABLE_IGNORES_GUEST
	ok = ok && !vf_guest[0] && !vf_guest[1];
#endif
#ifdef MUTANT_DISABLE_HALF
	if
	:: vf_guest[0] && vf_state[1] == LIVE && !pf_claimed ->
		vf_state[1] = DYING;
		RULE(refused_disable_changes_nothing, vf_state[1] == LIVE)
	:: else
	fi;
#endif
	pf_claimed = pf_claimed || ok;
	UNLOCK(pf_lock);
	RULE(refused_disable_changes_nothing, ok || vf_count == 0 || vf_enable);
	if
	:: ok ->
		RULE(guests_vf_vetoes_disable, !vf_guest[0] && !vf_guest[1]);
#ifdef MUTANT_CLEAR_ENABLE_EARLY
		vf_enable = NO;
#endif
		vf_dies(0);
		vf_dies(1);
		(vf_state[0] == GONE && vf_state[1] == GONE);
		RULE(guests_vf_vetoes_disable, !vf_guest[0] && !vf_guest[1]);
		vf_enable = NO;
		LOCK(pf_lock);
		pf_claimed = NO;
		UNLOCK(pf_lock)
	:: else
	fi;
	done++
}
#else

/* pci_dev_remove() of VF 0, which disable does to each */
proctype vf_remover()
{
	bool last, won;
	byte seen;

	vf_dies(0);
	done++
}
#endif

/* Looks VF `i` up; perhaps it is assigned, which takes the PF's lock too, because a VF is claimed under it */
proctype holder(byte i)
{
	bool ok, last;

	atomic {
		ok = vf_state[i] == LIVE && vf_refs[i] != 0;
		if
		:: ok -> vf_refs[i]++
		:: else
		fi
	}
	if
	:: ok ->
		RULE(vf_enable_while_held, vf_enable);
		if
		:: LOCK(pf_lock);
			LOCK(vf_lock[i]);
			if
			:: vf_state[i] == LIVE && !pf_claimed -> vf_guest[i] = YES
			:: else
			fi;
			UNLOCK(vf_lock[i]);
			UNLOCK(pf_lock)
		:: skip
		fi;
		RULE(vf_enable_while_held, vf_enable);
		vf_put(i)
	:: else
	fi;
	done++
}

/* pci_dev_remove() of the PF */
proctype pf_remover()
{
	bool win;

#ifdef MUTANT_POISON_PF
	pf_broken = YES;
#endif
	LOCK(pf_lock);
#ifdef MUTANT_PF_IGNORES_VFS
	win = pf_state == LIVE && !pf_claimed;
#else
	win = pf_state == LIVE && !pf_claimed && vf_count == 0;
#endif
	if
	:: win ->
		RULE(pf_with_vfs_stays, vf_count == 0);
		pf_state = DYING
	:: else
	fi;
#ifndef MUTANT_POISON_PF
	pf_broken = NO;
#endif
	UNLOCK(pf_lock);
	RULE(refused_pf_stays_healthy, win || (pf_state == LIVE && !pf_broken));
	if
	:: win -> atomic { pf_put() }
	:: else
	fi;
	done++
}

init {
	byte i;

	atomic {
		run enabler();
#ifndef HOTPLUG
		run disabler();
#else
		run vf_remover();
#endif
		for (i : 1 .. HOLDERS) {
			run holder(i - 1)
		}
		run pf_remover()
	}
	timeout;
	RULE(no_deadlock, done == 3 + HOLDERS && !pf_lock && !vf_lock[0] && !vf_lock[1]);
	RULE(vf_list_agrees, vf_count == (vf_state[0] == LIVE -> 1 : 0) + (vf_state[1] == LIVE -> 1 : 0));
	RULE(pf_with_vfs_stays, pf_state == LIVE || vf_count == 0);
	RULE(pf_outlives_its_vfs, pf_state != GONE || (vf_state[0] != LIVE && vf_state[1] != LIVE))
}
