/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine checks: what is in the banks is logged and cleared, and only what left the CPU's state whole may go on (APM vol. 2, 9.3).
 */
#include "fake_x86.h"

#include "arch/x86/mce.h"

#define MCG_CAP 0x179
#define MCG_STATUS 0x17a
#define RIPV BIT(0)
#define MCIP BIT(2)
#define VALID BIT(63)
#define OVERFLOW BIT(62)
#define UNCORRECTED BIT(61)
#define ADDRESS_VALID BIT(58)
#define CORRUPT BIT(57)

static int setup(void **state)
{
	fake_msr_count = 0;
	fake_log();
	msr_set(MCG_CAP, 2);
	msr_set(MCG_STATUS, RIPV | MCIP);
	for (u32 bank = 0; bank < 3; bank++) {
		msr_set(0x401 + 4 * bank, 0);
		msr_set(0x402 + 4 * bank, 0);
	}
	return 0;
}

static void whole_state_goes_on(void **state)
{
	msr_set(0x405, VALID | UNCORRECTED | ADDRESS_VALID | 0x135);
	msr_set(0x406, 0x12345000);
	assert_true(mce_log_and_classify());
	assert_int_equal(msr_find(0x405)->value, 0);
	assert_int_equal(msr_find(MCG_STATUS)->value & MCIP, 0); /* another one would shut the CPU down */
	assert_true(log_lines >= 1);
}

static void corrupt_state_does_not(void **state)
{
	msr_set(0x401, VALID | UNCORRECTED | CORRUPT);
	assert_false(mce_log_and_classify());
	assert_int_equal(msr_find(0x401)->value, 0);
}

static void without_a_restart_point_it_does_not(void **state)
{
	msr_set(MCG_STATUS, MCIP);
	msr_set(0x401, VALID | UNCORRECTED);
	assert_false(mce_log_and_classify());
}

static void a_lost_error_may_have_been_fatal(void **state)
{
	msr_set(0x401, VALID | OVERFLOW | UNCORRECTED);
	assert_false(mce_log_and_classify());
	msr_set(0x401, VALID | OVERFLOW); /* corrected ones only */
	msr_set(MCG_STATUS, RIPV | MCIP);
	assert_true(mce_log_and_classify());
}

static void stale_banks_do_not_count(void **state)
{
	msr_set(0x401, CORRUPT); /* not valid */
	msr_set(0x409, VALID | CORRUPT); /* bank 2 of two banks */
	assert_true(mce_log_and_classify());
	assert_int_equal(msr_find(0x409)->value, VALID | CORRUPT);
}

static void a_lying_bank_count_ends(void **state)
{
	msr_set(MCG_CAP, 0xff);
	assert_true(mce_log_and_classify());
}

static void a_cpu_without_banks_is_not_trusted(void **state)
{
	fake_msr_count = 0;
	assert_false(mce_log_and_classify());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(whole_state_goes_on, setup),
		cmocka_unit_test_setup(corrupt_state_does_not, setup),
		cmocka_unit_test_setup(without_a_restart_point_it_does_not, setup),
		cmocka_unit_test_setup(a_lost_error_may_have_been_fatal, setup),
		cmocka_unit_test_setup(stale_banks_do_not_count, setup),
		cmocka_unit_test_setup(a_lying_bank_count_ends, setup),
		cmocka_unit_test_setup(a_cpu_without_banks_is_not_trusted, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
