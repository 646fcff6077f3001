/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Base address registers. The guest reads and writes addresses of its own; the hardware's stay where
 * firmware put them, and the guest's map is what changes. It guards that a BAR is only ever mapped where
 * nothing else of the machine is, and that no page is handed out that also holds another owner's registers.
 * A write here only records; remap.c makes the guest's map follow.
 */
#include "core/errno.h"
#include "core/log.h"
#include "drivers/pci/regs.h"
#include "drivers/vpci/row.h"

#define NO_BAR (PCI_ROM_BAR + 1u)

/* ---- what the hardware has ---- */

static unsigned int bar_offset(const struct vpci_dev *v, unsigned int i) REQUIRES(pci_vpci_class)
{
	if (i < PCI_ROM_BAR)
		return PCI_BAR0 + 4 * i;
	return v->dev->header_type == PCI_HEADER_BRIDGE ? PCI_ROM_BAR_TYPE1 : PCI_ROM_BAR_TYPE0;
}

static paddr_t page_start(paddr_t address)
{
	return address & PAGE_MASK;
}

/* Whole pages around [address, address + size). */
static u64 pages_size(u64 address, u64 size)
{
	return ALIGN_UP(address + size, PAGE_SIZE) - page_start(address);
}

/* True if a memory BAR of `other`, but that one, has a byte in the page-rounded range. */
static bool has_bar_in(const struct pci_dev *other, unsigned int but, paddr_t base, u64 size)
{
	for (unsigned int i = 0; i <= PCI_ROM_BAR; i++) {
		const struct pci_bar *b = &other->bar[i];

		if (i == but)
			continue;
		if (b->type != PCI_BAR_MEM32 && b->type != PCI_BAR_MEM64)
			continue;
		if (b->base && ranges_overlap(b->base, b->size, base, size))
			return true;
	}
	return false;
}

/*
 * Another function that has registers in the same pages, a TRANSIENT reference; NULL: none. hidden: only one
 * that is kept from the guest.
 */
static struct pci_dev *neighbour_in(const struct pci_dev *dev, paddr_t base, u64 size, bool hidden)
{
	for (struct pci_dev *d = pci_dev_next(NULL); d; d = pci_dev_next(d)) {
		if (d != dev && (!hidden || pci_dev_has(d, PCI_FLAG_HIDDEN)) &&
		    has_bar_in(d, NO_BAR, base, size))
			return d;
	}
	return NULL;
}

bool vpci_bar_has_neighbour(const struct vpci_dev *v, unsigned int i, paddr_t host, u64 size)
	REQUIRES(pci_vpci_class)
{
	struct pci_dev *other;

	if (has_bar_in(v->dev, i, host, size))
		return true;
	other = neighbour_in(v->dev, host, size, false);
	if (other)
		pci_dev_put(other, PCI_REF_TRANSIENT);
	return other;
}

/* Decides once whether this BAR can be shown at all, and says why not. */
static void judge_memory_bar(struct vpci_dev *v, unsigned int i) REQUIRES(pci_vpci_class)
{
	struct vpci_bar *bar = &v->bar[i];
	const struct vpci_platform *p = vpci_platform();
	u64 size = pages_size(bar->host, bar->size);
	struct pci_dev *neighbour;

	if (!bar->host)
		return; /* said when the guest wants to use it */
	bar->blocked = !p->may_map(p->ctx, page_start(bar->host), size);
	if (bar->blocked) {
		log_warn("vpci: " SBDF_FMT
			 " BAR %u at 0x%llx covers other parts of the machine: not given to the guest",
			 SBDF_ARGS(v->dev->sbdf), i, (unsigned long long)bar->host);
		return;
	}
	neighbour = neighbour_in(v->dev, page_start(bar->host), size, true);
	bar->blocked = neighbour;
	if (neighbour)
		log_warn("vpci: " SBDF_FMT " BAR %u shares a page with hidden " SBDF_FMT
			 ": not given to the guest",
			 SBDF_ARGS(v->dev->sbdf), i, SBDF_ARGS(neighbour->sbdf));
	if (neighbour)
		pci_dev_put(neighbour, PCI_REF_TRANSIENT);
}

