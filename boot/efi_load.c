/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading what the guest starts with from the volume, and the words for what can go wrong. The initrd is the
 * same on every architecture but for its place.
 */
#include "boot/boot_info.h"
#include "boot/efi_app.h"
#include "core/log.h"
#include "core/string.h"

#define INITRD_MAX (((u64)1 << 32) - 1) /* bytes */

EFI_STATUS efi_open_or_explain(struct efi_file *file, const char *key, const char *path)
{
	EFI_STATUS status = efi_file_open(file, path);

	if (status == EFI_NOT_FOUND)
		log_error("%s=%s: no such file on Fairlead's volume; copy it there or correct %s=", key, path,
			  key);
	else if (EFI_ERROR(status))
		log_error("%s=%s: cannot be opened (EFI status 0x%llx); check the volume", key, path,
			  (unsigned long long)status);
	return status;
}

EFI_STATUS efi_no_room(const char *key, const char *path, u64 size, const char *where)
{
	log_error("%s=%s: no room in memory for %llu KiB%s; raise memory= or add RAM", key, path,
		  (unsigned long long)size >> 10, where);
	return EFI_OUT_OF_RESOURCES;
}

EFI_STATUS efi_unreadable(const char *key, const char *path, EFI_STATUS status)
{
	log_error("%s=%s: cannot be read (EFI status 0x%llx); copy the file again", key, path,
		  (unsigned long long)status);
	return status;
}

static EFI_STATUS load_open_initrd(struct efi_file *file, struct place_request *request, const char *where,
				   paddr_t *base)
{
	const char *path = boot_info.config.initrd;
	EFI_STATUS status;

	if (!file->size || file->size > INITRD_MAX) {
		log_error("initrd=%s: %llu bytes are no initramfs; copy the file again, or leave initrd= out",
			  path, (unsigned long long)file->size);
		return EFI_LOAD_ERROR;
	}
	request->size = ALIGN_UP(file->size, PAGE_SIZE);
	if (EFI_ERROR(efi_alloc_place(request, EFI_OWNED_BY_GUEST, base)))
		return efi_no_room("initrd", path, request->size, where);
	status = efi_file_read(file, 0, phys_to_virt(*base), file->size);
	if (EFI_ERROR(status))
		return efi_unreadable("initrd", path, status);
	memset((u8 *)phys_to_virt(*base) + file->size, 0, (size_t)(request->size - file->size));
	log_info("initrd %s: %llu KiB at 0x%llx", path, (unsigned long long)file->size >> 10,
		 (unsigned long long)*base);
	return EFI_SUCCESS;
}

EFI_STATUS efi_load_initrd(struct place_request request, const char *where, paddr_t *base, u64 *size)
{
	struct efi_file file;
	EFI_STATUS status;

	*size = 0;
	if (!boot_info.config.initrd[0])
		return EFI_SUCCESS;
	status = efi_open_or_explain(&file, "initrd", boot_info.config.initrd);
	if (EFI_ERROR(status))
		return status;
	status = load_open_initrd(&file, &request, where, base);
	if (!EFI_ERROR(status))
		*size = file.size;
	efi_file_close(&file);
	return status;
}
