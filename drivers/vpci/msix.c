/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X (PCIe base spec 6.0, 7.7.2): the capability, and when the hardware is enabled. The table is in a BAR; its
 * pages are taken out of what the guest reaches, and accesses to them arrive at msix_table.c.
 *
 * It guards that the hardware is enabled only with a table in which every entry is masked or Fairlead's own
 * message, and that a device whose table cannot be kept from the guest does not show the capability at all.
 */
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/pages.h"
#include "drivers/pci/regs.h"
#include "drivers/vpci/row.h"

/* ---- where the table is ---- */

/* As the capability says it. */
struct msix_layout {
	unsigned int entries;
	unsigned int bar;
	u32 table;
	u64 size; /* bytes */
};

/* 7.7.2.2 and 7.7.2.3. Where the pending bits are (7.7.2.4) is the guest's to look at. */
static struct msix_layout layout_of(struct vpci_dev *v, unsigned int cap) REQUIRES(pci_vpci_class)
{
	u32 control = pci_dev_read(v->dev, cap + PCI_MSIX_CONTROL, 2);
	u32 table = pci_dev_read(v->dev, cap + PCI_MSIX_TABLE, 4);
	unsigned int entries = (control & PCI_MSIX_TABLE_SIZE) + 1;

	return (struct msix_layout){
		.entries = entries,
		.bar = table & PCI_MSIX_BIR,
		.table = table & ~PCI_MSIX_BIR,
		.size = (u64)entries * PCI_MSIX_ENTRY_SIZE,
	};
}

static bool bar_holds(const struct vpci_dev *v, unsigned int i, u64 offset, u64 size) REQUIRES(pci_vpci_class)
{
	const struct vpci_bar *bar = &v->bar[i];

	return i < PCI_BARS && bar->present && !bar->io && offset + size <= bar->size;
}

/*
 * The pages around the table: from the BAR's first page on, in [*from, *to). A BAR is aligned to its size
 * (7.5.1.2.1), so one that does not begin at a page is all on one, which is [0, PAGE_SIZE) then.
 */
static void table_pages(const struct msix_layout *l, u64 *from, u64 *to)
{
	*from = ALIGN_DOWN(l->table, PAGE_SIZE);
	*to = ALIGN_UP(l->table + l->size, PAGE_SIZE);
}

/* NULL, or why this table cannot be trapped. */
static const char *fault_of(const struct vpci_dev *v, const struct msix_layout *l) REQUIRES(pci_vpci_class)
{
	const struct vpci_bar *bar = &v->bar[l->bar];
	u64 from, to;

	if (!bar_holds(v, l->bar, l->table, l->size))
		return "its table is in no BAR";
	if (!bar->host || bar->blocked)
		return "the guest does not get the BAR of its table";
	table_pages(l, &from, &to);
	/* Their registers would be trapped with the table; more than one owner of a page is too much to ask. */
	if (vpci_bar_has_neighbour(v, l->bar, (bar->host & PAGE_MASK) + from, to - from))
		return "another BAR has registers on the pages of its table";
	return NULL;
}

/* ---- what it takes to trap it ---- */

static int alloc_entries(struct vpci_msix *m, unsigned int entries)
{
	for (unsigned int i = 0; i * VPCI_MSIX_PER_PAGE < entries; i++) {
		m->page[i] = page_alloc();
		if (!m->page[i])
			return -ENOMEM;
	}
	return 0;
}

static void free_entries(struct vpci_msix *m)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(m->page); i++) {
		if (m->page[i])
			page_free(m->page[i]);
		m->page[i] = NULL;
	}
}

/* NULL, or why it cannot be had. */
static const char *take(struct vpci_dev *v, const struct msix_layout *l) REQUIRES(pci_vpci_class)
{
	struct vpci_bar *bar = &v->bar[l->bar];
	u64 from, to;
	paddr_t host;
	int ret;

	table_pages(l, &from, &to);
	host = (bar->host & PAGE_MASK) + from;
	ret = alloc_entries(&v->msix, l->entries);
	if (!ret)
		ret = arch_map_registers(host, to - from);
	if (!ret)
		ret = vpci_map_claim(v->dev->sbdf, host, to - from);
	if (ret) {
		free_entries(&v->msix);
		return ret == -ENOMEM ? "no memory for its table" : "the pages of its table are somebody else's";
	}
	bar->trap_from = from;
	bar->trap_to = to;
	return NULL;
}

bool vpci_msix_prepare(struct vpci_dev *v, const struct vpci_cap *cap)
{
	struct vpci_msix *m = &v->msix;
	struct msix_layout l;
	const char *fault;

	if (m->cap)
		return false; /* a second one is the device's mistake, and would be a way around the first */
	m->cap = cap->offset;
	if (v->chipset)
		return true; /* it is never enabled: its table is memory like any other */
	l = layout_of(v, cap->offset);
	fault = fault_of(v, &l);
	if (!fault)
		fault = take(v, &l);
	if (fault) {
		log_warn("vpci: " SBDF_FMT ": MSI-X is hidden from the guest: %s", SBDF_ARGS(v->dev->sbdf),
			 fault);
		return false;
	}
	m->entries = (u16)l.entries;
	m->bar = (u8)l.bar;
	m->table = l.table;
	vpci_msix_clear(v);
	return true;
}

void vpci_msix_free(struct vpci_dev *v)
{
	if (v->msix.entries)
		vpci_map_unclaim(v->dev->sbdf);
	v->msix.entries = 0;
	free_entries(&v->msix);
}

/* ---- Message Control (7.7.2.2) ---- */

