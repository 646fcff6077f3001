/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IORT parser (DEN 0049E): what it finds, and that no table makes it read beside the table, loop, or find
 * what is not there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/errno.h"
#include "core/log.h"
#include "core/string.h"
#include "drivers/iommu/smmuv3/smmuv3.h"

static char line[512];
static unsigned int lines;

static void sink(enum log_level level, const char *text, size_t len)
{
	snprintf(line, sizeof(line), "%.*s", (int)len, text);
	lines++;
}

/* ---- a table ------------------------------------------------------------------------------------------- */

static u8 table[2048];
static u32 used;

static void put(u32 at, u64 value, unsigned int size)
{
	assert_true(at + size <= sizeof(table));
	memcpy(table + at, &value, size); /* both little-endian */
}

static void begin(void)
{
	memset(table, 0, sizeof(table));
	memcpy(table, "IORT", 4);
	put(40, 48, 4); /* the first node */
	used = 48;
	lines = 0;
}

static void put_count(void)
{
	u32 count;

	memcpy(&count, table + 36, 4);
	put(36, count + 1, 4);
	put(4, used, 4);
}

/* A node of that type and size; its mappings follow at its end. Returns its offset. */
static u32 node(u8 type, u16 size, u32 mappings)
{
	const u32 at = used;

	put(at, type, 1);
	put(at + 1, size + 20u * mappings, 2);
	put(at + 8, mappings, 4);
	put(at + 12, mappings ? size : 0, 4);
	used += size + 20 * mappings;
	put_count();
	return at;
}

static void mapping(u32 of, u32 index, u32 input, u32 count, u32 output, u32 reference, u32 flags)
{
	u32 array, at;

	memcpy(&array, table + of + 12, 4);
	at = of + array + 20 * index;
	put(at, input, 4);
	put(at + 4, count - 1, 4);
	put(at + 8, output, 4);
	put(at + 12, reference, 4);
	put(at + 16, flags, 4);
}

static u32 its(void)
{
	const u32 at = node(0, 24, 0);

	put(at + 16, 1, 4);
	return at;
}

static u32 smmu(u64 base, u32 to_its)
{
	const u32 at = node(4, 68, 1);

	put(at + 16, base, 8);
	put(at + 44, 0x4a, 4); /* event, PRI, GERROR, SYNC */
	put(at + 48, 0x4b, 4);
	put(at + 52, 0x4c, 4);
	put(at + 56, 0x4d, 4);
	mapping(at, 0, 0, 0x10000, 0, to_its, 0);
	return at;
}

static u32 root_complex(u32 segment, u32 mappings)
{
	const u32 at = node(2, 36, mappings);

	put(at + 28, segment, 4);
	return at;
}

/* As QEMU's virt makes it, with a second segment and unit, and a range that goes to the ITS directly. */
static void whole_machine(void)
{
	u32 its_at, first, second, rc;

	begin();
	its_at = its();
	first = smmu(0x9050000, its_at);
	rc = root_complex(0, 3);
	second = 0;
	mapping(rc, 0, 0, 0x100, 0x1000, first, 0);
	mapping(rc, 1, 0x100, 0x200, 0x80, first, 0);
	mapping(rc, 2, 0x300, 0xfd00, 0x300, its_at, 0);
	node(1, 40, 0); /* a named component */
	second = smmu(0x9150000, its_at);
	rc = root_complex(7, 1);
	mapping(rc, 0, 0, 0x10000, 0, second, 0);
	node(5, 40, 0); /* a performance counter group */
}

static struct smmu_firmware fw;

/* The parser gets a copy of just that length, so that the sanitizer sees each byte beyond. */
static int parse(size_t length)
{
	u8 *copy = malloc(length ? length : 1);
	int ret;

	memcpy(copy, table, length);
	lines = 0;
	ret = smmuv3_read_iort(copy, length, &fw);
	free(copy);
	assert_int_equal(lines, ret != 0); /* one line, if it is refused */
	return ret;
}

static void refused(int error, const char *words)
{
	assert_int_equal(parse(used), error);
	if (!strstr(line, words))
		fail_msg("no \"%s\" in: %s", words, line);
}

/* ---- what it finds ------------------------------------------------------------------------------------- */

