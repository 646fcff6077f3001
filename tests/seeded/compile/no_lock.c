/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded: a guarded field is written without its lock. */
#include "drivers/pci/pci.h"

void seeded(struct pci_dev *dev);

void seeded(struct pci_dev *dev)
{
#ifdef SEEDED
	dev->ticket = 1;
#else
	pci_dev_lock(dev);
	dev->ticket = 1;
	pci_dev_unlock(dev);
#endif
}
