/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing a message in two phases while the device sends: vpci_message_set(), vpci_flush_take(),
 * vpci_flush_finish(), vpci_msi_commit(), vpci_msix_commit(); masking and disabling; vpci_withdraw_start(),
 * the silence of a deassign, vpci_detach(), pci_msi_release().
 *
 * The remapping unit caches any entry at any time, also one that is not present, and takes a message
 * through its cache; the message then stands in a pipe before it arrives. A flush drops the cached entry
 * and waits for the pipe. What counts as delivered: each message that leaves the device arrives once, at a
 * target that the guest asked for. Raised again while it is pending is the same interrupt (the pending bit;
 * PCIe base spec 6.0, 6.1.4.5); raised while disabled is nobody's. A change counts from the return of the
 * guest's write.
 *
 * The requester ID is left out on purpose: two devices behind one bridge have the same, and only the order
 * keeps them apart.
 *
 * Bounds: two guest CPUs, three writes each: masks, unmasks, one change of the message, under the mask or
 * not (under it the entry may change at once or with the unmask); one vector, or (-DTWO) two of one
 * device; any number of interrupts; -DENABLE: one CPU disables and enables; -DDETACH: a manager takes the
 * device away and another device gets the entry; -DFAILS: and flushes may fail; -DAGAIN: the guest gets the
 * device back at once. Steps under vpci_lock that no hardware sees are one step.
 *
 * CONFIG same
 * CONFIG two -DTWO
 * CONFIG enable -DENABLE
 * CONFIG detach -DDETACH
 * CONFIG fails -DDETACH -DFAILS
 * CONFIG again -DAGAIN
 * UNREACHED "-end-": the device and the unit go on for ever
 * LARGE same4 -DWRITES=4
 * MUTANT NO_INVALIDATION same unit_uses_no_stale_entry
 * MUTANT OPEN_BEFORE_FLUSH same unit_uses_no_stale_entry
 * MUTANT COMMIT_ANY_NUMBER same unit_uses_no_stale_entry
 * MUTANT COMMIT_BEYOND_THE_NOTE two unit_uses_no_stale_entry
 * MUTANT UNMASK_WITHOUT_NOTE same unit_uses_no_stale_entry
 * MUTANT NUMBERS_START_AGAIN again none_is_lost
 * MUTANT FAILED_COMMITTED fails unit_uses_no_stale_entry
 * MUTANT NO_DRAIN same old_target_gets_nothing
 * MUTANT MASK_LATER same masked_is_silent
 * MUTANT MASK_NOT_READ_BACK same masked_is_silent
 * MUTANT STORED_IN_HALVES same only_whole_messages
 * MUTANT CLEARED_FIRST same none_is_lost
 * MUTANT RETIRED_BEFORE_OFF enable none_is_lost
 * MUTANT SENT_AGAIN same delivered_once
 * MUTANT FREE_BEFORE_FLUSH detach entry_reused_after_flush
 * MUTANT FAILED_FREED fails entry_reused_after_flush
 * MUTANT NOT_SILENCED detach never_as_anothers
 * MUTANT COMMIT_IGNORES_CLOSING detach nothing_enabled_after_silence
 * MUTANT NEWER_LEFT_CLOSED same settled_is_as_wished
 * MUTANT WAIT_UNDER_LOCK same no_wait_under_device_lock
 */
#include "common.inc"

DECLARE_RULE(unit_uses_no_stale_entry);
DECLARE_RULE(old_target_gets_nothing);
DECLARE_RULE(masked_is_silent);
DECLARE_RULE(only_whole_messages);
DECLARE_RULE(none_is_lost);
DECLARE_RULE(delivered_once);
DECLARE_RULE(entry_reused_after_flush);
DECLARE_RULE(never_as_anothers);
DECLARE_RULE(nothing_enabled_after_silence);
DECLARE_RULE(settled_is_as_wished);
DECLARE_RULE(no_wait_under_device_lock);
DECLARE_RULE(no_deadlock);

