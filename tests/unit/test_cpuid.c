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
	r = guest_cpuid(0x40000001, 0);
	assert_int_equal(r.eax, BIT32(7)); /* KVM_FEATURE_PV_UNHALT */
	assert_int_equal(r.ebx | r.ecx, 0);
	assert_int_equal(r.edx, BIT32(0)); /* KVM_HINTS_REALTIME */
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

/* A register's own value for each leaf, subleaf and register: a value that is another's does not pass. */
static struct cpuid_regs telling_cpu(u32 leaf, u32 subleaf)
{
	u32 tag = (leaf & 0x3f) << 16 | (leaf >> 28) << 24 | subleaf << 8 | 0xf000000f;

	if (leaf == 0 || leaf == 0x80000000)
		return full_cpu(leaf, subleaf);
	return (struct cpuid_regs){ tag | 0x10, tag | 0x20, tag | 0x40, tag | 0x80 };
}

/* Where the CPU is among the others: as it says itself, each register of each level. */
static void topology_is_the_cpus_own(void **state)
{
	static const struct {
		u32 leaf, levels;
	} topology[] = { { 4, 8 }, { 0xb, 4 }, { 0x1f, 8 }, { 0x8000001d, 8 }, { 0x8000001e, 1 }, { 0x80000026, 6 } };

	fake_cpuid = telling_cpu;
	for (unsigned int i = 0; i < ARRAY_SIZE(topology); i++) {
		for (u32 level = 0; level < topology[i].levels; level++) {
			struct cpuid_regs guests = guest_cpuid(topology[i].leaf, level);
			struct cpuid_regs cpus = telling_cpu(topology[i].leaf, level);

			assert_memory_equal(&guests, &cpus, sizeof(cpus));
		}
	}
	assert_int_equal(guest_cpuid(1, 0).ebx, telling_cpu(1, 0).ebx); /* initial APIC ID 31:24, logical CPUs 23:16 */
	assert_int_equal(guest_cpuid(0x80000008, 0).ecx, telling_cpu(0x80000008, 0).ecx); /* APIC ID bits 15:12, CPUs - 1 */
	fake_cpuid = full_cpu;
	assert_int_equal(guest_cpuid(1, 0).ebx, ONES);
	assert_int_equal(guest_cpuid(0x80000008, 0).ecx, ONES);
	assert_int_equal(guest_cpuid(1, 0).edx & BIT32(28), BIT32(28)); /* HTT: EBX 23:16 is valid */
	assert_int_equal(guest_cpuid(0x80000001, 0).ecx & BIT32(22), BIT32(22)); /* TopologyExtensions: 8000001D, 8000001E */
	fake_cpuid = no_features;
	assert_int_equal(guest_cpuid(1, 0).ebx, 0);
	assert_zero(0xb);
}

/* Several CPUs have one time only if nobody sets it on one of them: the counter's features are shown, the means to adjust it is not. */
static void clocks_of_several_cpus(void **state)
{
	assert_int_equal(guest_cpuid(1, 0).edx & BIT32(4), BIT32(4));		/* TSC */
	assert_int_equal(guest_cpuid(0x80000007, 0).edx & BIT32(8), BIT32(8));	/* invariant */
	assert_int_equal(guest_cpuid(0x80000001, 0).edx & BIT32(27), BIT32(27)); /* RDTSCP */
	assert_int_equal(guest_cpuid(7, 0).ebx & BIT32(1), 0);			/* TSC_ADJUST */
}

/* 80000008 EBX: IRPERF 1, INVLPGB 3 (broadcast: with our ASIDs), CPPC 27 need registers and controls that the guest does not have. */
static void features_of_80000008(void **state)
{
	assert_int_equal(guest_cpuid(0x80000008, 0).ebx, ONES & ~(BIT32(1) | BIT32(3) | BIT32(27)));
	fake_cpuid = no_features;
	assert_int_equal(guest_cpuid(0x80000008, 0).ebx, BIT32(20));
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
		cmocka_unit_test_setup(topology_is_the_cpus_own, setup),
		cmocka_unit_test_setup(clocks_of_several_cpus, setup),
		cmocka_unit_test_setup(features_of_80000008, setup),
		cmocka_unit_test_setup(xsetbv, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
