/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page-table writer, on each format: the edges of what it accepts, and that a refusal leaves no trace.
 */
#include <unistd.h>

#include "tests/unit/pt_walkers.h"

/* The walker and pt_lookup() both say: in is mapped to out, in a page of that size, and with exactly these
 * rights. */
static void check_mapped(const struct subject *s, const struct pagetable *pt, u64 in, u64 out, u64 page_size,
			 unsigned int prot)
{
	const struct walk w = walk(s, pt, in);
	unsigned int expected_prot = prot, found_prot;
	u64 found_out, found_size;

	assert_true(w.mapped);
	assert_int_equal(w.out, out);
	assert_int_equal(w.page_size, page_size);
	assert_int_equal(w.read, (prot & PT_READ) != 0);
	assert_int_equal(w.write, (prot & PT_WRITE) != 0);
	assert_int_equal(w.exec, s->has_exec && (prot & PT_EXEC));
	assert_int_equal(w.user, (prot & PT_USER) != 0);
	assert_int_equal(w.device, s->has_device && (prot & PT_DEVICE));

	if (!s->has_exec)
		expected_prot &= ~PT_EXEC;
	if (!s->has_device)
		expected_prot &= ~PT_DEVICE;
	assert_int_equal(pt_lookup(pt, in, &found_out, &found_prot, &found_size), 0);
	assert_int_equal(found_out, out);
	assert_int_equal(found_size, page_size);
	assert_int_equal(found_prot, expected_prot);
}

static void check_unmapped(const struct subject *s, const struct pagetable *pt, u64 in)
{
	assert_false(walk(s, pt, in).mapped);
	assert_int_equal(pt_lookup(pt, in, NULL, NULL, NULL), -ENOENT);
}

/* ---- edge cases ---------------------------------------------------------------------------------------- */

static void test_init_refuses(void **state)
{
	static const struct {
		const struct pt_format *format;
		unsigned int levels;
	} bad[] = {
		{ &pt_format_x86_64, 3 }, { &pt_format_x86_64, 6 },  { &pt_format_npt, 3 },
		{ &pt_format_npt, 6 },	  { &pt_format_ept, 3 },     { &pt_format_ept, 6 },
		{ &pt_format_vtd_ss, 2 }, { &pt_format_vtd_ss, 6 },  { &pt_format_amdvi, 0 },
		{ &pt_format_amdvi, 7 },  { &pt_format_s2_lpae, 1 }, { &pt_format_s2_lpae, 5 },
	};
	struct pagetable pt;

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(pt_init(&pt, bad[i].format, bad[i].levels, 0), -EINVAL);
	assert_int_equal(pt_init(&pt, &pt_format_ept, 4, 3), -EINVAL);
	fake_pages_allowed = 0;
	assert_int_equal(pt_init(&pt, &pt_format_ept, 4, 2), -ENOMEM);
	assert_int_equal(fake_pages_used, 0);
}

static void test_bad_arguments(void **state)
{
	FOR_EACH_SUBJECT(s)
	{
		struct pagetable pt = new_table(s, 2);
		const u64 in_last_page = limit_of(s->in_bits) & PAGE_MASK;
		const u64 out_last_page = limit_of(s->out_bits) & PAGE_MASK;
		const u64 before = fake_pages_hash();
		const struct {
			u64 in, out, size;
		} bad[] = {
			{ 0x1001, 0x1000, 0x1000 },
			{ 0x1000, 0x1800, 0x1000 },
			{ 0x1000, 0x1000, 0x1001 },
			{ 0x1000, 0x1000, 0 },
			{ in_last_page, 0, 0x2000 },	   /* beyond the input width, or wraps */
			{ 0x1000, out_last_page, 0x2000 }, /* beyond the output width */
			{ 0x1000, out_last_page + 0x1000, 0x1000 },
			{ 0x1000, 0x1000, ~(u64)0xfff }, /* in + size is 2^64 - 0 */
			{ 0x2000, 0x1000, ~(u64)0xfff }, /* in + size wraps to 0x1000 */
			{ 0, ~(u64)0xfff, 0x2000 },	 /* out wraps */
			{ s->in_bits == 64 ? 1 : in_last_page + 0x1000, 0, 0x1000 },
		};

		for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
			assert_int_equal(pt_map(&pt, bad[i].in, bad[i].out, bad[i].size, PT_READ | PT_WRITE),
					 -EINVAL);
		assert_int_equal(pt_unmap(&pt, 0x1001, 0x1000), -EINVAL);
		assert_int_equal(pt_unmap(&pt, 0x1000, 0x1001), -EINVAL);
		assert_int_equal(pt_unmap(&pt, 0x1000, 0), -EINVAL);
		assert_int_equal(pt_unmap(&pt, in_last_page, 0x2000), -EINVAL);
		assert_int_equal(pt_unmap(&pt, 0x2000, ~(u64)0xfff), -EINVAL);
		if (s->in_bits < 64)
			assert_int_equal(pt_lookup(&pt, in_last_page + 0x1000, NULL, NULL, NULL), -EINVAL);
		assert_int_equal(fake_pages_hash(), before);
		end_table(&pt);
	}
}

