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

/* Pending in a list register, then active by the guest's write: it is pending still. */
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

/* The hardware signals one that it did not say it has: it is ended, and nobody's. */
static void a_stray_interrupt(void **state)
{
	enable(FRAME_FIRST, 0xa0, true);
	fg.lines = 9;
	fg.spi[FRAME_FIRST] = fg.spi[40]; /* group 1, the guest's priority */
	fg.spi[FRAME_FIRST].enabled = fg.spi[FRAME_FIRST].edge = true;
	fake_edge(0, FRAME_FIRST);
	assert_int_equal(guest_ack(), 1023);
	assert_false(fg.spi[FRAME_FIRST].active);
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
		assert_int_equal(fv[0].writes, 0); /* it was ended without an exit */
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

/* ---- writes at odd moments ---- */

/* It is pending once, however often it is said. */
static void set_pending_while_pending(void **state)
{
	enable(40, 0xa0, true);
	fake_edge(0, 40);
	fake_interrupts();
	set_intid_bit(40, 0x200);
	assert_int_equal(guest_ack(), 40);
	guest_eoi(40);
	assert_int_equal(guest_ack(), 1023);
}

/* What is active stays so when its pending state is cleared. */
static void cleared_while_active(void **state)
{
	enable(40, 0xa0, true);
	fake_edge(0, 40);
	assert_int_equal(guest_ack(), 40);
	set_intid_bit(40, 0x280);
	assert_true(fg.spi[40].active);
	assert_true(intid_bit(40, 0x300));
	guest_eoi(40);
	assert_false(fg.spi[40].active);
}

/* A line that is high already, when the guest says that it is a level. */
static void from_edge_to_level(void **state)
{
	enable(300, 0xa0, true);
	fake_exit();
	vgic_set_level(300, true);
	fake_enter();
	assert_int_equal(guest_ack(), 300);
	guest_eoi(300);
	assert_int_equal(guest_ack(), 1023);
	set_edge(300, false);
	assert_int_equal(guest_ack(), 300);
	fake_exit();
	vgic_set_level(300, false);
	fake_enter();
	guest_eoi(300);
	assert_int_equal(guest_ack(), 1023);
}

/* 12.2.9: with EOImode 0 a write of ICC_DIR_EL1 ends nothing. */
static void dir_with_eoimode_0(void **state)
{
	enable(40, 0xa0, true);
	fake_edge(0, 40);
	assert_int_equal(guest_ack(), 40);
	fake_exit();
	vgic_write_dir(&fake_cpus[0], 40);
	fake_enter();
	assert_true(fg.spi[40].active);
	guest_eoi(40);
}

/* 1020 to 1023 do not exist. */
static void the_last_interrupts(void **state)
{
	write32(GICD(0xcf8), ~0u);
	write32(GICD(0xcfc), ~0u);
	write32(GICD(0x100 + 4 * 31), ~0u);
	write32(GICD(0x200 + 4 * 31), ~0u);
	for (u32 intid = 992; intid < 1020; intid++) {
		assert_int_equal(guest_ack(), intid);
		guest_eoi(intid);
	}
	assert_int_equal(guest_ack(), 1023);
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
		TEST(a_level_by_software),
		TEST(a_software_level_that_falls_is_gone),
		TEST(a_software_line_as_edges),
		TEST(claimed_ones_are_not_the_guests),
		TEST(lpis_become_messages),
		TEST(a_stray_interrupt),
		TEST(taking_is_bounded),
		TEST(an_idle_entry_costs_nothing),
		TEST(counted),
		TEST(set_pending_while_pending),
		TEST(cleared_while_active),
		TEST(from_edge_to_level),
		TEST(dir_with_eoimode_0),
		TEST(the_last_interrupts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
