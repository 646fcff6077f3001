/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded: a leaf is held while another lock is taken. */
#include "drivers/pci/pci.h"

void seeded(struct pci_dev *dev);

static LOCK_CLASS(leaf_class, "leaf");
static struct spinlock leaf LEAF_LOCK = SPINLOCK_INIT(leaf_class);

void seeded(struct pci_dev *dev)
{
#ifdef SEEDED
	spin_lock(&leaf);
	pci_dev_lock(dev);
	pci_dev_unlock(dev);
	spin_unlock(&leaf);
#else
	pci_dev_lock(dev);
	spin_lock(&leaf);
	spin_unlock(&leaf);
	pci_dev_unlock(dev);
#endif
}
