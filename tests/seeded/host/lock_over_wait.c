/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded: a shoot-down is waited for under a lock that the CPU which is waited for may want. */
#include "core/shootdown.h"
#include "tests/seeded/host/seeded.h"

static struct pci_dev dev;
static struct shootdown s;

int main(void)
{
	seeded_init(&dev);
	shootdown_init(&s);
	pci_vpci_lock(&dev);
#ifdef SEEDED
	(void)!shootdown_wait(&s, shootdown_begin(&s));
#endif
	pci_vpci_unlock(&dev);
	(void)!shootdown_wait(&s, shootdown_begin(&s));
	return 0;
}
