/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded: the wrong order between classes with others between them, one of them required of the caller. */
#include "drivers/iommu/iommu.h"
#include "drivers/pci/pci.h"

void seeded(struct pci_dev *dev, struct iommu_domain *domain);

#ifdef SEEDED
static void under_domain(struct pci_dev *dev) REQUIRES(iommu_domain_class)
{
	pci_vpci_lock(dev);
	pci_vpci_unlock(dev);
}

void seeded(struct pci_dev *dev, struct iommu_domain *domain)
{
	iommu_domain_lock(domain);
	under_domain(dev);
	iommu_domain_unlock(domain);
}
#else
static void under_vpci(struct iommu_domain *domain) REQUIRES(pci_vpci_class)
{
	iommu_domain_lock(domain);
	iommu_domain_unlock(domain);
}

void seeded(struct pci_dev *dev, struct iommu_domain *domain)
{
	pci_vpci_lock(dev);
	under_vpci(domain);
	pci_vpci_unlock(dev);
}
#endif
