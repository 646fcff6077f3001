/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulated GICv3 as a guest's CPUs see it: what is pending comes, once, in the order of priorities, however few list registers there
 * are; what is physical is deactivated with it; and each costs one exit. Expectations: IHI 0069H, 4.1 (states), 4.8 (priorities),
 * chapter 6 (virtual interrupts).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/errno.h"
#include "tests/unit/arm64/vgic_machine.h"

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
	return 0;
}

/* The guest's setting up of one interrupt, outside of what is counted. */
static void enable(u32 intid, u8 priority, bool edge)
{
	fake_exit();
	set_edge(intid, edge);
	set_priority(intid, priority);
	set_intid_bit(intid, 0x100);
	fake_enter();
	fv[host_cpu].exits = 0;
}

/* ---- physical interrupts ---- */

static void a_hardware_interrupt_costs_one_exit(void **state)
{
	enable(40, 0xa0, true);
	for (unsigned int i = 0; i < 100; i++) {
		fake_edge(0, 40);
		assert_int_equal(guest_ack(), 40);
		assert_true(fg.spi[40].active);
		guest_eoi(40);
		assert_false(fg.spi[40].active);
		assert_int_equal(guest_ack(), 1023);
	}
	assert_int_equal(fv[0].exits, 100);
}

static void a_level_comes_again_while_it_is_high(void **state)
{
	enable(41, 0xa0, false);
	fake_line(0, 41, true);
	for (unsigned int i = 0; i < 10; i++) {
		assert_int_equal(guest_ack(), 41);
		if (i == 9)
			fake_line(0, 41, false);
		guest_eoi(41);
	}
	assert_int_equal(guest_ack(), 1023);
	assert_int_equal(fv[0].exits, 10);
	assert_false(fg.spi[41].active);
}

static void the_guests_timer_costs_one_exit_a_tick(void **state)
{
	enable(27, 0xa0, false);
	for (unsigned int i = 0; i < 50; i++) {
		fake_line(0, 27, true);
		assert_int_equal(guest_ack(), 27);
		fake_line(0, 27, false); /* it programs the next tick */
		guest_eoi(27);
	}
	assert_int_equal(fv[0].exits, 50);
	assert_int_equal(guest_ack(), 1023);
}

/* 4.1.1: a level-triggered interrupt is not pending any more when its line falls before it was acknowledged. */
static void a_level_that_falls_before_it_is_taken_is_gone(void **state)
{
	enable(41, 0xa0, false);
	fake_line(0, 41, true);
	fake_interrupts();
	assert_true(fg.spi[41].active);
	fake_line(0, 41, false);
	fake_exit(); /* whatever for */
	fake_enter();
	assert_int_equal(guest_ack(), 1023);
	assert_false(fg.spi[41].active);
	fake_line(0, 41, true);
	assert_int_equal(guest_ack(), 41);
	guest_eoi(41);
}

static void an_edge_while_active_comes_again(void **state)
{
	enable(40, 0xa0, true);
	fake_edge(0, 40);
	assert_int_equal(guest_ack(), 40);
	fake_edge(0, 40);
	fake_edge(0, 40);
	assert_int_equal(guest_ack(), 1023);
	guest_eoi(40);
	assert_int_equal(guest_ack(), 40);
	guest_eoi(40);
	assert_int_equal(guest_ack(), 1023);
}

static void disabled_ones_wait(void **state)
{
	enable(40, 0xa0, true);
	write32(GICD(0x184), 1 << 8);
	assert_false(fg.spi[40].enabled);
	fake_edge(0, 40);
	assert_int_equal(guest_ack(), 1023);
	assert_true(read32(GICD(0x204)) & 1 << 8);
	write32(GICD(0x104), 1 << 8);
	assert_int_equal(guest_ack(), 40);
	guest_eoi(40);
}

/* It was taken from the hardware already, which has it active; the guest's mask and unmask neither lose nor double it. */
static void disabled_while_pending(void **state)
{
	enable(40, 0xa0, true);
	fake_edge(0, 40);
	fake_interrupts();
	write32(GICD(0x184), 1 << 8);
	assert_int_equal(guest_ack(), 1023);
	assert_true(intid_bit(40, 0x200));
	write32(GICD(0x104), 1 << 8);
	assert_int_equal(guest_ack(), 40);
	guest_eoi(40);
	assert_int_equal(guest_ack(), 1023);
	assert_false(fg.spi[40].active);
}

