/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walks of the two capability lists (PCI Local Bus 3.0, 6.7; PCIe base spec 6.0, 7.6). The lists are the
 * device's word: pointers may loop, point into the header or at nothing. Each offset is visited at most
 * once, so a walk ends.
 */
#include "drivers/pci/internal.h"
#include "drivers/pci/pci.h"
#include "drivers/pci/regs.h"

/* As many capabilities of one dword as fit behind the header. */
#define CAPS_MAX     ((PCI_CFG_SIZE - PCI_HEADER_SIZE) / 4)
#define EXT_CAPS_MAX ((PCIE_CFG_SIZE - PCIE_EXT_CAP_START) / 4)
static_assert(CAPS_MAX == 48 && EXT_CAPS_MAX == 960, "bounds of the walks");

struct visited {
	u64 bits[PCIE_CFG_SIZE / 4 / 64]; /* one bit a dword */
};

/* True the first time a dword is seen. */
static bool first_visit(struct visited *v, unsigned int offset)
{
	u64 bit = BIT((offset / 4) % 64);
	u64 *word = &v->bits[offset / 4 / 64];
	bool first = !(*word & bit);

	*word |= bit;
	return first;
}

int pci_for_each_cap(struct pci_dev *dev, pci_cap_fn fn, void *ctx)
{
	struct visited seen = { 0 };
	unsigned int offset;

	if (!(pci_dev_read(dev, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST) || dev->header_type > PCI_HEADER_BRIDGE)
		return 0;
	offset = pci_dev_read(dev, PCI_CAP_POINTER, 1) & PCI_CAP_POINTER_MASK;
	for (unsigned int i = 0; i < CAPS_MAX && offset >= PCI_HEADER_SIZE && first_visit(&seen, offset);
	     i++) {
		u32 header = pci_dev_read(dev, offset, 2);
		int ret;

		if (header == 0xffffu) /* no such ID and an impossible pointer: the device is gone */
			break;
		ret = fn(dev, offset, header & 0xffu, 0, ctx);
		if (ret)
			return ret;
		offset = (header >> 8) & PCI_CAP_POINTER_MASK;
	}
	return 0;
}

int pci_for_each_ext_cap(struct pci_dev *dev, pci_cap_fn fn, void *ctx)
{
	struct visited seen = { 0 };
	unsigned int offset = PCIE_EXT_CAP_START;

	if (dev->cfg_size < PCIE_CFG_SIZE)
		return 0;
	for (unsigned int i = 0;
	     i < EXT_CAPS_MAX && offset >= PCIE_EXT_CAP_START && first_visit(&seen, offset); i++) {
		u32 header = pci_dev_read(dev, offset, 4);
		int ret;

		if (header == 0 || header == 0xffffffffu) /* none; gone */
			break;
		ret = fn(dev, offset, PCIE_EXT_CAP_ID(header), PCIE_EXT_CAP_VERSION(header), ctx);
		if (ret)
			return ret;
		offset = PCIE_EXT_CAP_NEXT(header);
	}
	return 0;
}

static int offset_if_wanted(struct pci_dev *dev, unsigned int offset, u16 id, unsigned int version, void *ctx)
{
	const u16 *wanted = ctx;

	(void)dev;
	(void)version;
	return id == *wanted ? (int)offset : 0;
}

unsigned int pci_find_cap(struct pci_dev *dev, u8 id)
{
	u16 wanted = id;

	return (unsigned int)pci_for_each_cap(dev, offset_if_wanted, &wanted);
}

unsigned int pci_find_ext_cap(struct pci_dev *dev, u16 id)
{
	return (unsigned int)pci_for_each_ext_cap(dev, offset_if_wanted, &id);
}
