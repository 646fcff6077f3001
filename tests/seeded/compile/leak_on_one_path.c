/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded: one path leaves the function with the lock held. */
#include "core/errno.h"
#include "drivers/pci/pci.h"

int seeded(struct pci_dev *dev);

int seeded(struct pci_dev *dev)
{
	pci_dev_lock(dev);
	if (dev->ticket) {
#ifndef SEEDED
		pci_dev_unlock(dev);
#endif
		return -EBUSY;
	}
	dev->ticket = 1;
	pci_dev_unlock(dev);
	return 0;
}
