/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupt remapping entries of a VT-d unit: bit by bit, who has which, when hardware forgets them, and
 * changes while it uses them.
 */
#include <pthread.h>

#include "tests/unit/intr_machine.h"

/* ---- the entry, 9.10 ---- */

static void set_and_see(struct iommu *u, u32 entry, struct apic_target t, u64 low)
{
	intr_set(u, entry, &t);
	if (bits(u->index, entry)[0] != low)
		fail_msg("0x%llx is not 0x%llx", (unsigned long long)bits(u->index, entry)[0], (unsigned long long)low);
}

static void test_entry_bits(void **state)
{
	struct iommu *u = intr_machine();
	const u32 e = alloc(u, &from_nic, 1);

	assert_int_equal(bits(0, e)[0], 0);
	set_and_see(u, e, (struct apic_target){ .vector = 0x41 }, 0x0000000000410001);
	set_and_see(u, e, (struct apic_target){ .vector = 0xff, .destination = 0xa5 }, 0x0000a50000ff0001);
	set_and_see(u, e, (struct apic_target){ .vector = 0x10, .logical = true }, 0x0000000000100005);
	set_and_see(u, e, (struct apic_target){ .vector = 0x10, .logical = true, .lowest = true },
		    0x000000000010002d);
	set_and_see(u, e, (struct apic_target){ .vector = 0x10, .level = true }, 0x0000000000100011);
	set_and_see(u, e, (struct apic_target){ .vector = 0x10, .nmi = true }, 0x0000000000000081);
	set_and_see(u, e, (struct apic_target){ .vector = 0x41, .destination = 0xffffffff }, 0x0000ff0000410001);
	intr_set(u, e, NULL);
	assert_int_equal(bits(0, e)[0], 0);
}

static void test_entry_bits_extended(void **state)
{
	struct iommu *u;
	u32 e;

	x2apic = true;
	u = intr_machine();
	x2apic = false;
	assert_int_equal(fake[0].irta & 0xfff, 0x80d);
	e = alloc(u, &from_nic, 1);
	set_and_see(u, e, (struct apic_target){ .vector = 0x41, .destination = 0xa5 }, 0x000000a500410001);
	set_and_see(u, e, (struct apic_target){ .vector = 0x41, .destination = 0x12345678 }, 0x1234567800410001);
	set_and_see(u, e, (struct apic_target){ .vector = 0x41, .destination = 0xffffffff }, 0xffffffff00410001);
	assert_int_equal(intr_flush(u, e, 1), 0);
	assert_true(raise_entry(u, NIC, e));
	assert_int_equal(got.destination, 0xffffffff);
}

static void source_bits(struct iommu *u, struct intr_source s, u64 high)
{
	assert_int_equal(bits(u->index, alloc(u, &s, 1))[1], high);
}

static void test_source_bits(void **state)
{
	struct iommu *u = intr_machine();

	source_bits(u, (struct intr_source){ .kind = INTR_SOURCE_ID, .id = 0xabcd }, 0x4abcd);
	source_bits(u, (struct intr_source){ .kind = INTR_SOURCE_ID, .id = 0x1230, .ignored = 1 }, 0x51230);
	source_bits(u, (struct intr_source){ .kind = INTR_SOURCE_ID, .id = 0x1230, .ignored = 2 }, 0x61230);
	source_bits(u, (struct intr_source){ .kind = INTR_SOURCE_ID, .id = 0x1230, .ignored = 3 }, 0x71230);
	source_bits(u, (struct intr_source){ .kind = INTR_SOURCE_BUSES, .first_bus = 0x12, .last_bus = 0x34 }, 0x81234);
}

