/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two halves of making the guest's tree: first everything that it must not have is struck out, in place;
 * then what it needs is written. Shared by dt_guest*.c only.
 */
#ifndef BOOT_ARM64_DT_GUEST_H
#define BOOT_ARM64_DT_GUEST_H

#include "boot/arm64/dt_read.h"

/*
 * Strikes out nodes and properties of `tree`, a copy of `firmware`, and lists for dt_guest_registers() what
 * stays. Nothing moves. libfdt's error. dt_guest_nodes.c
 */
int MUST_CHECK dt_strike_out(const void *firmware, const struct dt_guest *guest, void *tree);

#endif
