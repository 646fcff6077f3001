/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which overflow of a performance counter explains an NMI. Expectations: AMD64 APM vol. 2, 13.2.1 (PerfEvtSeln bit 20 INT, bit 22 EN; 48
 * bits; C001_0000-7, C001_0200-B) and 13.2.2 (version 2: C000_0300), 16.4 (vector table: bits 10:8 delivery mode, bit 16 mask);
 * vol. 3, E.4.2 and E.4.22 (CPUID).
 */
#include "fake_x86.h"

#include "arch/x86/lapic.h"
#include "arch/x86/pmu.h"
#include "core/mmio.h"

#define APIC_PAGE 0xfee00000u
#define LVT_COUNTERS 0x340u
#define LVT_LINT1 0x360u
#define NMI_MODE 0x400u
#define MASKED BIT32(16)

#define EN BIT(22)
#define INT BIT(20)
#define TOP BIT(47)
#define STATUS 0xc0000300u

static u32 ext_max, ecx_features, perf_eax, perf_ebx;
static u32 reg[PAGE_SIZE / 16];

static struct cpuid_regs leaves(u32 leaf, u32 subleaf)
{
	struct cpuid_regs r = { 0 };

	if (leaf == 0x80000000u)
		r.eax = ext_max;
	else if (leaf == 0x80000001u)
		r.ecx = ecx_features;
	else if (leaf == 0x80000022u && leaf <= ext_max)
		r = (struct cpuid_regs){ perf_eax, perf_ebx, 0, 0 };
	else
		fail_msg("CPUID %x", leaf);
	return r;
}

static bool page_read(const volatile void *addr, unsigned int size, u64 *value)
{
	*value = reg[(virt_to_phys(addr) - APIC_PAGE) / 16];
	return true;
}

static bool page_write(volatile void *addr, unsigned int size, u64 value)
{
	return true; /* commands: not looked at here */
}

/* Where control and counter n are. */
enum { LEGACY, EXTENDED };
static u32 control(int kind, unsigned int n)
{
	return kind == EXTENDED ? 0xc0010200u + 2 * n : 0xc0010000u + n;
}

static u32 counter(int kind, unsigned int n)
{
	return kind == EXTENDED ? 0xc0010201u + 2 * n : 0xc0010004u + n;
}

/* Counters that count and have not overflowed; `status`: there is version 2. */
static void machine(int kind, unsigned int count, bool status)
{
	fake_msr_count = 0;
	fake_cpuid = leaves;
	ext_max = status ? 0x80000022u : 0x8000001eu;
	ecx_features = kind == EXTENDED ? BIT32(23) : 0;
	perf_eax = status;
	perf_ebx = status ? 0xfffffff0u | count : 0;
	for (unsigned int n = 0; n < count; n++) {
		msr_set(control(kind, n), EN | INT | 0x76);
		msr_set(counter(kind, n), TOP | 5);
	}
	if (status)
		msr_set(STATUS, 0);
	msr_set(MSR_APIC_BASE, APIC_PAGE | BIT(11) | BIT(10) | BIT(8));
	msr_set(0x802, 0);
	msr_set(0x803, 0x50014);
	msr_set(MSR_X2APIC_ICR, 0);
	msr_set(0x834, NMI_MODE);
	lapic_park_other_cpus();
}

static void each_counter_is_asked(void **state)
{
	static const struct {
		int kind;
		unsigned int count;
		bool status;
	} machines[] = { { LEGACY, 4, false }, { EXTENDED, 6, false }, { EXTENDED, 6, true }, { EXTENDED, 2, true } };

	for (unsigned int i = 0; i < ARRAY_SIZE(machines); i++) {
		int kind = machines[i].kind;

		machine(kind, machines[i].count, machines[i].status);
		assert_false(pmu_overflowed());
		for (unsigned int n = 0; n < machines[i].count; n++) {
			if (machines[i].status)
				msr_set(STATUS, BIT(n));
			msr_set(counter(kind, n), 5);
			assert_true(pmu_overflowed());
			msr_set(counter(kind, n), TOP);
			assert_false(pmu_overflowed());
		}
	}
}

/* One that does not count, or tells nobody, may well be below the top bit: the NMI is not its. */
static void one_that_reports_nothing(void **state)
{
	static const u64 controls[] = { 0, EN, INT, ~(EN | INT), ~EN, ~INT };

	for (int kind = LEGACY; kind <= EXTENDED; kind++) {
		machine(kind, 4, false);
		for (unsigned int i = 0; i < ARRAY_SIZE(controls); i++) {
			msr_set(control(kind, 1), controls[i]);
			msr_set(counter(kind, 1), 5);
			assert_false(pmu_overflowed());
		}
		msr_set(control(kind, 1), EN | INT);
		assert_true(pmu_overflowed());
	}
}

