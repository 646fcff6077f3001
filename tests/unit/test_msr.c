/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MSR policy: what routes memory is never written, the permission map says what the table says, and the emulated registers take the
 * values that the manual allows (AMD64 APM vol. 2: 3.1.7 EFER, 7.7 MTRR, 7.8 PAT, 9.3 machine check, 15.11 permission map).
 */
#include "fake_x86.h"

#include "arch/x86/lapic.h"
#include "arch/x86/msr.h"
#include "core/vm.h"

#define MTRR_CAP 0xfe
#define MTRR_DEFAULT 0x2ff
#define EFER 0xc0000080
#define SVME BIT(12)
#define PAT_RESET 0x0007040600070406

/* lapic.c wants a guest; its part is tested in test_lapic.c. */
struct vm guest;

int vm_map_mmio(struct vm *vm, gpa_t gpa, paddr_t hpa, u64 size, unsigned int prot)
{
	return 0;
}

int vm_add_region(struct vm *vm, const struct vm_mmio_region *region)
{
	return 0;
}

/* Registers that decide where memory accesses go, run firmware, or belong to virtualization. */
static const u32 routing[] = {
	0xc0010010,					    /* SYSCFG */
	0xc0010015,					    /* HWCR */
	0xc0010016, 0xc0010017, 0xc0010018, 0xc0010019,	    /* IORR */
	0xc001001a, 0xc001001d,				    /* TOP_MEM, TOP_MEM2 */
	0xc001001f,					    /* NB_CFG */
	0xc0010020,					    /* microcode */
	0xc0010058,					    /* MMIO configuration base */
	0xc0010111, 0xc0010112, 0xc0010113, 0xc0010116,	    /* SMM */
	0xc0010114, 0xc0010115, 0xc0010117, 0xc0010118,	    /* VM_CR, IGNNE, VM_HSAVE_PA, SVM_KEY */
	0xc0010130, 0xc0010131,				    /* GHCB, SEV_STATUS */
	0x0000008b,					    /* PATCH_LEVEL */
	0x0000003a, 0x00000079, 0x00000480,		    /* Intel: FEATURE_CONTROL, microcode, VMX */
};

static struct vcpu cpu;
static unsigned int fake_family = 0x17;

static struct cpuid_regs family_cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid_regs r = { 0 };

	if (leaf == 1)
		r.eax = 0xf00 | (fake_family - 0xf) << 20;
	return r;
}

static int setup(void **state)
{
	memset(&cpu, 0, sizeof(cpu));
	cpu.pat = PAT_RESET;
	fake_msr_count = msr_writes_total = 0;
	fake_cpuid = family_cpuid;
	fake_log();
	for (u32 i = 0; i < ARRAY_SIZE(routing); i++)
		msr_set(routing[i], 0x1000 + i);
	msr_set(EFER, X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE | SVME)->reserved =
		~(u64)(BIT(0) | X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE | SVME | BIT(14));
	msr_set(MTRR_CAP, 0x508);
	msr_set(MTRR_DEFAULT, 0xc06);
	msr_set(0x200, 0x80000006);
	msr_set(0x201, 0xffff80000800);
	msr_set(0x250, 0x0606060606060606);
	msr_init();
	return 0;
}

static void memory_routing_is_never_written(void **state)
{
	static const u64 values[] = { 0, ~(u64)0, 0x1234000, BIT(12) };

	for (unsigned int i = 0; i < ARRAY_SIZE(routing); i++) {
		for (unsigned int j = 0; j < ARRAY_SIZE(values); j++)
			(void)!msr_write(&cpu, routing[i], values[j]);
		assert_int_equal(msr_find(routing[i])->value, 0x1000 + i);
	}
	assert_int_equal(msr_writes_total, 0);
}

static void ignored_writes_are_logged_once(void **state)
{
	assert_int_equal(msr_write(&cpu, 0xc001001a, 1), 0);
	log_lines = 0;
	assert_int_equal(msr_write(&cpu, 0xc001001a, 2), 0);
	assert_int_equal(log_lines, 0);
	assert_int_equal(msr_write(&cpu, 0xc0010016, 1), 0);
	/* The first test may have had this one logged already. */
	assert_true(log_lines <= 1);
}

