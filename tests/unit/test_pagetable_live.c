/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arm64's part of the page-table writer: root tables side by side, the contiguous hint, guarded pages, and
 * break before make: a watcher sees every store and every flush of the TLBs, and stops the test where a TLB
 * could come to hold two translations that the architecture forbids beside each other.
 */
#include "core/pagetable/formats.h"
#include "tests/unit/pt_walkers.h"

#define SIZE_64K ((u64)16 * PAGE_SIZE)
#define SIZE_32M (16 * SIZE_2M)
#define SIZE_16G (16 * SIZE_1G)

/* ---- root tables side by side ---- */

/*
 * Arm ARM D8.2.2: start at level 1 up to 43 bits, from there at level 0; 2^(bits beyond one table's) tables.
 */
static void test_widths(void **state)
{
	static const struct {
		const struct pt_format *format;
		unsigned int bits, levels, tables;
	} row[] = {
		{ &pt_format_s2_lpae, 32, 3, 1 },     { &pt_format_s2_lpae, 36, 3, 1 },
		{ &pt_format_s2_lpae, 39, 3, 1 },     { &pt_format_s2_lpae, 40, 3, 2 },
		{ &pt_format_s2_lpae, 41, 3, 4 },     { &pt_format_s2_lpae, 42, 3, 8 },
		{ &pt_format_s2_lpae, 43, 3, 16 },    { &pt_format_s2_lpae, 44, 4, 1 },
		{ &pt_format_s2_lpae, 48, 4, 1 },     { &pt_format_s2_lpae_52, 40, 3, 2 },
		{ &pt_format_s2_lpae_52, 48, 4, 1 },  { &pt_format_s2_lpae_52, 49, 4, 2 },
		{ &pt_format_s2_lpae_52, 43, 3, 16 }, { &pt_format_s2_lpae_52, 44, 4, 1 },
		{ &pt_format_s2_lpae_52, 52, 4, 16 }, { &pt_format_el2, 39, 3, 1 },
		{ &pt_format_el2_vhe, 40, 4, 1 },     { &pt_format_el2_vhe_52, 49, 5, 1 },
		{ &pt_format_el2_52, 52, 5, 1 },      { &pt_format_npt, 40, 4, 1 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(row); i++) {
		const u64 end = (u64)1 << row[i].bits;
		struct pagetable pt;

		assert_int_equal(pt_init_input(&pt, row[i].format, row[i].bits, 2), 0);
		assert_int_equal(pt.levels, row[i].levels);
		assert_int_equal(pt.root_tables, row[i].tables);
		assert_int_equal(pt.address_bits, row[i].bits);
		assert_int_equal((u64)(uintptr_t)pt.root % (row[i].tables * PAGE_SIZE), 0);
		assert_int_equal(pt_map(&pt, end - PAGE_SIZE, 0, PAGE_SIZE, PT_READ), 0);
		assert_int_equal(pt_lookup(&pt, end - 1, NULL, NULL, NULL), 0);
		assert_int_equal(pt_map(&pt, end, 0, PAGE_SIZE, PT_READ), -EINVAL);
		assert_int_equal(pt_lookup(&pt, end, NULL, NULL, NULL), -EINVAL);
		end_table(&pt);
	}
}

static void test_widths_refused(void **state)
{
	static const struct {
		const struct pt_format *format;
		unsigned int bits, max_leaf;
	} row[] = {
		{ &pt_format_s2_lpae, 49, 2 },	  { &pt_format_s2_lpae, 52, 2 },
		{ &pt_format_s2_lpae_52, 53, 2 }, { &pt_format_s2_lpae, 30, 2 },
		{ &pt_format_s2_lpae, 0, 2 },	  { &pt_format_s2_lpae, 21, 1 },
		{ &pt_format_el2, 49, 2 },	  { &pt_format_el2_52, 53, 2 },
		{ &pt_format_s2_lpae, 48, 3 },	  { &pt_format_s2_lpae, ~0u, 2 },
		{ &pt_format_npt, 53, 2 },	  { &pt_format_s2_lpae, 40, 3 },
		{ &pt_format_s2_lpae_52, 52, 3 },
	};
	struct pagetable pt;

	for (unsigned int i = 0; i < ARRAY_SIZE(row); i++)
		assert_int_equal(pt_init_input(&pt, row[i].format, row[i].bits, row[i].max_leaf), -EINVAL);
	fake_pages_allowed = 0;
	assert_int_equal(pt_init_input(&pt, &pt_format_s2_lpae, 40, 2), -ENOMEM);
	assert_int_equal(pt_init_input(&pt, &pt_format_s2_lpae, 39, 2), -ENOMEM);
	assert_int_equal(fake_pages_used, 0);
	fake_pages_allowed = FAKE_PAGES_MAX;
}

/* A range that goes on from one root table into the next. */
static void test_across_root_tables(void **state)
{
	const u64 seam = (u64)1 << 39;
	struct pagetable pt;
	u64 in = 0, leaves = 0;
	struct pt_leaf leaf;

	assert_int_equal(pt_init_input(&pt, &pt_format_s2_lpae, 42, 2), 0);
	for (u64 n = 1; n < 8; n++)
		assert_int_equal(
			pt_map(&pt, n * seam - SIZE_1G, n * SIZE_1G, 2 * SIZE_1G, PT_READ | PT_WRITE), 0);
	for (u64 n = 1; n < 8; n++) {
		struct walk w = walk_s2_roots((u64)(uintptr_t)pt.root, 3, n * seam - 1);

		assert_true(w.mapped && w.out == (n + 1) * SIZE_1G - 1);
		w = walk_s2_roots((u64)(uintptr_t)pt.root, 3, n * seam);
		assert_true(w.mapped && w.out == (n + 1) * SIZE_1G);
	}
	while (pt_next_leaf(&pt, &in, &leaf))
		leaves++;
	assert_int_equal(leaves, 14);
	assert_int_equal(pt_unmap(&pt, seam - SIZE_2M, 2 * SIZE_2M), 0);
	assert_int_equal(pt_lookup(&pt, seam - 1, NULL, NULL, NULL), -ENOENT);
	assert_int_equal(pt_lookup(&pt, seam, NULL, NULL, NULL), -ENOENT);
	assert_int_equal(pt_lookup(&pt, 2 * seam, NULL, NULL, NULL), 0);
	end_table(&pt);
}

/* ---- guarded pages ---- */

static void test_guarded(void **state)
{
	FOR_EACH_SUBJECT(s)
	{
		const bool el2 = s->format == &pt_format_el2 || s->format == &pt_format_el2_vhe ||
				 s->format == &pt_format_el2_52 || s->format == &pt_format_el2_vhe_52;
		struct pagetable pt = new_table(s, 0);
		unsigned int prot;

		assert_int_equal(pt_map(&pt, 0, 0, PAGE_SIZE, PT_READ | PT_EXEC | PT_GUARDED),
				 el2 ? 0 : -EOPNOTSUPP);
		assert_int_equal(pt_map(&pt, PAGE_SIZE, 0, PAGE_SIZE, PT_READ | PT_GUARDED), -EOPNOTSUPP);
		assert_int_equal(pt_map(&pt, PAGE_SIZE, 0, PAGE_SIZE, PT_READ | PT_EXEC), 0);
		if (el2) {
			assert_true(walk(s, &pt, 0).guarded);
			assert_false(walk(s, &pt, PAGE_SIZE).guarded);
			assert_int_equal(pt_lookup(&pt, 0, NULL, &prot, NULL), 0);
			assert_int_equal(prot, PT_READ | PT_EXEC | PT_GUARDED);
		}
		end_table(&pt);
	}
}

/* ---- the contiguous hint ---- */

static struct pagetable stage2(bool form_runs)
{
	struct pagetable pt;

	fake_pages_allowed = FAKE_PAGES_MAX;
	assert_int_equal(pt_init_input(&pt, &pt_format_s2_lpae, 40, 2), 0);
	pt.form_runs = form_runs;
	return pt;
}

/* Has the leaf at in the hint? The walk has then checked the run. */
static bool hinted(const struct pagetable *pt, u64 in)
{
	runs_seen = 0;
	assert_true(walk_s2_roots((u64)(uintptr_t)pt->root, pt->levels, in).mapped);
	return runs_seen;
}

static void test_hint(void **state)
{
	static const u64 unit[] = { PAGE_SIZE, SIZE_2M, SIZE_1G };

	for (unsigned int i = 0; i < ARRAY_SIZE(unit); i++) {
		const u64 u = unit[i], run = 16 * u;
		struct pagetable pt = stage2(true);

		/*
		 * one leaf before the run, the run, and one leaf less than another; output as aligned as it
		 * must be
		 */
		assert_int_equal(pt_map(&pt, run - u, 3 * run - u, u + run + 15 * u, PT_READ | PT_WRITE), 0);
		assert_false(hinted(&pt, run - u));
		assert_true(hinted(&pt, run));
		assert_true(hinted(&pt, 2 * run - 1));
		assert_false(hinted(&pt, 2 * run));
		/* what is missing of that one does not make it a run: what is there is not looked at again */
		assert_int_equal(pt_map(&pt, 3 * run - u, 5 * run - u, u, PT_READ | PT_WRITE), 0);
		assert_false(hinted(&pt, 3 * run - u));
		/* output aligned to the leaf only */
		assert_int_equal(pt_map(&pt, 4 * run, 6 * run + u, run, PT_READ), 0);
		assert_false(hinted(&pt, 4 * run));
		/* another memory type is another call */
		assert_int_equal(pt_map(&pt, 5 * run, 8 * run, run, PT_READ | PT_DEVICE), 0);
		assert_true(hinted(&pt, 5 * run + u));
		end_table(&pt);
	}
}

static void test_hint_only_where_asked_for(void **state)
{
	struct pagetable pt = stage2(false);

	assert_int_equal(pt_map(&pt, 0, 0, 2 * SIZE_16G, PT_READ), 0);
	assert_false(hinted(&pt, 0));
	end_table(&pt);
	assert_int_equal(pt_init(&pt, &pt_format_npt, 4, 2), 0); /* a format without it */
	pt.form_runs = true;
	assert_int_equal(pt_map(&pt, 0, 0, SIZE_32M, PT_READ), 0);
	assert_true(walk_npt((u64)(uintptr_t)pt.root, 4, 0).mapped);
	end_table(&pt);
}

/*
 * Larger pages in runs too: 1 GiB leaves make 16 GiB, and where no such leaf fits, the smaller ones make
 * runs.
 */
static void test_hint_on_each_level_of_one_range(void **state)
{
	struct pagetable pt = stage2(true);

	assert_int_equal(
		pt_map(&pt, SIZE_16G - SIZE_64K, SIZE_16G - SIZE_64K, 2 * SIZE_16G + SIZE_64K, PT_READ), 0);
	assert_true(hinted(&pt, SIZE_16G - 1));
	assert_true(hinted(&pt, SIZE_16G));
	assert_true(hinted(&pt, 3 * SIZE_16G - 1));
	end_table(&pt);
}

/* ---- the watcher: what the walkers and the TLBs see ---- */

#define WATCHED 4096

static struct watched {
	const u64 *table;
	u64 entry[512];
	bool stale[512]; /* was valid, and no flush has come since it went */
} watched[WATCHED];
static unsigned int watched_count, flushes;
static struct pagetable *live;

static struct watched *watched_table(const void *p)
{
	const u64 *table = (const u64 *)((uintptr_t)p & ~(uintptr_t)0xfff);
	struct watched *w;

	for (unsigned int i = 0; i < watched_count; i++) {
		if (watched[i].table == table)
			return &watched[i];
	}
	assert_true(watched_count < WATCHED);
	w = &watched[watched_count++];
	memset(w, 0, sizeof(*w));
	w->table = table;
	return w;
}

/*
 * Arm ARM D8.14.1: from valid to valid only permissions may change; what went must be flushed before anything
 * comes.
 */
static void on_store(const void *start, size_t size)
{
	struct watched *w = watched_table(start);
	const unsigned int index = (unsigned int)(((uintptr_t)start & 0xfff) / 8);
	u64 old, new;

	if (size == PAGE_SIZE) { /* a new table, not linked yet */
		memcpy(w->entry, start, PAGE_SIZE);
		memset(w->stale, 0, sizeof(w->stale));
		return;
	}
	assert_int_equal(size, 8);
	old = w->entry[index];
	new = *(const u64 *)start;
	if (old & 1 && new & 1)
		assert_int_equal(old, new);
	if (new & 1) {
		assert_false(w->stale[index]);
		assert_int_equal(new >> 52 & 1, 0); /* no run is formed while the table is live */
	}
	if (old & 1 && !(new & 1)) {
		assert_int_equal(new, 0);
		w->stale[index] = true;
	}
	w->entry[index] = new;
}

/* A run is whole, or no leaf of it has the hint, whenever TLBs begin to fill again. */
static void check_all_runs(const struct pagetable *pt)
{
	struct pt_leaf leaf;
	u64 in = 0;

	while (pt_next_leaf(pt, &in, &leaf))
		assert_true(walk_s2_roots((u64)(uintptr_t)pt->root, pt->levels, leaf.in).mapped);
}

static void on_flush(const struct pagetable *pt)
{
	assert_ptr_equal(pt, live);
	flushes++;
	for (unsigned int i = 0; i < watched_count; i++)
		memset(watched[i].stale, 0, sizeof(watched[i].stale));
	check_all_runs(pt);
}

static void watch_tables(const u64 *table, unsigned int tables, unsigned int level)
{
	for (unsigned int t = 0; t < tables; t++) {
		memcpy(watched_table(table + 512 * t)->entry, table + 512 * t, PAGE_SIZE);
		for (unsigned int i = 0; level && i < 512; i++) {
			if ((table[512 * t + i] & 3) == 3)
				watch_tables((const u64 *)(uintptr_t)(table[512 * t + i] & 0xfffffffff000), 1,
					     level - 1);
		}
	}
}

static void set_live(struct pagetable *pt)
{
	watched_count = 0;
	flushes = 0;
	watch_tables(pt->root, pt->root_tables, pt->levels - 1);
	live = pt;
	pt->form_runs = false;
	pt->flush = on_store;
	pt->flush_tlb = on_flush;
}

static void check_nothing_stale(void)
{
	for (unsigned int i = 0; i < watched_count; i++) {
		for (unsigned int k = 0; k < 512; k++)
			assert_false(watched[i].stale[k]);
	}
}

/*
 * A hole of each size in a run of each size: the neighbours stay, the run's hint goes, other runs keep
 * theirs.
 */
static void test_live_holes(void **state)
{
	static const struct {
		u64 from, size;
	} hole[] = {
		{ 0, PAGE_SIZE },
		{ SIZE_64K - PAGE_SIZE, PAGE_SIZE },
		{ 5 * PAGE_SIZE, PAGE_SIZE },
		{ 0, SIZE_64K },
		{ PAGE_SIZE, SIZE_64K },
		{ SIZE_2M, SIZE_2M },
		{ SIZE_2M - PAGE_SIZE, 2 * PAGE_SIZE },
		{ SIZE_32M - SIZE_2M, 2 * SIZE_2M },
		{ 0, SIZE_32M },
		{ SIZE_1G, SIZE_1G },
		{ SIZE_1G - PAGE_SIZE, SIZE_1G + 2 * PAGE_SIZE },
		{ 0, SIZE_16G },
		{ 15 * SIZE_1G, SIZE_1G },
	};
	static const u64 base[] = { SIZE_64K, SIZE_32M, SIZE_16G };

	for (unsigned int b = 0; b < ARRAY_SIZE(base); b++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(hole); i++) {
			const u64 from = base[b] + hole[i].from, end = from + hole[i].size;
			struct pagetable pt = stage2(true);

			assert_int_equal(pt_map(&pt, 0, 0, 4 * SIZE_16G, PT_READ | PT_WRITE | PT_EXEC), 0);
			assert_int_equal(pt_unmap(&pt, 0, base[b]), 0);
			set_live(&pt);
			assert_int_equal(pt_unmap(&pt, from, hole[i].size), 0);
			assert_true(flushes >= 1);
			check_nothing_stale();
			check_all_runs(&pt);
			assert_int_equal(pt_lookup(&pt, from, NULL, NULL, NULL), -ENOENT);
			assert_int_equal(pt_lookup(&pt, end - 1, NULL, NULL, NULL), -ENOENT);
			assert_int_equal(pt_lookup(&pt, end, NULL, NULL, NULL), 0);
			if (hole[i].from)
				assert_int_equal(pt_lookup(&pt, from - 1, NULL, NULL, NULL), 0);
			assert_true(hinted(&pt, 4 * SIZE_16G - 1));
			/* Something else may come there at once. */
			assert_int_equal(pt_map(&pt, from, from, hole[i].size, PT_READ | PT_DEVICE), 0);
			check_all_runs(&pt);
			end_table(&pt);
		}
	}
}

