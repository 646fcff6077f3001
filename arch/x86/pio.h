/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's port I/O: a port is either passed (its bit in the permission map is clear and the guest reaches the
 * hardware without an exit) or trapped and answered by the one handler that claimed it.
 */
#ifndef ARCH_X86_PIO_H
#define ARCH_X86_PIO_H

#include "core/types.h"

/* size: 1, 2 or 4. A read fills *value (only its low `size` bytes count); an access that begins inside the range may run past its end:
 * the dispatcher splits it into bytes then. Exit path. */
typedef void (*pio_fn)(void *ctx, u16 port, unsigned int size, bool write, u32 *value);

/* Claims [first, first+count). Boot. -EEXIST: overlap; -ENOSPC. */
int pio_claim(u16 first, u16 count, pio_fn fn, void *ctx, const char *name);
/* Releases a claim that begins at `first` (I/O BARs that move). Exit path. -ENOENT. */
int pio_release(u16 first);
/* Is `port` claimed, and by that handler? Exit path. */
bool pio_claimed_by(u16 port, pio_fn fn);
/* One guest access that exited. Exit path. Where it spans claims, or a claim and ports that pass, it goes on byte by byte, each to its
 * own; bytes past FFFFh: all-ones / dropped. */
void pio_access(u16 port, unsigned int size, bool write, u32 *value);
/* The permission map as SVM reads it (APM vol. 2, 15.10.1): 12 KiB, one bit a port, 1 = exit. 4 KiB aligned. */
extern u8 pio_bitmap[12288];

#endif
