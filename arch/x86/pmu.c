/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks the core performance counters for an overflow. It guards that a profile or a watchdog of the guest
 * loses no NMI to Fairlead's own, which the same CPU gets.
 *
 * A counter interrupts when it goes from all ones to 0. Software that wants to hear of it starts it below
 * that, with the top bit set; so a clear one says that it has overflowed, and was not set anew yet.
 */
#include "arch/x86/pmu.h"

#include "arch/x86/cpu.h"
#include "arch/x86/lapic.h"

/* CPUID 8000_0001h, ECX (APM vol. 3, E.4.2) */
#define LEAF_EXTENDED_MAX 0x80000000u
#define LEAF_FEATURES 0x80000001u
#define ECX_PERF_CTR_EXT_CORE BIT32(23)
/* CPUID 8000_0022h (APM vol. 3, E.4.22) */
#define LEAF_EXT_PERF 0x80000022u
#define EAX_PERF_MON_V2 BIT32(0)
#define EBX_NUM_CORE_PMC(ebx) ((ebx) & 0xf)

/*
 * APM vol. 2, 13.2.1: four counters that every CPU has, or six with two MSRs each, the first four of which
 * are the same.
 */
#define MSR_PERF_EVT_SEL0 0xc0010000u
#define MSR_PERF_CTR0 0xc0010004u
#define LEGACY_COUNTERS 4u
#define MSR_PERF_CTL0_EXT 0xc0010200u
#define MSR_PERF_CTR0_EXT 0xc0010201u
#define EXT_COUNTERS 6u
#define PERF_CTL_INT BIT(20)
#define PERF_CTL_EN BIT(22)
#define PERF_CTR_TOP BIT(47) /* 48 bits are implemented */
/* APM vol. 2, 13.2.2, version 2: bit n says that counter n has overflowed. */
#define MSR_PERF_CNTR_GLOBAL_STATUS 0xc0000300u

struct counters {
	unsigned int count;
	u32 control, counter, stride; /* MSRs */
	u64 candidates;		      /* bit n: counter n may have overflowed */
};

/* What an MSR that this CPU does not have would say. */
static u64 read_or_zero(u32 msr)
{
	u64 value;

	return rdmsr_safe(msr, &value) ? 0 : value;
}

static struct counters find_counters(void)
{
	struct counters c = { LEGACY_COUNTERS, MSR_PERF_EVT_SEL0, MSR_PERF_CTR0, 1, ~0ull };
	u32 last = cpuid(LEAF_EXTENDED_MAX, 0).eax;
	struct cpuid_regs perf;

	if (last < LEAF_FEATURES || !(cpuid(LEAF_FEATURES, 0).ecx & ECX_PERF_CTR_EXT_CORE))
		return c;
	c = (struct counters){ EXT_COUNTERS, MSR_PERF_CTL0_EXT, MSR_PERF_CTR0_EXT, 2, ~0ull };
	if (last < LEAF_EXT_PERF)
		return c;
	perf = cpuid(LEAF_EXT_PERF, 0);
	if (perf.eax & EAX_PERF_MON_V2) {
		c.count = (unsigned int)min_u64(EBX_NUM_CORE_PMC(perf.ebx), EXT_COUNTERS);
		c.candidates = read_or_zero(MSR_PERF_CNTR_GLOBAL_STATUS);
	}
	return c;
}

/* Beyond those the guest has none (msr_policy.c). */
bool pmu_overflowed(void)
{
	const u64 reports = PERF_CTL_EN | PERF_CTL_INT;
	struct counters c;

	if (!lapic_counters_send_nmi())
		return false;
	c = find_counters();
	for (unsigned int n = 0; n < c.count; n++) {
		if (!(c.candidates & BIT(n)))
			continue;
		if ((read_or_zero(c.control + n * c.stride) & reports) == reports &&
		    !(read_or_zero(c.counter + n * c.stride) & PERF_CTR_TOP))
			return true;
	}
	return false;
}
