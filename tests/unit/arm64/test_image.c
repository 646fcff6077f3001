/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The headers of an arm64 Image (Linux Documentation/arch/arm64/booting.rst), and unpacking gzip files within
 * the room that is given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "boot/arm64/gunzip.h"
#include "boot/arm64/image.h"
#include "core/errno.h"
#include "core/string.h"

#include <zlib.h>

/* ---- Image ---- */

static u8 head[IMAGE_HEAD_BYTES];
static struct image image;
static const char *why;

static void put(size_t offset, u64 value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		head[offset + i] = (u8)(value >> (8 * i));
}

/* As Linux makes it: an EFI program as well, with two sections. */
static int make_head(void **state)
{
	memset(head, 0, sizeof(head));
	memcpy(head, "MZ", 2);
	put(8, 0, 8);	       /* text_offset */
	put(16, 0x2010000, 8); /* image_size */
	put(24, 0xa, 8);       /* flags: little-endian, 4 KiB pages, anywhere */
	memcpy(head + 56, "ARMd", 4);
	put(60, 0x40, 4); /* PE header */
	memcpy(head + 0x40, "PE\0", 4);
	put(0x44, 0xaa64, 2);
	put(0x46, 2, 2);			 /* sections */
	put(0x54, 0xa0, 2);			 /* optional header */
	put(0x58 + 0xa0 + 16, 0x1000000, 4);	 /* .text: raw size, */
	put(0x58 + 0xa0 + 20, 0x10000, 4);	 /* and place */
	put(0x58 + 0xa0 + 40 + 16, 0xfe0000, 4); /* .data */
	put(0x58 + 0xa0 + 40 + 20, 0x1010000, 4);
	(void)state;
	return 0;
}

static void refused(const char *words)
{
	why = NULL;
	assert_int_equal(image_check(&image, head, sizeof(head), &why), -EINVAL);
	assert_non_null(why);
	if (!strstr(why, words))
		fail_msg("\"%s\" does not say \"%s\"", why, words);
}

static void test_image(void **state)
{
	assert_int_equal(image_check(&image, head, sizeof(head), &why), 0);
	assert_int_equal(image.text_offset, 0);
	assert_int_equal(image.image_size, 0x2010000);
	assert_int_equal(image.file_size, 0x1ff0000);
	put(8, 0x80000, 8);
	assert_int_equal(image_check(&image, head, sizeof(head), &why), 0);
	assert_int_equal(image.text_offset, 0x80000);
	put(60, 0, 4); /* without CONFIG_EFI */
	memset(head, 0, 2);
	assert_int_equal(image_check(&image, head, 64, &why), 0);
	assert_int_equal(image.file_size, 0);
}

static void test_image_refusals(void **state)
{
	assert_int_equal(image_check(&image, head, 63, &why), -EINVAL);
	assert_non_null(strstr(why, "short"));
	put(24, 0xb, 8);
	refused("big-endian");
	put(24, 0xa, 8);
	put(16, 0, 8);
	refused("3.17");
	put(16, ((u64)1 << 30) + 1, 8);
	refused("damaged");
	put(16, ~(u64)0, 8);
	refused("damaged");
	put(16, 0x2010000, 8);
	put(8, ~(u64)0xfff, 8);
	refused("damaged");
	put(8, 0x10, 8);
	refused("damaged");
	put(8, 0, 8);
	head[56] = 'B';
	refused("not an arm64 Image");
	memcpy(head + 4, "zimg", 4);
	refused("zboot");
	head[0] = 0;
	refused("not an arm64 Image");
}

/*
 * Numbers in the PE header that no build makes: nothing outside the head is read, and no file has to be
 * larger than the kernel.
 */
static void test_pe_header(void **state)
{
	put(0x58 + 0xa0 + 40 + 16, 0xffffffff, 4);
	refused("damaged");
	make_head(NULL);
	put(16, 0x1fef000, 8); /* less than the sections have */
	refused("damaged");
	make_head(NULL);
	head[0x40] = 'X';
	assert_int_equal(image_check(&image, head, sizeof(head), &why), 0);
	assert_int_equal(image.file_size, 0);
	make_head(NULL);
	put(0x46, 0xffff, 2);
	put(0x54, 0xffff, 2);
	assert_int_equal(image_check(&image, head, sizeof(head), &why), 0);
	for (size_t size = 64; size < 0x200; size++) {
		u8 *copy = malloc(size);

		make_head(NULL);
		memcpy(copy, head, size);
		assert_int_equal(image_check(&image, copy, size, &why), 0);
		/* As many sections as there are whole. */
		assert_int_equal(image.file_size, size < 0x58 + 0xa0 + 40   ? 0
						  : size < 0x58 + 0xa0 + 80 ? 0x1010000
									    : 0x1ff0000);
		free(copy);
	}
	for (u64 offset = 0xffffffe0; offset <= 0xffffffff; offset++) {
		put(60, offset, 4);
		assert_int_equal(image_check(&image, head, sizeof(head), &why), 0);
	}
}

/* ---- gzip ---- */

#define DATA_BYTES 200000u

