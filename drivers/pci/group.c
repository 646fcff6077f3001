/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requester IDs, ACS and isolation groups.
 *
 * Groups follow the tree. A bus is one place for all that stands on it unless the bridge above keeps its
 * devices apart from the rest, so a device is in the group of the bridge above it, or, where that bridge
 * isolates, in the group of its own slot, if the slot's functions can reach each other, or alone. Each step
 * leads to a lower BDF, so the answer is the lowest of the group, whichever member asks: no sets to merge
 * and no memory for them.
 */
#include "drivers/pci/group.h"

#include "core/errno.h"
#include "core/log.h"
#include "drivers/pci/regs.h"

/* How many bridges stand above a device at most: each is on a bus of a higher number than the next. */
#define DEPTH_MAX 256u

/* ---- requester IDs ---- */

static int add_id(struct pci_dev *dev, u16 id)
{
	for (unsigned int i = 0; i < dev->requester_ids; i++) {
		if (dev->requester_id[i] == id)
			return 0;
	}
	if (dev->requester_ids == PCI_REQUESTER_IDS)
		return -E2BIG;
	dev->requester_id[dev->requester_ids++] = id;
	return 0;
}

/*
 * With Phantom Functions Enable a function also uses the IDs of the functions above it: of as many function
 * numbers as its most significant one, two or three bits give ([PCIe] 7.5.3.3, Phantom Functions
 * Supported). A function whose own number has one of these bits set breaks that rule and has none.
 */
static int add_phantoms(struct pci_dev *dev)
{
	u32 bits, step;

	if (!dev->pcie_cap || !(pci_dev_read(dev, dev->pcie_cap + PCIE_DEVICE_CONTROL, 2) & PCIE_DEVICE_CONTROL_PHANTOM))
		return 0;
	bits = (pci_dev_read(dev, dev->pcie_cap + PCIE_DEVICE_CAP, 4) & PCIE_DEVICE_CAP_PHANTOM) >> PCIE_DEVICE_CAP_PHANTOM_SHIFT;
	step = PCI_FUNCTIONS >> bits;
	if (!bits || PCI_FN(dev->sbdf.bdf) >= step)
		return 0;
	for (u32 fn = PCI_FN(dev->sbdf.bdf) + step; fn < PCI_FUNCTIONS; fn += step) {
		int ret = add_id(dev, (u16)((dev->sbdf.bdf & ~(PCI_FUNCTIONS - 1)) | fn));

		if (ret)
			return ret;
	}
	return 0;
}

static bool is_pcie_to_pci(const struct pci_dev *bridge)
{
	return bridge->is_pcie && bridge->pcie_type == PCIE_TYPE_TO_PCI_BRIDGE;
}

/*
 * What conventional PCI bridges above it put in the place of a device's ID (PCI Express to PCI/PCI-X Bridge
 * specification 1.0, 2.3; Intel VT-d specification rev. 4.1, 3.4.1): a PCIe-to-PCI bridge uses its
 * secondary bus with device and function 0, or for some requests its own ID; a PCI-to-PCI bridge its own.
 * PCI Express ports leave the ID as it is.
 */
static int add_aliases(struct pci_dev *dev)
{
	for (const struct pci_dev *bridge = dev->parent; bridge; bridge = bridge->parent) {
		int ret = 0;

		if (bridge->is_pcie && !is_pcie_to_pci(bridge))
			continue;
		if (is_pcie_to_pci(bridge))
			ret = add_id(dev, PCI_BDF(bridge->secondary_bus, 0, 0));
		if (!ret)
			ret = add_id(dev, bridge->sbdf.bdf);
		if (ret)
			return ret;
	}
	return 0;
}

int pci_requester_ids(struct pci_dev *dev)
{
	int ret;

	dev->requester_ids = 0;
	ret = add_id(dev, dev->sbdf.bdf);
	if (!ret)
		ret = add_phantoms(dev);
	if (!ret)
		ret = add_aliases(dev);
	if (!ret)
		return 0;
	/* Half a list would let some of its DMA through: it has none, and is attached to nothing. */
	dev->requester_ids = 0;
	log_warn("pci: " SBDF_FMT " has more than %d requester IDs: too many bridges above it", SBDF_ARGS(dev->sbdf),
		 PCI_REQUESTER_IDS);
	return ret;
}

/* ---- ACS ([PCIe] 6.12, 7.7.11) ---- */

