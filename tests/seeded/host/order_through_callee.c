/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded: vpci_lock is taken under the device's lock, by a callee: no function holds both, so no compiler sees it. */
#include "tests/seeded/host/seeded.h"

static struct pci_dev dev;

static void callee(void)
{
	pci_vpci_lock(&dev);
	pci_vpci_unlock(&dev);
}

static void right_order(void)
{
	pci_vpci_lock(&dev);
	pci_dev_lock(&dev);
	pci_dev_unlock(&dev);
	pci_vpci_unlock(&dev);
}

int main(void)
{
	seeded_init(&dev);
	right_order();
	lockcheck_vm_entry();
	pci_dev_lock(&dev);
#ifdef SEEDED
	callee();
	pci_dev_unlock(&dev);
#else
	pci_dev_unlock(&dev);
	callee();
#endif
	lockcheck_vm_entry();
	return 0;
}