static void test_lookup(void **state)
{
	static const struct apic_target targets[] = {
		{ .destination = 7, .vector = 0x41 },
		{ .destination = 0xff, .vector = 0x42, .logical = true, .lowest = true },
		{ .destination = APIC_BROADCAST, .vector = 0x43 },
		{ .destination = 1, .vector = 0x44, .level = true },
		{ .destination = 1, .nmi = true },
	};
	static const struct intr_source sources[] = {
		{ .kind = INTR_SOURCE_ID, .id = 0xff07, .ignored = 3 },
		{ .kind = INTR_SOURCE_BUSES, .first_bus = 5, .last_bus = 9 },
	};

	for (unsigned int wide = 0; wide < 2; wide++) {
		struct iommu *u;

		x2apic = wide;
		u = intr_machine();
		x2apic = false;
		for (unsigned int i = 0; i < 2 * ARRAY_SIZE(targets); i++) {
			const struct apic_target *t = &targets[i / 2];
			const struct intr_source *s = &sources[i % 2];
			const u32 e = alloc(u, s, 1);
			struct intr_entry out;

			assert_true(intr_lookup(u, e, &out));
			assert_false(out.present);
			intr_set(u, e, t);
			assert_true(intr_lookup(u, e, &out));
			assert_true(out.present);
			assert_int_equal(out.target.destination, t->destination);
			assert_int_equal(out.target.vector, t->vector);
			assert_int_equal(out.target.logical, t->logical);
			assert_int_equal(out.target.lowest, t->lowest);
			assert_int_equal(out.target.nmi, t->nmi);
			assert_int_equal(out.target.level, t->level);
			assert_int_equal(out.source.kind, s->kind);
			assert_int_equal(out.source.id, s->id);
			assert_int_equal(out.source.ignored, s->ignored);
			assert_int_equal(out.source.first_bus, s->first_bus);
			assert_int_equal(out.source.last_bus, s->last_bus);
		}
		assert_false(intr_lookup(u, ENTRIES, &(struct intr_entry){ 0 }));
	}
}

/* An ID of more than 8 bits cannot be named in xAPIC mode: nothing is delivered, rather than to somebody else. */
static void test_destination_that_does_not_fit(void **state)
{
	struct iommu *u = intr_machine();
	const u32 e = alloc(u, &from_nic, 1);

	intr_set(u, e, &EDGE_41);
	intr_set(u, e, &(struct apic_target){ .vector = 0x41, .destination = 0x100 });
	assert_int_equal(bits(0, e)[0], 0);
	intr_set(u, e, &(struct apic_target){ .vector = 0x41, .destination = APIC_BROADCAST, .logical = true });
	assert_int_equal(bits(0, e)[0], 0);
	assert_int_equal(log_count("more than it can name"), 2);
	intr_set(u, ENTRIES, &EDGE_41); /* beyond the table: nothing is written */
}

/* The register names 32-bit destinations only if all units, the firmware and the CPU agree. */
static void test_extended_mode(void **state)
{
	for (unsigned int i = 0; i < 16; i++) {
		static const u8 scope[1][4] = { { 1, 0, 0x10, 0xff } };
		const bool wanted = i & 1, opt_out = i & 2, first = i & 4, second = i & 8;

		power_on();
		dmar[37] = opt_out ? 3 : 1;
		dmar_unit(1, false, scope, 1);
		dmar_unit(0, true, NULL, 0);
		fake[0].ecap &= ~(first ? 0 : FAKE_ECAP_EIM);
		fake[1].ecap &= ~(second ? 0 : FAKE_ECAP_EIM);
		x2apic = wanted;
		intr_enable(2);
		x2apic = false;
		for (unsigned int unit = 0; unit < 2; unit++)
			assert_int_equal(fake[unit].eime, wanted && !opt_out && first && second);
		assert_int_equal(log_count("wants no x2APIC"), wanted && opt_out);
	}
}

/* ---- allocation ---- */

static void test_rows(void **state)
{
	struct iommu *u = intr_machine();
	static const struct {
		unsigned int count;
		u32 first;
	} rows[] = { { 1, 0 }, { 2, 2 }, { 1, 1 }, { 3, 4 }, { 4, 8 }, { 1, 7 }, { 33, 64 }, { 32, 32 }, { 1, 12 } };
	unsigned int sum = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(alloc(u, &from_nic, rows[i].count), rows[i].first);
		sum += rows[i].count;
		assert_int_equal(used(u), sum);
	}
	u->ops->intr_free(u, 8, 2); /* a part of a row */
	assert_int_equal(used(u), sum - 2);
	assert_int_equal(alloc(u, &from_nic, 2), 8);
	u->ops->intr_free(u, 8, 4);
	u->ops->intr_free(u, 8, 4); /* twice: counted once */
	assert_int_equal(used(u), sum - 4);
	assert_int_equal(alloc(u, &from_nic, 3), 8);
}