static void test_prot_that_the_format_cannot_say(void **state)
{
	FOR_EACH_SUBJECT(s)
	{
		struct pagetable pt = new_table(s, 2);

		assert_int_equal(pt_map(&pt, 0, 0, 0x1000, 0), -EOPNOTSUPP);
		assert_int_equal(pt_map(&pt, 0, 0, 0x1000, PT_DEVICE), -EOPNOTSUPP);
		assert_int_equal(pt_map(&pt, 0, 0, 0x1000, PT_READ | 0x100), -EOPNOTSUPP);
		assert_int_equal(pt_map(&pt, 0, 0, 0x1000, PT_WRITE), s->write_only ? 0 : -EOPNOTSUPP);
		if (s->write_only)
			check_mapped(s, &pt, 0, 0, 0x1000, PT_WRITE);
		assert_int_equal(pt_map(&pt, 0x1000, 0, 0x1000, PT_READ | PT_USER),
				 s->has_user ? 0 : -EOPNOTSUPP);
		end_table(&pt);
	}
}

static void test_every_prot(void **state)
{
	FOR_EACH_SUBJECT(s)
	{
		for (unsigned int leaf = 0; leaf <= 2 && leaf < s->levels; leaf++) {
			const u64 size = (u64)1 << (12 + 9 * leaf);

			for (unsigned int prot = 0; prot < 32; prot++) {
				struct pagetable pt;

				if (!(prot & PT_READ) || ((prot & PT_USER) && !s->has_user))
					continue;
				pt = new_table(s, 2);
				if (s->no_user_exec && (prot & PT_USER) && (prot & PT_EXEC)) {
					assert_int_equal(pt_map(&pt, 0, 3 * size, size, prot), -EOPNOTSUPP);
					end_table(&pt);
					continue;
				}
				assert_int_equal(pt_map(&pt, 0, 3 * size, size, prot), 0);
				check_mapped(s, &pt, 0, 3 * size, size, prot);
				check_mapped(s, &pt, size - 1, 4 * size - 1, size, prot);
				end_table(&pt);
			}
		}
	}
}

/* The first and the last page of both widths. */
static void test_ends_of_the_address_space(void **state)
{
	FOR_EACH_SUBJECT(s)
	{
		const u64 in_last_page = limit_of(s->in_bits) & PAGE_MASK;
		const u64 out_last_page = limit_of(s->out_bits) & PAGE_MASK;
		struct pagetable pt = new_table(s, 2);

		assert_int_equal(pt.address_bits, s->in_bits);
		assert_int_equal(pt_map(&pt, 0, out_last_page, 0x1000, PT_READ), 0);
		assert_int_equal(pt_map(&pt, in_last_page, 0, 0x1000, PT_READ), 0);
		assert_int_equal(pt.table_pages, s->levels == 1 ? 1 : 2 * s->levels - 2 + roots(s));
		check_mapped(s, &pt, 0, out_last_page, 0x1000, PT_READ);
		check_mapped(s, &pt, in_last_page | 0xfff, 0xfff, 0x1000, PT_READ);
		check_unmapped(s, &pt, 0x1000);
		check_unmapped(s, &pt, in_last_page - 1);
		/* Everything, to the very last byte. */
		if (s->in_bits < 64)
			assert_int_equal(pt_unmap(&pt, 0, limit_of(s->in_bits) + 1), 0);
		else
			assert_int_equal(pt_unmap(&pt, 0x0, ~(u64)0xfff), 0);
		if (s->in_bits == 64)
			assert_int_equal(pt_unmap(&pt, in_last_page, 0x1000), 0);
		check_unmapped(s, &pt, 0);
		check_unmapped(s, &pt, in_last_page);
		assert_int_equal(pt.table_pages, roots(s));
		end_table(&pt);
	}
}

