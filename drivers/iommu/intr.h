/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt remapping: each message that a device may send is an entry of its unit's table, which says whom
 * the interrupt goes to and which requester alone may raise it. The invariant: from iommu_enable_all() on,
 * what is not an entry delivers nothing, and an entry delivers only for the requester it was made for.
 *
 * Who owns an entry changes it, under a lock of his own (vpci_lock; the I/O APIC's): entries need none. A
 * change is one store that hardware sees whole; hardware may go by the old one until a flush is done, and a
 * flush waits, so it is called without a lock. An entry is given back only after it was cleared and flushed;
 * if the flush fails, it is lost, which is the safe side.
 *
 * Devices come here through struct pci_msi_ops (drivers/pci/msi.h), which intr.c implements for x86; the I/O
 * APICs and the HPET of arch/x86 use the functions below.
 */
#ifndef DRIVERS_IOMMU_INTR_H
#define DRIVERS_IOMMU_INTR_H

#include "drivers/iommu/apic_message.h"
#include "drivers/iommu/iommu.h"
#include "drivers/iommu/source.h"

/* What an entry says; for the oracle and the monitor. */
struct intr_entry {
	bool present;
	struct intr_source source;
	struct apic_target target;
};

enum intr_policy { INTR_REQUIRED, INTR_OPTIONAL, INTR_OFF }; /* intremap= */

/*
 * Boot, after discovery and before ExitBootServices, decides from the policy and from what units and firmware
 * offer whether interrupts are remapped: all units do, or none. Without a unit none, whatever the policy:
 * iommu= has decided to run unprotected. 0; -EOPNOTSUPP: required, and a unit or the firmware does not offer it
 * (after one log_error that says which, and what to do).
 */
int MUST_CHECK intr_decide(enum intr_policy policy);
/* True: iommu_enable_all() turns (has turned) it on in every unit. */
bool intr_remapped(void);
/*
 * Boot, after iommu_enable_all(): installs the message operations of devices: remapped ones, or ones that
 * only check what the guest writes, after a warning.
 */
void intr_start(void);

/* ---- entries of what is no PCI device: an I/O APIC by its ID (MADT), the HPET by its number ---- */

enum intr_platform_source { INTR_IOAPIC, INTR_HPET };
/*
 * `count` entries in a row, delivering nothing, that only this controller can raise. *unit is where the other
 * functions find them. -ENODEV: firmware names it in no unit's scope; -ENOSPC. Boot.
 */
int MUST_CHECK intr_platform_alloc(enum intr_platform_source kind, u8 id, unsigned int count, struct iommu **unit,
				   u32 *first);
/* The entry delivers to that target from now on; NULL: nothing. Does not wait. Any lock. */
void intr_set(struct iommu *unit, u32 entry, const struct apic_target *target);
/*
 * Waits, bounded, until nothing is delivered by what the entries [first, first + count) said before (count 0:
 * all of the unit). 0, -ETIMEDOUT, -EIO (logged). No lock held.
 */
int MUST_CHECK intr_flush(struct iommu *unit, u32 first, unsigned int count);
/* The message that raises the entry: remappable format. */
struct pci_message intr_message(struct iommu *unit, u32 entry);
/* Reads the entry in memory. False: beyond the table, or the unit does not remap. */
bool MUST_CHECK intr_lookup(struct iommu *unit, u32 entry, struct intr_entry *out);
/* Entries of the unit that are in use, and how many it has. */
void intr_usage(struct iommu *unit, unsigned int *used, unsigned int *entries);

#endif
