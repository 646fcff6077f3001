/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unpacking a gzip file (RFC 1952) with zlib, within the memory that the caller gives: none is allocated.
 * Pure: the host tests it.
 */
#ifndef BOOT_ARM64_GUNZIP_H
#define BOOT_ARM64_GUNZIP_H

#include "core/types.h"

/* What zlib needs: its state and a window of 32 KiB. */
#define GUNZIP_WORK_BYTES ((size_t)64 << 10)

bool gunzip_is_gzip(const void *in, size_t in_size);
/*
 * Unpacks until the end, or until out[room] is full: *written says how much. 0: the end was reached, and
 * length and checksum are right; -ENOSPC: there is more; -EINVAL: damaged or cut short, or something other
 * than zeros follows; -ENOMEM: `work` (aligned to 16) is too small.
 */
int MUST_CHECK gunzip(const void *in, size_t in_size, void *out, size_t room, void *work, size_t work_size,
		      size_t *written);

#endif
