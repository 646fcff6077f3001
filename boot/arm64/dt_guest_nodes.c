/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of the firmware's tree the guest does not get.
 *
 * A device outside PCI stands behind no SMMU that Fairlead attaches it to. One that can do DMA (virtio-mmio,
 * QEMU's fw-cfg, an Ethernet controller of a board) would reach all of memory. So nodes with registers stay
 * only if they are on the short list of what is known to do none. What has no registers cannot be reached
 * anyway: the guest's address space has only what is listed here.
 */
#include "boot/arm64/dt_guest.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/string.h"

#include <libfdt.h>

#define CELL	      4u
#define REGISTERS_MAX 32u
#define KINDS_MAX     24u

/* No DMA: UARTs, real-time clock, GPIO. (The GIC and PCI hosts have rules of their own.) */
static const char *const harmless_names[] = { "arm,pl011", "arm,pl031",	       "arm,pl061", "ns16550a",
					      "ns16550",   "snps,dw-apb-uart", NULL };

/* Of every node: what refers to an SMMU, an ITS, or to memory nodes that are made anew. */
static const char *const struck_properties[] = { "iommus",  "iommu-map",    "iommu-map-mask", "msi-parent",
						 "msi-map", "msi-map-mask", "numa-node-id",   NULL };
/* Of a CPU: how to stop and start it is Fairlead's PSCI's business. */
static const char *const struck_of_cpu[] = { "cpu-release-addr", "cpu-idle-states", "power-domains",
					     "power-domain-names", NULL };
/* Of the GIC: the maintenance interrupt is Fairlead's; messages go to the GICv2m frame only. */
static const char *const struck_of_gic[] = { "interrupts", "interrupts-extended", "msi-controller",
					     "#msi-cells", "mbi-ranges",	  "mbi-alias",
					     NULL };
static const char *const kept_of_psci[] = { "compatible", "method", "phandle", NULL };
/*
 * Of /chosen: seeds of address randomization and firmware's own way to pass a memory map are not for this
 * kernel.
 */
static const char *const kept_of_chosen[] = { "stdout-path", "linux,stdout-path", "rng-seed", "phandle",
					      NULL };

static struct {
	unsigned int count;
	struct dt_range range[REGISTERS_MAX];
} registers; /* written at boot */

bool dt_guest_registers(unsigned int index, struct dt_range *out)
{
	if (index >= registers.count)
		return false;
	*out = registers.range[index];
	return true;
}

/* ---- what is left out is said once for each kind ---- */

struct kinds {
	unsigned int count;
	struct {
		const char *name;
		unsigned int nodes;
	} kind[KINDS_MAX];
};

static void count_kind(struct kinds *kinds, const struct dt_tree *t)
{
	size_t length;
	const char *name = dt_property(t, "compatible", &length);
	unsigned int i;

	if (!name || !length || name[length - 1])
		name = dt_name(t);
	for (i = 0; i < kinds->count && strcmp(kinds->kind[i].name, name) != 0; i++)
		;
	if (i == KINDS_MAX)
		return;
	if (i == kinds->count)
		kinds->kind[kinds->count++].name = name;
	kinds->kind[i].nodes++;
}

static void log_kinds(const struct kinds *kinds)
{
	for (unsigned int i = 0; i < kinds->count; i++)
		log_info("device tree: not for the guest: %u x %s", kinds->kind[i].nodes,
			 kinds->kind[i].name);
}

/* ---- registers ---- */

/*
 * Whole pages of one entry of reg that nothing else has any part of; then giving them away gives nothing else
 * away.
 */
static bool is_alone(const void *firmware, const struct dt_guest *guest, int node, unsigned int index,
		     const struct dt_range *pages)
{
	const struct memmap *map = guest->memmap;
	struct dt_tree t;
	bool more;

	for (unsigned int i = 0; i < map->count; i++) {
		const struct mem_range *r = &map->range[i];

		/* Some firmware lists the clock that its runtime services use; those are gone. */
		if (r->type != MEM_FIRMWARE && ranges_overlap(pages->base, pages->size, r->base, r->size))
			return false;
	}
	for (more = dt_first(&t, firmware); more; more = dt_next(&t)) {
		struct dt_range other;
		const char *why;

		for (unsigned int i = 0; !dt_reg_quietly(&t, i, &other, &why); i++) {
			if ((dt_node(&t) != node || i != index) &&
			    ranges_overlap(pages->base, pages->size, other.base, other.size))
				return false;
		}
	}
	return true;
}

static bool add_registers(const struct dt_range *pages)
{
	if (registers.count == REGISTERS_MAX)
		return false;
	registers.range[registers.count++] = *pages;
	return true;
}

static bool is_console(const struct dt_tree *t, const struct dt_guest *guest)
{
	struct dt_range reg;
	const char *why;

	return guest->machine->uart.kind != DT_UART_NONE && !dt_reg_quietly(t, 0, &reg, &why) &&
	       reg.base == guest->machine->uart.registers.base;
}

/*
 * All entries of reg can be the guest's; they are listed then. The nodes of tree and firmware are at the same
 * offsets.
 */
static bool take_registers(const void *firmware, const struct dt_tree *t, const struct dt_guest *guest)
{
	unsigned int before = registers.count, i;
	struct dt_range reg;
	const char *why;
	int err;

	for (i = 0; !(err = dt_reg_quietly(t, i, &reg, &why)); i++) {
		struct dt_range pages = { reg.base, ALIGN_UP(reg.size, PAGE_SIZE) };

		if (reg.size && IS_ALIGNED(reg.base, PAGE_SIZE) && pages.size >= reg.size &&
		    is_alone(firmware, guest, dt_node(t), i, &pages) && add_registers(&pages))
			continue;
		registers.count = before;
		return false;
	}
	if (err == -ENOENT && i)
		return true;
	registers.count = before;
	return false;
}

/* ---- nodes ---- */

static bool cpu_stays(const struct dt_tree *t, const struct dt_guest *guest)
{
	size_t length;
	const u8 *reg = dt_property(t, "reg", &length);
	u64 mpidr;

	if (!reg || !dt_cells(reg, (unsigned int)length / CELL, &mpidr))
		return false;
	for (unsigned int i = 0; i < guest->cpus; i++) {
		if (guest->machine->cpu_mpidr[i] == mpidr)
			return true;
	}
	return false;
}

/* Memory set aside stays so where it is the guest's at all: the rest is no memory to the guest. */
static bool reserved_stays(const struct dt_tree *t, const struct dt_guest *guest)
{
	struct dt_range reg;
	const char *why;
	unsigned int i;
	int err;

	for (i = 0; !(err = dt_reg_quietly(t, i, &reg, &why)); i++) {
		paddr_t base = ALIGN_DOWN(reg.base, PAGE_SIZE);

		if (!reg.size ||
		    !memmap_is(guest->memmap, base, ALIGN_UP(reg.base + reg.size, PAGE_SIZE) - base, MEM_RAM))
			return false;
	}
	return err == -ENOENT;
}

static bool all_cpus(const struct dt_guest *guest)
{
	return guest->cpus == guest->machine->cpus && !guest->machine->more_cpus;
}

/* Is the parent, which stays, one of these? */
static bool parent_is(const struct dt_tree *t, const char *const compatible[])
{
	struct dt_tree up = *t;

	up.depth--;
	return up.depth && dt_compatible(&up, compatible);
}

static bool node_stays(const void *firmware, const struct dt_tree *t, const struct dt_guest *guest)
{
	if (!t->level[t->depth - 1].available)
		return false;
	if (t->depth == 1 || dt_is_top(t, "chosen") || dt_is_top(t, "aliases") || dt_is_top(t, "cpus") ||
	    dt_is_top(t, "reserved-memory"))
		return true;
	if (dt_string_is(t, "device_type", "memory") || dt_is_top(t, "memory") || dt_is_top(t, "firmware") ||
	    dt_is_top(t, "hypervisor") || dt_is_top(t, "distance-map") || dt_is_under(t, "chosen") ||
	    dt_is_under(t, "firmware"))
		return false;
	if (dt_is_cpu(t))
		return cpu_stays(t, guest);
	if (dt_is_under(t, "cpus"))
		return strcmp(dt_name(t), "idle-states") != 0;
	if (dt_is_under(t, "reserved-memory"))
		return t->depth > 3 || reserved_stays(t, guest);
	/* Its children are ITSs, frames, and sets of CPUs. */
	if (parent_is(t, dt_gic_names))
		return !dt_has(t, "reg") && all_cpus(guest);
	if (parent_is(t, dt_psci_names))
		return false;
	if (dt_compatible(t, dt_gic_names) || dt_compatible(t, dt_pci_names))
		return true;
	if (!dt_has(t, "reg"))
		return true;
	if (!dt_compatible(t, harmless_names)) {
		struct dt_range reg;
		const char *why;

		/* A number among siblings (a key, a port of a graph, a PCI function) is no address. */
		return dt_reg_quietly(t, 0, &reg, &why) == -ERANGE;
	}
	return is_console(t, guest) || take_registers(firmware, t, guest);
}

/* To the next node that is not below the present one. */
static bool next_outside(struct dt_tree *t)
{
	unsigned int depth = t->depth;

	do {
		if (!dt_next(t))
			return false;
	} while (t->depth > depth);
	return true;
}

static int strike_nodes(const void *firmware, const struct dt_guest *guest, void *tree)
{
	struct kinds kinds = { 0 };
	struct dt_tree t;
	bool more = dt_first(&t, tree);
	int err = 0;

	while (more && !err) {
		int node = dt_node(&t);

		if (node_stays(firmware, &t, guest)) {
			more = dt_next(&t);
			continue;
		}
		if (dt_has(&t, "reg") && t.level[t.depth - 1].available && !dt_is_cpu(&t) &&
		    !dt_is_top(&t, "memory"))
			count_kind(&kinds, &(struct dt_tree){ .fdt = firmware,
							      .depth = 1,
							      .level = { { .node = node } } });
		more = next_outside(&t);
		err = fdt_nop_node(tree, node);
	}
	log_kinds(&kinds);
	return err;
}

/* ---- what referred to nodes that are gone ---- */

static bool all_there(const void *tree, const u8 *phandles, size_t length)
{
	for (; length >= CELL; length -= CELL, phandles += CELL) {
		if (fdt_node_offset_by_phandle(tree, dt_cell(phandles)) < 0)
			return false;
	}
	return true;
}

/* A core or thread of a CPU that is gone, or what was only there for such. */
static bool is_empty_in_map(const struct dt_tree *t)
{
	size_t length;
	const u8 *cpu = dt_property(t, "cpu", &length);

	if (t->depth < 3 || !dt_is_under(t, "cpus") ||
	    strcmp(fdt_get_name(t->fdt, t->level[2].node, NULL), "cpu-map") != 0)
		return false;
	if (cpu)
		return !all_there(t->fdt, cpu, length);
	return fdt_first_subnode(t->fdt, dt_node(t)) < 0;
}

static bool lost_its_cpus(const struct dt_tree *t)
{
	size_t length;
	const u8 *cpus = dt_property(t, "interrupt-affinity", &length);

	return cpus && !all_there(t->fdt, cpus, length);
}

/* Once through the tree; *struck: something went, so its parent may be empty now. */
static int strike_dangling_once(void *tree, bool *struck)
{
	struct dt_tree t;
	bool more = dt_first(&t, tree);
	int err = 0;

	*struck = false;
	while (more && !err) {
		int node = dt_node(&t);

		if (!is_empty_in_map(&t) && !lost_its_cpus(&t)) {
			more = dt_next(&t);
			continue;
		}
		*struck = true;
		more = next_outside(&t);
		err = fdt_nop_node(tree, node);
	}
	return err;
}

static int strike_dangling(void *tree)
{
	bool struck = true;
	int err = 0;

	for (unsigned int i = 0; struck && !err && i < DT_DEPTH_MAX; i++)
		err = strike_dangling_once(tree, &struck);
	return err;
}

/* ---- properties ---- */

static bool is_listed(const char *name, const char *const list[])
{
	for (unsigned int i = 0; list[i]; i++) {
		if (!strcmp(name, list[i]))
			return true;
	}
	return false;
}

static bool property_stays(const struct dt_tree *t, const char *name)
{
	if (is_listed(name, struck_properties))
		return false;
	if (dt_is_top(t, "chosen"))
		return is_listed(name, kept_of_chosen);
	if (dt_is_cpu(t))
		return !is_listed(name, struck_of_cpu);
	if (dt_compatible(t, dt_gic_names))
		return !is_listed(name, struck_of_gic);
	if (dt_compatible(t, dt_psci_names))
		return is_listed(name, kept_of_psci);
	return true;
}

static int strike_properties_of(const struct dt_tree *t, void *tree)
{
	int at = fdt_first_property_offset(tree, dt_node(t)), err = 0;

	while (at >= 0 && !err) {
		const char *name = NULL;
		int next = fdt_next_property_offset(tree, at);

		if (!fdt_getprop_by_offset(tree, at, &name, NULL) || !name)
			return -FDT_ERR_BADSTRUCTURE;
		if (!property_stays(t, name))
			err = fdt_nop_property(tree, dt_node(t), name);
		at = next;
	}
	return err;
}

static int strike_properties(void *tree)
{
	struct dt_tree t;
	bool more;
	int err = 0;

	for (more = dt_first(&t, tree); more && !err; more = dt_next(&t))
		err = strike_properties_of(&t, tree);
	return err;
}

int dt_strike_out(const void *firmware, const struct dt_guest *guest, void *tree)
{
	int err;

	registers.count = 0;
	err = strike_nodes(firmware, guest, tree);
	if (!err)
		err = strike_dangling(tree);
	return err ? err : strike_properties(tree);
}
