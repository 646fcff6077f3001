/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest starts with, read from the volume straight to the place where the guest will find it: no
 * copy stays behind.
 */
#include "boot/boot_info.h"
#include "boot/x86/bzimage.h"
#include "boot/efi_app.h"
#include "core/log.h"
#include "core/string.h"

#define BELOW_4G (((u64)1 << 32) - 1)
#define LOW_MEMORY_END ((paddr_t)1 << 20) /* below it the guest starts its other CPUs */

/* What the guest finds in the block that holds all its small things. */
#define PARAMS_OFFSET GUEST_TABLES_SIZE
#define CMDLINE_OFFSET (PARAMS_OFFSET + BOOT_PARAMS_SIZE)
#define BLOCK_SIZE (CMDLINE_OFFSET + PAGE_SIZE)
static_assert(CONFIG_CMDLINE_MAX <= 4096, "the command line fits into a page");

static struct bzimage kernel;
static u8 kernel_head[BZIMAGE_HEAD_BYTES];
static size_t kernel_head_size;

static EFI_STATUS open_or_explain(struct efi_file *file, const char *key, const char *path)
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

static EFI_STATUS no_room(const char *key, const char *path, u64 size)
{
	log_error("%s=%s: no room in memory for %llu KiB below 4 GiB; raise memory= or add RAM", key, path,
		  (unsigned long long)size >> 10);
	return EFI_OUT_OF_RESOURCES;
}

static EFI_STATUS unreadable(const char *key, const char *path, EFI_STATUS status)
{
	log_error("%s=%s: cannot be read (EFI status 0x%llx); copy the file again", key, path,
		  (unsigned long long)status);
	return status;
}

/* ---- kernel ---- */

static EFI_STATUS check_kernel(struct efi_file *file)
{
	const char *path = boot_info.config.kernel;
	char error[128];
	EFI_STATUS status;

	kernel_head_size = (size_t)min_u64(sizeof(kernel_head), file->size);
	status = efi_file_read(file, 0, kernel_head, kernel_head_size);
	if (EFI_ERROR(status))
		return unreadable("kernel", path, status);
	if (bzimage_check(&kernel, kernel_head, kernel_head_size, file->size, error, sizeof(error))) {
		log_error("kernel=%s: %s", path, error);
		return EFI_LOAD_ERROR;
	}
	if (strlen(boot_info.config.cmdline) > kernel.cmdline_size_max) {
		log_error("cmdline: %zu characters, this kernel takes at most %llu; shorten it",
			  strlen(boot_info.config.cmdline), (unsigned long long)kernel.cmdline_size_max);
		return EFI_INVALID_PARAMETER;
	}
	return EFI_SUCCESS;
}

/* The preferred place spares the kernel nothing but looks familiar; any other above it serves. */
static EFI_STATUS place_kernel(paddr_t *base)
{
	struct place_request request = {
		.size = ALIGN_UP(kernel.memory_size, PAGE_SIZE),
		.alignment = max_u64(kernel.alignment, SIZE_2M),
		.minimum = kernel.preferred,
	};
	EFI_STATUS status;

	request.last = min_u64(kernel.preferred + (request.size - 1), BELOW_4G);
	status = efi_alloc_place(&request, EFI_OWNED_BY_GUEST, base);
	if (!EFI_ERROR(status))
		return status;
	request.minimum = max_u64(kernel.preferred, LOW_MEMORY_END);
	request.last = BELOW_4G;
	return efi_alloc_place(&request, EFI_OWNED_BY_GUEST, base);
}

static EFI_STATUS load_open_kernel(struct efi_file *file)
{
	const char *path = boot_info.config.kernel;
	paddr_t base;
	EFI_STATUS status;

	status = check_kernel(file);
	if (EFI_ERROR(status))
		return status;
	if (EFI_ERROR(place_kernel(&base)))
		return no_room("kernel", path, kernel.memory_size);
	status = efi_file_read(file, kernel.code_offset, phys_to_virt(base), kernel.code_size);
	if (EFI_ERROR(status))
		return unreadable("kernel", path, status);
	boot_info.kernel_entry = base + BZIMAGE_ENTRY_64;
	log_info("kernel %s: boot protocol %u.%02u, %llu KiB at 0x%llx", path,
		 (unsigned int)kernel.protocol >> 8, (unsigned int)kernel.protocol & 0xff,
		 (unsigned long long)kernel.code_size >> 10, (unsigned long long)base);
	return EFI_SUCCESS;
}

