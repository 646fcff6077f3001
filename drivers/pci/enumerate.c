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
#include "drivers/pci/group.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/pci.h"
#include "drivers/pci/regs.h"

#define BUSES	    256u
#define DEVICES	    32u
#define FUNCTIONS   8u

/* Which bridge leads to a bus, by address: a bridge may be gone by the time its bus is looked at. */
struct scan {
	u16 segment;
	bool isolate; /* turn ACS on in what is found; at boot that is done later */
	unsigned int found;
	bool led_to[BUSES];
	u16 bridge[BUSES];
};

static struct scan scan_state; /* 1 KiB that the stack need not hold; whoever has set `scanning` uses it */
static _Atomic bool scanning;

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

/* What is wrong with a bridge's bus numbers; NULL: nothing. */
static const char *bus_fault(const struct pci_dev *dev, u8 secondary, u8 subordinate)
{
	if (secondary == 0)
		return "unset";
	if (secondary <= PCI_BUS(dev->sbdf.bdf))
		return "leading back";
	if (subordinate < secondary)
		return "reversed";
	if (dev->parent && subordinate > dev->parent->subordinate_bus)
		return "outside the bridge's above";
	return NULL;
}

static void log_bus_fault(const struct pci_dev *dev, u8 secondary, u8 subordinate, const char *fault)
{
	log_warn("pci: bridge " SBDF_FMT ": bus numbers %u-%u are %s: not entered", SBDF_ARGS(dev->sbdf),
		 secondary, subordinate, fault);
}

/*
 * True: it was there until its numbers had been read. From then on the numbers in the object are the ones
 * that count.
 */
static bool read_bus_numbers(struct pci_dev *dev)
{
	u8 secondary = (u8)pci_dev_read(dev, PCI_SECONDARY_BUS, 1);
	u8 subordinate = (u8)pci_dev_read(dev, PCI_SUBORDINATE_BUS, 1);
	const char *fault;

	if ((pci_dev_read(dev, PCI_VENDOR_ID, 2) & 0xffffu) == PCI_VENDOR_NONE)
		return false;
	fault = bus_fault(dev, secondary, subordinate);
	if (fault) {
		log_bus_fault(dev, secondary, subordinate, fault);
		return true;
	}
	dev->secondary_bus = secondary;
	dev->subordinate_bus = subordinate;
	return true;
}

void pci_bridge_disbelieve(struct pci_dev *dev)
{
	log_bus_fault(dev, dev->secondary_bus, dev->subordinate_bus, "another bridge's");
	dev->secondary_bus = dev->subordinate_bus = 0;
}

int pci_dev_fill(struct pci_dev *dev)
{
	read_identity(dev);
	if (dev->header_type > PCI_HEADER_CARDBUS) {
		log_warn("pci: " SBDF_FMT ": header type 0x%02x is not known: ignored", SBDF_ARGS(dev->sbdf),
			 dev->header_type);
		return -ENODEV;
	}
	read_express(dev);
	/* One whose requests cannot all be told to be its own is left blocked, and is nobody's. */
	if (pci_requester_ids(dev))
		atomic_fetch_or(&dev->flags, PCI_FLAG_HIDDEN);
	if (!pci_size_bars(dev) || (is_bridge(dev) && !read_bus_numbers(dev)))
		return -ENODEV;
	return 0;
}

/* Notes the bus behind a bridge that has an object; its numbers are read from nowhere else. */
static void note_bridge(struct scan *scan, const struct pci_dev *dev)
{
	if (!is_bridge(dev) || !dev->secondary_bus)
		return;
	scan->led_to[dev->secondary_bus] = true;
	scan->bridge[dev->secondary_bus] = dev->sbdf.bdf;
}

/*
 * An object for the function that answers at sbdf. 0; -ENOMEM. One that vanishes meanwhile leaves nothing
 * behind; one whose slot is still a dying device's is added when that is gone.
 */
static int add_function(struct scan *scan, struct sbdf sbdf, struct pci_dev *parent)
{
	struct pci_dev *dev;
	int ret = pci_dev_reserve(sbdf, parent, NULL, &dev);

	if (ret == -ENOMEM)
		log_error("pci: more functions than the pool has objects for: " SBDF_FMT, SBDF_ARGS(sbdf));
	if (ret)
		return ret == -ENOMEM ? ret : 0;
	if (pci_dev_fill(dev)) {
		pci_dev_drop(dev);
		return 0;
	}
	if (is_bridge(dev) && scan->led_to[dev->secondary_bus])
		pci_bridge_disbelieve(dev);
	note_bridge(scan, dev);
	if (scan->isolate)
		pci_acs_enable(dev);
	pci_dev_configure(dev);
	pci_dev_publish(dev);
	scan->found++;
	return 0;
}

bool pci_function_answers(struct sbdf sbdf)
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

/* What a scan learns about one function. */
struct answer {
	bool there, multifunction;
};

/* One that has an object is not touched. */
static bool known_function(struct scan *scan, struct sbdf sbdf, struct answer *answer)
{
	struct pci_dev *dev = pci_dev_find(sbdf);

	if (!dev)
		return false;
	answer->there = !pci_dev_has(dev, PCI_FLAG_GONE);
	answer->multifunction = dev->multifunction;
	note_bridge(scan, dev);
	pci_dev_put(dev, PCI_REF_TRANSIENT);
	return true;
}

