/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine checks: what is in the banks is logged and cleared, and only what left the CPU's state whole may
 * go on (APM vol. 2, 9.3).
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

static char first_line[LOG_LINE_MAX];

static void first_line_sink(enum log_level level, const char *line, size_t len)
{
	if (!first_line[0])
		memcpy(first_line, line, len + 1);
}

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

/* A register that raises #GP is one that this CPU has not: no news from it, and the others are still read. */
static void missing_registers_are_passed_over(void **state)
{
	fake_msr_count = 0;
	msr_set(MCG_CAP, 3);
	msr_set(MCG_STATUS, RIPV | MCIP);
	msr_set(0x405, VALID | ADDRESS_VALID); /* bank 1 has a status and no address, bank 0 neither */
	msr_set(0x409, VALID | CORRUPT);
	assert_false(mce_log_and_classify());
	assert_int_equal(msr_find(0x405)->value, 0);
	assert_int_equal(msr_find(0x409)->value, 0);
	assert_int_equal(msr_find(MCG_STATUS)->value, 0);
}

static void a_cpu_with_half_of_it_is_not_trusted(void **state)
{
	fake_msr_count = 0;
	msr_set(MCG_CAP, 1);
	msr_set(0x401, 0);
	assert_false(mce_log_and_classify());
	fake_msr_count = 0;
	msr_set(MCG_STATUS, RIPV | MCIP);
	assert_false(mce_log_and_classify());
}

/* 9.3.2.2: an address only if ADDRV says so. */
static void an_address_without_its_flag_is_not_told(void **state)
{
	msr_set(MCG_CAP, 1);
	msr_set(0x401, VALID);
	msr_set(0x402, 0xdead000);
	log_set_sink(first_line_sink);
	assert_true(mce_log_and_classify());
	assert_non_null(strstr(first_line, "bank 0"));
	assert_null(strstr(first_line, "dead000"));
	first_line[0] = '\0';
	msr_set(MCG_STATUS, RIPV | MCIP);
	msr_set(0x401, VALID | ADDRESS_VALID);
	assert_true(mce_log_and_classify());
	assert_non_null(strstr(first_line, "dead000"));
}

/* Every bank is read out, also after one that is corrupt. */
static void every_bank_counts_and_is_cleared(void **state)
{
	for (u32 corrupt = 0; corrupt < 32; corrupt++) {
		fake_msr_count = 0;
		msr_set(MCG_CAP, 32 | BIT(8)); /* bits above the count are other capabilities */
		msr_set(MCG_STATUS, RIPV | MCIP);
		for (u32 bank = 0; bank < 32; bank++)
			msr_set(0x401 + 4 * bank, VALID | (bank == corrupt ? CORRUPT : 0));
		msr_find(0x401)->reserved = ~(u64)0; /* on some CPUs any value but 0 faults */
		assert_false(mce_log_and_classify());
		for (u32 bank = 0; bank < 32; bank++)
			assert_int_equal(msr_find(0x401 + 4 * bank)->value, 0);
	}
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
		cmocka_unit_test_setup(missing_registers_are_passed_over, setup),
		cmocka_unit_test_setup(a_cpu_with_half_of_it_is_not_trusted, setup),
		cmocka_unit_test_setup(an_address_without_its_flag_is_not_told, setup),
		cmocka_unit_test_setup(every_bank_counts_and_is_cleared, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