/* All other bits are the count. */
static void only_the_top_bit_counts(void **state)
{
	machine(EXTENDED, 6, false);
	msr_set(counter(EXTENDED, 3), TOP);
	assert_false(pmu_overflowed());
	msr_set(counter(EXTENDED, 3), TOP - 1);
	assert_true(pmu_overflowed());
	msr_set(counter(EXTENDED, 3), ~TOP);
	assert_true(pmu_overflowed());
}

/* Version 2 says which: another that is below the top bit was started there. */
static void with_version_2_the_status_has_to_agree(void **state)
{
	machine(EXTENDED, 6, true);
	msr_set(counter(EXTENDED, 2), 5);
	assert_false(pmu_overflowed());
	msr_set(STATUS, BIT(3) | BIT(58) | BIT(59));
	assert_false(pmu_overflowed());
	msr_set(STATUS, BIT(2));
	assert_true(pmu_overflowed());
	/* Software that does not know version 2 sets the counter anew, and leaves the status. */
	msr_set(counter(EXTENDED, 2), TOP);
	assert_false(pmu_overflowed());
}

static void counters_that_are_not_there(void **state)
{
	/* None at all: every MSR raises #GP. */
	machine(LEGACY, 0, false);
	assert_false(pmu_overflowed());
	/* Beyond what version 2 counts. */
	machine(EXTENDED, 4, true);
	msr_set(control(EXTENDED, 4), EN | INT);
	msr_set(counter(EXTENDED, 4), 0);
	msr_set(STATUS, ~0ull);
	assert_false(pmu_overflowed());
	/* More than the guest can reach (msr_policy.c). */
	machine(EXTENDED, 8, true);
	msr_set(counter(EXTENDED, 6), 0);
	msr_set(STATUS, ~0ull);
	assert_false(pmu_overflowed());
	/* A CPU without leaf 8000_0001h. */
	machine(LEGACY, 4, false);
	ext_max = 0;
	ecx_features = BIT32(23); /* what lies beyond the last leaf says nothing */
	msr_set(counter(LEGACY, 0), 0);
	assert_true(pmu_overflowed());
}

/* An interrupt, or none, is no NMI. */
static void a_vector_table_entry_in_another_mode(void **state)
{
	machine(LEGACY, 4, false);
	msr_set(counter(LEGACY, 0), 0);
	for (u32 mode = 0; mode < 8; mode++) {
		msr_set(0x834, mode << 8 | 0xf3);
		assert_int_equal(pmu_overflowed(), mode == 4);
		msr_set(0x834, mode << 8 | MASKED);
		assert_false(pmu_overflowed());
	}
}

/* The page, and each entry by itself. */
static void the_page_is_read_in_xapic_mode(void **state)
{
	machine(LEGACY, 4, false);
	msr_set(counter(LEGACY, 0), 0);
	msr_set(MSR_APIC_BASE, APIC_PAGE | BIT(11) | BIT(8));
	host_mmio_read = page_read;
	host_mmio_write = page_write;
	memset(reg, 0, sizeof(reg));
	reg[LVT_COUNTERS / 16] = NMI_MODE;
	lapic_park_other_cpus(); /* finds its mode */
	assert_true(lapic_counters_send_nmi());
	assert_false(lapic_lint1_sends_nmi());
	assert_true(pmu_overflowed());
	reg[LVT_COUNTERS / 16] = NMI_MODE | MASKED;
	reg[LVT_LINT1 / 16] = NMI_MODE;
	assert_false(lapic_counters_send_nmi());
	assert_true(lapic_lint1_sends_nmi());
	assert_false(pmu_overflowed());
	reg[LVT_LINT1 / 16] = NMI_MODE | MASKED;
	assert_false(lapic_lint1_sends_nmi());
	reg[LVT_LINT1 / 16] = 0x700;
	assert_false(lapic_lint1_sends_nmi());
	host_mmio_read = NULL;
	host_mmio_write = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_counter_is_asked),
		cmocka_unit_test(one_that_reports_nothing),
		cmocka_unit_test(only_the_top_bit_counts),
		cmocka_unit_test(with_version_2_the_status_has_to_agree),
		cmocka_unit_test(counters_that_are_not_there),
		cmocka_unit_test(a_vector_table_entry_in_another_mode),
		cmocka_unit_test(the_page_is_read_in_xapic_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