static void test_narrowed_width_is_kept(void **state)
{
	const struct subject s = { &pt_format_vtd_ss, walk_vtd, 4, 48, 52, false, false, false, true, false, 0 };
	struct pagetable pt = new_table(&s, 2);

	pt.address_bits = 40; /* as an IOMMU with a smaller maximum guest address width */
	assert_int_equal(pt_map(&pt, ((u64)1 << 40) - 0x1000, 0, 0x1000, PT_READ), 0);
	assert_int_equal(pt_map(&pt, (u64)1 << 40, 0, 0x1000, PT_READ), -EINVAL);
	assert_int_equal(pt_lookup(&pt, (u64)1 << 40, NULL, NULL, NULL), -EINVAL);
	end_table(&pt);
}

/* [2 MiB - 4 KiB, 3 GiB + 2 MiB + 4 KiB): one 4 KiB page, 2 MiB pages up to 1 GiB, two of 1 GiB, one of 2
 * MiB, one of 4 KiB. */
static void test_largest_leaves_are_used(void **state)
{
	FOR_EACH_SUBJECT(s)
	{
		for (unsigned int max_leaf = 0; max_leaf <= 2 && s->in_bits >= 39; max_leaf++) {
			const u64 first = SIZE_2M - 0x1000, end = 3 * SIZE_1G + SIZE_2M + 0x1000;
			const u64 limit = max_leaf == 2 ? SIZE_1G : max_leaf == 1 ? SIZE_2M : PAGE_SIZE;
			struct pagetable pt = new_table(s, max_leaf);

			assert_int_equal(pt_map(&pt, first, first, end - first, PT_READ | PT_WRITE), 0);
			check_unmapped(s, &pt, first - 1);
			check_mapped(s, &pt, first, first, PAGE_SIZE, PT_READ | PT_WRITE);
			check_mapped(s, &pt, SIZE_2M, SIZE_2M, min_u64(limit, SIZE_2M), PT_READ | PT_WRITE);
			check_mapped(s, &pt, SIZE_1G - 1, SIZE_1G - 1, min_u64(limit, SIZE_2M),
				     PT_READ | PT_WRITE);
			check_mapped(s, &pt, SIZE_1G, SIZE_1G, limit, PT_READ | PT_WRITE);
			check_mapped(s, &pt, 3 * SIZE_1G - 1, 3 * SIZE_1G - 1, limit, PT_READ | PT_WRITE);
			check_mapped(s, &pt, 3 * SIZE_1G, 3 * SIZE_1G, min_u64(limit, SIZE_2M),
				     PT_READ | PT_WRITE);
			check_mapped(s, &pt, end - 1, end - 1, PAGE_SIZE, PT_READ | PT_WRITE);
			check_unmapped(s, &pt, end);
			if (max_leaf ==
			    2) /* tables: levels 3.. up, one of level 2, two of level 1, two of level 0 */
				assert_int_equal(pt.table_pages, s->levels - 3 + roots(s) + 4);
			end_table(&pt);
		}
	}
}

