/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walking a device tree and reading the properties that every kind of node has.
 */
#include "boot/arm64/dt_tree.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/string.h"

#include <libfdt.h>

#define CELL	  4u
#define CELLS_MAX 4u /* libfdt's FDT_MAX_NCELLS; 3 are PCI's */
/* Devicetree Specification 0.4, 2.3.5: if a parent does not say. */
#define ADDRESS_CELLS_DEFAULT 2u
#define SIZE_CELLS_DEFAULT    1u

/* Linux Documentation/devicetree/bindings/interrupt-controller/arm,gic-v3.yaml: type, number, flags. */
enum { GIC_TYPE, GIC_NUMBER, GIC_FLAGS, GIC_CELLS_MIN };
enum { GIC_TYPE_SPI = 0, GIC_TYPE_PPI = 1 };
#define SPIS_MAX   988u
#define PPIS_MAX   16u
#define SPI_FIRST  32u
#define PPI_FIRST  16u
#define FLAGS_MASK 0xfu

u32 dt_cell(const u8 *at)
{
	return (u32)at[0] << 24 | (u32)at[1] << 16 | (u32)at[2] << 8 | at[3];
}

bool dt_cells(const u8 *at, unsigned int n, u64 *value)
{
	*value = 0;
	for (; n; n--, at += CELL) {
		if (*value >> 32)
			return false;
		*value = *value << 32 | dt_cell(at);
	}
	return true;
}

/* ---- the walk ---- */

static u32 cells_or(const void *fdt, int node, const char *name, u32 otherwise)
{
	int length;
	const u8 *value = fdt_getprop(fdt, node, name, &length);

	return value && length == (int)CELL ? dt_cell(value) : otherwise;
}

/* Specification 2.3.4: what is neither absent nor okay does not work, or is not ours. */
static bool status_okay(const void *fdt, int node)
{
	int length;
	const char *status = fdt_getprop(fdt, node, "status", &length);

	return !status || (length == 5 && !memcmp(status, "okay", 5)) ||
	       (length == 3 && !memcmp(status, "ok", 3));
}

static void enter(struct dt_tree *t, int node)
{
	struct dt_level *level = &t->level[t->depth++];
	const struct dt_level *parent = t->depth > 1 ? level - 1 : NULL;

	level->node = node;
	level->address_cells = cells_or(t->fdt, node, "#address-cells", ADDRESS_CELLS_DEFAULT);
	level->size_cells = cells_or(t->fdt, node, "#size-cells", SIZE_CELLS_DEFAULT);
	level->interrupt_parent =
		cells_or(t->fdt, node, "interrupt-parent", parent ? parent->interrupt_parent : 0);
	level->available = status_okay(t->fdt, node) && (!parent || parent->available);
}

bool dt_first(struct dt_tree *t, const void *fdt)
{
	t->fdt = fdt;
	t->depth = 0;
	if (fdt_next_node(fdt, -1, NULL) < 0)
		return false;
	enter(t, fdt_next_node(fdt, -1, NULL));
	return true;
}

bool dt_next(struct dt_tree *t)
{
	int depth = (int)t->depth - 1;
	int node = fdt_next_node(t->fdt, dt_node(t), &depth);

	/* A second root, or a tree deeper than dt_check() allows, is the end. */
	if (node < 0 || depth < 1 || depth >= DT_DEPTH_MAX)
		return false;
	t->depth = (unsigned int)depth;
	enter(t, node);
	return true;
}

bool dt_find(struct dt_tree *t, const char *const compatible[])
{
	do {
		if (t->level[t->depth - 1].available && dt_compatible(t, compatible))
			return true;
	} while (dt_next(t));
	return false;
}

/* ---- what is wrong ---- */

/* As /soc/uart@9000000; what finds no room is left out. */
static void write_path(const struct dt_tree *t, char *text, size_t size)
{
	size_t used = 0;
	unsigned int i;

	text[0] = '/';
	text[1] = 0;
	for (i = 1; i < t->depth && used + 1 < size; i++) {
		const char *name = fdt_get_name(t->fdt, t->level[i].node, NULL);
		int n = fl_snprintf(text + used, size - used, "/%s", name ? name : "?");

		used += (size_t)n;
	}
}

int dt_refuse(const struct dt_tree *t, int err, const char *what)
{
	char path[100];

	write_path(t, path, sizeof(path));
	log_error("device tree: %s: %s", path, what);
	return err;
}

void dt_warn(const struct dt_tree *t, const char *what)
{
	char path[100];

	write_path(t, path, sizeof(path));
	log_warn("device tree: %s: %s", path, what);
}

