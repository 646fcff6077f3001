/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table walkers written from the specifications: one for each format, with constants of their own, which
 * read a table as the hardware would and stop the test at anything that the hardware would refuse. They know
 * nothing of core/pagetable/formats.h.
 */
#ifndef TESTS_PT_WALKERS_H
#define TESTS_PT_WALKERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/errno.h"
#include "core/pagetable/pagetable.h"
#include "tests/unit/fake_pages.h"

/* ---- what a walk finds --------------------------------------------------------------------------------- */

struct walk {
	bool mapped;
	u64 out;
	u64 page_size;
	bool read, write, exec, user, device, guarded;
};

static u64 table_entry(u64 table, u64 index)
{
	return ((const u64 *)(uintptr_t)table)[index];
}

/* What Fairlead does not map is zero: no stray bits that a format might give a meaning. */
static struct walk not_mapped(u64 entry)
{
	assert_int_equal(entry, 0);
	return (struct walk){ 0 };
}

/* AMD64 APM vol. 2, 5.3: bits 47:39, 38:30, 29:21, 20:12 of the address, entries P RW US PWT PCD A D PS ...
 * NX. */
static struct walk walk_long_mode(u64 root, unsigned int levels, u64 in, bool nested)
{
	struct walk w = { .read = true, .write = true, .exec = true, .user = true };
	u64 table = root;

	for (unsigned int n = levels; n >= 1; n--) { /* 5: PML5 ... 1: page table */
		const unsigned int shift = 12 + 9 * (n - 1);
		const u64 e = table_entry(table, (in >> shift) & 0x1ff);

		if (!(e & 0x1))
			return not_mapped(e);
		assert_true(e & 0x20); /* A */
		if (nested)
			assert_true(e & 0x4); /* 15.25.5: guest accesses are user accesses */
		w.write &= (e & 0x2) != 0;
		w.user &= (e & 0x4) != 0;
		w.exec &= !(e >> 63);
		assert_int_equal(e & 0x7ff0000000000100,
				 0); /* G, available high bits, protection key: unused */
		if (n == 1 || (e & 0x80)) {
			const u64 offset = ((u64)1 << shift) - 1;

			assert_true(n <= 3);
			assert_true(e & 0x40); /* D */
			if (n == 1)
				assert_int_equal(e & 0x80, 0); /* PAT */
			assert_int_equal(e & 0x000ffffffffff000 & offset, 0);
			w.mapped = true;
			w.page_size = offset + 1;
			w.out = (e & 0x000ffffffffff000) | (in & offset);
			assert_true((e & 0x18) == 0 || (e & 0x18) == 0x18);
			w.device = (e & 0x18) == 0x18;
			return w;
		}
		assert_int_equal(e & 0x18, 0);
		table = e & 0x000ffffffffff000;
	}
	fail();
	return w;
}

static struct walk walk_x86_64(u64 root, unsigned int levels, u64 in)
{
	return walk_long_mode(root, levels, in, false);
}

static struct walk walk_npt(u64 root, unsigned int levels, u64 in)
{
	struct walk w = walk_long_mode(root, levels, in, true);

	w.user = false; /* says nothing about the mapping here */
	return w;
}

/* Intel SDM vol. 3C, 29.3.2: R, W, X in bits 2:0; leaf: memory type 5:3, ignore
 * PAT 6, page size 7, A 8, D 9. */
static struct walk walk_ept(u64 root, unsigned int levels, u64 in)
{
	struct walk w = { .read = true, .write = true, .exec = true };
	u64 table = root;

	for (unsigned int n = levels; n >= 1; n--) {
		const unsigned int shift = 12 + 9 * (n - 1);
		const u64 e = table_entry(table, (in >> shift) & 0x1ff);

		if (!(e & 7))
			return not_mapped(e);
		assert_true((e & 3) != 2); /* writable, not readable: misconfiguration */
		assert_int_equal(e >> 52, 0);
		w.read &= e & 1;
		w.write &= (e >> 1) & 1;
		w.exec &= (e >> 2) & 1;
		if (n == 1 || (e & 0x80)) {
			const u64 offset = ((u64)1 << shift) - 1;
			const u64 type = (e >> 3) & 7;

			assert_true(n <= 3);
			assert_true(type == 0 || type == 6);
			assert_int_equal(e & 0x40, 0); /* the guest's PAT has its say */
			assert_int_equal(e & 0x000ffffffffff000 & offset, 0);
			w.mapped = true;
			w.page_size = offset + 1;
			w.out = (e & 0x000ffffffffff000) | (in & offset);
			w.device = type == 0;
			return w;
		}
		assert_int_equal(e & 0xf8, 0); /* bits 7:3 are reserved in an entry that points to a table */
		table = e & 0x000ffffffffff000;
	}
	fail();
	return w;
}

