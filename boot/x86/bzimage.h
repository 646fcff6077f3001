/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux's bzImage and its 64-bit boot protocol (Linux Documentation/arch/x86/boot.rst and zero-page.rst): is
 * this file a kernel that Fairlead can start, and what does the kernel find in its "zero page". Pure: works
 * on memory, so the host tests it.
 */
#ifndef BOOT_BZIMAGE_H
#define BOOT_BZIMAGE_H

#include "core/memmap.h"
#include "core/types.h"

/* So much of the file's beginning holds the whole setup header, however long it will grow in later
 * protocols. */
#define BZIMAGE_HEAD_BYTES 1024
#define BZIMAGE_ENTRY_64 0x200u /* 64-bit entry point, from the code's begin (boot.rst, "64-bit boot protocol") */
#define BOOT_PARAMS_SIZE 4096u

/* The facts in a checked header. Sizes in bytes. */
struct bzimage {
	u16 protocol;	      /* 0x020f: 2.15 */
	u64 code_offset;      /* where the protected-mode code begins in the file */
	u64 code_size;	      /* and how much of it there is: this is what goes into memory */
	u64 memory_size;      /* what the kernel needs there until it reads its memory map */
	u64 alignment;	      /* of its place; a power of two from 4 KiB to 1 GiB */
	u64 preferred;	      /* address; a 64-bit kernel cannot run below it */
	u64 initrd_max;	      /* the highest address that the initrd's last byte may have */
	u64 cmdline_size_max; /* characters, without the NUL */
};

/* Where things were put. Physical addresses, sizes in bytes; initrd_size 0: none. */
struct bzimage_load {
	paddr_t cmdline; /* NUL-terminated */
	paddr_t initrd;
	u64 initrd_size;
	paddr_t rsdp;
};

/*
 * Checks the first `head_size` bytes of a file of `file_size` bytes (all of it, or BZIMAGE_HEAD_BYTES and
 * more). 0 with *out filled, or -EINVAL with a few words in error that say what is wrong with the file and
 * what to do. Any context.
 */
int MUST_CHECK bzimage_check(struct bzimage *out, const void *head, size_t head_size, u64 file_size,
			     char *error, size_t error_size);
/*
 * Fills the zero page (BOOT_PARAMS_SIZE bytes) from a header that bzimage_check() accepted; the e820 table
 * stays empty. There is no efi_info in it, so the guest never calls the firmware's runtime services.
 */
void bzimage_fill_params(void *boot_params, const void *head, size_t head_size,
			 const struct bzimage_load *load);
/*
 * Writes the e820 table of a zero page. RAM, ACPI and unusable memory as such, all else as reserved;
 * neighbours that look the same to the guest become one entry. -E2BIG: more than the 128 entries that fit;
 * nothing is written.
 */
int MUST_CHECK boot_fill_e820(void *boot_params, const struct memmap *map);

#endif
