/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest sees of a CPU that has everything, and of one that has little (AMD64 APM vol. 3, appendix E; vol. 2, 11.5.2).
 */
#include "fake_x86.h"

#include "arch/x86/cpuid.h"

#define MAX_BASIC 0x1fu
#define MAX_EXTENDED 0x80000026u
#define ONES 0xffffffffu

static u32 max_basic, max_extended;

/* Every feature bit set; beyond the maximum another leaf's data, as some CPUs and emulators have it. */
static struct cpuid_regs full_cpu(u32 leaf, u32 subleaf)
{
	if (leaf == 0)
		return (struct cpuid_regs){ max_basic, 0x68747541, 0x444d4163, 0x69746e65 };
	if (leaf == 0x80000000)
		return (struct cpuid_regs){ max_extended, 0, 0, 0 };
	return (struct cpuid_regs){ ONES, ONES, ONES, ONES };
}

static struct cpuid_regs no_features(u32 leaf, u32 subleaf)
{
	struct cpuid_regs r = full_cpu(leaf, subleaf);

	return leaf == 0 || leaf == 0x80000000 ? r : (struct cpuid_regs){ 0 };
}

static struct vcpu cpu;

static struct cpuid_regs guest_cpuid(u32 leaf, u32 subleaf)
{
	/* The upper halves are ignored, and cleared. */
	cpu.reg[REG_RAX] = 0xdead00000000 | leaf;
	cpu.reg[REG_RCX] = 0xdead00000000 | subleaf;
	cpu.reg[REG_RBX] = cpu.reg[REG_RDX] = ~(u64)0;
	cpuid_emulate(&cpu);
	assert_int_equal((cpu.reg[REG_RAX] | cpu.reg[REG_RBX] | cpu.reg[REG_RCX] | cpu.reg[REG_RDX]) >> 32, 0);
	return (struct cpuid_regs){ (u32)cpu.reg[REG_RAX], (u32)cpu.reg[REG_RBX], (u32)cpu.reg[REG_RCX], (u32)cpu.reg[REG_RDX] };
}

static void assert_zero(u32 leaf)
{
	struct cpuid_regs r = guest_cpuid(leaf, 0);

	assert_int_equal(r.eax | r.ebx | r.ecx | r.edx, 0);
}

static int setup(void **state)
{
	memset(&cpu, 0, sizeof(cpu));
	max_basic = MAX_BASIC;
	max_extended = MAX_EXTENDED;
	fake_cpuid = full_cpu;
	return 0;
}

static void virtualization_is_hidden(void **state)
{
	assert_int_equal(guest_cpuid(0x80000001, 0).ecx & (BIT32(2) | BIT32(12)), 0); /* SVM, SKINIT */
	assert_int_equal(guest_cpuid(1, 0).ecx & (BIT32(5) | BIT32(6)), 0);	      /* VMX, SMX */
	assert_zero(0x8000000a);						      /* SVM's own leaf */
	assert_zero(0x8000001f);						      /* memory encryption */
}

static void monitor_is_hidden(void **state)
{
	assert_int_equal(guest_cpuid(1, 0).ecx & BIT32(3), 0);
	assert_int_equal(guest_cpuid(0x80000001, 0).ecx & BIT32(29), 0);
	assert_zero(5);
}

/* What has MSRs that the policy refuses must not be offered. */
static void features_with_refused_msrs_are_hidden(void **state)
{
	struct cpuid_regs seven = guest_cpuid(7, 0);

	assert_int_equal(guest_cpuid(0x80000001, 0).ecx & (BIT32(10) | BIT32(15)), 0); /* IBS, LWP */
	assert_zero(0x8000001b);
	assert_zero(0x8000001c);
	assert_int_equal(seven.ebx & (BIT32(1) | BIT32(2) | BIT32(12) | BIT32(15) | BIT32(25)), 0);
	assert_int_equal(seven.ecx & (BIT32(5) | BIT32(7)), 0);
	assert_int_equal(seven.edx & BIT32(20), 0);
	assert_int_equal(guest_cpuid(0x80000008, 0).ebx & BIT32(20), BIT32(20)); /* EFER.LMSLE is not supported */
}

static void the_rest_passes(void **state)
{
	assert_int_equal(guest_cpuid(1, 0).edx, ONES);
	assert_int_equal(guest_cpuid(1, 0).ecx & BIT32(21), BIT32(21)); /* x2APIC */
	assert_int_equal(guest_cpuid(0x80000001, 0).edx, ONES);
	assert_int_equal(guest_cpuid(0xd, 0).ebx, ONES);
	assert_int_equal(guest_cpuid(0x80000008, 0).eax, ONES);
}

static void nothing_is_invented(void **state)
{
	fake_cpuid = no_features;
	assert_int_equal(guest_cpuid(1, 0).ecx, BIT32(31));
	assert_int_equal(guest_cpuid(1, 0).edx, 0);
	assert_zero(7);
	assert_zero(0x80000001);
}

