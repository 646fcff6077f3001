/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory from the firmware (UEFI 2.10, 7.2), and the moment when all of it becomes ours.
 *
 * Each allocation is recorded, so that a refusal at any later step gives everything back. The map is read
 * anew before each choice of a place: what was free a moment ago need not be.
 */
#include "boot/boot_info.h"
#include "boot/efi_app.h"
#include "boot/uefi_memmap.h"
#include "core/log.h"
#include "core/pages.h"
#include "core/string.h"

#define BELOW_4G (((u64)1 << 32) - 1)
#define ALLOCATIONS_MAX 16
#define DESCRIPTOR_BYTES ((size_t)128 << 10) /* a firmware map of about 2700 descriptors */
#define EXIT_ATTEMPTS 8

struct allocation {
	paddr_t base;
	u64 pages;
	enum efi_owner owner;
	bool keep_contents;
};

static struct allocation allocations[ALLOCATIONS_MAX];
static unsigned int allocation_count;

/* Too large for the stack and of no use to the image: taken from the pool. */
static struct workspace {
	struct memmap free;
	u8 descriptors[DESCRIPTOR_BYTES];
} *work;

static EFI_MEMORY_TYPE type_for(enum efi_owner owner)
{
	switch (owner) {
	case EFI_OWNED_BY_US: return EfiReservedMemoryType;
	case EFI_OWNED_BY_GUEST: return EfiLoaderData;
	case EFI_OWNED_TABLES: return EfiACPIReclaimMemory;
	}
	return EfiReservedMemoryType;
}

static void record(paddr_t base, u64 pages, enum efi_owner owner, bool keep_contents)
{
	allocations[allocation_count++] = (struct allocation){ base, pages, owner, keep_contents };
}

static EFI_STATUS allocate_at(paddr_t base, u64 pages, enum efi_owner owner, bool keep_contents)
{
	EFI_PHYSICAL_ADDRESS at = base;
	EFI_STATUS status;

	if (allocation_count == ALLOCATIONS_MAX)
		return EFI_OUT_OF_RESOURCES;
	status = efi.bs->AllocatePages(AllocateAddress, type_for(owner), pages, &at);
	if (!EFI_ERROR(status))
		record(base, pages, owner, keep_contents);
	return status;
}

/* A 2 MiB-aligned block, so that the guest's map around it can keep large pages. Below 4 GiB if there is
 * room. */
static EFI_STATUS allocate_pool(u64 bytes, paddr_t *base)
{
	u64 pages = bytes >> PAGE_SHIFT, slack = (SIZE_2M >> PAGE_SHIFT) - 1, before;
	EFI_PHYSICAL_ADDRESS at = BELOW_4G;
	EFI_STATUS status;

	status = efi.bs->AllocatePages(AllocateMaxAddress, EfiReservedMemoryType, pages + slack, &at);
	if (EFI_ERROR(status))
		status = efi.bs->AllocatePages(AllocateAnyPages, EfiReservedMemoryType, pages + slack, &at);
	if (EFI_ERROR(status))
		return status;
	*base = ALIGN_UP(at, SIZE_2M);
	before = (*base - at) >> PAGE_SHIFT;
	if (before)
		efi.bs->FreePages(at, before);
	if (slack - before)
		efi.bs->FreePages(*base + bytes, slack - before);
	record(*base, pages, EFI_OWNED_BY_US, false);
	return EFI_SUCCESS;
}

EFI_STATUS efi_memory_init(u64 pool_bytes)
{
	EFI_STATUS status = allocate_pool(pool_bytes, &boot_info.pool_base);

	if (!EFI_ERROR(status)) {
		boot_info.pool_size = pool_bytes;
		pages_init(boot_info.pool_base, boot_info.pool_size);
		work = pages_alloc_contig(ALIGN_UP(sizeof(*work), PAGE_SIZE) >> PAGE_SHIFT, PAGE_SIZE);
	}
	if (EFI_ERROR(status) || !work) {
		log_error("memory: no %llu MiB in one piece for Fairlead itself; add RAM",
			  (unsigned long long)pool_bytes >> 20);
		return EFI_OUT_OF_RESOURCES;
	}
	return EFI_SUCCESS;
}

/* ---- the map ---- */

static EFI_STATUS get_map(struct uefi_memory_map *map, UINTN *key)
{
	UINTN bytes = sizeof(work->descriptors), stride = 0;
	UINT32 version;
	EFI_STATUS status;

	status = efi.bs->GetMemoryMap(&bytes, (void *)work->descriptors, key, &stride, &version);
	if (EFI_ERROR(status)) {
		log_error("UEFI memory map: GetMemoryMap() failed with status 0x%llx",
			  (unsigned long long)status);
		return status;
	}
	*map = (struct uefi_memory_map){ work->descriptors, bytes, stride };
	return EFI_SUCCESS;
}

static int mark_ours(struct memmap *map)
{
	unsigned int i;
	int err = memmap_retype(map, boot_info.image_base, ALIGN_UP(boot_info.image_size, PAGE_SIZE),
				MEM_FAIRLEAD);

	for (i = 0; !err && i < allocation_count; i++) {
		if (allocations[i].owner == EFI_OWNED_BY_US)
			err = memmap_retype(map, allocations[i].base, allocations[i].pages << PAGE_SHIFT,
					    MEM_FAIRLEAD);
	}
	return err;
}