/* What covers a run as a whole takes it as it is: one flush, nothing comes back. */
static void test_live_whole_run(void **state)
{
	struct pagetable pt = stage2(true);

	assert_int_equal(pt_map(&pt, 0, 0, 4 * SIZE_64K, PT_READ), 0);
	set_live(&pt);
	assert_int_equal(pt_unmap(&pt, SIZE_64K, 2 * SIZE_64K), 0);
	assert_int_equal(flushes, 1);
	assert_true(hinted(&pt, 0));
	assert_true(hinted(&pt, 3 * SIZE_64K));
	end_table(&pt);
}

/* ---- random sequences ---- */

static u64 random_state;

static u64 random_below(u64 n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dull % n;
}

#define WINDOW (3 * SIZE_2M + SIZE_64K) /* in small pages, whose runs are everywhere */

static void run_random(u64 seed, unsigned int max_leaf)
{
	static bool mapped[WINDOW / PAGE_SIZE];
	struct pagetable pt = stage2(true);

	pt.max_leaf = max_leaf;
	random_state = seed * 0x9e3779b97f4a7c15ull + 1;
	memset(mapped, 0, sizeof(mapped));
	for (unsigned int step = 0; step < 200; step++) {
		static const u64 unit[] = { PAGE_SIZE, PAGE_SIZE, SIZE_64K, SIZE_2M };
		const u64 u = unit[random_below(4)], n = WINDOW / PAGE_SIZE;
		const u64 first = ALIGN_DOWN(random_below(WINDOW), u) / PAGE_SIZE;
		const u64 count =
			min_u64((1 + random_below(3)) * (u / PAGE_SIZE) + random_below(2), n - first);
		const bool map = step < 30 || random_below(2);
		bool taken = false;
		int err;

		if (step == 40)
			set_live(&pt);
		for (u64 i = 0; i < count; i++)
			taken |= mapped[first + i];
		if (map)
			err = pt_map(&pt, first * PAGE_SIZE, SIZE_1G + first * PAGE_SIZE, count * PAGE_SIZE,
				     PT_READ);
		else
			err = pt_unmap(&pt, first * PAGE_SIZE, count * PAGE_SIZE);
		assert_int_equal(err, map && taken ? -EEXIST : 0);
		for (u64 i = 0; !err && i < count; i++)
			mapped[first + i] = map;
		for (u64 i = 0; i < n; i++) {
			const struct walk w =
				walk_s2_roots((u64)(uintptr_t)pt.root, pt.levels, i * PAGE_SIZE);

			assert_int_equal(w.mapped, mapped[i]);
			if (w.mapped)
				assert_int_equal(w.out, SIZE_1G + i * PAGE_SIZE);
		}
		if (step >= 40)
			check_nothing_stale();
		if (random_below(8) == 0)
			pt_reclaim(&pt);
	}
	end_table(&pt);
}

static void test_live_random(void **state)
{
	for (u64 seed = 1; seed <= 12; seed++)
		run_random(seed, seed % 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_widths_refused),
		cmocka_unit_test(test_across_root_tables),
		cmocka_unit_test(test_guarded),
		cmocka_unit_test(test_hint),
		cmocka_unit_test(test_hint_only_where_asked_for),
		cmocka_unit_test(test_hint_on_each_level_of_one_range),
		cmocka_unit_test(test_live_holes),
		cmocka_unit_test(test_live_whole_run),
		cmocka_unit_test(test_live_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