/* VT-d specification 9.8: R 0, W 1, PS 7. No memory type in legacy mode; the rest is to be zero. */
static struct walk walk_vtd(u64 root, unsigned int levels, u64 in)
{
	struct walk w = { .read = true, .write = true };
	u64 table = root;

	for (unsigned int n = levels; n >= 1; n--) {
		const unsigned int shift = 12 + 9 * (n - 1);
		const u64 e = table_entry(table, (in >> shift) & 0x1ff);

		if (!(e & 3))
			return not_mapped(e);
		assert_int_equal(e & ~(u64)0x000ffffffffff083, 0);
		w.read &= e & 1;
		w.write &= (e >> 1) & 1;
		if (n == 1 || (e & 0x80)) {
			const u64 offset = ((u64)1 << shift) - 1;

			assert_true(n <= 3);
			if (n == 1)
				assert_int_equal(e & 0x80, 0);
			assert_int_equal(e & 0x000ffffffffff000 & offset, 0);
			w.mapped = true;
			w.page_size = offset + 1;
			w.out = (e & 0x000ffffffffff000) | (in & offset);
			return w;
		}
		table = e & 0x000ffffffffff000;
	}
	fail();
	return w;
}

/* AMD IOMMU specification 2.2.3: PR 0, Next Level 11:9, address 51:12, U 59, FC 60, IR 61, IW 62. */
static struct walk walk_amdvi(u64 root, unsigned int levels, u64 in)
{
	struct walk w = { .read = true, .write = true };
	u64 table = root;
	unsigned int n = levels;

	for (;;) {
		const unsigned int shift = 12 + 9 * (n - 1);
		const u64 e = table_entry(table, (in >> shift) & 0x1ff);
		const unsigned int next = (e >> 9) & 7;

		if (!(e & 1))
			return not_mapped(e);
		assert_int_equal(e & 0x8ff0000000000000, 0);
		w.read &= (e >> 61) & 1;
		w.write &= (e >> 62) & 1;
		if (next == 0) {
			const u64 offset = ((u64)1 << shift) - 1;

			assert_true(n <= 3); /* what Fairlead means to use; the format could say more */
			assert_int_equal(e & 0x000ffffffffff000 & offset, 0);
			w.mapped = true;
			w.page_size = offset + 1;
			w.out = (e & 0x000ffffffffff000) | (in & offset);
			w.device = !((e >> 60) & 1);
			return w;
		}
		assert_int_equal(next, n - 1); /* no levels are skipped */
		assert_int_equal((e >> 60) & 1, 0);
		table = e & 0x000ffffffffff000;
		n = next;
	}
}

/* ---- Arm ARM (DDI 0487J) D8.3: VMSAv8-64, 4 KiB granule. Arm's level = 4 - n ---- */

/* Bits 49:48 belong to the address only with DS = 1, and 9:8 hold its bits 51:50 then; else they are SH. */
static u64 arm_address(u64 e, bool ds)
{
	if (!ds)
		assert_int_equal((e >> 48) & 0x3, 0);
	return (e & (ds ? 0x0003fffffffff000 : 0x0000fffffffff000)) | (ds ? ((e >> 8) & 3) << 50 : 0);
}

/*
 * Contiguous (bit 52), D8.6.1: 16 entries of one table, aligned; all of them have it, the same attributes,
 * and addresses that follow each other from one that is aligned to all of them.
 */
static void check_run(u64 table, u64 index, unsigned int shift, bool ds)
{
	const u64 first = table_entry(table, index & ~(u64)15);
	const u64 address_bits = ds ? 0x0003fffffffff300 : 0x0000fffffffff000;

	assert_int_equal(arm_address(first, ds) & (((u64)16 << shift) - 1), 0);
	for (unsigned int i = 0; i < 16; i++) {
		const u64 e = table_entry(table, (index & ~(u64)15) + i);

		assert_int_equal(e & ~address_bits, first & ~address_bits);
		assert_int_equal(arm_address(e, ds), arm_address(first, ds) + ((u64)i << shift));
	}
}

