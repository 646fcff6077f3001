/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded: the guest is entered with a lock held. */
#include "tests/seeded/host/seeded.h"

static struct pci_dev dev;

int main(void)
{
	seeded_init(&dev);
	pci_vpci_lock(&dev);
#ifdef SEEDED
	lockcheck_vm_entry();
#endif
	pci_vpci_unlock(&dev);
	lockcheck_vm_entry();
	return 0;
}
