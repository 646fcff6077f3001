/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bzImage headers, good and bad, and the zero page. Offsets are written here as boot.rst and zero-page.rst
 * print them, not taken from the structures under test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "boot/x86/bzimage.h"
#include "core/errno.h"
#include "core/string.h"

#define SETUP_SECTS 0x1f1
#define SYSSIZE 0x1f4
#define BOOT_FLAG 0x1fe
#define JUMP 0x200
#define HEADER 0x202
#define VERSION 0x206
#define TYPE_OF_LOADER 0x210
#define LOADFLAGS 0x211
#define RAMDISK_IMAGE 0x218
#define RAMDISK_SIZE 0x21c
#define CMD_LINE_PTR 0x228
#define INITRD_ADDR_MAX 0x22c
#define KERNEL_ALIGNMENT 0x230
#define RELOCATABLE 0x234
#define XLOADFLAGS 0x236
#define CMDLINE_SIZE 0x238
#define SETUP_DATA 0x250
#define PREF_ADDRESS 0x258
#define INIT_SIZE 0x260

#define FILE_SIZE (40 * 512 + 0x1000 * 16)

static u8 head[BZIMAGE_HEAD_BYTES];
static char error[128];
static struct bzimage image;

static void put(u8 *to, unsigned int offset, unsigned int size, u64 value)
{
	memcpy(to + offset, &value, size);
}

static u64 get(const u8 *from, unsigned int offset, unsigned int size)
{
	u64 value = 0;

	memcpy(&value, from + offset, size);
	return value;
}

/* A header as Debian's 6.1 has it, with a small kernel. */
static int good_header(void **state)
{
	memset(head, 0x5a, sizeof(head));
	put(head, SETUP_SECTS, 1, 39);
	put(head, SYSSIZE, 4, 0x1000);
	put(head, BOOT_FLAG, 2, 0xaa55);
	put(head, JUMP, 2, 0x6aeb);
	put(head, HEADER, 4, 0x53726448);
	put(head, VERSION, 2, 0x020f);
	put(head, LOADFLAGS, 1, 1);
	put(head, INITRD_ADDR_MAX, 4, 0x7fffffff);
	put(head, KERNEL_ALIGNMENT, 4, 0x200000);
	put(head, RELOCATABLE, 1, 1);
	put(head, XLOADFLAGS, 2, 0x7f);
	put(head, CMDLINE_SIZE, 4, 2047);
	put(head, PREF_ADDRESS, 8, 0x1000000);
	put(head, INIT_SIZE, 4, 0x3f98000);
	return 0;
}

static int check_size(size_t head_size, u64 file_size)
{
	u8 *copy = malloc(head_size ? head_size : 1);
	int ret;

	memcpy(copy, head, head_size);
	memset(error, 0, sizeof(error));
	ret = bzimage_check(&image, copy, head_size, file_size, error, sizeof(error));
	free(copy);
	return ret;
}

static void refused(unsigned int offset, unsigned int size, u64 value, const char *words)
{
	good_header(NULL);
	put(head, offset, size, value);
	assert_int_equal(check_size(sizeof(head), FILE_SIZE), -EINVAL);
	if (!strstr(error, words))
		fail_msg("0x%x = 0x%llx gave \"%s\", which lacks \"%s\"", offset, (unsigned long long)value,
			 error, words);
}

static void test_not_a_kernel(void **state)
{
	refused(BOOT_FLAG, 2, 0, "not a Linux bzImage");
	refused(HEADER, 4, 0, "not a Linux bzImage");
	refused(HEADER, 1, 'h', "not a Linux bzImage");
	memset(head, 0, sizeof(head));
	assert_int_equal(check_size(sizeof(head), FILE_SIZE), -EINVAL);
	assert_int_equal(check_size(0, 0), -EINVAL);
}

static void test_wrong_kind(void **state)
{
	refused(VERSION, 2, 0x020b, "2.12");
	refused(VERSION, 2, 0x0100, "2.12");
	refused(LOADFLAGS, 1, 0, "zImage");
	refused(XLOADFLAGS, 2, 0x7e, "64-bit");
	refused(RELOCATABLE, 1, 0, "CONFIG_RELOCATABLE");
}

