/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes the guest's device tree: memory, /chosen, PSCI, CPUs, the GICv2m frame, PCI hosts.
 *
 * Memory to the guest is what the final map gives it as RAM, and nothing else: what is Fairlead's, the
 * firmware's or cut off is not even "reserved", because the kernel maps only what /memory names, and a region
 * that no node names cannot be mapped by mistake. Regions that the firmware has set aside inside the guest's
 * RAM (/reserved-memory, reservation blocks) stay set aside.
 */
#include "boot/arm64/dt_guest.h"
#include "boot/config.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/string.h"

#include <libfdt.h>

#define CELL		4u
#define PCI_CELLS	3u /* of an address on a PCI bus (Open Firmware's PCI bus binding 2.1, 2.2.1) */
#define PCI_SPACE(cell) ((cell) >> 24 & 3)
enum { PCI_SPACE_CONFIG, PCI_SPACE_IO, PCI_SPACE_MEM32, PCI_SPACE_MEM64 };
#define RANGES_MAX 64u
#define FRAME_SIZE PAGE_SIZE
#define REG_MAX	   ((1 + DT_REDISTRIBUTORS_MAX) * 4 * CELL)

/* ---- sizes ---- */

/* Memory ranges, the command line, and what else is written, in bytes. */
#define GROWTH (MEMMAP_MAX * 16 + CONFIG_CMDLINE_MAX + 4096)

size_t dt_guest_size(size_t firmware_size)
{
	return firmware_size < DT_SIZE_MAX - GROWTH ? firmware_size + GROWTH : DT_SIZE_MAX;
}

/* ---- cells ---- */

static void put_cell(u8 *at, u32 value)
{
	at[0] = (u8)(value >> 24);
	at[1] = (u8)(value >> 16);
	at[2] = (u8)(value >> 8);
	at[3] = (u8)value;
}

/* False: the number does not fit into so few cells. */
static bool put_cells(u8 *at, u32 cells, u64 value)
{
	if (!cells || (cells == 1 && value >> 32))
		return false;
	memset(at, 0, cells * CELL);
	if (cells > 1)
		put_cell(at + (cells - 2) * CELL, (u32)(value >> 32));
	put_cell(at + (cells - 1) * CELL, (u32)value);
	return true;
}

static int set_text(void *tree, int node, const char *name, const char *text)
{
	return fdt_setprop(tree, node, name, text, (int)strlen(text) + 1);
}

/* Appends address and size to a property. libfdt's error. */
static int append_range(void *tree, int node, const char *name, const struct dt_level *parent, paddr_t base,
			u64 size)
{
	u8 entry[8 * CELL];
	u32 cells = parent->address_cells + parent->size_cells;

	if (!put_cells(entry, parent->address_cells, base) ||
	    !put_cells(entry + parent->address_cells * CELL, parent->size_cells, size))
		return -FDT_ERR_BADVALUE;
	return fdt_appendprop(tree, node, name, entry, (int)(cells * CELL));
}

/* ---- memory ---- */

/* Of both blocks and reg only what lies in the guest's RAM means anything to it. */
static int keep_reservations(const struct dt_guest *guest, void *tree)
{
	int err = 0;

	for (int i = fdt_num_mem_rsv(tree); i > 0 && !err; i--) {
		u64 base = 0, size = 0;
		paddr_t page;

		err = fdt_get_mem_rsv(tree, i - 1, &base, &size);
		page = ALIGN_DOWN(base, PAGE_SIZE);
		if (!err &&
		    (!size || base + size < base ||
		     !memmap_is(guest->memmap, page, ALIGN_UP(base + size, PAGE_SIZE) - page, MEM_RAM)))
			err = fdt_del_mem_rsv(tree, i - 1);
	}
	return err;
}

static int write_memory(const struct dt_guest *guest, void *tree)
{
	const struct memmap *map = guest->memmap;
	struct dt_tree t;
	int node = -FDT_ERR_NOTFOUND, err = 0;

	if (!dt_first(&t, tree))
		return -FDT_ERR_BADSTRUCTURE;
	for (unsigned int i = 0; i < map->count && !err; i++) {
		if (map->range[i].type != MEM_RAM)
			continue;
		if (node < 0) {
			char name[32];

			fl_snprintf(name, sizeof(name), "memory@%llx",
				    (unsigned long long)map->range[i].base);
			node = fdt_add_subnode(tree, 0, name);
			if (node < 0)
				return node;
			err = set_text(tree, node, "device_type", "memory");
		}
		if (!err)
			err = append_range(tree, node, "reg", &t.level[0], map->range[i].base,
					   map->range[i].size);
	}
	return err;
}

/* ---- /chosen, PSCI, CPUs ---- */

