/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Isolation groups: functions that can reach each other behind the IOMMU's back (peer-to-peer below a
 * switch or a multi-function device without ACS; a conventional bus; shared requester IDs). A group has one
 * owner, or the configuration names it (device option group=mixed).
 */
#ifndef DRIVERS_PCI_GROUP_H
#define DRIVERS_PCI_GROUP_H

#include "drivers/pci/pci.h"

/*
 * Enables ACS source validation, P2P request and completion redirect and upstream forwarding on every port
 * and multi-function device that has them (PCIe base spec 6.0, 6.12, 7.7.11). Boot, after enumeration; and
 * for each device added later.
 */
void pci_acs_enable(struct pci_dev *dev);
/*
 * Fills requester_id[] (own, phantom functions: PCIe 2.2.6.2 and Device Capabilities; aliases of the
 * bridges above: PCIe-to-PCI bridge spec 1.0, 2.3). -E2BIG, logged. At add.
 */
int MUST_CHECK pci_requester_ids(struct pci_dev *dev);
/*
 * Computes `group` of all devices: the lowest BDF of the functions that are not isolated from each other.
 * Boot, and after a rescan.
 */
void pci_groups_compute(void);
/* The same for one device, which may be NEW: a virtual function, which moves nobody else. */
void pci_group_compute(struct pci_dev *dev);
/*
 * May `dev` go to `owner` as things stand? 0, or -EPERM with the reason ("its group holds 0000:00:1f.2,
 * which is hidden"). The guest must not be mixed with what is hidden, broken or Fairlead's, nor Fairlead
 * with what is the guest's. What merely waits in quarantine does not count (it is reset, masters nothing,
 * and a group of two could otherwise never be given, one after the other), nor do bridges and functions
 * that only forward. Quarantine takes everything. group=mixed on any member allows it.
 */
int MUST_CHECK pci_group_allows(struct pci_dev *dev, enum pci_owner owner, struct pci_reason *why);
/* Logs each group of more than one function, one line. */
void pci_groups_log(void);

#endif
