/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DMAR parser: a table as the specification lays it out (Intel VT-d specification rev. 4.1, chapter 8),
 * byte by byte, then that table broken in every way. Tables stand at the very end of a heap block, so that
 * the sanitizer sees a read past their end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/errno.h"
#include "core/log.h"
#include "drivers/iommu/vtd/dmar.h"

void arch_cpu_relax(void)
{
}

/* ---- the log ------------------------------------------------------------------------------------------- */

static char error_line[LOG_LINE_MAX];
static unsigned int error_lines;

static void sink(enum log_level level, const char *line, size_t len)
{
	if (level != LOG_ERROR)
		return;
	error_lines++;
	snprintf(error_line, sizeof(error_line), "%.*s", (int)len, line);
}

/* ---- building tables ----------------------------------------------------------------------------------- */

static u8 image[65536];
static unsigned int image_length;

static void add(const void *bytes, unsigned int n)
{
	memcpy(image + image_length, bytes, n);
	image_length += n;
}

static void add8(u8 v)
{
	add(&v, 1);
}

static void add16(u16 v)
{
	add((const u8[]){ (u8)v, (u8)(v >> 8) }, 2);
}

static void add64(u64 v)
{
	for (int i = 0; i < 8; i++)
		add8((u8)(v >> (8 * i)));
}

static void begin(void)
{
	image_length = 0;
	add("DMAR\0\0\0\0\1\0OEMID TABLEID \0\0\0\0INTL\0\0\0\0", 36);
	add8(47); /* host address width less one */
	add8(1);  /* INTR_REMAP */
	add("\0\0\0\0\0\0\0\0\0\0", 10);
}

static void finish(void)
{
	memcpy(image + 4, &image_length, 4);
}

static void drhd(u16 length, u8 flags, u8 size, u16 segment, u64 base)
{
	add16(0);
	add16(length);
	add8(flags);
	add8(size);
	add16(segment);
	add64(base);
}

static void rmrr(u16 length, u16 segment, u64 base, u64 limit)
{
	add16(1);
	add16(length);
	add16(0);
	add16(segment);
	add64(base);
	add64(limit);
}

static void atsr(u16 length, u8 flags, u16 segment)
{
	add16(2);
	add16(length);
	add8(flags);
	add8(0);
	add16(segment);
}

static void scope(u8 type, u8 length, u8 id, u8 bus)
{
	add8(type);
	add8(length);
	add16(0);
	add8(id);
	add8(bus);
}

static struct dmar_table parsed;

/* Parses the image from a block of just its size. */
static int parse_bytes(unsigned int length)
{
	u8 *copy = malloc(length ? length : 1);
	int err;

	memcpy(copy, image, length);
	error_lines = 0;
	error_line[0] = '\0';
	err = dmar_parse(copy, length, &parsed);
	free(copy);
	assert_int_equal(error_lines, err ? 1 : 0);
	if (err)
		assert_non_null(strstr(error_line, "DMAR: at offset 0x"));
	return err;
}

static void refused(int expected, unsigned int offset, const char *words)
{
	char at[32];

	finish();
	assert_int_equal(parse_bytes(image_length), expected);
	snprintf(at, sizeof(at), "offset 0x%x:", offset);
	if (!strstr(error_line, at) || !strstr(error_line, words))
		fail_msg("expected \"%s\" and \"%s\" in: %s", at, words, error_line);
}

/* ---- a good table -------------------------------------------------------------------------------------- */

