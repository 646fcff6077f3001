/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Redirection table entries: what one that the guest wrote means, and what is written in its place. It guards
 * that no entry asks for anything but an ordinary interrupt.
 */
#include "arch/x86/ioapic.h"

/*
 * An entry's bits in the address of its message: 63:48 are 19:4, the destination mode is 2 (VT-d
 * specification 4.1, figures 5-1 and 5-5: the same bits are the destination, or the entry's index and the
 * format).
 */
#define MESSAGE_HIGH(address) ((u32)((address) >> 4 & 0xffff) << 16)
#define MESSAGE_BIT_2 BIT(2)
#define PHYSICAL_BROADCAST 0xffu /* 8 bits: all CPUs (Intel SDM vol. 3A, 11.6.2.1) */

bool rte_target(struct rte written, struct apic_target *out)
{
	const bool logical = written.low & RTE_LOGICAL;
	const u32 destination = RTE_DESTINATION(written.high);

	*out = (struct apic_target){
		.destination = !logical && destination == PHYSICAL_BROADCAST ? APIC_BROADCAST : destination,
		.vector = (u8)RTE_VECTOR(written.low),
		.logical = logical,
		/* A physical destination is one APIC, or all: there is nobody to choose from. */
		.lowest = logical && RTE_MODE(written.low) == RTE_LOWEST,
		.level = written.low & RTE_LEVEL,
	};
	if (RTE_MODE(written.low) != RTE_FIXED && RTE_MODE(written.low) != RTE_LOWEST)
		return false;
	return RTE_VECTOR(written.low) >= APIC_VECTOR_FIRST;
}

struct rte rte_remappable(u64 message_address)
{
	return (struct rte){
		.low = message_address & MESSAGE_BIT_2 ? RTE_LOGICAL : 0,
		.high = MESSAGE_HIGH(message_address),
	};
}

struct rte rte_hardware(struct rte written, const struct rte *remapped, bool allowed)
{
	struct rte out = written;

	if (remapped) {
		out.low &= RTE_MASKED | RTE_LEVEL | RTE_ACTIVE_LOW | RTE_VECTOR(~0u);
		out.low |= remapped->low;
		out.high = remapped->high;
	}
	if (!allowed)
		out.low |= RTE_MASKED;
	return out;
}
