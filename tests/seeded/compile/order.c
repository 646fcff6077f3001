/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded: the wrong order within one function, one class apart. */
#include "drivers/pci/pci.h"

void seeded(struct pci_dev *dev);

void seeded(struct pci_dev *dev)
{
#ifdef SEEDED
	pci_dev_lock(dev);
	pci_vpci_lock(dev);
	pci_vpci_unlock(dev);
	pci_dev_unlock(dev);
#else
	pci_vpci_lock(dev);
	pci_dev_lock(dev);
	pci_dev_unlock(dev);
	pci_vpci_unlock(dev);
#endif
}
