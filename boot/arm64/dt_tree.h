/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A walk through a flattened device tree (Devicetree Specification 0.4) that knows, at each node, what it has
 * from its ancestors: sizes of addresses, the interrupt parent, whether it is switched off. libfdt does the
 * parsing. dt_check() comes first: what it accepts can be walked to the end. Shared by dt*.c only.
 */
#ifndef BOOT_ARM64_DT_TREE_H
#define BOOT_ARM64_DT_TREE_H

#include "boot/arm64/dt.h"

#define DT_DEPTH_MAX 16
/* The kernel maps no more (Linux Documentation/arch/arm64/booting.rst, section 2). */
#define DT_SIZE_MAX ((size_t)2 << 20)

struct dt_level {
	int node;	      /* libfdt's offset */
	u32 address_cells;    /* of its children's addresses, */
	u32 size_cells;	      /* and sizes */
	u32 interrupt_parent; /* phandle: its own or inherited; 0: none */
	bool available;	      /* neither it nor an ancestor is switched off by `status` */
};

/* The present node is level[depth - 1], the root level[0]. */
struct dt_tree {
	const void *fdt;
	unsigned int depth;
	struct dt_level level[DT_DEPTH_MAX];
};

/* The interrupt controller that the machine's interrupts are numbers of. */
struct dt_controller {
	u32 phandle, cells;
};

/*
 * Whole, no larger than DT_SIZE_MAX and `limit`, not too deep, each #...-cells sensible. 0; -EINVAL after one
 * log_error.
 */
int MUST_CHECK dt_check(const void *fdt, size_t limit);

/* To the root; false: there is none. */
bool dt_first(struct dt_tree *t, const void *fdt);
/* To the next node, parents before children. False: there is none. */
bool dt_next(struct dt_tree *t);
/* To the next node, the present one included, that is available and has one of the names in `compatible`. */
bool dt_find(struct dt_tree *t, const char *const compatible[]);

static inline int dt_node(const struct dt_tree *t)
{
	return t->level[t->depth - 1].node;
}

/* ---- of the present node ---- */

const char *dt_name(const struct dt_tree *t);
/* Is it a child of the root called that, with or without an address? */
bool dt_is_top(const struct dt_tree *t, const char *name);
/* Is it below such a child? */
bool dt_is_under(const struct dt_tree *t, const char *name);
bool dt_compatible(const struct dt_tree *t, const char *const compatible[]);
/* NULL: no such property. */
const void *dt_property(const struct dt_tree *t, const char *name, size_t *length);
bool dt_has(const struct dt_tree *t, const char *name);
/* True: the property is there, a NUL-terminated string, and that one. */
bool dt_string_is(const struct dt_tree *t, const char *name, const char *text);
/* A property of one cell. 0; -ENOENT: not there (*value stays); -EINVAL, logged: of another length. */
int MUST_CHECK dt_u32(const struct dt_tree *t, const char *name, u32 *value);
/*
 * Entry `index` of reg, as a CPU's address. 0; -ENOENT: no such entry; -ERANGE: no address that a CPU has;
 * -EINVAL, logged: malformed.
 */
int MUST_CHECK dt_reg(const struct dt_tree *t, unsigned int index, struct dt_range *out);
/* The same, saying nothing: -EINVAL then with the words in *why. */
int MUST_CHECK dt_reg_quietly(const struct dt_tree *t, unsigned int index, struct dt_range *out,
			      const char **why);
/*
 * Entry `index` of interrupts or interrupts-extended: INTID and flags. 0; -ENOENT: no such entry; -ENODEV:
 * not that controller's or of a kind that Fairlead does not know; -EINVAL, logged: malformed.
 */
int MUST_CHECK dt_interrupt(const struct dt_tree *t, const struct dt_controller *gic, unsigned int index,
			    u32 *intid, u32 *flags);
/* As dt_interrupt(), by its name in interrupt-names, or where there is none at the place `index`. */
int MUST_CHECK dt_named_interrupt(const struct dt_tree *t, const struct dt_controller *gic, const char *name,
				  unsigned int index, u32 *intid);

/* Logs "device tree: PATH: what" and returns err. */
int dt_refuse(const struct dt_tree *t, int err, const char *what);
void dt_warn(const struct dt_tree *t, const char *what);

/* ---- without a walk ---- */

/* The number in n cells (0..4) at any alignment. False: it has more than 64 bits. */
bool MUST_CHECK dt_cells(const u8 *at, unsigned int n, u64 *value);
u32 dt_cell(const u8 *at);

/* Interrupt flags (Linux Documentation/devicetree/bindings/interrupt-controller/interrupts.txt). */
#define DT_IRQ_LEVEL_HIGH 4u
#define DT_IRQ_LEVEL_LOW  8u

#endif
