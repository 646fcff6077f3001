/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of drivers/iommu share among themselves; nobody else includes this.
 */
#ifndef DRIVERS_IOMMU_INTERNAL_H
#define DRIVERS_IOMMU_INTERNAL_H

#include "drivers/iommu/iommu.h"

extern struct lock_class iommu_ats_class; /* iommu.ats_lock */

/* attach.c: nothing is attached: the machine's first unit was registered. */
void iommu_attachments_forget(void);

/* ats.c: an empty list. */
void iommu_ats_init(struct iommu *iommu);
/*
 * ats.c: the device, which is attached, may cache translations itself from now on, if it and the unit can.
 * Takes ats_lock.
 */
void iommu_ats_join(struct iommu *iommu, struct pci_dev *dev);
/*
 * ats.c: ATS off, and its cache emptied; sent nothing if it is GONE. Idempotent. -ETIMEDOUT, -EIO. Takes
 * ats_lock; waits without.
 */
int MUST_CHECK iommu_ats_leave(struct iommu *iommu, struct pci_dev *dev);
/*
 * ats.c: all devices behind the unit that cache translations drop those in [iova, iova+size). Takes ats_lock;
 * waits without.
 */
int MUST_CHECK iommu_ats_invalidate(struct iommu *iommu, u64 iova, u64 size);

#endif
