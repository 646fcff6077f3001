/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of physical memory ranges. Written at boot by one CPU and constant afterwards, so it needs no
 * lock.
 *
 * Every change keeps three things true: ascending order, no overlap, no two neighbours that touch and have
 * the same type.
 */
#include "core/errno.h"
#include "core/memmap.h"
#include "core/string.h"

/* A range's end, as the last byte: the byte after it would be 2^64 for memory at the very top. */
static u64 range_last(const struct mem_range *r)
{
	return r->base + (r->size - 1);
}

static bool range_valid(paddr_t base, u64 size)
{
	return size && IS_ALIGNED(base, PAGE_SIZE) && IS_ALIGNED(size, PAGE_SIZE) &&
	       base + (size - 1) >= base;
}

static void insert_at(struct memmap *map, unsigned int i, struct mem_range range)
{
	memmove(&map->range[i + 1], &map->range[i], (map->count - i) * sizeof(range));
	map->range[i] = range;
	map->count++;
}

static void remove_at(struct memmap *map, unsigned int i)
{
	map->count--;
	memmove(&map->range[i], &map->range[i + 1], (map->count - i) * sizeof(map->range[0]));
}

static void merge_equal_neighbours(struct memmap *map)
{
	unsigned int i = 0;

	while (i + 1 < map->count) {
		struct mem_range *a = &map->range[i];
		const struct mem_range *b = a + 1;

		if (a->type == b->type && range_last(a) + 1 == b->base) {
			a->size += b->size;
			remove_at(map, i + 1);
		} else {
			i++;
		}
	}
}

int memmap_add(struct memmap *map, paddr_t base, u64 size, enum mem_type type)
{
	unsigned int i;

	if (!range_valid(base, size))
		return -EINVAL;
	if (memmap_touches(map, base, size))
		return -EEXIST;

	for (i = 0; i < map->count && map->range[i].base < base; i++)
		;
	/* A full map can still grow at the end of a range. */
	if (i > 0 && map->range[i - 1].type == type && range_last(&map->range[i - 1]) + 1 == base) {
		map->range[i - 1].size += size;
	} else if (i < map->count && map->range[i].type == type && base + size == map->range[i].base) {
		map->range[i].base = base;
		map->range[i].size += size;
	} else if (map->count < MEMMAP_MAX) {
		insert_at(map, i, (struct mem_range){ base, size, type });
	} else {
		return -ENOSPC;
	}
	merge_equal_neighbours(map);
	return 0;
}

/* The range in which a border at `at` would have to be drawn, or map->count if there is one already or
 * memory is not on both sides. */
static unsigned int find_to_split(const struct memmap *map, paddr_t at, enum mem_type type)
{
	unsigned int i;

	for (i = 0; i < map->count; i++) {
		const struct mem_range *r = &map->range[i];

		if (r->type != type && r->base < at && at <= range_last(r))
			break;
	}
	return i;
}

static void split(struct memmap *map, unsigned int i, paddr_t at)
{
	struct mem_range upper = map->range[i];

	upper.size -= at - upper.base;
	upper.base = at;
	map->range[i].size = at - map->range[i].base;
	insert_at(map, i + 1, upper);
}

int memmap_retype(struct memmap *map, paddr_t base, u64 size, enum mem_type type)
{
	u64 last = base + (size - 1);
	unsigned int i, needed = 0;

	if (!range_valid(base, size))
		return -EINVAL;

	/* Counted first: a refusal leaves the map as it was. A range that has the type already is not cut. */
	if (find_to_split(map, base, type) < map->count)
		needed++;
	if (last + 1 && find_to_split(map, last + 1, type) < map->count)
		needed++;
	if (map->count + needed > MEMMAP_MAX)
		return -ENOSPC;

	i = find_to_split(map, base, type);
	if (i < map->count)
		split(map, i, base);
	i = last + 1 ? find_to_split(map, last + 1, type) : map->count;
	if (i < map->count)
		split(map, i, last + 1);

	for (i = 0; i < map->count; i++) {
		struct mem_range *r = &map->range[i];

		if (r->base >= base && range_last(r) <= last)
			r->type = type;
	}
	merge_equal_neighbours(map);
	return 0;
}

/* Where the first `limit` bytes of RAM end: the address of the first byte of RAM beyond them. False: there
 * are not that many. */
static bool end_of_first_ram(const struct memmap *map, u64 limit, paddr_t *end)
{
	unsigned int i;

	for (i = 0; i < map->count; i++) {
		if (map->range[i].type != MEM_RAM)
			continue;
		if (map->range[i].size > limit) {
			*end = map->range[i].base + limit;
			return true;
		}
		limit -= map->range[i].size;
	}
	return false;
}

int memmap_limit_ram(struct memmap *map, u64 limit)
{
	paddr_t end;
	unsigned int i = 0;

	if (!end_of_first_ram(map, ALIGN_DOWN(limit, PAGE_SIZE), &end))
		return 0;
	while (i < map->count) {
		const struct mem_range r = map->range[i];
		paddr_t from = max_u64(r.base, end);
		int err;

		if (r.type != MEM_RAM || range_last(&r) < end) {
			i++;
			continue;
		}
		err = memmap_retype(map, from, r.size - (from - r.base), MEM_CUT);
		if (err)
			return err;
		i = 0; /* the list has moved; there is less RAM beyond `end` each time */
	}
	return 0;
}

bool memmap_is(const struct memmap *map, paddr_t base, u64 size, enum mem_type type)
{
	unsigned int i;

	if (!size || base + (size - 1) < base)
		return false;
	/* Equal neighbours are merged, so all of it lies in one range or it is not of one type. */
	for (i = 0; i < map->count; i++) {
		const struct mem_range *r = &map->range[i];

		if (r->base <= base && base + (size - 1) <= range_last(r))
			return r->type == type;
	}
	return false;
}

bool memmap_touches(const struct memmap *map, paddr_t base, u64 size)
{
	unsigned int i;

	if (!size)
		return false;
	if (base + (size - 1) < base) /* wraps: what lies below 2^64 counts */
		size = -base;
	for (i = 0; i < map->count; i++) {
		if (ranges_overlap(map->range[i].base, map->range[i].size, base, size))
			return true;
	}
	return false;
}

u64 memmap_bytes(const struct memmap *map, enum mem_type type)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < map->count; i++) {
		if (map->range[i].type == type)
			sum += map->range[i].size;
	}
	return sum;
}

const char *mem_type_name(enum mem_type type)
{
	switch (type) {
	case MEM_RAM: return "RAM";
	case MEM_RESERVED: return "reserved";
	case MEM_ACPI_RECLAIM: return "ACPI tables";
	case MEM_ACPI_NVS: return "ACPI NVS";
	case MEM_FIRMWARE: return "firmware";
	case MEM_FAIRLEAD: return "Fairlead";
	case MEM_CUT: return "cut off";
	case MEM_UNUSABLE: return "unusable";
	}
	return "?";
}
