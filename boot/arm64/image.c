/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the headers of an arm64 Image. The file is not trusted: no number in it is used before it was
 * checked.
 */
#include "boot/arm64/image.h"
#include "core/errno.h"
#include "core/string.h"

/* booting.rst, section 4, "Call the kernel image". */
struct image_header {
	u32 code0; /* "MZ" where the file is an EFI application, too */
	u32 code1;
	u64 text_offset;
	u64 image_size;
	u64 flags;
	u64 reserved[3];
	u32 magic;
	u32 pe_offset; /* of the PE header */
};
static_assert(sizeof(struct image_header) == 64, "booting.rst: a 64-byte header");
static_assert(offsetof(struct image_header, magic) == 56, "booting.rst");

#define IMAGE_MAGIC	0x644d5241u /* "ARM\x64" */
#define FLAG_BIG_ENDIAN BIT(0)
#define SIZE_LIMIT	SIZE_1G /* no kernel is larger; nothing wraps below it */

/*
 * Linux' include/linux/pe.h names these fields as the PE format does (Microsoft PE/COFF specification, 3.3
 * and 4).
 */
struct PACKED pe_header {
	u8 signature[4]; /* "PE\0\0" */
	u16 machine;
	u16 sections;
	u32 timestamp, symbols, symbol_count;
	u16 optional_size; /* bytes of the optional header, which follows; then the sections */
	u16 characteristics;
};
static_assert(sizeof(struct pe_header) == 24, "PE signature and COFF header");

struct PACKED pe_section {
	u8 name[8];
	u32 virtual_size, virtual_address, raw_size, raw_offset;
	u8 rest[16];
};
static_assert(sizeof(struct pe_section) == 40, "PE section header");

/*
 * Where the last section's data ends in the file; 0: there are no such headers. A copy that was cut short is
 * found by it.
 */
static u64 end_of_sections(const u8 *head, size_t head_size, u32 offset)
{
	struct pe_header pe;
	struct pe_section section;
	u64 end = 0, at;

	if (!offset || offset > head_size || head_size - offset < sizeof(pe))
		return 0;
	memcpy(&pe, head + offset, sizeof(pe));
	if (memcmp(pe.signature, "PE\0", sizeof(pe.signature)) != 0)
		return 0;
	at = (u64)offset + sizeof(pe) + pe.optional_size;
	for (unsigned int i = 0; i < pe.sections && at + sizeof(section) <= head_size;
	     i++, at += sizeof(section)) {
		memcpy(&section, head + at, sizeof(section));
		end = max_u64(end, (u64)section.raw_offset + section.raw_size);
	}
	return end;
}

/* What keeps this from being a kernel that Fairlead can start; NULL: nothing. */
static const char *defect(const struct image_header *h, const u8 *head)
{
	/* Linux Documentation/arch/arm64: EFI_ZBOOT files are EFI programs that unpack themselves. */
	if (head[0] == 'M' && head[1] == 'Z' && !memcmp(head + 4, "zimg", 4))
		return "is an EFI zboot program; give the Image that is inside (or build with "
		       "CONFIG_EFI_ZBOOT off)";
	if (h->magic != IMAGE_MAGIC)
		return "is not an arm64 Image; give the file that distributions call vmlinuz";
	if (!h->image_size)
		return "is a kernel older than 3.17; use a newer one";
	if (h->flags & FLAG_BIG_ENDIAN)
		return "is a big-endian kernel; use a little-endian one";
	if (h->image_size > SIZE_LIMIT || h->text_offset > SIZE_LIMIT ||
	    !IS_ALIGNED(h->text_offset, PAGE_SIZE))
		return "has a damaged header; copy the file again";
	return NULL;
}

int image_check(struct image *out, const void *head, size_t head_size, const char **why)
{
	struct image_header h;

	if (head_size < sizeof(h)) {
		*why = "is too short for a kernel; give the file that distributions call vmlinuz";
		return -EINVAL;
	}
	memcpy(&h, head, sizeof(h));
	*why = defect(&h, head);
	if (*why)
		return -EINVAL;
	*out = (struct image){ h.text_offset, h.image_size, end_of_sections(head, head_size, h.pe_offset) };
	if (out->file_size <= h.image_size)
		return 0;
	*why = "has a damaged header; copy the file again";
	return -EINVAL;
}
