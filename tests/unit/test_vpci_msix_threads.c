/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X while it interrupts: threads play CPUs that change messages, move the BAR and take the device away, and the
 * device, which sends all the while. None is lost, none comes twice, and none goes to a target that the guest
 * had left when its write returned.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/msix_machine.h"

#define VECTORS 4u
#define ROUNDS 1500u

static _Atomic u32 fired[VECTORS], arrived[VECTORS], wrong;
static _Atomic u32 old_target[VECTORS], new_target[VECTORS]; /* data's vector << 8 | destination */
static _Atomic bool stop;
#define ENOUGH 10 /* messages of each vector */

/* Data are 0x40 + 16 * vector + something, so that a vector tells whose it is. */
static void deliver(u16 requester, const struct fake_interrupt *i)
{
	u32 target = (u32)i->vector << 8 | i->destination;
	unsigned int vector = (i->vector - 0x40u) / 16;

	/* In this order: what has left the new one meanwhile is the old one by then. */
	if (requester != NIC || vector >= VECTORS || (target != new_target[vector] && target != old_target[vector])) {
		atomic_fetch_add(&wrong, 1);
		return;
	}
	atomic_fetch_add(&arrived[vector], 1);
}

/* Sends a vector anew only when the last one has arrived: so each has to arrive once. */
static void *play_device(void *arg)
{
	(void)arg;
	host_cpu = 3;
	while (!atomic_load(&stop)) {
		for (unsigned int i = 0; i < VECTORS; i++) {
			if (fired[i] != arrived[i])
				continue;
			atomic_fetch_add(&fired[i], 1);
			fake_fire(table, i);
		}
		fake_resend(table);
		sched_yield();
	}
	return NULL;
}

static void trap_write(u64 gpa, u32 value)
{
	u64 v = value;

	(void)vm.trap(gpa, 4, true, &v);
}

/* irq_set_affinity() of a guest: mask, write, unmask; two vectors each. */
static void *play_cpu(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg, seed = cpu + 1;

	host_cpu = cpu;
	/* However slow the device is on a busy host: it gets its chance. */
	for (unsigned int n = 0; n < ROUNDS || fired[cpu * 2] <= ENOUGH || fired[cpu * 2 + 1] <= ENOUGH; n++) {
		unsigned int vector = cpu * 2 + n % 2;
		u32 data = 0x40 + 16 * vector + (u32)rand_r(&seed) % 16, destination = (u32)rand_r(&seed) % 8;
		u64 at = TABLE + 16 * vector;

		atomic_store(&new_target[vector], data << 8 | destination);
		trap_write(at + 12, 1);
		trap_write(at, 0xfee00000 | destination << 12);
		trap_write(at + 8, data);
		trap_write(at + 12, 0);
		atomic_store(&old_target[vector], data << 8 | destination);
		if (n % 64 == 0)
			wr(NIC, CONTROL, 2, n % 128 ? 0xc000 : 0x8000);
		sched_yield();
	}
	return NULL;
}

static void test_affinity_changes(void **state)
{
	pthread_t cpu[2], dev;

	fake_remap.threads = true;
	fake_remap.deliver = deliver;
	wr(NIC, CONTROL, 2, 0x8000);
	for (unsigned int i = 0; i < VECTORS; i++) {
		new_target[i] = old_target[i] = (0x40 + 16 * i) << 8 | 2;
		unmask(i, 0x40 + 16 * i);
	}
	pthread_create(&dev, NULL, play_device, NULL);
	for (unsigned int i = 0; i < 2; i++)
		pthread_create(&cpu[i], NULL, play_cpu, (void *)(uintptr_t)i);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(cpu[i], NULL);
	stop = true;
	pthread_join(dev, NULL);
	host_cpu = 0;
	wr(NIC, CONTROL, 2, 0x8000);
	fake_resend(table);
	assert_int_equal(wrong, 0);
	assert_int_equal(table->blocked, 0);
	for (unsigned int i = 0; i < VECTORS; i++) {
		assert_true(fired[i] > ENOUGH);
		assert_int_equal(fired[i], arrived[i]);
	}
}

/* ---- the BAR moves, the device goes and comes ---- */

static _Atomic u32 answered, refused;

static void *play_reader(void *arg)
{
	static const u64 places[] = { TABLE, 0xa100002000, 0xa100002008, TABLE + 0x100 };
	unsigned int n = 0;

	(void)arg;
	host_cpu = 1;
	while (!atomic_load(&stop)) {
		u64 value = 0;

		n++;
		if (vm.trap(places[n % 4], 4, n % 3 == 0, &value))
			atomic_fetch_add(&answered, 1);
		else
			atomic_fetch_add(&refused, 1);
	}
	return NULL;
}

static void against_reader(void (*step)(unsigned int n), unsigned int rounds)
{
	pthread_t reader;

	fake_remap.threads = true;
	stop = false;
	answered = refused = 0;
	pthread_create(&reader, NULL, play_reader, NULL);
	for (unsigned int n = 0; n < rounds || !answered || !refused; n++) {
		step(n);
		sched_yield();
	}
	stop = true;
	pthread_join(reader, NULL);
}

static void move(unsigned int n)
{
	wr(NIC, 0x1c, 4, n % 2 ? 0xa0 : 0xa1);
}

static void test_bar_moves(void **state)
{
	against_reader(move, 2000);
	assert_int_equal(fake_mmio.bad, 0);
}

static void go_and_come(unsigned int n)
{
	(void)n;
	detach(NIC);
	assert_int_equal(vpci_attach(device(NIC)), 0);
	wr(NIC, CONTROL, 2, 0x8000);
}

static void test_detach(void **state)
{
	against_reader(go_and_come, 300);
	assert_int_equal(fake_entries_used(), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		M(test_affinity_changes),
		M(test_bar_moves),
		M(test_detach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
