/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the setup header of a bzImage, and writing the zero page. The file is not trusted: no size in it is
 * used before it was checked against the file's own.
 */
#include "boot/x86/bzimage.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/string.h"

#define SETUP_HEADER_OFFSET 0x1f1u
#define SECTOR 512u

/* boot.rst, "The Real-Mode Kernel Header". */
struct PACKED setup_header {
	u8 setup_sects;
	u16 root_flags;
	u32 syssize;
	u16 ram_size;
	u16 vid_mode;
	u16 root_dev;
	u16 boot_flag;
	u8 jump_opcode;
	u8 jump_distance; /* from the next byte to the header's end */
	u32 header;
	u16 version;
	u32 realmode_swtch;
	u16 start_sys_seg;
	u16 kernel_version;
	u8 type_of_loader;
	u8 loadflags;
	u16 setup_move_size;
	u32 code32_start;
	u32 ramdisk_image;
	u32 ramdisk_size;
	u32 bootsect_kludge;
	u16 heap_end_ptr;
	u8 ext_loader_ver;
	u8 ext_loader_type;
	u32 cmd_line_ptr;
	u32 initrd_addr_max;
	u32 kernel_alignment;
	u8 relocatable_kernel;
	u8 min_alignment;
	u16 xloadflags;
	u32 cmdline_size;
	u32 hardware_subarch;
	u64 hardware_subarch_data;
	u32 payload_offset;
	u32 payload_length;
	u64 setup_data;
	u64 pref_address;
	u32 init_size;
};
#define HEADER_AT(field) (SETUP_HEADER_OFFSET + offsetof(struct setup_header, field))
static_assert(HEADER_AT(boot_flag) == 0x1fe, "boot.rst");
static_assert(HEADER_AT(header) == 0x202, "boot.rst");
static_assert(HEADER_AT(type_of_loader) == 0x210, "boot.rst");
static_assert(HEADER_AT(ramdisk_image) == 0x218, "boot.rst");
static_assert(HEADER_AT(cmd_line_ptr) == 0x228, "boot.rst");
static_assert(HEADER_AT(kernel_alignment) == 0x230, "boot.rst");
static_assert(HEADER_AT(xloadflags) == 0x236, "boot.rst");
static_assert(HEADER_AT(setup_data) == 0x250, "boot.rst");
static_assert(HEADER_AT(init_size) == 0x260, "boot.rst");

#define BOOT_FLAG_MAGIC 0xaa55
#define HEADER_MAGIC 0x53726448u /* "HdrS" */
#define PROTOCOL_MIN 0x020c	 /* 2.12 brought xloadflags */
#define LOADFLAG_LOADED_HIGH 0x01
#define XLF_KERNEL_64 0x0001	    /* has the 64-bit entry point */
#define LOADER_TYPE_UNDEFINED 0xff  /* a boot loader without an assigned number */
#define SETUP_SECTS_IF_ZERO 4u	    /* boot.rst: for reasons of compatibility */
#define ALIGNMENT_MAX SIZE_1G

/* zero-page.rst; struct boot_params of Linux. Only what Fairlead writes has a name. */
struct PACKED e820_entry {
	u64 base;
	u64 size;
	u32 type;
};

#define E820_ENTRIES_MAX 128u
enum e820_type { E820_RAM = 1, E820_RESERVED = 2, E820_ACPI = 3, E820_NVS = 4, E820_UNUSABLE = 5 };

struct PACKED boot_params {
	u8 screen_info[0x70];
	u64 acpi_rsdp_addr;
	u8 unused1[0xc0 - 0x78];
	u32 ext_ramdisk_image;
	u32 ext_ramdisk_size;
	u32 ext_cmd_line_ptr;
	u8 unused2[0x1e8 - 0xcc];
	u8 e820_entries;
	u8 unused3[SETUP_HEADER_OFFSET - 0x1e9]; /* the sentinel at 0x1ef is 0: this page was made by rule */
	struct setup_header header;
	u8 header_rest[0x290 - SETUP_HEADER_OFFSET - sizeof(struct setup_header)];
	u8 unused4[0x2d0 - 0x290];
	struct e820_entry e820[E820_ENTRIES_MAX];
	u8 unused5[BOOT_PARAMS_SIZE - 0x2d0 - E820_ENTRIES_MAX * sizeof(struct e820_entry)];
};
static_assert(sizeof(struct e820_entry) == 20, "zero-page.rst");
static_assert(sizeof(struct boot_params) == BOOT_PARAMS_SIZE, "zero-page.rst");
static_assert(offsetof(struct boot_params, acpi_rsdp_addr) == 0x70, "zero-page.rst");
static_assert(offsetof(struct boot_params, ext_ramdisk_image) == 0xc0, "zero-page.rst");
static_assert(offsetof(struct boot_params, e820_entries) == 0x1e8, "zero-page.rst");
static_assert(offsetof(struct boot_params, header) == 0x1f1, "zero-page.rst");
static_assert(offsetof(struct boot_params, e820) == 0x2d0, "zero-page.rst");

#define HEADER_END_MAX 0x290u /* what follows in the zero page has another meaning */
static_assert(BZIMAGE_HEAD_BYTES >= HEADER_END_MAX, "the whole header is read");

/* What keeps this header from being one that Fairlead can start; NULL: nothing. */
static const char *header_defect(const struct setup_header *h)
{
	if (h->boot_flag != BOOT_FLAG_MAGIC || h->header != HEADER_MAGIC)
		return "is not a Linux bzImage; give the file that distributions call vmlinuz";
	if (h->version < PROTOCOL_MIN)
		return "is a kernel with a boot protocol older than 2.12; use Linux 3.8 or newer";
	if (!(h->loadflags & LOADFLAG_LOADED_HIGH))
		return "is a zImage; build it as a bzImage";
	if (!(h->xloadflags & XLF_KERNEL_64))
		return "is not a 64-bit kernel; use one built for x86-64";
	if (!h->relocatable_kernel)
		return "is not relocatable; build it with CONFIG_RELOCATABLE=y";
	return NULL;
}

