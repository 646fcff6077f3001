/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report of `fairlead.efi --probe`: what the machine has and what of it would be used. Changes nothing.
 */
#ifndef BOOT_PROBE_H
#define BOOT_PROBE_H

#include "core/types.h"

/* What the steps before the report found missing; an empty text or 0: nothing. */
struct probe_findings {
	char cpu[160];	    /* arch_check_cpu()'s sentence */
	bool no_config;	    /* no configuration file: the defaults were used */
	bool no_firmware;   /* the firmware describes the machine in no usable way; said in the log */
	int iommu_units;    /* discover_iommus()'s answer */
	unsigned int hidden; /* devices that the guest would not get */
};

/* boot_info holds what was found. Boot. */
void probe_report(const struct probe_findings *findings);

#endif
