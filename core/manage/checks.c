/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * May a device be assigned, deassigned, reset? Asked with the device claimed, so the answer holds until the
 * operation ends. It guards that an operation that cannot come to a good end is refused before it begins,
 * with a reason for people.
 */
#include "core/errno.h"
#include "core/log.h"
#include "core/manage/internal.h"
#include "drivers/pci/group.h"
#include "drivers/pci/regs.h"
#include "drivers/vpci/vpci.h"

/*
 * Boot's policy let a device pass that no unit covers (iommu=optional): then others may, too. Written at
 * boot.
 */
static bool uncovered_allowed;

int manage_refuse(struct pci_reason *why, int error, const char *fmt, ...)
{
	va_list ap;

	if (!why)
		return error;
	va_start(ap, fmt);
	(void)fl_vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return error;
}

bool manage_has_unit(struct pci_dev *dev)
{
	struct vm *vm = manage_vm();

	return vm && vm->dma_on && iommu_of(dev);
}

/* Registers of two devices in one page cannot have two owners. */
static bool share_a_page(const struct pci_dev *a, const struct pci_dev *b)
{
	for (unsigned int i = 0; i <= PCI_ROM_BAR; i++) {
		for (unsigned int j = 0; j <= PCI_ROM_BAR; j++) {
			const struct pci_bar *x = &a->bar[i], *y = &b->bar[j];

			if (x->base && y->base && x->type >= PCI_BAR_MEM32 && y->type >= PCI_BAR_MEM32 &&
			    ranges_overlap(ALIGN_DOWN(x->base, PAGE_SIZE), ALIGN_UP(x->size, PAGE_SIZE),
					   ALIGN_DOWN(y->base, PAGE_SIZE), ALIGN_UP(y->size, PAGE_SIZE)))
				return true;
		}
	}
	return false;
}

static bool changes_hands(const struct pci_dev *dev)
{
	return pci_dev_op(dev) == PCI_OP_ASSIGN || pci_dev_op(dev) == PCI_OP_DEASSIGN;
}

/* May dev change hands beside d, which has registers in one of its pages? */
static int may_part(const struct pci_dev *d, bool with_guests, struct pci_reason *why)
{
	if ((pci_dev_owner(d) == PCI_OWNER_GUEST) == with_guests)
		return manage_refuse(why, -EPERM, "its registers share a page with " SBDF_FMT ", which is %s",
				     SBDF_ARGS(d->sbdf), with_guests ? "the guest's" : "not the guest's");
	/* It may become so. */
	if (changes_hands(d))
		return manage_refuse(why, -EBUSY,
				     "its registers share a page with " SBDF_FMT ", which is changing hands",
				     SBDF_ARGS(d->sbdf));
	return 0;
}

/*
 * Nobody with registers in a page of this device's is the guest's (or: is not the guest's), nor about to change
 * that. Of two who ask at once each has claimed his device before; by the fence one at least sees the other's
 * claim.
 */
static int shares_no_page(struct pci_dev *dev, bool with_guests, struct pci_reason *why)
{
	int ret = 0;

	atomic_thread_fence(memory_order_seq_cst);
	for (struct pci_dev *d = pci_dev_next(NULL); d; d = pci_dev_next(d)) {
		if (!ret && d != dev && share_a_page(d, dev))
			ret = may_part(d, with_guests, why);
	}
	return ret;
}

static u32 vfs_of(struct pci_dev *dev)
{
	u32 n;

	if (dev->pf)
		return 0;
	pci_dev_lock(dev);
	n = dev->vf_count;
	pci_dev_unlock(dev);
	return n;
}

