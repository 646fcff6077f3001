/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests between the guest's CPUs. What they mean: INIT resets and voids what was there; a start-up interrupt counts only for a CPU that
 * waits for one, and of several the first (Intel SDM vol. 3A, 9.4.4 and 11.6.1; AMD64 APM vol. 2, 16.5); of NMIs one is delivered and
 * one waits (APM vol. 2, 8.5.1). Then with threads that play CPUs: no request is lost, none is taken twice, and a CPU that looks only
 * when it was kicked finds what it was kicked for. A request that is lost is one that somebody waits for until the alarm.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "arch/x86/vcpu_request.h"
#include "core/arch.h"

#define ALARM_SECONDS 120
#define ROUNDS 20000u

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c: which CPU this is */

static _Atomic u32 kicks[CPUS_MAX];
/* What the CPU that is kicked would see if it were as fast as light. */
static void (*seen_at_kick)(unsigned int cpu);

void arch_cpu_kick(unsigned int cpu)
{
	if (seen_at_kick)
		seen_at_kick(cpu);
	atomic_fetch_add(&kicks[cpu], 1);
}

static int forget(void **state)
{
	seen_at_kick = NULL;
	for (host_cpu = 0; host_cpu < 4; host_cpu++) {
		(void)vcpu_take_requests();
		(void)vcpu_take_nmis();
		(void)vcpu_take_wake();
		kicks[host_cpu] = 0;
	}
	host_cpu = 0;
	return 0;
}

/* ---- what they mean -------------------------------------------------------------------------------------------------- */

#define INIT_SEEN 0x100
#define STARTUP_SEEN 0x200

/* INIT, start-up and its vector, as one number. */
static unsigned int take(void)
{
	struct vcpu_requests r = vcpu_take_requests();

	if (!r.startup)
		assert_int_equal(r.vector, 0);
	return (r.init ? INIT_SEEN : 0) | (r.startup ? STARTUP_SEEN | r.vector : 0);
}

static void nothing_is_marked(void **state)
{
	assert_false(vcpu_requested());
	assert_int_equal(take(), 0);
	assert_int_equal(vcpu_take_nmis(), 0);
	assert_false(vcpu_take_wake());
}

/* i: INIT, a-c: start-up with that vector, n: NMI, w: wake. */
static void sequences(void **state)
{
	static const struct {
		const char *asked;
		unsigned int taken, nmis;
		bool wake;
	} table[] = {
		{ "i", INIT_SEEN, 0, false },
		{ "a", STARTUP_SEEN | 'a', 0, false },
		{ "ia", INIT_SEEN | STARTUP_SEEN | 'a', 0, false },
		{ "iab", INIT_SEEN | STARTUP_SEEN | 'a', 0, false }, /* INIT, SIPI, SIPI: the usual way */
		{ "ai", INIT_SEEN, 0, false },			     /* a SIPI before it is void */
		{ "aib", INIT_SEEN | STARTUP_SEEN | 'b', 0, false },
		{ "iai", INIT_SEEN, 0, false },
		{ "iaib", INIT_SEEN | STARTUP_SEEN | 'b', 0, false },
		{ "ii", INIT_SEEN, 0, false },
		{ "abc", STARTUP_SEEN | 'a', 0, false },
		{ "n", 0, 1, false },
		{ "nn", 0, 2, false },
		{ "nnn", 0, 2, false },
		{ "nnnnnnnnnnnnnnnnnnnn", 0, 2, false },
		{ "ni", INIT_SEEN, 0, false },
		{ "nni", INIT_SEEN, 0, false },
		{ "nia", INIT_SEEN | STARTUP_SEEN | 'a', 0, false },
		{ "in", INIT_SEEN, 1, false },
		{ "nnin", INIT_SEEN, 1, false },
		{ "ian", INIT_SEEN | STARTUP_SEEN | 'a', 1, false },
		{ "na", STARTUP_SEEN | 'a', 1, false },
		{ "w", 0, 0, true },
		{ "ww", 0, 0, true },
		{ "wn", 0, 1, true },
		{ "nnaw", STARTUP_SEEN | 'a', 2, true },
		{ "wi", INIT_SEEN, 0, false }, /* the HLT it was for is void as well */
		{ "iw", INIT_SEEN, 0, true },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		for (unsigned int cpu = 0; cpu < 2; cpu++) { /* asked by another, by itself */
			unsigned int sent = 0;

			host_cpu = cpu;
			kicks[1] = 0;
			for (const char *c = table[i].asked; *c; c++, sent++) {
				if (*c == 'i')
					vcpu_request_init(1);
				else if (*c == 'n')
					vcpu_request_nmi(1);
				else if (*c == 'w')
					vcpu_request_wake(1);
				else
					vcpu_request_startup(1, (u8)*c);
			}
			assert_in_range(kicks[1], cpu ? 0 : 1, cpu ? 0 : sent);
			host_cpu = 0;
			assert_false(vcpu_requested()); /* not of this CPU */
			assert_int_equal(take(), 0);
			host_cpu = 1;
			assert_int_equal(vcpu_requested(), table[i].taken != 0);
			assert_int_equal(take(), table[i].taken);
			assert_int_equal(vcpu_take_nmis(), table[i].nmis);
			assert_int_equal(vcpu_take_wake(), table[i].wake);
			/* Once. */
			nothing_is_marked(NULL);
		}
	}
	host_cpu = 0;
}

