/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory map against a model (one type for each page), the firmware's descriptors, and the search for a
 * place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "boot/boot_info.h"
#include "boot/x86/trampoline.h"
#include "boot/place.h"
#include "boot/uefi_memmap.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/memmap.h"
#include "core/string.h"

#define NOTHING (-1)
#define PAGES 256
#define TOP_PAGE (~(u64)0 << PAGE_SHIFT) /* the last page below 2^64 */

static struct memmap map;

/* Ascending, without overlap, neighbours merged, all aligned. */
static void assert_well_formed(const struct memmap *m)
{
	assert_true(m->count <= MEMMAP_MAX);
	for (unsigned int i = 0; i < m->count; i++) {
		const struct mem_range *r = &m->range[i];

		assert_true(r->size && IS_ALIGNED(r->base, PAGE_SIZE) && IS_ALIGNED(r->size, PAGE_SIZE));
		assert_true(r->base + (r->size - 1) >= r->base);
		if (i) {
			assert_true(r[-1].base + (r[-1].size - 1) < r->base);
			assert_false(r[-1].base + r[-1].size == r->base && r[-1].type == r->type);
		}
	}
}

static void test_add_refuses(void **state)
{
	map.count = 0;
	assert_int_equal(memmap_add(&map, 0x1000, 0, MEM_RAM), -EINVAL);
	assert_int_equal(memmap_add(&map, 0x1001, 0x1000, MEM_RAM), -EINVAL);
	assert_int_equal(memmap_add(&map, 0x1000, 0x1001, MEM_RAM), -EINVAL);
	assert_int_equal(memmap_add(&map, TOP_PAGE, 0x2000, MEM_RAM), -EINVAL);
	assert_int_equal(memmap_add(&map, 0x2000, 0x2000, MEM_RAM), 0);
	assert_int_equal(memmap_add(&map, 0x3000, 0x1000, MEM_RAM), -EEXIST);
	assert_int_equal(memmap_add(&map, 0x1000, 0x2000, MEM_RAM), -EEXIST);
	assert_int_equal(memmap_add(&map, 0x1000, 0x9000, MEM_RESERVED), -EEXIST);
	assert_int_equal(map.count, 1);
	assert_int_equal(memmap_retype(&map, 0x1000, 0, MEM_RAM), -EINVAL);
	assert_int_equal(memmap_retype(&map, 0x1, 0x1000, MEM_RAM), -EINVAL);
	assert_int_equal(memmap_retype(&map, TOP_PAGE, 0x2000, MEM_RAM), -EINVAL);
}

static void test_full_map(void **state)
{
	map.count = 0;
	for (u64 i = 0; i < MEMMAP_MAX; i++)
		assert_int_equal(memmap_add(&map, i * 0x10000, 0x3000, MEM_RAM), 0);
	assert_int_equal(memmap_add(&map, 0x8000, 0x1000, MEM_RAM), -ENOSPC);
	struct memmap before = map;
	assert_int_equal(memmap_retype(&map, 0x1000, 0x1000, MEM_CUT), -ENOSPC);
	assert_memory_equal(&before, &map, sizeof(map));
	assert_int_equal(memmap_limit_ram(&map, 0x1000), -ENOSPC);
	/* What needs no room still works. */
	assert_int_equal(memmap_add(&map, 0x3000, 0x1000, MEM_RAM), 0);
	assert_int_equal(memmap_retype(&map, 0, 0x4000, MEM_CUT), 0);
	assert_int_equal(map.range[0].type, MEM_CUT);
	assert_well_formed(&map);
}

static void test_top_of_address_space(void **state)
{
	map.count = 0;
	assert_int_equal(memmap_add(&map, TOP_PAGE - 0x1000, 0x2000, MEM_RAM), 0);
	assert_int_equal(memmap_retype(&map, TOP_PAGE, 0x1000, MEM_RESERVED), 0);
	assert_int_equal(map.count, 2);
	assert_true(memmap_is(&map, TOP_PAGE, 0x1000, MEM_RESERVED));
	assert_false(memmap_is(&map, TOP_PAGE, 0x2000, MEM_RESERVED));
	assert_true(memmap_touches(&map, TOP_PAGE, 0x5000));
	assert_false(memmap_touches(&map, 0, TOP_PAGE - 0x1000));
	assert_int_equal(memmap_limit_ram(&map, 0), 0);
	assert_int_equal(memmap_bytes(&map, MEM_CUT), 0x1000);
}