/* Where input and output are aligned differently, the worse decides. */
static void test_alignment_of_both_addresses(void **state)
{
	FOR_EACH_SUBJECT(s)
	{
		struct pagetable pt;

		if (s->in_bits < 39)
			continue;
		pt = new_table(s, 2);
		assert_int_equal(pt_map(&pt, SIZE_1G, SIZE_2M, SIZE_1G, PT_READ), 0);
		check_mapped(s, &pt, SIZE_1G + 5, SIZE_2M + 5, SIZE_2M, PT_READ);
		check_mapped(s, &pt, 2 * SIZE_1G - 1, SIZE_1G + SIZE_2M - 1, SIZE_2M, PT_READ);
		assert_int_equal(pt_map(&pt, 4 * SIZE_1G, PAGE_SIZE, SIZE_2M, PT_READ), 0);
		check_mapped(s, &pt, 4 * SIZE_1G + SIZE_2M - 1, SIZE_2M + PAGE_SIZE - 1, PAGE_SIZE, PT_READ);
		end_table(&pt);
	}
}

static void test_overlap_changes_nothing(void **state)
{
	FOR_EACH_SUBJECT(s)
	{
		struct pagetable pt;
		u64 before;

		if (s->in_bits < 30)
			continue;
		pt = new_table(s, 2);
		assert_int_equal(pt_map(&pt, 2 * SIZE_2M, 0, SIZE_2M, PT_READ), 0);
		assert_int_equal(pt_map(&pt, 4 * SIZE_2M + 0x5000, 0, 0x1000, PT_READ), 0);
		before = fake_pages_hash();
		/* over it, into its start, out of its end, inside it, and a hole with one page in the way */
		assert_int_equal(pt_map(&pt, 0, 0, 16 * SIZE_2M, PT_READ), -EEXIST);
		assert_int_equal(pt_map(&pt, SIZE_2M, 0, SIZE_2M + 0x1000, PT_READ), -EEXIST);
		assert_int_equal(pt_map(&pt, 3 * SIZE_2M - 0x1000, 0, 0x2000, PT_READ), -EEXIST);
		assert_int_equal(pt_map(&pt, 2 * SIZE_2M + 0x3000, 0x3000, 0x1000, PT_READ), -EEXIST);
		assert_int_equal(pt_map(&pt, 4 * SIZE_2M, 0, SIZE_2M, PT_READ), -EEXIST);
		assert_int_equal(fake_pages_hash(), before);
		/* next to each other is no overlap */
		assert_int_equal(pt_map(&pt, 3 * SIZE_2M, 0, SIZE_2M + 0x5000, PT_READ), 0);
		assert_int_equal(pt_map(&pt, SIZE_2M, 0, SIZE_2M, PT_READ), 0);
		end_table(&pt);
	}
}

/* For k = 0, 1, 2 ... free pages the same call must either change nothing or succeed, and succeed from the
 * needed number on. */
static void test_out_of_memory_changes_nothing(void **state)
{
	FOR_EACH_SUBJECT(s)
	{
		struct pagetable pt;
		u64 k;
		int err;

		if (s->in_bits < 39)
			continue;
		pt = new_table(s, 2);
		assert_int_equal(pt_map(&pt, 0, 0, 4 * SIZE_1G, PT_READ), 0);
		assert_int_equal(pt_map(&pt, 6 * SIZE_1G + SIZE_2M, 0, 0x1000, PT_READ), 0);

		err = -ENOMEM;
		for (k = 0; err == -ENOMEM; k++) {
			const u64 before = fake_pages_hash(), pages = pt.table_pages;

			fake_pages_allowed = k;
			err = pt_map(&pt, 6 * SIZE_1G - 25 * SIZE_2M - 0x1000, 0x7000, 26 * SIZE_2M, PT_READ);
			assert_true(err == 0 || err == -ENOMEM);
			if (err) {
				assert_int_equal(fake_pages_hash(), before);
				assert_int_equal(pt.table_pages, pages);
			}
		}
		assert_int_equal(k, 29); /* 28 pages: one of level 1, 27 of level 0; the rest was there */
		assert_int_equal(fake_pages_allowed, 0); /* not one page more than needed was taken */

		err = -ENOMEM;
		for (k = 0; err == -ENOMEM; k++) { /* both ends of the hole inside 1 GiB pages: four splits */
			const u64 before = fake_pages_hash();

			fake_pages_allowed = k;
			err = pt_unmap(&pt, 0x5000, 3 * SIZE_1G);
			assert_true(err == 0 || err == -ENOMEM);
			if (err)
				assert_int_equal(fake_pages_hash(), before);
		}
		assert_int_equal(k, 5);
		check_mapped(s, &pt, 0x4fff, 0x4fff, PAGE_SIZE, PT_READ);
		check_unmapped(s, &pt, 0x5000);
		check_unmapped(s, &pt, 3 * SIZE_1G + 0x4fff);
		check_mapped(s, &pt, 3 * SIZE_1G + 0x5000, 3 * SIZE_1G + 0x5000, PAGE_SIZE, PT_READ);
		end_table(&pt);
	}
}

