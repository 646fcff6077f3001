/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded: two devices' locks of one class, through a callee that gets the other device. */
#include "tests/seeded/host/seeded.h"

static struct pci_dev first, second;

static void callee(struct pci_dev *dev)
{
	pci_dev_lock(dev);
	pci_dev_unlock(dev);
}

int main(void)
{
	seeded_init(&first);
	seeded_init(&second);
	pci_dev_lock(&first);
#ifndef SEEDED
	pci_dev_unlock(&first);
#endif
	callee(&second);
#ifdef SEEDED
	pci_dev_unlock(&first);
#endif
	lockcheck_vm_entry();
	return 0;
}
