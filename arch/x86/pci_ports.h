/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What vPCI asks of x86: ports behind I/O BARs, and where in the guest's physical space a BAR may stand.
 */
#ifndef ARCH_X86_PCI_PORTS_H
#define ARCH_X86_PCI_PORTS_H

#include "drivers/vpci/vpci.h"

extern const struct vpci_platform x86_vpci_platform;

#endif