static void paint_model(int model[PAGES], u64 page, u64 pages, int type, bool holes)
{
	for (u64 i = page; i < page + pages; i++) {
		if (holes || model[i] != NOTHING)
			model[i] = type;
	}
}

static void compare(const int model[PAGES])
{
	assert_well_formed(&map);
	for (u64 i = 0; i < PAGES; i++) {
		assert_int_equal(memmap_touches(&map, i << PAGE_SHIFT, PAGE_SIZE), model[i] != NOTHING);
		for (int type = MEM_RAM; type <= MEM_UNUSABLE; type++)
			assert_int_equal(memmap_is(&map, i << PAGE_SHIFT, PAGE_SIZE, (enum mem_type)type),
					 model[i] == type);
	}
}

static void test_against_model(void **state)
{
	srand(20260102);
	for (unsigned int round = 0; round < 200; round++) {
		int model[PAGES];

		map.count = 0;
		for (unsigned int i = 0; i < PAGES; i++)
			model[i] = NOTHING;
		for (unsigned int step = 0; step < 40; step++) {
			u64 page = (u64)rand() % (PAGES - 32), pages = 1 + (u64)rand() % 32;
			enum mem_type type = (enum mem_type)(rand() % (MEM_UNUSABLE + 1));
			bool free = true;

			for (u64 i = page; i < page + pages; i++)
				free &= model[i] == NOTHING;
			if (rand() % 2) {
				assert_int_equal(memmap_add(&map, page << PAGE_SHIFT, pages << PAGE_SHIFT,
							    type),
						 free ? 0 : -EEXIST);
				if (free)
					paint_model(model, page, pages, type, true);
			} else {
				assert_int_equal(memmap_retype(&map, page << PAGE_SHIFT, pages << PAGE_SHIFT,
							       type),
						 0);
				paint_model(model, page, pages, type, false);
			}
		}
		compare(model);

		u64 left = (u64)rand() % 128;
		assert_int_equal(memmap_limit_ram(&map, (left << PAGE_SHIFT) + 0xfff), 0);
		for (unsigned int i = 0; i < PAGES; i++) {
			if (model[i] == MEM_RAM && left)
				left--;
			else if (model[i] == MEM_RAM)
				model[i] = MEM_CUT;
		}
		compare(model);
	}
}

/* What is cut melts into what was cut before, and the list gets shorter under way: nothing may be passed
 * over. */
static void test_limit_beside_cut(void **state)
{
	map.count = 0;
	assert_int_equal(memmap_add(&map, 0x1000, 0x1000, MEM_CUT), 0);
	assert_int_equal(memmap_add(&map, 0x2000, 0x1000, MEM_RAM), 0);
	assert_int_equal(memmap_add(&map, 0x4000, 0x1000, MEM_RAM), 0);
	assert_int_equal(memmap_limit_ram(&map, 0xfff), 0);
	assert_int_equal(memmap_bytes(&map, MEM_RAM), 0);
	assert_int_equal(memmap_bytes(&map, MEM_CUT), 0x3000);
	assert_well_formed(&map);
}

static void test_is_needs_every_byte(void **state)
{
	map.count = 0;
	assert_int_equal(memmap_add(&map, 0x1000, 0x2000, MEM_RAM), 0);
	assert_true(memmap_is(&map, 0x1fff, 2, MEM_RAM));
	assert_false(memmap_is(&map, 0x2fff, 2, MEM_RAM));
	assert_false(memmap_is(&map, 0xfff, 2, MEM_RAM));
	assert_false(memmap_is(&map, 0x1000, 0, MEM_RAM));
	assert_false(memmap_is(&map, 0x1000, ~(u64)0, MEM_RAM));
	assert_false(memmap_touches(&map, 0x2000, 0));
	assert_true(memmap_touches(&map, 0x2fff, 1));
	assert_false(memmap_touches(&map, 0x3000, 0x1000));
}

/* ---- the firmware's descriptors ---- */

#define STRIDE 48 /* as OVMF's: longer than the structure */

static unsigned int warnings, errors;

static void count_lines(enum log_level level, const char *line, size_t len)
{
	warnings += level == LOG_WARN;
	errors += level == LOG_ERROR;
}

static int setup(void **state)
{
	warnings = errors = 0;
	log_set_sink(count_lines);
	return 0;
}

static struct {
	u8 *bytes;
	size_t used;
} raw;