static void startup_after_one_was_taken(void **state)
{
	host_cpu = 1;
	vcpu_request_startup(1, 0x12);
	assert_int_equal(take(), STARTUP_SEEN | 0x12);
	vcpu_request_startup(1, 0x01);
	assert_int_equal(take(), STARTUP_SEEN | 0x01);
	vcpu_request_startup(1, 0);
	assert_int_equal(take(), STARTUP_SEEN);
	vcpu_request_startup(1, 0xff);
	assert_int_equal(take(), STARTUP_SEEN | 0xff);
}

/* An INIT that was not taken yet comes first; what was marked behind it is for the CPU as it is then. */
static void nmis_wait_behind_an_init(void **state)
{
	vcpu_request_init(0);
	vcpu_request_nmi(0);
	assert_int_equal(vcpu_take_nmis(), 0);
	assert_int_equal(take(), INIT_SEEN);
	assert_int_equal(vcpu_take_nmis(), 1);
}

/* Every CPU there can be has its own. */
static void each_cpu_has_its_own(void **state)
{
	for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu++) {
		vcpu_request_startup(cpu, (u8)(cpu + 1));
		for (unsigned int n = 0; n < cpu % 3; n++)
			vcpu_request_nmi(cpu);
	}
	for (host_cpu = 0; host_cpu < CPUS_MAX; host_cpu++) {
		assert_int_equal(take(), STARTUP_SEEN | (host_cpu + 1));
		assert_int_equal(vcpu_take_nmis(), host_cpu % 3);
	}
	host_cpu = 0;
}

/* ---- the kick follows the mark ------------------------------------------------------------------------------------------ */

static unsigned int seen, seen_nmis;
static bool seen_wake;

static void look(unsigned int cpu)
{
	unsigned int now = host_cpu;

	host_cpu = cpu;
	seen = take();
	seen_nmis = vcpu_take_nmis();
	seen_wake = vcpu_take_wake();
	host_cpu = now;
}

static void mark_comes_before_kick(void **state)
{
	seen_at_kick = look;
	vcpu_request_init(1);
	assert_int_equal(seen, INIT_SEEN);
	vcpu_request_startup(2, 0x9a);
	assert_int_equal(seen, STARTUP_SEEN | 0x9a);
	vcpu_request_nmi(3);
	assert_int_equal(seen_nmis, 1);
	vcpu_request_wake(1);
	assert_true(seen_wake);
	assert_int_equal(kicks[1] + kicks[2] + kicks[3], 4);
}

/* ---- threads: CPU 0 is asked, CPUs 1.. ask -------------------------------------------------------------------------------- */

static _Atomic u32 round_done[4]; /* by CPU that asks: how many of its rounds CPU 0 has seen the end of */
static _Atomic bool stop;
static _Atomic u32 wrong;

/* As a CPU does that sleeps until an NMI: several that were sent since the last call are one. False: all is over. */
static bool wait_for_kick(u32 *known)
{
	while (atomic_load(&kicks[0]) == *known) {
		if (atomic_load(&stop))
			return false;
		sched_yield();
	}
	*known = atomic_load(&kicks[0]);
	return true;
}

static void wait_for_round(unsigned int cpu, u32 round)
{
	while (atomic_load(&round_done[cpu]) < round)
		sched_yield();
}

static void run(void *(*asker)(void *), unsigned int askers, void *(*asked)(void *))
{
	pthread_t thread[4];

	stop = false;
	wrong = 0;
	for (unsigned int i = 0; i < 4; i++)
		round_done[i] = 0;
	alarm(ALARM_SECONDS);
	pthread_create(&thread[0], NULL, asked, NULL);
	for (uintptr_t i = 1; i <= askers; i++)
		pthread_create(&thread[i], NULL, asker, (void *)i);
	for (unsigned int i = 1; i <= askers; i++)
		pthread_join(thread[i], NULL);
	stop = true;
	pthread_join(thread[0], NULL);
	alarm(0);
	assert_int_equal(wrong, 0);
	nothing_is_marked(NULL);
}

/* At most two are on their way, and there are places for two: so all of them come. */
static _Atomic u32 nmis_sent, nmis_taken;

static void *ask_nmis(void *arg)
{
	host_cpu = (unsigned int)(uintptr_t)arg;
	for (u32 n = 1; n <= ROUNDS; n++) {
		u32 mine = atomic_fetch_add(&nmis_sent, 1) + 1;

		while (atomic_load(&nmis_taken) + 2 < mine)
			sched_yield();
		vcpu_request_nmi(0);
	}
	return NULL;
}

