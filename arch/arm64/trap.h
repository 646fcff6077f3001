/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions of Fairlead itself at EL2.
 */
#ifndef ARCH_ARM64_TRAP_H
#define ARCH_ARM64_TRAP_H

#include "core/types.h"

/* As entry.S saves it. */
struct trap_frame {
	u64 x[31];
	u64 sp, elr, spsr, esr, far;
};
static_assert(sizeof(struct trap_frame) == 288, "entry.S: FRAME_SIZE");
static_assert(offsetof(struct trap_frame, elr) == 256 && offsetof(struct trap_frame, esr) == 272, "entry.S");

/* From the vectors; `vector` is its number in the table, 0 to 7. Returns if the instruction was one that may fail. */
void trap_handle(struct trap_frame *frame, unsigned int vector);
/* An SError that came while the guest ran, or was pending until it did. */
void trap_guest_serror(u64 esr);

#endif
