/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulated GICv3 with several CPUs (one thread plays them all): interrupts between them, routing, what
 * one CPU does to an interrupt that another has in its list registers, CPUs off and on. Expectations: IHI
 * 0069H, 4.1, 12.2.22, 12.9.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/unit/arm64/vgic_single.h"

/* Each look takes a microsecond. */
static u64 now;

u64 arch_time_us(void)
{
	return now++;
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
	assert_int_equal(routed_spi, 0); /* no message's */
	enable(FRAME_FIRST + 7, 0xa0, true);
	fake_exit();
	set_route(FRAME_FIRST + 7, 3);
	fake_enter();
	assert_true(fg.spi[FRAME_FIRST + 7].route == 0); /* there is no such register in hardware */
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

/*
 * It is in CPU 0's list register, pending, when the guest routes it away; or active, and then it ends where
 * it began.
 */
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

/* Between the look at the set and the list register: the second of two goes elsewhere. */
static void route_away_second(unsigned int n)
{
	fake_on_write_lr = NULL;
	kicks_off = true; /* CPU 0 is in Fairlead: no way to make it exit */
	ON_CPU(1)
		set_route(FRAME_FIRST + 1, 2);
	kicks_off = false;
}

static void routed_while_it_is_chosen(void **state)
{
	enable(FRAME_FIRST, 0xa0, true);
	enable(FRAME_FIRST + 1, 0xa0, true);
	ON_CPU(1)
		fake_exit();
	fake_exit();
	vgic_raise(FRAME_FIRST);
	vgic_raise(FRAME_FIRST + 1);
	fake_on_write_lr = route_away_second;
	fake_enter();
	assert_int_equal(guest_ack(), FRAME_FIRST);
	guest_eoi(FRAME_FIRST);
	assert_int_equal(guest_ack(), 1023);
	ON_CPU(1)
		fake_enter();
	ON_CPU(2) {
		assert_int_equal(guest_ack(), FRAME_FIRST + 1);
		guest_eoi(FRAME_FIRST + 1);
		assert_int_equal(guest_ack(), 1023);
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

/*
 * A write is effective when it returns, and a read is true, also of what another CPU has in its list
 * registers.
 */
static void what_another_cpu_has(void **state)
{
	now = 0;
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
	assert_true(now < 1000); /* nobody has waited in vain */
}

/* An emulated device raises its line again while another CPU is still in its handler. */
static void a_line_that_rises_in_the_handler(void **state)
{
	ON_CPU(1) {
		enable(300, 0xa0, false);
		set_route(300, 1);
	}
	fake_exit();
	vgic_set_level(300, true);
	fake_enter();
	ON_CPU(1) {
		assert_int_equal(guest_ack(), 300);
		fake_exit();
		vgic_set_level(300, false);
		fake_enter();
	}
	fake_exit();
	vgic_set_level(300, true);
	fake_enter();
	ON_CPU(1) {
		assert_int_equal(guest_ack(), 1023);
		guest_eoi(300);
		assert_int_equal(guest_ack(), 300);
		fake_exit();
		vgic_set_level(300, false);
		fake_enter();
		guest_eoi(300);
		assert_int_equal(guest_ack(), 1023);
	}
}

/* Made active by another CPU, when the guest has just ended it: the hardware holds it back. */
static void made_active_after_its_end(void **state)
{
	enable(40, 0xa0, true);
	fake_edge(0, 40);
	fake_interrupts();
	kicks_off = true;
	ON_CPU(1) {
		fake_exit();
		set_intid_bit(40, 0x300);
	}
	kicks_off = false;
	assert_int_equal(fake_iar(true), 40);
	fake_eoir(40);
	fake_interrupts();
	assert_true(fg.spi[40].active);
	fake_edge(0, 40);
	assert_int_equal(guest_ack(), 1023);
	ON_CPU(1) {
		set_intid_bit(40, 0x380);
		fake_enter();
	}
	for (unsigned int i = 0; i < 2; i++) { /* and nothing is left of it */
		assert_int_equal(guest_ack(), 40);
		guest_eoi(40);
		assert_int_equal(guest_ack(), 1023);
		assert_false(fg.spi[40].active);
		if (!i)
			fake_edge(0, 40);
	}
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

/*
 * Ended in the guest without an exit, and raised again by the device, which another CPU takes: not yet read
 * back, not lost.
 */
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
	fake_edge(0, 40);
	ON_CPU(1) {
		assert_int_equal(guest_ack(), 40);
		guest_eoi(40);
	}
	set_intid_bit(40, 0x300); /* nothing is left of the mark: the hardware's is inactive, and follows */
	assert_true(fg.spi[40].active);
	set_intid_bit(40, 0x380);
	assert_false(fg.spi[40].active);
}

/* A mark is obeyed once: made active while CPU 0 has it, ended by its guest, it is not active again. */
static void made_active_once(void **state)
{
	enable(FRAME_FIRST, 0xa0, true);
	fake_exit();
	vgic_raise(FRAME_FIRST);
	fake_enter();
	kicks_off = true;
	ON_CPU(1)
		set_intid_bit(FRAME_FIRST, 0x300);
	kicks_off = false;
	fake_interrupts();
	assert_true(intid_bit(FRAME_FIRST, 0x300));
	fv[0].vmcr |= 0x200;
	guest_dir(FRAME_FIRST);
	assert_false(intid_bit(FRAME_FIRST, 0x300));
	fv[0].vmcr &= ~0x200ull;
	assert_int_equal(guest_ack(), FRAME_FIRST);
	guest_eoi(FRAME_FIRST);
	assert_false(intid_bit(FRAME_FIRST, 0x300));
}

/* Raised again while CPU 0 has it, and cleared: neither the first nor the second comes. */
static void raised_and_cleared(void **state)
{
	enable(FRAME_FIRST, 0xa0, true);
	fake_exit();
	vgic_raise(FRAME_FIRST);
	fake_enter();
	kicks_off = true;
	ON_CPU(1) {
		fake_exit();
		vgic_raise(FRAME_FIRST);
		set_intid_bit(FRAME_FIRST, 0x280);
		fake_enter();
	}
	kicks_off = false;
	assert_int_equal(guest_ack(), 1023);
	assert_false(intid_bit(FRAME_FIRST, 0x200));
}

/* The same, and the guest clears what is pending before CPU 0 has come out: the physical one is not stuck. */
static void taken_anew_elsewhere_and_cleared(void **state)
{
	enable(40, 0xa0, true);
	fake_edge(0, 40);
	fake_interrupts();
	kicks_off = true;
	ON_CPU(1) {
		fake_exit();
		set_route(40, 1);
		fake_enter();
	}
	assert_int_equal(fake_iar(true), 40);
	fake_eoir(40);
	fake_edge(0, 40);
	ON_CPU(1) {
		fake_interrupts();
		set_intid_bit(40, 0x280);
	}
	kicks_off = false;
	fake_interrupts();
	ON_CPU(1) {
		if (guest_ack() == 40)
			guest_eoi(40);
		assert_false(fg.spi[40].active);
		fake_edge(0, 40);
		assert_int_equal(guest_ack(), 40);
		guest_eoi(40);
	}
}

/* Two writes before CPU 0 comes out: the second counts. */
static void the_last_write_counts(void **state)
{
	for (unsigned int active = 0; active < 2; active++) {
		enable(FRAME_FIRST, 0xa0, true);
		fake_exit();
		vgic_raise(FRAME_FIRST);
		fake_enter();
		if (!active)
			assert_int_equal(fake_iar(true), FRAME_FIRST);
		kicks_off = true;
		ON_CPU(1) {
			fake_exit();
			set_intid_bit(FRAME_FIRST, active ? 0x380 : 0x300);
			set_intid_bit(FRAME_FIRST, active ? 0x300 : 0x380);
			fake_enter();
		}
		kicks_off = false;
		fake_interrupts();
		assert_int_equal(intid_bit(FRAME_FIRST, 0x300), active);
		fv[0].depth = 0;
	}
	set_intid_bit(FRAME_FIRST, 0x380);
	set_intid_bit(FRAME_FIRST, 0x280);
}

/* A priority, and a group, that change under another CPU's list registers. */
static void another_cpu_looks_again(void **state)
{
	enable(FRAME_FIRST, 0xa0, true);
	fake_exit();
	vgic_raise(FRAME_FIRST);
	fake_enter();
	kicks[0] = 0;
	ON_CPU(1)
		set_priority(FRAME_FIRST, 0x40);
	assert_int_equal(kicks[0], 1);
	ON_CPU(1)
		set_priority(FRAME_FIRST, 0x40); /* as it is */
	assert_int_equal(kicks[0], 1);
	ON_CPU(1)
		write32(GICD(0), 0);
	assert_int_equal(fake_iar(true), 1023);
	ON_CPU(1)
		write32(GICD(0), 2);
	assert_int_equal(guest_ack(), FRAME_FIRST);
	assert_int_equal(fv[0].stack[0], 0x40);
	guest_eoi(FRAME_FIRST);
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
		fg.own[1][20].edge = fg.own[1][20].latch = true;
		vgic_start_cpu(&fake_cpus[1]);
		assert_false(fg.own[1][20].latch);
		assert_int_equal(fg.own[1][25].priority, GIC_PRIORITY_OURS);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sgis_go_where_they_are_sent),
		TEST(an_sgi_of_the_wrong_group_is_ignored),
		TEST(sgis_collapse),
		TEST(routed_elsewhere),
		TEST(routed_while_pending_and_active),
		TEST(routed_while_it_is_chosen),
		TEST(routed_to_nobody_and_back),
		TEST(what_another_cpu_has),
		TEST(a_line_that_rises_in_the_handler),
		TEST(made_active_after_its_end),
		TEST(what_another_cpu_has_for_long),
		TEST(taken_anew_elsewhere),
		TEST(made_active_once),
		TEST(raised_and_cleared),
		TEST(taken_anew_elsewhere_and_cleared),
		TEST(the_last_write_counts),
		TEST(another_cpu_looks_again),
		TEST(a_cpu_starts_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
