/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding the functions (PCI Local Bus 3.0, 3.2.2.3; PCIe base spec 6.0, 7.3).
 *
 * A bridge's secondary bus has a higher number than the bus it stands on, so one pass over the buses in
 * ascending order meets each bridge before the bus behind it: no recursion, and bus numbers that loop
 * cannot be followed. A bus that no bridge claims is scanned as another root bus (a second root complex).
 */
#include "core/errno.h"
#include "core/log.h"
#include "core/string.h"
#include "drivers/pci/group.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/pci.h"
#include "drivers/pci/regs.h"

#define BUSES	    256u
#define DEVICES	    32u
#define FUNCTIONS   8u

struct scan {
	u16 segment;
	unsigned int found;
	struct pci_dev *bridge_to[BUSES]; /* the bridge whose secondary bus this is; borrowed */
};

static bool is_bridge(const struct pci_dev *dev)
{
	return dev->header_type == PCI_HEADER_BRIDGE;
}

static void read_identity(struct pci_dev *dev)
{
	u32 ids = pci_dev_read(dev, PCI_VENDOR_ID, 4);
	u32 class_rev = pci_dev_read(dev, PCI_REVISION_ID, 4);
	u32 type = pci_dev_read(dev, PCI_HEADER_TYPE, 1);

	dev->vendor = (u16)ids;
	dev->device = (u16)(ids >> 16);
	dev->class_code = class_rev >> 8;
	dev->revision = (u8)class_rev;
	dev->header_type = type & PCI_HEADER_TYPE_MASK;
	dev->multifunction = type & PCI_HEADER_MULTIFUNCTION;
	if (dev->header_type == PCI_HEADER_ENDPOINT) {
		dev->subsystem_vendor = (u16)pci_dev_read(dev, PCI_SUBSYSTEM_VENDOR_ID, 2);
		dev->subsystem = (u16)pci_dev_read(dev, PCI_SUBSYSTEM_ID, 2);
	}
}

/* Behind some bridges the upper address bits are lost and extended space shows the header again. */
static bool extended_space_answers(struct sbdf sbdf)
{
	u32 first;

	if (!pci_cfg_reaches(sbdf, PCIE_EXT_CAP_START))
		return false;
	first = pci_cfg_read(sbdf, PCIE_EXT_CAP_START, 4);
	return first != 0xffffffffu && first != pci_cfg_read(sbdf, PCI_VENDOR_ID, 4);
}

static void read_express(struct pci_dev *dev)
{
	dev->pcie_cap = (u16)pci_find_cap(dev, PCI_CAP_ID_EXPRESS);
	if (!dev->pcie_cap)
		return;
	dev->is_pcie = true;
	dev->pcie_type = PCIE_CAPABILITIES_TYPE(pci_dev_read(dev, dev->pcie_cap + PCIE_CAPABILITIES, 2));
	if (extended_space_answers(dev->sbdf))
		dev->cfg_size = PCIE_CFG_SIZE;
}

/* Notes the bus behind a bridge, if its numbers can be believed. */
static void claim_secondary(struct scan *scan, struct pci_dev *dev)
{
	u8 bus = PCI_BUS(dev->sbdf.bdf);
	u8 secondary = (u8)pci_dev_read(dev, PCI_SECONDARY_BUS, 1);
	u8 subordinate = (u8)pci_dev_read(dev, PCI_SUBORDINATE_BUS, 1);
	const char *fault = NULL;

	if (secondary == 0)
		fault = "unset";
	else if (secondary <= bus)
		fault = "leading back";
	else if (subordinate < secondary)
		fault = "reversed";
	else if (dev->parent && subordinate > dev->parent->subordinate_bus)
		fault = "outside the bridge's above";
	else if (scan->bridge_to[secondary])
		fault = "another bridge's";
	if (fault) {
		log_warn("pci: bridge " SBDF_FMT ": bus numbers %u-%u are %s: not entered",
			 SBDF_ARGS(dev->sbdf), secondary, subordinate, fault);
		return;
	}
	dev->secondary_bus = secondary;
	dev->subordinate_bus = subordinate;
	scan->bridge_to[secondary] = dev;
}

/*
 * An object for the function that answers at sbdf. 0; -ENOMEM. A function that vanishes meanwhile leaves
 * nothing behind.
 */
static int add_function(struct scan *scan, struct sbdf sbdf, struct pci_dev *parent)
{
	struct pci_dev *dev = pci_dev_create(sbdf, parent);
	int ret;

	if (!dev) {
		log_error("pci: more functions than the pool has objects for: " SBDF_FMT, SBDF_ARGS(sbdf));
		return -ENOMEM;
	}
	dev->cfg_size = PCI_CFG_SIZE;
	read_identity(dev);
	if (dev->header_type > PCI_HEADER_CARDBUS) {
		log_warn("pci: " SBDF_FMT ": header type 0x%02x is not known: ignored", SBDF_ARGS(sbdf),
			 dev->header_type);
		pci_dev_drop(dev);
		return 0;
	}
	read_express(dev);
	/* One whose requests cannot all be told to be its own is left blocked, and is nobody's. */
	if (pci_requester_ids(dev))
		atomic_fetch_or(&dev->flags, PCI_FLAG_HIDDEN);
	if (!pci_size_bars(dev)) {
		pci_dev_drop(dev);
		return 0;
	}
	ret = pci_dev_publish(dev);
	if (ret) {
		log_error("pci: " SBDF_FMT " cannot be entered in the table (%d)", SBDF_ARGS(sbdf), ret);
		pci_dev_drop(dev);
		return ret;
	}
	if (is_bridge(dev))
		claim_secondary(scan, dev);
	scan->found++;
	return 0;
}

