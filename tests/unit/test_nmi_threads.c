/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kicks, marks and deferred work from several CPUs at once, to one that runs its guest, or waits for the guest to start it: all that
 * was asked for happens without another exit, and no NMI of Fairlead's reaches the guest. An NMI here is a latch, as in hardware
 * (AMD64 APM vol. 2, 8.5.1 and 15.17: held while GIF is 0, and several are one).
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "arch/x86/cpu.h"
#include "arch/x86/cpus.h"
#include "arch/x86/desc.h"
#include "arch/x86/lapic.h"
#include "arch/x86/nmi.h"
#include "arch/x86/pmu.h"
#include "arch/x86/timer.h"
#include "arch/x86/vcpu_request.h"
#include "core/arch.h"
#include "core/work.h"

#define TARGET 3u
#define SENDERS 3u
#define ROUNDS 20000u
#define PATIENCE 2000000u /* sched_yield()s */

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c */

volatile bool nmi_arrived[CPUS_MAX];

/* ---- the machine ---------------------------------------------------------------------------------------------------- */

static _Atomic bool latch[CPUS_MAX];

void lapic_send_nmi(u32 id)
{
	sched_yield(); /* it takes its time, */
	atomic_store(&latch[id - 1], true);
	sched_yield(); /* and the target may be faster than who sent it */
}

bool lapic_lint1_sends_nmi(void)
{
	return false;
}

u64 lapic_message_address(void)
{
	return 0xfee00000u;
}

bool pmu_overflowed(void)
{
	return false;
}

bool timer_fired(void)
{
	return false;
}

u8 inb(u16 port)
{
	return 0;
}

/* Debts never become void: nothing here takes time. */
u64 arch_time_us(void)
{
	return 1;
}

/* ---- the target ----------------------------------------------------------------------------------------------------- */

static struct vcpu v = { .index = TARGET };
static _Atomic bool done;
static _Atomic unsigned int injected, started;

/* The CPU does nothing else until an NMI comes. */
static void until_an_nmi(void)
{
	while (!done && !nmi_arrived[TARGET]) {
		sched_yield();
		nmi_arrived[TARGET] = atomic_exchange(&latch[TARGET], false);
	}
}

/* The guest's handler is one IRET. */
static void handler(void)
{
	injected++;
	nmi_iret(&v);
	v.rip++;
}

static void *run_guest(void *arg)
{
	host_cpu = TARGET;
	while (!done) {
		exit_tail();
		while (nmi_take(&v))
			handler();
		nmi_entry(true);
		until_an_nmi();
		nmi_handle(&v);
	}
	return NULL;
}

static void *wait_for_startup(void *arg)
{
	host_cpu = TARGET;
	while (!done) {
		struct vcpu_requests asked;

		nmi_while_waiting();
		asked = vcpu_take_requests();
		if (asked.init) {
			atomic_store(&latch[TARGET], false); /* hardware may forget it */
			nmi_reset(&v);
		}
		exit_tail();
		if (asked.startup)
			started++;
		if (!vcpu_requested() && !work_pending())
			until_an_nmi();
	}
	return NULL;
}

/* ---- the senders ---------------------------------------------------------------------------------------------------- */

static struct item {
	struct work work;
	_Atomic unsigned int runs;
} items[SENDERS];
static _Atomic bool overlooked;

static void count(struct work *w)
{
	container_of(w, struct item, work)->runs++;
}

static bool comes_to_be(_Atomic unsigned int *counter, unsigned int value)
{
	for (unsigned int i = 0; i < PATIENCE && !overlooked; i++) {
		if (atomic_load(counter) >= value)
			return true;
		sched_yield();
	}
	overlooked = true;
	return false;
}

/* Each post is waited for: if it is overlooked nothing else wakes the target, but for the others, who soon wait as well. */
static void *post(void *arg)
{
	unsigned int self = (unsigned int)(uintptr_t)arg;
	struct item *it = &items[self];

	host_cpu = self;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		assert_true(work_post_on(TARGET, &it->work));
		if (!comes_to_be(&it->runs, n))
			break;
	}
	return NULL;
}

static void *send_nmis(void *arg)
{
	host_cpu = SENDERS + 1;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		vcpu_request_nmi(TARGET);
		if (!comes_to_be(&injected, n))
			break;
	}
	return NULL;
}

static void *send_startup(void *arg)
{
	host_cpu = SENDERS + 1;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		vcpu_request_init(TARGET);
		vcpu_request_startup(TARGET, 8);
		if (!comes_to_be(&started, n))
			break;
	}
	return NULL;
}

static void run(void *(*target)(void *), void *(*sender)(void *))
{
	pthread_t cpu, senders[SENDERS], last;

	done = overlooked = false;
	injected = started = 0;
	v = (struct vcpu){ .index = TARGET };
	latch[TARGET] = nmi_arrived[TARGET] = false;
	host_cpu = TARGET;
	nmi_reset(&v); /* a kick that the test before has left */
	for (unsigned int i = 0; i < SENDERS; i++) {
		work_init(&items[i].work, count);
		items[i].runs = 0;
	}
	for (u32 i = 0; i < CPUS_MAX; i++)
		x86_cpus.apic_id[i] = i + 1;
	assert_int_equal(pthread_create(&cpu, NULL, target, NULL), 0);
	for (uintptr_t i = 0; i < SENDERS; i++)
		assert_int_equal(pthread_create(&senders[i], NULL, post, (void *)i), 0);
	if (sender) {
		assert_int_equal(pthread_create(&last, NULL, sender, NULL), 0);
		pthread_join(last, NULL);
	}
	for (unsigned int i = 0; i < SENDERS; i++)
		pthread_join(senders[i], NULL);
	done = true;
	pthread_join(cpu, NULL);
	assert_false(overlooked);
	for (unsigned int i = 0; i < SENDERS; i++)
		assert_int_equal(items[i].runs, ROUNDS);
}

/* The target's visits and the senders' kicks meet in every order; the guest has sent itself nothing. */
static void kicks_do_not_reach_the_guest(void **state)
{
	run(run_guest, NULL);
	assert_int_equal(injected, 0);
}

static void each_of_the_guests_arrives_once(void **state)
{
	run(run_guest, send_nmis);
	assert_int_equal(injected, ROUNDS);
}

static void nothing_is_overlooked_while_it_waits(void **state)
{
	run(wait_for_startup, send_startup);
	assert_int_equal(started, ROUNDS);
	assert_int_equal(v.nmi_waiting, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kicks_do_not_reach_the_guest),
		cmocka_unit_test(each_of_the_guests_arrives_once),
		cmocka_unit_test(nothing_is_overlooked_while_it_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
