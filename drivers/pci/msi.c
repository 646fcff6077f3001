/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pool of message descriptors. It guards that each one in use has an entry and holds its device, and that
 * an entry goes back to the backend only when hardware has forgotten it.
 */
#include "drivers/pci/msi.h"

#include "core/errno.h"
#include "core/log.h"
#include "core/pages.h"

static LOCK_CLASS(msi_pool_class, "pci_msi_pool");
static struct spinlock msi_pool_lock LEAF_LOCK = SPINLOCK_INIT(msi_pool_class); /* a leaf */
static struct pci_msi *msi_free GUARDED_BY(msi_pool_lock);
static unsigned int msi_left GUARDED_BY(msi_pool_lock);
static const struct pci_msi_ops *msi_ops; /* set at boot */
static _Atomic unsigned int entries_taken;

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
	atomic_store(&entries_taken, 0);
	return 0;
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

static void pool_give_all(struct pci_msi *list)
{
	while (list) {
		struct pci_msi *msi = list;

		list = msi->next;
		pool_give(msi);
	}
}

unsigned int pci_msi_left(void)
{
	unsigned int left;

	spin_lock(&msi_pool_lock);
	left = msi_left;
	spin_unlock(&msi_pool_lock);
	return left;
}

unsigned int pci_msi_entries(void)
{
	return atomic_load_explicit(&entries_taken, memory_order_relaxed);
}

unsigned int pci_msi_count(const struct pci_dev *dev)
{
	return atomic_load_explicit(&dev->msi_count, memory_order_relaxed);
}

int pci_msi_grow(struct pci_dev *dev, bool msix, unsigned int count, u32 *first)
{
	struct pci_msi *list;
	int ret;

	if (!msi_ops)
		return -ENODEV;
	list = pool_take(count);
	if (!list)
		return -ENOMEM;
	ret = msi_ops->alloc(dev, count, first);
	if (ret) {
		pool_give_all(list);
		return ret;
	}
	atomic_fetch_add_explicit(&entries_taken, count, memory_order_relaxed);
	for (unsigned int i = 0; i < count; i++) {
		struct pci_msi *msi = list;

		list = msi->next;
		*msi = (struct pci_msi){ .next = dev->msi_first, .dev = dev, .index = (u16)i, .msix = msix,
					 .entry = *first + i };
		pci_dev_get(dev, PCI_REF_MSI);
		dev->msi_first = msi;
	}
	atomic_fetch_add_explicit(&dev->msi_count, count, memory_order_relaxed);
	return 0;
}

struct pci_msi *pci_msi_shrink(struct pci_dev *dev, bool msix, struct pci_msi *list)
{
	struct pci_msi **at = &dev->msi_first;

	while (*at) {
		struct pci_msi *msi = *at;

		if (msi->msix != msix) {
			at = &msi->next;
			continue;
		}
		*at = msi->next;
		(void)msi_ops->set(dev, msi->entry, NULL); /* nothing is always allowed */
		msi->next = list;
		list = msi;
	}
	return list;
}

/* One wait, over the range that holds all of them: a table of MSI-X may have 2048. */
static int flush_all(const struct pci_msi *list)
{
	struct pci_dev *dev = list->dev;
	u32 first = PCI_MSI_NO_ENTRY, last = 0;
	int ret;

	for (const struct pci_msi *msi = list; msi; msi = msi->next) {
		first = min_u32(first, msi->entry);
		last = max_u32(last, msi->entry);
	}
	ret = msi_ops->flush(dev, first, last - first + 1);
	if (ret)
		log_error("pci: " SBDF_FMT ": interrupt entries %u to %u cannot be flushed (%d): lost",
			  SBDF_ARGS(dev->sbdf), first, last, ret);
	return ret;
}

int pci_msi_release(struct pci_msi *list)
{
	int ret = list ? flush_all(list) : 0;

	while (list) {
		struct pci_msi *msi = list;
		struct pci_dev *dev = msi->dev;

		list = msi->next;
		if (!ret) {
			msi_ops->free(dev, msi->entry, 1);
			atomic_fetch_sub_explicit(&entries_taken, 1, memory_order_relaxed);
		}
		pool_give(msi);
		atomic_fetch_sub_explicit(&dev->msi_count, 1, memory_order_relaxed);
		pci_dev_put(dev, PCI_REF_MSI);
	}
	return ret;
}