static bool function_answers(struct sbdf sbdf)
{
	u32 vendor = pci_cfg_read(sbdf, PCI_VENDOR_ID, 2);

	if (vendor == PCI_VENDOR_CRS) {
		/*
		 * Firmware has waited its second already; the device is not usable, and its header not
		 * readable.
		 */
		log_warn("pci: " SBDF_FMT " is not ready (configuration request retry): ignored",
			 SBDF_ARGS(sbdf));
		return false;
	}
	/* Some bridges answer 0 for what is not there. */
	return vendor != PCI_VENDOR_NONE && vendor != 0;
}

/* Functions 1 to 7 exist only if function 0 does and says so (PCI Local Bus 3.0, 6.2.1, header type). */
static int scan_slot(struct scan *scan, unsigned int bus, unsigned int device, struct pci_dev *parent)
{
	struct sbdf sbdf = { scan->segment, PCI_BDF(bus, device, 0) };

	if (!function_answers(sbdf))
		return 0;
	for (unsigned int fn = 0; fn < FUNCTIONS; fn++) {
		struct sbdf f = { scan->segment, PCI_BDF(bus, device, fn) };
		int ret;

		if (fn && !function_answers(f))
			continue;
		ret = add_function(scan, f, parent);
		if (ret)
			return ret;
		if (!fn && !(pci_cfg_read(sbdf, PCI_HEADER_TYPE, 1) & PCI_HEADER_MULTIFUNCTION))
			break;
	}
	return 0;
}

/* A link has one device at its end, number 0 (PCIe base spec 6.0, 7.3.1); some answer to every number. */
static bool leads_to_link(const struct pci_dev *bridge)
{
	return bridge && bridge->is_pcie &&
	       (bridge->pcie_type == PCIE_TYPE_ROOT_PORT || bridge->pcie_type == PCIE_TYPE_DOWNSTREAM);
}

/* Has firmware turned ARI forwarding on? Version 1 of the capability ends before that register. */
static bool forwards_ari(struct pci_dev *port)
{
	u32 capabilities = pci_dev_read(port, port->pcie_cap + PCIE_CAPABILITIES, 2);

	if ((capabilities & PCIE_CAPABILITIES_VERSION) < 2)
		return false;
	return pci_dev_read(port, port->pcie_cap + PCIE_DEVICE_CONTROL2, 2) & PCIE_DEVICE_CONTROL2_ARI;
}

/* With ARI, device numbers above 0 are functions of the same device and need no function 0 of their own. */
static int scan_ari_bus(struct scan *scan, unsigned int bus, struct pci_dev *bridge)
{
	if (!function_answers((struct sbdf){ scan->segment, PCI_BDF(bus, 0, 0) }))
		return 0;
	for (unsigned int fn = 0; fn < DEVICES * FUNCTIONS; fn++) {
		struct sbdf sbdf = { scan->segment, (u16)(bus << 8 | fn) };
		int ret = function_answers(sbdf) ? add_function(scan, sbdf, bridge) : 0;

		if (ret)
			return ret;
	}
	return 0;
}

static int scan_bus(struct scan *scan, unsigned int bus)
{
	struct pci_dev *bridge = scan->bridge_to[bus];
	bool link = leads_to_link(bridge);

	if (link && forwards_ari(bridge))
		return scan_ari_bus(scan, bus, bridge);
	for (unsigned int device = 0; device < (link ? 1 : DEVICES); device++) {
		int ret = scan_slot(scan, bus, device, bridge);

		if (ret)
			return ret;
	}
	return 0;
}

/* All reachable buses of one segment. Returns the number of functions, or -errno. */
static int scan_segment(u16 segment)
{
	static struct scan scan; /* boot only; 2 KiB that the stack need not hold */

	memset(&scan, 0, sizeof(scan));
	scan.segment = segment;
	for (unsigned int bus = 0; bus < BUSES; bus++) {
		int ret;

		if (!pci_cfg_reaches((struct sbdf){ segment, PCI_BDF(bus, 0, 0) }, PCI_VENDOR_ID))
			continue;
		ret = scan_bus(&scan, bus);
		if (ret)
			return ret;
	}
	return (int)scan.found;
}

/* True if an earlier window has the same segment (one segment's buses may be split over several). */
static bool segment_done(const struct ecam_window *windows, unsigned int i)
{
	for (unsigned int j = 0; j < i; j++) {
		if (windows[j].segment == windows[i].segment)
			return true;
	}
	return windows[i].segment == 0;
}

int pci_enumerate(void)
{
	const struct ecam_window *windows;
	unsigned int count = pci_ecam_windows(&windows);
	int found = scan_segment(0); /* with or without ECAM */

	for (unsigned int i = 0; i < count && found >= 0; i++) {
		int n;

		if (segment_done(windows, i))
			continue;
		n = scan_segment(windows[i].segment);
		found = n < 0 ? n : found + n;
	}
	return found ? found : -ENODEV;
}
