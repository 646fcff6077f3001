/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded: a field is written under a lock of the same object, but of another class. */
#include "drivers/pci/pci.h"

void seeded(struct pci_dev *dev);

void seeded(struct pci_dev *dev)
{
#ifdef SEEDED
	pci_vpci_lock(dev);
	dev->ticket = 1;
	pci_vpci_unlock(dev);
#else
	pci_dev_lock(dev);
	dev->ticket = 1;
	pci_dev_unlock(dev);
#endif
}
