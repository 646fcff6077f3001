/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration access through a device object. It guards that nothing is sent to a device that is known to
 * be gone, and it is where a vanished device is noticed: a function that is there never reads its vendor ID
 * as all-ones.
 */
#include "core/log.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/pci.h"
#include "drivers/pci/regs.h"

static u32 flags_of(const struct pci_dev *dev)
{
	return atomic_load_explicit(&dev->flags, memory_order_relaxed);
}

/*
 * Looks at a vendor ID just read. A device in reset answers all-ones for a while and then its ID: BUSY ends
 * with that, unless the reset is one of ours, which has still to write back what it saved.
 */
static void judge_vendor(struct pci_dev *dev, u32 vendor)
{
	u32 flags = flags_of(dev);

	if (vendor != PCI_VENDOR_NONE) {
		if ((flags & (PCI_FLAG_BUSY | PCI_FLAG_RESETTING)) == PCI_FLAG_BUSY && vendor == dev->vendor)
			atomic_fetch_and(&dev->flags, ~(u32)PCI_FLAG_BUSY);
		return;
	}
	if (flags & PCI_FLAG_BUSY)
		return;
	if (atomic_fetch_or(&dev->flags, PCI_FLAG_GONE) & PCI_FLAG_GONE)
		return;
	log_warn("pci: " SBDF_FMT " vanished: its vendor ID reads as all-ones", SBDF_ARGS(dev->sbdf));
	/*
	 * The reader may hold any lock, so the rest is deferred. A NEW one is its creator's to drop; a dying
	 * one dies.
	 */
	if (pci_dev_state(dev) == PCI_LIVE)
		pci_surprise_post(dev);
}

/*
 * A virtual function reads its vendor and device ID as all-ones ([PCIe] 9.3.4.1.1); they are the PF's and
 * what the PF's registers say. Whether it is there, its class code tells, which no function has as all-ones.
 */
static u32 read_vf_ids(struct pci_dev *dev, unsigned int offset, unsigned int size)
{
	const u32 ids = dev->vendor | (u32)dev->device << 16;

	if (pci_cfg_read(dev->sbdf, PCI_REVISION_ID, 4) == pci_all_ones(4))
		return pci_all_ones(size);
	return ids >> (8 * offset) & pci_all_ones(size);
}

u32 pci_dev_read(struct pci_dev *dev, unsigned int offset, unsigned int size)
{
	u32 value;

	if ((flags_of(dev) & PCI_FLAG_GONE) || offset >= dev->cfg_size)
		return pci_all_ones(size);
	value = dev->pf && offset < PCI_COMMAND ? read_vf_ids(dev, offset, size) :
						  pci_cfg_read(dev->sbdf, offset, size);
	if (offset == PCI_VENDOR_ID && size >= 2)
		judge_vendor(dev, value & 0xffffu);
	return value;
}

void pci_dev_write(struct pci_dev *dev, unsigned int offset, unsigned int size, u32 value)
{
	if (!(flags_of(dev) & PCI_FLAG_GONE) && offset < dev->cfg_size)
		pci_cfg_write(dev->sbdf, offset, size, value);
}

void pci_dev_stop_dma(struct pci_dev *dev)
{
	u32 command;

	/* A bridge without Bus Master Enable forwards nothing of what is behind it: not ours to break. */
	if (dev->header_type != PCI_HEADER_ENDPOINT)
		return;
	command = pci_dev_read(dev, PCI_COMMAND, 2);
	if (flags_of(dev) & PCI_FLAG_GONE)
		return;
	pci_dev_write(dev, PCI_COMMAND, 2, command & ~PCI_COMMAND_BUS_MASTER);
	/* The read is ordered behind the write: when it returns, the device has seen the write. */
	(void)pci_dev_read(dev, PCI_COMMAND, 2);
}