static int scan_function(struct scan *scan, struct sbdf sbdf, struct pci_dev *parent, struct answer *answer)
{
	*answer = (struct answer){ false, false };
	if (known_function(scan, sbdf, answer))
		return 0;
	answer->there = pci_function_answers(sbdf);
	if (!answer->there)
		return 0;
	answer->multifunction = pci_cfg_read(sbdf, PCI_HEADER_TYPE, 1) & PCI_HEADER_MULTIFUNCTION;
	return add_function(scan, sbdf, parent);
}

/* Functions 1 to 7 exist only if function 0 does and says so (PCI Local Bus 3.0, 6.2.1, header type). */
static int scan_slot(struct scan *scan, unsigned int bus, unsigned int device, struct pci_dev *parent)
{
	struct sbdf sbdf = { scan->segment, PCI_BDF(bus, device, 0) };
	struct answer answer;
	int ret = scan_function(scan, sbdf, parent, &answer);
	unsigned int functions = answer.there && answer.multifunction ? FUNCTIONS : 1;

	for (unsigned int fn = 1; fn < functions && !ret; fn++) {
		sbdf.bdf = PCI_BDF(bus, device, fn);
		ret = scan_function(scan, sbdf, parent, &answer);
	}
	return ret;
}

/* A link has one device at its end, number 0 (PCIe base spec 6.0, 7.3.1); some answer to every number. */
static bool leads_to_link(const struct pci_dev *bridge)
{
	return bridge->is_pcie &&
	       (bridge->pcie_type == PCIE_TYPE_ROOT_PORT || bridge->pcie_type == PCIE_TYPE_DOWNSTREAM);
}

/* Has firmware turned ARI forwarding on? Version 1 of the capability ends before that register. */
static bool forwards_ari(struct pci_dev *port)
{
	u32 capabilities;

	if (!port || !leads_to_link(port))
		return false;
	capabilities = pci_dev_read(port, port->pcie_cap + PCIE_CAPABILITIES, 2);
	if ((capabilities & PCIE_CAPABILITIES_VERSION) < 2)
		return false;
	return pci_dev_read(port, port->pcie_cap + PCIE_DEVICE_CONTROL2, 2) & PCIE_DEVICE_CONTROL2_ARI;
}

/* With ARI, device numbers above 0 are functions of the same device and need no function 0 of their own. */
static int scan_ari_bus(struct scan *scan, unsigned int bus, struct pci_dev *bridge)
{
	struct sbdf sbdf = { scan->segment, PCI_BDF(bus, 0, 0) };
	struct answer answer;
	int ret = scan_function(scan, sbdf, bridge, &answer);
	unsigned int functions = answer.there ? DEVICES * FUNCTIONS : 1;

	for (unsigned int fn = 1; fn < functions && !ret; fn++) {
		sbdf.bdf = (u16)(bus << 8 | fn);
		ret = scan_function(scan, sbdf, bridge, &answer);
	}
	return ret;
}

static int scan_below(struct scan *scan, unsigned int bus, struct pci_dev *bridge)
{
	unsigned int devices = bridge && leads_to_link(bridge) ? 1 : DEVICES;
	int ret = 0;

	if (forwards_ari(bridge))
		return scan_ari_bus(scan, bus, bridge);
	for (unsigned int device = 0; device < devices && !ret; device++)
		ret = scan_slot(scan, bus, device, bridge);
	return ret;
}

static int scan_bus(struct scan *scan, unsigned int bus)
{
	struct pci_dev *bridge;
	int ret = 0;

	if (!scan->led_to[bus])
		return scan_below(scan, bus, NULL);
	bridge = pci_dev_find((struct sbdf){ scan->segment, scan->bridge[bus] });
	if (!bridge)
		return 0;
	/* A bridge that has vanished is asked nothing, and nothing is behind it. */
	if (!pci_dev_has(bridge, PCI_FLAG_GONE))
		ret = scan_below(scan, bus, bridge);
	pci_dev_put(bridge, PCI_REF_TRANSIENT);
	return ret;
}

/* All reachable buses of one segment. Returns the number of functions that got an object, or -errno. */
static int scan_segment(struct scan *scan, u16 segment, bool isolate)
{
	memset(scan, 0, sizeof(*scan));
	scan->isolate = isolate;
	scan->segment = segment;
	for (unsigned int bus = 0; bus < BUSES; bus++) {
		int ret;

		if (!pci_cfg_reaches((struct sbdf){ segment, PCI_BDF(bus, 0, 0) }, PCI_VENDOR_ID))
			continue;
		ret = scan_bus(scan, bus);
		if (ret)
			return ret;
	}
	return (int)scan->found;
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

static int scan_all(bool isolate)
{
	const struct ecam_window *windows;
	unsigned int count = pci_ecam_windows(&windows);
	int found;

	if (atomic_exchange_explicit(&scanning, true, memory_order_acquire))
		return -EBUSY;
	found = scan_segment(&scan_state, 0, isolate); /* with or without ECAM */
	for (unsigned int i = 0; i < count && found >= 0; i++) {
		int n;

		if (segment_done(windows, i))
			continue;
		n = scan_segment(&scan_state, windows[i].segment, isolate);
		found = n < 0 ? n : found + n;
	}
	atomic_store_explicit(&scanning, false, memory_order_release);
	return found;
}

int pci_rescan(void)
{
	int found = scan_all(true);

	if (found > 0)
		pci_groups_compute();
	return found;
}

int pci_enumerate(void)
{
	int found = scan_all(false);

	return found ? found : -ENODEV;
}
