/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page-table writer. Every change runs in two passes over the same range: the first only reads, answers
 * -EEXIST or counts the table pages that the second will need; they are then taken from the allocator all at
 * once; the second writes and cannot fail. That is what makes a failed call leave no trace.
 *
 * Each pass is a recursion over levels (depth at most PT_LEVELS_MAX). A range is [in, last], both ends
 * included, so that one which ends at 2^64 needs no special case.
 *
 * The invariant that keeps the passes simple: a table other than the root is never empty. So where a large
 * page is to go and nothing is mapped, there is no table in the way.
 *
 * Hardware walks a table while it is written: entries are 64-bit atomic stores, a new table is linked when it
 * is whole.
 */
#include "core/errno.h"
#include "core/pages.h"
#include "core/pagetable/formats.h"
#include "core/pagetable/pagetable.h"

#define ADDRESS_51_50 GENMASK64(51, 50)

/* Table pages that are taken but not yet linked, and later those retired: chained through their first entry.
 * A page's address is 4 KiB aligned, so as an entry it is "not present" in every format, should hardware
 * still look. */
static void chain_push(void **chain, u64 *table)
{
	table[0] = virt_to_phys(*chain);
	*chain = table;
}

static u64 *chain_pop(void **chain)
{
	u64 *table = *chain;

	*chain = phys_to_virt(table[0]);
	table[0] = 0;
	return table;
}

static void chain_free(void **chain)
{
	while (*chain)
		page_free(chain_pop(chain));
}

static int MUST_CHECK chain_alloc(void **chain, u64 count)
{
	while (count--) {
		u64 *table = page_alloc();

		if (!table) {
			chain_free(chain);
			return -ENOMEM;
		}
		chain_push(chain, table);
	}
	return 0;
}

/* ---- entries ------------------------------------------------------------------------------------------- */

static unsigned int level_shift(unsigned int level)
{
	return PAGE_SHIFT + PT_INDEX_BITS * level;
}

/* Bytes, less one, that one entry of that level covers: the low bits of an address that it leaves open. */
static u64 level_low_bits(unsigned int level)
{
	return BIT(level_shift(level)) - 1;
}

/* The same of the leaves that one contiguous hint can take together; their entries are in one table. */
static u64 run_low_bits(unsigned int level)
{
	return BIT(level_shift(level)) * PT_RUN - 1;
}

/* Root tables that lie side by side are one table with as many more entries. */
static u64 *entry_of(const struct pagetable *pt, u64 *table, unsigned int level, u64 in)
{
	const u64 entries = level == pt->levels - 1 ? (u64)PT_ENTRIES * pt->root_tables : PT_ENTRIES;

	return &table[(in >> level_shift(level)) & (entries - 1)];
}

/* The part of [in, last] that lies under in's entry at that level ends here. */
static u64 end_under_entry(unsigned int level, u64 in, u64 last)
{
	return min_u64(last, in | level_low_bits(level));
}

static bool covers_whole_entry(unsigned int level, u64 in, u64 end)
{
	return (in & level_low_bits(level)) == 0 && (end & level_low_bits(level)) == level_low_bits(level);
}

static u64 load(const u64 *entry)
{
	return __atomic_load_n(entry, __ATOMIC_RELAXED);
}

static void store(const struct pagetable *pt, u64 *entry, u64 value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
	if (pt->flush)
		pt->flush(entry, sizeof(*entry));
}

static bool is_present(const struct pagetable *pt, u64 entry)
{
	return entry & pt->format->present;
}

/* Of a present entry. */
static bool is_leaf(const struct pagetable *pt, unsigned int level, u64 entry)
{
	const struct pt_format *f = pt->format;

	return level == 0 || (level <= f->max_leaf && (entry & f->leaf_mask) == f->leaf_value);
}

/* An address as it stands in an entry, and back. */
static u64 encode_address(const struct pt_format *f, u64 address)
{
	u64 bits = address & f->address;

	if (f->address_50_shift)
		bits |= (address & ADDRESS_51_50) >> 50 << f->address_50_shift;
	return bits;
}

static u64 decode_address(const struct pt_format *f, u64 entry)
{
	u64 address = entry & f->address;

	if (f->address_50_shift)
		address |= entry >> f->address_50_shift << 50 & ADDRESS_51_50;
	return address;
}