static u64 setup_bytes(const struct setup_header *h)
{
	return ((h->setup_sects ? h->setup_sects : SETUP_SECTS_IF_ZERO) + (u64)1) * SECTOR;
}

static u64 header_end(const struct setup_header *h)
{
	return HEADER_AT(header) + h->jump_distance;
}

/* The numbers contradict each other: no build of Linux makes such a header, so the file is damaged. */
static bool header_absurd(const struct setup_header *h)
{
	u64 alignment = h->kernel_alignment;

	return header_end(h) < SETUP_HEADER_OFFSET + sizeof(*h) || setup_bytes(h) < header_end(h) ||
	       !h->syssize || h->init_size < (u64)h->syssize * 16 || alignment < PAGE_SIZE ||
	       alignment > ALIGNMENT_MAX || (alignment & (alignment - 1)) || !h->cmdline_size ||
	       !IS_ALIGNED(h->pref_address, alignment) || h->pref_address + h->init_size < h->pref_address;
}

int bzimage_check(struct bzimage *out, const void *head, size_t head_size, u64 file_size, char *error,
		  size_t error_size)
{
	struct setup_header h;
	const char *defect;

	if (head_size < SETUP_HEADER_OFFSET + sizeof(h)) {
		fl_snprintf(error, error_size,
			    "is not a Linux bzImage (%llu bytes are too few); give the file that "
			    "distributions call vmlinuz",
			    (unsigned long long)file_size);
		return -EINVAL;
	}
	memcpy(&h, (const u8 *)head + SETUP_HEADER_OFFSET, sizeof(h));
	defect = header_defect(&h);
	if (!defect && header_absurd(&h))
		defect = "has a damaged setup header; copy the file again";
	if (defect) {
		fl_snprintf(error, error_size, "%s", defect);
		return -EINVAL;
	}

	out->protocol = h.version;
	out->code_offset = setup_bytes(&h);
	out->code_size = (u64)h.syssize * 16;
	out->memory_size = h.init_size;
	out->alignment = h.kernel_alignment;
	out->preferred = h.pref_address;
	out->initrd_max = h.initrd_addr_max;
	out->cmdline_size_max = h.cmdline_size;
	if (file_size < out->code_offset + out->code_size) {
		fl_snprintf(error, error_size, "is truncated: %llu bytes of %llu; copy the file again",
			    (unsigned long long)file_size,
			    (unsigned long long)(out->code_offset + out->code_size));
		return -EINVAL;
	}
	return 0;
}

void bzimage_fill_params(void *boot_params, const void *head, size_t head_size,
			 const struct bzimage_load *load)
{
	struct boot_params *bp = boot_params;
	struct setup_header h;
	size_t end;

	memset(bp, 0, sizeof(*bp));
	memcpy(&h, (const u8 *)head + SETUP_HEADER_OFFSET, sizeof(h));
	end = (size_t)min_u64(min_u64(header_end(&h), HEADER_END_MAX), head_size);
	memcpy((u8 *)bp + SETUP_HEADER_OFFSET, (const u8 *)head + SETUP_HEADER_OFFSET,
	       end - SETUP_HEADER_OFFSET);

	bp->header.type_of_loader = LOADER_TYPE_UNDEFINED;
	bp->header.setup_data = 0;
	bp->header.cmd_line_ptr = (u32)load->cmdline;
	bp->ext_cmd_line_ptr = (u32)(load->cmdline >> 32);
	bp->header.ramdisk_image = (u32)load->initrd;
	bp->ext_ramdisk_image = (u32)(load->initrd >> 32);
	bp->header.ramdisk_size = (u32)load->initrd_size;
	bp->ext_ramdisk_size = (u32)(load->initrd_size >> 32);
	bp->acpi_rsdp_addr = load->rsdp;
}

static enum e820_type e820_type_of(enum mem_type type)
{
	switch (type) {
	case MEM_RAM: return E820_RAM;
	case MEM_ACPI_RECLAIM: return E820_ACPI;
	case MEM_ACPI_NVS: return E820_NVS;
	case MEM_UNUSABLE: return E820_UNUSABLE;
	case MEM_RESERVED:
	case MEM_FIRMWARE:
	case MEM_FAIRLEAD:
	case MEM_CUT: break;
	}
	return E820_RESERVED;
}

/* Does the range at index i continue the entry of the one before it? */
static bool continues(const struct memmap *map, unsigned int i)
{
	const struct mem_range *r = &map->range[i];

	return i > 0 && r[-1].base + r[-1].size == r->base &&
	       e820_type_of(r[-1].type) == e820_type_of(r->type);
}

int boot_fill_e820(void *boot_params, const struct memmap *map)
{
	struct boot_params *bp = boot_params;
	unsigned int i, entries = 0;

	for (i = 0; i < map->count; i++)
		entries += continues(map, i) ? 0 : 1;
	if (entries > E820_ENTRIES_MAX)
		return -E2BIG;

	memset(bp->e820, 0, sizeof(bp->e820));
	bp->e820_entries = (u8)entries;
	entries = 0;
	for (i = 0; i < map->count; i++) {
		const struct mem_range *r = &map->range[i];

		if (continues(map, i)) {
			bp->e820[entries - 1].size += r->size;
			continue;
		}
		bp->e820[entries].base = r->base;
		bp->e820[entries].size = r->size;
		bp->e820[entries].type = e820_type_of(r->type);
		entries++;
	}
	return 0;
}
