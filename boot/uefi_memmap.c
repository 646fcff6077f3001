/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From UEFI memory descriptors to a memory map without overlaps.
 *
 * Firmware has been seen to report overlapping ranges. To treat one as RAM that another calls reserved would
 * give the guest, and its devices, memory that is in use. So the types are painted one after the other, the
 * least strict first, and later paint covers.
 */
#include "boot/uefi_memmap.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/string.h"

static const enum mem_type painting_order[] = {
	MEM_RAM, MEM_ACPI_RECLAIM, MEM_ACPI_NVS, MEM_RESERVED, MEM_FIRMWARE, MEM_UNUSABLE,
};

enum mem_type uefi_type_after_exit(u32 type)
{
	switch (type) {
	case UEFI_LOADER_CODE:
	case UEFI_LOADER_DATA:
	case UEFI_BOOT_SERVICES_CODE:
	case UEFI_BOOT_SERVICES_DATA:
	case UEFI_CONVENTIONAL:
		return MEM_RAM;
	case UEFI_RUNTIME_SERVICES_CODE:
	case UEFI_RUNTIME_SERVICES_DATA:
	case UEFI_MMIO: /* what runtime services use: firmware flash, above all */
	case UEFI_MMIO_PORT:
		return MEM_FIRMWARE;
	case UEFI_UNUSABLE:
		return MEM_UNUSABLE;
	case UEFI_ACPI_RECLAIM:
		return MEM_ACPI_RECLAIM;
	case UEFI_ACPI_NVS:
		return MEM_ACPI_NVS;
	default: /* reserved, PAL, persistent, unaccepted, OEM's, and types that are not invented yet */
		return MEM_RESERVED;
	}
}

enum mem_type uefi_type_free_now(u32 type)
{
	return type == UEFI_CONVENTIONAL ? MEM_RAM : MEM_RESERVED;
}

/* The first range that ends behind `at`: it holds `at`, or it is the next one above. NULL: nothing there. */
static const struct mem_range *range_from(const struct memmap *map, paddr_t at)
{
	unsigned int i;

	for (i = 0; i < map->count; i++) {
		const struct mem_range *r = &map->range[i];

		if (at <= r->base + (r->size - 1))
			return r;
	}
	return NULL;
}

/* Gives [base, base+size) the type, whatever was there. */
static int paint(struct memmap *map, paddr_t base, u64 size, enum mem_type type)
{
	int err = memmap_retype(map, base, size, type);

	/* What was memory has its type now; the holes between are added, from the lowest up. */
	while (!err && size) {
		const struct mem_range *r = range_from(map, base);
		u64 step;

		if (r && r->base <= base) {
			step = min_u64(size, r->size - (base - r->base));
		} else {
			step = r ? min_u64(size, r->base - base) : size;
			err = memmap_add(map, base, step, type);
		}
		base += step;
		size -= step;
	}
	return err;
}

static bool descriptor_sane(const struct uefi_memory_descriptor *d)
{
	u64 size = d->number_of_pages << PAGE_SHIFT;

	return size && size >> PAGE_SHIFT == d->number_of_pages && IS_ALIGNED(d->physical_start, PAGE_SIZE) &&
	       d->physical_start + (size - 1) >= d->physical_start;
}

static int paint_type(struct memmap *out, const struct uefi_memory_map *in,
		      enum mem_type (*type_of)(u32 type), enum mem_type type)
{
	size_t offset;

	for (offset = 0; offset + in->stride <= in->bytes; offset += in->stride) {
		struct uefi_memory_descriptor d;
		u64 size;
		int err;

		memcpy(&d, (const u8 *)in->descriptors + offset, sizeof(d));
		if (type_of(d.type) != type || !descriptor_sane(&d))
			continue;
		size = d.number_of_pages << PAGE_SHIFT;
		if (memmap_touches(out, d.physical_start, size))
			log_warn("UEFI memory map: descriptor at 0x%llx (type %u) overlaps another; the "
				 "stricter type counts",
				 (unsigned long long)d.physical_start, (unsigned int)d.type);
		err = paint(out, d.physical_start, size, type);
		if (err)
			return err;
	}
	return 0;
}

static void log_absurd(const struct uefi_memory_map *in)
{
	size_t offset;

	for (offset = 0; offset + in->stride <= in->bytes; offset += in->stride) {
		struct uefi_memory_descriptor d;

		memcpy(&d, (const u8 *)in->descriptors + offset, sizeof(d));
		if (!descriptor_sane(&d))
			log_warn("UEFI memory map: descriptor at 0x%llx with 0x%llx pages makes no sense; "
				 "left out",
				 (unsigned long long)d.physical_start, (unsigned long long)d.number_of_pages);
	}
}

int uefi_memmap_convert(struct memmap *out, const struct uefi_memory_map *in,
			enum mem_type (*type_of)(u32 type))
{
	unsigned int i;

	out->count = 0;
	if (in->stride < sizeof(struct uefi_memory_descriptor)) {
		log_error("UEFI memory map: descriptors of %zu bytes, expected at least %zu; update the "
			  "firmware",
			  in->stride, sizeof(struct uefi_memory_descriptor));
		return -EINVAL;
	}
	log_absurd(in);
	for (i = 0; i < ARRAY_SIZE(painting_order); i++) {
		int err = paint_type(out, in, type_of, painting_order[i]);

		if (err) {
			log_error("UEFI memory map: more than %u separate ranges; Fairlead has no room for "
				  "more",
				  MEMMAP_MAX);
			return err;
		}
	}
	return 0;
}
