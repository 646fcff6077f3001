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
#define PLACE " below 4 GiB"
#define LOW_MEMORY_END ((paddr_t)1 << 20) /* below it the guest starts its other CPUs */

/* What the guest finds in the block that holds all its small things. */
#define PARAMS_OFFSET GUEST_TABLES_SIZE
#define CMDLINE_OFFSET (PARAMS_OFFSET + BOOT_PARAMS_SIZE)
#define BLOCK_SIZE (CMDLINE_OFFSET + PAGE_SIZE)
static_assert(CONFIG_CMDLINE_MAX <= 4096, "the command line fits into a page");

static struct bzimage kernel;
static u8 kernel_head[BZIMAGE_HEAD_BYTES];
static size_t kernel_head_size;

/* ---- kernel ---- */

static EFI_STATUS check_kernel(struct efi_file *file)
{
	const char *path = boot_info.config.kernel;
	char error[128];
	EFI_STATUS status;

	kernel_head_size = (size_t)min_u64(sizeof(kernel_head), file->size);
	status = efi_file_read(file, 0, kernel_head, kernel_head_size);
	if (EFI_ERROR(status))
		return efi_unreadable("kernel", path, status);
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
		return efi_no_room("kernel", path, kernel.memory_size, PLACE);
	status = efi_file_read(file, kernel.code_offset, phys_to_virt(base), kernel.code_size);
	if (EFI_ERROR(status))
		return efi_unreadable("kernel", path, status);
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
	status = efi_open_or_explain(&file, "kernel", boot_info.config.kernel);
	if (EFI_ERROR(status))
		return status;
	status = load_open_kernel(&file);
	efi_file_close(&file);
	return status;
}

static EFI_STATUS load_initrd(struct bzimage_load *load)
{
	const struct place_request request = {
		.alignment = PAGE_SIZE,
		.minimum = LOW_MEMORY_END,
		.last = min_u64(kernel.initrd_max, BELOW_4G),
		.high = true,
	};

	return efi_load_initrd(request, PLACE, &load->initrd, &load->initrd_size);
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
		return efi_no_room("memory", "guest's ACPI tables", request.size, PLACE);
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
		return efi_no_room("cmdline", "...", request.size, PLACE);
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

EFI_STATUS efi_finish_guest(void)
{
	if (!boot_fill_e820(phys_to_virt(boot_info.boot_params), &boot_info.memmap))
		return EFI_SUCCESS;
	log_error("UEFI memory map: more ranges than Linux's e820 table holds (128); update the firmware");
	return EFI_OUT_OF_RESOURCES;
}