static void bits_that_follow_cr4(void **state)
{
	fake_cpuid = no_features;
	cpu.cr4 = X86_CR4_OSXSAVE;
	assert_int_equal(guest_cpuid(1, 0).ecx & BIT32(27), BIT32(27));
	assert_int_equal(guest_cpuid(7, 0).ecx & BIT32(4), 0);
	fake_cpuid = full_cpu;
	cpu.cr4 = X86_CR4_PKE;
	assert_int_equal(guest_cpuid(1, 0).ecx & BIT32(27), 0);
	assert_int_equal(guest_cpuid(7, 0).ecx & BIT32(4), BIT32(4));
}

static void hypervisor_leaves(void **state)
{
	struct cpuid_regs r = guest_cpuid(0x40000000, 0);

	assert_int_equal(guest_cpuid(1, 0).ecx & BIT32(31), BIT32(31));
	assert_int_equal(r.eax, 0x40000001);
	assert_memory_equal(&r.ebx, "KVMK", 4);
	assert_memory_equal(&r.ecx, "VMKV", 4);
	assert_memory_equal(&r.edx, "M\0\0\0", 4);
	assert_zero(0x40000001);
	assert_zero(0x40000002);
	assert_zero(0x40000100);
	assert_zero(0x7fffffff);
}

static void beyond_the_maximum_is_zero(void **state)
{
	static const u32 leaves[] = { MAX_BASIC + 1, 0x3fffffff, MAX_EXTENDED + 1, 0xc0000000, 0xffffffff };

	for (unsigned int i = 0; i < ARRAY_SIZE(leaves); i++)
		assert_zero(leaves[i]);
	max_basic = 1;
	max_extended = 0x80000001;
	assert_zero(7);
	assert_zero(0x80000008);
}

static void one_cpu(void **state)
{
	assert_int_equal(guest_cpuid(1, 0).ebx >> 16 & 0xff, 1);
	assert_int_equal(guest_cpuid(1, 0).ebx >> 24, 0xff); /* the APIC ID is real */
	assert_int_equal(guest_cpuid(4, 0).eax >> 14, 0);
	assert_int_equal(guest_cpuid(0x8000001d, 0).eax >> 14 & 0xfff, 0);
	assert_int_equal(guest_cpuid(0x80000008, 0).ecx & 0xff, 0);
	assert_int_equal(guest_cpuid(0x8000001e, 0).ebx >> 8 & 0xff, 0);
	for (u32 level = 0; level < 2; level++) {
		assert_int_equal(guest_cpuid(0xb, level).eax, 0);
		assert_int_equal(guest_cpuid(0xb, level).ebx, 1);
		assert_int_equal(guest_cpuid(0xb, level).edx, ONES);
	}
}

/* ---- XSETBV ------------------------------------------------------------------------------------------------------- */

static u64 xcr0;

/* Bit 0 must be set, AVX needs SSE, and this CPU has x87, SSE and AVX only. */
static int hardware_xsetbv(u32 index, u64 value)
{
	if (index || (value & ~(u64)7) || !(value & 1) || ((value & 4) && !(value & 2)))
		return -EFAULT;
	xcr0 = value;
	return 0;
}

static void xsetbv(void **state)
{
	fake_xsetbv = hardware_xsetbv;
	xcr0 = 1;
	assert_int_equal(xsetbv_emulate(&cpu, 0, 7), -EPERM); /* CR4.OSXSAVE is clear */
	cpu.cr4 = X86_CR4_OSXSAVE;
	assert_int_equal(xsetbv_emulate(&cpu, 0, 7), 0);
	assert_int_equal(xcr0, 7);
	assert_int_equal(xsetbv_emulate(&cpu, 0, 6), -EPERM);
	assert_int_equal(xsetbv_emulate(&cpu, 0, 5), -EPERM);
	assert_int_equal(xsetbv_emulate(&cpu, 0, 0), -EPERM);
	assert_int_equal(xsetbv_emulate(&cpu, 0, 0xe7), -EPERM);
	assert_int_equal(xsetbv_emulate(&cpu, 1, 1), -EPERM);
	cpu.cpl = 3;
	assert_int_equal(xsetbv_emulate(&cpu, 0, 3), -EPERM);
	assert_int_equal(xcr0, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(virtualization_is_hidden, setup),
		cmocka_unit_test_setup(monitor_is_hidden, setup),
		cmocka_unit_test_setup(features_with_refused_msrs_are_hidden, setup),
		cmocka_unit_test_setup(the_rest_passes, setup),
		cmocka_unit_test_setup(nothing_is_invented, setup),
		cmocka_unit_test_setup(bits_that_follow_cr4, setup),
		cmocka_unit_test_setup(hypervisor_leaves, setup),
		cmocka_unit_test_setup(beyond_the_maximum_is_zero, setup),
		cmocka_unit_test_setup(one_cpu, setup),
		cmocka_unit_test_setup(xsetbv, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
