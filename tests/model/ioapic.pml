/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A change of an I/O APIC's entry while its pin fires: entry_write(), begin(), settle(), set_target(),
 * finish(), write_entry() of arch/x86/ioapic.c. Two guest CPUs write the halves of one entry, with no lock of
 * their own: one the lower half (vector, mask), the other one the lower (vector) or the upper (destination).
 *
 * Hardware: a message of the I/O APIC finds its remapping entry through a cache, which takes in any entry at
 * any time; then it stands in a pipe before it arrives. A flush drops the cached entry, waits for the pipe.
 * A level pin is two devices'; Remote IRR is set when it raises a message, and cleared by the EOI of the
 * vector that the RTE holds. An edge is one message; an edge of a masked pin is ignored (82093AA, 3.2.4).
 *
 * A level pin whose vector the guest itself changes in service is silent, with Fairlead as without:
 * `own_fault`. What is on its way to the IOMMU when the pin is masked still arrives, as without. -DEDGE: an
 * edge pin; -DFAILS: and flushes may fail. Bounds: the guest's writes; interrupts are not bounded.
 *
 * CONFIG level
 * CONFIG edge -DEDGE
 * CONFIG fails -DEDGE -DFAILS
 * UNREACHED "-end-": hardware and the handler go on for ever
 * MUTANT LEVEL_NOT_MASKED level level_is_never_stuck
 * MUTANT RTE_BEFORE_FLUSH level level_is_never_stuck
 * MUTANT OLDER_FINISHES level level_is_never_stuck
 * MUTANT OTHER_VECTOR_IN_RTE level level_is_never_stuck
 * MUTANT NEWER_LEFT_MASKED level settled_is_as_written
 * MUTANT EDGE_MASKED edge edge_is_not_lost
 * MUTANT CLEARED_FIRST edge edge_is_not_lost
 * MUTANT SENT_AGAIN edge edge_delivered_once
 * MUTANT NO_INVALIDATION edge old_entry_delivers_nothing
 * MUTANT NO_DRAIN edge old_entry_delivers_nothing
 * MUTANT UNMASK_WITHOUT_FLUSH edge old_entry_delivers_nothing
 * MUTANT STALE_CHANGE_WRITTEN edge masked_raises_nothing
 * MUTANT FAILED_UNMASKED fails unflushed_raises_nothing
 * MUTANT WAIT_UNDER_LOCK level no_wait_under_lock
 */
#include "common.inc"

DECLARE_RULE(level_is_never_stuck);
DECLARE_RULE(edge_is_not_lost);
DECLARE_RULE(edge_delivered_once);
DECLARE_RULE(old_entry_delivers_nothing);
DECLARE_RULE(masked_raises_nothing);
DECLARE_RULE(unflushed_raises_nothing);
DECLARE_RULE(settled_is_as_written);
DECLARE_RULE(no_wait_under_lock);
DECLARE_RULE(no_deadlock);

/* Writes of the CPUs */
#ifndef WRITES
#define WRITES 2
#endif
#ifdef EDGE
#define LEVEL NO
#else
#define LEVEL YES
#endif

/* What a remapping entry says: vector 1 to 3, destination 0 or 1. */
#define EMPTY 0 /* of the cache: nothing is cached */
#define TARGET(vector, destination) (vector + 3 * destination)
#define VECTOR_OF(target) ((target - 1) % 3 + 1)
#define NOTHING 10
#define BIT(t) (1 << (t))

/* The I/O APIC as the guest sees it, under its lock: struct pin */
byte ioapic;
byte vector, destination; /* written */
bool masked;
byte changes, set, flushed;

/* Hardware */
byte rte_vector;
bool rte_masked, remote_irr;
byte entry, cached;
bool link; /* a message is on its way to the IOMMU */
byte pipe; /* and one behind it: its target */
byte in_service; /* by a CPU: the vector */
bool asserted[2];