/* Writes of each CPU */
#ifndef WRITES
#if defined(TWO) || defined(DETACH) || defined(AGAIN)
#define WRITES 2
#else
#define WRITES 3
#endif
#endif
#if defined(ENABLE) || defined(DETACH) || defined(AGAIN)
#define WRITES_OF(n) (WRITES - n)
#else
#define WRITES_OF(n) WRITES
#endif

#ifdef TWO
#define VECTORS 2
#define STARTS_MASKED YES
#else
#define VECTORS 1
#define STARTS_MASKED NO
#endif
#define ENTRIES 2
#if defined(TWO) || defined(ENABLE) || defined(AGAIN)
#define SECOND_ENTRY
#endif

/* What an entry says */
#define EMPTY 0	  /* of the cache: nothing is cached */
#define FIRST 1	  /* the message at the start; a CPU changes it to 2 + its number */
#define NEXT 4	  /* after the device came back */
#define ANOTHER 5 /* of another device */
#define MIXED 6	  /* half of the old, half of the new */
#define NOTHING 7
#define BIT(t) (1 << (t))

/* The guest's view, under vpci_lock */
byte vpci_lock;
bool attached, closing;
bool masked[VECTORS], on;
bool unstored[VECTORS]; /* the message was changed under the mask, the entry comes with the unmask */
byte message[VECTORS];
byte changes, changed_at[VECTORS];
byte which[VECTORS]; /* its entry */

/* Hardware: the device, and its unit */
bool open[VECTORS];    /* on, and not masked */
byte program[VECTORS]; /* the entry that the device names */
bool pending[VECTORS];
byte link[VECTORS];    /* on its way to the unit: entry + 1 */
byte entry[ENTRIES], cached[ENTRIES];
byte pipe, pipe_of, pipe_from; /* taken, and not delivered yet: target, vector, entry */
bool used[ENTRIES];    /* the allocator's */

/* ghost */
byte may[VECTORS];    /* targets that the unit may send this vector to */
byte arrive[VECTORS]; /* targets at which it may still arrive */
byte owed; /* messages that have left the device, and not arrived */
bool silenced, failed;
byte done;

#define VISIBLE (attached && !closing)
#define WISHED(v) (VISIBLE && on && !masked[v])

/* ---- what every write of the guest ends with ---- */

/* pci_msi_ops.flush */
inline flush(noted)
{
	RULE(no_wait_under_device_lock, !HELD(vpci_lock));
	flushed = YES;
#ifdef FAILS
	if
	:: flushed = NO; failed = YES
	:: skip
	fi;
#endif
	if
	:: flushed ->
#ifndef MUTANT_NO_INVALIDATION
		d_step {
			if :: noted & 1 -> cached[0] = EMPTY :: else fi;
			if :: noted & 2 -> cached[1] = EMPTY :: else fi
		};
#endif
#ifdef MUTANT_NO_DRAIN
		skip
#else
		pipe == EMPTY
#endif
	:: else
	fi
}

#ifdef MUTANT_COMMIT_IGNORES_CLOSING
#define MAY_OPEN(v) (attached && on && !masked[v])
#else
#define MAY_OPEN(v) WISHED(v)
#endif
#ifdef MUTANT_COMMIT_BEYOND_THE_NOTE
#define NOTED(v) YES
#else
#define NOTED(v) (noted & BIT(which[v]))
#endif
#ifdef MUTANT_COMMIT_ANY_NUMBER
#define FLUSHED(v) YES
#else
#define FLUSHED(v) (upto >= changed_at[v])
#endif
#ifdef MUTANT_NEWER_LEFT_CLOSED
#define ASKED mine
#else
#define ASKED YES
#endif

/* One vector of vpci_msix_commit(); vpci_msi_commit() */
inline commit_one(v, noted, upto, mine)
{
	if
	:: MAY_OPEN(v) && NOTED(v) && FLUSHED(v) && ASKED && !open[v] ->
		RULE(nothing_enabled_after_silence, !silenced);
		open[v] = YES;
#ifdef MUTANT_SENT_AGAIN
		/* "it may have been lost while the message changed" */
		atomic { pipe == EMPTY -> pipe = entry[which[v]]; pipe_of = v }
#endif
	:: else
	fi
}