/*
 * The BARs are where Fairlead expects them, memory decoding is on, and the device is awake and there. It may be BUSY
 * only when this is false already: a reset that the guest asks for ends the decoding, and ours begins
 * when the device is closing.
 */
bool vpci_msix_reachable(const struct vpci_dev *v)
{
	return (v->decode & v->decode_allowed & PCI_COMMAND_MEMORY) && !v->asleep && !v->closing &&
	       !pci_dev_has(v->dev, PCI_FLAG_GONE);
}

/* All is masked, and there are descriptors: it may be enabled. */
static bool may_enable(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	struct vpci_msix *m = &v->msix;

	if (!vpci_msix_mask_all(v)) {
		log_warn("vpci: " SBDF_FMT ": MSI-X stays off: the table does not keep its mask bits",
			 SBDF_ARGS(v->dev->sbdf));
		return false;
	}
	return m->on || vpci_messages_grow(v, true, m->entries, &m->first);
}

/* The hardware's enable bit is clear. */
static void stop(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	struct vpci_msix *m = &v->msix;

	m->on = false;
	for (unsigned int i = 0; i < m->entries; i++) {
		vpci_msix_entry(v, i)->ready = false;
		vpci_msix_entry(v, i)->open = false;
	}
	vpci_messages_retire(v, true);
}

/*
 * The hardware's register becomes what the guest wants. The function's mask is the guest's alone: each entry has
 * its own. While the table cannot be reached, enabling waits (vpci_msix_in_reach()). A device that has lost its enable
 * bit (a change of its power state resets it) begins anew.
 */
static void settle(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	struct vpci_msix *m = &v->msix;
	u32 control = pci_dev_read(v->dev, m->cap + PCI_MSIX_CONTROL, 2);
	bool stays = m->enabled && m->on && (control & PCI_MSIX_ENABLE);
	bool starts = m->enabled && !stays && vpci_msix_reachable(v);

	if (starts && !may_enable(v))
		starts = m->enabled = false;
	control &= ~(PCI_MSIX_ENABLE | PCI_MSIX_FUNCTION_MASK);
	control |= (stays || starts ? PCI_MSIX_ENABLE : 0) | (m->function_masked ? PCI_MSIX_FUNCTION_MASK : 0);
	pci_dev_write(v->dev, m->cap + PCI_MSIX_CONTROL, 2, control);
	/* The answer pushes messages that are under way before it (2.4.1): when the guest's write returns, none is left. */
	(void)pci_dev_read(v->dev, m->cap + PCI_MSIX_CONTROL, 2);
	m->on |= starts;
	if (m->enabled)
		vpci_msix_update_all(v);
	else
		stop(v);
}

void vpci_msix_in_reach(struct vpci_dev *v)
{
	if (v->msix.on)
		vpci_msix_update_all(v);
	else if (v->msix.enabled)
		settle(v);
}

static u32 read_msix_control(struct vpci_dev *v, const struct vpci_row *row) REQUIRES(pci_vpci_class)
{
	const struct vpci_msix *m = &v->msix;

	(void)row;
	return (m->entries - 1u) | (m->function_masked ? PCI_MSIX_FUNCTION_MASK : 0) |
	       (m->enabled ? PCI_MSIX_ENABLE : 0);
}

static void write_msix_control(struct vpci_dev *v, struct vpci_row *row, u32 value, u32 mask)
	REQUIRES(pci_vpci_class)
{
	u32 new = vpci_merge(read_msix_control(v, row), value, mask);

	v->msix.enabled = new & PCI_MSIX_ENABLE;
	v->msix.function_masked = new & PCI_MSIX_FUNCTION_MASK;
	settle(v);
}

void vpci_msix_reset(struct vpci_dev *v)
{
	struct vpci_msix *m = &v->msix;

	if (!m->entries)
		return;
	m->enabled = m->function_masked = false;
	settle(v);
	vpci_msix_clear(v);
}

/* What firmware has left on is not the guest's, who expects it off (7.7.2.2: the default). */
void vpci_msix_start(struct vpci_dev *v)
{
	u32 on = PCI_MSIX_ENABLE | PCI_MSIX_FUNCTION_MASK, control;

	if (v->chipset || !v->msix.cap)
		return;
	control = pci_dev_read(v->dev, v->msix.cap + PCI_MSIX_CONTROL, 2);
	if (control & on)
		pci_dev_write(v->dev, v->msix.cap + PCI_MSIX_CONTROL, 2, control & ~on);
}

/* ---- rows ---- */

static const struct vpci_row_ops msix_control_ops = { read_msix_control, write_msix_control };

/* Where table and pending bits are. */
#define MSIX_PLACES { .offset = PCI_MSIX_TABLE, .length = PCI_MSIX_SIZE - PCI_MSIX_TABLE, .ro = 0xffffffff }

static const struct vpci_row msix[] = {
	{ .offset = PCI_MSIX_CONTROL, .length = 2, .ops = &msix_control_ops },
	MSIX_PLACES,
};

static const struct vpci_row msix_bridge[] = {
	{ .offset = PCI_MSIX_CONTROL,
	  .length = 2,
	  .ro = PCI_MSIX_TABLE_SIZE,
	  .shadow = PCI_MSIX_FUNCTION_MASK | PCI_MSIX_ENABLE },
	MSIX_PLACES,
};

int vpci_build_msix(struct vpci_dev *v, const struct vpci_cap *cap)
{
	static_assert(ARRAY_SIZE(msix) == ARRAY_SIZE(msix_bridge), "the same registers");
	return vpci_add_rows(v, cap->offset, v->chipset ? msix_bridge : msix, ARRAY_SIZE(msix));
}
