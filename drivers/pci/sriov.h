/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual functions (PCIe base spec 6.0, 9.3). A VF holds a PF reference on its physical function from birth to release, is published
 * under the PF's lock, and so never exists without a LIVE PF. Enabling takes 100 ms, so it is a state machine on a timer.
 */
#ifndef DRIVERS_PCI_SRIOV_H
#define DRIVERS_PCI_SRIOV_H

#include "drivers/pci/pci.h"

/* TotalVFs of a physical function; 0: it has none, or is no PF. */
unsigned int pci_sriov_total(struct pci_dev *dev);
/*
 * Sets NumVFs, VF Enable and VF MSE, waits 100 ms, adds the VFs (in quarantine). -EINPROGRESS with a ticket; -EBUSY: claimed, or VFs
 * exist; -EINVAL: count is 0 or above TotalVFs; -EOPNOTSUPP: no SR-IOV; -ENODEV. If one cannot be added, none stays.
 */
int MUST_CHECK pci_vfs_enable(struct pci_dev *pf, unsigned int count, u32 *ticket, struct pci_reason *why);
/*
 * The reverse: each VF is removed; then VF Enable is cleared. -EBUSY, nothing changed: a VF is the guest's or claimed. Else 0, or
 * -EINPROGRESS with a ticket while VFs are still held.
 */
int MUST_CHECK pci_vfs_disable(struct pci_dev *pf, u32 *ticket, struct pci_reason *why);
/*
 * Publishes `vf` (state NEW, made by pci_dev_create() with its PF) under the PF's lock. -ENODEV: the PF is not LIVE (the VF is the
 * caller's to drop). Takes the PF's lock, then the VF's, then slots_lock.
 */
int MUST_CHECK pci_vf_publish(struct pci_dev *vf);

#endif
