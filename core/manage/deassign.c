/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking a device from the guest. The way is the same for a deassign, for an assign that failed half-way, and
 * for a device that vanished; what the guest does not have of the device is passed over.
 *
 *	vPCI off -> silence -> DMA blocked -> messages freed -> reset -> quarantine
 *
 * There is no way back once the guest has lost sight of the device. So a step that fails does not end it: the
 * rest is done all the same, and the device ends in quarantine, BROKEN. It guards that nobody gets a device
 * of which the guest still has a part.
 */
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/manage/internal.h"
#include "drivers/pci/regs.h"
#include "drivers/vpci/vpci.h"

#define MS 1000u /* microseconds */

#define WITHDRAW_LOOK_US  (10 * MS)
#define WITHDRAW_LOOKS	  200u /* while another CPU changes the device's map */
#define WITHDRAW_FAILURES 3u   /* each may have waited a second for a CPU that does not answer */
#define PENDING_LOOK_US	  (10 * MS)
#define PENDING_US	  (1000 * MS)

static void step_silence(struct manage_op *op);
static void step_pending(struct manage_op *op);
static void step_block(struct manage_op *op);
static void step_detach(struct manage_op *op);
static void step_reset(struct manage_op *op);
static void step_rest(struct manage_op *op);

/* ---- vPCI off ---- */

/* A device that vanished cannot be let go of before this has come to its end: its object waits. */
static bool withdraw_again(struct manage_op *op, int error)
{
	if (op->kind == PCI_OP_SURPRISE)
		return true;
	return ++op->tries < (error == -EINPROGRESS ? WITHDRAW_LOOKS : WITHDRAW_FAILURES);
}

static void step_withdraw(struct manage_op *op)
{
	int ret = MANAGE_CALL(vpci_withdraw_start, op->dev);

	op->withdrawn = !ret || ret == -ENODEV;
	if (!op->withdrawn && withdraw_again(op, ret)) {
		manage_later(op, step_withdraw, WITHDRAW_LOOK_US);
		return;
	}
	if (!ret)
		manage_say(op, "vPCI off, no CPU reaches its registers");
	else if (ret != -ENODEV)
		manage_broken(op, "taking its registers from the guest", ret);
	manage_next(op, step_silence);
}

void manage_take_away(struct manage_op *op)
{
	op->tries = 0;
	manage_next(op, step_withdraw);
}

/* ---- silence: nothing is sent that the guest has set up ---- */

static void set_bits(struct pci_dev *dev, unsigned int offset, u32 set, u32 clear)
{
	u32 value = pci_dev_read(dev, offset, 2);

	pci_dev_write(dev, offset, 2, (value | set) & ~clear);
}

static void mask_messages(struct pci_dev *dev)
{
	unsigned int cap = pci_find_cap(dev, PCI_CAP_ID_MSI);

	if (cap)
		set_bits(dev, cap + PCI_MSI_CONTROL, 0, PCI_MSI_ENABLE);
	cap = pci_find_cap(dev, PCI_CAP_ID_MSIX);
	if (cap) {
		set_bits(dev, cap + PCI_MSIX_CONTROL, PCI_MSIX_FUNCTION_MASK, 0);
		set_bits(dev, cap + PCI_MSIX_CONTROL, 0, PCI_MSIX_ENABLE);
	}
	/* With messages off it would fall back to its pin. */
	set_bits(dev, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, 0);
}

static void step_silence(struct manage_op *op)
{
	if (pci_dev_has(op->dev, PCI_FLAG_GONE)) {
		manage_next(op, step_block);
		return;
	}
	mask_messages(op->dev);
	pci_dev_stop_dma(op->dev);
	op->deadline_us = arch_time_us() + PENDING_US;
	step_pending(op);
}

/* Transactions Pending (PCIe base spec 6.0, 7.5.3.5). */
static bool pending(struct pci_dev *dev)
{
	return dev->pcie_cap && !pci_dev_has(dev, PCI_FLAG_GONE) &&
	       (pci_dev_read(dev, dev->pcie_cap + PCIE_DEVICE_STATUS, 2) & PCIE_DEVICE_STATUS_PENDING);
}

