/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests between the guest's CPUs: vcpu_request_init(), _startup(), _nmi(), _wake(), vcpu_take_requests(),
 * vcpu_take_nmis(), vcpu_take_wake() and vcpu_requested() of arch/x86/vcpu_request.c; arch_cpu_kick() and the visit that
 * clears its flag (arch/x86/nmi.c); the loop of svm_run() with its wait for a SIPI and sleep_window() (arch/x86/svm).
 *
 * What the guest may expect is ghost: an INIT makes a CPU wait, the first SIPI behind it starts it, any other SIPI does
 * nothing, in the order in which the marks were made. A CPU may be late, and may leave out what a later INIT
 * made void; in the end it is where the ghost is.
 *
 * Bounds: TARGETS CPUs, each of which makes OWN requests, to any target; SENDERS others that make OPS each; which, is
 * tried out. A target starts in the guest or waiting. NMIs to a CPU: one latch, in which they merge; on their way for any
 * time; OTHERS that are not kicks. A compare-and-swap in a loop is one step: it has an effect once, on the value it saw.
 * A guest's NMI handler ends at any time. Left out: NMIs that hardware blocks in the guest, what is owed (nmi.c), the
 * budget of work.
 *
 * CONFIG default -DTARGETS=1 -DSENDERS=2 -DOPS=2 -DOWN=0 -DOTHERS=0 -DINITS -DWORKS
 * CONFIG order -DTARGETS=1 -DSENDERS=1 -DOPS=3 -DOWN=1 -DOTHERS=1 -DINITS -DNMIS_SENT
 * CONFIG nmis -DTARGETS=1 -DSENDERS=2 -DOPS=2 -DOWN=1 -DOTHERS=0 -DNMIS_SENT
 * CONFIG wake -DTARGETS=1 -DSENDERS=1 -DOPS=2 -DOWN=0 -DOTHERS=1 -DNMIS_SENT -DWAKES
 * CONFIG two -DTARGETS=2 -DSENDERS=0 -DOPS=0 -DOWN=1 -DOTHERS=0 -DINITS
 * LARGE all -DTARGETS=1 -DSENDERS=2 -DOPS=3 -DOWN=0 -DOTHERS=0 -DINITS -DNMIS_SENT
 * LARGE cross -DTARGETS=2 -DSENDERS=1 -DOPS=1 -DOWN=1 -DOTHERS=0 -DINITS
 * UNREACHED "-end-": the CPUs go round for ever
 * MUTANT KICK_BEFORE_MARK default sleeper_is_woken
 * MUTANT CLEARED_AFTER_LOOK order request_is_followed
 * MUTANT STARTUP_NOT_ATOMIC default starts_where_asked
 * MUTANT TAKEN_NOT_ATOMIC default ends_as_asked
 * MUTANT STARTUP_BEFORE_INIT default ends_as_asked
 * MUTANT STRAY_STARTUP_COUNTS default only_a_waiting_cpu_starts
 * MUTANT INIT_ORED default starts_where_asked
 * MUTANT VECTORS_ORED default starts_where_asked
 * MUTANT STARTUP_MARKED_AGAIN default starts_where_asked
 * MUTANT ANY_NMI_STARTS default no_guest_before_startup
 * MUTANT NO_RIP_FIXUP default sleeper_is_woken
 * MUTANT SLEEP_WITHOUT_LOOK default sleeper_is_woken
 * MUTANT NOT_CLEARED_AFTER_RESET default kick_is_never_suppressed
 * MUTANT CLEARED_BEFORE_RESET default kick_is_never_suppressed
 * MUTANT VISIT_CLEARS_NOTHING default kick_is_never_suppressed
 * MUTANT NO_WORK_AFTER_RESET default work_is_run
 * MUTANT NOT_AGAIN_AFTER_WAIT default request_is_followed
 * MUTANT OWN_SEEN_LATER order own_request_before_entry
 * MUTANT NMIS_APART order nmi_is_not_lost
 * MUTANT NMIS_BESIDE_INIT order nmi_is_not_lost
 * MUTANT EVENT_BEFORE_REQUESTS order nmi_is_not_lost
 * MUTANT INIT_KEEPS_NMIS order nmi_is_given_once
 * MUTANT NMIS_LEFT nmis nmi_is_given_once
 * MUTANT NMIS_UNLIMITED nmis at_most_two_nmis
 * MUTANT WAKE_NOT_MARKED wake wake_is_not_lost
 * MUTANT INIT_WAITED_FOR two nobody_waits
 */
