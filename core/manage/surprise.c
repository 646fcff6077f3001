/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device of the guest's has vanished: it is taken from the guest without being touched (deassign.c), then
 * it dies. Nobody can refuse that, so if the pool of operations is empty, the device, which is claimed
 * already, waits until one ends.
 */
#include "core/log.h"
#include "core/manage/internal.h"
#include "drivers/pci/regs.h"

static _Atomic bool some_wait; /* some device has PCI_FLAG_WAITS */

/* False: there is no room. */
static bool start(struct pci_dev *dev)
{
	struct manage_op *op;

	pci_dev_get(dev, PCI_REF_WORK);
	op = manage_op_new(dev, PCI_OP_SURPRISE);
	if (op)
		manage_take_away(op);
	else
		pci_dev_put(dev, PCI_REF_WORK);
	return op;
}

/* It cannot be lost: BASE and OWNER stay with it as long as it is claimed. */
static void wait(struct pci_dev *dev)
{
	atomic_fetch_or_explicit(&dev->flags, PCI_FLAG_WAITS, memory_order_relaxed);
	atomic_store(&some_wait, true);
}

void manage_surprise(struct pci_dev *dev)
{
	log_info("manage: surprise " SBDF_FMT ": it is taken from the guest", SBDF_ARGS(dev->sbdf));
	if (start(dev))
		return;
	log_warn("manage: surprise " SBDF_FMT ": too many operations at once, it waits",
		 SBDF_ARGS(dev->sbdf));
	wait(dev);
	/* The last one may have ended just before. */
	manage_surprise_next();
}

void manage_surprise_next(void)
{
	if (!atomic_load(&some_wait) || !atomic_exchange(&some_wait, false))
		return;
	for (struct pci_dev *dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev)) {
		if (!pci_dev_has(dev, PCI_FLAG_WAITS) ||
		    !(atomic_fetch_and(&dev->flags, ~(u32)PCI_FLAG_WAITS) & PCI_FLAG_WAITS))
			continue; /* not it, or another CPU was faster */
		if (!start(dev))
			wait(dev);
	}
}

/* ---- the link of the port above a vanished device (PCIe base spec 6.0, 7.5.3.7: Link Disable) ---- */

void manage_link(struct pci_dev *port, bool enable)
{
	unsigned int offset = port->pcie_cap + PCIE_LINK_CONTROL;
	u32 control;

	if (!port->pcie_cap)
		return;
	/* The guest may own the port and write the same register. */
	pci_vpci_lock(port);
	control = pci_dev_read(port, offset, 2);
	pci_dev_write(port, offset, 2,
		      enable ? control & ~PCIE_LINK_CONTROL_DISABLE : control | PCIE_LINK_CONTROL_DISABLE);
	pci_vpci_unlock(port);
	log_info("manage: the link below " SBDF_FMT " is %s", SBDF_ARGS(port->sbdf),
		 enable ? "enabled" : "disabled");
}
