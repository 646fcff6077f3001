/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt messages of local APICs, taken apart and put together: Intel SDM vol. 3A, 11.11.1 (address) and
 * 11.11.2 (data). It guards that of what a guest writes only ordinary interrupts are understood.
 */
#include "drivers/iommu/apic_message.h"

/* Address: FEEh in 31:20; destination 19:12; reserved 11:4, of which 4 marks the remappable format and 11:5 are
 * more of the destination to some hypervisors; RH 3; DM 2; 1:0 do not count. */
#define ADDRESS_BASE	     0xfee00000ull
#define ADDRESS_BASE_MASK    GENMASK64(63, 20)
#define ADDRESS_RESERVED     GENMASK64(11, 4)
#define ADDRESS_DESTINATION  12
#define ADDRESS_RH	     BIT(3) /* redirection hint: to one of the set */
#define ADDRESS_DM	     BIT(2) /* destination mode: logical */
#define DESTINATION_MAX	     0xffu
#define DESTINATION_BROADCAST 0xffu

/* Data: vector 7:0; delivery mode 10:8; level 14 and trigger mode 15. */
#define DATA_MODE(mode)	   ((u32)(mode) << 8)
#define DATA_MODE_OF(data) ((data) >> 8 & 7)
#define DATA_ASSERT	   BIT32(14)
#define DATA_LEVEL	   BIT32(15)

enum delivery_mode { MODE_FIXED = 0, MODE_LOWEST = 1, MODE_NMI = 4 };

/*
 * Trigger mode and level do not count: a device's message is a single write and so an edge (PCI Local Bus
 * specification 3.0, 6.8: message signalled interrupts are edge-triggered); nobody would ever deassert it.
 */
bool apic_message_parse(const struct pci_message *message, struct apic_target *out)
{
	const u32 mode = DATA_MODE_OF(message->data);
	const u8 vector = (u8)message->data;
	const bool logical = message->address & ADDRESS_DM;
	u32 destination = (u32)(message->address >> ADDRESS_DESTINATION) & DESTINATION_MAX;

	if ((message->address & ADDRESS_BASE_MASK) != ADDRESS_BASE || (message->address & ADDRESS_RESERVED))
		return false;
	if ((mode != MODE_FIXED && mode != MODE_LOWEST) || vector < APIC_VECTOR_FIRST)
		return false;
	if (!logical && destination == DESTINATION_BROADCAST)
		destination = APIC_BROADCAST;
	*out = (struct apic_target){
		.destination = destination,
		.vector = vector,
		.logical = logical,
		/* 11.11.1: a physical destination is one APIC, whatever the hint */
		.lowest = logical && (mode == MODE_LOWEST || (message->address & ADDRESS_RH)),
	};
	return true;
}

bool apic_message_build(const struct apic_target *target, struct pci_message *out)
{
	const bool broadcast = !target->logical && target->destination == APIC_BROADCAST;
	const u32 destination = broadcast ? DESTINATION_BROADCAST : target->destination;
	const u32 mode = target->nmi ? MODE_NMI : target->lowest ? MODE_LOWEST : MODE_FIXED;

	if (destination > DESTINATION_MAX || (!broadcast && !target->logical && destination == DESTINATION_BROADCAST))
		return false;
	*out = (struct pci_message){
		.address = ADDRESS_BASE | (u64)destination << ADDRESS_DESTINATION |
			   (target->lowest ? ADDRESS_RH : 0) | (target->logical ? ADDRESS_DM : 0),
		.data = DATA_MODE(mode) | (target->nmi ? 0 : target->vector) |
			(target->level ? DATA_LEVEL | DATA_ASSERT : 0),
	};
	return true;
}

bool apic_target_same(const struct apic_target *a, const struct apic_target *b)
{
	return a->destination == b->destination && a->vector == b->vector && a->logical == b->logical &&
	       a->lowest == b->lowest && a->nmi == b->nmi && a->level == b->level;
}