/* What a leaf of that level points to; bits below its size may have other meanings (x86's PAT). */
static u64 leaf_address(const struct pt_format *f, unsigned int level, u64 entry)
{
	return decode_address(f, entry) & ~level_low_bits(level);
}

static u64 *table_below(const struct pagetable *pt, u64 entry)
{
	return phys_to_virt(decode_address(pt->format, entry));
}

/* Links a table of level `level - 1`, whose contents are complete, into an entry of level `level`. */
static void link_table(struct pagetable *pt, u64 *entry, unsigned int level, u64 *table)
{
	const struct pt_format *f = pt->format;
	u64 value = encode_address(f, virt_to_phys(table)) | f->table;

	if (f->next_level_shift)
		value |= (u64)level << f->next_level_shift;
	if (pt->flush)
		pt->flush(table, PAGE_SIZE);
	store(pt, entry, value);
	pt->table_pages++;
}

/* The bits of a leaf that do not depend on its level or address. -EOPNOTSUPP: the format cannot say that. */
static int MUST_CHECK encode_prot(const struct pt_format *f, unsigned int prot, u64 *bits)
{
	const bool read = prot & PT_READ, write = prot & PT_WRITE, exec = prot & PT_EXEC,
		   user = prot & PT_USER, guarded = prot & PT_GUARDED;

	if (prot & ~(unsigned int)(PT_READ | PT_WRITE | PT_EXEC | PT_USER | PT_DEVICE | PT_GUARDED))
		return -EOPNOTSUPP;
	if (!read && (!write || f->write_needs_read))
		return -EOPNOTSUPP;
	if ((user && !f->user) || (guarded && !(exec && f->guarded)))
		return -EOPNOTSUPP;
	if (user && exec && f->user_never_exec)
		return -EOPNOTSUPP;
	if (exec && !f->exec && !f->no_exec && !f->exec_ignored)
		return -EOPNOTSUPP;
	*bits = (read ? f->read : 0) | (write ? f->write : f->read_only) | (user ? f->user : 0) |
		(guarded ? f->guarded : 0) | (exec ? f->exec : f->no_exec) |
		(prot & PT_DEVICE ? f->device : f->write_back);
	return 0;
}

static unsigned int decode_prot(const struct pt_format *f, u64 entry)
{
	unsigned int prot = 0;

	if (!f->read || (entry & f->read))
		prot |= PT_READ;
	if (f->write ? (entry & f->write) != 0 : !(entry & f->read_only))
		prot |= PT_WRITE;
	if (f->exec ? (entry & f->exec) != 0 : f->no_exec && !(entry & f->no_exec))
		prot |= PT_EXEC;
	if (entry & f->user)
		prot |= PT_USER;
	if (entry & f->guarded)
		prot |= PT_GUARDED;
	if (f->type_mask && (entry & f->type_mask) == f->device)
		prot |= PT_DEVICE;
	return prot;
}

/* ---- arguments ----------------------------------------------------------------------------------------- */

static bool below_width(u64 address, u64 bits)
{
	return bits >= 64 || address < BIT(bits);
}

/* Is [base, base+size) whole pages, not empty, not wrapping, and below 2^bits? */
static bool range_valid(u64 base, u64 size, u64 bits)
{
	return size && IS_ALIGNED(base | size, PAGE_SIZE) && base + (size - 1) >= base &&
	       below_width(base + (size - 1), bits);
}

int pt_init(struct pagetable *pt, const struct pt_format *format, unsigned int levels, unsigned int max_leaf)
{
	if (levels < format->min_levels || levels > format->max_levels || max_leaf > format->max_leaf)
		return -EINVAL;
	*pt = (struct pagetable){
		.format = format,
		.root = page_alloc(),
		.levels = levels,
		.root_tables = 1,
		.max_leaf = max_leaf,
		.address_bits = format->input_bits[levels],
	};
	if (!pt->root)
		return -ENOMEM;
	pt->table_pages = 1;
	return 0;
}

/* The fewest levels that reach so far and have leaves that large; 0: none does. */
static unsigned int levels_for(const struct pt_format *f, unsigned int input_bits, unsigned int max_leaf)
{
	for (unsigned int n = max_u32(f->min_levels, max_leaf + 1); n <= f->max_levels; n++) {
		if (input_bits <= max_u32(f->input_bits[n], f->concatenated_bits[n]))
			return n;
	}
	return 0;
}