/* The count that pt_map() and pt_unmap() make must stop by itself where no memory could suffice. */
static void test_absurd_size_is_refused_quickly(void **state)
{
	const struct subject s = { &pt_format_amdvi, walk_amdvi, 6, 64, 52, false, false, true, true, false, 0 };
	struct pagetable pt = new_table(&s, 2);

	alarm(5); /* it takes microseconds, or without the stop half a minute */
	assert_int_equal(pt_map(&pt, 0x1000, 0, (u64)1 << 51, PT_READ), -ENOMEM);
	alarm(0);
	assert_int_equal(fake_pages_used, 1);
	end_table(&pt);
}

/* A hole inside one large page, at each end, over all of it, with the rights and the memory type kept around
 * it. */
static void test_splitting(void **state)
{
	static const struct {
		u64 from, to; /* within a 1 GiB page */
		u64 tables;   /* that the split adds */
	} hole[] = {
		{ 0, 0x1000, 2 },
		{ SIZE_1G - 0x1000, SIZE_1G, 2 },
		{ 0x3000, 0x9000, 2 },
		{ SIZE_2M, 2 * SIZE_2M, 1 },
		{ 0, SIZE_2M, 1 },
		{ SIZE_2M - 0x1000, SIZE_2M + 0x1000, 3 },
		{ SIZE_2M - 0x1000, 5 * SIZE_2M, 2 },
		{ SIZE_2M, 5 * SIZE_2M + 0x1000, 2 },
		{ 0x1000, SIZE_1G - 0x1000, 3 },
		{ 0, SIZE_1G, 0 },
	};

	FOR_EACH_SUBJECT(s)
	{
		const unsigned int prot = PT_READ | PT_DEVICE | (s->has_exec ? PT_EXEC : 0);

		for (unsigned int i = 0; i < ARRAY_SIZE(hole) && s->in_bits >= 39; i++) {
			struct pagetable pt = new_table(s, 2);
			const u64 base = 3 * SIZE_1G, out = 7 * SIZE_1G;
			u64 pages;

			assert_int_equal(pt_map(&pt, 2 * SIZE_1G, 6 * SIZE_1G, 3 * SIZE_1G, prot), 0);
			pages = pt.table_pages;
			assert_int_equal(pt_unmap(&pt, base + hole[i].from, hole[i].to - hole[i].from), 0);
			assert_int_equal(pt.table_pages, pages + hole[i].tables);
			for (u64 page = 0; page < SIZE_1G; page += PAGE_SIZE) {
				const struct walk w = walk(s, &pt, base + page);

				assert_int_equal(w.mapped, page < hole[i].from || page >= hole[i].to);
				if (!w.mapped)
					continue;
				assert_int_equal(w.out, out + page);
				assert_true(w.read && !w.write && w.exec == s->has_exec &&
					    w.device == s->has_device);
			}
			check_mapped(s, &pt, base - 1, out - 1, SIZE_1G, prot);
			check_mapped(s, &pt, base + SIZE_1G, out + SIZE_1G, SIZE_1G, prot);
			end_table(&pt);
		}
	}
}

/* Tables that an unmap emptied are neither freed nor used again before pt_reclaim(), and read as empty
 * meanwhile. */