static void cleared_while_pending(void **state)
{
	enable(40, 0xa0, true);
	fake_edge(0, 40);
	fake_interrupts();
	write32(GICD(0x284), 1 << 8);
	assert_int_equal(guest_ack(), 1023);
	assert_false(intid_bit(40, 0x200));
	assert_false(fg.spi[40].active); /* or it would never come again */
	fake_edge(0, 40);
	assert_int_equal(guest_ack(), 40);
	guest_eoi(40);
}

static void set_pending_by_the_guest(void **state)
{
	enable(40, 0xa0, true);
	enable(FRAME_FIRST, 0xa0, true);
	write32(GICD(0x204), 1 << 8);
	assert_int_equal(guest_ack(), 40);
	guest_eoi(40);
	assert_int_equal(guest_ack(), 1023);
	write32(GICD(0x200 + FRAME_FIRST / 8), 1);
	assert_int_equal(guest_ack(), FRAME_FIRST);
	write32(GICD(0x200 + FRAME_FIRST / 8), 1); /* active and pending */
	assert_int_equal(guest_ack(), 1023);
	guest_eoi(FRAME_FIRST);
	assert_int_equal(guest_ack(), FRAME_FIRST);
	guest_eoi(FRAME_FIRST);
	assert_int_equal(guest_ack(), 1023);
}

static void active_by_the_guest(void **state)
{
	enable(40, 0xa0, true);
	write32(GICD(0x304), 1 << 8);
	assert_true(intid_bit(40, 0x300));
	fake_edge(0, 40);
	assert_int_equal(guest_ack(), 1023);
	write32(GICD(0x384), 1 << 8);
	assert_false(intid_bit(40, 0x300));
	assert_int_equal(guest_ack(), 40);
	assert_true(intid_bit(40, 0x300));
	write32(GICD(0x384), 1 << 8); /* the guest ends it so, and drops the priority after */
	assert_false(fg.spi[40].active);
	fv[0].depth = 0;
	assert_int_equal(guest_ack(), 1023);
}

static void firmwares_leftovers_are_gone(void **state)
{
	for (u32 intid = 32; intid < 288; intid++)
		assert_false(fg.spi[intid].active || fg.spi[intid].enabled || fg.spi[intid].latch);
}

/* ---- more than list registers ---- */

static void shuffle(u32 *list, unsigned int count, unsigned int *seed)
{
	for (unsigned int i = count; i > 1; i--) {
		unsigned int k = (unsigned int)rand_r(seed) % i;
		u32 was = list[i - 1];

		list[i - 1] = list[k];
		list[k] = was;
	}
}

static u32 order_of(u32 intid, const u8 *priority)
{
	return (u32)priority[intid] << 16 | intid;
}

static void overflow_in_order(unsigned int lrs, bool hardware, bool eoimode, unsigned int seed)
{
	const u32 first = hardware ? 40 : FRAME_FIRST;
	unsigned int raised = 0;
	u8 priority[1020];
	u32 list[64], last = 0;

	fake_exit();
	fake_lrs = lrs;
	ON_CPU(0)
		vgic_start_cpu(&fake_cpus[0]);
	guest_cpu_init();
	fv[0].vmcr |= eoimode ? 0x200 : 0;
	for (u32 i = 0; i < 64; i++) {
		list[i] = first + i;
		priority[first + i] = (u8)(rand_r(&seed) % 8 * 8 + 0x80);
		set_edge(first + i, true);
		set_priority(first + i, priority[first + i]);
		set_intid_bit(first + i, 0x100);
	}
	fake_enter();
	shuffle(list, 64, &seed);
	for (u32 i = 0; i < 64; i++, raised++) {
		if (hardware)
			fake_edge(0, list[i]);
		else
			vgic_raise(list[i]); /* by this CPU, as if in an exit */
	}
	if (!hardware) {
		fake_exit();
		fake_enter();
	}
	for (u32 i = 0; i < 64; i++) {
		u32 intid = guest_ack();

		assert_in_range(intid, first, first + 63);
		assert_true(!i || order_of(intid, priority) > last);
		last = order_of(intid, priority);
		guest_eoi(intid);
		if (eoimode)
			guest_dir(intid);
	}
	assert_int_equal(guest_ack(), 1023);
	for (u32 i = 0; i < 64 && hardware; i++)
		assert_false(fg.spi[first + i].active);
}

