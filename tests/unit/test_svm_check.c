/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The refusal of CPUs that cannot run Fairlead. QEMU has no firmware switch for SVM, so that one is proven here only.
 * AMD64 APM vol. 3, E.4.2 and E.4.9 (CPUID), vol. 2, 15.30.1 (VM_CR).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/cpu.h"
#include "arch/x86/svm/svm.h"
#include "core/errno.h"

static u32 ext_max, ext_ecx, svm_edx;
static u64 vm_cr;
static unsigned int msr_reads;

struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid_regs r = { 0 };

	if (leaf == 0x80000000)
		r.eax = ext_max;
	if (leaf == 0x80000001)
		r.ecx = ext_ecx;
	if (leaf == 0x8000000a)
		r.edx = svm_edx;
	return r;
}

u64 rdmsr(u32 msr)
{
	assert_int_equal(msr, 0xc0010114);
	assert_true(ext_ecx & 4); /* a CPU without SVM has no VM_CR: reading it would be #GP */
	msr_reads++;
	return vm_cr;
}

static int setup(void **state)
{
	ext_max = 0x8000001f;
	ext_ecx = 1u << 2;
	svm_edx = 1u << 0;
	vm_cr = 0;
	msr_reads = 0;
	return 0;
}

static void check(int expected, const char *named)
{
	char error[160] = "";

	assert_int_equal(svm_check(error, sizeof(error)), expected);
	if (named)
		assert_non_null(strstr(error, named));
	else
		assert_string_equal(error, "");
	assert_null(strchr(error, '\n'));
}

static void test_good_cpu(void **state)
{
	check(0, NULL);
	vm_cr = 1u << 3; /* LOCK alone is no obstacle */
	check(0, NULL);
}

static void test_no_svm(void **state)
{
	ext_ecx = ~(1u << 2);
	check(-EOPNOTSUPP, "no SVM");
	ext_ecx = 1u << 2;
	ext_max = 0x80000000; /* leaf 0x80000001 does not exist, whatever it returns */
	check(-EOPNOTSUPP, "no SVM");
	assert_int_equal(msr_reads, 0);
}

static void test_disabled_by_firmware(void **state)
{
	vm_cr = 1u << 4;
	check(-EOPNOTSUPP, "disabled by the firmware");
}

static void test_no_nested_paging(void **state)
{
	svm_edx = ~1u;
	check(-EOPNOTSUPP, "nested paging");
	svm_edx = 1;
	ext_max = 0x80000009;
	check(-EOPNOTSUPP, "nested paging");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_good_cpu, setup),
		cmocka_unit_test_setup(test_no_svm, setup),
		cmocka_unit_test_setup(test_disabled_by_firmware, setup),
		cmocka_unit_test_setup(test_no_nested_paging, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
