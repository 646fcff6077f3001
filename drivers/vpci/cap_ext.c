/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended capabilities (PCIe base spec 6.0, 7.6 to 7.9): an allow-list. What is not on it is unlinked from
 * the guest's list; extended space that no row covers reads as 0 and ignores writes anyway.
 *
 * Hidden with a reason: ATS, PRI and PASID (the IOMMU's entry for the device does not allow them), SR-IOV
 * (has to be emulated), resizable BAR (the hardware's BARs stay), DPC (an error handler of the port, and
 * the port is Fairlead's).
 */
#include "core/errno.h"
#include "core/log.h"
#include "drivers/pci/regs.h"
#include "drivers/vpci/row.h"

#define EXT_CAPS_MAX 48 /* the specification defines about as many */

/* From the second dword on. */
static int add_read_only(struct vpci_dev *v, const struct vpci_cap *cap, unsigned int length)
	REQUIRES(pci_vpci_class)
{
	unsigned int size = ALIGN_UP(length < cap->extent ? length : cap->extent, 4u);
	struct vpci_row row = { .offset = (u16)(cap->offset + 4),
				.length = (u16)(size - 4),
				.ro = 0xffffffff };

	return size <= 4 ? 0 : vpci_add_row(v, &row);
}

/* A device's own error registers are its driver's; a port's are Fairlead's (7.8.4). */
static int build_aer(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	static const struct vpci_row device[] = {
		{ .offset = PCIE_AER_UNCORRECTABLE_STATUS, .length = 4, .w1c = PCIE_AER_UNCORRECTABLE_BITS },
		{ .offset = PCIE_AER_UNCORRECTABLE_MASK, .length = 4, .rw = PCIE_AER_UNCORRECTABLE_BITS },
		{ .offset = PCIE_AER_UNCORRECTABLE_SEVERITY, .length = 4, .rw = PCIE_AER_UNCORRECTABLE_BITS },
		{ .offset = PCIE_AER_CORRECTABLE_STATUS, .length = 4, .w1c = PCIE_AER_CORRECTABLE_BITS },
		{ .offset = PCIE_AER_CORRECTABLE_MASK, .length = 4, .rw = PCIE_AER_CORRECTABLE_BITS },
		{ .offset = PCIE_AER_CONTROL, .length = 4, .ro = 0xffffffff & ~PCIE_AER_CONTROL_ECRC_ENABLES,
		  .rw = PCIE_AER_CONTROL_ECRC_ENABLES },
	};
	int ret = v->chipset ? 0 : vpci_add_rows(v, cap->offset, device, ARRAY_SIZE(device));

	/* Logs, and all of a port's: dwords that have a row keep it. */
	return ret ? ret : add_read_only(v, cap, PCIE_AER_SIZE);
}

static int build_serial(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	return add_read_only(v, cap, 12); /* 7.9.3 */
}

/*
 * Isolation between functions is Fairlead's to set (7.7.11); the egress vector behind the control register
 * is not shown.
 */
static int build_acs(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	return add_read_only(v, cap, 8);
}

static int build_ari(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	static const struct vpci_row ari[] = {
		{ .offset = 4, .length = 2, .ro = 0xffff }, /* 7.8.8.2: next function */
		{ .offset = 6, .length = 2 },		    /* 7.8.8.3: function groups off, group 0 */
	};

	return vpci_add_rows(v, cap->offset, ari, ARRAY_SIZE(ari));
}

/* 7.8.2: value 9:0 and scale 12:10, for snooped and other requests. */
static int build_ltr(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	static const struct vpci_row ltr[] = {
		{ .offset = 4, .length = 4, .rw = 0x1fff1fff },
	};

	return vpci_add_rows(v, cap->offset, ltr, ARRAY_SIZE(ltr));
}

static int build_l1ss(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	return add_read_only(v, cap, 0x14); /* 7.8.3 */
}

/* 7.9.1: port registers, then 12 bytes for each virtual channel (bits 2:0 of port capability 1, plus one). */
static int build_vc(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	u32 channels = (pci_dev_read(v->dev, cap->offset + 4u, 4) & 7) + 1;

	return add_read_only(v, cap, 0x10 + 12 * channels);
}

/* 7.9.5: the length, header included, is in the upper 12 bits of the second dword. */
static int build_vsec(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	return add_read_only(v, cap, pci_dev_read(v->dev, cap->offset + 4u, 4) >> 20);
}

static const struct ext_rule {
	u16 id;
	int (*build)(struct vpci_dev *v, const struct vpci_cap *cap);
} allowed[] = {
	{ PCIE_EXT_ID_AER, build_aer },	      { PCIE_EXT_ID_SERIAL, build_serial },
	{ PCIE_EXT_ID_ACS, build_acs },	      { PCIE_EXT_ID_ARI, build_ari },
	{ PCIE_EXT_ID_LTR, build_ltr },	      { PCIE_EXT_ID_L1SS, build_l1ss },
	{ PCIE_EXT_ID_VC, build_vc },	      { PCIE_EXT_ID_VC_MFVC, build_vc },
	{ PCIE_EXT_ID_VSEC, build_vsec }, /* last: its length is the device's word */
};

static const struct ext_rule *rule_for(u16 id)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(allowed); i++) {
		if (allowed[i].id == id)
			return &allowed[i];
	}
	return NULL;
}