static void expect_map(unsigned int i, u16 segment, u16 first, u32 count, u32 stream, unsigned int unit)
{
	assert_int_equal(fw.map[i].segment, segment);
	assert_int_equal(fw.map[i].first, first);
	assert_int_equal(fw.map[i].count, count);
	assert_int_equal(fw.map[i].stream, stream);
	assert_int_equal(fw.map[i].unit, unit);
}

static void test_whole_machine(void **state)
{
	whole_machine();
	assert_int_equal(parse(used), 0);
	assert_int_equal(fw.units, 2);
	assert_int_equal(fw.unit[0].registers, 0x9050000);
	assert_int_equal(fw.unit[0].size, 0x20000);
	assert_int_equal(fw.unit[0].event_intid, 0x4a);
	assert_int_equal(fw.unit[0].pri_intid, 0x4b);
	assert_int_equal(fw.unit[0].gerror_intid, 0x4c);
	assert_int_equal(fw.unit[0].sync_intid, 0x4d);
	assert_true(fw.unit[0].coherent);
	assert_int_equal(fw.unit[1].registers, 0x9150000);
	assert_int_equal(fw.maps, 3);
	expect_map(0, 0, 0, 0x100, 0x1000, 0);
	expect_map(1, 0, 0x100, 0x200, 0x80, 0);
	expect_map(2, 7, 0, 0x10000, 0, 1);
}

static void test_empty(void **state)
{
	begin();
	assert_int_equal(parse(used), 0);
	assert_int_equal(fw.units, 0);
	assert_int_equal(fw.maps, 0);
}

/* Before the units that they lead to: nodes stand in any order. */
static void test_forward_reference(void **state)
{
	u32 rc;

	begin();
	rc = root_complex(0, 1);
	mapping(rc, 0, 0, 1, 0, used, 0);
	smmu(0x1000000, used + 88);
	its();
	assert_int_equal(parse(used), 0);
	expect_map(0, 0, 0, 1, 0, 0);
	assert_int_equal(fw.unit[0].registers, 0x1000000);
}

/* ---- what is refused ----------------------------------------------------------------------------------- */

static void test_every_truncation(void **state)
{
	whole_machine();
	for (u32 length = 0; length < used; length++)
		assert_int_equal(parse(length), -EINVAL);
}

/* Each byte with each bit flipped, and some values: it comes to an end, and what it finds fits together. */
static void test_every_flip(void **state)
{
	static const u8 values[] = { 0, 1, 0x7f, 0x80, 0xff };

	whole_machine();
	for (u32 at = 0; at < used; at++) {
		const u8 right = table[at];

		for (unsigned int i = 0; i < 8 + ARRAY_SIZE(values); i++) {
			int ret;

			table[at] = i < 8 ? right ^ (u8)(1u << i) : values[i - 8];
			ret = parse(used);
			assert_true(ret == 0 || ret == -EINVAL || ret == -EOPNOTSUPP || ret == -ENOSPC);
			if (ret)
				continue;
			assert_true(fw.units <= SMMU_UNITS_MAX && fw.maps <= SMMU_STREAM_MAPS_MAX);
			for (unsigned int m = 0; m < fw.maps; m++) {
				assert_true(fw.map[m].unit < fw.units);
				assert_in_range(fw.map[m].count, 1, 0x10000 - fw.map[m].first);
			}
		}
		table[at] = right;
	}
}

static void test_nodes(void **state)
{
	whole_machine();
	put(40, 47, 4);
	refused(-EINVAL, "at offset 0x0: the first node lies in the header");
	whole_machine();
	put(40, used - 3, 4);
	refused(-EINVAL, "a node ends beyond the table");
	whole_machine();
	put(40, 0xffffffff, 4);
	refused(-EINVAL, "a node ends beyond the table");
	whole_machine();
	put(36, 0xffffffff, 4); /* nodes */
	refused(-EINVAL, "a node ends beyond the table");
	whole_machine();
	put(48 + 1, 0, 2); /* a length that leads nowhere */
	refused(-EINVAL, "at offset 0x30: a node is too short");
	whole_machine();
	put(48 + 1, 15, 2);
	refused(-EINVAL, "at offset 0x30: a node is too short");
	begin();
	node(4, 59, 0);
	refused(-EINVAL, "too short for its type");
	begin();
	node(2, 31, 0);
	refused(-EINVAL, "too short for its type");
	begin();
	node(2, 36, 1);
	put(48 + 12, 0, 4); /* mappings that lie in the node's own fields, or beside it */
	refused(-EINVAL, "at offset 0x30: ID mappings lie beside their node");
	put(48 + 12, 37, 4);
	refused(-EINVAL, "ID mappings lie beside their node");
	put(48 + 12, 0xfffffff0, 4);
	refused(-EINVAL, "ID mappings lie beside their node");
	put(48 + 12, 36, 4);
	put(48 + 8, 0x0ccccccd, 4); /* times 20 is 4 in 32 bits */
	refused(-EINVAL, "ID mappings lie beside their node");
	put(48 + 8, 2, 4);
	refused(-EINVAL, "ID mappings lie beside their node");
}