static void test_absurd_numbers(void **state)
{
	refused(JUMP, 2, 0x00eb, "damaged");	  /* the header ends before its fields */
	refused(JUMP, 2, 0x61eb, "damaged");	  /* one byte too early */
	refused(SYSSIZE, 4, 0, "damaged");
	refused(INIT_SIZE, 4, 0xffff, "damaged"); /* one byte less than the code */
	refused(INIT_SIZE, 4, 0, "damaged");
	refused(KERNEL_ALIGNMENT, 4, 0, "damaged");
	refused(KERNEL_ALIGNMENT, 4, 0x800, "damaged");
	refused(KERNEL_ALIGNMENT, 4, 0x300000, "damaged");
	refused(KERNEL_ALIGNMENT, 4, 0x80000000, "damaged");
	refused(PREF_ADDRESS, 8, 0x1000001, "damaged");
	refused(PREF_ADDRESS, 8, 0xffffffffffe00000, "damaged");
	refused(CMDLINE_SIZE, 4, 0, "damaged");
	refused(SETUP_SECTS, 1, 0xff, "truncated"); /* more setup than the file has room for */
}

static void test_truncated(void **state)
{
	good_header(NULL);
	assert_int_equal(check_size(sizeof(head), FILE_SIZE), 0);
	assert_int_equal(check_size(sizeof(head), FILE_SIZE + 1000), 0); /* a signature may follow */
	assert_int_equal(check_size(sizeof(head), FILE_SIZE - 1), -EINVAL);
	assert_non_null(strstr(error, "truncated"));
	/* Cut at every byte: refused, and nothing behind the cut is read. */
	for (size_t n = 0; n < sizeof(head); n++)
		assert_int_equal(check_size(n, n), -EINVAL);
}

static void test_facts(void **state)
{
	good_header(NULL);
	assert_int_equal(check_size(sizeof(head), FILE_SIZE), 0);
	assert_int_equal(image.protocol, 0x020f);
	assert_int_equal(image.code_offset, 40 * 512);
	assert_int_equal(image.code_size, 0x10000);
	assert_int_equal(image.memory_size, 0x3f98000);
	assert_int_equal(image.alignment, 0x200000);
	assert_int_equal(image.preferred, 0x1000000);
	assert_int_equal(image.initrd_max, 0x7fffffff);
	assert_int_equal(image.cmdline_size_max, 2047);
	put(head, SETUP_SECTS, 1, 0);
	assert_int_equal(check_size(sizeof(head), FILE_SIZE), 0);
	assert_int_equal(image.code_offset, 5 * 512);
	put(head, JUMP, 2, 0x62eb); /* protocol 2.12's header, with nothing behind init_size */
	assert_int_equal(check_size(sizeof(head), FILE_SIZE), 0);
}

static void test_garbage(void **state)
{
	srand(20260104);
	for (unsigned int round = 0; round < 50000; round++) {
		size_t n = (size_t)rand() % (sizeof(head) + 1);

		good_header(NULL);
		for (unsigned int i = 0; i < 1 + (unsigned int)rand() % 4; i++)
			head[0x1f1 + rand() % 0x80] = (u8)rand();
		if (!check_size(n, (u64)rand() * 64)) {
			assert_true(image.code_size <= image.memory_size);
			assert_true(image.alignment && !(image.alignment & (image.alignment - 1)));
		}
	}
}

/* ---- the zero page ---- */

static u8 params[BOOT_PARAMS_SIZE];

static void test_params(void **state)
{
	static const struct bzimage_load load = { 0x1122334455667000, 0xa1b2c3d4e5f60000, 0x0102030405060708,
						  0x7f77e014 };

	good_header(NULL);
	put(head, SETUP_DATA, 8, 0x1234);
	memset(params, 0xff, sizeof(params));
	bzimage_fill_params(params, head, sizeof(head), &load);
	assert_true(get(params, 0x70, 8) == load.rsdp);
	assert_int_equal(get(params, TYPE_OF_LOADER, 1), 0xff);
	assert_int_equal(get(params, CMD_LINE_PTR, 4), 0x55667000);
	assert_int_equal(get(params, 0xc8, 4), 0x11223344);
	assert_int_equal(get(params, RAMDISK_IMAGE, 4), 0xe5f60000);
	assert_int_equal(get(params, 0xc0, 4), 0xa1b2c3d4);
	assert_int_equal(get(params, RAMDISK_SIZE, 4), 0x05060708);
	assert_int_equal(get(params, 0xc4, 4), 0x01020304);
	assert_int_equal(get(params, SETUP_DATA, 8), 0);
	assert_int_equal(get(params, 0x1e8, 1), 0);
	assert_int_equal(get(params, 0x1ef, 1), 0); /* the sentinel */
	/* The header is the file's, from 0x1f1 to its end at 0x202 + 0x6a, and no byte more. */
	assert_int_equal(get(params, HEADER, 4), 0x53726448);
	assert_int_equal(get(params, KERNEL_ALIGNMENT, 4), 0x200000);
	assert_int_equal(get(params, INIT_SIZE, 4), 0x3f98000);
	assert_int_equal(params[0x26b], 0x5a);
	assert_int_equal(params[0x26c], 0);
	/* No efi_info: the guest must not find the firmware's runtime services. */
	for (unsigned int i = 0x1c0; i < 0x1e0; i++)
		assert_int_equal(params[i], 0);
}

