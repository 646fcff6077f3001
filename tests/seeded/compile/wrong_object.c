/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded: the right class, another object's lock. Seen where a function names the object's own lock. */
#include "drivers/pci/pci.h"

void seeded(struct pci_dev *dev, struct pci_dev *other);

static void claim(struct pci_dev *dev) REQUIRES(dev->lock, pci_dev_class)
{
	dev->ticket = 1;
}

void seeded(struct pci_dev *dev, struct pci_dev *other)
{
	pci_dev_lock(dev);
#ifdef SEEDED
	claim(other);
#else
	claim(dev);
	(void)other;
#endif
	pci_dev_unlock(dev);
}