static void descriptor(u32 type, u64 base, u64 pages)
{
	struct uefi_memory_descriptor d = { .type = type, .physical_start = base, .number_of_pages = pages };

	raw.bytes = realloc(raw.bytes, raw.used + STRIDE);
	memset(raw.bytes + raw.used, 0xee, STRIDE);
	memcpy(raw.bytes + raw.used, &d, sizeof(d));
	raw.used += STRIDE;
}

static int convert(enum mem_type (*type_of)(u32))
{
	struct uefi_memory_map in = { raw.bytes, raw.used, STRIDE };
	int ret = uefi_memmap_convert(&map, &in, type_of);

	free(raw.bytes);
	raw.bytes = NULL;
	raw.used = 0;
	assert_well_formed(&map);
	return ret;
}

/* UEFI 2.10, table 7.10: what is what after ExitBootServices(). */
static void test_types(void **state)
{
	static const enum mem_type after[] = {
		[UEFI_RESERVED] = MEM_RESERVED,
		[UEFI_LOADER_CODE] = MEM_RAM,
		[UEFI_LOADER_DATA] = MEM_RAM,
		[UEFI_BOOT_SERVICES_CODE] = MEM_RAM,
		[UEFI_BOOT_SERVICES_DATA] = MEM_RAM,
		[UEFI_RUNTIME_SERVICES_CODE] = MEM_FIRMWARE,
		[UEFI_RUNTIME_SERVICES_DATA] = MEM_FIRMWARE,
		[UEFI_CONVENTIONAL] = MEM_RAM,
		[UEFI_UNUSABLE] = MEM_UNUSABLE,
		[UEFI_ACPI_RECLAIM] = MEM_ACPI_RECLAIM,
		[UEFI_ACPI_NVS] = MEM_ACPI_NVS,
		[UEFI_MMIO] = MEM_FIRMWARE,
		[UEFI_MMIO_PORT] = MEM_FIRMWARE,
		[UEFI_PAL_CODE] = MEM_RESERVED,
		[UEFI_PERSISTENT] = MEM_RESERVED,
		[UEFI_UNACCEPTED] = MEM_RESERVED,
	};

	assert_int_equal(UEFI_UNACCEPTED, 15);
	for (u32 type = 0; type < ARRAY_SIZE(after); type++)
		assert_int_equal(uefi_type_after_exit(type), after[type]);
	assert_int_equal(uefi_type_after_exit(16), MEM_RESERVED);
	assert_int_equal(uefi_type_after_exit(0x70000000), MEM_RESERVED);
	assert_int_equal(uefi_type_after_exit(0xffffffff), MEM_RESERVED);
	assert_int_equal(uefi_type_free_now(UEFI_CONVENTIONAL), MEM_RAM);
	assert_int_equal(uefi_type_free_now(UEFI_LOADER_DATA), MEM_RESERVED);
	assert_int_equal(uefi_type_free_now(UEFI_BOOT_SERVICES_DATA), MEM_RESERVED);
}

static void test_absurd_descriptors(void **state)
{
	descriptor(UEFI_CONVENTIONAL, 0x1000, 0);
	descriptor(UEFI_CONVENTIONAL, 0x1800, 1);
	descriptor(UEFI_CONVENTIONAL, TOP_PAGE, 2);
	descriptor(UEFI_CONVENTIONAL, 0, (u64)1 << 52);
	descriptor(UEFI_CONVENTIONAL, 0x1000, ((u64)1 << 52) + 1);
	descriptor(UEFI_CONVENTIONAL, 0, ~(u64)0);
	descriptor(UEFI_CONVENTIONAL, 0x10000, 1);
	assert_int_equal(convert(uefi_type_after_exit), 0);
	assert_int_equal(warnings, 6);
	assert_int_equal(map.count, 1);
	assert_true(memmap_is(&map, 0x10000, 0x1000, MEM_RAM));
}

static void test_short_stride(void **state)
{
	u8 bytes[39] = { 0 };
	struct uefi_memory_map in = { bytes, sizeof(bytes), sizeof(bytes) };

	assert_int_equal(uefi_memmap_convert(&map, &in, uefi_type_after_exit), -EINVAL);
	in.stride = 0;
	assert_int_equal(uefi_memmap_convert(&map, &in, uefi_type_after_exit), -EINVAL);
	assert_int_equal(errors, 2);
	in.stride = 40; /* less than one whole descriptor: nothing */
	assert_int_equal(uefi_memmap_convert(&map, &in, uefi_type_after_exit), 0);
	assert_int_equal(map.count, 0);
}

