/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intel VT-d as an IOMMU backend: the way in, for the boot code that has found the firmware's table.
 */
#ifndef DRIVERS_IOMMU_VTD_DISCOVER_H
#define DRIVERS_IOMMU_VTD_DISCOVER_H

#include "core/types.h"

/*
 * Discovery: reads a DMAR table (whole table, length- and checksum-checked by the ACPI code) and each unit's
 * registers. Returns the number of usable units (0: the table names none), or -EINVAL/-EOPNOTSUPP after one
 * log_error line that names the table, the structure's offset and what is wrong. PCI enumeration is done:
 * device-scope paths are resolved through bridges' config space. Takes memory from core/pages.
 */
int MUST_CHECK vtd_discover(const void *dmar, size_t length);

#endif