static void build_good(void)
{
	begin();
	drhd(16 + 8 + 10, 0, 0, 0, 0xfed90000); /* at 0x30: two scopes */
	scope(1, 8, 0, 0);
	add("\x02\x00", 2);
	scope(2, 10, 0, 0x80);
	add("\x1c\x01\x00\x07", 4);
	add16(3); /* RHSA, skipped */
	add16(20);
	add("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	drhd(16 + 8 + 8, 1, 1, 0, 0xfed92000); /* the rest, two pages of registers */
	scope(3, 8, 0x42, 0xf0);
	add("\x1f\x00", 2);
	scope(4, 8, 0, 0xf0);
	add("\x0f\x00", 2);
	add16(0x7777); /* unknown, skipped */
	add16(4);
	drhd(16, 1, 0, 1, 0xfed94000); /* the rest of segment 1 */
	rmrr(24 + 8, 0, 0x7f000000, 0x7f00ffff);
	scope(1, 8, 0, 0);
	add("\x14\x00", 2);
	atsr(8 + 8, 0, 0);
	scope(2, 8, 0, 0);
	add("\x01\x00", 2);
	atsr(8, 1, 1);
	finish();
}

static void test_good_table(void **state)
{
	const struct dmar_scope *s = parsed.scope;

	build_good();
	assert_int_equal(parse_bytes(image_length), 0);
	assert_int_equal(parsed.host_address_width, 48);
	assert_int_equal(parsed.units, 3);
	assert_int_equal(parsed.reserved_regions, 1);
	assert_int_equal(parsed.atsrs, 2);
	assert_int_equal(parsed.scopes, 6);

	assert_int_equal(parsed.unit[0].offset, 0x30);
	assert_int_equal(parsed.unit[0].base, 0xfed90000);
	assert_int_equal(parsed.unit[0].size, 0x1000);
	assert_false(parsed.unit[0].include_all);
	assert_int_equal(parsed.unit[0].scopes.first, 0);
	assert_int_equal(parsed.unit[0].scopes.count, 2);
	assert_int_equal(s[0].type, DMAR_SCOPE_ENDPOINT);
	assert_int_equal(s[0].path_length, 1);
	assert_int_equal(s[0].path[0].device, 2);
	assert_int_equal(s[1].type, DMAR_SCOPE_BRIDGE);
	assert_int_equal(s[1].start_bus, 0x80);
	assert_int_equal(s[1].path_length, 2);
	assert_int_equal(s[1].path[0].device, 0x1c);
	assert_int_equal(s[1].path[0].function, 1);
	assert_int_equal(s[1].path[1].device, 0);
	assert_int_equal(s[1].path[1].function, 7);

	assert_true(parsed.unit[1].include_all);
	assert_int_equal(parsed.unit[1].size, 0x2000);
	assert_int_equal(parsed.unit[1].scopes.first, 2);
	assert_int_equal(s[2].type, DMAR_SCOPE_IOAPIC);
	assert_int_equal(s[2].enumeration_id, 0x42);
	assert_int_equal(s[3].type, DMAR_SCOPE_HPET);
	assert_int_equal(parsed.unit[2].segment, 1);
	assert_int_equal(parsed.unit[2].scopes.count, 0);

	assert_int_equal(parsed.reserved[0].base, 0x7f000000);
	assert_int_equal(parsed.reserved[0].size, 0x10000);
	assert_int_equal(parsed.reserved[0].scopes.first, 4);
	assert_int_equal(parsed.reserved[0].scopes.count, 1);
	assert_false(parsed.atsr[0].all_ports);
	assert_int_equal(parsed.atsr[0].scopes.first, 5);
	assert_true(parsed.atsr[1].all_ports);
	assert_int_equal(parsed.atsr[1].segment, 1);
}

static void test_no_structures(void **state)
{
	begin();
	finish();
	assert_int_equal(parse_bytes(image_length), 0);
	assert_int_equal(parsed.units, 0);
}

/* ---- broken ones --------------------------------------------------------------------------------------- */

static void test_header(void **state)
{
	for (unsigned int n = 0; n < 48; n++) {
		begin();
		finish();
		assert_int_equal(parse_bytes(n), -EINVAL);
		assert_non_null(strstr(error_line, "48-byte header"));
	}
	begin();
	finish();
	image[3] = 'S';
	assert_int_equal(parse_bytes(48), -EINVAL);
	begin();
	finish();
	image[4] = 49; /* longer than what there is */
	assert_int_equal(parse_bytes(48), -EINVAL);
	image[4] = 47;
	assert_int_equal(parse_bytes(48), -EINVAL);
	begin();
	finish();
	image[36] = 30;
	assert_int_equal(parse_bytes(48), -EINVAL);
	image[36] = 64;
	assert_int_equal(parse_bytes(48), -EINVAL);
	image[36] = 63;
	assert_int_equal(parse_bytes(48), 0);
}

static void test_structure_lengths(void **state)
{
	for (u16 n = 0; n < 4; n++) { /* 0 would go on for ever */
		begin();
		add16(0x99);
		add16(n);
		refused(-EINVAL, 0x30, "less than its header");
	}
	for (unsigned int n = 1; n < 4; n++) {
		begin();
		add("\0\0\0\0", n);
		refused(-EINVAL, 0x30, "cut off by the end of the table");
	}
	begin();
	add16(0x99);
	add16(5);
	refused(-EINVAL, 0x30, "longer than what is left");
	begin();
	add16(0x99);
	add16(0xffff);
	refused(-EINVAL, 0x30, "longer than what is left");
	for (u16 n = 4; n < 16; n++) {
		begin();
		drhd(n, 0, 0, 0, 0xfed90000);
		refused(-EINVAL, 0x30, "DRHD is shorter");
	}
	for (u16 n = 4; n < 24; n++) {
		begin();
		rmrr(n, 0, 0x1000, 0x1fff);
		refused(-EINVAL, 0x30, "RMRR is shorter");
	}
	for (u16 n = 4; n < 8; n++) {
		begin();
		atsr(n, 0, 0);
		refused(-EINVAL, 0x30, "ATSR is shorter");
	}
}

static void test_scopes(void **state)
{
	static const struct {
		u8 length; /* as the scope says; 9 bytes follow in the structure */
		const char *words;
	} bad[] = {
		{ 0, "too short" },
		{ 1, "too short" },
		{ 5, "too short" },
		{ 6, "too short" },
		{ 7, "too short" },
		{ 9, "odd length" },
		{ 10, "longer than the structure" },
		{ 255, "longer than the structure" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		begin();
		drhd(16 + 9, 0, 0, 0, 0xfed90000);
		scope(1, bad[i].length, 0, 0);
		add("\0\0\0", 3);
		refused(-EINVAL, 0x40, bad[i].words);
	}
	for (u16 n = 1; n < 6; n++) { /* the second scope is cut off */
		begin();
		drhd((u16)(16 + 8 + n), 0, 0, 0, 0xfed90000);
		scope(1, 8, 0, 0);
		add("\0\0", 2);
		add("\1\10\0\0\0", n);
		refused(-EINVAL, 0x48, "cut off by the end of its structure");
	}
	begin();
	drhd(16 + 8, 0, 0, 0, 0xfed90000);
	scope(1, 8, 0, 0);
	add("\x20\x00", 2);
	refused(-EINVAL, 0x46, "device above 31");
	begin();
	drhd(16 + 8, 0, 0, 0, 0xfed90000);
	scope(1, 8, 0, 0);
	add("\x1f\x08", 2);
	refused(-EINVAL, 0x46, "function above 7");
	/* the same checks hold in the other structures */
	begin();
	rmrr(24 + 6, 0, 0x1000, 0x1fff);
	scope(1, 6, 0, 0);
	refused(-EINVAL, 0x48, "too short");
	begin();
	atsr(8 + 6, 0, 0);
	scope(1, 0, 0, 0);
	refused(-EINVAL, 0x38, "too short");
	/* a path as long as Fairlead has room for, and one step more */
	for (u8 steps = DMAR_PATH_MAX; steps <= DMAR_PATH_MAX + 1; steps++) {
		begin();
		drhd((u16)(16 + 6 + 2 * steps), 0, 0, 0, 0xfed90000);
		scope(1, (u8)(6 + 2 * steps), 0, 0);
		for (u8 i = 0; i < steps; i++)
			add("\0\0", 2);
		if (steps > DMAR_PATH_MAX) {
			refused(-ENOSPC, 0x46, "steps");
		} else {
			finish();
			assert_int_equal(parse_bytes(image_length), 0);
			assert_int_equal(parsed.scope[0].path_length, DMAR_PATH_MAX);
		}
	}
}

static void test_units(void **state)
{
	begin();
	drhd(16, 0, 0, 0, 0);
	refused(-EINVAL, 0x30, "register base is 0");
	begin();
	drhd(16, 0, 0, 0, 0xfed90800);
	refused(-EINVAL, 0x30, "not 4 KiB aligned");
	begin();
	drhd(16, 0, 1, 0, 0xfffffffffffff000);
	refused(-EINVAL, 0x30, "past the end of the address space");
	begin();
	drhd(16, 0, 0, 0, 0xfed90000);
	drhd(16, 0, 0, 0, 0xfed90000);
	refused(-EINVAL, 0x40, "overlap");
	begin();
	drhd(16, 0, 2, 0, 0xfed90000);
	drhd(16, 0, 0, 0, 0xfed93000);
	refused(-EINVAL, 0x40, "overlap");
	begin();
	drhd(16, 1, 0, 5, 0xfed90000);
	drhd(16, 1, 0, 5, 0xfed91000);
	refused(-EINVAL, 0x40, "second INCLUDE_PCI_ALL");
}

static void test_reserved_regions(void **state)
{
	static const struct {
		u64 base, limit;
		const char *words;
	} bad[] = {
		{ 0x2000, 0x1fff, "limit is below the base" },
		{ 0x2000, 0xfff, "limit is below the base" },
		{ 0x1800, 0x2fff, "aligned" },
		{ 0x1000, 0x2000, "aligned" },
		{ 0, ~(u64)0, "aligned" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		begin();
		rmrr(24, 0, bad[i].base, bad[i].limit);
		refused(-EINVAL, 0x30, bad[i].words);
	}
	begin();
	rmrr(24, 0, 0xfffffffffffe0000, 0xfffffffffffeffff);
	finish();
	assert_int_equal(parse_bytes(image_length), 0);
}

static void test_too_many(void **state)
{
	begin();
	for (unsigned int i = 0; i <= DMAR_UNITS_MAX; i++)
		drhd(16, 0, 0, 0, 0xf0000000 + 0x1000 * (u64)i);
	refused(-ENOSPC, 0x30 + 16 * DMAR_UNITS_MAX, "units");
	begin();
	for (unsigned int i = 0; i <= DMAR_RESERVED_MAX; i++)
		rmrr(24, 0, 0x1000, 0x1fff);
	refused(-ENOSPC, 0x30 + 24 * DMAR_RESERVED_MAX, "reserved regions");
	begin();
	for (unsigned int i = 0; i <= DMAR_ATSR_MAX; i++)
		atsr(8, 0, 0);
	refused(-ENOSPC, 0x30 + 8 * DMAR_ATSR_MAX, "ATSR");
	begin();
	drhd((u16)(16 + 8 * (DMAR_SCOPES_MAX + 1)), 0, 0, 0, 0xfed90000);
	for (unsigned int i = 0; i <= DMAR_SCOPES_MAX; i++) {
		scope(1, 8, 0, 0);
		add("\0\0", 2);
	}
	refused(-ENOSPC, 0x40 + 8 * DMAR_SCOPES_MAX, "device scopes");
}

/* The good table cut off at each byte, with a header that says so: accepted only between two structures. */
static void test_truncated_at_each_byte(void **state)
{
	unsigned int accepted = 0, full;

	build_good();
	full = image_length;
	for (unsigned int n = 48; n <= full; n++) {
		memcpy(image + 4, &n, 4);
		if (parse_bytes(n) == 0)
			accepted++;
	}
	assert_int_equal(accepted, 9); /* after the header and after each of eight structures */
}

/* What a parser may hand on: indices within its arrays, and values within what dmar.h promises. */
static void check_invariants(void)
{
	assert_true(parsed.units <= DMAR_UNITS_MAX && parsed.reserved_regions <= DMAR_RESERVED_MAX);
	assert_true(parsed.atsrs <= DMAR_ATSR_MAX && parsed.scopes <= DMAR_SCOPES_MAX);
	for (unsigned int i = 0; i < parsed.units; i++) {
		const struct dmar_unit *u = &parsed.unit[i];

		assert_true(u->base && (u->base & 0xfff) == 0 && u->size >= 0x1000);
		assert_true(u->scopes.first + u->scopes.count <= parsed.scopes);
	}
	for (unsigned int i = 0; i < parsed.reserved_regions; i++) {
		const struct dmar_reserved *r = &parsed.reserved[i];

		assert_true(r->size && ((r->base | r->size) & 0xfff) == 0 &&
			    r->base + (r->size - 1) >= r->base);
		assert_true(r->scopes.first + r->scopes.count <= parsed.scopes);
	}
	for (unsigned int i = 0; i < parsed.scopes; i++) {
		const struct dmar_scope *s = &parsed.scope[i];

		assert_true(s->path_length >= 1 && s->path_length <= DMAR_PATH_MAX);
		for (unsigned int k = 0; k < s->path_length; k++)
			assert_true(s->path[k].device < 32 && s->path[k].function < 8);
	}
}

static void test_fuzz(void **state)
{
	u64 r = 0x123456789abcdefull;
	unsigned int accepted = 0;

	for (unsigned int run = 0; run < 60000; run++) {
		build_good();
		for (unsigned int changes = 1 + run % 4; changes > 0; changes--) {
			r ^= r << 13;
			r ^= r >> 7;
			r ^= r << 17;
			image[8 + (r >> 8) % (image_length - 8)] =
				r & 0x80 ? (u8)(r >> 40) : (u8)(r >> 40) % 40;
		}
		if (parse_bytes(image_length) == 0) {
			accepted++;
			check_invariants();
		}
	}
	assert_true(accepted > 1000 && accepted < 59000); /* both ways were gone */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_table),
		cmocka_unit_test(test_no_structures),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_structure_lengths),
		cmocka_unit_test(test_scopes),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_reserved_regions),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_truncated_at_each_byte),
		cmocka_unit_test(test_fuzz),
	};

	log_set_sink(sink);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