static void step_pending(struct manage_op *op)
{
	/* One that is gone has everything "pending". */
	(void)pci_dev_read(op->dev, PCI_VENDOR_ID, 2);
	if (pending(op->dev)) {
		if (arch_time_us() < op->deadline_us) {
			manage_later(op, step_pending, PENDING_LOOK_US);
			return;
		}
		log_warn("manage: " SBDF_FMT
			 ": transactions are pending for 1 s: its DMA is blocked all the same",
			 SBDF_ARGS(op->dev->sbdf));
	}
	manage_say(op, "messages masked, bus mastering off");
	manage_next(op, step_block);
}

/* ---- DMA ---- */

static void step_block(struct manage_op *op)
{
	int ret = 0;

	if (!manage_has_unit(op->dev)) {
		log_warn("manage: " SBDF_FMT ": no IOMMU unit covers it: its DMA cannot be blocked",
			 SBDF_ARGS(op->dev->sbdf));
	} else {
		ret = MANAGE_CALL(iommu_block, op->dev);
		if (ret)
			manage_broken(op, "blocking its DMA", ret);
		else
			manage_say(op, "DMA blocked");
	}
	op->unblocked = ret;
	manage_next(op, step_detach);
}

/* ---- messages: entries and descriptors, with the rest of what vPCI kept ---- */

static void step_detach(struct manage_op *op)
{
	int ret = op->withdrawn ? MANAGE_CALL(vpci_detach, op->dev) : -EBUSY;

	if (!ret)
		manage_say(op, "messages freed");
	else if (ret != -ENODEV && op->withdrawn)
		manage_broken(op, "freeing its messages", ret);
	manage_next(op, op->exposed ? step_reset : step_rest);
}

/* ---- reset ---- */

static void reset_over(struct manage_op *op, int result)
{
	if (result == -ENODEV)
		manage_failed(op, "reset", result); /* it has vanished: it needs none */
	else if (result)
		manage_broken(op, "reset", result);
	else
		manage_say(op, op->reset.method == PCI_RESET_NONE ? "not reset (reset=none), switched off"
								  : "reset");
	manage_next(op, step_rest);
}

static void step_reset(struct manage_op *op)
{
	manage_reset_device(op, reset_over);
}

/* ---- rest ---- */

/* After the reset, what was in the way of blocking may be gone. It stays BROKEN, but it is held. */
static void block_after_all(struct manage_op *op)
{
	int ret = MANAGE_CALL(iommu_block, op->dev);

	if (ret)
		log_error("manage: " SBDF_FMT ": its DMA is still not blocked (%d)", SBDF_ARGS(op->dev->sbdf),
			  ret);
	else
		manage_say(op, "DMA blocked after all");
}

static void step_rest(struct manage_op *op)
{
	if (op->unblocked)
		block_after_all(op);
	if (op->kind == PCI_OP_SURPRISE) {
		/* The claim, the event and the object's death are drivers/pci's. */
		pci_surprise_done(op->dev);
		manage_op_free(op);
		return;
	}
	/* Who has claimed a device is the only one who moves it, and it does not die under him. */
	if (pci_dev_set_owner(op->dev, PCI_OWNER_QUARANTINE))
		panic(SBDF_FMT ": claimed, and yet it cannot go to quarantine", SBDF_ARGS(op->dev->sbdf));
	manage_say(op, "in quarantine");
	manage_op_end(op);
}

/* ---- the operations ---- */

static void begin_deassign(struct manage_op *op)
{
	op->exposed = true;
	manage_take_away(op);
}

int manage_deassign(struct sbdf sbdf, u32 *ticket, struct pci_reason *why)
{
	return manage_start(sbdf, PCI_OP_DEASSIGN, manage_may_deassign, begin_deassign, ticket, why);
}
