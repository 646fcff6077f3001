/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded: a TRANSIENT reference outlives its exit; one kind is not accounted as the other: what is kept must become WORK. */
#include "tests/seeded/host/seeded.h"

static struct pci_dev dev;

int main(void)
{
	seeded_init(&dev);
	pci_dev_get(&dev, PCI_REF_TRANSIENT);
#ifndef SEEDED
	pci_dev_convert(&dev, PCI_REF_TRANSIENT, PCI_REF_WORK);
#endif
	lockcheck_vm_entry();
	return 0;
}