void vpci_bars_init(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	for (unsigned int i = 0; i <= PCI_ROM_BAR; i++) {
		const struct pci_bar *real = &v->dev->bar[i];
		struct vpci_bar *bar = &v->bar[i];

		if (real->type == PCI_BAR_NONE || real->type == PCI_BAR_MEM64_HIGH)
			continue;
		*bar = (struct vpci_bar){
			.present = true,
			.io = real->type == PCI_BAR_IO,
			.rom = i == PCI_ROM_BAR,
			.is64 = real->type == PCI_BAR_MEM64,
			.size = real->size,
			.host = real->base,
			.guest = real->base,
		};
		if (bar->io)
			bar->flags = PCI_BAR_IO_SPACE;
		else if (!bar->rom)
			bar->flags = (bar->is64 ? PCI_BAR_MEM_TYPE_64 : 0) |
				     (real->prefetchable ? PCI_BAR_MEM_PREFETCH : 0);
		else
			bar->flags = pci_dev_read(v->dev, bar_offset(v, i), 4) & PCI_ROM_ENABLE;
		if (!bar->io)
			judge_memory_bar(v, i);
	}
}

/*
 * Writes a BAR's own address back where a reset has wiped it. The guest cannot: its writes do not reach the
 * register. The vendor ID is read first: it ends BUSY, and tells a device that did not come back.
 */
void vpci_restore_bars(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	(void)pci_dev_read(v->dev, PCI_VENDOR_ID, 2);
	for (unsigned int i = 0; i < PCI_ROM_BAR; i++) {
		const struct vpci_bar *bar = &v->bar[i];
		u32 low = (u32)bar->host | bar->flags;

		if (!bar->present || !bar->host)
			continue;
		if (pci_dev_read(v->dev, bar_offset(v, i), 4) != low)
			pci_dev_write(v->dev, bar_offset(v, i), 4, low);
		if (bar->is64 && pci_dev_read(v->dev, bar_offset(v, i + 1), 4) != bar->host >> 32)
			pci_dev_write(v->dev, bar_offset(v, i + 1), 4, (u32)(bar->host >> 32));
	}
}

/* ---- where it stands in the guest's map ---- */

static bool rom_enabled(const struct vpci_bar *bar)
{
	return bar->flags & PCI_ROM_ENABLE;
}

/* All address bits set: the guest asks for the size, and wants nothing mapped. */
static bool is_sizing(const struct vpci_bar *bar)
{
	u64 low = ~(bar->size - 1) & 0xffffffffu;

	if ((bar->guest & 0xffffffffu) != low)
		return false;
	return !bar->is64 || bar->guest >> 32 == 0 || bar->guest >> 32 == 0xffffffffu;
}

bool vpci_bar_wanted(const struct vpci_dev *v, const struct vpci_bar *bar) REQUIRES(pci_vpci_class)
{
	u16 enable = bar->io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;

	return !v->closing && bar->present && (v->decode & enable) && (!bar->rom || rom_enabled(bar)) &&
	       bar->guest && !is_sizing(bar);
}

struct vpci_range vpci_bar_range(const struct vpci_dev *v, unsigned int i, u64 at) REQUIRES(pci_vpci_class)
{
	const struct vpci_bar *bar = &v->bar[i];

	if (bar->io)
		return (struct vpci_range){ .io = true, .at = at, .host = bar->host, .size = bar->size };
	return (struct vpci_range){
		.at = page_start(at),
		.host = page_start(bar->host),
		.size = pages_size(at, bar->size),
		.prot = bar->rom ? PT_READ : PT_READ | PT_WRITE,
		.trap_from = bar->trap_from,
		.trap_to = bar->trap_to,
		.owner = v->dev->sbdf,
		.bar = (u8)i,
	};
}

static int memory_may_stand(const struct vpci_bar *bar)
{
	const struct vpci_platform *p = vpci_platform();

	/* A page is the smallest thing that can be mapped, so a smaller BAR keeps its place within one. */
	if ((bar->guest ^ bar->host) & ~PAGE_MASK)
		return -EINVAL;
	if (bar->guest > UINT64_MAX - PAGE_SIZE - bar->size)
		return -EACCES;
	return p->may_map(p->ctx, page_start(bar->guest), pages_size(bar->guest, bar->size)) ? 0 : -EACCES;
}

int vpci_bar_may_stand(const struct vpci_bar *bar)
{
	if (!bar->host)
		return -ENODEV;
	if (!bar->io)
		return memory_may_stand(bar);
	return bar->guest + bar->size > 0x10000u ? -EINVAL : 0;
}