struct collection {
	struct vpci_cap cap[EXT_CAPS_MAX];
	unsigned int count;
};

static int collect(struct pci_dev *dev, unsigned int offset, u16 id, unsigned int version, void *ctx)
{
	struct collection *all = ctx;

	if (all->count == EXT_CAPS_MAX) {
		log_warn("vpci: " SBDF_FMT " has more than %d extended capabilities: the rest is hidden",
			 SBDF_ARGS(dev->sbdf), EXT_CAPS_MAX);
		return -E2BIG;
	}
	all->cap[all->count++] = (struct vpci_cap){ .offset = (u16)offset, .id = id, .version = (u8)version };
	return 0;
}

/* Chains those that the guest sees. The list begins at 0x100 whatever stands there. */
static u16 link_visible(struct collection *all)
{
	u16 first = 0;

	for (unsigned int i = all->count; i-- > 0;) {
		all->cap[i].next = first;
		if (rule_for(all->cap[i].id))
			first = all->cap[i].offset;
	}
	return first;
}

static int add_header(struct vpci_dev *v, unsigned int offset, u32 id, u32 version, u32 next)
	REQUIRES(pci_vpci_class)
{
	const struct vpci_row row = {
		.offset = (u16)offset,
		.length = 4,
		.value = id | version << 16 | next << 20,
	};

	return vpci_add_row(v, &row);
}

int vpci_build_ext_caps(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	struct collection all = { .count = 0 };
	u16 first;
	int ret = 0;

	(void)pci_for_each_ext_cap(v->dev, collect,
				   &all); /* a list that is too long is used as far as it goes */
	vpci_cap_extents(all.cap, all.count, PCIE_CFG_SIZE);
	first = link_visible(&all);
	/*
	 * 7.9.28: a null capability leads on to the first visible one; without any, the dword is 0, which
	 * ends the list.
	 */
	if (first != PCIE_EXT_CAP_START && v->dev->cfg_size == PCIE_CFG_SIZE)
		ret = add_header(v, PCIE_EXT_CAP_START, 0, 0, first);
	for (unsigned int i = 0; i < all.count && !ret; i++) {
		const struct vpci_cap *cap = &all.cap[i];

		if (rule_for(cap->id))
			ret = add_header(v, cap->offset, cap->id, cap->version, cap->next);
	}
	for (unsigned int r = 0; r < ARRAY_SIZE(allowed) && !ret; r++) {
		for (unsigned int i = 0; i < all.count && !ret; i++) {
			if (all.cap[i].id == allowed[r].id)
				ret = allowed[r].build(v, &all.cap[i]);
		}
	}
	return ret;
}
