/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A page-table format as data: what the writer (pagetable.c) must know of the bits of an entry, and nothing
 * else.
 *
 * All formats here share one shape: 4 KiB tables of 512 entries of 64 bits, nine address bits a level. Levels
 * are counted from the bottom: level 0 holds 4 KiB leaves, level 1 points to those tables or holds 2 MiB
 * leaves, level 2 likewise with 1 GiB. (Intel's and AMD's documents count from 1, Arm's from the top:
 * formats.c says which is which.)
 *
 * Arm's stage 2 may have up to 16 root tables side by side, which its walks take as one larger table
 * ("concatenated translation tables"), and may say that 16 neighbouring leaves are one ("contiguous").
 *
 * Only leaves restrict. Entries that point to tables allow everything (`table`), so that what a leaf says is
 * what holds.
 */
#ifndef CORE_PAGETABLE_FORMATS_H
#define CORE_PAGETABLE_FORMATS_H

#include "core/types.h"

#define PT_INDEX_BITS 9
#define PT_ENTRIES    (1u << PT_INDEX_BITS)
#define PT_LEVELS_MAX 6
#define PT_LEAF_MAX   2 /* 1 GiB */

#define PT_ROOT_TABLES_MAX 16
#define PT_RUN		   16 /* leaves that the contiguous hint takes together, on every level */

struct pt_format {
	const char *name;
	unsigned int min_levels, max_levels;
	unsigned int max_leaf; /* the largest leaf the format has: 0, 1 or 2 as in struct pagetable */
	unsigned int input_bits[PT_LEVELS_MAX + 1]; /* width of an input address, by the number of levels */
	/* The same with PT_ROOT_TABLES_MAX root tables. 0: the format has one root table. */
	unsigned int concatenated_bits[PT_LEVELS_MAX + 1];
	unsigned int output_bits;

	u64 present; /* an entry is there if any of these bits is set */
	u64 address; /* where the output address, or the next table's, stands */
	/* If not 0: bits 51:50 of it are not in their place but in two bits from here up. */
	unsigned int address_50_shift;

	/* From level 1 up, an entry is a leaf if (entry & leaf_mask) == leaf_value; at level 0 each is. */
	u64 leaf_mask;
	u64 leaf_value;

	u64 leaf[PT_LEAF_MAX + 1]; /* set in every leaf, by its level */
	u64 table;		   /* set in every entry that points to a table */
	/* If not 0: the field of an entry that says how many levels are below it. */
	unsigned int next_level_shift;

	/* What enum pt_prot becomes. 0 where the format has no such bit. */
	u64 read; /* 0: whatever is present can be read */
	u64 write;     /* set to allow ... */
	u64 read_only; /* ... or set to forbid */
	u64 exec;    /* set to allow ... */
	u64 no_exec; /* ... or set to forbid */
	u64 user;
	u64 guarded;	       /* with PT_EXEC: indirect branches must land on a BTI instruction */
	u64 contiguous;	       /* of every leaf of a run of PT_RUN, aligned to its size on both sides */
	bool user_never_exec;  /* PT_USER with PT_EXEC cannot be said */
	bool exec_ignored;     /* there is nothing to execute: PT_EXEC is accepted and dropped */
	bool write_needs_read; /* write without read cannot be said */

	/* Memory type of leaves. The same bits at each level (x86's PAT bit, which moves, is not used). */
	u64 type_mask;
	u64 write_back;
	u64 device;
};

#endif