static void all_come_in_order(void **state)
{
	for (unsigned int seed = 0; seed < 40; seed++) {
		static const unsigned int lrs[] = { 1, 2, 4, 16 };

		overflow_in_order(lrs[seed % 4], seed & 4, seed & 8, seed);
	}
}

/* 4.8: all list registers hold less urgent ones. */
static void a_more_urgent_one_gets_in(void **state)
{
	for (u32 i = 0; i < 8; i++)
		enable(FRAME_FIRST + i, 0xa0, true);
	enable(40, 0x40, true);
	fake_exit();
	for (u32 i = 0; i < 8; i++)
		vgic_raise(FRAME_FIRST + i);
	fake_enter();
	fake_edge(0, 40);
	assert_int_equal(guest_ack(), 40);
	guest_eoi(40);
	for (u32 i = 0; i < 8; i++) {
		assert_int_equal(guest_ack(), FRAME_FIRST + i);
		guest_eoi(FRAME_FIRST + i);
	}
	assert_int_equal(guest_ack(), 1023);
}

/* 20 levels of preemption on 4 list registers, EOImode 0: each end finds its interrupt. */
static void active_beyond_the_list_registers(void **state)
{
	const u32 count = 20;

	for (u32 i = 0; i < count; i++)
		enable(40 + i, (u8)(0xe8 - 8 * i), true);
	for (u32 i = 0; i < count; i++) {
		fake_edge(0, 40 + i);
		assert_int_equal(guest_ack(), 40 + i);
	}
	assert_int_equal(guest_ack(), 1023);
	for (u32 i = 0; i < count; i++)
		assert_true(fg.spi[40 + i].active);
	for (u32 i = count; i-- > 0;) {
		guest_eoi(40 + i);
		assert_false(fg.spi[40 + i].active);
		for (u32 k = 0; k < i; k++)
			assert_true(fg.spi[40 + k].active);
	}
	assert_int_equal(guest_ack(), 1023);
	for (u32 i = 0; i < count; i++) {
		fake_edge(0, 40 + i);
		assert_int_equal(guest_ack(), 40 + i);
		guest_eoi(40 + i);
	}
}

/* EOImode 1: all priorities dropped, ended by name in any order. */
static void active_beyond_with_eoimode_1(void **state)
{
	const u32 count = 20;
	u32 list[20];
	unsigned int seed = 5;

	fv[0].vmcr |= 0x200;
	for (u32 i = 0; i < count; i++) {
		list[i] = 40 + i;
		enable(40 + i, 0xa0, true);
		fake_edge(0, 40 + i);
	}
	for (u32 i = 0; i < count; i++) {
		assert_int_equal(guest_ack(), 40 + i);
		guest_eoi(40 + i);
	}
	assert_int_equal(guest_ack(), 1023);
	shuffle(list, count, &seed);
	for (u32 i = 0; i < count; i++) {
		guest_dir(list[i]);
		for (u32 k = 0; k < count; k++)
			assert_int_equal(fg.spi[list[k]].active, k > i);
	}
	for (u32 i = 0; i < count; i++)
		fake_edge(0, 40 + i);
	for (u32 i = 0; i < count; i++) {
		assert_int_equal(guest_ack(), 40 + i);
		guest_eoi(40 + i);
		guest_dir(40 + i);
	}
}

