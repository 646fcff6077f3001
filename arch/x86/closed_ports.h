/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports that are closed to the guest: reads give all-ones, writes are dropped.
 */
#ifndef ARCH_X86_CLOSED_PORTS_H
#define ARCH_X86_CLOSED_PORTS_H

#include "drivers/pci/pci.h"

/* Closes the ports of devices that write to memory on command and stand behind no IOMMU. Boot. */
int MUST_CHECK closed_ports_init(void);
/* Closes the I/O BARs of a device that the guest does not get, each that can be. Boot. -EEXIST, -ENOSPC: the first error of
 * pio_claim(). */
int MUST_CHECK closed_ports_hide(const struct pci_dev *dev);

#endif
