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
	bool read, write, exec, user, device;
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

/* Arm ARM D8.3: descriptor type 1:0, MemAttr 5:2, S2AP 7:6, SH 9:8, AF 10, XN 54:53. Arm's level = 4 - n. */
static struct walk walk_s2_lpae(u64 root, unsigned int levels, u64 in)
{
	struct walk w = { 0 };
	u64 table = root;

	for (unsigned int n = levels; n >= 1; n--) {
		const unsigned int shift = 12 + 9 * (n - 1);
		const u64 e = table_entry(table, (in >> shift) & 0x1ff);
		const unsigned int type = e & 3;

		if (!(e & 1))
			return not_mapped(e);
		assert_int_equal((e >> 48) & 0xf, 0); /* RES0 without 52-bit addresses */
		if (n == 1 || type == 1) {
			const u64 offset = ((u64)1 << shift) - 1;
			const unsigned int memattr = (e >> 2) & 0xf;

			if (n == 1)
				assert_int_equal(type, 3);
			else
				assert_true(n == 2 || n == 3); /* level 0 has no blocks */
			assert_true(e & 0x400);		       /* AF: else an access flag fault */
			assert_int_equal((e >> 8) & 3, 3);
			assert_int_equal(e & 0xff80000000000000, 0);
			assert_int_equal(e & 0x0010000000000800, 0); /* contiguous; nT/FnXS */
			assert_int_equal(e & 0x0000fffffffff000 & offset, 0);
			assert_true(memattr == 0xf || memattr == 0x1);
			w.mapped = true;
			w.page_size = offset + 1;
			w.out = (e & 0x0000fffffffff000) | (in & offset);
			w.read = (e >> 6) & 1;
			w.write = (e >> 7) & 1;
			w.exec = ((e >> 53) & 3) == 0;
			if (!w.exec)
				assert_int_equal((e >> 53) & 3, 2);
			w.device = memattr == 0x1;
			return w;
		}
		assert_int_equal(type, 3);
		assert_int_equal(e >> 59, 0); /* stage 2 tables have no hierarchical permissions */
		table = e & 0x0000fffffffff000;
	}
	fail();
	return w;
}

/* ---- the formats under test, with what their specification promises ------------------------------------ */

struct subject {
	const struct pt_format *format;
	struct walk (*walk)(u64 root, unsigned int levels, u64 in);
	unsigned int levels;
	unsigned int in_bits, out_bits;
	bool has_exec, has_user, has_device, write_only;
};

static const struct subject subjects[] = {
	{ &pt_format_x86_64, walk_x86_64, 4, 47, 52, true, true, true, false },
	{ &pt_format_x86_64, walk_x86_64, 5, 56, 52, true, true, true, false },
	{ &pt_format_npt, walk_npt, 4, 48, 52, true, false, true, false },
	{ &pt_format_npt, walk_npt, 5, 52, 52, true, false, true, false },
	{ &pt_format_ept, walk_ept, 4, 48, 52, true, false, true, false },
	{ &pt_format_ept, walk_ept, 5, 52, 52, true, false, true, false },
	{ &pt_format_vtd_ss, walk_vtd, 3, 39, 52, false, false, false, true },
	{ &pt_format_vtd_ss, walk_vtd, 4, 48, 52, false, false, false, true },
	{ &pt_format_vtd_ss, walk_vtd, 5, 57, 52, false, false, false, true },
	{ &pt_format_amdvi, walk_amdvi, 1, 21, 52, false, false, true, true },
	{ &pt_format_amdvi, walk_amdvi, 2, 30, 52, false, false, true, true },
	{ &pt_format_amdvi, walk_amdvi, 3, 39, 52, false, false, true, true },
	{ &pt_format_amdvi, walk_amdvi, 4, 48, 52, false, false, true, true },
	{ &pt_format_amdvi, walk_amdvi, 5, 57, 52, false, false, true, true },
	{ &pt_format_amdvi, walk_amdvi, 6, 64, 52, false, false, true, true },
	{ &pt_format_s2_lpae, walk_s2_lpae, 2, 30, 48, true, false, true, true },
	{ &pt_format_s2_lpae, walk_s2_lpae, 3, 39, 48, true, false, true, true },
	{ &pt_format_s2_lpae, walk_s2_lpae, 4, 48, 48, true, false, true, true },
};

#define FOR_EACH_SUBJECT(s) for (const struct subject *s = subjects; s < subjects + ARRAY_SIZE(subjects); s++)

static u64 limit_of(unsigned int bits) /* the highest address */
{
	return bits == 64 ? ~(u64)0 : ((u64)1 << bits) - 1;
}

static struct pagetable new_table(const struct subject *s, unsigned int max_leaf)
{
	struct pagetable pt;

	fake_pages_allowed = FAKE_PAGES_MAX;
	assert_int_equal(fake_pages_used, 0);
	assert_int_equal(pt_init(&pt, s->format, s->levels, max_leaf), 0);
	assert_int_equal(pt.table_pages, 1);
	return pt;
}

static void end_table(struct pagetable *pt)
{
	pt_destroy(pt);
	assert_int_equal(fake_pages_used, 0);
}

static struct walk walk(const struct subject *s, const struct pagetable *pt, u64 in)
{
	return s->walk((u64)(uintptr_t)pt->root, s->levels, in);
}

#endif