/* Each property that enter() reads, if it is there, is one cell with a sensible value. */
static int check_node(const struct dt_tree *t)
{
	static const char *const names[] = { "#address-cells", "#size-cells", "interrupt-parent" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		u32 value = 0;
		int err = dt_u32(t, names[i], &value);

		if (err == -EINVAL)
			return err;
		if (names[i][0] == '#' && value > CELLS_MAX)
			return dt_refuse(t, -EINVAL,
					 "#address-cells or #size-cells is above 4; update the firmware");
	}
	return 0;
}

int dt_check(const void *fdt, size_t limit)
{
	struct dt_tree t;
	int node, depth = 0, err;

	if (limit > DT_SIZE_MAX)
		limit = DT_SIZE_MAX;
	if (!IS_ALIGNED((uintptr_t)fdt, 8)) {
		log_error("device tree: it is not aligned to 8 bytes; update the firmware");
		return -EINVAL;
	}
	err = fdt_check_full(fdt, limit);
	if (err || fdt_version(fdt) < FDT_LAST_SUPPORTED_VERSION) {
		log_error("device tree: malformed (%s); update the firmware",
			  err ? fdt_strerror(err) : "older than version 17");
		return -EINVAL;
	}
	for (node = fdt_next_node(fdt, -1, NULL); node >= 0; node = fdt_next_node(fdt, node, &depth)) {
		if (depth >= DT_DEPTH_MAX) {
			log_error("device tree: nodes more than %u deep; update the firmware", DT_DEPTH_MAX);
			return -EINVAL;
		}
	}
	if (!dt_first(&t, fdt)) {
		log_error("device tree: it has no root; update the firmware");
		return -EINVAL;
	}
	do {
		err = check_node(&t);
	} while (!err && dt_next(&t));
	return err;
}

size_t dt_size(const void *dtb)
{
	return fdt_totalsize(dtb);
}

/* ---- names and plain properties ---- */

const char *dt_name(const struct dt_tree *t)
{
	const char *name = fdt_get_name(t->fdt, dt_node(t), NULL);

	return name ? name : "";
}

static bool is_called(const struct dt_tree *t, unsigned int level, const char *name)
{
	const char *own = fdt_get_name(t->fdt, t->level[level].node, NULL);
	size_t length = strlen(name);

	return own && !strncmp(own, name, length) && (!own[length] || own[length] == '@');
}

bool dt_is_top(const struct dt_tree *t, const char *name)
{
	return t->depth == 2 && is_called(t, 1, name);
}

bool dt_is_under(const struct dt_tree *t, const char *name)
{
	return t->depth > 2 && is_called(t, 1, name);
}

bool dt_compatible(const struct dt_tree *t, const char *const compatible[])
{
	unsigned int i;

	for (i = 0; compatible[i]; i++) {
		if (!fdt_node_check_compatible(t->fdt, dt_node(t), compatible[i]))
			return true;
	}
	return false;
}

const void *dt_property(const struct dt_tree *t, const char *name, size_t *length)
{
	int n = 0;
	const void *value = fdt_getprop(t->fdt, dt_node(t), name, &n);

	*length = value ? (size_t)n : 0;
	return value;
}

bool dt_has(const struct dt_tree *t, const char *name)
{
	size_t length;

	return dt_property(t, name, &length);
}

bool dt_string_is(const struct dt_tree *t, const char *name, const char *text)
{
	size_t length;
	const char *value = dt_property(t, name, &length);

	return value && length == strlen(text) + 1 && !memcmp(value, text, length);
}

int dt_u32(const struct dt_tree *t, const char *name, u32 *value)
{
	size_t length;
	const u8 *at = dt_property(t, name, &length);
	char what[80];

	if (!at)
		return -ENOENT;
	if (length != CELL) {
		fl_snprintf(what, sizeof(what), "%s is not one cell; update the firmware", name);
		return dt_refuse(t, -EINVAL, what);
	}
	*value = dt_cell(at);
	return 0;
}

/* ---- addresses ---- */

/*
 * One step up: what is at `range` among the children of level k is where among its siblings? Specification
 * 2.3.8. 0; -ERANGE; -EINVAL.
 */
static int translate_step(const struct dt_tree *t, unsigned int k, struct dt_range *range, const char **why)
{
	const struct dt_level *bus = &t->level[k], *parent = bus - 1;
	unsigned int entry = bus->address_cells + parent->address_cells + bus->size_cells;
	int length;
	const u8 *at = fdt_getprop(t->fdt, bus->node, "ranges", &length);
	u64 child, up, size;

	if (!at)
		return -ERANGE;
	if (!length)
		return 0;
	*why = "the ranges of its bus are no whole entries; update the firmware";
	if ((u32)length % (entry * CELL))
		return -EINVAL;
	for (; length > 0; length -= (int)(entry * CELL), at += entry * CELL) {
		if (!dt_cells(at, bus->address_cells, &child) ||
		    !dt_cells(at + bus->address_cells * CELL, parent->address_cells, &up) ||
		    !dt_cells(at + (bus->address_cells + parent->address_cells) * CELL, bus->size_cells,
			      &size))
			continue;
		if (range->base < child || range->base - child >= size ||
		    range->size > size - (range->base - child))
			continue;
		up += range->base - child;
		if (up < range->base - child || up + range->size < up)
			continue;
		range->base = up;
		return 0;
	}
	return -ERANGE;
}

