/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The message of Fairlead's timer: which one is programmed, and whether it arrives. Expectations: VT-d specification 4.1, 5.1.2.2
 * (remappable format) and 5.1.4 (what is to be remapped and names no entry is blocked, and a fault, which the unit reports by a message
 * of its own); Intel SDM vol. 3A, 11.11 (the format without remapping).
 */
#include "tests/unit/hpet_machine.h"

/* ---- does its message arrive? ---- */

static void test_a_message_that_nobody_gets(void **state)
{
	u64 began = now_ns;

	fate = VANISHES;
	refused("does not arrive");
	assert_true(now_ns - began < 2 * SECOND);
	assert_int_equal(looks, 1);
	timer_set(&timer, 5000);
	(void)run_guest(SECOND);
	assert_int_equal(regs.timer[1].config & 4, 0);
	assert_true(timer_cancel(&timer));
}

/* The NMI that comes is the IOMMU's, and says that the message was blocked. */
static void test_a_message_that_is_blocked(void **state)
{
	fate = IS_BLOCKED;
	refused("does not arrive");
	assert_true(faults_reported >= 1);
	assert_false(fault);
	assert_false(nmi_arrived[0]);
}

/* A device's own fault at that moment proves nothing either way. */
static void test_a_fault_beside_the_message(void **state)
{
	faults_by_itself = true;
	timer_start(virt_to_phys(registers), 3);
	assert_non_null(strstr(last_line, "HPET comparator 1"));
	assert_int_equal(faults_reported, 1);
	assert_int_equal(messages, 2);
}

/* One that was on its way before is not the answer. */
static void test_an_nmi_from_before(void **state)
{
	fate = VANISHES;
	nmi_waits = nmi_arrived[0] = true;
	refused("does not arrive");
	setup(state);
	nmi_waits = nmi_arrived[0] = true;
	timer_start(virt_to_phys(registers), 3);
	assert_non_null(strstr(last_line, "HPET comparator 1"));
	assert_false(nmi_arrived[0]);
}

static void test_an_nmi_before_its_time(void **state)
{
	fate = VANISHES;
	stray = true;
	refused("does not arrive");
}

static void test_a_missed_test_is_tried_again(void **state)
{
	u64 began = now_ns;

	stall_ns = SECOND / 1000;
	timer_start(virt_to_phys(registers), 3);
	assert_non_null(strstr(last_line, "HPET comparator 1"));
	assert_true(now_ns - began < SECOND / 20); /* at once */
}

/* Below a hypervisor: each time between the look at the counter and the write, the host has other work. */
static void test_a_host_that_always_comes_between(void **state)
{
	static const u64 stalls_us[] = { 500, 5000 };

	for (unsigned int i = 0; i < ARRAY_SIZE(stalls_us); i++) {
		setup(state);
		stall_ns = stalls_us[i] * 1000;
		stalls_each = true;
		timer_start(virt_to_phys(registers), 3);
		assert_non_null(strstr(last_line, "HPET comparator 1"));
		assert_int_equal(messages, 1);
		assert_false(nmi_arrived[0]);
	}
}

static void test_the_test_leaves_nothing_behind(void **state)
{
	timer_start(virt_to_phys(registers), 3);
	assert_int_equal(messages, 1);
	assert_int_equal(expected_nmis, 0); /* the guest's first unexplained NMI is the guest's */
	assert_false(timer_fired());
	assert_false(nmi_arrived[0]);
	assert_int_equal(regs.timer[1].config & 4, 0);
	assert_int_equal(run_guest(1000 * SECOND), 0);
}

/* ---- remapped ---- */

static void test_a_remapped_message(void **state)
{
	fake_intr.remapped = true;
	fake_intr.first = 0x8123;
	timer_start(virt_to_phys(registers), 3);
	assert_non_null(strstr(last_line, "HPET comparator 1"));
	assert_int_equal(fake_intr.last_kind, INTR_HPET);
	assert_int_equal(fake_intr.last_id, 3); /* as the DMAR names it */
	assert_int_equal(fake_intr.last_count, 1);
	assert_int_equal(regs.timer[1].address, 0xfee00010 | 0x123 << 5 | 1 << 2);
	assert_int_equal(regs.timer[1].data, 0);
	assert_true(intr_cached[0x8123].present); /* flushed */
	assert_true(intr_cached[0x8123].target.nmi);
	assert_int_equal(intr_cached[0x8123].target.destination, 5);
	assert_false(intr_cached[0x8123].target.logical || intr_cached[0x8123].target.lowest ||
		     intr_cached[0x8123].target.level);
}

/* QEMU's: no unit names it, and its messages pass by the units. */
static void test_an_hpet_that_no_unit_names(void **state)
{
	static const int errors[] = { -ENODEV, -ENOSPC };

	for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++) {
		setup(state);
		fake_intr.remapped = true;
		fake_intr.alloc_result = errors[i];
		timer_start(virt_to_phys(registers), 3);
		assert_non_null(strstr(last_line, "HPET comparator 1"));
		assert_int_equal(regs.timer[1].address, 0xfee05000);
		assert_int_equal(regs.timer[1].data, 0x400);
	}
}

static void test_an_entry_that_cannot_be_flushed(void **state)
{
	fake_intr.remapped = true;
	fake_intr.flush_result = -ETIMEDOUT;
	timer_start(virt_to_phys(registers), 3);
	assert_int_equal(regs.timer[1].address, 0xfee05000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITHOUT(test_a_message_that_nobody_gets),
		WITHOUT(test_a_message_that_is_blocked),
		WITHOUT(test_a_fault_beside_the_message),
		WITHOUT(test_an_nmi_from_before),
		WITHOUT(test_an_nmi_before_its_time),
		WITHOUT(test_a_missed_test_is_tried_again),
		WITHOUT(test_a_host_that_always_comes_between),
		WITHOUT(test_the_test_leaves_nothing_behind),
		WITHOUT(test_a_remapped_message),
		WITHOUT(test_an_hpet_that_no_unit_names),
		WITHOUT(test_an_entry_that_cannot_be_flushed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
