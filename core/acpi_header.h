/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The header that every ACPI table begins with (ACPI specification 6.5, 5.2.6): shared by those who find
 * the tables (boot/) and those who read one (drivers/).
 */
#ifndef CORE_ACPI_HEADER_H
#define CORE_ACPI_HEADER_H

#include "core/types.h"

struct PACKED acpi_header {
	char signature[4];
	u32 length; /* of the whole table, bytes */
	u8 revision;
	u8 checksum;
	char oem_id[6];
	char oem_table_id[8];
	u32 oem_revision;
	char creator_id[4];
	u32 creator_revision;
};
static_assert(sizeof(struct acpi_header) == 36, "ACPI 6.5, table 5.4");
static_assert(offsetof(struct acpi_header, length) == 4, "ACPI 6.5, table 5.4");

#endif
