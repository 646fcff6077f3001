/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Message descriptors: one for each MSI or MSI-X message that a device may send. Each is an MSI reference: as
 * long as a remapping entry may name the device, its object stays.
 *
 * They are guarded by the device's vpci_lock, and freed without it, because invalidating a remapping entry
 * waits.
 */
#ifndef DRIVERS_PCI_MSI_H
#define DRIVERS_PCI_MSI_H

#include "drivers/pci/pci.h"

/* Of the whole machine, by default: four functions with the largest MSI-X table. */
#define PCI_MSI_MESSAGES 8192

struct pci_msi {
	struct pci_msi *next; /* of the device, by falling index for each kind; in the pool; to release */
	struct pci_dev *dev;
	u16 index; /* message number, or number of the MSI-X table entry */
	bool msix;
};

/* A pool of `max` descriptors. Boot. -ENOMEM. */
int MUST_CHECK pci_msi_init(unsigned int max);
/*
 * Invalidates the descriptor's remapping entry and waits, bounded; NULL: there is no interrupt remapping.
 * Called without a lock.
 */
void pci_msi_set_free_entry(void (*free_entry)(struct pci_msi *msi));
/*
 * The device has at least `count` of that kind, from index 0. -ENOMEM: the pool is empty, nothing has
 * changed.
 */
int MUST_CHECK pci_msi_grow(struct pci_dev *dev, bool msix, unsigned int count) REQUIRES(pci_vpci_class);
/*
 * Takes those from index `count` on off the device, and puts them before `list`; returns the whole list, to
 * be released.
 */
struct pci_msi *pci_msi_shrink(struct pci_dev *dev, bool msix, unsigned int count, struct pci_msi *list)
	REQUIRES(pci_vpci_class);
/*
 * Frees each: its remapping entry, then its MSI reference. No lock held; the caller holds a reference of
 * another kind.
 */
void pci_msi_release(struct pci_msi *list) EXCLUDES(pci_vpci_class);
/* Descriptors of the device, those being freed included. */
unsigned int pci_msi_count(const struct pci_dev *dev);
/* Descriptors that the pool can still give. */
unsigned int pci_msi_left(void);

#endif