int pt_init_input(struct pagetable *pt, const struct pt_format *format, unsigned int input_bits,
		  unsigned int max_leaf)
{
	const unsigned int levels = levels_for(format, input_bits, max_leaf);
	unsigned int tables = 1;
	int err;

	/* Narrower than one entry of the root: hardware would want to start a level lower. */
	if (!levels || input_bits <= level_shift(levels - 1))
		return -EINVAL;
	if (input_bits > format->input_bits[levels])
		tables = 1u << (input_bits - format->input_bits[levels]);
	if (tables == 1) {
		err = pt_init(pt, format, levels, max_leaf);
		if (err)
			return err;
	} else {
		if (max_leaf > format->max_leaf)
			return -EINVAL;
		*pt = (struct pagetable){
			.format = format,
			.root = pages_alloc_contig(tables, tables * PAGE_SIZE),
			.levels = levels,
			.root_tables = tables,
			.max_leaf = max_leaf,
			.table_pages = tables,
		};
		if (!pt->root)
			return -ENOMEM;
	}
	pt->address_bits = input_bits;
	return 0;
}

/* ---- mapping ------------------------------------------------------------------------------------------- */

struct mapping {
	struct pagetable *pt;
	u64 delta;     /* out = in + delta, modulo 2^64 */
	u64 leaf_bits; /* from encode_prot() */
	void *pages;   /* tables to be linked */
	u64 limit;     /* counting may stop above this: so many pages there are not */
};

static bool leaf_fits(const struct mapping *m, unsigned int level, u64 in, u64 end)
{
	return level == 0 || (level <= m->pt->max_leaf && covers_whole_entry(level, in, end) &&
			      ((in + m->delta) & level_low_bits(level)) == 0);
}

static bool anything_mapped(const struct pagetable *pt, u64 *table, unsigned int level, u64 in, u64 last)
{
	u64 end;

	for (;; in = end + 1) {
		const u64 entry = load(entry_of(pt, table, level, in));

		end = end_under_entry(level, in, last);
		if (is_present(pt, entry) &&
		    (is_leaf(pt, level, entry) ||
		     anything_mapped(pt, table_below(pt, entry), level - 1, in, end)))
			return true;
		if (end == last)
			return false;
	}
}

/* How many tables are missing. table is NULL where one is missing itself. */
static u64 tables_to_map(const struct mapping *m, u64 *table, unsigned int level, u64 in, u64 last)
{
	u64 count = 0, end;

	if (level == 0)
		return 0;
	for (;; in = end + 1) {
		const u64 entry = table ? load(entry_of(m->pt, table, level, in)) : 0;

		end = end_under_entry(level, in, last);
		if (!leaf_fits(m, level, in, end)) {
			u64 *below = is_present(m->pt, entry) ? table_below(m->pt, entry) : NULL;

			count += (below ? 0 : 1) + tables_to_map(m, below, level - 1, in, end);
		}
		if (end == last || count > m->limit)
			return count;
	}
}

/* The hint for the leaf at in, if the whole run that it is in lies in [first, last]. */
static u64 run_hint(const struct mapping *m, unsigned int level, u64 in, u64 first, u64 last)
{
	const u64 low = run_low_bits(level);

	return m->pt->form_runs && (in & ~low) >= first && (in | low) <= last && !(m->delta & low) ?
		       m->pt->format->contiguous :
		       0;
}

static void map_range(struct mapping *m, u64 *table, unsigned int level, u64 in, u64 last)
{
	struct pagetable *pt = m->pt;
	const u64 first = in;
	u64 end;

	for (;; in = end + 1) {
		u64 *entry = entry_of(pt, table, level, in);

		end = end_under_entry(level, in, last);
		if (leaf_fits(m, level, in, end)) {
			const u64 bits = pt->format->leaf[level] | m->leaf_bits;

			store(pt, entry,
			      encode_address(pt->format, in + m->delta) | bits |
				      run_hint(m, level, in, first, last));
		} else {
			if (!is_present(pt, load(entry)))
				link_table(pt, entry, level, chain_pop(&m->pages));
			map_range(m, table_below(pt, load(entry)), level - 1, in, end);
		}
		if (end == last)
			return;
	}
}

