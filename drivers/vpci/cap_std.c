/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Standard capabilities (PCI Local Bus 3.0, 6.7): an allow-list with a builder each. What is not on it is
 * unlinked from the list that the guest walks, and its bytes, up to the next capability, read as 0 and
 * ignore writes.
 */
#include "core/log.h"
#include "drivers/pci/regs.h"
#include "drivers/vpci/row.h"

#define CAPS_MAX 48 /* as many as fit in 192 bytes */

/*
 * From the third byte on, `length` bytes of the capability in all, under one rule. Bytes 2 and 3 share a
 * dword with its header.
 */
static int add_body(struct vpci_dev *v, const struct vpci_cap *cap, unsigned int length, u32 ro, u32 rw)
	REQUIRES(pci_vpci_class)
{
	unsigned int size = ALIGN_UP(length < cap->extent ? length : cap->extent, 4u);
	struct vpci_row head = {
		.offset = (u16)(cap->offset + 2), .length = 2, .ro = ro & 0xffff, .rw = rw & 0xffff
	};
	struct vpci_row body = {
		.offset = (u16)(cap->offset + 4), .length = (u16)(size - 4), .ro = ro, .rw = rw
	};
	int ret = vpci_add_row(v, &head);

	/* A range is for more than one dword; a single one is a row like any other. */
	return ret || size <= 4 ? ret : vpci_add_row(v, &body);
}

static int add_read_only(struct vpci_dev *v, const struct vpci_cap *cap, unsigned int length)
	REQUIRES(pci_vpci_class)
{
	return add_body(v, cap, length, 0xffffffffu, 0);
}

int vpci_hide_body(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	const struct vpci_row head = { .offset = (u16)(cap->offset + 2), .length = 2, .guard = true };
	const struct vpci_row body = { .offset = (u16)(cap->offset + 4),
				       .length = (u16)(cap->extent - 4),
				       .guard = true };
	int ret = vpci_add_row(v, &head);

	return ret || cap->extent <= 4 ? ret : vpci_add_row(v, &body);
}

/* ---- power management ([PM] 3.2) ---- */

static u32 read_pmcsr(struct vpci_dev *v, const struct vpci_row *row) REQUIRES(pci_vpci_class)
{
	return pci_dev_read(v->dev, row->offset, 2);
}

static void write_pmcsr(struct vpci_dev *v, struct vpci_row *row, u32 value, u32 mask)
	REQUIRES(pci_vpci_class)
{
	u32 old = pci_dev_read(v->dev, row->offset, 2);
	u32 state = vpci_merge(old, value, mask) & PCI_PMCSR_STATE;
	u32 new;

	/* D0 and D3hot, which every function has; a state that a function lacks is ignored ([PM] 3.2.4). */
	if (state != PCI_PMCSR_D0 && state != PCI_PMCSR_D3HOT) {
		vpci_refused(v, row->offset);
		state = old & PCI_PMCSR_STATE;
	}
	new = vpci_merge(old, value, mask & (PCI_PMCSR_PME_ENABLE | PCI_PMCSR_DATA_SELECT));
	new = (new & ~(PCI_PMCSR_STATE | PCI_PMCSR_PME_STATUS)) | state |
	      (value & mask & PCI_PMCSR_PME_STATUS);
	/*
	 * Leaving D3hot resets a function that does not say otherwise: its BARs and command register with
	 * it.
	 */
	if ((old & PCI_PMCSR_STATE) == PCI_PMCSR_D3HOT && state == PCI_PMCSR_D0 &&
	    !(old & PCI_PMCSR_NO_SOFT_RESET))
		vpci_function_reset(v);
	pci_dev_write(v->dev, row->offset, 2, new);
	v->asleep = state != PCI_PMCSR_D0;
	if (!v->asleep)
		vpci_msix_in_reach(v);
}

static const struct vpci_row_ops pmcsr_ops = { read_pmcsr, write_pmcsr };