#include "common.inc"

DECLARE_RULE(request_is_followed);
DECLARE_RULE(ends_as_asked);
DECLARE_RULE(only_a_waiting_cpu_starts);
DECLARE_RULE(starts_where_asked);
DECLARE_RULE(no_guest_before_startup);
DECLARE_RULE(sleeper_is_woken);
DECLARE_RULE(kick_is_never_suppressed);
DECLARE_RULE(work_is_run);
DECLARE_RULE(own_request_before_entry);
DECLARE_RULE(nmi_is_not_lost);
DECLARE_RULE(nmi_is_given_once);
DECLARE_RULE(at_most_two_nmis);
DECLARE_RULE(wake_is_not_lost);
DECLARE_RULE(nobody_waits);

/* The word: the vector is unique in the model, so it says who sent the SIPI. */
#define VECTOR 15
#define INIT 16
#define STARTUP 32
#define WAKE 64
#define NMI 128
#define NMIS (3 * NMI)

short word[TARGETS];
#ifdef MUTANT_NMIS_APART
short nmis[TARGETS];
#define NMI_WORD(t) nmis[t]
#else
#define NMI_WORD(t) word[t]
#endif
bool kicked[TARGETS];
bool work[TARGETS];	/* posted for that CPU */
byte on_way[TARGETS];	/* NMIs */
bool latch[TARGETS];	/* an NMI waits in the CPU */
bool arrived[TARGETS];	/* taken by the handler, not looked at yet */
bool waits[TARGETS];	/* for a SIPI; the CPU's own */
byte started[TARGETS];	/* vector that it was last started with; the CPU's own */
bool granted[TARGETS];	/* the guest's memory: what its CPU waits for in HLT */

/* ghost: as the marks were made */
bool shall_wait[TARGETS];
byte shall_start[TARGETS];	/* vector of the SIPI that started it since its last INIT; 0: none */
bool init_comes[TARGETS];	/* an INIT was marked and is not taken yet */
byte due[TARGETS];	/* NMIs since the last INIT that were not given yet */
/* ghost: as it is */
bool was_reset[TARGETS];	/* and not started since */
bool asleep[TARGETS], in_guest[TARGETS], own_init[TARGETS], halted[TARGETS];
byte done;

#define REQUESTED(t) ((word[t] & (INIT | STARTUP)) != 0)

/* arch_cpu_kick(), unless it is this CPU */
inline kick(t, self)
{
	if
	:: self
	:: else ->
		d_step { was = kicked[t]; kicked[t] = YES };
		if
		:: !was -> on_way[t]++
		:: else -> was = NO
		fi
	fi
}

inline request_init(t, self)
{
#ifdef MUTANT_KICK_BEFORE_MARK
	kick(t, self);
#endif
	d_step {
#ifdef MUTANT_INIT_ORED
		word[t] = word[t] | INIT;
#else
#ifdef MUTANT_INIT_KEEPS_NMIS
		word[t] = INIT | (word[t] & NMIS);
#else
		word[t] = INIT;
#endif
#endif
#ifdef MUTANT_NMIS_APART
		nmis[t] = 0;
#endif
		shall_wait[t] = YES;
		shall_start[t] = 0;
		init_comes[t] = YES;
		own_init[t] = own_init[t] || self;
		due[t] = 0
	};
#ifndef MUTANT_KICK_BEFORE_MARK
	kick(t, self);
#endif
#ifdef MUTANT_INIT_WAITED_FOR
	self || (word[t] & INIT) == 0
#else
	skip
#endif
}

inline request_startup(t, self, v)
{
#ifdef MUTANT_STARTUP_NOT_ATOMIC
	seen = word[t];
#endif
	d_step {
#ifndef MUTANT_STARTUP_NOT_ATOMIC
		seen = word[t];
#endif
		if
#ifdef MUTANT_VECTORS_ORED
		:: YES ->
#else
		:: (seen & STARTUP) == 0 ->
#endif
			word[t] = seen | STARTUP | (v);
			if
			:: shall_wait[t] ->
				shall_wait[t] = NO;
				shall_start[t] = (v)
			:: else
			fi
		:: else -> was = YES
		fi;
		seen = 0
	};
	if
	:: was -> was = NO /* whoever marked it kicks */
	:: else -> kick(t, self)
	fi
}

