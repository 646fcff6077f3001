/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an interrupt command means (icr.h). Pure: besides its arguments it reads the table of CPUs, which does
 * not change.
 */
#include "arch/x86/icr.h"

#define ICR_VECTOR(icr) ((u8)(icr))
#define ICR_MODE(icr) ((unsigned int)((icr) >> 8) & 7)
#define ICR_LOGICAL BIT(11)
#define ICR_ASSERT BIT(14)
#define ICR_LEVEL BIT(15)
#define ICR_SHORTHAND(icr) ((unsigned int)((icr) >> 18) & 3)
enum { TO_DESTINATION, TO_SELF, TO_ALL, TO_OTHERS };

#define XAPIC_DESTINATION(icr) ((u32)((icr) >> 56))
#define X2APIC_DESTINATION(icr) ((u32)((icr) >> 32))
#define XAPIC_BROADCAST 0xffu
#define X2APIC_BROADCAST 0xffffffffu

/* Logical destination and destination format register, APM vol. 2, 16.6.1; Intel SDM vol. 3A, 11.6.2.2 */
#define LDR_ID(ldr) ((ldr) >> 24)
#define DFR_MODEL(dfr) ((dfr) >> 28)
#define DFR_CLUSTER 0x0u
#define DFR_FLAT 0xfu
#define CLUSTER_NUMBER(id) ((id) >> 4)
#define CLUSTER_MEMBERS(id) ((id) & 0xf)

/*
 * The logical ID of an x2APIC is made of its ID: a cluster of 16, and a bit in it (APM vol. 2, 16.14; SDM,
 * 11.12.10.2).
 */
static bool x2apic_logical_match(u32 destination, u32 id)
{
	return destination >> 16 == id >> 4 && (destination & BIT32(id & 0xf));
}

static bool xapic_logical_match(u32 destination, const struct icr_apic *apic)
{
	u32 own = LDR_ID(apic->ldr);

	if (destination > XAPIC_BROADCAST)
		return false;
	switch (DFR_MODEL(apic->dfr)) {
	case DFR_FLAT:
		return destination & own;
	case DFR_CLUSTER:
		return CLUSTER_NUMBER(destination) == CLUSTER_NUMBER(own) &&
		       (CLUSTER_MEMBERS(destination) & CLUSTER_MEMBERS(own));
	default:
		return false;
	}
}

/* Each APIC compares for itself, in the mode in which it is. */
static bool accepts(unsigned int cpu, u32 destination, bool logical, const struct icr_apic *apic)
{
	if (!logical)
		return x86_cpus.apic_id[cpu] == destination;
	if (apic[cpu].x2apic)
		return x2apic_logical_match(destination, x86_cpus.apic_id[cpu]);
	return xapic_logical_match(destination, &apic[cpu]);
}

static u64 all_cpus(void)
{
	return GENMASK64(x86_cpus.count - 1, 0);
}

static u64 find_targets(u64 icr, unsigned int self, const struct icr_apic *apic)
{
	bool x2apic = apic[self].x2apic;
	u32 destination = x2apic ? X2APIC_DESTINATION(icr) : XAPIC_DESTINATION(icr);
	u64 targets = 0;

	if (ICR_SHORTHAND(icr) == TO_OTHERS)
		return all_cpus() & ~BIT(self);
	if (destination == (x2apic ? X2APIC_BROADCAST : XAPIC_BROADCAST))
		return all_cpus();
	for (unsigned int cpu = 0; cpu < x86_cpus.count; cpu++) {
		if (accepts(cpu, destination, icr & ICR_LOGICAL, apic))
			targets |= BIT(cpu);
	}
	return targets;
}

/*
 * APM vol. 2, table 16-4, and SDM vol. 3A, table 11-3. Where they differ, AMD's: the level does not count
 * with edge trigger. Fixed interrupts are the hardware's in every combination.
 */
static enum icr_action choose_action(u64 icr)
{
	bool deassert = (icr & ICR_LEVEL) && !(icr & ICR_ASSERT);
	bool with_self = ICR_SHORTHAND(icr) == TO_SELF || ICR_SHORTHAND(icr) == TO_ALL;

	switch (ICR_MODE(icr)) {
	case ICR_MODE_FIXED:
		return ICR_PASS;
	case ICR_MODE_LOWEST:
		return with_self || deassert ? ICR_REFUSE : ICR_PASS;
	case ICR_MODE_NMI:
		return with_self || deassert ? ICR_REFUSE : ICR_NMI;
	case ICR_MODE_INIT:
		/* De-assert: any shorthand; it once set arbitration IDs (SDM, 11.6.1). */
		if (deassert)
			return ICR_IGNORE;
		return with_self ? ICR_REFUSE : ICR_INIT;
	case ICR_MODE_STARTUP:
		return with_self ? ICR_REFUSE : ICR_STARTUP;
	default:
		return ICR_REFUSE;
	}
}

struct icr_command icr_decode(u64 icr, unsigned int self, const struct icr_apic *apic)
{
	struct icr_command command = { .action = choose_action(icr), .vector = ICR_VECTOR(icr) };

	if (command.action == ICR_NMI || command.action == ICR_INIT || command.action == ICR_STARTUP)
		command.targets = find_targets(icr, self, apic);
	return command;
}