/* Nobody's end: four that software has made active do not keep others out. */
static void left_active_is_in_nobodys_way(void **state)
{
	for (u32 i = 0; i < 8; i++) {
		enable(FRAME_FIRST + i, 0x00, true);
		write32(GICD(0x300 + FRAME_FIRST / 8), 1u << i);
	}
	enable(40, 0xa0, true);
	for (unsigned int i = 0; i < 3; i++) {
		fake_edge(0, 40);
		assert_int_equal(guest_ack(), 40);
		guest_eoi(40);
	}
	assert_int_equal(read32(GICD(0x300 + FRAME_FIRST / 8)), 0xff);
}

static void a_storm_of_overflow_costs_less_than_an_exit_each(void **state)
{
	unsigned int exits;

	for (u32 i = 0; i < 64; i++)
		enable(FRAME_FIRST + i, 0xa0, true);
	fake_exit();
	for (u32 i = 0; i < 64; i++)
		vgic_raise(FRAME_FIRST + i);
	fake_enter();
	exits = fv[0].exits;
	for (u32 i = 0; i < 64; i++) {
		assert_int_equal(guest_ack(), FRAME_FIRST + i);
		guest_eoi(FRAME_FIRST + i);
	}
	assert_true(fv[0].exits - exits <= 64 / 3 + 1);
}

/* ---- a group that is off ---- */

static void a_group_that_is_off_keeps_nobody_out(void **state)
{
	for (u32 i = 0; i < 8; i++)
		enable(FRAME_FIRST + i, 0x00, true);
	fake_exit();
	write32(GICD(0x80 + FRAME_FIRST / 8), ~0xffu); /* group 0, which the CPU interface has off */
	write32(GICD(0), 3);
	for (u32 i = 0; i < 8; i++)
		vgic_raise(FRAME_FIRST + i);
	fake_enter();
	enable(40, 0xa0, true);
	fake_edge(0, 40);
	assert_int_equal(guest_ack(), 40);
	guest_eoi(40);
	assert_int_equal(guest_ack(), 1023);
	fv[0].vmcr |= 1; /* ICC_IGRPEN0_EL1 */
	fake_interrupts();
	for (u32 i = 0; i < 8; i++) {
		assert_int_equal(fake_iar(false), FRAME_FIRST + i);
		guest_eoi(FRAME_FIRST + i);
	}
	assert_int_equal(fake_iar(false), 1023);
}

static void the_distributor_off(void **state)
{
	enable(FRAME_FIRST, 0xa0, true);
	write32(GICD(0), 0);
	vgic_raise(FRAME_FIRST);
	assert_int_equal(guest_ack(), 1023);
	write32(GICD(0), 2);
	assert_int_equal(guest_ack(), FRAME_FIRST);
	guest_eoi(FRAME_FIRST);
}

/* ---- software's levels ---- */

static void a_level_by_software(void **state)
{
	enable(300, 0xa0, false);
	fake_exit();
	vgic_set_level(300, true);
	fake_enter();
	for (unsigned int i = 0; i < 3; i++) { /* it is not served: it comes again and again */
		assert_int_equal(guest_ack(), 300);
		assert_int_equal(guest_ack(), 1023);
		guest_eoi(300);
	}
	assert_int_equal(guest_ack(), 300);
	fake_exit(); /* served */
	vgic_set_level(300, false);
	fake_enter();
	fv[0].exits = 0;
	guest_eoi(300);
	assert_int_equal(guest_ack(), 1023);
	assert_int_equal(fv[0].exits, 0);
	assert_false(intid_bit(300, 0x200));
}

static void a_software_level_that_falls_is_gone(void **state)
{
	enable(300, 0xa0, false);
	fake_exit();
	vgic_set_level(300, true);
	fake_enter();
	fake_exit();
	vgic_set_level(300, false);
	fake_enter();
	assert_int_equal(guest_ack(), 1023);
	fake_exit();
	vgic_set_level(300, true);
	set_intid_bit(300, 0x200); /* the latch of GICD_ISPENDR stays */
	vgic_set_level(300, false);
	fake_enter();
	assert_int_equal(guest_ack(), 300);
	guest_eoi(300);
	assert_int_equal(guest_ack(), 1023);
}

static void a_software_line_as_edges(void **state)
{
	enable(300, 0xa0, true);
	fake_exit();
	vgic_set_level(300, true);
	vgic_set_level(300, true);
	fake_enter();
	assert_int_equal(guest_ack(), 300);
	guest_eoi(300);
	assert_int_equal(guest_ack(), 1023);
}