inline request_nmi(t, self)
{
	d_step {
		if
#ifdef MUTANT_NMIS_UNLIMITED
		:: (NMI_WORD(t) & NMIS) != NMIS ->
#else
		:: (NMI_WORD(t) & NMIS) < 2 * NMI ->
#endif
			NMI_WORD(t) = NMI_WORD(t) + NMI;
			RULE(at_most_two_nmis, (NMI_WORD(t) & NMIS) <= 2 * NMI);
			due[t]++
		:: else -> was = YES
		fi
	};
	if
	:: was -> was = NO
	:: else -> kick(t, self)
	fi
}

/* The guest writes what its CPU waits for, then calls. */
inline request_wake(t)
{
	granted[t] = YES;
#ifndef MUTANT_WAKE_NOT_MARKED
	word[t] = word[t] | WAKE;
#endif
	kick(t, NO)
}

inline post_work(t)
{
	work[t] = YES;
	kick(t, NO)
}

#ifdef INITS
#define INIT_OR_STARTUP(t, self, v) :: request_init(t, self) :: request_startup(t, self, v)
#else
#define INIT_OR_STARTUP(t, self, v)
#endif
#ifdef NMIS_SENT
#define AN_NMI(t, self) :: request_nmi(t, self)
#else
#define AN_NMI(t, self)
#endif

/* Any target: for one the choice is made. */
#if TARGETS == 1
#define ANY(t) t = 0
#else
#define ANY(t) if :: t = 0 :: t = 1 fi
#endif

proctype sender(byte me)
{
	byte n, t;
	bool was;
	short seen;

	do
	:: n < OPS ->
		n++;
		ANY(t);
		if
		INIT_OR_STARTUP(t, NO, me * OPS + n)
		AN_NMI(t, NO)
#ifdef WAKES
		:: request_wake(t)
#endif
#ifdef WORKS
		:: post_work(t)
#endif
		fi
	:: else -> break
	od;
	done++
}

/* What hardware does with NMIs on their way; and sends some itself. */
proctype bus()
{
	byte others;

end:	do
	:: atomic { on_way[0] > 0 -> on_way[0]--; latch[0] = YES }
#if TARGETS > 1
	:: atomic { on_way[1] > 0 -> on_way[1]--; latch[1] = YES }
#endif
	:: atomic { others < OTHERS -> others++; on_way[0]++ }
	od
}

/* The NMI handler of Fairlead's own, wherever GIF is 1. */
#define TAKE_NMI d_step { latch[me] = NO; arrived[me] = YES }

/* nmi_handle(), nmi_while_waiting(): takes note of the kick; what it was for is looked at afterwards. */
inline visit()
{
	if
	:: arrived[me] ->
		arrived[me] = NO;
#if !defined(MUTANT_VISIT_CLEARS_NOTHING) && !defined(MUTANT_CLEARED_AFTER_LOOK)
		kicked[me] = NO
#endif
	:: else
	fi
}

inline exit_tail()
{
	work[me] = NO
}

/* STGI; NOP; HLT; CLGI */
inline sleep_window()
{
	if
	:: atomic { latch[me] -> TAKE_NMI };
#ifdef MUTANT_NO_RIP_FIXUP
		asleep[me] = YES;
endeaten:	atomic { latch[me] -> TAKE_NMI; asleep[me] = NO }
#endif
	:: atomic { !latch[me] -> asleep[me] = YES };
endsleep:	atomic { latch[me] -> TAKE_NMI; asleep[me] = NO }
	fi
}

/* vcpu_take_requests() */
inline take_requests()
{
#ifdef MUTANT_TAKEN_NOT_ATOMIC
	taken = word[me];
#endif
	d_step {
#ifndef MUTANT_TAKEN_NOT_ATOMIC
		taken = word[me];
#endif
		word[me] = word[me] & (NMIS | WAKE);
		taken = taken & (INIT | STARTUP | VECTOR);
		as_asked = (taken & VECTOR) == shall_start[me];
		if
		:: taken & INIT ->
			was_reset[me] = YES;
			init_comes[me] = NO;
			own_init[me] = NO
		:: else
		fi
	}
}