static EFI_STATUS load_kernel(void)
{
	struct efi_file file;
	EFI_STATUS status;

	if (!boot_info.config.kernel[0]) {
		log_error("kernel: not set; name a bzImage, as in kernel=\\fairlead\\vmlinuz");
		return EFI_INVALID_PARAMETER;
	}
	status = open_or_explain(&file, "kernel", boot_info.config.kernel);
	if (EFI_ERROR(status))
		return status;
	status = load_open_kernel(&file);
	efi_file_close(&file);
	return status;
}

/* ---- initrd ---- */

static EFI_STATUS load_open_initrd(struct efi_file *file, struct bzimage_load *load)
{
	const char *path = boot_info.config.initrd;
	struct place_request request = {
		.alignment = PAGE_SIZE,
		.minimum = LOW_MEMORY_END,
		.last = min_u64(kernel.initrd_max, BELOW_4G),
		.high = true,
	};
	EFI_STATUS status;

	if (!file->size || file->size > BELOW_4G) {
		log_error("initrd=%s: %llu bytes are no initramfs; copy the file again, or leave initrd= out",
			  path, (unsigned long long)file->size);
		return EFI_LOAD_ERROR;
	}
	request.size = ALIGN_UP(file->size, PAGE_SIZE);
	if (EFI_ERROR(efi_alloc_place(&request, EFI_OWNED_BY_GUEST, &load->initrd)))
		return no_room("initrd", path, request.size);
	status = efi_file_read(file, 0, phys_to_virt(load->initrd), file->size);
	if (EFI_ERROR(status))
		return unreadable("initrd", path, status);
	memset((u8 *)phys_to_virt(load->initrd) + file->size, 0, (size_t)(request.size - file->size));
	load->initrd_size = file->size;
	log_info("initrd %s: %llu KiB at 0x%llx", path, (unsigned long long)file->size >> 10,
		 (unsigned long long)load->initrd);
	return EFI_SUCCESS;
}

static EFI_STATUS load_initrd(struct bzimage_load *load)
{
	struct efi_file file;
	EFI_STATUS status;

	if (!boot_info.config.initrd[0])
		return EFI_SUCCESS;
	status = open_or_explain(&file, "initrd", boot_info.config.initrd);
	if (EFI_ERROR(status))
		return status;
	status = load_open_initrd(&file, load);
	efi_file_close(&file);
	return status;
}

/* ---- tables ---- */

static EFI_STATUS build_acpi_tables(struct bzimage_load *load)
{
	struct place_request request = {
		.alignment = PAGE_SIZE, .minimum = LOW_MEMORY_END, .last = BELOW_4G, .high = true
	};
	size_t madt_size = 0;
	paddr_t base;
	int used;

	(void)acpi_find("APIC", 0, &madt_size, NULL);
	request.size = ALIGN_UP(ACPI_GUEST_TABLES_SIZE(madt_size), PAGE_SIZE);
	if (EFI_ERROR(efi_alloc_place(&request, EFI_OWNED_TABLES, &base)))
		return no_room("memory", "guest's ACPI tables", request.size);
	memset(phys_to_virt(base), 0, (size_t)request.size);
	used = acpi_build_guest_tables(phys_to_virt(base), (size_t)request.size, &load->rsdp,
				       &boot_info.guest_madt);
	if (used < 0) {
		log_error("ACPI: the guest's tables do not fit into %llu KiB; report this",
			  (unsigned long long)request.size >> 10);
		return EFI_OUT_OF_RESOURCES;
	}
	boot_info.guest_rsdp = load->rsdp;
	return EFI_SUCCESS;
}

static EFI_STATUS build_params(struct bzimage_load *load)
{
	struct place_request request = {
		.size = BLOCK_SIZE,
		.alignment = PAGE_SIZE,
		.minimum = LOW_MEMORY_END,
		.last = BELOW_4G,
		.high = true,
	};
	paddr_t base;

	if (EFI_ERROR(efi_alloc_place(&request, EFI_OWNED_BY_GUEST, &base)))
		return no_room("cmdline", "...", request.size);
	memset(phys_to_virt(base), 0, (size_t)request.size);
	load->cmdline = base + CMDLINE_OFFSET;
	memcpy(phys_to_virt(load->cmdline), boot_info.config.cmdline, strlen(boot_info.config.cmdline) + 1);
	boot_info.guest_tables = base;
	boot_info.boot_params = base + PARAMS_OFFSET;
	bzimage_fill_params(phys_to_virt(boot_info.boot_params), kernel_head, kernel_head_size, load);
	return EFI_SUCCESS;
}

EFI_STATUS efi_load_guest(void)
{
	struct bzimage_load load = { 0 };
	EFI_STATUS status = load_kernel();

	if (!EFI_ERROR(status))
		status = load_initrd(&load);
	if (!EFI_ERROR(status))
		status = build_acpi_tables(&load);
	if (!EFI_ERROR(status))
		status = build_params(&load);
	return status;
}