void pci_acs_enable(struct pci_dev *dev)
{
	unsigned int acs = pci_find_ext_cap(dev, PCIE_EXT_ID_ACS);
	u32 capability, control, wanted;

	if (!acs)
		return;
	capability = pci_dev_read(dev, acs + PCIE_ACS_CAP, 2);
	control = pci_dev_read(dev, acs + PCIE_ACS_CONTROL, 2);
	/* Direct Translated P2P would let requests with translated addresses pass the redirection by. */
	wanted = (control | (capability & PCIE_ACS_ISOLATION)) & ~PCIE_ACS_DIRECT_TRANSLATED;
	if (wanted != control)
		pci_dev_write(dev, acs + PCIE_ACS_CONTROL, 2, wanted);
}

/*
 * Is everything on that the function has of it? What it lacks of the four it cannot do the wrong way either
 * (6.12.1).
 */
static bool acs_isolates(struct pci_dev *dev)
{
	unsigned int acs = pci_find_ext_cap(dev, PCIE_EXT_ID_ACS);
	u32 capability, control;

	if (!acs)
		return false;
	capability = pci_dev_read(dev, acs + PCIE_ACS_CAP, 2) & PCIE_ACS_ISOLATION;
	control = pci_dev_read(dev, acs + PCIE_ACS_CONTROL, 2);
	return (control & capability) == capability && !(control & PCIE_ACS_DIRECT_TRANSLATED);
}

/* ---- groups ---- */

static bool is_port(const struct pci_dev *dev, u8 type)
{
	return dev->header_type == PCI_HEADER_BRIDGE && dev->is_pcie && dev->pcie_type == type;
}

/* The function at that address if it stands there by itself: a virtual function is no neighbour in a slot. */
static struct pci_dev *neighbour(const struct pci_dev *dev, unsigned int i, unsigned int count)
{
	struct sbdf sbdf = { dev->sbdf.segment, (u16)((dev->sbdf.bdf & ~(count - 1)) | i) };
	struct pci_dev *found = pci_dev_find(sbdf);

	if (found && found->pf) {
		pci_dev_put(found, PCI_REF_TRANSIENT);
		return NULL;
	}
	return found;
}

/*
 * The functions of a device: those of its slot, or, where a link leads to it (ARI: [PCIe] 6.13, eight-bit
 * function numbers), of its bus.
 */
static unsigned int functions_of(const struct pci_dev *dev)
{
	const struct pci_dev *above = dev->parent;

	return above && (is_port(above, PCIE_TYPE_ROOT_PORT) || is_port(above, PCIE_TYPE_DOWNSTREAM)) ? PCI_FUNCTIONS_ARI :
													PCI_FUNCTIONS;
}

/*
 * Do the functions of dev's slot keep to themselves: is it the only one, or has each of them ACS? *lowest
 * is the lowest of them.
 */
static bool slot_isolates(struct pci_dev *dev, u16 *lowest)
{
	unsigned int count = functions_of(dev), present = 0;
	bool isolated = true;

	*lowest = dev->sbdf.bdf;
	if (dev->pf)
		return true;
	for (unsigned int i = 0; i < count; i++) {
		struct pci_dev *other = neighbour(dev, i, count);

		if (!other)
			continue;
		present++;
		isolated = isolated && acs_isolates(other);
		if (other->sbdf.bdf < *lowest)
			*lowest = other->sbdf.bdf;
		pci_dev_put(other, PCI_REF_TRANSIENT);
	}
	return present < 2 || isolated;
}

/*
 * A switch: its downstream ports stand on one bus, and one without ACS sends requests down any of the
 * others.
 */
static bool switch_isolates(const struct pci_dev *upstream)
{
	bool isolates = true;

	for (unsigned int i = 0; i < PCI_FUNCTIONS_ARI && isolates; i++) {
		struct sbdf sbdf = { upstream->sbdf.segment, (u16)((u32)upstream->secondary_bus << 8 | i) };
		struct pci_dev *port = pci_dev_find(sbdf);

		if (!port)
			continue;
		isolates = acs_isolates(port);
		pci_dev_put(port, PCI_REF_TRANSIENT);
	}
	return isolates;
}

/*
 * Does this bridge keep what is behind it from itself and what is around it? A port's ACS judges what comes
 * up through it; what a neighbour sends down through it passes. So a port isolates only where its
 * neighbours do.
 */
