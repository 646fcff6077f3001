/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt messages as x86's local APICs understand them (Intel SDM vol. 3A, 11.11): what a device or an I/O
 * APIC writes where interrupts are not remapped, and what a guest without remapping asks for. Pure. Only the
 * IOMMUs of x86 machines (vtd/, later amdvi/) and arch/x86 use it.
 */
#ifndef DRIVERS_IOMMU_APIC_MESSAGE_H
#define DRIVERS_IOMMU_APIC_MESSAGE_H

#include "core/types.h"
#include "drivers/pci/msi.h"

/* Whom an interrupt goes to, and as what. */
struct apic_target {
	u32 destination; /* APIC ID or APIC_BROADCAST; a set of CPUs if `logical` */
	u8 vector;
	bool logical;
	bool lowest; /* one of the set: redirection hint, lowest priority; else all of it */
	bool nmi;    /* Fairlead's own only: no vector */
	bool level;  /* from an I/O APIC's level-triggered pin */
};

/* All CPUs: the physical destination FFh of 8 bits, FFFFFFFFh of 32 (SDM vol. 3A, 11.6.2.1). */
#define APIC_BROADCAST 0xffffffffu

/* Vectors below are no interrupts (SDM vol. 3A, 11.5.2: an APIC reports them as errors). */
#define APIC_VECTOR_FIRST 16u

/* Do they deliver the same? */
bool apic_target_same(const struct apic_target *a, const struct apic_target *b);
/*
 * Takes apart what the guest wrote. False: no ordinary interrupt (not FEExxxxx, delivery mode other than
 * fixed or lowest priority, vector below APIC_VECTOR_FIRST, reserved address bits set, as in the remappable
 * format): it must not be sent. It is an edge, whatever it says of that.
 */
bool MUST_CHECK apic_message_parse(const struct pci_message *message, struct apic_target *out);
/*
 * The message for a target, in the format without remapping. False: the destination does not fit (8 bits).
 */
bool MUST_CHECK apic_message_build(const struct apic_target *target, struct pci_message *out);

#endif
