/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ITS's tables of devices and of collections (IHI 0069H, 5.2, GITS_BASER<n>). Their format is the ITS's
 * own: it is given zeroed memory and keeps them. It guards that a DeviceID is used only where the table has
 * an entry for it.
 *
 * What the ITS can do is found by writing and reading back: page size, cacheability and shareability may be
 * fixed. No CPU looks at the memory afterwards, so it is written back to memory once, whether the ITS snoops
 * or not.
 */
#include "arch/arm64/its_internal.h"
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/mmio.h"
#include "core/pages.h"

/* A larger device table is made in two levels where the ITS can, and the second holds only what the tree
 * maps. */
#define FLAT_MAX_BYTES 0x100000u
/* Pages of second levels, in all. */
#define LEVEL2_MAX_BYTES 0x400000u

static u64 device_limit;  /* DeviceIDs below have an entry, all set at boot: */
static const u64 *level1; /* and in two levels those whose page is there */
static u64 ids_per_page;

bool its_device_fits(u32 id)
{
	return id < device_limit && (!level1 || (level1[id / ids_per_page] & GITS_LEVEL1_VALID));
}

/* ---- one register ---- */

struct shape {
	unsigned int index; /* of GITS_BASER */
	const char *name;
	u64 ids, id_bytes; /* what the table is for, and what the ITS wants for each */
	bool two_levels;
	/* choose_pages(): */
	u64 page_bits, page_bytes;
	u64 ids_per_entry, entries, entry_bytes; /* of the first, or only, level */
};

static u64 write_and_read(unsigned int index, u64 value)
{
	mmio_write64(its.regs + GITS_BASER(index), value);
	return mmio_read64(its.regs + GITS_BASER(index));
}

static bool snoops(u64 baser)
{
	return GITS_BASER_SHARE_OF(baser) && GIC_IS_CACHEABLE(GITS_BASER_CACHE_OF(baser));
}

/*
 * The smallest page size, of those that the ITS takes, with which all IDs fit. False: they fit with none; as
 * many as fit with the largest then.
 */
static bool choose_pages(struct shape *s)
{
	const u64 indirect = s->two_levels ? GITS_BASER_INDIRECT : 0;

	for (unsigned int code = 0; code < 3; code++) {
		const u64 now = write_and_read(s->index, indirect | GITS_BASER_PAGE_SIZE(code));

		s->page_bits = indirect | (now & GITS_BASER_PAGE_SIZE(3));
		s->page_bytes = GITS_PAGE_BYTES(GITS_BASER_PAGE_SIZE_OF(now));
		s->ids_per_entry = s->two_levels ? s->page_bytes / s->id_bytes : 1;
		s->entry_bytes = s->two_levels ? GITS_LEVEL1_BYTES : s->id_bytes;
		s->entries = (s->ids + s->ids_per_entry - 1) / s->ids_per_entry;
		if (s->entries * s->entry_bytes <= GITS_BASER_PAGES_MAX * s->page_bytes)
			return true;
	}
	s->entries = GITS_BASER_PAGES_MAX * s->page_bytes / s->entry_bytes;
	s->ids = s->entries * s->ids_per_entry;
	return false;
}

static u64 encode_address(paddr_t pa, u64 page_bytes)
{
	if (page_bytes == GITS_PAGE_BYTES(2))
		return (pa & GENMASK64(47, 16)) | (pa >> GITS_BASER_HIGH_SHIFT & GENMASK64(15, 12));
	return pa & GITS_BASER_ADDRESS;
}

/* Memory for the entries, and the register. NULL: *error is -ENOMEM or -EOPNOTSUPP, logged. */
static void *give(const struct shape *s, int *error)
{
	const u64 bytes = ALIGN_UP(s->entries * s->entry_bytes, s->page_bytes);
	void *memory = pages_alloc_contig(bytes / PAGE_SIZE, s->page_bytes);
	const paddr_t pa = virt_to_phys(memory);
	bool reached;
	u64 want, now;

	*error = -ENOMEM;
	if (!memory) {
		log_error("its: no memory for the table of %s", s->name);
		return NULL;
	}
	arch_cache_flush(memory, bytes);
	want = GITS_BASER_VALID | s->page_bits | encode_address(pa, s->page_bytes) |
	       GITS_BASER_SIZE(bytes / s->page_bytes);
	now = write_and_read(s->index,
			     want | GITS_BASER_CACHE(GIC_WRITE_BACK) | GITS_BASER_SHARE(GIC_SHARE_INNER));
	if (!snoops(now))
		now = write_and_read(s->index, want | GITS_BASER_CACHE(GIC_NON_CACHEABLE));
	reached = pa <= GENMASK64(47, 0) || s->page_bytes == GITS_PAGE_BYTES(2);
	if (reached && (now & GITS_BASER_GIVEN) == want)
		return memory;
	*error = -EOPNOTSUPP;
	log_error("its: it does not take the table of %s at 0x%llx (GITS_BASER%u 0x%llx)", s->name,
		  (unsigned long long)pa, s->index, (unsigned long long)now);
	return NULL;
}