void vpci_bar_complain(struct vpci_dev *v, unsigned int i, int err) REQUIRES(pci_vpci_class)
{
	struct vpci_bar *bar = &v->bar[i];

	if (bar->complained)
		return;
	bar->complained = true;
	if (err == -ENODEV)
		log_warn("vpci: " SBDF_FMT " BAR %u has no address from firmware: the guest cannot use it",
			 SBDF_ARGS(v->dev->sbdf), i);
	else
		log_warn("vpci: " SBDF_FMT " BAR %u cannot stand at 0x%llx (%d): reads give all-ones there",
			 SBDF_ARGS(v->dev->sbdf), i, (unsigned long long)bar->guest, err);
}

/* ---- the registers ---- */

/* The BAR that register `arg` belongs to: its own, or the one before, whose upper half it is. */
static struct vpci_bar *bar_of(struct vpci_dev *v, const struct vpci_row *row, bool *upper)
	REQUIRES(pci_vpci_class)
{
	*upper = !v->bar[row->arg].present;
	return &v->bar[*upper ? row->arg - 1 : row->arg];
}

static u32 read_bar(struct vpci_dev *v, const struct vpci_row *row) REQUIRES(pci_vpci_class)
{
	bool upper;
	const struct vpci_bar *bar = bar_of(v, row, &upper);

	return upper ? (u32)(bar->guest >> 32) : (u32)bar->guest | bar->flags;
}

static void write_bar(struct vpci_dev *v, struct vpci_row *row, u32 value, u32 mask) REQUIRES(pci_vpci_class)
{
	bool upper;
	struct vpci_bar *bar = bar_of(v, row, &upper);
	u64 address = bar->guest;

	if (upper)
		address = (address & 0xffffffffu) | (u64)vpci_merge((u32)(address >> 32), value, mask) << 32;
	else
		address = (address & ~(u64)0xffffffffu) | vpci_merge((u32)address, value, mask);
	/* Address bits below the size are wired to 0: that is how the guest learns it. */
	bar->guest = address & ~(bar->size - 1);
	vpci_wish(v);
}

static const struct vpci_row_ops bar_ops = { read_bar, write_bar };

/*
 * The enable bit follows the guest's in the hardware: on some devices the ROM and a BAR share one decoder. On
 * at once, before the guest can reach it; off when it no longer can.
 */
static void write_rom(struct vpci_dev *v, struct vpci_row *row, u32 value, u32 mask) REQUIRES(pci_vpci_class)
{
	struct vpci_bar *bar = &v->bar[PCI_ROM_BAR];
	u32 merged = vpci_merge((u32)bar->guest | bar->flags, value, mask);
	bool was = rom_enabled(bar), can = bar->host && !bar->blocked && !v->chipset;

	bar->guest = merged & PCI_ROM_MASK & ~(u32)(bar->size - 1);
	bar->flags = merged & PCI_ROM_ENABLE;
	if (can && !was && rom_enabled(bar))
		pci_dev_write(v->dev, row->offset, 4, (u32)bar->host | PCI_ROM_ENABLE);
	if (can && was != rom_enabled(bar))
		v->rom_off = was;
	vpci_wish(v);
}

void vpci_rom_off(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	if (v->rom_off)
		pci_dev_write(v->dev, bar_offset(v, PCI_ROM_BAR), 4, (u32)v->bar[PCI_ROM_BAR].host);
	v->rom_off = false;
}

static const struct vpci_row_ops rom_ops = { read_bar, write_rom };

int vpci_build_bars(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	unsigned int count = v->dev->header_type == PCI_HEADER_BRIDGE ? PCI_BARS_TYPE1 : PCI_BARS_TYPE0;
	int ret = 0;

	for (unsigned int i = 0; i < count && !ret; i++) {
		bool upper = i && v->bar[i - 1].present && v->bar[i - 1].is64;
		struct vpci_row row = { .offset = (u16)bar_offset(v, i), .length = 4, .arg = (u8)i };

		if (v->bar[i].present || upper)
			row.ops = &bar_ops;
		else if (v->chipset && v->dev->header_type == PCI_HEADER_ENDPOINT)
			row.ro = 0xffffffffu; /* never sized: what firmware left there is shown */
		/* else: a register that does not exist reads as 0 */
		ret = vpci_add_row(v, &row);
	}
	if (!ret) {
		struct vpci_row row = { .offset = (u16)bar_offset(v, PCI_ROM_BAR),
					.length = 4,
					.arg = PCI_ROM_BAR };

		row.ops = v->bar[PCI_ROM_BAR].present ? &rom_ops : NULL;
		ret = vpci_add_row(v, &row);
	}
	return ret;
}
