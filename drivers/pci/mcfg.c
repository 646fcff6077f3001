/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MCFG table (PCI Firmware specification 3.3, 4.1.2): where ACPI says that enhanced configuration access
 * is.
 */
#include "core/errno.h"
#include "core/log.h"
#include "core/string.h"
#include "drivers/pci/pci.h"

/* PCI Firmware specification 3.3, table 4-3: 36 bytes of ACPI header, 8 reserved, then the entries. */
#define MCFG_HEADER_SIZE 44u

struct PACKED mcfg_entry { /* table 4-3, "configuration space base address allocation structure" */
	u64 base;
	u16 segment;
	u8 first_bus;
	u8 last_bus;
	u32 reserved;
};
static_assert(sizeof(struct mcfg_entry) == 16, "MCFG allocation structure is 16 bytes");
static_assert(offsetof(struct mcfg_entry, segment) == 8, "MCFG segment group at byte 8");
static_assert(offsetof(struct mcfg_entry, first_bus) == 10, "MCFG start bus at byte 10");

int pci_ecam_init(const void *mcfg, size_t length)
{
	struct ecam_window found[ECAM_WINDOWS_MAX];
	size_t count;

	if (length < MCFG_HEADER_SIZE || (length - MCFG_HEADER_SIZE) % sizeof(struct mcfg_entry)) {
		log_error("ACPI table MCFG: length %zu is not 44 bytes and whole entries of 16", length);
		return -EINVAL;
	}
	count = (length - MCFG_HEADER_SIZE) / sizeof(struct mcfg_entry);
	for (size_t i = 0; i < count && i < ECAM_WINDOWS_MAX; i++) {
		struct mcfg_entry e;

		/* The table need not be aligned. */
		memcpy(&e, (const u8 *)mcfg + MCFG_HEADER_SIZE + i * sizeof(e), sizeof(e));
		found[i] = (struct ecam_window){ e.base, e.segment, e.first_bus, e.last_bus };
	}
	return pci_ecam_set(found, (unsigned int)count, "ACPI table MCFG");
}