static unsigned int runs_seen; /* leaves with the hint that walks have met */

/*
 * What both stages share. With concatenated root tables (D8.2.2) the index into the root has up to four bits
 * more. The leaf's entry is *leaf, for its permissions.
 */
static struct walk walk_vmsa(u64 root, unsigned int levels, unsigned int in_bits, u64 in, bool ds, u64 *leaf)
{
	struct walk w = { 0 };
	u64 table = root;

	assert_true(in >> in_bits == 0);
	*leaf = 0;
	for (unsigned int n = levels; n >= 1; n--) {
		const unsigned int shift = 12 + 9 * (n - 1);
		const u64 index = n == levels ? in >> shift : (in >> shift) & 0x1ff;
		const u64 e = table_entry(table, index), offset = ((u64)1 << shift) - 1;
		const unsigned int type = e & 3;

		if (!(e & 1))
			return not_mapped(e);
		if (n > 1 && type == 3) {
			/*
			 * 63:59 restrict what is below in stage 1 and are RES0 in stage 2; the rest is
			 * ignored or RES0
			 */
			assert_int_equal(e & ~(u64)0x0003fffffffff303, 0);
			table = arm_address(e, ds);
			if (!ds)
				assert_int_equal(e & 0x300, 0);
			continue;
		}
		assert_int_equal(type, n == 1 ? 3 : 1);
		assert_true(n <= 3);	 /* Arm's level 0 has blocks only with DS = 1; Fairlead uses none */
		assert_true(e & 0x400); /* AF: else an access flag fault */
		if (!ds)
			assert_int_equal((e >> 8) & 3, 3); /* inner shareable */
		assert_int_equal(e & 0xff88000000000000, 0); /* software's, PBHA, DBM */
		assert_int_equal(e & 0x0000000000000800, 0); /* nG, FnXS */
		assert_int_equal(arm_address(e, ds) & offset, 0); /* nT too */
		if (e >> 52 & 1) {
			check_run(table, index, shift, ds);
			runs_seen++;
		}
		*leaf = e;
		w.mapped = true;
		w.page_size = offset + 1;
		w.out = arm_address(e, ds) | (in & offset);
		return w;
	}
	fail();
	return w;
}

/* Stage 2: MemAttr 5:2, S2AP 7:6, XN 54:53. */
static struct walk walk_stage2(u64 root, unsigned int levels, unsigned int in_bits, u64 in, bool ds)
{
	u64 e;
	struct walk w = walk_vmsa(root, levels, in_bits, in, ds, &e);
	const unsigned int memattr = (e >> 2) & 0xf, xn = (e >> 53) & 3;

	if (!w.mapped)
		return w;
	assert_true(memattr == 0xf || memattr == 0x1); /* normal write-back; device nGnRE */
	assert_true(xn == 0 || xn == 2);
	assert_int_equal(e & 0x0004000000000000, 0); /* bit 50 */
	w.read = (e >> 6) & 1;
	w.write = (e >> 7) & 1;
	w.exec = xn == 0;
	w.device = memattr == 0x1;
	return w;
}

/*
 * Stage 1 of EL2: AttrIndx 4:2, NS 5, AP[2:1] 7:6, GP 50, PXN 53, UXN or XN 54; indices as MAIR_EL2 = 0x00ff
 * has them.
 */
static struct walk walk_stage1(u64 root, unsigned int levels, u64 in, bool ds, bool vhe)
{
	static const u8 mair[2] = { 0xff, 0x00 };
	u64 e;
	struct walk w = walk_vmsa(root, levels, levels == 5 ? 52 : levels == 4 ? 48 : 39, in, ds, &e);
	const unsigned int attr = (e >> 2) & 7;