/* ---- SGIs ---- */

#define SGI(intid, targets) ((u64)(intid) << 24 | (targets))

static void sgis_go_where_they_are_sent(void **state)
{
	guest_sgi(SGI(3, 0xe)); /* CPUs 1 to 3 of this cluster */
	for (unsigned int cpu = 1; cpu < 4; cpu++) {
		assert_int_equal(kicks[cpu], 1);
		ON_CPU(cpu) {
			assert_int_equal(guest_ack(), 3);
			guest_eoi(3);
			assert_int_equal(guest_ack(), 1023);
		}
	}
	assert_int_equal(guest_ack(), 1023);
	guest_sgi(SGI(5, 1)); /* itself */
	assert_int_equal(guest_ack(), 5);
	guest_eoi(5);
	assert_int_equal(kicks[0], 0);
	guest_sgi(SGI(6, 0) | 1ull << 40); /* all others */
	assert_int_equal(guest_ack(), 1023);
	for (unsigned int cpu = 1; cpu < 4; cpu++) {
		ON_CPU(cpu) {
			assert_int_equal(guest_ack(), 6);
			guest_eoi(6);
		}
	}
	guest_sgi(SGI(6, 0xf) | 1ull << 16); /* another cluster, which is not there */
	guest_sgi(SGI(6, 0xf) | 1ull << 44); /* Aff0 16 to 19 */
	guest_sgi(SGI(6, 0xf) | 1ull << 48);
	guest_sgi(SGI(6, 0xf) | 1ull << 32);
	guest_sgi(SGI(6, 0xfff0));
	for (unsigned int cpu = 0; cpu < 4; cpu++) {
		ON_CPU(cpu)
			assert_int_equal(guest_ack(), 1023);
	}
}

static void an_sgi_of_the_wrong_group_is_ignored(void **state)
{
	fake_exit();
	vgic_write_sgi(&fake_cpus[0], 0, SGI(4, 1));
	fake_enter();
	assert_int_equal(guest_ack(), 1023);
	assert_false(intid_bit(4, 0x200));
}

/* One bit: sent twice before it is taken, it comes once; sent while active, again. */
static void sgis_collapse(void **state)
{
	guest_sgi(SGI(1, 2));
	guest_sgi(SGI(1, 2));
	ON_CPU(1)
		assert_int_equal(guest_ack(), 1);
	guest_sgi(SGI(1, 2));
	ON_CPU(1) {
		assert_int_equal(guest_ack(), 1023);
		guest_eoi(1);
		assert_int_equal(guest_ack(), 1);
		guest_eoi(1);
		assert_int_equal(guest_ack(), 1023);
	}
}

/* ---- several CPUs ---- */

static void routed_elsewhere(void **state)
{
	enable(40, 0xa0, true);
	fake_exit();
	set_route(40, 2);
	fake_enter();
	assert_true(fg.spi[40].route == fake_mpidr(2));
	fake_edge(0, 40);
	assert_int_equal(guest_ack(), 1023);
	ON_CPU(2) {
		assert_int_equal(guest_ack(), 40);
		guest_eoi(40);
	}
	assert_int_equal(kicks[2], 0); /* the hardware brings it there */
	enable(FRAME_FIRST + 7, 0xa0, true);
	fake_exit();
	set_route(FRAME_FIRST + 7, 3);
	fake_enter();
	assert_int_equal(routed_spi, FRAME_FIRST + 7);
	assert_int_equal(routed_cpu, 3);
	assert_int_equal(vgic_target(FRAME_FIRST + 7), 3);
	vgic_raise(FRAME_FIRST + 7);
	assert_int_equal(kicks[3], 1);
	ON_CPU(3)
		fake_exit();
	vgic_raise(FRAME_FIRST + 7);
	vgic_raise(FRAME_FIRST + 7);
	assert_int_equal(kicks[3], 1); /* it will look before it enters */
	ON_CPU(3) {
		fake_enter();
		assert_int_equal(guest_ack(), FRAME_FIRST + 7);
		guest_eoi(FRAME_FIRST + 7);
		assert_int_equal(guest_ack(), 1023);
	}
}