int dt_reg_quietly(const struct dt_tree *t, unsigned int index, struct dt_range *out, const char **why)
{
	const struct dt_level *parent;
	size_t length, entry;
	const u8 *at = dt_property(t, "reg", &length);
	unsigned int k;

	if (!at || t->depth < 2)
		return -ENOENT;
	parent = &t->level[t->depth - 2];
	entry = (parent->address_cells + parent->size_cells) * CELL;
	if (!parent->address_cells || !parent->size_cells)
		return -ERANGE;
	*why = "reg is no whole entries; update the firmware";
	if (!length || length % entry)
		return -EINVAL;
	if (index >= length / entry)
		return -ENOENT;
	at += index * entry;
	if (!dt_cells(at, parent->address_cells, &out->base) ||
	    !dt_cells(at + parent->address_cells * CELL, parent->size_cells, &out->size))
		return -ERANGE;
	*why = "reg passes the end of the address space; update the firmware";
	if (out->base + out->size < out->base)
		return -EINVAL;
	for (k = t->depth - 2; k > 0; k--) {
		int err = translate_step(t, k, out, why);

		if (err)
			return err;
	}
	return 0;
}

int dt_reg(const struct dt_tree *t, unsigned int index, struct dt_range *out)
{
	const char *why;
	int err = dt_reg_quietly(t, index, out, &why);

	return err == -EINVAL ? dt_refuse(t, err, why) : err;
}

/* ---- interrupts ---- */

static int decode_interrupt(const u8 *at, u32 *intid, u32 *flags)
{
	u32 type = dt_cell(at + GIC_TYPE * CELL), number = dt_cell(at + GIC_NUMBER * CELL);

	*flags = dt_cell(at + GIC_FLAGS * CELL) & FLAGS_MASK;
	if (type == GIC_TYPE_SPI && number < SPIS_MAX)
		*intid = SPI_FIRST + number;
	else if (type == GIC_TYPE_PPI && number < PPIS_MAX)
		*intid = PPI_FIRST + number;
	else
		return -ENODEV;
	return 0;
}

/* How many cells an interrupt of the controller with that phandle has; 0: it is none. */
static u32 interrupt_cells(const struct dt_tree *t, const struct dt_controller *gic, u32 phandle)
{
	int node;

	if (phandle == gic->phandle)
		return gic->cells;
	node = fdt_node_offset_by_phandle(t->fdt, phandle);
	return node < 0 ? 0 : cells_or(t->fdt, node, "#interrupt-cells", 0);
}

static int extended_interrupt(const struct dt_tree *t, const struct dt_controller *gic, const u8 *at,
			      size_t length, unsigned int index, u32 *intid, u32 *flags)
{
	for (;; index--) {
		u32 phandle, cells;

		if (!length)
			return -ENOENT;
		if (length < CELL)
			break;
		phandle = dt_cell(at);
		cells = interrupt_cells(t, gic, phandle);
		if (!cells || cells > (length - CELL) / CELL)
			break;
		if (!index)
			return phandle == gic->phandle ? decode_interrupt(at + CELL, intid, flags) : -ENODEV;
		at += (1 + cells) * CELL;
		length -= (1 + (size_t)cells) * CELL;
	}
	return dt_refuse(t, -EINVAL, "interrupts-extended is malformed; update the firmware");
}

int dt_interrupt(const struct dt_tree *t, const struct dt_controller *gic, unsigned int index, u32 *intid,
		 u32 *flags)
{
	size_t length, entry = gic->cells * CELL;
	const u8 *at = dt_property(t, "interrupts-extended", &length);

	if (at)
		return extended_interrupt(t, gic, at, length, index, intid, flags);
	at = dt_property(t, "interrupts", &length);
	if (!at)
		return -ENOENT;
	if (t->level[t->depth - 1].interrupt_parent != gic->phandle)
		return -ENODEV;
	if (!length || length % entry)
		return dt_refuse(t, -EINVAL, "interrupts is no whole entries; update the firmware");
	if (index >= length / entry)
		return -ENOENT;
	return decode_interrupt(at + index * entry, intid, flags);
}

int dt_named_interrupt(const struct dt_tree *t, const struct dt_controller *gic, const char *name,
		       unsigned int index, u32 *intid)
{
	u32 flags;

	if (dt_has(t, "interrupt-names")) {
		int at = fdt_stringlist_search(t->fdt, dt_node(t), "interrupt-names", name);

		if (at < 0)
			return -ENOENT;
		index = (unsigned int)at;
	}
	return dt_interrupt(t, gic, index, intid, &flags);
}
