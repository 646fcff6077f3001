/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the other CPUs can begin.
 */
#ifndef BOOT_X86_TRAMPOLINE_H
#define BOOT_X86_TRAMPOLINE_H

#include "boot/place.h"

/* Where a CPU can begin that is woken by a SIPI: TRAMPOLINE_SIZE bytes below 640 KiB. */
extern const struct place_request place_for_trampoline;

#endif
