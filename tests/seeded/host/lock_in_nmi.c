/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded: a lock is taken in NMI context, where it may already be held by what was interrupted. */
#include "tests/seeded/host/seeded.h"

static struct pci_dev dev;
static bool asked;

static void nmi_handler(void)
{
	lockcheck_nmi(true);
#ifdef SEEDED
	pci_dev_lock(&dev);
	pci_dev_unlock(&dev);
#else
	asked = true; /* the exit that follows does the work */
#endif
	lockcheck_nmi(false);
}

int main(void)
{
	seeded_init(&dev);
	nmi_handler();
	if (asked) {
		pci_dev_lock(&dev);
		pci_dev_unlock(&dev);
	}
	lockcheck_vm_entry();
	return 0;
}