static bool bit(const u8 *map, unsigned int n)
{
	return map[n / 8] >> (n % 8) & 1;
}

static void permission_map_agrees_with_the_table(void **state)
{
	static u8 map[MSR_BITMAP_SIZE];
	static const u32 first[] = { 0, 0xc0000000, 0xc0010000 };

	msr_bitmap_fill(map);
	for (unsigned int range = 0; range < 3; range++) {
		for (u32 i = 0; i < 0x2000; i++) {
			u32 msr = first[range] + i;
			unsigned int n = range * 0x800 * 8 + 2 * i;

			assert_int_equal(bit(map, n), msr_read_rule(msr) != MSR_PASSED);
			assert_int_equal(bit(map, n + 1), msr_write_rule(msr) != MSR_PASSED);
		}
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(routing); i++)
		assert_int_not_equal(msr_write_rule(routing[i]), MSR_PASSED);
	for (unsigned int i = 3 * 0x800; i < MSR_BITMAP_SIZE; i++)
		assert_int_equal(map[i], 0xff);
}

/* The state that world switches and the local APIC's fast path need must not exit. */
static void what_must_not_exit(void **state)
{
	static const u32 msrs[] = { 0x174, 0x175, 0x176, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101,
				    0xc0000102, 0xc0000103, 0x808, 0x80b, 0x838, 0x83e, 0x83f, 0x6e0, 0x48, 0x49 };

	for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++) {
		assert_int_equal(msr_read_rule(msrs[i]), MSR_PASSED);
		assert_int_equal(msr_write_rule(msrs[i]), MSR_PASSED);
	}
}

static void what_must_exit_on_write(void **state)
{
	static const u32 msrs[] = { 0x10, 0x1b, 0x82f, 0x830, 0x832, 0x833, 0x834, 0x835, 0x836, 0x837, 0x850, 0x853, EFER,
				    MTRR_DEFAULT, 0x200, 0x20f, 0x250, 0x26f };

	for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++)
		assert_int_not_equal(msr_write_rule(msrs[i]), MSR_PASSED);
}

static void unknown_registers_raise_gp(void **state)
{
	static const u32 msrs[] = { 0x1, 0x3a, 0x79, 0x480, 0xc0010117, 0xc0010130, 0xc0011030, 0x40000000, 0x4b564d00, 0xffffffff };
	u64 value;

	for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++) {
		msr_set(msrs[i], 1);
		assert_int_equal(msr_read(&cpu, msrs[i], &value), -EPERM);
		assert_int_equal(msr_write(&cpu, msrs[i], 0), -EPERM);
	}
}

static void real_reads_survive_a_missing_register(void **state)
{
	u64 value = 0;

	msr_set(0xc0010015, 0x1000000);
	assert_int_equal(msr_read(&cpu, 0xc0010015, &value), 0);
	assert_int_equal(value, 0x1000000);
	assert_int_equal(msr_read(&cpu, 0xc0010140, &value), -EPERM); /* this CPU has none */
}

/* ---- EFER --------------------------------------------------------------------------------------------------------- */

static void efer_hides_svm(void **state)
{
	u64 value;

	cpu.efer = X86_EFER_LME | X86_EFER_LMA;
	cpu.cr0 = X86_CR0_PE | X86_CR0_PG;
	assert_int_equal(msr_read(&cpu, EFER, &value), 0);
	assert_int_equal(value, X86_EFER_LME | X86_EFER_LMA);
	assert_int_equal(msr_write(&cpu, EFER, value | SVME), -EPERM);
	assert_int_equal(cpu.efer, X86_EFER_LME | X86_EFER_LMA);
	assert_int_equal(msr_find(EFER)->value & SVME, SVME);
}

