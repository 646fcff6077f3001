/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's CPU after INIT and at the start-up interrupt, in its control block, whatever it did before. Values: AMD64 APM vol. 2, table
 * 14-1 (column INIT); CS:RIP of the start: 14.1.2, 15.26.1 (selector is the vector << 8, base << 12); fields: appendix B; attributes of
 * segments: 15.5.1 and 4.7 (type, S, P).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/cpu.h"
#include "arch/x86/nmi.h"
#include "arch/x86/svm/svm.h"

#define SIGNATURE 0x00a20f12u /* CPUID 1, EAX */
#define VECTOR 0x9au

static unsigned int debug_addresses_cleared, nmi_resets;

struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
	assert_int_equal(leaf, 1);
	return (struct cpuid_regs){ .eax = SIGNATURE, .ebx = ~0u, .ecx = ~0u, .edx = ~0u };
}

void clear_debug_addresses(void)
{
	debug_addresses_cleared++;
}

void nmi_reset(struct vcpu *v)
{
	nmi_resets++;
}

static struct vcpu v;
static struct vmcb vmcb, before;

/* A CPU in the middle of everything gets INIT, then a start-up interrupt. */
static int setup(void **state)
{
	memset(&v, 0xff, sizeof(v));
	v.exception = (struct vcpu_exception){ .pending = true, .vector = 14, .has_error_code = true };
	v.shutdown = v.retired = v.cr2_changed = true;
	v.index = 3;
	memset(&vmcb, 0xff, sizeof(vmcb));
	before = vmcb;
	debug_addresses_cleared = nmi_resets = 0;
	svm_init_vcpu(&v);
	svm_startup_vcpu(&v, VECTOR);
	svm_store_first_state(&v, &vmcb);
	return 0;
}

static void test_registers(void **state)
{
	for (unsigned int i = 0; i < X86_REGS; i++)
		assert_int_equal(v.reg[i], i == REG_RDX ? SIGNATURE : 0);
	assert_int_equal(v.rip, 0);
	assert_int_equal(v.rflags, 2);
	assert_int_equal(v.cr2, 0);
	assert_int_equal(v.efer, 0);
	assert_int_equal(vmcb.save.cr0 & ~0x60000000ull, 0x10); /* CD and NW: as they were, or clear */
	assert_int_equal(vmcb.save.cr3, 0);
	assert_int_equal(vmcb.save.cr4, 0);
	assert_int_equal(vmcb.save.cpl, 0);
	assert_int_equal(vmcb.save.dr6, 0xffff0ff0);
	assert_int_equal(vmcb.save.dr7, 0x400);
	assert_int_equal(debug_addresses_cleared, 1);
	assert_int_equal(v.pat, ~0ull); /* "other MSRs": not modified */
	assert_int_equal(v.index, 3);
}

static void expect_segment(const struct vmcb_segment *s, u16 selector, u64 base, u16 attributes)
{
	assert_int_equal(s->selector, selector);
	assert_int_equal(s->base, base);
	assert_int_equal(s->limit, 0xffff);
	assert_int_equal(s->attributes, attributes);
}

static void test_segments(void **state)
{
	const struct vmcb_save *s = &vmcb.save;

	expect_segment(&s->cs, 0x9a00, 0x9a000, 0x9b);
	expect_segment(&s->ds, 0, 0, 0x93);
	expect_segment(&s->es, 0, 0, 0x93);
	expect_segment(&s->ss, 0, 0, 0x93);
	expect_segment(&s->fs, 0, 0, 0x93);
	expect_segment(&s->gs, 0, 0, 0x93);
	expect_segment(&s->ldtr, 0, 0, 0x82);
	expect_segment(&s->tr, 0, 0, 0x8b);
	assert_int_equal(s->gdtr.base, 0);
	assert_int_equal(s->gdtr.limit, 0xffff);
	assert_int_equal(s->idtr.base, 0);
	assert_int_equal(s->idtr.limit, 0xffff);
}

/* System-call MSRs, and so on: INIT does not modify them. */
static void test_what_init_leaves_alone(void **state)
{
	assert_int_equal(vmcb.save.star, before.save.star);
	assert_int_equal(vmcb.save.lstar, before.save.lstar);
	assert_int_equal(vmcb.save.kernel_gs_base, before.save.kernel_gs_base);
	assert_int_equal(vmcb.save.sysenter_eip, before.save.sysenter_eip);
	assert_int_equal(vmcb.control.asid, before.control.asid);
	assert_int_equal(vmcb.control.nested_cr3, before.control.nested_cr3);
	assert_int_equal(vmcb.control.intercept_2, before.control.intercept_2);
}

/* No event on its way, no shadow, no translation, nothing that was owed to the CPU as it was. */
static void test_nothing_is_left(void **state)
{
	const u32 of_before = BIT32(20) | BIT32(24); /* IRET: an NMI was being handled; HLT: a wake was taken for it */

	assert_false(v.exception.pending);
	assert_false(v.shutdown);
	assert_false(v.retired);
	assert_false(v.cr2_changed);
	assert_true(nmi_resets > 0);
	assert_int_equal(vmcb.control.exit_interrupt_info, 0);
	assert_int_equal(vmcb.control.event_injection, 0);
	assert_int_equal(vmcb.control.interrupt_shadow, 0);
	assert_int_equal(vmcb.control.tlb_control, 1); /* 15.16.2: flush all */
	assert_int_equal(vmcb.control.intercept_1, before.control.intercept_1 & ~of_before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_registers, setup),
		cmocka_unit_test_setup(test_segments, setup),
		cmocka_unit_test_setup(test_what_init_leaves_alone, setup),
		cmocka_unit_test_setup(test_nothing_is_left, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
