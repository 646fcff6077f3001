/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What arithmetic instructions compute, with their flags. Pure functions.
 */
#ifndef ARCH_X86_ALU_H
#define ARCH_X86_ALU_H

#include "arch/x86/decode.h"

/*
 * op: X86_OP_ADD to X86_OP_NEG; size: 1, 2, 4, 8 bytes; a is the first operand, b the second (not used by INC
 * to NEG). Returns the new first operand (for CMP and TEST, which store none, what they compared) and updates
 * the status flags in *rflags. A flag that the architecture leaves undefined (AF of logical operations) is
 * cleared.
 */
u64 x86_alu(enum x86_op op, unsigned int size, u64 a, u64 b, u64 *rflags);

/* op: X86_OP_BT to X86_OP_BTC; bit: below 8 * size. CF becomes the old bit; the flags left undefined are not
 * touched. */
u64 x86_alu_bit(enum x86_op op, u64 value, unsigned int bit, u64 *rflags);

/* The low `size` bytes; size: 1, 2, 4, 8. */
u64 x86_truncate(u64 value, unsigned int size);
u64 x86_sign_extend(u64 value, unsigned int size);

#endif
