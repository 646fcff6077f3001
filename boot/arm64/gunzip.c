/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zlib's inflate() with an allocator that only cuts pieces off a block: all of them are forgotten with the
 * block.
 */
#include "boot/arm64/gunzip.h"
#include "core/errno.h"
#include "core/string.h"

#define Z_SOLO /* zlib.h: no files, no malloc */
#include <zlib.h>

#define GZIP_ONLY	(15 + 16) /* inflateInit2(): the largest window, and a gzip header */
#define PIECE_ALIGNMENT 16u
/* zlib counts in 32 bits. */
#define CHUNK_MAX (1u << 30)

struct block {
	u8 *next;
	size_t left;
};

static void *cut(void *opaque, unsigned int items, unsigned int size)
{
	struct block *block = opaque;
	u64 bytes = ALIGN_UP((u64)items * size, PIECE_ALIGNMENT);
	u8 *piece = block->next;

	if (bytes > block->left)
		return NULL;
	block->next += bytes;
	block->left -= (size_t)bytes;
	memset(piece, 0, (size_t)bytes);
	return piece;
}

static void forget(void *opaque UNUSED, void *piece UNUSED)
{
}

bool gunzip_is_gzip(const void *in, size_t in_size)
{
	const u8 *magic = in;

	return in_size >= 2 && magic[0] == 0x1f && magic[1] == 0x8b; /* RFC 1952, 2.3.1: ID1, ID2 */
}

static bool all_zeros(const u8 *at, size_t size)
{
	while (size--) {
		if (*at++)
			return false;
	}
	return true;
}

/* Each round takes or gives something, or is the last. */
static int inflate_all(z_stream *z, const u8 *in_end, const u8 *out_end)
{
	for (;;) {
		const u8 *in = z->next_in, *out = z->next_out;
		int ret;

		z->avail_in = (unsigned int)min_u64((u64)(in_end - in), CHUNK_MAX);
		z->avail_out = (unsigned int)min_u64((u64)(out_end - out), CHUNK_MAX);
		ret = inflate(z, Z_NO_FLUSH);
		if (ret == Z_STREAM_END)
			return all_zeros(z->next_in, (size_t)(in_end - z->next_in)) ? 0 : -EINVAL;
		if (ret == Z_MEM_ERROR)
			return -ENOMEM;
		if ((ret != Z_OK && ret != Z_BUF_ERROR) || (z->next_in == in && z->next_out == out))
			return z->next_out == out_end && ret == Z_BUF_ERROR && z->next_in != in_end ? -ENOSPC
												    : -EINVAL;
	}
}

int gunzip(const void *in, size_t in_size, void *out, size_t room, void *work, size_t work_size,
	   size_t *written)
{
	struct block block = { work, work_size };
	z_stream z = { .next_in = (u8 *)(uintptr_t)in,
		       .next_out = out,
		       .zalloc = cut,
		       .zfree = forget,
		       .opaque = &block };
	int ret;

	*written = 0;
	if (inflateInit2(&z, GZIP_ONLY) != Z_OK)
		return -ENOMEM;
	ret = inflate_all(&z, (const u8 *)in + in_size, (u8 *)out + room);
	*written = (size_t)(z.next_out - (u8 *)out);
	(void)inflateEnd(&z);
	return ret;
}