static void *take_nmis(void *arg)
{
	u32 known = 0;

	(void)arg;
	host_cpu = 0;
	while (wait_for_kick(&known)) {
		if (take())
			atomic_fetch_add(&wrong, 1);
		atomic_fetch_add(&nmis_taken, vcpu_take_nmis());
	}
	atomic_fetch_add(&nmis_taken, vcpu_take_nmis());
	return NULL;
}

static void no_nmi_is_lost(void **state)
{
	nmis_sent = nmis_taken = 0;
	run(ask_nmis, 2, take_nmis);
	assert_int_equal(nmis_taken, 2 * ROUNDS);
}

/* INIT, then start-up by two at once: one of the two counts, whole. */
static _Atomic u32 inits_taken, started;
static pthread_barrier_t both;

static void *ask_startup(void *arg)
{
	static const u8 vector[] = { 0, 0x55, 0xaa };

	host_cpu = (unsigned int)(uintptr_t)arg;
	for (u32 n = 1; n <= ROUNDS / 4; n++) {
		if (host_cpu == 1)
			vcpu_request_init(0);
		pthread_barrier_wait(&both);
		vcpu_request_startup(0, vector[host_cpu]);
		while (atomic_load(&started) < n)
			sched_yield();
		pthread_barrier_wait(&both);
	}
	return NULL;
}

/* As svm_run(): INIT makes it wait; the first start-up interrupt ends that, others mean nothing. */
static void *obey(void *arg)
{
	bool waiting = false;
	u32 known = 0;

	(void)arg;
	host_cpu = 0;
	while (wait_for_kick(&known)) {
		struct vcpu_requests r = vcpu_take_requests();

		if (r.init) {
			waiting = true;
			atomic_fetch_add(&inits_taken, 1);
		}
		if (r.startup && waiting) {
			waiting = false;
			if (r.vector != 0x55 && r.vector != 0xaa)
				atomic_fetch_add(&wrong, 1);
			atomic_fetch_add(&started, 1);
		}
	}
	(void)vcpu_take_requests();
	return NULL;
}

static void one_startup_counts(void **state)
{
	inits_taken = started = 0;
	pthread_barrier_init(&both, NULL, 2);
	run(ask_startup, 2, obey);
	pthread_barrier_destroy(&both);
	assert_int_equal(inits_taken, ROUNDS / 4);
	assert_int_equal(started, ROUNDS / 4);
}

/* NMI, then INIT, by one CPU: the NMI is gone if the INIT is there. */
static void *ask_nmi_then_init(void *arg)
{
	host_cpu = (unsigned int)(uintptr_t)arg;
	for (u32 n = 1; n <= ROUNDS; n++) {
		vcpu_request_nmi(0);
		vcpu_request_init(0);
		wait_for_round(host_cpu, n);
	}
	return NULL;
}

static void *take_in_order(void *arg)
{
	u32 known = 0;

	(void)arg;
	host_cpu = 0;
	while (wait_for_kick(&known)) {
		struct vcpu_requests r = vcpu_take_requests();

		if (r.init && vcpu_take_nmis())
			atomic_fetch_add(&wrong, 1);
		if (r.init)
			atomic_fetch_add(&round_done[1], 1);
		else
			(void)vcpu_take_nmis();
	}
	return NULL;
}

static void init_voids_nmis(void **state)
{
	run(ask_nmi_then_init, 1, take_in_order);
}

/* Each is waited for, so each has to be seen; while another sends NMIs into the same word. */
static void *ask_wake(void *arg)
{
	host_cpu = (unsigned int)(uintptr_t)arg;
	for (u32 n = 1; n <= ROUNDS; n++) {
		if (host_cpu == 2) {
			vcpu_request_nmi(0);
			continue;
		}
		vcpu_request_wake(0);
		wait_for_round(1, n);
	}
	return NULL;
}

static void *take_wakes(void *arg)
{
	u32 known = 0;

	(void)arg;
	host_cpu = 0;
	while (wait_for_kick(&known)) {
		if (take() || vcpu_take_nmis() > 2)
			atomic_fetch_add(&wrong, 1);
		if (vcpu_take_wake() && atomic_fetch_add(&round_done[1], 1) == ROUNDS)
			atomic_fetch_add(&wrong, 1);
	}
	(void)vcpu_take_nmis();
	return NULL;
}

static void no_wake_is_lost(void **state)
{
	run(ask_wake, 2, take_wakes);
	assert_int_equal(round_done[1], ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_is_marked, forget),
		cmocka_unit_test_setup(sequences, forget),
		cmocka_unit_test_setup(startup_after_one_was_taken, forget),
		cmocka_unit_test_setup(nmis_wait_behind_an_init, forget),
		cmocka_unit_test_setup(each_cpu_has_its_own, forget),
		cmocka_unit_test_setup(mark_comes_before_kick, forget),
		cmocka_unit_test_setup(no_nmi_is_lost, forget),
		cmocka_unit_test_setup(one_startup_counts, forget),
		cmocka_unit_test_setup(init_voids_nmis, forget),
		cmocka_unit_test_setup(no_wake_is_lost, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
