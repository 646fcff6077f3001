/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest starts with: kernel, initrd and device tree, as Linux Documentation/arch/arm64/booting.rst
 * asks for them, at the place where the guest will find them. The kernel begins with its MMU and caches off,
 * so all of it is cleaned to memory.
 */
#include "boot/arm64/gunzip.h"
#include "boot/arm64/image.h"
#include "boot/boot_info.h"
#include "boot/efi_app.h"
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/string.h"

#define KERNEL_FILE_MAX ((u64)256 << 20)
#define ANYWHERE	(~(paddr_t)0)
/* booting.rst, section 2: kernel and initrd in a window that is aligned to 1 GiB and no larger than this. */
#define INITRD_WINDOW ((u64)32 << 30)

static struct {
	paddr_t kernel, initrd, tree;
	u64 kernel_size, initrd_size, tree_size; /* bytes of each block */
} placed;

static struct dt_guest guest_tree;

/* Memory for unpacking, which goes back to the firmware. */
struct scratch {
	EFI_PHYSICAL_ADDRESS base;
	UINTN pages;
};

/* ---- kernel ---- */

static EFI_STATUS refuse_kernel(const char *why)
{
	log_error("kernel=%s: %s", boot_info.config.kernel, why);
	return EFI_LOAD_ERROR;
}

/* As low as possible: before Linux 4.6 what lies below the kernel is lost to it. */
static EFI_STATUS place_kernel(const struct image *image)
{
	struct place_request request = {
		.size = ALIGN_UP(image->text_offset + image->image_size, PAGE_SIZE),
		.alignment = IMAGE_ALIGNMENT,
		.last = ANYWHERE,
	};
	paddr_t base;

	if (EFI_ERROR(efi_alloc_place(&request, EFI_OWNED_BY_GUEST, &base)))
		return efi_no_room("kernel", boot_info.config.kernel, request.size, "");
	placed.kernel = base + image->text_offset;
	placed.kernel_size = image->image_size;
	return EFI_SUCCESS;
}

/* An Image as it is: behind its data come zeros or a signature, which the kernel clears. */
static EFI_STATUS load_plain(struct efi_file *file, const void *head, size_t head_size)
{
	struct image image;
	const char *why;
	EFI_STATUS status;
	u64 bytes;

	if (image_check(&image, head, head_size, &why))
		return refuse_kernel(why);
	if (file->size < image.file_size)
		return refuse_kernel("is truncated; copy the file again");
	status = place_kernel(&image);
	if (EFI_ERROR(status))
		return status;
	bytes = min_u64(file->size, image.image_size);
	status = efi_file_read(file, 0, phys_to_virt(placed.kernel), bytes);
	return EFI_ERROR(status) ? efi_unreadable("kernel", boot_info.config.kernel, status) : EFI_SUCCESS;
}

static EFI_STATUS unpack_to(const void *packed, u64 packed_size, void *work, void *to, size_t room,
			    size_t *written)
{
	switch (gunzip(packed, (size_t)packed_size, to, room, work, GUNZIP_WORK_BYTES, written)) {
	case 0: return EFI_SUCCESS;
	case -ENOSPC: return EFI_BUFFER_TOO_SMALL;
	case -ENOMEM: return EFI_OUT_OF_RESOURCES;
	default: return EFI_COMPROMISED_DATA;
	}
}

/* Twice: the first bytes say how large the kernel is, and so where it can go. */
static EFI_STATUS unpack(const void *packed, u64 packed_size, void *work)
{
	static u8 head[IMAGE_HEAD_BYTES];
	struct image image;
	size_t written;
	const char *why;
	EFI_STATUS status = unpack_to(packed, packed_size, work, head, sizeof(head), &written);

	if (EFI_ERROR(status) && status != EFI_BUFFER_TOO_SMALL)
		return refuse_kernel("is a damaged gzip file; copy the file again");
	if (image_check(&image, head, written, &why))
		return refuse_kernel(why);
	status = place_kernel(&image);
	if (EFI_ERROR(status))
		return status;
	status = unpack_to(packed, packed_size, work, phys_to_virt(placed.kernel), (size_t)image.image_size,
			   &written);
	if (EFI_ERROR(status))
		return refuse_kernel(status == EFI_BUFFER_TOO_SMALL
					     ? "holds more than its header says; copy the file again"
					     : "is a damaged gzip file; copy the file again");
	return written < image.file_size ? refuse_kernel("is truncated; copy the file again") : EFI_SUCCESS;
}

static EFI_STATUS load_gzip(struct efi_file *file)
{
	const char *path = boot_info.config.kernel;
	struct scratch scratch = { .pages = (UINTN)(ALIGN_UP(file->size, PAGE_SIZE) + GUNZIP_WORK_BYTES) >>
					    PAGE_SHIFT };
	EFI_STATUS status =
		efi.bs->AllocatePages(AllocateAnyPages, EfiLoaderData, scratch.pages, &scratch.base);
	u8 *work;

	if (EFI_ERROR(status))
		return efi_no_room("kernel", path, scratch.pages << PAGE_SHIFT, "");
	work = phys_to_virt(scratch.base);
	status = efi_file_read(file, 0, work + GUNZIP_WORK_BYTES, file->size);
	if (EFI_ERROR(status))
		status = efi_unreadable("kernel", path, status);
	else
		status = unpack(work + GUNZIP_WORK_BYTES, file->size, work);
	efi.bs->FreePages(scratch.base, scratch.pages);
	return status;
}