static void test_stricter_type_wins(void **state)
{
	static const u32 by_strictness[] = { UEFI_CONVENTIONAL, UEFI_ACPI_RECLAIM,	    UEFI_ACPI_NVS,
					     UEFI_RESERVED,	UEFI_RUNTIME_SERVICES_DATA, UEFI_UNUSABLE };

	for (unsigned int a = 0; a < ARRAY_SIZE(by_strictness); a++) {
		for (unsigned int b = 0; b < ARRAY_SIZE(by_strictness); b++) {
			u32 stricter = by_strictness[a > b ? a : b];

			warnings = 0;
			descriptor(by_strictness[a], 0x10000, 4); /* 10..13 */
			descriptor(by_strictness[b], 0x12000, 4); /* 12..15 */
			assert_int_equal(convert(uefi_type_after_exit), 0);
			assert_int_equal(warnings, 1);
			assert_true(memmap_is(&map, 0x10000, 0x2000, uefi_type_after_exit(by_strictness[a])));
			assert_true(memmap_is(&map, 0x12000, 0x2000, uefi_type_after_exit(stricter)));
			assert_true(memmap_is(&map, 0x14000, 0x2000, uefi_type_after_exit(by_strictness[b])));
			assert_int_equal(memmap_bytes(&map, uefi_type_after_exit(stricter)) % 0x2000, 0);
		}
	}
}

/* A strict range over several others and the holes between them. */
static void test_cover_with_holes(void **state)
{
	descriptor(UEFI_RESERVED, 0x0, 16);
	descriptor(UEFI_CONVENTIONAL, 0x2000, 1);
	descriptor(UEFI_CONVENTIONAL, 0x5000, 2);
	descriptor(UEFI_CONVENTIONAL, 0xf000, 2);
	assert_int_equal(convert(uefi_type_after_exit), 0);
	assert_true(memmap_is(&map, 0, 0x10000, MEM_RESERVED));
	assert_true(memmap_is(&map, 0x10000, 0x1000, MEM_RAM));
	assert_int_equal(map.count, 2);
}

static void test_too_many_ranges(void **state)
{
	for (u64 i = 0; i <= MEMMAP_MAX; i++)
		descriptor(UEFI_CONVENTIONAL, i << 13, 1);
	assert_int_equal(convert(uefi_type_after_exit), -ENOSPC);
	assert_int_equal(errors, 1);
}

static void test_descriptors_against_model(void **state)
{
	static const u32 types[] = { UEFI_CONVENTIONAL, UEFI_LOADER_DATA, UEFI_ACPI_NVS, UEFI_RESERVED,
				     UEFI_RUNTIME_SERVICES_CODE };
	static const int strictness[] = { [MEM_RAM] = 0,      [MEM_ACPI_RECLAIM] = 1, [MEM_ACPI_NVS] = 2,
					  [MEM_RESERVED] = 3, [MEM_FIRMWARE] = 4,     [MEM_UNUSABLE] = 5 };

	srand(20260103);
	for (unsigned int round = 0; round < 300; round++) {
		int model[PAGES];

		for (unsigned int i = 0; i < PAGES; i++)
			model[i] = NOTHING;
		for (unsigned int n = 0; n < 24; n++) {
			u32 type = types[(size_t)rand() % ARRAY_SIZE(types)];
			u64 page = (u64)rand() % (PAGES - 32), pages = 1 + (u64)rand() % 32;
			enum mem_type kind = uefi_type_after_exit(type);

			descriptor(type, page << PAGE_SHIFT, pages);
			for (u64 i = page; i < page + pages; i++) {
				if (model[i] == NOTHING || strictness[model[i]] < strictness[kind])
					model[i] = (int)kind;
			}
		}
		assert_int_equal(convert(uefi_type_after_exit), 0);
		compare(model);
	}
}

/* ---- places ---- */

