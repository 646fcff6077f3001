/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread plays all CPUs of vgic_machine.h (ON_CPU): a kick makes the other CPU exit at once; or, with
 * kicks off, it stays in the guest until the test has it come out.
 */
#ifndef TESTS_VGIC_SINGLE_H
#define TESTS_VGIC_SINGLE_H

#include "tests/unit/arm64/vgic_machine.h"

static unsigned int kicks[FAKE_CPUS];
static bool kicks_off;
static u32 taken_lpi;
static u32 routed_spi, routed_cpu;

/* A kick: the other CPU exits, and enters again. */
void arch_cpu_kick(unsigned int cpu)
{
	kicks[cpu]++;
	gic_send_sgi(cpu, 0);
	if (kicks_off || !fv[cpu].in_guest)
		return;
	ON_CPU(cpu)
	fake_interrupts();
}

void its_interrupt(u32 lpi)
{
	taken_lpi = lpi;
	vgic_raise(FRAME_FIRST + (lpi - 8192));
}

void its_route(u32 spi, unsigned int cpu)
{
	routed_spi = spi;
	routed_cpu = cpu;
}

static int setup(void **state)
{
	struct dt_machine dt = fake_gic_setup(4);

	memset(kicks, 0, sizeof(kicks));
	kicks_off = false;
	taken_lpi = routed_spi = routed_cpu = 0;
	vgic_machine_start(&dt);
	guest_init();
	for (unsigned int cpu = 0; cpu < 4; cpu++) {
		kicks[cpu] = 0;
		ON_CPU(cpu)
		fake_enter();
	}
	return 0;
}

static int teardown(void **state)
{
	fake_contig_free();
	for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++)
		assert_int_equal(fv[cpu].broken, 0);
	assert_int_equal(fg.odd, 0);
	assert_int_equal(fg.maintenances, 0); /* its reason is gone before anybody asks: a level */
	fake_on_write_lr = NULL;
	return 0;
}

/* The guest's setting up of one interrupt, outside of what is counted. */
static inline void enable(u32 intid, u8 priority, bool edge)
{
	fake_exit();
	set_edge(intid, edge);
	set_priority(intid, priority);
	set_intid_bit(intid, 0x100);
	fake_enter();
	fv[host_cpu].exits = 0;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
