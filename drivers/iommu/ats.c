/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address Translation Services (PCIe base spec 6.0, chapter 10): a device that has them may keep translations
 * itself. It guards that nobody forgets such a device: it is on its unit's list, and holds an ATS reference,
 * from before its ATS is enabled until its cache is empty again; and that nothing is sent to one that has
 * vanished, whose answer would never come.
 *
 * Only with a backend that can empty a device's cache. The guest does not see the capability.
 */
#include "core/errno.h"
#include "core/log.h"
#include "drivers/iommu/internal.h"
#include "drivers/pci/regs.h"

#define ATS_DEVICES_MAX 64 /* of a unit; others do without */

LOCK_CLASS(iommu_ats_class, "iommu_ats");

static void ats_lock(struct iommu *iommu) ACQUIRES(iommu->ats_lock, iommu_ats_class) NO_THREAD_ANALYSIS
{
	spin_lock(&iommu->ats_lock);
}

static void ats_unlock(struct iommu *iommu) RELEASES(iommu->ats_lock, iommu_ats_class) NO_THREAD_ANALYSIS
{
	spin_unlock(&iommu->ats_lock);
}

void iommu_ats_init(struct iommu *iommu)
{
	spin_init(&iommu->ats_lock, &iommu_ats_class);
	ats_lock(iommu);
	iommu->ats_first = NULL;
	iommu->ats_count = 0;
	ats_unlock(iommu);
}

/* 10.5.1.3: with a smallest translation unit of one page. */
static void switch_ats(struct pci_dev *dev, unsigned int cap, bool on)
{
	pci_dev_write(dev, cap + PCIE_ATS_CONTROL, 2, on ? PCIE_ATS_ENABLE : 0);
	/* The read is ordered behind the write: when it returns, the device has seen the write. */
	(void)pci_dev_read(dev, cap + PCIE_ATS_CONTROL, 2);
}

void iommu_ats_join(struct iommu *iommu, struct pci_dev *dev)
{
	unsigned int cap = iommu->ops->device_tlb_invalidate ? pci_find_ext_cap(dev, PCIE_EXT_ID_ATS) : 0;
	bool joins;

	if (!cap)
		return;
	ats_lock(iommu);
	joins = !dev->ats_on && iommu->ats_count < ATS_DEVICES_MAX;
	if (joins) {
		pci_dev_get(dev, PCI_REF_ATS);
		dev->ats_on = true;
		dev->ats_next = iommu->ats_first;
		iommu->ats_first = dev;
		iommu->ats_count++;
		switch_ats(dev, cap, true);
	}
	ats_unlock(iommu);
}

static bool take_off(struct iommu *iommu, struct pci_dev *dev) REQUIRES(iommu_ats_class)
{
	for (struct pci_dev **at = &iommu->ats_first; *at; at = &(*at)->ats_next) {
		if (*at != dev)
			continue;
		*at = dev->ats_next;
		dev->ats_next = NULL;
		dev->ats_on = false;
		iommu->ats_count--;
		return true;
	}
	return false;
}

int iommu_ats_leave(struct iommu *iommu, struct pci_dev *dev)
{
	unsigned int cap = iommu->ops->device_tlb_invalidate ? pci_find_ext_cap(dev, PCIE_EXT_ID_ATS) : 0;
	bool leaves;
	int ret = 0;

	ats_lock(iommu);
	leaves = take_off(iommu, dev);
	if (leaves && cap)
		switch_ats(dev, cap, false);
	ats_unlock(iommu);
	if (!leaves)
		return 0;
	if (!pci_dev_has(dev, PCI_FLAG_GONE))
		ret = iommu->ops->device_tlb_invalidate(iommu, dev->sbdf.bdf, 0, 0);
	if (ret && pci_dev_has(dev, PCI_FLAG_GONE))
		ret = 0; /* it vanished meanwhile, and its cache with it */
	if (ret)
		log_error("iommu: " SBDF_FMT ": its translation cache could not be emptied (%d)",
			  SBDF_ARGS(dev->sbdf), ret);
	pci_dev_put(dev, PCI_REF_ATS);
	return ret;
}

int iommu_ats_invalidate(struct iommu *iommu, u64 iova, u64 size)
{
	struct pci_dev *devices[ATS_DEVICES_MAX];
	unsigned int count = 0;
	int ret = 0;

	ats_lock(iommu);
	for (struct pci_dev *dev = iommu->ats_first; dev; dev = dev->ats_next) {
		pci_dev_get(dev, PCI_REF_TRANSIENT);
		devices[count++] = dev;
	}
	ats_unlock(iommu);
	/*
	 * One that has left the list since has an empty cache; one that has joined since has asked the unit,
	 * which knows.
	 */
	for (unsigned int i = 0; i < count; i++) {
		int err = 0;

		if (!pci_dev_has(devices[i], PCI_FLAG_GONE))
			err = iommu->ops->device_tlb_invalidate(iommu, devices[i]->sbdf.bdf, iova, size);
		if (!pci_dev_has(devices[i], PCI_FLAG_GONE))
			ret = ret ? ret : err;
		pci_dev_put(devices[i], PCI_REF_TRANSIENT);
	}
	return ret;
}

bool iommu_ats_on(struct pci_dev *dev)
{
	struct iommu *iommu = iommu_of(dev);
	bool on;

	if (!iommu)
		return false;
	ats_lock(iommu);
	on = dev->ats_on;
	ats_unlock(iommu);
	return on;
}