static void efer_takes_its_bits(void **state)
{
	cpu.efer = X86_EFER_LME | X86_EFER_LMA;
	cpu.cr0 = X86_CR0_PE | X86_CR0_PG;
	assert_int_equal(msr_write(&cpu, EFER, X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE | BIT(0)), 0);
	assert_int_equal(cpu.efer, X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE | BIT(0));
	/* LMA is the CPU's to set. */
	assert_int_equal(msr_write(&cpu, EFER, X86_EFER_LME), 0);
	assert_int_equal(cpu.efer, X86_EFER_LME | X86_EFER_LMA);
	assert_int_equal(msr_find(EFER)->value, X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE | SVME);
}

static void efer_refuses_reserved_and_missing_bits(void **state)
{
	static const unsigned int bits[] = { 1, 2, 7, 9, 13 /* LMSLE */, 15 /* TCE: not in this CPU */, 16, 19, 22, 63 };

	for (unsigned int i = 0; i < ARRAY_SIZE(bits); i++)
		assert_int_equal(msr_write(&cpu, EFER, BIT(bits[i])), -EPERM);
	assert_int_equal(cpu.efer, 0);
	assert_int_equal(msr_write(&cpu, EFER, BIT(14)), 0); /* FFXSR: this CPU has it */
}

static void efer_lme_does_not_change_under_paging(void **state)
{
	cpu.cr0 = X86_CR0_PE | X86_CR0_PG;
	assert_int_equal(msr_write(&cpu, EFER, X86_EFER_LME), -EPERM);
	cpu.efer = X86_EFER_LME | X86_EFER_LMA;
	assert_int_equal(msr_write(&cpu, EFER, 0), -EPERM);
	cpu.cr0 = X86_CR0_PE;
	cpu.efer = 0;
	assert_int_equal(msr_write(&cpu, EFER, X86_EFER_LME), 0);
	assert_int_equal(cpu.efer, X86_EFER_LME);
}

/* ---- memory types ------------------------------------------------------------------------------------------------- */