/* ghost */
short may;	   /* targets at which an interrupt may arrive */
byte writers;	   /* writes of the guest that have not returned */
bool unmasked_for_sure, masked_for_sure, off, failed;
bool own_fault;
byte owed, done;

/* ---- the guest's write ---- */

/* intr_flush() */
inline flush()
{
	RULE(no_wait_under_lock, !HELD(ioapic));
	ok = YES;
#ifdef FAILS
	if
	:: d_step { ok = NO; failed = YES; unmasked_for_sure = NO }
	:: skip
	fi;
#endif
	if
	:: ok ->
#ifndef MUTANT_NO_INVALIDATION
		cached = EMPTY;
#endif
#ifdef MUTANT_NO_DRAIN
		skip
#else
		pipe == EMPTY
#endif
	:: else
	fi
}

/* write_entry(): the lower half is one write. The upper one of a remappable entry never changes. */
#ifdef MUTANT_OTHER_VECTOR_IN_RTE
#define IN_RTE(v) 1
#else
#define IN_RTE(v) v
#endif
inline write_entry(v, m)
{
	d_step {
		own_fault = own_fault || LEVEL && remote_irr && by_guest && rte_vector != v;
		rte_vector = IN_RTE(v);
		rte_masked = m;
		off = off_now
	}
}

/* set_target() */
inline set_target()
{
	if
	:: entry != TARGET(vector, destination) ->
#ifdef MUTANT_CLEARED_FIRST
		entry = NOTHING;
#endif
		d_step {
			entry = TARGET(vector, destination);
			may = may | BIT(entry);
			set++
		}
	:: else
	fi
}

#ifdef MUTANT_UNMASK_WITHOUT_FLUSH
#define NOTHING_TO_FLUSH (flushed == set || rte_masked)
#else
#define NOTHING_TO_FLUSH (flushed == set)
#endif
#ifdef MUTANT_LEVEL_NOT_MASKED
#define PARKS NO
#elif defined(MUTANT_EDGE_MASKED)
#define PARKS YES
#else
#define PARKS (LEVEL && (rte_vector != IN_RTE(vector) || rte_masked))
#endif

inline begin()
{
	set_target();
	d_step {
		changes++;
		number = changes;
		mine = set;
		due = !masked && !NOTHING_TO_FLUSH
	};
	if
	:: !due -> write_entry(vector, masked)
#ifdef MUTANT_RTE_BEFORE_FLUSH
	:: due -> write_entry(vector, masked)
#else
	:: due && PARKS -> write_entry(vector, YES)
	:: due && !(PARKS)
#endif
	fi
}

#ifdef MUTANT_OLDER_FINISHES
#define MINE YES
#elif defined(MUTANT_NEWER_LEFT_MASKED)
#define MINE (number == changes && set == 1)
#else
#define MINE (number == changes)
#endif
#ifdef MUTANT_FAILED_UNMASKED
#define MASKED_NOW masked
#else
#define MASKED_NOW (masked || !ok)
#endif

inline finish()
{
	flush();
	LOCK(ioapic);
	d_step {
		if
		:: ok -> flushed = mine
		:: else -> off_now = number == changes
		fi
	};
#ifdef MUTANT_STALE_CHANGE_WRITTEN
	write_entry(vector, my_masked);
#else
	if
	:: MINE -> write_entry(vector, MASKED_NOW)
	:: else
	fi;
#endif
#ifdef MUTANT_SENT_AGAIN
	/* "it may have been lost while the entry changed" */
	atomic { pipe == EMPTY -> pipe = entry };
#endif
	UNLOCK(ioapic)
}

/* What counts from the return of the newest write on */
inline returns()
{
	d_step {
		writers--;
		if
		:: !writers && !masked && !failed -> may = BIT(TARGET(vector, destination)); unmasked_for_sure = YES
		:: !writers && masked -> masked_for_sure = YES
		:: else
		fi;
		due = NO; number = 0; mine = 0; ok = NO; off_now = NO; my_masked = NO
	}
}

