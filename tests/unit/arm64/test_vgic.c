/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulated GICv3 as a guest's CPUs see it: what is pending comes, once, in the order of priorities,
 * however few list registers there are; what is physical is deactivated with it; and each costs one exit.
 * Expectations: IHI 0069H, 4.1 (states), 4.8 (priorities), chapter 6 (virtual interrupts).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/counters.h"
#include "core/errno.h"
#include "tests/unit/arm64/vgic_single.h"

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

/*
 * 4.1.1: a level-triggered interrupt is not pending any more when its line falls before it was acknowledged.
 */
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

/*
 * It was taken from the hardware already, which has it active; the guest's mask and unmask neither lose nor
 * double it.
 */
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

/* Active, and pending again: it is not signalled while it is disabled, or its group is. */
static void pending_again_and_disabled(void **state)
{
	for (unsigned int i = 0; i < 2; i++) {
		enable(FRAME_FIRST, 0xa0, true);
		fake_exit();
		vgic_raise(FRAME_FIRST);
		fake_enter();
		assert_int_equal(guest_ack(), FRAME_FIRST);
		fake_exit();
		vgic_raise(FRAME_FIRST);
		if (i)
			write32(GICD(0), 1); /* group 0 only */
		else
			set_intid_bit(FRAME_FIRST, 0x180);
		fake_enter();
		guest_eoi(FRAME_FIRST);
		assert_int_equal(guest_ack(), 1023);
		write32(GICD(0), 2);
		set_intid_bit(FRAME_FIRST, 0x100);
		assert_int_equal(guest_ack(), FRAME_FIRST);
		guest_eoi(FRAME_FIRST);
	}
}

/* Pending in a list register, then active by the guest's write: its end ends the physical one, and it is pending still. */
static void active_by_the_guest_while_pending(void **state)
{
	enable(40, 0xa0, true);
	fake_edge(0, 40);
	fake_interrupts();
	set_intid_bit(40, 0x300);
	assert_int_equal(guest_ack(), 1023);
	assert_true(intid_bit(40, 0x200));
	set_intid_bit(40, 0x380);
	assert_int_equal(guest_ack(), 40);
	assert_true(fg.spi[40].active);
	guest_eoi(40);
	assert_false(fg.spi[40].active);
	assert_int_equal(guest_ack(), 1023);
}

