/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI tables, as far as a hypervisor needs them: find and check a table, read the few fixed facts (ACPI
 * specification 6.5, chapter 5), and build the filtered set that the guest gets. Pure: works on memory, so
 * the host tests it.
 */
#ifndef BOOT_ACPI_H
#define BOOT_ACPI_H

#include "core/arch.h"
#include "core/memmap.h"
#include "core/types.h"

#define ACPI_IOAPICS_MAX 8

/* A Generic Address Structure's essence (ACPI 6.5, 5.2.3.2): space 0 = memory, 1 = I/O port, 2 = PCI
 * config. */
struct acpi_machine {
	u16 pm1a_event, pm1b_event; /* I/O ports, 0: none */
	u8 pm1_event_length;	    /* bytes; the status half comes first */
	u16 pm1a_control, pm1b_control;
	bool s5_known; /* \_S5 was found in DSDT or an SSDT */
	u8 s5_type_a, s5_type_b;
	u16 smi_command;
	u8 acpi_enable, acpi_disable;
	bool reset_supported;
	u8 reset_space;
	u64 reset_address;
	u8 reset_value;
	paddr_t hpet_base; /* 0: no HPET table */
	u8 hpet_number;
	paddr_t lapic_base;
	unsigned int ioapics;
	struct {
		paddr_t base;
		u32 gsi_base;
		u8 id; /* as the DMAR names it, too */
	} ioapic[ACPI_IOAPICS_MAX];
	/*
	 * The CPUs that the MADT says are enabled, each once whatever the number of its entries, in the
	 * MADT's order. The CPU that we run on need not be among them: it knows its own APIC ID, and counts
	 * as the first in any case.
	 */
	unsigned int cpus; /* in the list: 1 .. CPUS_MAX */
	u32 cpu_apic_id[CPUS_MAX];
	bool more_cpus; /* there are others; said in the log, and not used */
};

/* From here on a table counts as readable only if it lies in one range of this map (which must outlive the
 * calls below). Without it (NULL, at first) every address that firmware states is believed. Boot. */
void acpi_set_memory(const struct memmap *map);
/* Checks the RSDP and the XSDT (or RSDT) behind it. 0, or -EINVAL after one log_error that names the
 * table. Boot, before anything below. */
int MUST_CHECK acpi_init(paddr_t rsdp);
/* The n-th (from 0) table with that signature whose length and checksum are right; NULL: none. A wrong one is
 * logged once and skipped, and *malformed (if not NULL) set. The length is that of its header. */
const void *acpi_find(const char signature[4], unsigned int n, size_t *length, bool *malformed);
/* Fills `out` from FADT, MADT, HPET and the _S5 package. -EINVAL after a log_error that names the table. */
int MUST_CHECK acpi_read_machine(struct acpi_machine *out);
/* An XSDT of 512 entries, the MADT, the rest with its alignment. */
#define ACPI_GUEST_TABLES_SIZE(madt_length) ((size_t)(madt_length) + 512 * 8 + 256)
/*
 * Builds in buffer (size bytes, identity-mapped, 16-byte aligned) a new RSDP and XSDT that list the
 * firmware's tables except DMAR, IVRS, HPET; the MADT as a copy, for acpi_keep_cpus(). Checksums right.
 * Returns the bytes used, *rsdp the new root pointer, *madt the copy (0: the firmware has none). -ENOSPC:
 * more than ACPI_GUEST_TABLES_SIZE(length of the MADT) is never needed.
 */
int MUST_CHECK acpi_build_guest_tables(void *buffer, size_t size, paddr_t *rsdp, paddr_t *madt);
/*
 * The guest's CPUs are these: all others lose, in that MADT (the copy, or one with the same entries), the
 * flags by which the guest could ever start them. Nothing else changes but the checksum. Boot, before the
 * guest runs; acpi_read_machine() has refused a MADT with malformed entries.
 */
void acpi_keep_cpus(void *madt, const u32 *apic_id, unsigned int count);

#endif