/* A header that claims to be longer than its place in the zero page is cut there. */
static void test_params_long_header(void **state)
{
	static const struct bzimage_load load = { 0 };
	u8 *exact = malloc(BZIMAGE_HEAD_BYTES);

	good_header(NULL);
	put(head, JUMP, 2, 0xffeb);
	memcpy(exact, head, sizeof(head));
	bzimage_fill_params(params, exact, sizeof(head), &load);
	assert_int_equal(params[0x28f], 0x5a);
	assert_int_equal(params[0x290], 0);
	free(exact);
}

/* ---- e820 ---- */

static struct memmap map;

static void assert_entry(unsigned int i, u64 base, u64 size, u32 type)
{
	assert_true(get(params, 0x2d0 + 20 * i, 8) == base);
	assert_true(get(params, 0x2d8 + 20 * i, 8) == size);
	assert_int_equal(get(params, 0x2e0 + 20 * i, 4), type);
}

static void test_e820_types(void **state)
{
	static const u32 expected[] = {
		[MEM_RAM] = 1,	    [MEM_RESERVED] = 2, [MEM_ACPI_RECLAIM] = 3, [MEM_ACPI_NVS] = 4,
		[MEM_FIRMWARE] = 2, [MEM_FAIRLEAD] = 2, [MEM_CUT] = 2,		[MEM_UNUSABLE] = 5
	};

	map.count = 0;
	for (u64 type = 0; type < ARRAY_SIZE(expected); type++)
		assert_int_equal(memmap_add(&map, type << 20, 0x1000, (enum mem_type)type), 0);
	memset(params, 0, sizeof(params));
	assert_int_equal(boot_fill_e820(params, &map), 0);
	assert_int_equal(params[0x1e8], ARRAY_SIZE(expected));
	for (unsigned int type = 0; type < ARRAY_SIZE(expected); type++)
		assert_entry(type, (u64)type << 20, 0x1000, expected[type]);
}

static void test_e820_merges(void **state)
{
	map.count = 0;
	assert_int_equal(memmap_add(&map, 0x0000, 0x1000, MEM_RAM), 0);
	assert_int_equal(memmap_add(&map, 0x1000, 0x1000, MEM_RESERVED), 0);
	assert_int_equal(memmap_add(&map, 0x2000, 0x3000, MEM_FAIRLEAD), 0);
	assert_int_equal(memmap_add(&map, 0x5000, 0x1000, MEM_CUT), 0);
	assert_int_equal(memmap_add(&map, 0x7000, 0x1000, MEM_FIRMWARE), 0); /* behind a hole */
	memset(params, 0, sizeof(params));
	assert_int_equal(boot_fill_e820(params, &map), 0);
	assert_int_equal(params[0x1e8], 3);
	assert_entry(0, 0, 0x1000, 1);
	assert_entry(1, 0x1000, 0x5000, 2);
	assert_entry(2, 0x7000, 0x1000, 2);
	/* A second table leaves nothing of the first. */
	map.count = 1;
	assert_int_equal(boot_fill_e820(params, &map), 0);
	assert_entry(1, 0, 0, 0);
}

static void test_e820_full(void **state)
{
	map.count = 0;
	for (u64 i = 0; i < 128; i++)
		assert_int_equal(memmap_add(&map, i << 16, 0x1000, MEM_RAM), 0);
	memset(params, 0, sizeof(params));
	assert_int_equal(boot_fill_e820(params, &map), 0);
	assert_int_equal(params[0x1e8], 128);
	assert_entry(127, 127 << 16, 0x1000, 1);
	assert_int_equal(get(params, 0x2d0 + 128 * 20, 8), 0);
	assert_int_equal(memmap_add(&map, 128 << 16, 0x1000, MEM_RAM), 0);
	memset(params, 0, sizeof(params));
	assert_int_equal(boot_fill_e820(params, &map), -E2BIG);
	for (unsigned int i = 0; i < sizeof(params); i++)
		assert_int_equal(params[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_a_kernel), cmocka_unit_test(test_wrong_kind),
		cmocka_unit_test(test_absurd_numbers), cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_facts),	     cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_params),	     cmocka_unit_test(test_params_long_header),
		cmocka_unit_test(test_e820_types),   cmocka_unit_test(test_e820_merges),
		cmocka_unit_test(test_e820_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
