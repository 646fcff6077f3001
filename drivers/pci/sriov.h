/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual functions (PCIe base spec 6.0, 9.3). A VF holds a PF reference on its physical function from
 * birth to release, is published under the PF's lock, and so never exists without a LIVE PF. Enabling takes
 * 100 ms, so it is a state machine on a timer.
 */
#ifndef DRIVERS_PCI_SRIOV_H
#define DRIVERS_PCI_SRIOV_H

#include "drivers/pci/pci.h"

/* TotalVFs of a physical function; 0: it has none, or is no PF. */
unsigned int pci_sriov_total(struct pci_dev *dev);
/*
 * Sets NumVFs, VF Enable and VF MSE, waits 100 ms, adds the VFs (in quarantine). -EINPROGRESS with a
 * ticket; -EBUSY: claimed, or VFs exist; -EINVAL: count is 0 or above TotalVFs; -EOPNOTSUPP: no SR-IOV;
 * -ENODEV. If one cannot be added, none stays.
 */
int MUST_CHECK pci_vfs_enable(struct pci_dev *pf, unsigned int count, u32 *ticket, struct pci_reason *why);
/*
 * The reverse: each VF is removed; when none is held any more, VF Enable is cleared, and a second waited.
 * -EBUSY, nothing changed: a VF is the guest's or claimed. 0: they were off; else -EINPROGRESS with a
 * ticket. (The event's -EBUSY: one was claimed in between. It and those after it stay, switched on. -EIO:
 * one could not be released; it stays, BROKEN, and VF Enable stays set: disable again.)
 */
int MUST_CHECK pci_vfs_disable(struct pci_dev *pf, u32 *ticket, struct pci_reason *why);
/* What a reset of the PF undoes of what firmware set up. Nothing, for who has no SR-IOV. */
struct pci_sriov_saved {
	u32 page_size, bar[PCI_BARS];
};
void pci_sriov_save(struct pci_dev *dev, struct pci_sriov_saved *s);
void pci_sriov_restore(struct pci_dev *dev, const struct pci_sriov_saved *s);
/*
 * Publishes `vf` (state NEW, made by pci_dev_create() with its PF) under the PF's lock. -ENODEV: the PF is
 * not LIVE (the VF is the caller's to drop). Takes the PF's lock, then the VF's, then slots_lock.
 */
int MUST_CHECK pci_vf_publish(struct pci_dev *vf);

#endif