inline entry_write(v, d, m)
{
	atomic {
		LOCK(ioapic);
		d_step {
			writers++;
			vector = v;
			destination = d;
			masked = m;
			by_guest = YES;
			ok = YES;
			off_now = NO;
			off = NO;
			masked_for_sure = NO;
			unmasked_for_sure = unmasked_for_sure && !masked
		}
	};
	begin();
	by_guest = NO;
#ifdef MUTANT_STALE_CHANGE_WRITTEN
	my_masked = masked;
#endif
#ifdef MUTANT_WAIT_UNDER_LOCK
	flush();
#endif
	UNLOCK(ioapic);
	if
	:: due -> finish()
	:: else
	fi;
	returns()
}

proctype cpu(byte n)
{
	byte writes, number, mine;
	bool due, ok, off_now, by_guest, my_masked;

	do
	:: writes < WRITES - n ->
		writes++;
		if
		:: entry_write(2 + n, destination, masked)
		:: n == 1 -> entry_write(vector, 1, masked)
		:: n == 0 -> entry_write(vector, destination, !masked)
		fi
	:: else -> break
	od;
	done++
}

/* ---- hardware ---- */

inline raise()
{
	RULE(masked_raises_nothing, !masked_for_sure);
	RULE(unflushed_raises_nothing, !off);
	link = YES;
	owed++
}

/* The run ends when they have nothing more to say */
proctype devices()
{
	do
#ifdef EDGE
	:: atomic { !link -> d_step {
		if
		:: rte_masked -> RULE(edge_is_not_lost, !unmasked_for_sure)
		:: else -> raise()
		fi } }
#else
	:: atomic { !asserted[0] -> asserted[0] = YES }
	:: atomic { !asserted[1] -> asserted[1] = YES }
#endif
	:: break
	od;
	done++
}

proctype hardware()
{
end:	do
#ifndef EDGE
	:: atomic { (asserted[0] || asserted[1]) && !rte_masked && !remote_irr ->
		d_step { raise(); remote_irr = YES } }
#endif
	:: atomic { cached == EMPTY -> cached = entry }
	:: atomic { link && cached != EMPTY && pipe == EMPTY ->
		d_step {
			RULE(edge_is_not_lost, cached != NOTHING);
			pipe = cached;
			link = NO
		} }
	:: atomic { pipe != EMPTY && !in_service ->
		d_step {
			RULE(old_entry_delivers_nothing, may & BIT(pipe));
			RULE(edge_delivered_once, owed > 0);
			owed--;
#ifndef EDGE
			in_service = VECTOR_OF(pipe);
#endif
			pipe = EMPTY
		} }
	od
}

#ifndef EDGE
/* The guest serves one of the devices; its EOI is a broadcast of the vector. */
proctype handler()
{
end:	do
	:: in_service ->
		if
		:: atomic { asserted[0] -> asserted[0] = NO }
		:: atomic { asserted[1] -> asserted[1] = NO }
		:: else
		fi;
		d_step {
			if
			:: rte_vector == in_service -> remote_irr = NO
			:: else
			fi;
			in_service = 0
		}
	od
}
#endif
#define THROUGH 3

init {
	atomic {
		d_step {
			vector = 1;
			rte_vector = 1;
			entry = TARGET(1, 0);
			may = BIT(entry);
			unmasked_for_sure = YES
		}
		run cpu(0);
		run cpu(1);
		run devices();
#ifndef EDGE
		run handler();
#endif
		run hardware()
	}
	timeout;
	RULE(no_deadlock, done == THROUGH && !ioapic);
	RULE(level_is_never_stuck, own_fault || !remote_irr);
	RULE(level_is_never_stuck, own_fault || masked || !asserted[0] && !asserted[1]);
	RULE(edge_delivered_once, owed == 0);
	RULE(settled_is_as_written, failed || masked || !rte_masked && rte_vector == IN_RTE(vector))
}
