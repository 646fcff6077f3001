/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which devices can reach each other behind the IOMMU's back, and whether the configuration may mix them.
 */
#ifndef BOOT_ISOLATE_H
#define BOOT_ISOLATE_H

#include "core/types.h"

/*
 * Switches ACS on where there is any, computes the isolation groups and logs them; a probe changes nothing, so its groups are those of
 * ACS as firmware left it. Without an IOMMU (`protected` is false) groups mean nothing and are not looked at. PCI is
 * enumerated, the flags of the configuration are set. 0; -EPERM after one log_error: the guest would get a device that is not
 * isolated from one that is hidden from it, and no group=mixed allows that. Boot.
 */
int MUST_CHECK isolate_devices(bool protected, bool probe);

#endif
