/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded: three classes in a ring, each pair in a function of its own; none of the three is wrong by itself. */
#include "tests/seeded/host/seeded.h"
#include "drivers/iommu/iommu.h"

static struct pci_dev dev;
static struct iommu_domain domain;

static void take_domain(void)
{
	iommu_domain_lock(&domain);
	iommu_domain_unlock(&domain);
}

static void take_vpci(void)
{
	pci_vpci_lock(&dev);
	pci_vpci_unlock(&dev);
}

int main(void)
{
	seeded_init(&dev);
	spin_init(&domain.lock, &iommu_domain_class);
	pci_vpci_lock(&dev);
	pci_dev_lock(&dev);
	pci_dev_unlock(&dev);
	pci_vpci_unlock(&dev);
	pci_dev_lock(&dev);
	take_domain();
	pci_dev_unlock(&dev);
#ifdef SEEDED
	iommu_domain_lock(&domain);
	take_vpci();
	iommu_domain_unlock(&domain);
#else
	take_vpci();
#endif
	lockcheck_vm_entry();
	return 0;
}
