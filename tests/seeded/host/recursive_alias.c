/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded: a lock that this CPU holds is taken again, by another name. */
#include "tests/seeded/host/seeded.h"

static struct pci_dev dev;

static void callee(struct pci_dev *alias)
{
	pci_dev_lock(alias);
	pci_dev_unlock(alias);
}

int main(void)
{
	seeded_init(&dev);
	pci_dev_lock(&dev);
#ifdef SEEDED
	callee(&dev);
	pci_dev_unlock(&dev);
#else
	pci_dev_unlock(&dev);
	callee(&dev);
#endif
	lockcheck_vm_entry();
	return 0;
}
