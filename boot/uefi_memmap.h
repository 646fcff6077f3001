/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware's memory map (UEFI specification 2.10, 7.2.3 GetMemoryMap) turned into a struct memmap. Pure:
 * the host tests it, so it spells out the descriptor instead of including GNU-EFI's headers.
 */
#ifndef BOOT_UEFI_MEMMAP_H
#define BOOT_UEFI_MEMMAP_H

#include "core/memmap.h"

/* EFI_MEMORY_TYPE, UEFI 2.10, table 7.6. */
enum uefi_memory_type {
	UEFI_RESERVED,
	UEFI_LOADER_CODE,
	UEFI_LOADER_DATA,
	UEFI_BOOT_SERVICES_CODE,
	UEFI_BOOT_SERVICES_DATA,
	UEFI_RUNTIME_SERVICES_CODE,
	UEFI_RUNTIME_SERVICES_DATA,
	UEFI_CONVENTIONAL,
	UEFI_UNUSABLE,
	UEFI_ACPI_RECLAIM,
	UEFI_ACPI_NVS,
	UEFI_MMIO,
	UEFI_MMIO_PORT,
	UEFI_PAL_CODE,
	UEFI_PERSISTENT,
	UEFI_UNACCEPTED,
};

/* EFI_MEMORY_DESCRIPTOR; the firmware's may be longer, hence the stride below. */
struct uefi_memory_descriptor {
	u32 type;
	u32 reserved;
	u64 physical_start;
	u64 virtual_start;
	u64 number_of_pages; /* of 4 KiB */
	u64 attribute;
};
static_assert(sizeof(struct uefi_memory_descriptor) == 40, "UEFI 2.10, 7.2.3");
static_assert(offsetof(struct uefi_memory_descriptor, number_of_pages) == 24, "UEFI 2.10, 7.2.3");

/* What the firmware answered: `bytes` of descriptors, one each `stride` bytes. */
struct uefi_memory_map {
	const void *descriptors;
	size_t bytes;
	size_t stride;
};

/* Who owns what once boot services are gone: their memory and the loader's is RAM then. */
enum mem_type uefi_type_after_exit(u32 type);
/* What can be allocated now: conventional memory is RAM, all else reserved. */
enum mem_type uefi_type_free_now(u32 type);

/*
 * Fills `out`, asking type_of() for each descriptor. An empty, unaligned or wrapping descriptor is logged and
 * left out; where two overlap, that is logged and the stricter type wins (the order is in the source). Boot.
 * -EINVAL: the stride is shorter than a descriptor. -ENOSPC: more ranges than a memmap holds. Both after one
 * log_error.
 */
int MUST_CHECK uefi_memmap_convert(struct memmap *out, const struct uefi_memory_map *in,
				   enum mem_type (*type_of)(u32 type));

#endif