static bool bridge_isolates(struct pci_dev *bridge)
{
	u16 lowest;

	if (is_port(bridge, PCIE_TYPE_ROOT_PORT))
		return acs_isolates(bridge) && slot_isolates(bridge, &lowest);
	if (is_port(bridge, PCIE_TYPE_DOWNSTREAM))
		return acs_isolates(bridge) && bridge->parent && switch_isolates(bridge->parent);
	if (is_port(bridge, PCIE_TYPE_UPSTREAM))
		return switch_isolates(bridge);
	return false; /* a conventional bus: everybody hears everybody, and requests carry the bridge's ID */
}

static u16 leader_of(struct pci_dev *dev)
{
	u16 lowest;

	for (unsigned int i = 0; i < DEPTH_MAX && dev->parent && !bridge_isolates(dev->parent); i++)
		dev = dev->parent;
	return slot_isolates(dev, &lowest) ? dev->sbdf.bdf : lowest;
}

void pci_group_compute(struct pci_dev *dev)
{
	dev->group = leader_of(dev);
}

void pci_groups_compute(void)
{
	for (struct pci_dev *dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev))
		pci_group_compute(dev);
}

/* ---- who may have what ---- */

/* Host, ISA and PCI bridges and ports forward what others send: nobody owns them as he owns a device. */
static bool only_forwards(const struct pci_dev *dev)
{
	return PCI_BASE_CLASS(dev->class_code) == PCI_BASE_CLASS_BRIDGE;
}

static bool same_group(const struct pci_dev *a, const struct pci_dev *b)
{
	return a->sbdf.segment == b->sbdf.segment && a->group == b->group;
}

/*
 * What keeps the guest from a group that this device is in; NULL: nothing. One that waits in quarantine for
 * an owner does not: it was reset, masters nothing, and the guest could have it too. (Otherwise no group of
 * two could ever be given, one after the other.)
 */
static const char *stands_in_the_way(const struct pci_dev *dev)
{
	if (pci_dev_owner(dev) == PCI_OWNER_FAIRLEAD)
		return "which Fairlead uses";
	if (pci_dev_has(dev, PCI_FLAG_HIDDEN))
		return "which is hidden";
	if (pci_dev_has(dev, PCI_FLAG_BROKEN))
		return "which is broken";
	return NULL;
}

/* Fairlead's own devices must not be within the guest's reach either. */
static const char *conflict(const struct pci_dev *other, enum pci_owner owner)
{
	if (owner == PCI_OWNER_GUEST)
		return stands_in_the_way(other);
	if (owner == PCI_OWNER_FAIRLEAD && pci_dev_owner(other) == PCI_OWNER_GUEST)
		return "which is the guest's";
	return NULL;
}

int pci_group_allows(struct pci_dev *dev, enum pci_owner owner, struct pci_reason *why)
{
	bool mixed = pci_dev_has(dev, PCI_FLAG_GROUP_MIXED);
	int ret = 0;

	if (mixed || only_forwards(dev))
		return 0;
	for (struct pci_dev *other = pci_dev_next(NULL); other; other = pci_dev_next(other)) {
		const char *text;

		if (other == dev || !same_group(dev, other))
			continue;
		mixed = mixed || pci_dev_has(other, PCI_FLAG_GROUP_MIXED);
		text = only_forwards(other) ? NULL : conflict(other, owner);
		if (!text || ret)
			continue;
		ret = -EPERM;
		if (why)
			fl_snprintf(why->text, sizeof(why->text), "its group holds " SBDF_FMT ", %s", SBDF_ARGS(other->sbdf),
				    text);
	}
	return mixed ? 0 : ret;
}

#define LINE_MAX 200

/* " 00:1f.3" for each other member; false if there is none. */
static bool list_members(const struct pci_dev *leader, char line[LINE_MAX])
{
	int used = 0;

	line[0] = '\0';
	for (struct pci_dev *dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev)) {
		if (dev == leader || !same_group(leader, dev))
			continue;
		if (used < LINE_MAX - 16) /* a full line ends; the log is for people */
			used += fl_snprintf(line + used, (size_t)(LINE_MAX - used), " %02x:%02x.%x", PCI_BUS(dev->sbdf.bdf),
					    PCI_DEV(dev->sbdf.bdf), PCI_FN(dev->sbdf.bdf));
	}
	return used > 0;
}

void pci_groups_log(void)
{
	char line[LINE_MAX];

	for (struct pci_dev *dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev)) {
		if (dev->group == dev->sbdf.bdf && list_members(dev, line))
			log_info("pci: group " SBDF_FMT "%s: not isolated from each other", SBDF_ARGS(dev->sbdf), line);
	}
}
