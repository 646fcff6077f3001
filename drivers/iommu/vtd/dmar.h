/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DMAR table as firmware wrote it, turned into arrays. Pure: reads bytes, touches no hardware.
 *
 * Every field that a later step relies on is checked here, once: a table that passes has no length that runs
 * outside it, no register base that cannot be one, no region whose end is before its start. Anything else is
 * refused, not repaired.
 */
#ifndef DRIVERS_IOMMU_VTD_DMAR_H
#define DRIVERS_IOMMU_VTD_DMAR_H

#include "core/types.h"

#define DMAR_UNITS_MAX	  64
#define DMAR_RESERVED_MAX 64
#define DMAR_ATSR_MAX	  16
#define DMAR_SCOPES_MAX	  512
#define DMAR_PATH_MAX	  16 /* bridges in a row, the device included */

/* Intel VT-d specification rev. 4.1, 8.3.1, table 49 */
enum dmar_scope_type {
	DMAR_SCOPE_ENDPOINT = 1,
	DMAR_SCOPE_BRIDGE = 2, /* and everything below it */
	DMAR_SCOPE_IOAPIC = 3,
	DMAR_SCOPE_HPET = 4,
	DMAR_SCOPE_NAMESPACE = 5,
};

struct dmar_scope {
	u8 type;	   /* enum dmar_scope_type */
	u8 enumeration_id; /* I/O APIC ID, HPET number */
	u8 start_bus;
	u8 path_length; /* 1..DMAR_PATH_MAX */
	struct {
		u8 device, function;
	} path[DMAR_PATH_MAX];
};

/* A run of dmar_table.scope[]. */
struct dmar_scopes {
	unsigned int first, count;
};

struct dmar_unit {	     /* DRHD: one remapping unit */
	unsigned int offset; /* of the structure in the table, for messages */
	u16 segment;
	bool include_all; /* every device of the segment that no other unit names */
	paddr_t base;	  /* of the registers; 4 KiB aligned */
	u64 size;	  /* bytes of registers as DMAR states them */
	struct dmar_scopes scopes;
};

struct dmar_reserved { /* RMRR: memory that firmware's own use of a device needs */
	unsigned int offset;
	u16 segment;
	paddr_t base; /* 4 KiB aligned */
	u64 size;     /* not 0, 4 KiB aligned */
	struct dmar_scopes scopes;
};

struct dmar_atsr { /* root ports below which devices may use address translation services */
	unsigned int offset;
	u16 segment;
	bool all_ports;
	struct dmar_scopes scopes;
};

struct dmar_table {
	unsigned int host_address_width; /* bits */
	bool interrupt_remapping; /* the platform allows it */
	bool x2apic_opt_out;	  /* ... but wants interrupt destinations to stay at 8 bits */
	unsigned int units, reserved_regions, atsrs, scopes;
	struct dmar_unit unit[DMAR_UNITS_MAX];
	struct dmar_reserved reserved[DMAR_RESERVED_MAX];
	struct dmar_atsr atsr[DMAR_ATSR_MAX];
	struct dmar_scope scope[DMAR_SCOPES_MAX];
};

/*
 * Parses `length` bytes at `table` (any alignment) into *out, which is overwritten. Returns 0, or -EINVAL
 * (malformed) or -ENOSPC (more structures than the arrays hold) after one log_error that says "DMAR", the
 * offset of the structure, and what is wrong; *out is then undefined. Boot.
 */
int MUST_CHECK dmar_parse(const void *table, size_t length, struct dmar_table *out);

#endif
