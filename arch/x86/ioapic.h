/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The I/O APICs (Intel 82093AA datasheet; ICH9 datasheet, 13.5). Pins are the guest's, but what a pin raises
 * goes through Fairlead: fixed and lowest-priority interrupts only, and with interrupt remapping by way of an
 * entry that this I/O APIC alone can use. An interrupt itself, and its EOI, cost no exit.
 */
#ifndef ARCH_X86_IOAPIC_H
#define ARCH_X86_IOAPIC_H

#include "boot/x86/acpi.h"
#include "core/vm.h"
#include "drivers/iommu/apic_message.h"

/* The registers in memory: 82093AA, 3.1; EOI: ICH9, 13.5.1, from version 20h on. */
#define IOAPIC_SELECT 0x00u /* IOREGSEL: 8 bits */
#define IOAPIC_WINDOW 0x10u /* IOWIN: 32 bits, of the register selected */
#define IOAPIC_EOI 0x40u    /* the vector whose entries' Remote IRR is cleared */
#define IOAPIC_BYTES 0x100u

/* The registers behind the window, 82093AA, 3.2 */
#define IOAPIC_ID 0x00u
#define IOAPIC_VERSION 0x01u
#define IOAPIC_ARBITRATION 0x02u
#define IOAPIC_TABLE 0x10u /* two for each pin: lower half, upper half */
#define IOAPIC_ID_WRITABLE 0x0f000000u
#define IOAPIC_VERSION_NUMBER(value) ((value) & 0xff)
#define IOAPIC_VERSION_LAST_PIN(value) ((value) >> 16 & 0xff)
#define IOAPIC_VERSION_SHOWN 0x00ff00ffu /* both; no pin assertion register (bit 15) */
#define IOAPIC_HAS_EOI 0x20u		  /* version number */
#define IOAPIC_PINS_MAX ((0x100 - IOAPIC_TABLE) / 2)

/* Redirection table entry, lower half: 82093AA, 3.2.4 */
#define RTE_VECTOR(low) ((low) & 0xff)
#define RTE_MODE(low) ((low) >> 8 & 7)
enum { RTE_FIXED, RTE_LOWEST, RTE_SMI, RTE_RESERVED, RTE_NMI, RTE_INIT, RTE_RESERVED_TOO, RTE_EXTINT };
#define RTE_LOGICAL BIT32(11)
#define RTE_STATUS BIT32(12) /* read-only: on its way */
#define RTE_ACTIVE_LOW BIT32(13)
#define RTE_REMOTE_IRR BIT32(14) /* read-only: a level-triggered interrupt was accepted, no EOI yet */
#define RTE_LEVEL BIT32(15)
#define RTE_MASKED BIT32(16)
#define RTE_LOW_WRITABLE 0x0001afffu
#define RTE_LOW_READ_ONLY (RTE_STATUS | RTE_REMOTE_IRR)
/* Upper half */
#define RTE_DESTINATION(high) ((high) >> 24)
#define RTE_HIGH_WRITABLE 0xff000000u
static_assert((RTE_LOW_WRITABLE | RTE_LOW_READ_ONLY) == 0x1ffff, "82093AA, 3.2.4: bits 16:0");

/* The two halves as hardware or the guest sees them. */
struct rte {
	u32 low, high;
};

/* ---- ioapic_rte.c: pure ---- */

/*
 * What the guest's entry delivers if it is not masked. False: no ordinary interrupt (delivery mode other than
 * fixed and lowest priority, or a vector that is none).
 */
bool MUST_CHECK rte_target(struct rte written, struct apic_target *out);
/*
 * The bits of an entry by which it raises that message, in remappable format (VT-d specification, 5.1.5.1).
 * An I/O APIC makes the message's address of them.
 */
struct rte rte_remappable(u64 message_address);
/*
 * What goes in the hardware for the guest's entry. `remapped`: rte_remappable() of it, NULL: interrupts are
 * not remapped. Not `allowed`: masked. Vector and trigger mode are always the guest's, because an EOI is
 * for the entries with its vector.
 */
struct rte rte_hardware(struct rte written, const struct rte *remapped, bool allowed);

/* ---- ioapic.c ---- */

extern struct lock_class ioapic_class;

/*
 * Finds the I/O APICs and masks what firmware has left in their entries. `map`: where memory is, and no
 * registers. Boot, before interrupts are remapped.
 */
void ioapic_quiet(const struct acpi_machine *acpi, const struct memmap *map);
/*
 * Gives them to the guest, trapped. Boot, after iommu_enable_all(). -ENOMEM, -ENOSPC: more emulated regions
 * than fit.
 */
int MUST_CHECK ioapic_init(struct vm *vm);

#endif
