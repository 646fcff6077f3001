/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux' arm64 Image (Linux Documentation/arch/arm64/booting.rst, section 4): is this a kernel that Fairlead
 * can start, and how much room does it need? Pure: works on memory, so the host tests it.
 */
#ifndef BOOT_ARM64_IMAGE_H
#define BOOT_ARM64_IMAGE_H

#include "core/types.h"

/* So much of the file's beginning holds all headers that are looked at. */
#define IMAGE_HEAD_BYTES 4096
#define IMAGE_ALIGNMENT	 SIZE_2M

struct image {
	u64 text_offset; /* from a multiple of IMAGE_ALIGNMENT to where the image is put and entered */
	u64 image_size; /* bytes that are the kernel's from there on, more than the file has */
	u64 file_size;	/* bytes that the file must have; 0: its headers do not say */
};

/*
 * Checks the first `head_size` bytes of an uncompressed file (all of it, or IMAGE_HEAD_BYTES). 0, or -EINVAL
 * with a few words that say what is wrong with the file and what to do. Any context.
 */
int MUST_CHECK image_check(struct image *out, const void *head, size_t head_size, const char **why);

#endif
