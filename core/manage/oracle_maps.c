/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The oracle's look at the maps: which devices reach memory, where BARs stand, and, entry by entry, what the
 * guest's CPUs and devices can reach at all. The tables are read as hardware reads them.
 */
#include "core/errno.h"
#include "core/manage/oracle.h"
#include "drivers/vpci/vpci.h"

static const struct memmap *memory; /* written at boot */

void oracle_set_memory(const struct memmap *map)
{
	memory = map;
}

/* ---- DMA ---- */

static bool check_dma(struct oracle *o, struct pci_dev *dev)
{
	bool guests = pci_dev_owner(dev) == PCI_OWNER_GUEST;
	enum iommu_reach reach;

	if (!o->vm->dma_on || !iommu_of(dev))
		return true;
	reach = iommu_reach(dev, &o->vm->dma);
	if (guests)
		o->attachments += dev->requester_ids;
	/* A broken one may still reach memory, but then it is not said to be blocked. */
	if (pci_dev_has(dev, PCI_FLAG_QUARANTINED) && reach != IOMMU_REACHES_NOTHING)
		return oracle_breach(o, SBDF_FMT ": flagged as blocked, and its DMA reaches memory",
				     SBDF_ARGS(dev->sbdf));
	if (!oracle_at_rest(dev))
		return true;
	if (guests && reach != IOMMU_REACHES_DOMAIN)
		return oracle_breach(o, SBDF_FMT ": the guest's, and its DMA reaches %s",
				     SBDF_ARGS(dev->sbdf),
				     reach == IOMMU_REACHES_NOTHING ? "nothing" : "only part of the guest's");
	if (!guests && reach != IOMMU_REACHES_NOTHING)
		return oracle_breach(o, SBDF_FMT ": owned by %s, and its DMA reaches memory",
				     SBDF_ARGS(dev->sbdf), pci_owner_name(pci_dev_owner(dev)));
	return true;
}

/* ---- BARs of a device that the guest sees ---- */

/*
 * Each page that it should have there is there, but for those of an MSI-X table; or, if another BAR has the
 * place, none is.
 */
static bool check_pages(struct oracle *o, struct pci_dev *dev, unsigned int i,
			const struct vpci_bar_info *bar)
{
	u64 at = ALIGN_DOWN(bar->placed_at, PAGE_SIZE), host = ALIGN_DOWN(bar->host, PAGE_SIZE);
	u64 size = ALIGN_UP(bar->placed_at + bar->size, PAGE_SIZE) - at;

	for (u64 done = 0; done < size; done += PAGE_SIZE) {
		u64 out = 0;
		bool there = !pt_lookup(&o->vm->stage2, at + done, &out, NULL, NULL) && out == host + done;
		bool trapped = done >= bar->trap_from && done < bar->trap_to, mapped = bar->mapped && !trapped;

		if (there != mapped)
			return oracle_breach(o,
					     SBDF_FMT
					     ": BAR %u is %smapped at 0x%llx, the table says otherwise",
					     SBDF_ARGS(dev->sbdf), i, mapped ? "" : "not ",
					     (unsigned long long)(at + done));
	}
	return true;
}

static bool check_bar(struct oracle *o, struct pci_dev *dev, unsigned int i, const struct vpci_bar_info *bar)
{
	if (bar->placed && (!bar->wanted || bar->placed_at != bar->guest))
		return oracle_breach(o,
				     SBDF_FMT ": BAR %u stands at 0x%llx, where the guest does not want it",
				     SBDF_ARGS(dev->sbdf), i, (unsigned long long)bar->placed_at);
	o->places += bar->placed;
	return bar->io || !bar->placed || check_pages(o, dev, i, bar);
}

/* Where the guest's table leads to these registers; false: nowhere. */
static bool reached(const struct pagetable *pt, paddr_t base, u64 size, u64 *where)
{
	struct pt_leaf leaf;
	u64 at = 0;

	while (pt_next_leaf(pt, &at, &leaf)) {
		if (ranges_overlap(base, size, leaf.out, leaf.size)) {
			*where = leaf.in;
			return true;
		}
	}
	return false;
}

/* Nobody reaches the pages of an MSI-X table, wherever their BAR stands. */
static bool check_trapped(struct oracle *o, struct pci_dev *dev, unsigned int i, const struct vpci_bar_info *bar)
{
	u64 size = bar->trap_to - bar->trap_from, where;

	if (size && reached(&o->vm->stage2, ALIGN_DOWN(bar->host, PAGE_SIZE) + bar->trap_from, size, &where))
		return oracle_breach(o, SBDF_FMT ": the guest reaches the MSI-X table in BAR %u at 0x%llx",
				     SBDF_ARGS(dev->sbdf), i, (unsigned long long)where);
	return true;
}