/* It is in CPU 0's list register, pending, when the guest routes it away; or active, and then it ends where it began. */
static void routed_while_pending_and_active(void **state)
{
	enable(40, 0xa0, true);
	fake_edge(0, 40);
	fake_interrupts();
	ON_CPU(1) {
		fake_exit();
		set_route(40, 2);
		fake_enter();
	}
	assert_int_equal(guest_ack(), 1023);
	ON_CPU(2)
		assert_int_equal(guest_ack(), 40);
	ON_CPU(1) {
		fake_exit();
		set_route(40, 3);
		fake_enter();
	}
	ON_CPU(3)
		assert_int_equal(guest_ack(), 1023);
	ON_CPU(2) {
		guest_eoi(40);
		assert_int_equal(guest_ack(), 1023);
	}
	assert_false(fg.spi[40].active);
	fake_edge(0, 40);
	ON_CPU(3) {
		assert_int_equal(guest_ack(), 40);
		guest_eoi(40);
	}
}

static void routed_to_nobody_and_back(void **state)
{
	enable(FRAME_FIRST, 0xa0, true);
	fake_exit();
	reg_write(GICD(0x6000 + 8 * FRAME_FIRST), 8, 0x7f00);
	vgic_raise(FRAME_FIRST);
	fake_enter();
	assert_int_equal(guest_ack(), 1023);
	assert_true(intid_bit(FRAME_FIRST, 0x200));
	fake_exit();
	set_route(FRAME_FIRST, 0);
	fake_enter();
	assert_int_equal(guest_ack(), FRAME_FIRST);
	guest_eoi(FRAME_FIRST);
}

/* A write is effective when it returns, and a read is true, also of what another CPU has in its list registers. */
static void what_another_cpu_has(void **state)
{
	enable(40, 0xa0, true);
	fake_edge(0, 40);
	fake_interrupts(); /* pending in CPU 0's list register */
	ON_CPU(1) {
		fake_exit();
		assert_true(intid_bit(40, 0x200));
		assert_false(intid_bit(40, 0x300));
	}
	assert_int_equal(fake_iar(true), 40); /* no exit */
	ON_CPU(1) {
		assert_false(intid_bit(40, 0x200));
		assert_true(intid_bit(40, 0x300));
	}
	fake_eoir(40);
	ON_CPU(1)
		assert_false(intid_bit(40, 0x300));
	fake_edge(0, 40);
	fake_interrupts();
	ON_CPU(1)
		set_intid_bit(40, 0x180);
	assert_int_equal(fake_iar(true), 1023);
	ON_CPU(1)
		set_intid_bit(40, 0x100);
	assert_int_equal(fake_iar(true), 40);
	ON_CPU(1)
		set_intid_bit(40, 0x380); /* ends it for CPU 0 */
	fv[0].depth = 0;
	assert_false(fg.spi[40].active);
	fake_edge(0, 40);
	fake_interrupts();
	ON_CPU(1)
		set_intid_bit(40, 0x280);
	assert_int_equal(guest_ack(), 1023);
	assert_false(fg.spi[40].active);
	ON_CPU(1)
		set_intid_bit(40, 0x300);
	ON_CPU(1)
		assert_true(intid_bit(40, 0x300));
	ON_CPU(1)
		set_intid_bit(40, 0x380);
	ON_CPU(1)
		fake_enter();
}