static void test_place(void **state)
{
	struct place_request q = { .size = 0x2000, .alignment = 0x1000, .last = ~(u64)0 };
	paddr_t at = 1;

	map.count = 0;
	assert_false(place_find(&map, &q, &at));
	assert_int_equal(memmap_add(&map, 0x1000, 0x1000, MEM_RAM), 0);
	assert_int_equal(memmap_add(&map, 0x3000, 0x9000, MEM_RESERVED), 0);
	assert_int_equal(memmap_add(&map, 0x11000, 0x8000, MEM_RAM), 0); /* 11..18 */
	assert_int_equal(memmap_add(&map, TOP_PAGE - 0x1000, 0x2000, MEM_RAM), 0);
	assert_true(place_find(&map, &q, &at));
	assert_int_equal(at, 0x11000);
	q.high = true;
	assert_true(place_find(&map, &q, &at));
	assert_true(at == TOP_PAGE - 0x1000);
	q.last = 0x17fff;
	assert_true(place_find(&map, &q, &at));
	assert_int_equal(at, 0x16000);
	q.last = 0x17ffe; /* one byte less: one page lower */
	assert_true(place_find(&map, &q, &at));
	assert_int_equal(at, 0x15000);
	q.alignment = 0x4000;
	assert_true(place_find(&map, &q, &at));
	assert_int_equal(at, 0x14000);
	q.high = false;
	q.minimum = 0x14001;
	assert_false(place_find(&map, &q, &at));
	q.minimum = 0;
	q.last = 0x12fff;
	assert_false(place_find(&map, &q, &at));
	q.alignment = 0x1000;
	assert_true(place_find(&map, &q, &at));
	q.size = 0x9000;
	q.last = ~(u64)0;
	assert_false(place_find(&map, &q, &at));
	q.size = 0x1000;
	q.minimum = ~(u64)0 - 0x10;
	q.alignment = SIZE_1G;
	assert_false(place_find(&map, &q, &at));
	/* At address 0 nothing wraps below it. */
	map.count = 0;
	assert_int_equal(memmap_add(&map, 0, 0x10000, MEM_RAM), 0);
	q = (struct place_request){ .size = 0x2000, .alignment = 0x1000, .last = 0x1ffe };
	assert_false(place_find(&map, &q, &at));
	q.last = 0x1fff;
	assert_true(place_find(&map, &q, &at));
	assert_int_equal(at, 0);
}

/*
 * A SIPI's vector names a page below 1 MiB (SDM vol. 3A, 9.4.4.1) and RAM ends at 640 KiB there; the first
 * 64 KiB and the page with 639 KiB in it are left to others.
 */
static bool trampoline_in(paddr_t base, paddr_t end, paddr_t *at)
{
	map.count = 0;
	assert_int_equal(memmap_add(&map, base, end - base, MEM_RAM), 0);
	assert_int_equal(memmap_add(&map, 0x100000, 0x40000000, MEM_RAM), 0);
	*at = 1;
	return place_find(&map, &place_for_trampoline, at);
}

static void test_place_for_trampoline(void **state)
{
	paddr_t at;

	assert_true(trampoline_in(0, 0xa0000, &at));
	assert_int_equal(at, 0x10000);
	assert_true(trampoline_in(0x58000, 0x5a000, &at));
	assert_int_equal(at, 0x58000);
	assert_true(trampoline_in(0xf000, 0x12000, &at));
	assert_int_equal(at, 0x10000);
	assert_true(trampoline_in(0x9d000, 0xa0000, &at));
	assert_int_equal(at, 0x9d000);
	assert_false(trampoline_in(0x9e000, 0xa0000, &at));
	assert_false(trampoline_in(0xa0000, 0x100000, &at));
	assert_false(trampoline_in(0, 0x10000, &at));
	assert_false(trampoline_in(0xf000, 0x11000, &at));
	assert_false(trampoline_in(0x58000, 0x59000, &at));
	assert_int_equal(place_for_trampoline.size, TRAMPOLINE_SIZE);
	assert_int_equal(place_for_trampoline.alignment, 4096);
	/* memory=64M, the least there is, cuts nothing off there. */
	assert_true(trampoline_in(0, 0xa0000, &at));
	assert_int_equal(memmap_limit_ram(&map, (u64)64 << 20), 0);
	assert_true(memmap_bytes(&map, MEM_CUT) > 0);
	assert_true(memmap_is(&map, at, TRAMPOLINE_SIZE, MEM_RAM));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_refuses),
		cmocka_unit_test(test_full_map),
		cmocka_unit_test(test_top_of_address_space),
		cmocka_unit_test(test_against_model),
		cmocka_unit_test(test_limit_beside_cut),
		cmocka_unit_test(test_is_needs_every_byte),
		cmocka_unit_test(test_types),
		cmocka_unit_test_setup(test_absurd_descriptors, setup),
		cmocka_unit_test_setup(test_short_stride, setup),
		cmocka_unit_test_setup(test_stricter_type_wins, setup),
		cmocka_unit_test_setup(test_cover_with_holes, setup),
		cmocka_unit_test_setup(test_too_many_ranges, setup),
		cmocka_unit_test_setup(test_descriptors_against_model, setup),
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_place_for_trampoline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
