/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulated GICv3 with a thread for each CPU, and all at once: devices raise edges and levels, software
 * raises messages and moves lines, CPUs send each other SGIs, and all the while the guest routes, masks,
 * unmasks, re-prioritises and reads what other CPUs have in their list registers. What is raised is taken
 * exactly once: by a mark for each interrupt, which who raises it sets and who takes it clears; nobody raises
 * one whose mark is set.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

#include "core/log.h"
#include "tests/unit/arm64/vgic_machine.h"

#define CPUS	      4u
#define ROUNDS	      15000u
#define DRAIN_SECONDS 60

#define EDGES	 40u /* physical: 8 of each */
#define LEVELS	 48u
#define LINES	 FRAME_FIRST /* software's */
#define MESSAGES (FRAME_FIRST + 8)
#define EACH	 8u
#define SGIS	 8u

static _Atomic u32 mark[1020], sgi_mark[CPUS][SGIS];
static _Atomic int outstanding;
static _Atomic unsigned int raised, spurious, busy;
static _Atomic bool late;

void arch_cpu_kick(unsigned int cpu)
{
	gic_send_sgi(cpu, 0);
}

void its_interrupt(u32 lpi)
{
	vgic_raise(MESSAGES + lpi - 8192);
}

void its_route(u32 spi, unsigned int cpu)
{
}

static bool set_mark(_Atomic u32 *m)
{
	u32 clear = 0;

	if (!atomic_compare_exchange_strong(m, &clear, 1))
		return false;
	atomic_fetch_add(&outstanding, 1);
	atomic_fetch_add(&raised, 1);
	return true;
}

static void clear_mark(_Atomic u32 *m)
{
	if (atomic_exchange(m, 0))
		atomic_fetch_sub(&outstanding, 1);
	else
		atomic_fetch_add(&spurious, 1);
}

/* ---- the guest's handler ---- */

static void handle(u32 intid)
{
	if (intid < 16) {
		clear_mark(&sgi_mark[host_cpu][intid]);
		return;
	}
	if (intid >= LEVELS && intid < LEVELS + EACH)
		fake_line(0, intid, false);
	if (intid >= LINES && intid < LINES + EACH) {
		fake_exit();
		vgic_set_level(intid, false);
		clear_mark(&mark[intid]); /* from here on it may rise again, before its end */
		fake_enter();
		fake_interrupts();
		return;
	}
	clear_mark(&mark[intid]);
}

/* Takes what is there; now and then something more urgent before the end of the first. */
static void serve(unsigned int depth, unsigned int *seed)
{
	u32 intid = guest_ack();

	if (intid == 1023)
		return;
	handle(intid);
	if (depth < 6 && rand_r(seed) % 2)
		serve(depth + 1, seed);
	guest_eoi(intid);
}

/* ---- what else happens ---- */

static u32 any_spi(unsigned int *seed)
{
	static const u32 first[] = { EDGES, LEVELS, LINES, MESSAGES };

	return first[rand_r(seed) % 4] + (u32)rand_r(seed) % EACH;
}

static void raise_any(unsigned int *seed)
{
	u32 intid = any_spi(seed);

	if (!set_mark(&mark[intid]))
		return;
	if (intid < LEVELS) {
		fake_edge(0, intid);
	} else if (intid < LINES) {
		fake_line(0, intid, true);
	} else {
		fake_exit();
		if (intid < MESSAGES)
			vgic_set_level(intid, true);
		else
			vgic_raise(intid);
		fake_enter();
	}
}

static void raise_sgi(unsigned int *seed)
{
	unsigned int cpu = (unsigned int)rand_r(seed) % CPUS, intid = (unsigned int)rand_r(seed) % SGIS;

	if (set_mark(&sgi_mark[cpu][intid]))
		guest_sgi((u64)intid << 24 | 1u << cpu);
}

static void change_any(unsigned int *seed)
{
	u32 intid = any_spi(seed);

	switch (rand_r(seed) % 6) {
	case 0: set_route(intid, (unsigned int)rand_r(seed) % CPUS); break;
	case 1:
		set_intid_bit(intid, 0x180);
		set_intid_bit(intid, 0x100);
		break;
	case 2: set_priority(intid, (u8)(0x80 + rand_r(seed) % 8 * 8)); break;
	case 3: read32(GICD(0x200 + intid / 32 * 4)); break;
	case 4: read32(GICD(0x300 + intid / 32 * 4)); break;
	case 5: read32(GICR((unsigned int)rand_r(seed) % CPUS, SGI_FRAME + 0x300)); break;
	}
}

static void *cpu_main(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg + 77;
	time_t end = time(NULL) + DRAIN_SECONDS;

	host_cpu = (unsigned int)(uintptr_t)arg;
	fake_enter();
	for (unsigned int i = 0; i < ROUNDS; i++) {
		raise_any(&seed);
		raise_sgi(&seed);
		if (rand_r(&seed) % 4 == 0)
			change_any(&seed);
		if (rand_r(&seed) % 2)
			serve(0, &seed);
	}
	/* All that was raised is taken, whoever has it. */
	atomic_fetch_sub(&busy, 1);
	while ((atomic_load(&busy) || atomic_load(&outstanding)) && !atomic_load(&late)) {
		serve(0, &seed);
		if (time(NULL) > end)
			atomic_store(&late, true);
		sched_yield();
	}
	fake_exit();
	return NULL;
}

static void nothing_is_lost_or_doubled(void **state)
{
	struct dt_machine dt = fake_gic_setup(CPUS);
	pthread_t thread[CPUS];

	vgic_machine_start(&dt);
	guest_init();
	for (u32 i = 0; i < EACH; i++) {
		set_edge(EDGES + i, true);
		set_edge(MESSAGES + i, true);
		set_intid_bit(EDGES + i, 0x100);
		set_intid_bit(LEVELS + i, 0x100);
		set_intid_bit(LINES + i, 0x100);
		set_intid_bit(MESSAGES + i, 0x100);
	}
	atomic_store(&busy, CPUS);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		assert_int_equal(pthread_create(&thread[cpu], NULL, cpu_main, (void *)(uintptr_t)cpu), 0);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		assert_int_equal(pthread_join(thread[cpu], NULL), 0);
	assert_int_equal(atomic_load(&outstanding), 0);
	assert_int_equal(atomic_load(&spurious), 0);
	assert_true(atomic_load(&raised) > ROUNDS);
	host_cpu = 0;
	for (u32 n = 1; n < 32; n++) {
		assert_int_equal(read32(GICD(0x200 + 4 * n)), 0);
		assert_int_equal(read32(GICD(0x300 + 4 * n)), 0);
	}
	for (u32 intid = 32; intid < 288; intid++)
		assert_false(fg.spi[intid].active);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		assert_int_equal(fv[cpu].broken, 0);
	assert_int_equal(fg.odd, 0);
	fake_contig_free();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost_or_doubled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