/* The other CPU does not come out in time: the write waits for it in a mark. */
static void what_another_cpu_has_for_long(void **state)
{
	enable(40, 0xa0, true);
	enable(FRAME_FIRST, 0xa0, true);
	fake_edge(0, 40);
	fake_exit();
	vgic_take_interrupts(&fake_cpus[0]);
	vgic_raise(FRAME_FIRST);
	fake_enter();
	kicks_off = true;
	ON_CPU(1) {
		fake_exit();
		set_intid_bit(40, 0x280);
		set_intid_bit(FRAME_FIRST, 0x280);
	}
	assert_true(fg.own[0][0].latch); /* the kick is on its way */
	assert_int_equal(guest_ack(), 1023);
	assert_false(fg.spi[40].active);
	/* Made active, made inactive. */
	ON_CPU(0) {
		fake_exit();
		vgic_raise(FRAME_FIRST);
		fake_enter();
	}
	ON_CPU(1)
		set_intid_bit(FRAME_FIRST, 0x300);
	assert_int_equal(guest_ack(), 1023);
	ON_CPU(1)
		set_intid_bit(FRAME_FIRST, 0x380);
	assert_int_equal(guest_ack(), FRAME_FIRST);
	ON_CPU(1)
		set_intid_bit(FRAME_FIRST, 0x380);
	fake_interrupts();
	fv[0].depth = 0;
	assert_int_equal(guest_ack(), 1023);
	ON_CPU(1) {
		assert_false(intid_bit(FRAME_FIRST, 0x300));
		fake_enter();
	}
	kicks_off = false;
}

/* Ended in the guest without an exit, and raised again by the device, which another CPU takes: not yet read back, not lost. */
static void taken_anew_elsewhere(void **state)
{
	enable(40, 0xa0, true);
	fake_edge(0, 40);
	fake_interrupts();
	kicks_off = true;
	ON_CPU(1) { /* routed away, and CPU 0 has not come out */
		fake_exit();
		set_route(40, 1);
		fake_enter();
	}
	assert_int_equal(fake_iar(true), 40);
	fake_eoir(40);
	fake_edge(0, 40);
	ON_CPU(1)
		fake_interrupts();
	assert_true(fg.spi[40].active);
	kicks_off = false;
	fake_interrupts(); /* comes out: gives it on */
	assert_int_equal(guest_ack(), 1023);
	ON_CPU(1) {
		assert_int_equal(guest_ack(), 40);
		guest_eoi(40);
		assert_int_equal(guest_ack(), 1023);
	}
	assert_false(fg.spi[40].active);
}

/* ---- CPUs off and on ---- */

static void a_cpu_starts_anew(void **state)
{
	ON_CPU(1) {
		enable(27, 0xa0, false);
		enable(FRAME_FIRST, 0xa0, true);
		fake_exit();
		set_route(FRAME_FIRST, 1);
		fake_enter();
		fake_line(1, 27, true);
		assert_int_equal(guest_ack(), 27);
		fake_exit(); /* CPU_OFF in the handler */
	}
	fake_exit();
	vgic_write_sgi(&fake_cpus[0], 1, SGI(2, 2));
	vgic_raise(FRAME_FIRST);
	fake_enter();
	assert_int_equal(kicks[1], 0); /* it is not in the guest */
	ON_CPU(1) {
		fake_line(1, 27, false);
		vgic_start_cpu(&fake_cpus[1]);
		assert_false(fg.own[1][27].enabled || fg.own[1][27].active);
		fake_enter();
		assert_int_equal(guest_ack(), 1023);
		assert_int_equal(fv[1].vmcr, 0);
		fake_exit();
		guest_cpu_init();
		fake_enter();
		assert_int_equal(guest_ack(), FRAME_FIRST); /* the SPI has waited, the SGI is gone */
		guest_eoi(FRAME_FIRST);
		assert_int_equal(guest_ack(), 1023);
		enable(27, 0xa0, false);
		fake_line(1, 27, true);
		assert_int_equal(guest_ack(), 27);
		fake_line(1, 27, false);
		guest_eoi(27);
	}
}

/* ---- Fairlead's own ---- */

static unsigned int handled;

static void handler(u32 intid)
{
	assert_int_equal(intid, 100);
	handled++;
	fake_line(0, 100, false);
}

static void claimed_ones_are_not_the_guests(void **state)
{
	assert_int_equal(gic_claim(100, handler, "test"), 0);
	assert_int_equal(gic_claim(100, handler, "test"), -EEXIST);
	gic_enable(0, 100, true);
	enable(100, 0xa0, false);
	assert_true(fg.spi[100].enabled);
	write32(GICD(0x18c), 1 << 4); /* the guest's mask is not the hardware's */
	assert_true(fg.spi[100].enabled);
	write32(GICD(0x10c), 1 << 4);
	fake_line(0, 100, true);
	assert_int_equal(guest_ack(), 1023);
	assert_int_equal(handled, 1);
	assert_false(fg.spi[100].active);
	fake_exit();
	vgic_set_level(100, true); /* the emulated device of that number */
	fake_enter();
	assert_int_equal(guest_ack(), 100);
	fake_exit();
	vgic_set_level(100, false);
	fake_enter();
	guest_eoi(100);
	assert_false(fg.spi[100].active);
}