static EFI_STATUS load_open_kernel(struct efi_file *file)
{
	static u8 head[IMAGE_HEAD_BYTES];
	const char *path = boot_info.config.kernel;
	size_t head_size = (size_t)min_u64(sizeof(head), file->size);
	EFI_STATUS status;
	bool gzip;

	if (file->size > KERNEL_FILE_MAX)
		return refuse_kernel(
			"is too large for a kernel; give the file that distributions call vmlinuz");
	status = efi_file_read(file, 0, head, head_size);
	if (EFI_ERROR(status))
		return efi_unreadable("kernel", path, status);
	gzip = gunzip_is_gzip(head, head_size);
	status = gzip ? load_gzip(file) : load_plain(file, head, head_size);
	if (EFI_ERROR(status))
		return status;
	boot_info.kernel_entry = placed.kernel;
	log_info("kernel %s: %s, %llu KiB at 0x%llx", path, gzip ? "Image, gzip" : "Image",
		 (unsigned long long)placed.kernel_size >> 10, (unsigned long long)placed.kernel);
	return EFI_SUCCESS;
}

static EFI_STATUS load_kernel(void)
{
	struct efi_file file;
	EFI_STATUS status;

	if (!boot_info.config.kernel[0]) {
		log_error("kernel: not given in the configuration; add kernel=PATH");
		return EFI_INVALID_PARAMETER;
	}
	status = efi_open_or_explain(&file, "kernel", boot_info.config.kernel);
	if (EFI_ERROR(status))
		return status;
	status = load_open_kernel(&file);
	efi_file_close(&file);
	return status;
}

/* ---- initrd and tree ---- */

static EFI_STATUS load_initrd(void)
{
	struct place_request request = { .alignment = PAGE_SIZE, .high = true };

	request.minimum = ALIGN_DOWN(placed.kernel, SIZE_1G);
	request.last = request.minimum + (INITRD_WINDOW - 1);
	return efi_load_initrd(request, " within 32 GiB of the kernel", &placed.initrd, &placed.initrd_size);
}

static unsigned int guest_cpus(void)
{
	unsigned int asked = boot_info.config.cpus;

	return asked && asked < boot_info.dt.cpus ? asked : boot_info.dt.cpus;
}

static EFI_STATUS place_tree(void)
{
	struct place_request request = {
		.size = ALIGN_UP(dt_guest_size((size_t)boot_info.firmware_tree_size), PAGE_SIZE),
		.alignment = PAGE_SIZE,
		.last = ANYWHERE,
		.high = true,
	};

	if (EFI_ERROR(efi_alloc_place(&request, EFI_OWNED_BY_GUEST, &placed.tree)))
		return efi_no_room("memory", "guest's device tree", request.size, "");
	placed.tree_size = request.size;
	boot_info.boot_params = placed.tree;
	return EFI_SUCCESS;
}

EFI_STATUS efi_finish_guest(void)
{
	static bool said; /* what is left out, before the firmware's console is lost */
	enum log_level level = log_get_level();
	int err;

	if (said)
		log_set_level(LOG_ERROR);
	memset(phys_to_virt(placed.tree), 0, (size_t)placed.tree_size);
	err = dt_build_guest(phys_to_virt(boot_info.firmware_tree), &guest_tree, phys_to_virt(placed.tree),
			     (size_t)placed.tree_size);
	log_set_level(level);
	said = true;
	if (err)
		return err == -ENOSPC ? EFI_OUT_OF_RESOURCES : EFI_COMPROMISED_DATA;
	arch_cache_flush(phys_to_virt(placed.tree), (size_t)placed.tree_size);
	return EFI_SUCCESS;
}

EFI_STATUS efi_load_guest(void)
{
	EFI_STATUS status = load_kernel();

	if (!EFI_ERROR(status))
		status = load_initrd();
	if (!EFI_ERROR(status))
		status = place_tree();
	if (!EFI_ERROR(status))
		status = efi_read_memmap();
	if (EFI_ERROR(status))
		return status;
	guest_tree = (struct dt_guest){
		.machine = &boot_info.dt,
		.memmap = &boot_info.memmap,
		.cmdline = boot_info.config.cmdline,
		.initrd = placed.initrd,
		.initrd_size = placed.initrd_size,
		.cpus = guest_cpus(),
		.frame = boot_info.frame,
	};
	arch_cache_flush(phys_to_virt(placed.kernel), (size_t)placed.kernel_size);
	if (placed.initrd_size)
		arch_cache_flush(phys_to_virt(placed.initrd), (size_t)placed.initrd_size);
	/* Whatever can be wrong with the tree is found while the firmware is still there to return to. */
	return efi_finish_guest();
}