/* svm_init_vcpu(), lapic_reset(): which may swallow an NMI; then what that may have been for is looked at. */
inline reset()
{
	d_step {
		waits[me] = YES;
		nmi_waiting = 0;
		nmi_blocked = NO;
		skip_hlt = NO
	};
#ifdef MUTANT_CLEARED_BEFORE_RESET
	kicked[me] = NO;
#endif
	if
	:: d_step { latch[me] = NO; on_way[me] = 0 }
	:: latch[me] = NO
	:: skip
	fi;
#if !defined(MUTANT_NOT_CLEARED_AFTER_RESET) && !defined(MUTANT_CLEARED_BEFORE_RESET)
	kicked[me] = NO;
#endif
#ifdef MUTANT_STARTUP_MARKED_AGAIN
	/* for the wait to find */
	if
	:: taken & STARTUP ->
		d_step {
			if
			:: (word[me] & STARTUP) == 0 -> word[me] = word[me] | (taken & (STARTUP | VECTOR))
			:: else
			fi;
			taken = 0
		}
	:: else
	fi;
#endif
#ifndef MUTANT_NO_WORK_AFTER_RESET
	exit_tail()
#else
	skip
#endif
}

inline start()
{
	d_step {
		RULE(only_a_waiting_cpu_starts, waits[me]);
		RULE(starts_where_asked, as_asked);
		waits[me] = NO;
		was_reset[me] = NO;
		started[me] = taken & VECTOR
	}
}

#ifdef MUTANT_STRAY_STARTUP_COUNTS
#define STARTS (taken & STARTUP)
#else
#define STARTS ((taken & STARTUP) && waits[me])
#endif

inline follow_requests()
{
	take_requests();
	again = waits[me] || (taken & INIT);
#ifdef MUTANT_STARTUP_BEFORE_INIT
	if
	:: STARTS -> start()
	:: else
	fi;
#endif
	if
	:: taken & INIT -> reset()
	:: else
	fi;
#ifndef MUTANT_STARTUP_BEFORE_INIT
	if
	:: STARTS -> start()
	:: else
	fi;
#endif
	d_step { taken = 0; as_asked = NO }
}

/* The wait for a SIPI is the same loop, with a sleep. */
inline all_requests()
{
	do
	:: waits[me] || REQUESTED(me) ->
		follow_requests();
		if
		:: waits[me] ->
#ifndef MUTANT_SLEEP_WITHOUT_LOOK
			if
			:: REQUESTED(me)
			:: else ->
				if
				:: work[me]
				:: else -> sleep_window()
				fi
			fi;
#else
			sleep_window();
#endif
			visit();
			exit_tail();
#ifdef MUTANT_CLEARED_AFTER_LOOK
			kicked[me] = NO;
#endif
#ifdef MUTANT_ANY_NMI_STARTS
			break
#else
			skip
#endif
#ifndef MUTANT_NOT_AGAIN_AFTER_WAIT
		:: again
#endif
		:: else -> break /* start-up interrupts alone keep nobody here */
		fi
	:: else -> break
	od
}

/* svm_choose_event(), with vcpu_take_nmis() */
inline choose_event()
{
	d_step {
		if
#if defined(MUTANT_NMIS_BESIDE_INIT) || defined(MUTANT_NMIS_APART)
		:: YES ->
#else
		:: (word[me] & INIT) == 0 ->
#endif
			nmi_waiting = nmi_waiting + (NMI_WORD(me) & NMIS) / NMI;
#ifndef MUTANT_NMIS_LEFT
			NMI_WORD(me) = NMI_WORD(me) & ~NMIS;
#endif
			/* more than hardware keeps are merged, and owed to nobody */
			if
			:: nmi_waiting > (nmi_blocked -> 1 : 2) ->
				due[me] = due[me] - (nmi_waiting - (nmi_blocked -> 1 : 2));
				nmi_waiting = (nmi_blocked -> 1 : 2)
			:: else
			fi
		:: else
		fi;
		/* nmi_take() */
		if
		:: nmi_waiting && !nmi_blocked ->
			nmi_waiting--;
			nmi_blocked = YES;
			if
			:: init_comes[me] /* of the life that ends with it */
			:: else ->
				RULE(nmi_is_given_once, due[me] > 0);
				due[me]--
			fi
		:: else
		fi
	}
}