inline commit(noted, upto, mine)
{
	atomic {
		LOCK(vpci_lock);
		commit_one(0, noted, upto, mine)
	}
	atomic {
#ifdef TWO
		commit_one(1, noted, upto, mine);
#endif
		UNLOCK(vpci_lock)
	}
}

/* vpci_flush_take(); the lock is given back; vpci_flush_finish() */
inline finish(v, noted, old, mine)
{
#ifdef MUTANT_WAIT_UNDER_LOCK
	if
	:: noted -> flush(noted)
	:: else
	fi;
#endif
	d_step { upto = changes; UNLOCK(vpci_lock) };
	if
	:: noted ->
#ifdef MUTANT_OPEN_BEFORE_FLUSH
		commit(noted, upto, mine);
#endif
		flush(noted);
		if
		:: flushed ->
			commit(noted, upto, mine);
			/* The write returns: the message that it replaced is history */
			forget(v, old)
		:: else
#ifdef MUTANT_FAILED_COMMITTED
			-> commit(noted, upto, mine)
#endif
		fi
	:: else
	fi;
	d_step { noted = 0; old = EMPTY; upto = 0; e = 0; flushed = NO }
}

inline forget(v, old)
{
	d_step {
		if
		:: old != EMPTY && old != NOTHING && !(on && entry[which[v]] == old) ->
			may[v] = may[v] & ~BIT(old);
			arrive[v] = arrive[v] & ~BIT(old)
		:: else
		fi
	}
}

/* vpci_message_set() */
inline message_set(v, noted, old)
{
#ifdef MUTANT_STORED_IN_HALVES
	d_step {
		old = entry[which[v]];
		entry[which[v]] = MIXED
	};
#endif
#ifdef MUTANT_CLEARED_FIRST
	d_step {
		old = entry[which[v]];
		entry[which[v]] = NOTHING
	};
#endif
	d_step {
#if !defined(MUTANT_STORED_IN_HALVES) && !defined(MUTANT_CLEARED_FIRST)
		old = entry[which[v]];
#endif
		entry[which[v]] = message[v];
		changes++;
		changed_at[v] = changes;
		unstored[v] = NO;
		noted = noted | BIT(which[v]);
		arrive[v] = arrive[v] | BIT(message[v]);
		if
		:: WISHED(v) -> may[v] = may[v] | BIT(message[v])
		:: else
		fi
	}
}

/* A write that the device has answered pushes what it sent before out of the link */
inline read_back(v)
{
#ifdef MUTANT_MASK_NOT_READ_BACK
	skip
#else
	link[v] == 0
#endif
}

/* ---- the guest's writes ---- */

inline write_mask(v)
{
	atomic {
		LOCK(vpci_lock);
		if
		:: VISIBLE ->
			masked[v] = YES;
#ifndef MUTANT_MASK_LATER
			open[v] = NO;
			read_back(v);
#endif
			may[v] = 0
		:: else
		fi;
		UNLOCK(vpci_lock)
	}
}

inline write_message(v, to, noted, old)
{
	atomic {
		LOCK(vpci_lock);
		if
		:: VISIBLE -> message[v] = to
		:: else
		fi
	};
	if
	:: VISIBLE && on && !unstored[v] -> message_set(v, noted, old)
	:: VISIBLE && on && masked[v] -> unstored[v] = YES
	:: !VISIBLE || !on
	fi;
	finish(v, noted, old, NO)
}

inline write_unmask(v, noted, old)
{
	atomic {
		LOCK(vpci_lock);
		if
		:: VISIBLE -> masked[v] = NO
		:: else
		fi
	};
	if
	:: VISIBLE && on && unstored[v] -> message_set(v, noted, old)
	:: VISIBLE && on && !unstored[v] ->
		d_step {
			may[v] = may[v] | BIT(entry[which[v]]);
#ifdef MUTANT_UNMASK_WITHOUT_NOTE
			open[v] = YES
#else
			noted = BIT(which[v])
#endif
		}
	:: !VISIBLE || !on
	fi;
	finish(v, noted, old, YES)
}

