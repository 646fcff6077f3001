/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event injection, with constants of its own from AMD64 APM vol. 2: EXITINTINFO 15.7.2, EVENTINJ 15.20 (bit 31 valid, 11 error code valid,
 * 10:8 type: 0 interrupt, 2 NMI, 3 exception, 4 software interrupt; 7:0 vector; 63:32 error code).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/nmi.h"
#include "arch/x86/svm/svm.h"
#include "arch/x86/vcpu_request.h"
#include "core/counters.h"

#define V 0x80000000ull
#define HAS_ERROR 0x800ull
#define INTERRUPT(vector) (V | (vector))
#define NMI (V | 0x200 | 2)
#define EXCEPTION(vector) (V | 0x300 | (vector))
#define SOFTWARE(vector) (V | 0x400 | (vector))

static bool nmi_waits;
static unsigned int nmis_taken;

bool nmi_take(struct vcpu *v)
{
	if (!nmi_waits)
		return false;
	nmi_waits = false;
	nmis_taken++;
	v->nmi_blocked = true;
	return true;
}

static struct vcpu v;
static struct vmcb vmcb;

static int setup(void **state)
{
	memset(&v, 0, sizeof(v));
	memset(&vmcb, 0, sizeof(vmcb));
	vmcb.control.event_injection = 0xdead; /* of the entry before: must not be injected again */
	nmi_waits = false;
	nmis_taken = 0;
	return 0;
}

static u64 chosen(u64 interrupted)
{
	vmcb.control.exit_interrupt_info = interrupted;
	svm_choose_event(&v, &vmcb);
	return vmcb.control.event_injection;
}

static void test_nothing_to_inject(void **state)
{
	assert_int_equal(chosen(0), 0);
	assert_int_equal(chosen(0x30), 0); /* the valid bit decides */
}

static void test_interrupted_events_are_injected_again(void **state)
{
	static const u64 again[] = {
		INTERRUPT(0x20), INTERRUPT(0xff), NMI, EXCEPTION(1), EXCEPTION(13) | HAS_ERROR | 0x1234ull << 32,
		EXCEPTION(14) | HAS_ERROR | 0x6ull << 32,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(again); i++)
		assert_int_equal(chosen(again[i]), again[i]);
}

static void test_software_events_run_again_by_themselves(void **state)
{
	assert_int_equal(chosen(SOFTWARE(0x80)), 0);
	assert_int_equal(chosen(SOFTWARE(3)), 0);
	assert_int_equal(chosen(EXCEPTION(3)), 0); /* INT3 */
	assert_int_equal(chosen(EXCEPTION(4)), 0); /* INTO */
}

static void test_handlers_exception(void **state)
{
	vcpu_raise_error(&v, X86_VEC_GP, 0);
	assert_int_equal(chosen(0), EXCEPTION(13) | HAS_ERROR);
	assert_false(v.exception.pending); /* once */
	assert_int_equal(chosen(0), 0);
	vcpu_raise(&v, X86_VEC_UD);
	assert_int_equal(chosen(0), EXCEPTION(6));
	vcpu_raise_error(&v, X86_VEC_PF, 0x15);
	assert_int_equal(chosen(0), EXCEPTION(14) | HAS_ERROR | 0x15ull << 32);
}

static void test_exception_comes_before_the_interrupted_event(void **state)
{
	vcpu_raise_error(&v, X86_VEC_DF, 0);
	assert_int_equal(chosen(INTERRUPT(0x31)), EXCEPTION(8) | HAS_ERROR);
}

static void test_nmi_waits_for_its_turn(void **state)
{
	nmi_waits = true;
	assert_int_equal(chosen(INTERRUPT(0x31)), INTERRUPT(0x31));
	assert_int_equal(nmis_taken, 0);
	vcpu_raise(&v, X86_VEC_UD);
	assert_int_equal(chosen(0), EXCEPTION(6));
	assert_int_equal(nmis_taken, 0);
	assert_int_equal(chosen(0), NMI);
	assert_int_equal(nmis_taken, 1);
	assert_int_equal(chosen(0), 0);
}

static void test_iret_is_watched_during_an_nmi(void **state)
{
	const u32 iret = 1u << 20; /* offset 0Ch, bit 20 */

	vmcb.control.intercept_1 = 0x5;
	nmi_waits = true;
	(void)chosen(0);
	assert_int_equal(vmcb.control.intercept_1, 0x5 | iret);
	v.nmi_blocked = false; /* the IRET exit said so */
	(void)chosen(0);
	assert_int_equal(vmcb.control.intercept_1, 0x5);
}

/* Who was woken does not halt the next time: that HLT is intercepted; once, by the CPU that was meant, and not given up by other exits. */
static void test_hlt_is_watched_after_a_wake(void **state)
{
	const u32 hlt = 1u << 24; /* offset 0Ch, bit 24 */

	vmcb.control.intercept_1 = 0x5;
	(void)chosen(0);
	assert_int_equal(vmcb.control.intercept_1, 0x5);
	vcpu_request_wake(0); /* this one */
	(void)chosen(0);
	assert_int_equal(vmcb.control.intercept_1, 0x5 | hlt);
	(void)chosen(0);
	assert_int_equal(vmcb.control.intercept_1, 0x5 | hlt);
	vmcb.control.intercept_1 &= ~hlt; /* the HLT came */
	(void)chosen(0);
	assert_int_equal(vmcb.control.intercept_1, 0x5);
	vcpu_request_wake(1);
	(void)chosen(0);
	assert_int_equal(vmcb.control.intercept_1, 0x5);
}

/* What Fairlead gives, not what it gives back. */
static void test_injections_are_counted(void **state)
{
	struct counters_snapshot before, after;

	(void)counters_get(0, &before);
	(void)chosen(0);
	(void)chosen(INTERRUPT(0x31));
	(void)chosen(NMI);
	vcpu_raise(&v, X86_VEC_UD);
	(void)chosen(0);
	vcpu_raise(&v, X86_VEC_UD);
	(void)chosen(INTERRUPT(0x31));
	nmi_waits = true;
	(void)chosen(0);
	(void)counters_get(0, &after);
	assert_int_equal(after.event[COUNT_INJECTED_EXCEPTION] - before.event[COUNT_INJECTED_EXCEPTION], 2);
	assert_int_equal(after.event[COUNT_INJECTED_NMI] - before.event[COUNT_INJECTED_NMI], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing_to_inject, setup),
		cmocka_unit_test_setup(test_interrupted_events_are_injected_again, setup),
		cmocka_unit_test_setup(test_software_events_run_again_by_themselves, setup),
		cmocka_unit_test_setup(test_handlers_exception, setup),
		cmocka_unit_test_setup(test_exception_comes_before_the_interrupted_event, setup),
		cmocka_unit_test_setup(test_nmi_waits_for_its_turn, setup),
		cmocka_unit_test_setup(test_iret_is_watched_during_an_nmi, setup),
		cmocka_unit_test_setup(test_hlt_is_watched_after_a_wake, setup),
		cmocka_unit_test_setup(test_injections_are_counted, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