int pt_map(struct pagetable *pt, u64 in, u64 out, u64 size, unsigned int prot)
{
	struct mapping m = { .pt = pt, .delta = out - in, .limit = pages_left() };
	const u64 last = in + (size - 1);
	const unsigned int top = pt->levels - 1;
	u64 needed;
	int err;

	if (!range_valid(in, size, pt->address_bits) || !range_valid(out, size, pt->format->output_bits))
		return -EINVAL;
	err = encode_prot(pt->format, prot, &m.leaf_bits);
	if (err)
		return err;
	if (anything_mapped(pt, pt->root, top, in, last))
		return -EEXIST;
	needed = tables_to_map(&m, pt->root, top, in, last);
	if (needed > m.limit)
		return -ENOMEM;
	err = chain_alloc(&m.pages, needed);
	if (err)
		return err;
	map_range(&m, pt->root, top, in, last);
	return 0;
}

/* ---- unmapping ----------------------------------------------------------------------------------------- */

/* How many tables it takes to cut [in, last] out of a leaf of that level. */
static u64 tables_to_split(unsigned int level, u64 in, u64 last)
{
	const u64 low = level_low_bits(level - 1);
	u64 count = 1;

	/* Only the leaf below at either end can be cut in its turn; they may be one and the same. */
	if (level == 1)
		return count;
	if (!covers_whole_entry(level - 1, in, end_under_entry(level - 1, in, last)))
		count += tables_to_split(level - 1, in, end_under_entry(level - 1, in, last));
	if ((in | low) < last && (last & low) != low)
		count += tables_to_split(level - 1, last & ~low, last);
	return count;
}

static u64 tables_to_unmap(const struct pagetable *pt, u64 *table, unsigned int level, u64 in, u64 last)
{
	u64 count = 0, end;

	if (level == 0)
		return 0;
	for (;; in = end + 1) {
		const u64 entry = load(entry_of(pt, table, level, in));

		end = end_under_entry(level, in, last);
		if (is_present(pt, entry)) {
			if (!is_leaf(pt, level, entry))
				count += tables_to_unmap(pt, table_below(pt, entry), level - 1, in, end);
			else if (!covers_whole_entry(level, in, end))
				count += tables_to_split(level, in, end);
		}
		if (end == last)
			return count;
	}
}

/* What was stored before this is in no TLB any more; nothing to do for a table that nobody walks yet. */
static void forget_translations(const struct pagetable *pt)
{
	if (pt->flush_tlb)
		pt->flush_tlb(pt);
}

/*
 * Replaces a leaf by a table of leaves one level smaller that say the same: the translation does not change,
 * only the size of its pieces. In a table whose TLBs must never see both, the leaf goes first
 * (pt->flush_tlb).
 */
static void split_leaf(struct pagetable *pt, u64 *entry, unsigned int level, u64 *table)
{
	const struct pt_format *f = pt->format;
	const u64 old = load(entry), out = decode_address(f, old);
	const u64 kept = old & ~encode_address(f, ~(u64)0) & ~f->leaf[level];

	for (u64 i = 0; i < PT_ENTRIES; i++)
		table[i] = encode_address(f, out + (i << level_shift(level - 1))) | kept | f->leaf[level - 1];
	if (pt->flush_tlb) {
		store(pt, entry, 0);
		forget_translations(pt);
	}
	link_table(pt, entry, level, table);
}

/*
 * Takes the hint from the run of leaves that `entry` is one of. A hint that not all of a run have leaves open
 * what hardware does, so in a table that is walked the whole run goes before any of it comes back.
 */
static void break_run(struct pagetable *pt, u64 *entry)
{
	u64 *run = phys_to_virt(ALIGN_DOWN(virt_to_phys(entry), PT_RUN * sizeof(*entry)));
	u64 leaf[PT_RUN];

	for (unsigned int i = 0; i < PT_RUN; i++) {
		leaf[i] = load(&run[i]) & ~pt->format->contiguous;
		if (pt->flush_tlb)
			store(pt, &run[i], 0);
	}
	forget_translations(pt);
	for (unsigned int i = 0; i < PT_RUN; i++)
		store(pt, &run[i], leaf[i]);
}

static bool table_empty(const struct pagetable *pt, const u64 *table)
{
	for (unsigned int i = 0; i < PT_ENTRIES; i++) {
		if (is_present(pt, load(&table[i])))
			return false;
	}
	return true;
}