static void active_by_the_guest(void **state)
{
	enable(40, 0xa0, true);
	fake_edge(0, 40);
	assert_int_equal(guest_ack(), 40);
	guest_eoi(40);
	write32(GICD(0x304), 1 << 8);
	assert_true(fg.spi[40].active); /* so the hardware holds it back */
	write32(GICD(0x384), 1 << 8);
	assert_false(fg.spi[40].active);
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

/*
 * 20 levels of preemption on 4 list registers, EOImode 0: each end finds its interrupt, also when the guest
 * has written other priorities meanwhile: it runs at the one with which it took the interrupt (4.8).
 */
static void nest(bool change)
{
	const u32 count = 20;

	for (u32 i = 0; i < count; i++)
		enable(40 + i, (u8)(0xe8 - 8 * i), true);
	for (u32 i = 0; i < count; i++) {
		fake_edge(0, 40 + i);
		assert_int_equal(guest_ack(), 40 + i);
	}
	assert_int_equal(guest_ack(), 1023);
	for (u32 i = 0; i < count && change; i++)
		set_priority(40 + i, (u8)(0x10 + 8 * i));
	for (u32 i = 0; i < count; i++)
		assert_true(fg.spi[40 + i].active);
	for (u32 i = count; i-- > 0;) {
		guest_eoi(40 + i);
		for (u32 k = 0; k < count; k++)
			assert_int_equal(fg.spi[40 + k].active, k < i);
	}
	assert_int_equal(guest_ack(), 1023);
	for (u32 i = 0; i < count; i++) {
		fake_edge(0, 40 + i);
		assert_int_equal(guest_ack(), 40 + i);
		guest_eoi(40 + i);
	}
}

static void active_beyond_the_list_registers(void **state)
{
	nest(false);
}

static void active_beyond_with_other_priorities(void **state)
{
	nest(true);
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

static void two_ends_in_one_exit(void **state)
{
	for (u32 i = 0; i < 8; i++) {
		enable(40 + i, (u8)(0xa0 - 8 * i), true);
		fake_edge(0, 40 + i);
		assert_int_equal(guest_ack(), 40 + i);
	}
	for (u32 i = 8; i-- > 0;)
		fake_eoir(40 + i); /* before the maintenance interrupt is there */
	fake_interrupts();
	for (u32 i = 0; i < 8; i++)
		assert_false(fg.spi[40 + i].active);
	assert_int_equal(guest_ack(), 1023);
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

/* All list registers are full of what the guest does not take now; group 0 is more urgent than what it does. */
static void a_group_that_comes_on_is_let_in(void **state)
{
	for (u32 i = 0; i < 8; i++) {
		enable(40 + i, 0xa0, true);
		enable(FRAME_FIRST + i, 0x20, true);
	}
	enable(50, 0x40, true);
	fake_exit();
	write32(GICD(0x80 + FRAME_FIRST / 8), ~0xffu);
	write32(GICD(0), 3);
	fake_enter();
	fake_edge(0, 50);
	assert_int_equal(guest_ack(), 50);
	for (u32 i = 0; i < 8; i++)
		fake_edge(0, 40 + i);
	fake_exit();
	for (u32 i = 0; i < 8; i++)
		vgic_raise(FRAME_FIRST + i);
	fake_enter();
	assert_int_equal(fake_iar(false), 1023);
	assert_int_equal(guest_ack(), 1023);
	fv[0].vmcr |= 1; /* ICC_IGRPEN0_EL1 */
	fake_interrupts();
	for (u32 i = 0; i < 8; i++) {
		assert_int_equal(fake_iar(false), FRAME_FIRST + i);
		guest_eoi(FRAME_FIRST + i);
	}
	guest_eoi(50);
	for (u32 i = 0; i < 8; i++) {
		assert_int_equal(guest_ack(), 40 + i);
		guest_eoi(40 + i);
	}
}

static void the_distributor_off(void **state)
{
	enable(FRAME_FIRST, 0xa0, true);
	write32(GICD(0), 0);
	fake_exit();
	vgic_raise(FRAME_FIRST);
	fake_enter();
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
	fake_exit();
	vgic_set_level(300, true); /* as before */
	fake_enter();
	assert_int_equal(guest_ack(), 1023);
	fake_exit();
	vgic_set_level(300, false); /* falls */
	fake_enter();
	assert_int_equal(guest_ack(), 1023);
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

/* Nothing is pending: no register is written, on the way in or out. */
static void an_idle_entry_costs_nothing(void **state)
{
	enable(40, 0xa0, true);
	for (unsigned int i = 0; i < 2; i++) {
		fake_exit();
		fake_enter();
		fv[0].writes = 0;
		fake_exit();
		fake_enter();
		assert_int_equal(fv[0].writes, 0);
		fake_edge(0, 40);
		assert_int_equal(guest_ack(), 40);
		guest_eoi(40);
		fv[0].writes = 0;
		fake_exit();
		fake_enter();
		assert_int_equal(fv[0].writes, 0); /* it was ended without an exit: its list register is empty */
	}
}

static void counted(void **state)
{
	struct counters_snapshot before, after;

	counters_get(0, &before);
	for (u32 i = 0; i < 8; i++)
		enable(FRAME_FIRST + i, 0xa0, true);
	fake_exit();
	for (u32 i = 0; i < 8; i++)
		vgic_raise(FRAME_FIRST + i);
	fake_enter();
	for (u32 i = 0; i < 8; i++)
		guest_eoi(guest_ack());
	fake_exit();
	counters_get(0, &after);
	assert_int_equal(after.event[COUNT_INJECTED_INTERRUPT] - before.event[COUNT_INJECTED_INTERRUPT], 8);
	assert_true(after.event[COUNT_OVERFLOW] > before.event[COUNT_OVERFLOW]);
	assert_int_equal(after.event[COUNT_MAINTENANCE] - before.event[COUNT_MAINTENANCE], 2); /* 4, 3, 1 */
	assert_int_equal(after.event[COUNT_GIC] - before.event[COUNT_GIC], 8 * 4);
}

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
		TEST(pending_again_and_disabled),
		TEST(active_by_the_guest_while_pending),
		TEST(active_by_the_guest),
		TEST(firmwares_leftovers_are_gone),
		TEST(all_come_in_order),
		TEST(a_more_urgent_one_gets_in),
		TEST(active_beyond_the_list_registers),
		TEST(active_beyond_with_other_priorities),
		TEST(active_beyond_with_eoimode_1),
		TEST(two_ends_in_one_exit),
		TEST(left_active_is_in_nobodys_way),
		TEST(a_storm_of_overflow_costs_less_than_an_exit_each),
		TEST(a_group_that_is_off_keeps_nobody_out),
		TEST(a_group_that_comes_on_is_let_in),
		TEST(the_distributor_off),
		TEST(a_level_by_software),
		TEST(a_software_level_that_falls_is_gone),
		TEST(a_software_line_as_edges),
		TEST(claimed_ones_are_not_the_guests),
		TEST(lpis_become_messages),
		TEST(taking_is_bounded),
		TEST(an_idle_entry_costs_nothing),
		TEST(counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