/* What every change of hands needs: it can be reset, and nothing depends on it. */
static int can_change(struct pci_dev *dev, struct pci_reason *why)
{
	u32 vfs = vfs_of(dev);

	if (PCI_BASE_CLASS(dev->class_code) == PCI_BASE_CLASS_BRIDGE ||
	    dev->header_type != PCI_HEADER_ENDPOINT)
		return manage_refuse(why, -EOPNOTSUPP, "a bridge is part of the machine: it cannot be reset");
	if (vfs)
		return manage_refuse(why, -EBUSY, "%u virtual function%s exist%s", vfs, vfs == 1 ? "" : "s",
				     vfs == 1 ? "s" : "");
	if (pci_reset_method(dev, why) == PCI_RESET_NONE && !pci_dev_has(dev, PCI_FLAG_RESET_NONE))
		return -EOPNOTSUPP;
	if (why)
		why->text[0] = '\0';
	return pci_dev_has(dev, PCI_FLAG_GONE) ? manage_refuse(why, -ENODEV, "it has vanished") : 0;
}

static int is_sound(struct pci_dev *dev, struct pci_reason *why)
{
	if (pci_dev_owner(dev) == PCI_OWNER_FAIRLEAD)
		return manage_refuse(why, -EPERM, "Fairlead uses it");
	if (pci_dev_has(dev, PCI_FLAG_HIDDEN))
		return manage_refuse(why, -EPERM, "hidden by the configuration");
	if (pci_dev_has(dev, PCI_FLAG_BROKEN))
		return manage_refuse(why, -EPERM, "broken: a reset or a release of it has failed");
	return 0;
}

int manage_may_be_the_guests(struct pci_dev *dev, struct pci_reason *why)
{
	int ret = is_sound(dev, why);

	/* Boot has looked at the policy: what is here without a unit may be. */
	if (!ret && !manage_has_unit(dev))
		uncovered_allowed = true;
	return ret ? ret : pci_group_allows(dev, PCI_OWNER_GUEST, why);
}

int manage_may_assign(struct pci_dev *dev, struct pci_reason *why)
{
	int ret;

	if (pci_dev_owner(dev) == PCI_OWNER_GUEST)
		return manage_refuse(why, -EALREADY, "the guest has it already");
	ret = is_sound(dev, why);
	if (!ret && !manage_has_unit(dev) && !uncovered_allowed)
		ret = manage_refuse(why, -EPERM, "no IOMMU unit covers it");
	if (!ret)
		ret = pci_group_allows(dev, PCI_OWNER_GUEST, why);
	if (!ret)
		ret = shares_no_page(dev, false, why);
	return ret ? ret : can_change(dev, why);
}

/* Did an earlier deassign leave something undone? Then another one may try. */
static bool left_half_way(struct pci_dev *dev)
{
	return pci_dev_has(dev, PCI_FLAG_BROKEN) &&
	       (vpci_attached(dev, NULL) ||
		(manage_has_unit(dev) && iommu_reach(dev, &manage_vm()->dma) != IOMMU_REACHES_NOTHING));
}

int manage_may_deassign(struct pci_dev *dev, struct pci_reason *why)
{
	int ret;

	if (pci_dev_owner(dev) == PCI_OWNER_FAIRLEAD)
		return manage_refuse(why, -EPERM, "Fairlead uses it");
	if (pci_dev_owner(dev) == PCI_OWNER_QUARANTINE && !left_half_way(dev))
		return manage_refuse(why, -EALREADY, "it is in quarantine already");
	ret = pci_group_allows(dev, PCI_OWNER_QUARANTINE, why);
	if (!ret)
		ret = shares_no_page(dev, true, why);
	return ret ? ret : can_change(dev, why);
}

int manage_may_reset(struct pci_dev *dev, struct pci_reason *why)
{
	int ret = is_sound(dev, why);

	if (!ret && pci_dev_owner(dev) == PCI_OWNER_GUEST)
		ret = manage_refuse(why, -EBUSY, "owned by the guest");
	if (!ret)
		ret = can_change(dev, why);
	/* reset=none lets it change hands; it does not make a reset of it. */
	if (!ret && pci_reset_method(dev, why) == PCI_RESET_NONE)
		ret = -EOPNOTSUPP;
	return ret;
}