	if (!w.mapped)
		return w;
	assert_int_equal(e >> 52 & 1, 0);
	assert_true(attr < 2);
	w.device = mair[attr] == 0x00;
	assert_int_equal(e & 0x20, 0);
	w.read = true;
	w.write = !(e >> 7 & 1);
	w.user = vhe && (e >> 6 & 1);
	if (vhe) {
		assert_true(e >> 54 & 1); /* nothing runs at EL0 */
		w.exec = !(e >> 53 & 1);
		assert_false(w.user && w.exec);
	} else {
		assert_true(e >> 6 & 1); /* AP[1]: RES1 */
		assert_false(e >> 53 & 1);
		w.exec = !(e >> 54 & 1);
	}
	w.guarded = e >> 50 & 1;
	assert_false(w.guarded && !w.exec);
	return w;
}

static struct walk walk_s2_lpae(u64 root, unsigned int levels, u64 in)
{
	return walk_stage2(root, levels, 12 + 9 * levels, in, false);
}

static struct walk walk_s2_lpae_52(u64 root, unsigned int levels, u64 in)
{
	return walk_stage2(root, levels, 12 + 9 * levels, in, true);
}

static struct walk walk_el2(u64 root, unsigned int levels, u64 in)
{
	return walk_stage1(root, levels, in, false, false);
}

static struct walk walk_el2_52(u64 root, unsigned int levels, u64 in)
{
	return walk_stage1(root, levels, in, true, false);
}

static struct walk walk_el2_vhe(u64 root, unsigned int levels, u64 in)
{
	return walk_stage1(root, levels, in, false, true);
}

static struct walk walk_el2_vhe_52(u64 root, unsigned int levels, u64 in)
{
	return walk_stage1(root, levels, in, true, true);
}

/* Up to 16 root tables: the input is as wide as the test has checked it to be. */
static struct walk walk_s2_roots(u64 root, unsigned int levels, u64 in)
{
	return walk_stage2(root, levels, 12 + 9 * levels + 4, in, false);
}

static struct walk walk_s2_roots_52(u64 root, unsigned int levels, u64 in)
{
	return walk_stage2(root, levels, 12 + 9 * levels + 4, in, true);
}

/* ---- the formats under test, with what their specification promises ------------------------------------ */

struct subject {
	const struct pt_format *format;
	struct walk (*walk)(u64 root, unsigned int levels, u64 in);
	unsigned int levels;
	unsigned int in_bits, out_bits;
	bool has_exec, has_user, has_device, write_only;
	bool no_user_exec; /* PT_USER with PT_EXEC is refused */
	unsigned int roots; /* root tables, by pt_init_input(); 0: one, by pt_init() */
};

