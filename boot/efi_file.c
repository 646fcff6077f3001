/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of our own volume (UEFI 2.10, 13.4 and 13.5).
 */
#include "boot/efi_app.h"
#include "boot/config.h"

#define END_OF_FILE_POSITION (~(UINT64)0) /* SetPosition(): to the end */
#define CHUNK_BYTES ((u64)8 << 20)	  /* some firmware drivers fail on very large reads */

static EFI_STATUS open_volume(EFI_FILE_HANDLE *volume)
{
	EFI_GUID guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
	EFI_FILE_IO_INTERFACE *fs;
	EFI_STATUS status;

	status = efi.bs->HandleProtocol(efi.loaded->DeviceHandle, &guid, (void **)&fs);
	if (EFI_ERROR(status))
		return status;
	return fs->OpenVolume(fs, volume);
}

/* False: longer than a configuration's path can be. */
static bool to_efi_path(CHAR16 out[CONFIG_PATH_MAX], const char *path)
{
	unsigned int i;

	for (i = 0; i < CONFIG_PATH_MAX; i++) {
		out[i] = path[i] == '/' ? (CHAR16)'\\' : (CHAR16)(u8)path[i];
		if (!path[i])
			return true;
	}
	return false;
}

EFI_STATUS efi_file_open(struct efi_file *file, const char *path)
{
	CHAR16 efi_path[CONFIG_PATH_MAX];
	EFI_FILE_HANDLE volume;
	EFI_STATUS status;

	if (!to_efi_path(efi_path, path))
		return EFI_INVALID_PARAMETER;
	status = open_volume(&volume);
	if (EFI_ERROR(status))
		return status;
	status = volume->Open(volume, &file->handle, efi_path, EFI_FILE_MODE_READ, 0);
	volume->Close(volume);
	if (EFI_ERROR(status))
		return status;
	/* A folder can be opened too, but has no end to go to. */
	status = file->handle->SetPosition(file->handle, END_OF_FILE_POSITION);
	if (!EFI_ERROR(status))
		status = file->handle->GetPosition(file->handle, &file->size);
	if (EFI_ERROR(status)) {
		file->handle->Close(file->handle);
		return EFI_NOT_FOUND;
	}
	return EFI_SUCCESS;
}

EFI_STATUS efi_file_read(struct efi_file *file, u64 offset, void *buffer, u64 bytes)
{
	EFI_STATUS status = file->handle->SetPosition(file->handle, offset);
	u8 *to = buffer;

	while (!EFI_ERROR(status) && bytes) {
		UINTN chunk = min_u64(bytes, CHUNK_BYTES);

		status = file->handle->Read(file->handle, &chunk, to);
		if (!EFI_ERROR(status) && (!chunk || chunk > bytes))
			return EFI_END_OF_FILE;
		to += chunk;
		bytes -= chunk;
	}
	return status;
}

void efi_file_close(struct efi_file *file)
{
	file->handle->Close(file->handle);
}