static int write_chosen(const struct dt_guest *guest, void *tree)
{
	int node = fdt_path_offset(tree, "/chosen"), err;

	if (node == -FDT_ERR_NOTFOUND)
		node = fdt_add_subnode(tree, 0, "chosen");
	if (node < 0)
		return node;
	err = set_text(tree, node, "bootargs", guest->cmdline);
	if (!err) /* bus numbers and BARs stay as the firmware, and so Fairlead, knows them */
		err = fdt_setprop_u32(tree, node, "linux,pci-probe-only", 1);
	if (!err && guest->initrd_size)
		err = fdt_setprop_u64(tree, node, "linux,initrd-start", guest->initrd);
	if (!err && guest->initrd_size)
		err = fdt_setprop_u64(tree, node, "linux,initrd-end", guest->initrd + guest->initrd_size);
	return err;
}

static int write_psci(void *tree)
{
	static const char versions[] = "arm,psci-1.0\0arm,psci-0.2";
	struct dt_tree t;
	int err;

	if (!dt_first(&t, tree) || !dt_find(&t, dt_psci_names))
		return -FDT_ERR_NOTFOUND;
	err = set_text(tree, dt_node(&t), "method", "hvc");
	return err ? err : fdt_setprop(tree, dt_node(&t), "compatible", versions, sizeof(versions));
}

/* The walk stands: its node keeps its place when it gets a property, and only what comes behind moves. */
static int write_cpus(void *tree)
{
	struct dt_tree t;
	bool more;
	int err = 0;

	for (more = dt_first(&t, tree); more && !err; more = dt_next(&t)) {
		if (dt_is_cpu(&t))
			err = set_text(tree, dt_node(&t), "enable-method", "psci");
	}
	return err;
}

/* ---- GIC ---- */

/*
 * Distributor and redistributors only: the GICv2 interfaces that some list behind them are not virtualized.
 */
static int cut_gic_reg(const struct dt_guest *guest, void *tree, const struct dt_tree *t)
{
	const struct dt_level *parent = &t->level[t->depth - 2];
	size_t length, wanted = (1 + guest->machine->redistributor_regions) *
				((size_t)parent->address_cells + parent->size_cells) * CELL;
	const void *reg = dt_property(t, "reg", &length);
	u8 copy[REG_MAX];

	if (!reg || wanted > length || wanted > sizeof(copy))
		return -FDT_ERR_BADVALUE;
	memcpy(copy, reg, wanted);
	return fdt_setprop(tree, dt_node(t), "reg", copy, (int)wanted);
}

/* The frame's address among the children of the GIC, which is the one that the GIC has among its siblings. */
static bool frame_address(const struct dt_guest *guest, const struct dt_tree *t, u64 *address)
{
	size_t length;
	const u8 *reg = dt_property(t, "reg", &length);
	u64 gic;

	if (!reg || !dt_cells(reg, t->level[t->depth - 2].address_cells, &gic))
		return false;
	*address = guest->frame.base - guest->machine->gicd.base + gic;
	return true;
}

/* Children of the GIC are addressed as its siblings are. */
static int make_gic_a_bus(void *tree, int gic, const struct dt_level *parent)
{
	int err = fdt_setprop_u32(tree, gic, "#address-cells", parent->address_cells);

	if (!err)
		err = fdt_setprop_u32(tree, gic, "#size-cells", parent->size_cells);
	return err ? err : fdt_setprop(tree, gic, "ranges", NULL, 0);
}

/*
 * bindings/interrupt-controller/arm,gic.yaml, v2m frames. arm,msi-base-spi is an INTID, as MSI_TYPER has it.
 */
static int add_frame(const struct dt_guest *guest, void *tree, const struct dt_tree *t, u32 *phandle)
{
	const struct dt_level *parent = &t->level[t->depth - 2];
	int gic = dt_node(t), node, err;
	u64 address;
	char name[32];

	if (!frame_address(guest, t, &address))
		return -FDT_ERR_BADVALUE;
	err = fdt_generate_phandle(tree, phandle);
	if (!err)
		err = make_gic_a_bus(tree, gic, parent);
	if (err)
		return err;
	fl_snprintf(name, sizeof(name), "v2m@%llx", (unsigned long long)address);
	node = fdt_add_subnode(tree, gic, name);
	if (node < 0)
		return node;
	err = set_text(tree, node, "compatible", "arm,gic-v2m-frame");
	if (!err)
		err = fdt_setprop(tree, node, "msi-controller", NULL, 0);
	if (!err)
		err = append_range(tree, node, "reg", parent, address, FRAME_SIZE);
	if (!err)
		err = fdt_setprop_u32(tree, node, "arm,msi-base-spi", guest->frame.first);
	if (!err)
		err = fdt_setprop_u32(tree, node, "arm,msi-num-spis", guest->frame.count);
	return err ? err : fdt_setprop_u32(tree, node, "phandle", *phandle);
}

