/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulated GICv3 with more interrupts than list registers: pending, active, of groups that are off.
 * Expectations: IHI 0069H, 4.8 (priorities), chapter 6 and 12.4 (list registers, EOIcount).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/unit/arm64/vgic_single.h"

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

/* One that the guest has made active by a write, without taking it, is not what its next end ends. */
static void a_nest_beside_one_that_was_never_taken(void **state)
{
	for (u32 i = 0; i < 6; i++) {
		enable(100 + i, 0x00, true);
		set_intid_bit(100 + i, 0x300);
	}
	for (u32 i = 0; i < 8; i++) {
		enable(40 + i, (u8)(0xa0 - 8 * i), true);
		fake_edge(0, 40 + i);
		assert_int_equal(guest_ack(), 40 + i);
	}
	for (u32 i = 8; i-- > 0;) {
		guest_eoi(40 + i);
		assert_false(fg.spi[40 + i].active);
		for (u32 k = 0; k < 6; k++)
			assert_true(fg.spi[100 + k].active);
	}
	for (u32 k = 0; k < 6; k++) {
		set_intid_bit(100 + k, 0x380);
		assert_false(fg.spi[100 + k].active);
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

/* All list registers are full of what the guest does not take now; group 0 is more urgent. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_come_in_order),
		TEST(a_more_urgent_one_gets_in),
		TEST(active_beyond_the_list_registers),
		TEST(active_beyond_with_other_priorities),
		TEST(active_beyond_with_eoimode_1),
		TEST(a_nest_beside_one_that_was_never_taken),
		TEST(two_ends_in_one_exit),
		TEST(left_active_is_in_nobodys_way),
		TEST(a_storm_of_overflow_costs_less_than_an_exit_each),
		TEST(a_group_that_is_off_keeps_nobody_out),
		TEST(a_group_that_comes_on_is_let_in),
		TEST(the_distributor_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