static void test_exhausted(void **state)
{
	struct iommu *u = intr_machine();
	u32 first = 0;

	assert_int_equal(u->ops->intr_alloc(u, &from_nic, ENTRIES + 1, &first), -ENOSPC);
	assert_int_equal(u->ops->intr_alloc(u, &from_nic, 0, &first), -EINVAL);
	assert_int_equal(alloc(u, &from_nic, ENTRIES), 0);
	assert_int_equal(used(u), ENTRIES);
	assert_int_equal(u->ops->intr_alloc(u, &from_nic, 1, &first), -ENOSPC);
	u->ops->intr_free(u, ENTRIES - 1, 1);
	assert_int_equal(u->ops->intr_alloc(u, &from_nic, 2, &first), -ENOSPC);
	assert_int_equal(alloc(u, &from_nic, 1), ENTRIES - 1);
	u->ops->intr_free(u, ENTRIES - 1, 40000); /* beyond the table */
	assert_int_equal(used(u), ENTRIES - 1);
	u->ops->intr_free(u, 3, 4); /* four, but no aligned row of four */
	assert_int_equal(u->ops->intr_alloc(u, &from_nic, 4, &first), -ENOSPC);
	assert_int_equal(alloc(u, &from_nic, 2), 4);
}

/* An entry goes to another device only after it was cleared and flushed. */
static void test_reuse(void **state)
{
	const struct intr_source other = { .kind = INTR_SOURCE_ID, .id = OTHER };
	struct iommu *u = intr_machine();
	const u32 e = alloc(u, &from_nic, 1);

	intr_set(u, e, &EDGE_41);
	u->ops->intr_free(u, e, 1); /* still delivers */
	assert_int_equal(used(u), 1);
	assert_int_not_equal(alloc(u, &other, 1), e);
	intr_set(u, e, NULL);
	fake[0].hang_queue = true;
	assert_int_equal(intr_flush(u, e, 1), -ETIMEDOUT); /* and so is lost: nobody frees it */
	fake[0].hang_queue = false;
	assert_int_not_equal(alloc(u, &other, 1), e);
	assert_int_equal(intr_flush(u, e, 1), 0);
	u->ops->intr_free(u, e, 1);
	assert_int_equal(alloc(u, &other, 1), e);
	assert_int_equal(bits(0, e)[0], 0);
	intr_set(u, e, &EDGE_41);
	assert_int_equal(intr_flush(u, e, 1), 0);
	assert_true(raise_entry(u, OTHER, e));
	blocked_entry(u, NIC, e, 0x26);
}

/* ---- flushing ---- */

static void cache(struct iommu *u, u32 from, u32 to)
{
	for (u32 e = from; e < to; e++)
		assert_true(raise_entry(u, NIC, e));
}

static bool is_cached(u32 entry)
{
	for (unsigned int i = 0; i < FAKE_CACHED && fake[0].irtes[i].valid; i++) {
		if (fake[0].irtes[i].index == entry)
			return true;
	}
	return false;
}

static void test_flush_ranges(void **state)
{
	static const struct {
		u32 first;
		unsigned int count;
		u32 from, to; /* what has to go; the rest may not, if the unit can tell */
	} flushes[] = { { 5, 1, 5, 6 },	    { 8, 8, 8, 16 },   { 3, 2, 0, 8 },	  { 64, 64, 64, 128 },
			{ 65, 63, 64, 128 }, { 100, 1, 100, 101 }, { 63, 2, 0, 256 }, { 0, 65, 0, 256 },
			{ 0, 0, 0, 256 } };
	struct iommu *u = intr_machine();

	assert_int_equal(alloc(u, &from_nic, 256), 0);
	for (u32 e = 0; e < 256; e++)
		intr_set(u, e, &EDGE_41);
	for (unsigned int i = 0; i < ARRAY_SIZE(flushes); i++) {
		assert_int_equal(intr_flush(u, 0, 0), 0);
		cache(u, 0, 256);
		assert_int_equal(intr_flush(u, flushes[i].first, flushes[i].count), 0);
		for (u32 e = 0; e < 256; e++)
			assert_int_equal(is_cached(e), e < flushes[i].from || e >= flushes[i].to);
	}
}

/* The largest mask that the unit takes: beyond it, everything. */
static void test_flush_limit(void **state)
{
	for (unsigned int limit = 0; limit < 3; limit++) {
		struct iommu *u;
		unsigned int before;

		intr_unit();
		fake[0].ecap = (fake[0].ecap & ~FAKE_MHMV(15)) | FAKE_MHMV(limit);
		intr_enable(1);
		u = iommu_first();
		before = fake[0].intr_global;
		assert_int_equal(intr_flush(u, 0, 1u << limit), 0);
		assert_int_equal(fake[0].intr_global, before);
		assert_int_equal(intr_flush(u, 0, (1u << limit) + 1), 0);
		assert_int_equal(fake[0].intr_global, before + 1);
	}
}