static bool check_bars(struct oracle *o, struct pci_dev *dev)
{
	bool settled;

	if (!vpci_attached(dev, &settled))
		return true;
	if (!settled)
		o->moving++;
	for (unsigned int i = 0; settled && i <= PCI_ROM_BAR; i++) {
		struct vpci_bar_info bar;

		if (vpci_bar_info(dev, i, &bar) &&
		    !(check_bar(o, dev, i, &bar) && check_trapped(o, dev, i, &bar)))
			return false;
	}
	return true;
}

bool oracle_device_maps(struct oracle *o, struct pci_dev *dev)
{
	return check_dma(o, dev) && check_bars(o, dev);
}

/* ---- the tables ---- */

static bool is_fairleads(const struct pt_leaf *leaf)
{
	for (unsigned int i = 0; memory && i < memory->count; i++) {
		const struct mem_range *r = &memory->range[i];

		if (r->type == MEM_FAIRLEAD && ranges_overlap(r->base, r->size, leaf->out, leaf->size))
			return true;
	}
	return false;
}

static bool check_memory(struct oracle *o, const struct pagetable *pt, const char *who)
{
	struct pt_leaf leaf;
	u64 at = 0;

	while (pt_next_leaf(pt, &at, &leaf)) {
		if (is_fairleads(&leaf))
			return oracle_breach(o, "memory of Fairlead's is mapped for %s at 0x%llx", who,
					     (unsigned long long)leaf.in);
	}
	return true;
}

/* Devices write their messages there; a CPU of the guest's that could would raise any device's. */
static bool check_doorbell(struct oracle *o)
{
	const paddr_t page = iommu_doorbell();
	unsigned int prot = 0;
	u64 where = 0;

	if (!page)
		return true;
	if (reached(&o->vm->stage2, page, PAGE_SIZE, &where))
		return oracle_breach(o, "the guest reaches the devices' doorbell at 0x%llx",
				     (unsigned long long)where);
	if (!o->vm->dma_on ||
	    (!pt_lookup(&o->vm->dma.table, page, &where, &prot, NULL) && where == page && (prot & PT_WRITE)))
		return true;
	return oracle_breach(o, "the guest's devices do not reach their doorbell at 0x%llx",
			     (unsigned long long)page);
}

/* The registers of a device that is not the guest's. */
static bool check_unreached(struct oracle *o, struct pci_dev *dev)
{
	for (unsigned int i = 0; i <= PCI_ROM_BAR; i++) {
		const struct pci_bar *bar = &dev->bar[i];
		u64 where;

		if ((bar->type != PCI_BAR_MEM32 && bar->type != PCI_BAR_MEM64) || !bar->base || !bar->size)
			continue;
		if (reached(&o->vm->stage2, bar->base, bar->size, &where))
			return oracle_breach(o,
					     SBDF_FMT
					     ": owned by %s, and the guest reaches its BAR %u at 0x%llx",
					     SBDF_ARGS(dev->sbdf), pci_owner_name(pci_dev_owner(dev)), i,
					     (unsigned long long)where);
	}
	return true;
}

static bool check_strangers(struct oracle *o)
{
	for (struct pci_dev *dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev)) {
		if (pci_dev_owner(dev) == PCI_OWNER_GUEST || !oracle_at_rest(dev) || check_unreached(o, dev))
			continue;
		pci_dev_put(dev, PCI_REF_TRANSIENT);
		return false;
	}
	return true;
}

/* Sums, when nothing moves: what nobody owns is seen only here. */
static bool check_sums(struct oracle *o)
{
	unsigned int users = vpci_map_users(), attached = iommu_attachments();

	if (o->moving || o->not_live)
		return true;
	if (users != o->places)
		return oracle_breach(o, "the map of BARs has %u users, %u BARs stand somewhere", users,
				     o->places);
	if (o->vm->dma_on && attached != o->attachments)
		return oracle_breach(o, "%u requester IDs are attached, the guest's devices have %u",
				     attached, o->attachments);
	return true;
}

bool oracle_tables(struct oracle *o)
{
	return check_memory(o, &o->vm->stage2, "the guest's CPUs") &&
	       (!o->vm->dma_on || check_memory(o, &o->vm->dma.table, "the guest's devices")) &&
	       check_doorbell(o) && check_strangers(o) && check_sums(o);
}