static u8 data[DATA_BYTES], work[GUNZIP_WORK_BYTES] __attribute__((aligned(16)));
static size_t written;

/* Data that shrinks to about a half, so that all of deflate is in use. */
static void fill(void)
{
	u64 x = 1;

	for (size_t i = 0; i < DATA_BYTES; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		data[i] = (x >> 60) < 8 ? (u8)(i / 100) : (u8)(x >> 40);
	}
}

static u8 *pack(const void *from, size_t size, size_t *packed)
{
	z_stream z = { .next_in = (u8 *)(uintptr_t)from, .avail_in = (unsigned int)size };
	size_t room = size + 1000;
	u8 *out = malloc(room);

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_out = out;
	z.avail_out = (unsigned int)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	*packed = z.total_out;
	deflateEnd(&z);
	return realloc(out, *packed);
}

static int unpack(const u8 *packed, size_t size, u8 *out, size_t room)
{
	written = 0xdead;
	return gunzip(packed, size, out, room, work, sizeof(work), &written);
}

static void test_gzip(void **state)
{
	size_t size;
	u8 *packed, *out = malloc(DATA_BYTES);

	fill();
	packed = pack(data, DATA_BYTES, &size);
	assert_true(gunzip_is_gzip(packed, size));
	assert_false(gunzip_is_gzip(packed, 1));
	assert_false(gunzip_is_gzip("MZ", 2));
	assert_int_equal(unpack(packed, size, out, DATA_BYTES), 0);
	assert_int_equal(written, DATA_BYTES);
	assert_memory_equal(out, data, DATA_BYTES);
	free(packed);
	packed = pack(data, 0, &size);
	assert_int_equal(unpack(packed, size, out, DATA_BYTES), 0);
	assert_int_equal(written, 0);
	free(packed);
	free(out);
}

/* Not a byte behind the room, and what is in it is right. */
static void test_less_room(void **state)
{
	static const size_t rooms[] = { 1, 64, 4096, 65536, DATA_BYTES - 1 };
	size_t size;
	u8 *packed;

	fill();
	packed = pack(data, DATA_BYTES, &size);
	for (unsigned int i = 0; i < ARRAY_SIZE(rooms); i++) {
		u8 *out = malloc(rooms[i]);

		assert_int_equal(unpack(packed, size, out, rooms[i]), -ENOSPC);
		assert_int_equal(written, rooms[i]);
		assert_memory_equal(out, data, rooms[i]);
		free(out);
	}
	free(packed);
}

static void test_damage(void **state)
{
	size_t size;
	u8 *packed, *out = malloc(DATA_BYTES), *more;

	fill();
	packed = pack(data, DATA_BYTES, &size);
	for (size_t cut = 0; cut < size; cut += cut < 100 || cut > size - 100 ? 1 : 997) {
		u8 *copy = malloc(cut ? cut : 1);

		memcpy(copy, packed, cut);
		assert_int_equal(unpack(copy, cut, out, DATA_BYTES), -EINVAL);
		free(copy);
	}
	/*
	 * Wrong bits: the checksum finds what the format does not. Three fields of the header mean nothing:
	 * time, level, system.
	 */
	for (size_t i = 0; i < size; i += i < 100 || i > size - 100 ? 1 : 499) {
		int err;

		packed[i] ^= 0x10;
		err = unpack(packed, size, out, DATA_BYTES);
		packed[i] ^= 0x10;
		/*
		 * So do the bits that fill up a byte before a block that is not compressed (RFC 1951, 3.2.4).
		 */
		if ((i >= 4 && i < 10) || !err)
			assert_true(!err && written == DATA_BYTES && !memcmp(out, data, DATA_BYTES));
		else if (err != -EINVAL && err != -ENOSPC)
			fail_msg("a wrong bit at %zu of %zu: %d", i, size, err);
	}
	more = calloc(1, size + 16);
	memcpy(more, packed, size);
	assert_int_equal(unpack(more, size + 16, out, DATA_BYTES), 0); /* padding */
	more[size + 15] = 1;
	assert_int_equal(unpack(more, size + 16, out, DATA_BYTES), -EINVAL); /* something else */
	free(more);
	free(packed);
	free(out);
}

static void test_little_memory(void **state)
{
	size_t size;
	u8 *packed, *out = malloc(DATA_BYTES);

	fill();
	packed = pack(data, DATA_BYTES, &size);
	for (size_t room = 0; room <= sizeof(work); room += 4096) {
		int err = gunzip(packed, size, out, 4096, work, room, &written);

		assert_true(err == -ENOSPC || err == -ENOMEM);
		if (room <= 32 << 10) /* RFC 1951: a window of 32 KiB */
			assert_int_equal(err, -ENOMEM);
	}
	assert_int_equal(gunzip(packed, size, out, 4096, work, sizeof(work), &written), -ENOSPC);
	assert_int_equal(written, 4096);
	free(packed);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_image, make_head),
		cmocka_unit_test_setup(test_image_refusals, make_head),
		cmocka_unit_test_setup(test_pe_header, make_head),
		cmocka_unit_test(test_gzip),
		cmocka_unit_test(test_less_room),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_little_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