static void test_flush_errors(void **state)
{
	struct iommu *u = intr_machine();

	fake[0].fail_descriptors = 1;
	assert_int_equal(intr_flush(u, 5, 1), -EIO);
	assert_int_equal(log_count("type 4"), 1);
	fake[0].fail_descriptors = 0;
	assert_int_equal(intr_flush(u, 5, 1), 0);
	fake[0].hang_queue = true;
	assert_int_equal(intr_flush(u, 5, 1), -ETIMEDOUT);
}

/* ---- changes while the entry is used ---- */

static struct iommu *busy_unit;
static u32 busy_entry;
static _Atomic bool begun, enough;

static void *change(void *arg)
{
	static const struct apic_target target[2] = { { .vector = 0x11 }, { .destination = 0xfe, .vector = 0xee } };

	for (unsigned int i = 0; !atomic_load_explicit(&enough, memory_order_relaxed); i++) {
		intr_set(busy_unit, busy_entry, &target[i & 1]);
		atomic_store_explicit(&begun, true, memory_order_relaxed);
	}
	return arg;
}

static void test_no_mixture(void **state)
{
	unsigned int seen[2] = { 0 };
	bool mixed = false;
	const u64 *entry;
	pthread_t thread;

	busy_unit = intr_machine();
	busy_entry = alloc(busy_unit, &from_nic, 1);
	intr_set(busy_unit, busy_entry, &(struct apic_target){ .vector = 0x11 });
	entry = bits(0, busy_entry);
	atomic_store(&begun, false);
	atomic_store(&enough, false);
	assert_int_equal(pthread_create(&thread, NULL, change, NULL), 0);
	while (!atomic_load(&begun))
		;
	/* Until the writer has had a turn at both. */
	for (unsigned int i = 0; (i < 10000000 || !seen[0] || !seen[1]) && !mixed; i++) {
		const u64 low = __atomic_load_n(entry, __ATOMIC_RELAXED);

		seen[low >> 47 & 1]++;
		mixed = low != 0x0000000000110001 && low != 0x0000fe0000ee0001;
	}
	atomic_store(&enough, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(mixed);
	assert_int_equal(entry[1], 0x40000 | NIC);
}

/* A unit that reads memory past the caches is shown each change, and each as a whole: one write-back. */
static void test_not_coherent(void **state)
{
	struct iommu *u;
	u32 e;

	intr_unit();
	fake[0].ecap &= ~FAKE_ECAP_C;
	intr_enable(1);
	u = iommu_first();
	blocked_entry(u, NIC, 0, 0x22);
	blocked_entry(u, NIC, ENTRIES - 1, 0x22); /* all of the table was written back */
	e = alloc(u, &from_nic, 1);
	for (unsigned int vector = 0x20; vector < 0x30; vector++) {
		fake_flushes = 0;
		intr_set(u, e, &(struct apic_target){ .vector = (u8)vector });
		assert_int_equal(fake_flushes, 1);
		assert_int_equal(intr_flush(u, e, 1), 0);
		assert_true(raise_entry(u, NIC, e));
		assert_int_equal(got.vector, vector);
	}
	intr_set(u, e, NULL);
	assert_int_equal(intr_flush(u, e, 1), 0);
	blocked_entry(u, NIC, e, 0x22);
}

static void test_write_buffer(void **state)
{
	struct iommu *u;
	unsigned int before;

	intr_unit();
	fake[0].cap |= FAKE_CAP_RWBF;
	intr_enable(1);
	u = iommu_first();
	before = fake[0].write_buffer_flushes;
	assert_int_equal(intr_flush(u, 1, 1), 0);
	assert_true(fake[0].write_buffer_flushes > before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entry_bits),
		cmocka_unit_test(test_entry_bits_extended),
		cmocka_unit_test(test_source_bits),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_destination_that_does_not_fit),
		cmocka_unit_test(test_extended_mode),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_exhausted),
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_flush_ranges),
		cmocka_unit_test(test_flush_limit),
		cmocka_unit_test(test_flush_errors),
		cmocka_unit_test(test_no_mixture),
		cmocka_unit_test(test_not_coherent),
		cmocka_unit_test(test_write_buffer),
	};

	return cmocka_run_group_tests(tests, machine_init, NULL);
}