static void unmap_range(struct pagetable *pt, void **pages, u64 *table, unsigned int level, u64 in, u64 last)
{
	const u64 first = in, run_low = run_low_bits(level);
	u64 end;

	for (;; in = end + 1) {
		u64 *entry = entry_of(pt, table, level, in);

		end = end_under_entry(level, in, last);
		if (is_present(pt, load(entry))) {
			const bool leaf = is_leaf(pt, level, load(entry));

			if (leaf && (load(entry) & pt->format->contiguous) &&
			    ((in & ~run_low) < first || (in | run_low) > last))
				break_run(pt, entry);
			if (leaf && covers_whole_entry(level, in, end)) {
				store(pt, entry, 0);
			} else {
				u64 *below;

				if (leaf)
					split_leaf(pt, entry, level, chain_pop(pages));
				below = table_below(pt, load(entry));
				unmap_range(pt, pages, below, level - 1, in, end);
				if (table_empty(pt, below)) {
					store(pt, entry, 0);
					chain_push(&pt->retired, below);
					pt->table_pages--;
				}
			}
		}
		if (end == last)
			return;
	}
}

int pt_unmap(struct pagetable *pt, u64 in, u64 size)
{
	const u64 last = in + (size - 1);
	const unsigned int top = pt->levels - 1;
	void *pages = NULL;
	int err;

	if (!range_valid(in, size, pt->address_bits))
		return -EINVAL;
	err = chain_alloc(&pages, tables_to_unmap(pt, pt->root, top, in, last));
	if (err)
		return err;
	unmap_range(pt, &pages, pt->root, top, in, last);
	forget_translations(pt);
	return 0;
}

void pt_reclaim(struct pagetable *pt)
{
	pt_free_retired(pt_take_retired(pt));
}

void *pt_take_retired(struct pagetable *pt)
{
	void *tables = pt->retired;

	pt->retired = NULL;
	return tables;
}

void pt_free_retired(void *tables)
{
	chain_free(&tables);
}

void pt_retire_again(struct pagetable *pt, void *tables)
{
	while (tables)
		chain_push(&pt->retired, chain_pop(&tables));
}

/* ---- the rest ------------------------------------------------------------------------------------------ */

int pt_lookup(const struct pagetable *pt, u64 in, u64 *out, unsigned int *prot, u64 *page_size)
{
	u64 *table = pt->root;
	unsigned int level = pt->levels - 1;
	u64 entry;

	if (!below_width(in, pt->address_bits))
		return -EINVAL;
	for (;; level--) {
		entry = load(entry_of(pt, table, level, in));
		if (!is_present(pt, entry))
			return -ENOENT;
		if (is_leaf(pt, level, entry))
			break;
		table = table_below(pt, entry);
	}
	if (out)
		*out = leaf_address(pt->format, level, entry) | (in & level_low_bits(level));
	if (prot)
		*prot = decode_prot(pt->format, entry);
	if (page_size)
		*page_size = BIT(level_shift(level));
	return 0;
}

/* The entry that decides about `in`, and its level. */
static u64 deciding_entry(const struct pagetable *pt, u64 in, unsigned int *level)
{
	u64 *table = pt->root;
	u64 entry;

	for (*level = pt->levels - 1;; --*level) {
		entry = load(entry_of(pt, table, *level, in));
		if (!is_present(pt, entry) || is_leaf(pt, *level, entry))
			return entry;
		table = table_below(pt, entry);
	}
}

bool pt_next_leaf(const struct pagetable *pt, u64 *in, struct pt_leaf *leaf)
{
	while (below_width(*in, pt->address_bits)) {
		unsigned int level;
		u64 entry = deciding_entry(pt, *in, &level), start = *in & ~level_low_bits(level);

		*in = start + level_low_bits(level) + 1;
		if (!is_present(pt, entry))
			continue;
		*leaf = (struct pt_leaf){
			.in = start,
			.out = leaf_address(pt->format, level, entry),
			.size = level_low_bits(level) + 1,
			.prot = decode_prot(pt->format, entry),
		};
		return true;
	}
	return false;
}

static void free_tables(struct pagetable *pt, u64 *table, unsigned int tables, unsigned int level)
{
	for (unsigned int i = 0; level > 0 && i < tables * PT_ENTRIES; i++) {
		const u64 entry = load(&table[i]);

		if (is_present(pt, entry) && !is_leaf(pt, level, entry))
			free_tables(pt, table_below(pt, entry), 1, level - 1);
	}
	if (tables == 1)
		page_free(table);
}

void pt_destroy(struct pagetable *pt)
{
	pt_reclaim(pt);
	if (pt->root)
		free_tables(pt, pt->root, pt->root_tables, pt->levels - 1);
	pt->root = NULL;
	pt->table_pages = 0;
}