/* Every byte of ours is known to the map as ours, and every byte given to the guest as its RAM. */
static bool map_agrees(const struct memmap *map)
{
	unsigned int i;

	if (!memmap_is(map, boot_info.image_base, boot_info.image_size, MEM_FAIRLEAD))
		return false;
	for (i = 0; i < allocation_count; i++) {
		const struct allocation *a = &allocations[i];
		enum mem_type type = a->owner == EFI_OWNED_BY_US ? MEM_FAIRLEAD :
				     a->owner == EFI_OWNED_TABLES ? MEM_ACPI_RECLAIM :
								    MEM_RAM;

		if (!memmap_is(map, a->base, a->pages << PAGE_SHIFT, type))
			return false;
	}
	return true;
}

static EFI_STATUS build_memmap(const struct uefi_memory_map *map)
{
	static bool warned; /* what is odd in the map is said once, not at each reading */
	enum log_level level = log_get_level();
	int err;

	if (warned)
		log_set_level(LOG_ERROR);
	err = uefi_memmap_convert(&boot_info.memmap, map, uefi_type_after_exit);
	log_set_level(level);
	warned = true;
	if (err)
		return EFI_COMPROMISED_DATA;
	err = mark_ours(&boot_info.memmap);
	if (!err && boot_info.config.memory)
		err = memmap_limit_ram(&boot_info.memmap, boot_info.config.memory);
	if (err) {
		log_error("UEFI memory map: more than %u separate ranges; Fairlead has no room for more",
			  MEMMAP_MAX);
		return EFI_OUT_OF_RESOURCES;
	}
	if (!map_agrees(&boot_info.memmap)) {
		log_error("UEFI memory map: it does not show what was allocated, or memory= leaves too "
			  "little; raise memory= "
			  "or update the firmware");
		return EFI_COMPROMISED_DATA;
	}
	return EFI_SUCCESS;
}

EFI_STATUS efi_read_memmap(void)
{
	struct uefi_memory_map map;
	UINTN key;
	EFI_STATUS status = get_map(&map, &key);

	return EFI_ERROR(status) ? status : build_memmap(&map);
}

/* Free memory, less what memory= cuts off, in work->free. */
static EFI_STATUS find_free_memory(void)
{
	enum log_level level = log_get_level();
	struct uefi_memory_map map;
	UINTN key;
	EFI_STATUS status = get_map(&map, &key);
	unsigned int i;
	int err;

	if (!EFI_ERROR(status))
		status = build_memmap(&map);
	if (EFI_ERROR(status))
		return status;
	log_set_level(LOG_ERROR);
	err = uefi_memmap_convert(&work->free, &map, uefi_type_free_now);
	log_set_level(level);
	for (i = 0; !err && i < boot_info.memmap.count; i++) {
		const struct mem_range *r = &boot_info.memmap.range[i];

		if (r->type == MEM_CUT)
			err = memmap_retype(&work->free, r->base, r->size, MEM_CUT);
	}
	return err ? EFI_OUT_OF_RESOURCES : EFI_SUCCESS;
}

EFI_STATUS efi_alloc_place(const struct place_request *request, enum efi_owner owner, paddr_t *base)
{
	EFI_STATUS status = find_free_memory();

	if (EFI_ERROR(status))
		return status;
	if (!place_find(&work->free, request, base))
		return EFI_OUT_OF_RESOURCES;
	return allocate_at(*base, request->size >> PAGE_SHIFT, owner, false);
}

bool efi_alloc_record(paddr_t at)
{
	return !EFI_ERROR(allocate_at(at, 1, EFI_OWNED_BY_US, true));
}

/* ---- the end of boot services ---- */

/*
 * The map has to be complete before the firmware is left, because afterwards nobody could be told that it is
 * not. Printing may allocate, so between reading the map and leaving nothing is said unless that was the end
 * of it.
 */
EFI_STATUS efi_exit_boot_services(void)
{
	EFI_STATUS status = EFI_ABORTED;
	unsigned int attempt;

	for (attempt = 0; attempt < EXIT_ATTEMPTS; attempt++) {
		struct uefi_memory_map map;
		UINTN key;

		status = get_map(&map, &key);
		if (!EFI_ERROR(status))
			status = build_memmap(&map);
		if (EFI_ERROR(status))
			return status;
		status = efi_finish_guest();
		if (EFI_ERROR(status))
			return status;
		/* EFI_INVALID_PARAMETER: the map has changed since, for instance by a timer of the
		 * firmware. */
		status = efi.bs->ExitBootServices(efi.image, key);
		if (!EFI_ERROR(status)) {
			log_set_sink(NULL);
			return EFI_SUCCESS;
		}
	}
	log_error("firmware: ExitBootServices() failed with status 0x%llx; update the firmware",
		  (unsigned long long)status);
	return status;
}

void efi_free_all(void)
{
	while (allocation_count) {
		const struct allocation *a = &allocations[--allocation_count];

		if (!a->keep_contents)
			memset(phys_to_virt(a->base), 0, (size_t)(a->pages << PAGE_SHIFT));
		efi.bs->FreePages(a->base, a->pages);
	}
}
