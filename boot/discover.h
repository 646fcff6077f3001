/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which IOMMUs and which devices: the policy of iommu= and the rules for devices, decided before anything is
 * changed. What the machine has is asked through boot/firmware.h.
 */
#ifndef BOOT_DISCOVER_H
#define BOOT_DISCOVER_H

#include "boot/config.h"

/*
 * Finds the IOMMUs that the policy asks for. PCI is enumerated, core/pages works. Returns the number of
 * usable units: 0 only if the policy lets the guest run without one. After one log_error: -EOPNOTSUPP:
 * required and not there; -EINVAL: its table is malformed, whatever the policy short of off; others from the
 * backend. Boot.
 */
int MUST_CHECK discover_iommus(enum iommu_policy policy);
/*
 * There is none that can be used, and `reason` says why: what the policy says to that. 0, or -EOPNOTSUPP
 * after one log_error.
 */
int MUST_CHECK discover_without_iommu(enum iommu_policy policy, const char *reason);
/*
 * Sets PCI_FLAG_HIDDEN on what the configuration hides and, where units were found, on what stands behind
 * none of them while one is required, and the flags of the other device options. Logs each device behind no
 * unit. Devices that are added later are treated in the same way, so `config` has to last. Returns how many
 * are hidden. Boot.
 */
unsigned int discover_hide_devices(const struct config *config, unsigned int units);

#endif