/* pci_msi_release(): entries that nobody can reach any more; no lock */
inline release(e)
{
	entry[e] = NOTHING;
#ifdef MUTANT_FREE_BEFORE_FLUSH
	used[e] = NO;
#endif
	flush(BIT(e));
	if
	:: flushed ->
		used[e] = NO
	:: else
#ifdef MUTANT_FAILED_FREED
		-> used[e] = NO
#endif
	fi
}

/* pci_msi_ops.alloc */
inline take_entry(e)
{
	d_step {
		e = (used[0] -> 1 : 0);
		RULE(entry_reused_after_flush, pipe == EMPTY || pipe_from != e);
		RULE(entry_reused_after_flush, cached[e] == EMPTY || cached[e] == NOTHING);
		used[e] = YES
	}
}

inline write_disable(old, e)
{
#ifdef MUTANT_RETIRED_BEFORE_OFF
	if
	:: on -> entry[which[0]] = NOTHING
	:: else
	fi;
#endif
	e = ENTRIES;
	atomic {
		LOCK(vpci_lock);
		if
		:: VISIBLE && on ->
			e = which[0];
			old = entry[e];
			on = NO;
			open[0] = NO;
			link[0] == 0;
			may[0] = 0
		:: else
		fi;
		UNLOCK(vpci_lock)
	}
	if
	:: e < ENTRIES -> release(e); forget(0, old)
	:: else
	fi;
	d_step { old = EMPTY; e = 0; flushed = NO }
}

inline write_enable(noted, old, e)
{
	atomic {
		LOCK(vpci_lock);
		if
		:: VISIBLE && !on && !(used[0] && used[1]) ->
			take_entry(e);
			which[0] = e;
			program[0] = e;
			on = YES;
			noted = BIT(e)
		:: else
		fi
	};
	if
	:: noted -> message_set(0, noted, old)
	:: else
	fi;
	finish(0, noted, old, YES)
}

proctype cpu(byte n)
{
	byte writes, noted, old, upto, e;
	bool changed, flushed;

#ifdef TWO
#define MINE n
#else
#define MINE 0
#endif
	do
	:: writes < WRITES_OF(n) ->
		writes++;
		if
		:: write_mask(MINE)
		:: write_unmask(MINE, noted, old)
		:: !changed -> changed = YES; write_message(MINE, 2 + n, noted, old)
#ifdef ENABLE
		:: n == 0 -> write_disable(old, e)
		:: n == 0 -> write_enable(noted, old, e)
#endif
#ifdef AGAIN
		:: n == 1 -> write_enable(noted, old, e)
#endif
		fi
	:: else -> break
	od;
	done++
}

/* ---- the manager ---- */

#if defined(DETACH) || defined(AGAIN)
proctype manager()
{
	byte e;
	bool flushed;

	/* vpci_withdraw_start() */
	atomic { LOCK(vpci_lock); closing = YES; UNLOCK(vpci_lock) }
	/* silence: configuration writes, no lock */
#ifndef MUTANT_NOT_SILENCED
	open[0] = NO;
	silenced = YES;
	link[0] == 0;
	may[0] = 0;
#endif
	/* vpci_detach() */
	atomic {
		LOCK(vpci_lock);
		attached = NO;
		may[0] = 0;
		e = (on -> which[0] : ENTRIES);
		on = NO;
		UNLOCK(vpci_lock)
	}
	if
	:: e < ENTRIES ->
		release(e);
		if
		:: flushed -> arrive[0] = 0
		:: else
		fi
	:: else
	fi;
#ifdef AGAIN
	/* vpci_attach(): as after a reset, but the guest is quick to enable it */
	atomic {
		LOCK(vpci_lock);
		silenced = NO;
		closing = NO;
		attached = YES;
		masked[0] = NO;
		unstored[0] = NO;
		message[0] = NEXT;
#ifdef MUTANT_NUMBERS_START_AGAIN
		changes = 0;
		changed_at[0] = 0;
#endif
		UNLOCK(vpci_lock)
	}
#endif
	done++
}
#define THROUGH 3
#else
#define THROUGH 2
#endif

