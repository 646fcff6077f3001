/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded: two devices' locks of one class are held together. */
#include "drivers/pci/pci.h"

void seeded(struct pci_dev *dev, struct pci_dev *other);

void seeded(struct pci_dev *dev, struct pci_dev *other)
{
	pci_dev_lock(dev);
#ifdef SEEDED
	pci_dev_lock(other);
	pci_dev_unlock(other);
	pci_dev_unlock(dev);
#else
	pci_dev_unlock(dev);
	pci_dev_lock(other);
	pci_dev_unlock(other);
#endif
}
