/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NMIs: whose they are, and when the guest gets its own. Expectations: AMD64 APM vol. 2, 8.5.1 (a further
 * one is held pending, one at most, until the handler's IRET has completed); Intel ICH9 datasheet, 13.7.1
 * (port 61h); Intel SDM vol. 3A, 11.11 (messages).
 */
#include "tests/unit/nmi_machine.h"

/* ---- whose ----------------------------------------------------------------------------------------- */

static void every_iommu_reports_by_nmi(void **state)
{
	nmi_init();
	for (unsigned int i = 0; i < ARRAY_SIZE(units); i++) {
		assert_int_equal(units[i].address, MESSAGE_ADDRESS);
		assert_int_equal(units[i].data >> 8 & 7, 4); /* delivery mode NMI */
	}
}

static void an_exit_without_an_nmi_is_nobodys(void **state)
{
	nmi_handle(&v);
	assert_false(entered());
}

static void unexplained_is_the_guests(void **state)
{
	nmi();
	assert_false(nmi_arrived[0]);
	assert_true(entered());
	run_iret();
	assert_false(entered());
}

static void a_fault_is_ours(void **state)
{
	units[1].fault = true;
	nmi();
	assert_int_equal(units[1].drained, 1);
	assert_false(entered());
}

static void a_fault_beside_the_guests_own(void **state)
{
	units[0].fault = true;
	vcpu_request_nmi(0);
	nmi();
	assert_int_equal(units[0].drained, 1);
	assert_true(entered());
	run_iret();
	assert_false(entered());
}

static void a_fault_beside_the_chipsets(void **state)
{
	static const u8 status[] = { SERR, IOCHK, SERR | IOCHK };

	for (unsigned int i = 0; i < ARRAY_SIZE(status); i++) {
		setup(NULL);
		fake_port[0x61] = status[i] | TIMER_AND_REFRESH;
		units[0].fault = true;
		log_lines = 0;
		nmi();
		assert_int_equal(units[0].drained, 1);
		assert_true(log_lines >= 1);
		assert_true(entered());
	}
}

static void the_chipsets_is_the_guests(void **state)
{
	fake_port[0x61] = SERR;
	nmi();
	assert_non_null(strstr(last_line, "SERR#"));
	assert_int_equal(port_write_count, 0); /* the guest's handler clears it */
	assert_true(entered());
}

/* ---- the second message of two faults -------------------------------------------------------------- */

static void the_very_next_one_is_excused(void **state)
{
	units[0].fault = true;
	nmi();
	nmi(); /* latched by a second fault that the first visit has drained */
	assert_false(entered());
	nmi();
	assert_true(entered());
}

/* It is known whose the guest's own is: ours is still to come. */
static void the_guests_own_is_delivered_while_one_is_owed(void **state)
{
	units[0].fault = true;
	nmi();
	vcpu_request_nmi(0);
	other_exit();
	assert_true(entered());
	run_iret();
	nmi();
	assert_false(entered());
	nmi();
	assert_true(entered());
}

static void an_excuse_does_not_hide_what_is_known(void **state)
{
	units[0].fault = true;
	nmi();
	fake_port[0x61] = IOCHK;
	nmi();
	assert_true(entered());
}

static void each_fault_excuses_one(void **state)
{
	for (unsigned int i = 0; i < 3; i++) {
		units[i % 2].fault = true;
		nmi();
		assert_false(entered());
	}
	for (unsigned int i = 0; i < 3; i++) {
		nmi();
		assert_false(entered());
	}
	nmi();
	assert_true(entered());
}

/* ---- when ------------------------------------------------------------------------------------------ */

static void one_at_a_time(void **state)
{
	nmi();
	assert_true(entered());
	nmi();
	v.rip += 5;
	assert_false(entered());
	v.rip += 5;
	assert_false(entered());
	run_iret();
	assert_true(entered());
	run_iret();
	assert_false(entered());
}

static void hardware_keeps_one(void **state)
{
	nmi();
	assert_true(entered());
	for (unsigned int i = 0; i < 10; i++)
		nmi();
	run_iret();
	assert_true(entered());
	run_iret();
	assert_false(entered());
}

static void one_delivered_and_one_kept(void **state)
{
	for (unsigned int i = 0; i < 10; i++)
		nmi();
	assert_true(entered());
	nmi(); /* one is kept already */
	run_iret();
	assert_true(entered());
	run_iret();
	assert_false(entered());
}

static void the_iret_itself_runs_first(void **state)
{
	nmi();
	assert_true(entered());
	nmi();
	reach_iret(HANDLER_IRET);
	/* An exit in between (a page fault on its stack, say) leaves it where it was. */
	assert_false(entered());
	nmi();
	assert_false(entered());
	v.rip = PROGRAM;
	assert_true(entered());
}

/* In 16-bit code a handler may well be one IRET at offset 0. */
static void an_iret_at_zero_runs_first(void **state)
{
	nmi();
	assert_true(entered());
	nmi();
	reach_iret(0);
	v.rip = PROGRAM;
	assert_true(entered());
}

/* Other handlers may end with the same IRET instruction. */
static void later_the_same_iret_holds_nothing_up(void **state)
{
	nmi();
	assert_true(entered());
	run_iret();
	assert_false(entered());
	v.rip = HANDLER_IRET;
	nmi();
	assert_true(entered());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_iommu_reports_by_nmi, setup),
		cmocka_unit_test_setup(an_exit_without_an_nmi_is_nobodys, setup),
		cmocka_unit_test_setup(unexplained_is_the_guests, setup),
		cmocka_unit_test_setup(a_fault_is_ours, setup),
		cmocka_unit_test_setup(a_fault_beside_the_guests_own, setup),
		cmocka_unit_test_setup(a_fault_beside_the_chipsets, setup),
		cmocka_unit_test_setup(the_chipsets_is_the_guests, setup),
		cmocka_unit_test_setup(the_very_next_one_is_excused, setup),
		cmocka_unit_test_setup(the_guests_own_is_delivered_while_one_is_owed, setup),
		cmocka_unit_test_setup(an_excuse_does_not_hide_what_is_known, setup),
		cmocka_unit_test_setup(each_fault_excuses_one, setup),
		cmocka_unit_test_setup(one_at_a_time, setup),
		cmocka_unit_test_setup(hardware_keeps_one, setup),
		cmocka_unit_test_setup(one_delivered_and_one_kept, setup),
		cmocka_unit_test_setup(the_iret_itself_runs_first, setup),
		cmocka_unit_test_setup(an_iret_at_zero_runs_first, setup),
		cmocka_unit_test_setup(later_the_same_iret_holds_nothing_up, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