static const struct subject subjects[] = {
	{ &pt_format_x86_64, walk_x86_64, 4, 47, 52, true, true, true, false, false, 0 },
	{ &pt_format_x86_64, walk_x86_64, 5, 56, 52, true, true, true, false, false, 0 },
	{ &pt_format_npt, walk_npt, 4, 48, 52, true, false, true, false, false, 0 },
	{ &pt_format_npt, walk_npt, 5, 52, 52, true, false, true, false, false, 0 },
	{ &pt_format_ept, walk_ept, 4, 48, 52, true, false, true, false, false, 0 },
	{ &pt_format_ept, walk_ept, 5, 52, 52, true, false, true, false, false, 0 },
	{ &pt_format_vtd_ss, walk_vtd, 3, 39, 52, false, false, false, true, false, 0 },
	{ &pt_format_vtd_ss, walk_vtd, 4, 48, 52, false, false, false, true, false, 0 },
	{ &pt_format_vtd_ss, walk_vtd, 5, 57, 52, false, false, false, true, false, 0 },
	{ &pt_format_amdvi, walk_amdvi, 1, 21, 52, false, false, true, true, false, 0 },
	{ &pt_format_amdvi, walk_amdvi, 2, 30, 52, false, false, true, true, false, 0 },
	{ &pt_format_amdvi, walk_amdvi, 3, 39, 52, false, false, true, true, false, 0 },
	{ &pt_format_amdvi, walk_amdvi, 4, 48, 52, false, false, true, true, false, 0 },
	{ &pt_format_amdvi, walk_amdvi, 5, 57, 52, false, false, true, true, false, 0 },
	{ &pt_format_amdvi, walk_amdvi, 6, 64, 52, false, false, true, true, false, 0 },
	{ &pt_format_s2_lpae, walk_s2_lpae, 2, 30, 48, true, false, true, true, false, 0 },
	{ &pt_format_s2_lpae, walk_s2_lpae, 3, 39, 48, true, false, true, true, false, 0 },
	{ &pt_format_s2_lpae, walk_s2_lpae, 4, 48, 48, true, false, true, true, false, 0 },
	{ &pt_format_s2_lpae_52, walk_s2_lpae_52, 3, 39, 52, true, false, true, true, false, 0 },
	{ &pt_format_s2_lpae_52, walk_s2_lpae_52, 4, 48, 52, true, false, true, true, false, 0 },
	{ &pt_format_el2, walk_el2, 3, 39, 48, true, false, true, false, false, 0 },
	{ &pt_format_el2, walk_el2, 4, 48, 48, true, false, true, false, false, 0 },
	{ &pt_format_el2_52, walk_el2_52, 4, 48, 52, true, false, true, false, false, 0 },
	{ &pt_format_el2_52, walk_el2_52, 5, 52, 52, true, false, true, false, false, 0 },
	{ &pt_format_el2_vhe, walk_el2_vhe, 3, 39, 48, true, true, true, false, true, 0 },
	{ &pt_format_el2_vhe, walk_el2_vhe, 4, 48, 48, true, true, true, false, true, 0 },
	{ &pt_format_el2_vhe_52, walk_el2_vhe_52, 4, 48, 52, true, true, true, false, true, 0 },
	{ &pt_format_el2_vhe_52, walk_el2_vhe_52, 5, 52, 52, true, true, true, false, true, 0 },
	/* By the width of the input: D8.2.2, and the ranges of VTCR_EL2.T0SZ for each SL0 (D19.2.151). */
	{ &pt_format_s2_lpae, walk_s2_lpae, 3, 36, 48, true, false, true, true, false, 1 },
	{ &pt_format_s2_lpae, walk_s2_roots, 3, 40, 48, true, false, true, true, false, 2 },
	{ &pt_format_s2_lpae, walk_s2_roots, 3, 43, 48, true, false, true, true, false, 16 },
	{ &pt_format_s2_lpae, walk_s2_lpae, 4, 44, 48, true, false, true, true, false, 1 },
	{ &pt_format_s2_lpae_52, walk_s2_roots_52, 3, 42, 52, true, false, true, true, false, 8 },
	{ &pt_format_s2_lpae_52, walk_s2_roots_52, 4, 52, 52, true, false, true, true, false, 16 },
};

#define FOR_EACH_SUBJECT(s) for (const struct subject *s = subjects; s < subjects + ARRAY_SIZE(subjects); s++)

static inline u64 limit_of(unsigned int bits) /* the highest address */
{
	return bits == 64 ? ~(u64)0 : ((u64)1 << bits) - 1;
}

static unsigned int roots(const struct subject *s)
{
	return s->roots ? s->roots : 1;
}

static struct pagetable new_table(const struct subject *s, unsigned int max_leaf)
{
	struct pagetable pt;

	fake_pages_allowed = FAKE_PAGES_MAX;
	assert_int_equal(fake_pages_used, 0);
	if (s->roots) {
		assert_int_equal(pt_init_input(&pt, s->format, s->in_bits, max_leaf), 0);
		/* Of as few levels as there are leaf sizes; the subjects are those with all of them. */
		if (pt.levels != s->levels) {
			pt_destroy(&pt);
			fake_contig_free();
			assert_int_equal(pt_init_input(&pt, s->format, s->in_bits, 2), 0);
			pt.max_leaf = max_leaf;
		}
	} else {
		assert_int_equal(pt_init(&pt, s->format, s->levels, max_leaf), 0);
	}
	assert_int_equal(pt.levels, s->levels);
	assert_int_equal(pt.table_pages, roots(s));
	assert_int_equal(pt.root_tables, roots(s));
	assert_int_equal((u64)(uintptr_t)pt.root % (roots(s) * PAGE_SIZE), 0);
	return pt;
}

static void end_table(struct pagetable *pt)
{
	pt_destroy(pt);
	fake_contig_free(); /* several root tables are not given back */
	assert_int_equal(fake_pages_used, 0);
}

static struct walk walk(const struct subject *s, const struct pagetable *pt, u64 in)
{
	return s->walk((u64)(uintptr_t)pt->root, s->levels, in);
}

#endif