#ifdef DETACH
/* Another device is set up, and gets the entry as soon as it was given back */
proctype another()
{
	byte e;

end:	!used[0];
	take_entry(e);
	entry[e] = ANOTHER
}
#endif

/* ---- hardware ---- */

inline send(v)
{
	pending[v] = NO;
	link[v] = program[v] + 1;
	owed++
}

/* The unit takes a message out of the link */
inline take(v)
{
	d_step {
		pipe = cached[link[v] - 1];
		pipe_of = v;
		pipe_from = link[v] - 1;
		link[v] = 0;
		RULE(only_whole_messages, pipe != MIXED);
		RULE(never_as_anothers, pipe != ANOTHER);
		RULE(masked_is_silent, may[v] || !attached);
		RULE(none_is_lost, pipe != NOTHING || !may[v]);
		RULE(unit_uses_no_stale_entry, pipe == NOTHING || !may[v] || (may[v] & BIT(pipe)));
		if
		:: pipe == NOTHING -> pipe = EMPTY; pipe_from = 0; owed--
		:: else
		fi
	}
}

proctype hardware()
{
end:	do
	:: !pending[0] && done < THROUGH -> pending[0] = YES
	:: atomic { pending[0] && open[0] && !link[0] -> send(0) }
	:: atomic { link[0] && pipe == EMPTY && cached[link[0] - 1] != EMPTY -> take(0) }
#ifdef TWO
	:: !pending[1] && done < THROUGH -> pending[1] = YES
	:: atomic { pending[1] && open[1] && !link[1] -> send(1) }
	:: atomic { link[1] && pipe == EMPTY && cached[link[1] - 1] != EMPTY -> take(1) }
#endif
	:: atomic { cached[0] == EMPTY -> cached[0] = entry[0] }
#ifdef SECOND_ENTRY
	:: atomic { cached[1] == EMPTY -> cached[1] = entry[1] }
#endif
	:: atomic { pipe != EMPTY ->
		d_step {
			RULE(old_target_gets_nothing, arrive[pipe_of] & BIT(pipe));
			RULE(delivered_once, owed > 0);
			owed--;
			pipe_from = 0;
			pipe_of = 0;
			pipe = EMPTY
		} }
	od
}

init {
	atomic {
		d_step {
			attached = YES;
			on = YES;
			entry[1] = NOTHING;
			message[0] = FIRST; entry[0] = FIRST; used[0] = YES; arrive[0] = BIT(FIRST);
			masked[0] = STARTS_MASKED; open[0] = !STARTS_MASKED; may[0] = (STARTS_MASKED -> 0 : BIT(FIRST));
#ifdef DETACH
			used[1] = YES; entry[1] = ANOTHER;
#endif
#ifdef TWO
			message[1] = FIRST; entry[1] = FIRST; used[1] = YES; arrive[1] = BIT(FIRST);
			masked[1] = YES; which[1] = 1; program[1] = 1
#endif
		}
		run cpu(0);
		run cpu(1);
#if defined(DETACH) || defined(AGAIN)
		run manager();
#endif
#ifdef DETACH
		run another();
#endif
		run hardware()
	}
	timeout;
	RULE(no_deadlock, done == THROUGH && !vpci_lock);
	RULE(settled_is_as_wished, failed || open[0] == WISHED(0) || !attached && !silenced);
	RULE(none_is_lost, failed || !WISHED(0) || !pending[0]);
	RULE(delivered_once, owed == 0);
#ifdef TWO
	RULE(settled_is_as_wished, open[1] == WISHED(1));
	RULE(none_is_lost, !WISHED(1) || !pending[1])
#endif
}