static void one_map(u32 segment, u32 input, u32 count, u32 output, u32 flags)
{
	u32 at;

	begin();
	at = its();
	at = smmu(0x9050000, at);
	mapping(root_complex(segment, 1), 0, input, count, output, at, flags);
}

static void test_mappings(void **state)
{
	u32 at, rc;

	one_map(0, 0, 0x10000, 0xffff0000, 0);
	assert_int_equal(parse(used), 0);
	one_map(0, 0, 0x10001, 0, 0);
	refused(-EINVAL, "no requester IDs");
	one_map(0, 0x10000, 1, 0, 0);
	refused(-EINVAL, "no requester IDs");
	one_map(0, 0xffff, 2, 0, 0);
	refused(-EINVAL, "no requester IDs");
	one_map(0, 1, 0, 0, 0); /* 2^32 of them */
	refused(-EINVAL, "no requester IDs");
	one_map(0, 0, 2, 0xffffffff, 0);
	refused(-EINVAL, "streams beyond 32 bits");
	one_map(0x10000, 0, 1, 0, 0);
	refused(-EINVAL, "segment beyond 16 bits");
	one_map(0, 0, 1, 0, 1);
	refused(-EOPNOTSUPP, "all its IDs to one stream");
	begin();
	at = its();
	rc = root_complex(0, 1);
	mapping(rc, 0, 0, 1, 0, at + 1, 0); /* into the midst of a node */
	refused(-EINVAL, "leads to no node");
	mapping(rc, 0, 0, 1, 0, used, 0);
	refused(-EINVAL, "leads to no node");
	mapping(rc, 0, 0, 1, 0, rc, 0); /* a circle of one */
	refused(-EOPNOTSUPP, "no SMMUv3 and no ITS group");
}

/* Units that map to each other. */
static void test_circle(void **state)
{
	u32 first, second;

	begin();
	first = smmu(0x9050000, 0);
	second = smmu(0x9150000, first);
	mapping(first, 0, 0, 1, 0, second, 0);
	refused(-EINVAL, "an SMMUv3 maps IDs to what is no ITS group");
	begin();
	first = smmu(0x9050000, 48);
	refused(-EINVAL, "an SMMUv3 maps IDs to what is no ITS group");
}

static void test_registers(void **state)
{
	static const u64 bases[] = { 0, 0x9050800, 0xfffffffffffff000 };

	for (unsigned int i = 0; i < ARRAY_SIZE(bases); i++) {
		begin();
		smmu(bases[i], its());
		refused(-EINVAL, "without usable registers");
	}
}

static void test_room(void **state)
{
	u32 at, rc;

	begin();
	at = its();
	for (unsigned int i = 0; i < SMMU_UNITS_MAX; i++)
		smmu(0x9000000 + i * 0x20000, at);
	assert_int_equal(parse(used), 0);
	assert_int_equal(fw.units, SMMU_UNITS_MAX);
	smmu(0x9000000 + SMMU_UNITS_MAX * 0x20000, at);
	refused(-ENOSPC, "more SMMUv3");

	for (unsigned int more = 0; more < 2; more++) {
		begin();
		at = its();
		at = smmu(0x9000000, at);
		rc = root_complex(0, SMMU_STREAM_MAPS_MAX + more);
		for (unsigned int i = 0; i < SMMU_STREAM_MAPS_MAX + more; i++)
			mapping(rc, i, i, 1, i, at, 0);
		if (more)
			refused(-ENOSPC, "more ID mappings");
		else
			assert_int_equal(parse(used), 0);
	}
}

static int begin_tests(void **state)
{
	log_set_sink(sink);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_machine),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_forward_reference),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_every_flip),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_mappings),
		cmocka_unit_test(test_circle),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, begin_tests, NULL);
}