static void lpis_become_messages(void **state)
{
	enable(FRAME_FIRST + 3, 0xa0, true);
	fake_lpi(0, 8195);
	assert_int_equal(guest_ack(), FRAME_FIRST + 3);
	assert_int_equal(taken_lpi, 8195);
	guest_eoi(FRAME_FIRST + 3);
	assert_int_equal(fv[0].exits, 1);
}

/* More than one exit's worth: the rest makes the next entry exit. */
static void taking_is_bounded(void **state)
{
	unsigned int exits;

	for (u32 i = 0; i < 100; i++)
		enable(40 + i, 0xa0, true);
	for (u32 i = 0; i < 100; i++)
		fake_edge(0, 40 + i);
	exits = fv[0].exits;
	fake_interrupts();
	assert_int_equal(fv[0].exits - exits, 2);
	for (u32 i = 0; i < 100; i++) {
		assert_int_equal(guest_ack(), 40 + i);
		guest_eoi(40 + i);
	}
}

static void counted(void **state)
{
	struct vgic_stats before, after;

	vgic_get_stats(&before);
	for (u32 i = 0; i < 8; i++)
		enable(FRAME_FIRST + i, 0xa0, true);
	fake_exit();
	for (u32 i = 0; i < 8; i++)
		vgic_raise(FRAME_FIRST + i);
	fake_enter();
	for (u32 i = 0; i < 8; i++)
		guest_eoi(guest_ack());
	guest_sgi(SGI(3, 2));
	ON_CPU(1)
		guest_eoi(guest_ack());
	ON_CPU(1)
		fake_exit();
	vgic_get_stats(&after);
	assert_int_equal(after.injected - before.injected, 9);
	assert_true(after.overflowed > before.overflowed);
	assert_true(after.maintenance > before.maintenance);
	assert_int_equal(after.kicks - before.kicks, 1);
	ON_CPU(1)
		fake_enter();
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_hardware_interrupt_costs_one_exit),
		TEST(a_level_comes_again_while_it_is_high),
		TEST(the_guests_timer_costs_one_exit_a_tick),
		TEST(a_level_that_falls_before_it_is_taken_is_gone),
		TEST(an_edge_while_active_comes_again),
		TEST(disabled_ones_wait),
		TEST(disabled_while_pending),
		TEST(cleared_while_pending),
		TEST(set_pending_by_the_guest),
		TEST(active_by_the_guest),
		TEST(firmwares_leftovers_are_gone),
		TEST(all_come_in_order),
		TEST(a_more_urgent_one_gets_in),
		TEST(active_beyond_the_list_registers),
		TEST(active_beyond_with_eoimode_1),
		TEST(left_active_is_in_nobodys_way),
		TEST(a_storm_of_overflow_costs_less_than_an_exit_each),
		TEST(a_group_that_is_off_keeps_nobody_out),
		TEST(the_distributor_off),
		TEST(a_level_by_software),
		TEST(a_software_level_that_falls_is_gone),
		TEST(a_software_line_as_edges),
		TEST(sgis_go_where_they_are_sent),
		TEST(an_sgi_of_the_wrong_group_is_ignored),
		TEST(sgis_collapse),
		TEST(routed_elsewhere),
		TEST(routed_while_pending_and_active),
		TEST(routed_to_nobody_and_back),
		TEST(what_another_cpu_has),
		TEST(what_another_cpu_has_for_long),
		TEST(taken_anew_elsewhere),
		TEST(a_cpu_starts_anew),
		TEST(claimed_ones_are_not_the_guests),
		TEST(lpis_become_messages),
		TEST(taking_is_bounded),
		TEST(counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