/* ---- devices ---- */

/* One more than the highest DeviceID that the tree gives a PCI device. */
static u64 ids_wanted(void)
{
	u64 limit = 0;

	for (unsigned int i = 0; i < its.dt->msi_maps; i++)
		limit = max_u64(limit, (u64)its.dt->msi_map[i].device_id + its.dt->msi_map[i].count);
	return limit;
}

/* Each page of entries that the tree's mappings need. */
static int MUST_CHECK fill_level1(u64 *first_level, u64 page_bytes)
{
	u64 left = LEVEL2_MAX_BYTES / page_bytes;

	for (unsigned int i = 0; i < its.dt->msi_maps; i++) {
		const struct dt_msi_map *map = &its.dt->msi_map[i];
		const u64 end = min_u64((u64)map->device_id + map->count, device_limit);

		for (u64 id = map->device_id; id < end; id = ALIGN_DOWN(id, ids_per_page) + ids_per_page) {
			void *page;

			if (first_level[id / ids_per_page])
				continue;
			if (!left--) {
				log_warn("its: devices whose IDs have no place in the table get no messages");
				return 0;
			}
			page = pages_alloc_contig(page_bytes / PAGE_SIZE, page_bytes);
			if (!page) {
				log_error("its: no memory for the table of devices");
				return -ENOMEM;
			}
			arch_cache_flush(page, page_bytes);
			first_level[id / ids_per_page] = GITS_LEVEL1_VALID | virt_to_phys(page);
		}
	}
	return 0;
}

static bool can_indirect(unsigned int index)
{
	return write_and_read(index, GITS_BASER_INDIRECT) & GITS_BASER_INDIRECT;
}

static int MUST_CHECK make_devices(unsigned int index, u64 baser)
{
	struct shape s = {
		.index = index,
		.name = "devices",
		.ids = min_u64(ids_wanted(), BIT(GITS_TYPER_DEVBITS(its.typer))),
		.id_bytes = GITS_BASER_ENTRY_SIZE(baser),
	};
	u64 *table;
	int ret;

	if (!s.ids) {
		log_error("its: the device tree maps no device to it");
		return -EOPNOTSUPP;
	}
	s.two_levels = s.ids * s.id_bytes > FLAT_MAX_BYTES && can_indirect(index);
	if (!choose_pages(&s))
		log_warn("its: devices with IDs from 0x%llx on get no messages: its table has no room for "
			 "them",
			 (unsigned long long)s.ids);
	device_limit = s.ids;
	ids_per_page = s.ids_per_entry;
	table = give(&s, &ret);
	if (!table)
		return ret;
	if (!s.two_levels)
		return 0;
	ret = fill_level1(table, s.page_bytes);
	arch_cache_flush(table, s.entries * s.entry_bytes);
	level1 = table;
	return ret;
}

/* ---- collections: CPU n has collection n ---- */

static int MUST_CHECK make_collections(unsigned int index, u64 baser)
{
	struct shape s = {
		.index = index,
		.name = "collections",
		.ids = its.cpus,
		.id_bytes = GITS_BASER_ENTRY_SIZE(baser),
	};
	int ret;

	if (!choose_pages(&s)) {
		log_error("its: its table of collections has no room for %u CPUs", its.cpus);
		return -EOPNOTSUPP;
	}
	return give(&s, &ret) ? 0 : ret;
}

static bool collections_fit(bool table)
{
	const unsigned int bits = its.typer & GITS_TYPER_CIL ? GITS_TYPER_CIDBITS(its.typer) : 16;

	return its.cpus <= BIT(bits) && (table || its.cpus <= GITS_TYPER_HCC(its.typer));
}

int its_tables_init(void)
{
	bool devices = false, collections = false;
	int ret = 0;

	device_limit = 0;
	level1 = NULL;
	for (unsigned int n = 0; n < GITS_BASERS && !ret; n++) {
		const u64 baser = write_and_read(n, 0); /* what firmware gave it is taken away */

		switch (GITS_BASER_TYPE(baser)) {
		case GITS_TABLE_DEVICES:
			ret = make_devices(n, baser);
			devices = true;
			break;
		case GITS_TABLE_COLLECTIONS:
			ret = make_collections(n, baser);
			collections = true;
			break;
		default: /* virtual CPUs': unused */ break;
		}
	}
	if (!ret && (!devices || !collections_fit(collections))) {
		log_error("its: it has no table of %s", devices ? "collections for all CPUs" : "devices");
		return -EOPNOTSUPP;
	}
	return ret;
}
