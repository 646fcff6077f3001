/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Giving a device to the guest: reset, DMA, vPCI, owner, in this order, so that the guest sees the device
 * only when it is clean and its DMA bounded, and owns it only when all of that is done. What a failed step
 * leaves is taken away again (deassign.c). Beside it the reset of a device in quarantine, and the first
 * assignment at boot.
 */
#include "core/errno.h"
#include "core/log.h"
#include "core/manage/internal.h"
#include "drivers/vpci/vpci.h"

static void retreat(struct manage_op *op, const char *step, int error)
{
	manage_failed(op, step, error);
	manage_take_away(op);
}

static bool has_vanished(struct manage_op *op)
{
	bool gone = pci_dev_has(op->dev, PCI_FLAG_GONE);

	if (gone)
		retreat(op, "it has vanished: assignment", -ENODEV);
	return gone;
}

static void step_own(struct manage_op *op)
{
	int ret;

	if (has_vanished(op))
		return;
	ret = MANAGE_CALL(pci_dev_set_owner, op->dev, PCI_OWNER_GUEST);
	if (ret) {
		retreat(op, "changing the owner", ret);
		return;
	}
	manage_say(op, "owned by the guest");
	manage_op_end(op);
}

static void step_expose(struct manage_op *op)
{
	int ret;

	if (has_vanished(op))
		return;
	ret = MANAGE_CALL(vpci_attach, op->dev);
	if (ret) {
		retreat(op, "showing it to the guest", ret);
		return;
	}
	op->exposed = true;
	manage_say(op, "shown to the guest");
	manage_next(op, step_own);
}

static void step_attach(struct manage_op *op)
{
	int ret;

	if (has_vanished(op))
		return;
	if (manage_has_unit(op->dev)) {
		ret = MANAGE_CALL(iommu_attach, op->dev, &manage_vm()->dma);
		if (ret) {
			retreat(op, "attaching its DMA", ret);
			return;
		}
		manage_say(op, "DMA attached");
	}
	manage_next(op, step_expose);
}

/*
 * Nothing has been given yet: if the reset fails, the device is where it was. A real failure has made it
 * BROKEN (reset.h).
 */
static void reset_over(struct manage_op *op, int result)
{
	if (result) {
		manage_failed(op, "reset", result);
		manage_op_end(op);
		return;
	}
	manage_say(op, op->reset.method == PCI_RESET_NONE ? "not reset (reset=none)" : "reset");
	if (op->kind == PCI_OP_RESET)
		manage_op_end(op);
	else
		manage_next(op, step_attach);
}

static void step_reset(struct manage_op *op)
{
	manage_reset_device(op, reset_over);
}

int manage_assign(struct sbdf sbdf, u32 *ticket, struct pci_reason *why)
{
	return manage_start(sbdf, PCI_OP_ASSIGN, manage_may_assign, step_reset, ticket, why);
}

int manage_reset(struct sbdf sbdf, u32 *ticket, struct pci_reason *why)
{
	return manage_start(sbdf, PCI_OP_RESET, manage_may_reset, step_reset, ticket, why);
}

/* ---- boot ---- */

static int undo_boot(struct pci_dev *dev, bool shown, int error)
{
	int ret = 0;

	if (shown) {
		ret = MANAGE_CALL(vpci_withdraw_start, dev);
		if (!ret)
			ret = MANAGE_CALL(vpci_detach, dev);
	}
	if (manage_has_unit(dev)) {
		int err = MANAGE_CALL(iommu_block, dev);

		ret = ret ? ret : err;
	}
	if (ret) {
		atomic_fetch_or_explicit(&dev->flags, PCI_FLAG_BROKEN, memory_order_relaxed);
		log_error("manage: " SBDF_FMT ": cannot be taken from the guest again (%d): it is broken",
			  SBDF_ARGS(dev->sbdf), ret);
	}
	return error;
}

int manage_give_at_boot(struct pci_dev *dev, struct pci_reason *why)
{
	int ret;

	if (why)
		why->text[0] = '\0';
	ret = manage_may_be_the_guests(dev, why);
	if (ret)
		return ret;
	if (manage_has_unit(dev))
		ret = MANAGE_CALL(iommu_attach, dev, &manage_vm()->dma);
	if (ret) {
		(void)manage_refuse(why, ret, "its DMA cannot be attached");
		return undo_boot(dev, false, ret);
	}
	ret = MANAGE_CALL(vpci_attach, dev);
	if (ret) {
		(void)manage_refuse(why, ret, "it cannot be shown to the guest");
		return undo_boot(dev, false, ret);
	}
	ret = MANAGE_CALL(pci_dev_set_owner, dev, PCI_OWNER_GUEST);
	if (ret) {
		(void)manage_refuse(why, ret, "its owner cannot be changed");
		return undo_boot(dev, true, ret);
	}
	return 0;
}
