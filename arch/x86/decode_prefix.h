/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reading position in an instruction's bytes, and the prefixes. Shared by the files of the decoder only.
 */
#ifndef ARCH_X86_DECODE_PREFIX_H
#define ARCH_X86_DECODE_PREFIX_H

#include "arch/x86/decode.h"

struct x86_cursor {
	const u8 *bytes;
	unsigned int n;	  /* readable bytes, at most X86_INSN_MAX */
	unsigned int pos; /* of the next one */
};

struct x86_prefixes {
	bool lock;
	bool operand_size; /* 0x66 */
	bool address_size; /* 0x67 */
	u8 rep;		   /* 0, 0xf2 or 0xf3: the last one counts */
	u8 segment;	   /* enum x86_seg, or X86_NO_REG */
	u8 rex;		   /* 0 or 0x40..0x4f */
};

#define X86_REX_W 0x8
#define X86_REX_R 0x4
#define X86_REX_X 0x2
#define X86_REX_B 0x1

struct x86_cursor x86_cursor(const u8 *bytes, unsigned int n);
/* The next `size` bytes (1, 2, 4, 8), little-endian, zero-extended. -E2BIG: not there. */
int MUST_CHECK x86_take(struct x86_cursor *c, unsigned int size, u64 *value);
/* Leaves the cursor on the opcode. -E2BIG: the bytes end before it. */
int MUST_CHECK x86_take_prefixes(struct x86_cursor *c, enum x86_mode mode, struct x86_prefixes *p);

#endif