proctype cpu(byte me)
{
	byte own, t, nmi_waiting;
	bool was, as_asked, nmi_blocked, skip_hlt, by_itself, again;
	short taken, seen;
#ifdef WAKES
	byte waiting_for_grant; /* the guest: 0 not yet; 1 looks; 2 looked, HLT is next; 3 has it */
#endif

	do
	::	exit_tail();
#ifdef MUTANT_EVENT_BEFORE_REQUESTS
		choose_event();
#endif
#ifdef MUTANT_OWN_SEEN_LATER
		if
		:: by_itself
		:: else -> all_requests()
		fi;
#else
		all_requests();
#endif
#ifndef MUTANT_EVENT_BEFORE_REQUESTS
		choose_event();
#endif
		by_itself = NO;
#ifdef WAKES
		d_step { /* vcpu_take_wake() */
			if
			:: word[me] & WAKE ->
				word[me] = word[me] & ~WAKE;
				skip_hlt = YES
			:: else
			fi
		};
#endif
#ifdef MUTANT_CLEARED_AFTER_LOOK
		kicked[me] = NO;
#endif
		d_step {
			RULE(no_guest_before_startup, !was_reset[me]);
			RULE(own_request_before_entry, !own_init[me]);
			in_guest[me] = YES
		};
		/* VMRUN, with GIF 1 in the guest: an NMI ends it, also one that waited. Nothing else has to. */
endguest:	do
		:: latch[me] ->
			in_guest[me] = NO;
#ifdef WAKES
			halted[me] = NO; /* it goes on behind the HLT */
#endif
			TAKE_NMI; /* nmi_window() */
			visit();
			break
#ifdef NMIS_SENT
		:: nmi_blocked && !halted[me] -> /* IRET */
			in_guest[me] = NO;
			nmi_blocked = NO;
			break
#endif
#if OWN > 0
		:: own < OWN ->
			own++;
			in_guest[me] = NO;
			by_itself = YES;
			ANY(t);
			if
			INIT_OR_STARTUP(t, t == me, SENDERS * OPS + 1 + me)
			AN_NMI(t, t == me)
			fi;
			t = 0;
			break
#endif
#ifdef WAKES
		:: waiting_for_grant == 0 -> waiting_for_grant = 1
		:: waiting_for_grant == 1 && !halted[me] && !nmi_blocked ->
			waiting_for_grant = (granted[me] -> 3 : 2)
		:: waiting_for_grant == 2 && !nmi_blocked ->
			/* HLT */
			waiting_for_grant = 1;
			if
			:: skip_hlt ->
				in_guest[me] = NO;
				skip_hlt = NO;
				break
			:: else -> halted[me] = YES
			fi
#endif
		od
	od
}

init {
	byte i;

	atomic {
#ifdef INITS
		for (i : 0 .. TARGETS - 1) {
			if
			:: waits[i] = YES; shall_wait[i] = YES; was_reset[i] = YES
			:: skip
			fi
		}
#endif
		run bus();
		for (i : 1 .. TARGETS) {
			run cpu(i - 1)
		}
#if SENDERS > 0
		for (i : 1 .. SENDERS) {
			run sender(i - 1)
		}
#endif
	}
	timeout;
	RULE(nobody_waits, done == SENDERS);
	for (i : 0 .. TARGETS - 1) {
		RULE(nobody_waits, asleep[i] || in_guest[i]);
		RULE(kick_is_never_suppressed, !kicked[i] || arrived[i]);
		RULE(sleeper_is_woken, !asleep[i] || !REQUESTED(i) && !work[i]);
		RULE(request_is_followed, !REQUESTED(i));
		RULE(work_is_run, !work[i]);
		RULE(ends_as_asked, waits[i] == shall_wait[i] && (shall_wait[i] || started[i] == shall_start[i] || shall_start[i] == 0));
		RULE(nmi_is_not_lost, shall_wait[i] || due[i] == 0);
		RULE(wake_is_not_lost, !halted[i] || !granted[i])
	}
}