static const struct vpci_row pm_device[] = {
	{ .offset = PCI_PM_PMC, .length = 2, .ro = 0xffff },
	{ .offset = PCI_PM_PMCSR, .length = 2, .ops = &pmcsr_ops },
	{ .offset = PCI_PM_BRIDGE, .length = 1, .ro = 0xff },
	{ .offset = PCI_PM_DATA, .length = 1, .ro = 0xff },
};

/* A bridge that sleeps takes what is behind it along: the guest may believe it. */
static const struct vpci_row pm_bridge[] = {
	{ .offset = PCI_PM_PMC, .length = 2, .ro = 0xffff },
	{ .offset = PCI_PM_PMCSR, .length = 2, .ro = PCI_PMCSR_NO_SOFT_RESET | PCI_PMCSR_DATA_SCALE,
	  .shadow = PCI_PMCSR_STATE | PCI_PMCSR_PME_ENABLE },
	{ .offset = PCI_PM_BRIDGE, .length = 1, .ro = 0xff },
	{ .offset = PCI_PM_DATA, .length = 1, .ro = 0xff },
};

static int build_pm(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	static_assert(ARRAY_SIZE(pm_device) == ARRAY_SIZE(pm_bridge), "the same registers");
	v->asleep = !v->chipset &&
		    (pci_dev_read(v->dev, cap->offset + PCI_PM_PMCSR, 2) & PCI_PMCSR_STATE) != PCI_PMCSR_D0;
	return vpci_add_rows(v, cap->offset, v->chipset ? pm_bridge : pm_device, ARRAY_SIZE(pm_device));
}

/* ---- advanced features: a function level reset for conventional PCI ---- */

static u32 read_as_zero(struct vpci_dev *v, const struct vpci_row *row) REQUIRES(pci_vpci_class)
{
	(void)v;
	(void)row;
	return 0;
}

static void write_af_control(struct vpci_dev *v, struct vpci_row *row, u32 value, u32 mask)
	REQUIRES(pci_vpci_class)
{
	if (!(value & mask & PCI_AF_FLR))
		return;
	if (v->chipset) {
		vpci_refused(v, row->offset);
		return;
	}
	vpci_function_reset(v);
	pci_dev_write(v->dev, row->offset, 1, PCI_AF_FLR);
}

static const struct vpci_row_ops af_control_ops = { read_as_zero, write_af_control };

static int build_af(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	static const struct vpci_row af[] = {
		{ .offset = 2, .length = 2, .ro = 0xffff },
		{ .offset = PCI_AF_CONTROL, .length = 1, .ops = &af_control_ops },
		{ .offset = PCI_AF_STATUS, .length = 1, .ro = 0xff },
		{ .offset = PCI_AF_STATUS + 1, .length = 2 },
	};

	return vpci_add_rows(v, cap->offset, af, ARRAY_SIZE(af));
}

/* ---- the simple ones ---- */

/*
 * Its length is in byte 2 (PCI Local Bus 3.0, appendix H). Some windows onto BARs are in here: the device
 * sees the guest's very accesses.
 */
static int build_vendor(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	unsigned int length = pci_dev_read(v->dev, cap->offset + 2u, 1);

	return add_body(v, cap, length < 4 ? 4 : length, 0, 0xffffffffu);
}

static int build_subsystem(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	return add_read_only(v, cap, 8);
}

/* Revision and where its index/data pair is (SATA 3.0, 10.12); the pair itself is in a BAR. */
static int build_sata(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	return add_read_only(v, cap, 8);
}

/* Lengths depend on the type of the block. */
static int build_ht_or_agp(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	return add_read_only(v, cap, cap->extent);
}

