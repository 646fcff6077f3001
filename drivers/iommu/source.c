/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Under which requester IDs a device's messages arrive, from what its bridges make of them. Pure.
 */
#include "drivers/iommu/source.h"

#include "core/errno.h"
#include "drivers/pci/regs.h"

static bool is_pcie_to_pci(const struct pci_dev *bridge)
{
	return bridge->is_pcie && bridge->pcie_type == PCIE_TYPE_TO_PCI_BRIDGE;
}

/* The bridge nearest to the root that puts another requester ID in place of the device's; NULL: none does. */
static const struct pci_dev *renaming_bridge(const struct pci_dev *dev)
{
	const struct pci_dev *found = NULL;

	for (const struct pci_dev *bridge = dev->parent; bridge; bridge = bridge->parent) {
		if (!bridge->is_pcie || is_pcie_to_pci(bridge))
			found = bridge;
	}
	return found;
}

/*
 * Behind a conventional bus. There are no requester IDs on one, so the bridge answers for whom it forwards,
 * and its whole bus is one isolation group.
 *
 * A PCI-to-PCI bridge uses its own ID (VT-d specification rev. 4.1, 3.4.1). A PCIe-to-PCI bridge gives a
 * posted write, which a message is, the number of its secondary bus, device and function 0; if that bus is
 * PCI-X, the ID that came with it, which is of a bus from there down to the device's own (PCI Express to
 * PCI/PCI-X Bridge specification 1.0, 2.3). Both are buses behind that bridge. Its own ID, under which it may
 * send other requests, is left out: it would let in what stands beside the bridge.
 */
static int MUST_CHECK source_behind(const struct pci_dev *bridge, const struct pci_dev *dev, struct intr_source *out)
{
	if (bridge->group != dev->group) /* a port between them isolates, but the ID is the bridge's */
		return -EOPNOTSUPP;
	if (is_pcie_to_pci(bridge))
		*out = (struct intr_source){
			.kind = INTR_SOURCE_BUSES, .first_bus = bridge->secondary_bus, .last_bus = PCI_BUS(dev->sbdf.bdf)
		};
	else
		*out = (struct intr_source){ .kind = INTR_SOURCE_ID, .id = bridge->sbdf.bdf };
	return 0;
}

int intr_source_of(const struct pci_dev *dev, struct intr_source *out)
{
	/* by the function bits in which its IDs differ; what group.c makes of phantom functions */
	static const struct {
		u16 bits;
		u8 ignored;
	} phantoms[] = { { 0, 0 }, { 4, 1 }, { 6, 2 }, { 7, 3 } };
	const struct pci_dev *bridge = renaming_bridge(dev);
	u16 differ = 0;

	if (!dev->requester_ids) /* more than its object holds */
		return -EOPNOTSUPP;
	if (bridge)
		return source_behind(bridge, dev, out);
	for (unsigned int i = 0; i < dev->requester_ids; i++)
		differ |= dev->requester_id[i] ^ dev->sbdf.bdf;
	for (unsigned int i = 0; i < ARRAY_SIZE(phantoms); i++) {
		if (phantoms[i].bits != differ)
			continue;
		*out = (struct intr_source){
			.kind = INTR_SOURCE_ID, .id = dev->sbdf.bdf, .ignored = phantoms[i].ignored
		};
		return 0;
	}
	return -EOPNOTSUPP;
}
