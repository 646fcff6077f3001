/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page-table writer, on each format: random sequences of map and unmap, with memory running out now and
 * then, against an array of pages.
 */
#include "tests/unit/pt_walkers.h"

/* ---- random sequences against an array ----------------------------------------------------------------- */

#define WINDOW_PAGES ((u64)(5 * (SIZE_1G >> PAGE_SHIFT) / 2))

struct model_page {
	u64 out; /* page-aligned */
	u8 prot; /* 0: not mapped */
};

static struct model_page model[WINDOW_PAGES];
static u64 random_state;

static u64 random_u64(void) /* xorshift64* */
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dull;
}

static u64 random_below(u64 n)
{
	return random_u64() % n;
}

/* A range of pages: mostly small, sometimes large, often aligned to a large page at one end or both. */
static void random_range(u64 window, u64 *first, u64 *count)
{
	static const u64 unit[] = { 1, 1, 7, 512, 512, 512 * 512 };
	const u64 u = unit[random_below(ARRAY_SIZE(unit))];

	*first = ALIGN_DOWN(random_below(window), random_below(3) && u != 7 ? u : 1);
	*count = (1 + random_below(3)) * u + (random_below(4) ? 0 : random_below(9));
	*count = min_u64(*count, window - *first);
}

static void check_page(const struct subject *s, const struct pagetable *pt, u64 base, u64 page)
{
	const struct walk w = walk(s, pt, base + page * PAGE_SIZE);
	const struct model_page *m = &model[page];

	assert_int_equal(w.mapped, m->prot != 0);
	if (!w.mapped)
		return;
	assert_int_equal(w.out, m->out);
	assert_int_equal(w.read, (m->prot & PT_READ) != 0);
	assert_int_equal(w.write, (m->prot & PT_WRITE) != 0);
	assert_int_equal(w.exec, s->has_exec && (m->prot & PT_EXEC));
	assert_int_equal(w.device, s->has_device && (m->prot & PT_DEVICE));
}

static void check_around(const struct subject *s, const struct pagetable *pt, u64 base, u64 window, u64 first,
			 u64 count)
{
	const u64 points[] = { first - 1,
			       first,
			       first + 1,
			       first + count / 2,
			       first + count - 2,
			       first + count - 1,
			       first + count,
			       random_below(window),
			       random_below(window),
			       random_below(window) };

	for (unsigned int i = 0; i < ARRAY_SIZE(points); i++) {
		if (points[i] < window)
			check_page(s, pt, base, points[i]);
	}
}

static bool model_free(u64 first, u64 count)
{
	for (u64 i = first; i < first + count; i++) {
		if (model[i].prot)
			return false;
	}
	return true;
}

static void random_map(const struct subject *s, struct pagetable *pt, u64 base, u64 first, u64 count)
{
	const unsigned int prot = PT_READ | (random_u64() & (PT_WRITE | PT_EXEC | PT_DEVICE));
	u64 out = random_below((u64)1 << (s->out_bits - 12 - 20)) * PAGE_SIZE;
	u64 before = 0;
	int err;

	if (random_below(4)) /* as aligned as the input */
		out = (out & ~(SIZE_1G - 1)) | ((base + first * PAGE_SIZE) & (SIZE_1G - 1));
	fake_pages_allowed = random_below(3) ? FAKE_PAGES_MAX : random_below(6);
	if (fake_pages_allowed != FAKE_PAGES_MAX)
		before = fake_pages_hash();
	err = pt_map(pt, base + first * PAGE_SIZE, out, count * PAGE_SIZE, prot);
	if (err == -ENOMEM)
		assert_int_equal(fake_pages_hash(), before);
	else
		assert_int_equal(err, model_free(first, count) ? 0 : -EEXIST);
	for (u64 i = 0; !err && i < count; i++)
		model[first + i] = (struct model_page){ .out = out + i * PAGE_SIZE, .prot = (u8)prot };
}

static void random_unmap(struct pagetable *pt, u64 base, u64 first, u64 count)
{
	u64 before = 0;
	int err;

	fake_pages_allowed = random_below(3) ? FAKE_PAGES_MAX : random_below(3);
	if (fake_pages_allowed != FAKE_PAGES_MAX)
		before = fake_pages_hash();
	err = pt_unmap(pt, base + first * PAGE_SIZE, count * PAGE_SIZE);
	if (err)
		assert_true(err == -ENOMEM && fake_pages_hash() == before);
	for (u64 i = 0; !err && i < count; i++)
		model[first + i].prot = 0;
}

static void run_random(const struct subject *s, u64 seed)
{
	const u64 space = limit_of(s->in_bits) / PAGE_SIZE + 1;
	const u64 window = min_u64(WINDOW_PAGES, space);
	struct pagetable pt = new_table(s, (unsigned int)(seed % 3));
	u64 base = 0;

	random_state = seed * 0x9e3779b97f4a7c15ull + 1;
	if (seed & 1) /* the top of the address space */
		base = limit_of(s->in_bits) - window * PAGE_SIZE + 1;
	memset(model, 0, sizeof(model));
	for (unsigned int step = 0; step < 120; step++) {
		u64 first, count;

		random_range(window, &first, &count);
		if (random_below(5) < 3)
			random_map(s, &pt, base, first, count);
		else
			random_unmap(&pt, base, first, count);
		check_around(s, &pt, base, window, first, count);
		if (random_below(8) == 0)
			pt_reclaim(&pt);
	}
	for (u64 page = 0; page < window; page++)
		check_page(s, &pt, base, page);

	fake_pages_allowed = FAKE_PAGES_MAX;
	assert_int_equal(pt_unmap(&pt, base, window * PAGE_SIZE), 0);
	assert_int_equal(pt.table_pages, roots(s));
	for (unsigned int i = 0; i < 512 * roots(s); i++)
		assert_int_equal(table_entry((u64)(uintptr_t)pt.root, i), 0);
	pt_reclaim(&pt);
	assert_int_equal(fake_pages_used, 1);
	end_table(&pt);
}

static void test_random(void **state)
{
	FOR_EACH_SUBJECT(s)
	{
		for (u64 seed = 1; seed <= 6; seed++)
			run_random(s, seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
