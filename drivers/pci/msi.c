/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pool of message descriptors. It guards that a descriptor goes back only after its remapping entry is
 * gone, and that each one in use holds its device.
 */
#include "drivers/pci/msi.h"

#include "core/errno.h"
#include "core/pages.h"

static LOCK_CLASS(msi_pool_class, "pci_msi_pool");
static struct spinlock msi_pool_lock LEAF_LOCK = SPINLOCK_INIT(msi_pool_class); /* a leaf */
static struct pci_msi *msi_free GUARDED_BY(msi_pool_lock);
static unsigned int msi_left GUARDED_BY(msi_pool_lock);
static void (*free_entry_hook)(struct pci_msi *msi); /* set at boot */
static const struct pci_msi_ops *msi_ops;	      /* set at boot */

int pci_msi_init(unsigned int max)
{
	u64 bytes = ALIGN_UP((u64)max * sizeof(struct pci_msi), PAGE_SIZE);
	struct pci_msi *all = pages_alloc_contig(bytes / PAGE_SIZE, PAGE_SIZE);

	if (!all)
		return -ENOMEM;
	spin_lock(&msi_pool_lock);
	msi_free = NULL;
	for (unsigned int i = max; i-- > 0;) {
		all[i] = (struct pci_msi){ .next = msi_free };
		msi_free = &all[i];
	}
	msi_left = max;
	spin_unlock(&msi_pool_lock);
	return 0;
}

void pci_msi_set_free_entry(void (*free_entry)(struct pci_msi *msi))
{
	free_entry_hook = free_entry;
}

void pci_msi_set_ops(const struct pci_msi_ops *ops)
{
	msi_ops = ops;
}

const struct pci_msi_ops *pci_msi_get_ops(void)
{
	return msi_ops;
}

/* `count` at once or none: NULL. */
static struct pci_msi *pool_take(unsigned int count)
{
	struct pci_msi *list = NULL;

	spin_lock(&msi_pool_lock);
	if (count > msi_left)
		count = 0;
	for (unsigned int i = 0; i < count; i++) {
		struct pci_msi *msi = msi_free;

		msi_free = msi->next;
		msi->next = list;
		list = msi;
		msi_left--;
	}
	spin_unlock(&msi_pool_lock);
	return list;
}

static void pool_give(struct pci_msi *msi)
{
	spin_lock(&msi_pool_lock);
	*msi = (struct pci_msi){ .next = msi_free };
	msi_free = msi;
	msi_left++;
	spin_unlock(&msi_pool_lock);
}

unsigned int pci_msi_left(void)
{
	unsigned int left;

	spin_lock(&msi_pool_lock);
	left = msi_left;
	spin_unlock(&msi_pool_lock);
	return left;
}

unsigned int pci_msi_count(const struct pci_dev *dev)
{
	return atomic_load_explicit(&dev->msi_count, memory_order_relaxed);
}

static unsigned int count_of_kind(struct pci_dev *dev, bool msix) REQUIRES(pci_vpci_class)
{
	unsigned int count = 0;

	for (const struct pci_msi *msi = dev->msi_first; msi; msi = msi->next)
		count += msi->msix == msix;
	return count;
}

int pci_msi_grow(struct pci_dev *dev, bool msix, unsigned int count)
{
	unsigned int have = count_of_kind(dev, msix);
	struct pci_msi *list;

	if (count <= have)
		return 0;
	list = pool_take(count - have);
	if (!list)
		return -ENOMEM;
	while (list) {
		struct pci_msi *msi = list;

		list = msi->next;
		*msi = (struct pci_msi){
			.next = dev->msi_first, .dev = dev, .index = (u16)have++, .msix = msix, .entry = PCI_MSI_NO_ENTRY
		};
		pci_dev_get(dev, PCI_REF_MSI);
		atomic_fetch_add_explicit(&dev->msi_count, 1, memory_order_relaxed);
		dev->msi_first = msi;
	}
	return 0;
}

struct pci_msi *pci_msi_shrink(struct pci_dev *dev, bool msix, unsigned int count, struct pci_msi *list)
{
	struct pci_msi **at = &dev->msi_first;

	while (*at) {
		struct pci_msi *msi = *at;

		if (msi->msix != msix || msi->index < count) {
			at = &msi->next;
			continue;
		}
		*at = msi->next;
		msi->next = list;
		list = msi;
	}
	return list;
}

void pci_msi_release(struct pci_msi *list)
{
	while (list) {
		struct pci_msi *msi = list;
		struct pci_dev *dev = msi->dev;

		list = msi->next;
		if (free_entry_hook)
			free_entry_hook(msi);
		pool_give(msi);
		atomic_fetch_sub_explicit(&dev->msi_count, 1, memory_order_relaxed);
		pci_dev_put(dev, PCI_REF_MSI);
	}
}