static int write_gic(const struct dt_guest *guest, void *tree, u32 *frame)
{
	struct dt_tree t;
	int err;

	if (!dt_first(&t, tree) || !dt_find(&t, dt_gic_names))
		return -FDT_ERR_NOTFOUND;
	err = cut_gic_reg(guest, tree, &t);
	return err || !guest->frame.count ? err : add_frame(guest, tree, &t, frame);
}

/* ---- PCI ---- */

/* Ports are not passed through on this architecture, so the host has no window for them. */
static int drop_io_windows(void *tree, const struct dt_tree *t)
{
	const struct dt_level *host = &t->level[t->depth - 1], *parent = host - 1;
	size_t length, entry = (PCI_CELLS + (size_t)parent->address_cells + host->size_cells) * CELL,
		       kept = 0, at;
	const u8 *ranges = dt_property(t, "ranges", &length);
	u8 copy[RANGES_MAX * CELL];

	if (!ranges || !length)
		return 0;
	if (host->address_cells != PCI_CELLS || length % entry)
		return -FDT_ERR_BADVALUE;
	for (at = 0; at < length; at += entry) {
		if (PCI_SPACE(dt_cell(ranges + at)) == PCI_SPACE_IO)
			continue;
		if (kept + entry > sizeof(copy))
			return -FDT_ERR_BADVALUE;
		memcpy(copy + kept, ranges + at, entry);
		kept += entry;
	}
	/* An empty one would mean that bus and CPU have the same addresses. */
	return kept ? fdt_setprop(tree, host->node, "ranges", copy, (int)kept)
		    : fdt_delprop(tree, host->node, "ranges");
}

static const struct dt_pci_host *host_of(const struct dt_machine *machine, const struct dt_tree *t)
{
	struct dt_range reg;
	const char *why;

	for (unsigned int i = 0; i < machine->pci_hosts && !dt_reg_quietly(t, 0, &reg, &why); i++) {
		if (machine->pci_host[i].ecam.base == reg.base)
			return &machine->pci_host[i];
	}
	return NULL;
}

/*
 * bindings/pci/pci-msi.txt: RID base, phandle, base at the controller (a frame does not look at it), length.
 */
static int write_msi_map(const struct dt_guest *guest, void *tree, const struct dt_tree *t, u16 segment,
			 u32 frame)
{
	const struct dt_machine *machine = guest->machine;
	int err = 0;

	for (unsigned int i = 0; i < machine->msi_maps && !err; i++) {
		const struct dt_msi_map *m = &machine->msi_map[i];
		u8 entry[4 * CELL];

		if (m->segment != segment)
			continue;
		put_cell(entry, m->first);
		put_cell(entry + CELL, frame);
		put_cell(entry + 2 * CELL, m->first);
		put_cell(entry + 3 * CELL, m->count);
		err = fdt_appendprop(tree, dt_node(t), "msi-map", entry, sizeof(entry));
	}
	return err;
}

static int write_pci(const struct dt_guest *guest, void *tree, u32 frame)
{
	struct dt_tree t;
	bool more;
	int err = 0;

	for (more = dt_first(&t, tree) && dt_find(&t, dt_pci_names); more && !err;
	     more = !err && dt_next(&t) && dt_find(&t, dt_pci_names)) {
		const struct dt_pci_host *host = host_of(guest->machine, &t);

		if (!host)
			return -FDT_ERR_NOTFOUND;
		err = drop_io_windows(tree, &t);
		if (!err) /* so that it is the same as Fairlead's, whatever else the tree holds */
			err = fdt_setprop_u32(tree, dt_node(&t), "linux,pci-domain", host->segment);
		if (!err && guest->frame.count)
			err = write_msi_map(guest, tree, &t, host->segment, frame);
	}
	return err;
}

static int build(const void *firmware, const struct dt_guest *guest, void *tree, size_t size)
{
	u32 frame = 0;
	int err = fdt_open_into(firmware, tree, (int)size);

	if (!err)
		err = dt_strike_out(firmware, guest, tree);
	if (!err)
		err = keep_reservations(guest, tree);
	if (!err)
		err = write_memory(guest, tree);
	if (!err)
		err = write_chosen(guest, tree);
	if (!err)
		err = write_psci(tree);
	if (!err)
		err = write_cpus(tree);
	if (!err)
		err = write_gic(guest, tree, &frame);
	if (!err)
		err = write_pci(guest, tree, frame);
	return err ? err : fdt_pack(tree);
}

int dt_build_guest(const void *firmware, const struct dt_guest *guest, void *buffer, size_t size)
{
	int err = size > DT_SIZE_MAX ? -FDT_ERR_BADVALUE : build(firmware, guest, buffer, size);

	if (!err)
		return 0;
	log_error("device tree: the guest's cannot be made (%s); report this", fdt_strerror(err));
	return err == -FDT_ERR_NOSPACE ? -ENOSPC : -EINVAL;
}