static void test_retired_tables(void **state)
{
	FOR_EACH_SUBJECT(s)
	{
		struct pagetable pt;
		u64 freed, tables;
		unsigned int used;

		if (s->levels < 2)
			continue;
		pt = new_table(s, 2);
		freed = fake_pages_freed;
		assert_int_equal(pt_map(&pt, 0x1000, 0, 0x1000, PT_READ), 0);
		tables = pt.table_pages - roots(s) + 1; /* the root counts as one: it has one block */
		used = fake_pages_used;
		assert_int_equal(tables, s->levels);
		assert_int_equal(pt_unmap(&pt, 0x1000, 0x1000), 0);
		assert_int_equal(pt.table_pages, roots(s));
		assert_int_equal(fake_pages_freed, freed);
		assert_int_equal(fake_pages_used, used);
		for (unsigned int i = 0; i < fake_pages_used;
		     i++) { /* a stale walk through any of them finds nothing */
			for (unsigned int k = 0; k < 512; k++)
				assert_int_equal(((u64 *)fake_page[i])[k] & 0xfff, 0);
		}
		assert_int_equal(pt_map(&pt, 0x1000, 0, 0x1000, PT_READ), 0);
		assert_int_equal(fake_pages_used, used + tables - 1); /* new ones, not the retired */
		pt_reclaim(&pt);
		assert_int_equal(fake_pages_used, used);
		assert_int_equal(fake_pages_freed, freed + tables - 1);
		pt_reclaim(&pt);
		assert_int_equal(fake_pages_used, used);
		check_mapped(s, &pt, 0x1000, 0, 0x1000, PT_READ);
		end_table(&pt);
	}
}

/* ---- the flush hook: a copy of memory that only flushes update must end up equal to memory ------------- */

static u8 flushed_copy[64][4096];

static void copy_flushed(const void *start, size_t size)
{
	for (unsigned int i = 0; i < fake_pages_used; i++) {
		const u64 offset = (u64)((const char *)start - (const char *)fake_page[i]);

		if (offset < PAGE_SIZE) {
			assert_true(offset + size <= PAGE_SIZE);
			memcpy(&flushed_copy[i][offset], start, size);
			return;
		}
	}
	fail();
}

static void test_flush_covers_every_store(void **state)
{
	FOR_EACH_SUBJECT(s)
	{
		struct pagetable pt;

		if (s->in_bits < 39)
			continue;
		pt = new_table(s, 2);
		memset(flushed_copy, 0xee, sizeof(flushed_copy));
		pt.flush = copy_flushed;
		copy_flushed(pt.root, PAGE_SIZE);
		assert_int_equal(pt_map(&pt, SIZE_2M - 0x3000, 0, SIZE_2M, PT_READ | PT_WRITE), 0);
		assert_int_equal(pt_map(&pt, SIZE_1G, 0, 2 * SIZE_1G, PT_READ | PT_WRITE), 0);
		assert_int_equal(pt_unmap(&pt, SIZE_1G + 0x1000, 0x5000), 0);
		assert_null(pt.retired); /* whose chain need not be flushed */
		assert_true(fake_pages_used < 64);
		for (unsigned int i = 0; i < fake_pages_used; i++)
			assert_memory_equal(flushed_copy[i], fake_page[i], PAGE_SIZE);
		end_table(&pt);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init_refuses),
		cmocka_unit_test(test_bad_arguments),
		cmocka_unit_test(test_prot_that_the_format_cannot_say),
		cmocka_unit_test(test_every_prot),
		cmocka_unit_test(test_ends_of_the_address_space),
		cmocka_unit_test(test_narrowed_width_is_kept),
		cmocka_unit_test(test_largest_leaves_are_used),
		cmocka_unit_test(test_alignment_of_both_addresses),
		cmocka_unit_test(test_overlap_changes_nothing),
		cmocka_unit_test(test_out_of_memory_changes_nothing),
		cmocka_unit_test(test_absurd_size_is_refused_quickly),
		cmocka_unit_test(test_splitting),
		cmocka_unit_test(test_retired_tables),
		cmocka_unit_test(test_flush_covers_every_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
