/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What hardware there is, found before anything is changed: ways to configuration space, IOMMUs, and which
 * devices the guest gets. Works on tables and registers only, not on firmware services.
 */
#ifndef BOOT_DISCOVER_H
#define BOOT_DISCOVER_H

#include "boot/config.h"

/* Registers ECAM (from MCFG) and the architecture's own way. acpi_init() is done. 0, -EINVAL after a
 * log_error naming MCFG. Boot. */
int MUST_CHECK discover_config_access(void);
/*
 * Finds the IOMMUs that the policy asks for. PCI is enumerated, core/pages works. Returns the number of
 * usable units: 0 only if the policy lets the guest run without one. After one log_error: -EOPNOTSUPP:
 * required and not there; -EINVAL: its table is malformed, whatever the policy short of off; others from the
 * backend. Boot.
 */
int MUST_CHECK discover_iommus(enum iommu_policy policy);
/*
 * After it: are interrupts remapped? 0; -EOPNOTSUPP: required and not there, after one log_error; a probe is
 * not refused. Boot.
 */
int MUST_CHECK discover_remapping(const struct config *config);
/*
 * Sets PCI_FLAG_HIDDEN on what the configuration hides and, where units were found, on what stands behind
 * none of them while one is required, and the flags of the other device options. Logs each device behind no
 * unit. Devices that are added later are treated in the same way, so `config` has to last. Returns how many
 * are hidden. Boot.
 */
unsigned int discover_hide_devices(const struct config *config, unsigned int units);

#endif
