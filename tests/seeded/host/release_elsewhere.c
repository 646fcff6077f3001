/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded: a lock is released by another CPU than the one that took it. */
#include "tests/seeded/host/seeded.h"

static struct pci_dev dev;

int main(void)
{
	seeded_init(&dev);
	pci_dev_lock(&dev);
#ifdef SEEDED
	host_cpu = 1;
#endif
	pci_dev_unlock(&dev);
	lockcheck_vm_entry();
	return 0;
}