static void mtrrs_are_a_shadow(void **state)
{
	u64 value;

	assert_int_equal(msr_read(&cpu, MTRR_CAP, &value), 0);
	assert_int_equal(value, 0x508);
	assert_int_equal(msr_write(&cpu, MTRR_CAP, 0), -EPERM);
	assert_int_equal(msr_read(&cpu, 0x200, &value), 0);
	assert_int_equal(value, 0x80000006);
	assert_int_equal(msr_write(&cpu, 0x200, 0xc0000000), 0);
	assert_int_equal(msr_read(&cpu, 0x200, &value), 0);
	assert_int_equal(value, 0xc0000000);
	assert_int_equal(msr_write(&cpu, MTRR_DEFAULT, 0), 0);
	assert_int_equal(msr_read(&cpu, MTRR_DEFAULT, &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(msr_find(0x200)->value, 0x80000006);
	assert_int_equal(msr_find(MTRR_DEFAULT)->value, 0xc06);
	assert_int_equal(msr_writes_total, 0);
}

static void memory_types_are_checked(void **state)
{
	for (u64 type = 0; type < 256; type++) {
		bool valid = type == 0 || type == 1 || (type >= 4 && type <= 6);
		int expected = valid ? 0 : -EPERM;

		assert_int_equal(msr_write(&cpu, 0x200, type), expected);
		assert_int_equal(msr_write(&cpu, MTRR_DEFAULT, type), expected);
		for (unsigned int i = 0; i < 8; i++)
			assert_int_equal(msr_write(&cpu, 0x26f, type << (8 * i)), expected);
	}
}

static void pat_is_the_guests_and_checked(void **state)
{
	u64 value;

	assert_int_equal(msr_read(&cpu, 0x277, &value), 0);
	assert_int_equal(value, PAT_RESET);
	for (u64 type = 0; type < 256; type++) {
		bool valid = type == 0 || type == 1 || (type >= 4 && type <= 7);

		for (unsigned int i = 0; i < 8; i++)
			assert_int_equal(msr_write(&cpu, 0x277, type << (8 * i)), valid ? 0 : -EPERM);
	}
	assert_int_equal(msr_write(&cpu, 0x277, 0x0407050600070106), 0);
	assert_int_equal(cpu.pat, 0x0407050600070106);
	assert_int_equal(msr_write(&cpu, 0x277, 2), -EPERM);
	assert_int_equal(cpu.pat, 0x0407050600070106);
	assert_int_equal(msr_writes_total, 0);
}

/* ---- the rest ----------------------------------------------------------------------------------------------------- */

static void machine_check_status_is_only_cleared(void **state)
{
	msr_set(0x401, BIT(63) | 5);
	msr_set(0x403, BIT(62));
	msr_set(0x400, 0);
	assert_int_equal(msr_write(&cpu, 0x401, 1), -EPERM);
	assert_int_equal(msr_find(0x401)->value, BIT(63) | 5);
	assert_int_equal(msr_write(&cpu, 0x401, 0), 0);
	assert_int_equal(msr_find(0x401)->value, 0);
	assert_int_equal(msr_write(&cpu, 0x400, ~(u64)0), 0);
	assert_int_equal(msr_find(0x400)->value, ~(u64)0);
	/* The error counter's interrupt type could be SMI: kept, without #GP. */
	assert_int_equal(msr_write(&cpu, 0x403, ~(u64)0), 0);
	assert_int_equal(msr_find(0x403)->value, BIT(62));
	assert_int_equal(msr_write(&cpu, 0x47d, 0), -EPERM); /* a bank that is not there */
}

static void workaround_bits_pass_alone(void **state)
{
	msr_set(0xc0011029, 0x100);
	assert_int_equal(msr_write(&cpu, 0xc0011029, ~(u64)0), 0);
	assert_int_equal(msr_find(0xc0011029)->value, 0x100 | BIT(1) | BIT(9));
	msr_set(0xc0011020, 0x4000);
	assert_int_equal(msr_write(&cpu, 0xc0011020, ~(u64)0), 0);
	assert_int_equal(msr_find(0xc0011020)->value, 0x4000 | BIT(10));
	assert_int_equal(msr_write(&cpu, 0xc0011020, 0), 0);
	assert_int_equal(msr_find(0xc0011020)->value, 0x4000);
	fake_family = 0x19; /* no such bit there */
	assert_int_equal(msr_write(&cpu, 0xc0011020, ~(u64)0), 0);
	fake_family = 0x17;
	assert_int_equal(msr_find(0xc0011020)->value, 0x4000);
	fake_msr_count = 0; /* a CPU without them */
	assert_int_equal(msr_write(&cpu, 0xc0011029, 0), -EPERM);
}

static void tsc_is_not_written(void **state)
{
	msr_set(0x10, 12345);
	assert_int_equal(msr_write(&cpu, 0x10, 0), 0);
	assert_int_equal(msr_find(0x10)->value, 12345);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(memory_routing_is_never_written, setup),
		cmocka_unit_test_setup(ignored_writes_are_logged_once, setup),
		cmocka_unit_test_setup(permission_map_agrees_with_the_table, setup),
		cmocka_unit_test_setup(what_must_not_exit, setup),
		cmocka_unit_test_setup(what_must_exit_on_write, setup),
		cmocka_unit_test_setup(unknown_registers_raise_gp, setup),
		cmocka_unit_test_setup(real_reads_survive_a_missing_register, setup),
		cmocka_unit_test_setup(efer_hides_svm, setup),
		cmocka_unit_test_setup(efer_takes_its_bits, setup),
		cmocka_unit_test_setup(efer_refuses_reserved_and_missing_bits, setup),
		cmocka_unit_test_setup(efer_lme_does_not_change_under_paging, setup),
		cmocka_unit_test_setup(mtrrs_are_a_shadow, setup),
		cmocka_unit_test_setup(memory_types_are_checked, setup),
		cmocka_unit_test_setup(pat_is_the_guests_and_checked, setup),
		cmocka_unit_test_setup(machine_check_status_is_only_cleared, setup),
		cmocka_unit_test_setup(workaround_bits_pass_alone, setup),
		cmocka_unit_test_setup(tsc_is_not_written, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