static const struct cap_rule {
	u8 id;
	int (*build)(struct vpci_dev *v, const struct vpci_cap *cap);
} allowed[] = {
	{ PCI_CAP_ID_PM, build_pm },
	{ PCI_CAP_ID_MSI, vpci_build_msi },
	{ PCI_CAP_ID_MSIX, vpci_build_msix },
	{ PCI_CAP_ID_EXPRESS, vpci_build_express },
	{ PCI_CAP_ID_AF, build_af },
	{ PCI_CAP_ID_SUBSYSTEM, build_subsystem },
	{ PCI_CAP_ID_SATA, build_sata },
	{ PCI_CAP_ID_HT, build_ht_or_agp },
	{ PCI_CAP_ID_AGP, build_ht_or_agp },
	{ PCI_CAP_ID_AGP8X, build_ht_or_agp },
	/* Last: its length is the device's word, and must not cover another capability's registers. */
	{ PCI_CAP_ID_VENDOR, build_vendor },
};

/* ---- the list ---- */

static const struct cap_rule *rule_for(u16 id)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(allowed); i++) {
		if (allowed[i].id == id)
			return &allowed[i];
	}
	return NULL;
}

struct collection {
	struct vpci_cap cap[CAPS_MAX];
	unsigned int count;
};

static int collect(struct pci_dev *dev, unsigned int offset, u16 id, unsigned int version, void *ctx)
{
	struct collection *all = ctx;

	(void)dev;
	(void)version;
	if (all->count < CAPS_MAX)
		all->cap[all->count++] = (struct vpci_cap){ .offset = (u16)offset, .id = id };
	return 0;
}

void vpci_cap_extents(struct vpci_cap *caps, unsigned int count, unsigned int end)
{
	for (unsigned int i = 0; i < count; i++) {
		unsigned int next = end;

		for (unsigned int j = 0; j < count; j++) {
			if (caps[j].offset > caps[i].offset && caps[j].offset < next)
				next = caps[j].offset;
		}
		caps[i].extent = (u16)(next - caps[i].offset);
	}
}

static bool is_shown(const struct vpci_cap *cap)
{
	return rule_for(cap->id) && !cap->hidden;
}

/* Chains those that the guest sees; returns the first one's offset. */
static u8 link_visible(struct collection *all)
{
	u8 first = 0;

	for (unsigned int i = all->count; i-- > 0;) {
		all->cap[i].next = first;
		if (is_shown(&all->cap[i]))
			first = (u8)all->cap[i].offset;
	}
	return first;
}

/* The two bytes that every capability begins with: ID and next pointer, as the guest sees the list. */
static int add_header(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	const struct vpci_row row = {
		.offset = cap->offset,
		.length = 2,
		.value = cap->id | (u32)cap->next << 8,
	};

	return vpci_add_row(v, &row);
}

/* All of it reads as 0; bytes that nobody can name are not passed to the device either. */
static int hide(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	const struct vpci_row row = { .offset = cap->offset, .length = cap->extent, .guard = true };

	log_debug("vpci: " SBDF_FMT ": capability 0x%02x at 0x%02x is hidden", SBDF_ARGS(v->dev->sbdf),
		  cap->id, cap->offset);
	return vpci_add_row(v, &row);
}

int vpci_build_caps(struct vpci_dev *v, u8 *pointer) REQUIRES(pci_vpci_class)
{
	struct collection all = { .count = 0 };
	int ret = 0;

	(void)pci_for_each_cap(v->dev, collect, &all); /* collect() always goes on */
	vpci_cap_extents(all.cap, all.count, PCI_CFG_SIZE);
	for (unsigned int i = 0; i < all.count; i++) {
		if (all.cap[i].id == PCI_CAP_ID_MSIX)
			all.cap[i].hidden = !vpci_msix_prepare(v, &all.cap[i]);
	}
	*pointer = link_visible(&all);
	for (unsigned int i = 0; i < all.count && !ret; i++)
		ret = is_shown(&all.cap[i]) ? add_header(v, &all.cap[i]) : hide(v, &all.cap[i]);
	for (unsigned int r = 0; r < ARRAY_SIZE(allowed) && !ret; r++) {
		for (unsigned int i = 0; i < all.count && !ret; i++) {
			if (all.cap[i].id == allowed[r].id && is_shown(&all.cap[i]))
				ret = allowed[r].build(v, &all.cap[i]);
		}
	}
	return ret;
}
