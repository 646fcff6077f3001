/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is it really the intercepted instruction that stands at RIP, and how long is it? Processors without
 * next-RIP save leave this to software. A length that was guessed would let a guest that rewrites its code
 * make Fairlead skip something else.
 */
#include "arch/x86/decode_prefix.h"
#include "core/errno.h"

/* What follows the opcode. */
enum tail { TAIL_NONE, TAIL_BYTE };

struct pattern {
	u8 what; /* enum x86_intercepted */
	u8 opcode_bytes;
	u8 opcode[3];
	u8 last_mask; /* bits of the last opcode byte that count */
	u8 tail;
	bool lock; /* LOCK is legal */
};

/*
 * AMD64 APM vol. 3, chapters 3 and 4. The byte after MOV CR/DR is a ModRM whose mod field the processor
 * ignores, so one byte it is; LOCK there means CR8.
 */
static const struct pattern patterns[] = {
	{ X86_INSN_CPUID, 2, { 0x0f, 0xa2 }, 0xff, TAIL_NONE, false },
	{ X86_INSN_RDMSR, 2, { 0x0f, 0x32 }, 0xff, TAIL_NONE, false },
	{ X86_INSN_WRMSR, 2, { 0x0f, 0x30 }, 0xff, TAIL_NONE, false },
	{ X86_INSN_HLT, 1, { 0xf4 }, 0xff, TAIL_NONE, false },
	{ X86_INSN_VMRUN, 3, { 0x0f, 0x01, 0xd8 }, 0xff, TAIL_NONE, false },
	{ X86_INSN_VMMCALL, 3, { 0x0f, 0x01, 0xd9 }, 0xff, TAIL_NONE, false },
	{ X86_INSN_VMLOAD, 3, { 0x0f, 0x01, 0xda }, 0xff, TAIL_NONE, false },
	{ X86_INSN_VMSAVE, 3, { 0x0f, 0x01, 0xdb }, 0xff, TAIL_NONE, false },
	{ X86_INSN_STGI, 3, { 0x0f, 0x01, 0xdc }, 0xff, TAIL_NONE, false },
	{ X86_INSN_CLGI, 3, { 0x0f, 0x01, 0xdd }, 0xff, TAIL_NONE, false },
	{ X86_INSN_SKINIT, 3, { 0x0f, 0x01, 0xde }, 0xff, TAIL_NONE, false },
	{ X86_INSN_INVLPGA, 3, { 0x0f, 0x01, 0xdf }, 0xff, TAIL_NONE, false },
	{ X86_INSN_RDTSC, 2, { 0x0f, 0x31 }, 0xff, TAIL_NONE, false },
	{ X86_INSN_RDTSCP, 3, { 0x0f, 0x01, 0xf9 }, 0xff, TAIL_NONE, false },
	{ X86_INSN_XSETBV, 3, { 0x0f, 0x01, 0xd1 }, 0xff, TAIL_NONE, false },
	{ X86_INSN_INVD, 2, { 0x0f, 0x08 }, 0xff, TAIL_NONE, false },
	{ X86_INSN_WBINVD, 2, { 0x0f, 0x09 }, 0xff, TAIL_NONE, false },
	{ X86_INSN_IN, 1, { 0xe4 }, 0xfe, TAIL_BYTE, false },
	{ X86_INSN_IN, 1, { 0xec }, 0xfe, TAIL_NONE, false },
	{ X86_INSN_OUT, 1, { 0xe6 }, 0xfe, TAIL_BYTE, false },
	{ X86_INSN_OUT, 1, { 0xee }, 0xfe, TAIL_NONE, false },
	{ X86_INSN_INS, 1, { 0x6c }, 0xfe, TAIL_NONE, false },
	{ X86_INSN_OUTS, 1, { 0x6e }, 0xfe, TAIL_NONE, false },
	{ X86_INSN_MOV_FROM_CR, 2, { 0x0f, 0x20 }, 0xff, TAIL_BYTE, true },
	{ X86_INSN_MOV_TO_CR, 2, { 0x0f, 0x22 }, 0xff, TAIL_BYTE, true },
	{ X86_INSN_MOV_FROM_DR, 2, { 0x0f, 0x21 }, 0xff, TAIL_BYTE, false },
	{ X86_INSN_MOV_TO_DR, 2, { 0x0f, 0x23 }, 0xff, TAIL_BYTE, false },
	{ X86_INSN_IRET, 1, { 0xcf }, 0xff, TAIL_NONE, false },
	{ X86_INSN_RSM, 2, { 0x0f, 0xaa }, 0xff, TAIL_NONE, false },
	{ X86_INSN_MONITOR, 3, { 0x0f, 0x01, 0xc8 }, 0xff, TAIL_NONE, false },
	{ X86_INSN_MONITOR, 3, { 0x0f, 0x01, 0xfa }, 0xff, TAIL_NONE, false },
	{ X86_INSN_MWAIT, 3, { 0x0f, 0x01, 0xc9 }, 0xff, TAIL_NONE, false },
	{ X86_INSN_MWAIT, 3, { 0x0f, 0x01, 0xfb }, 0xff, TAIL_NONE, false },
};

static int match_one(struct x86_cursor *c, const struct pattern *pattern)
{
	u64 byte;
	int err;

	for (unsigned int i = 0; i < pattern->opcode_bytes; i++) {
		u8 mask = i == pattern->opcode_bytes - 1u ? pattern->last_mask : 0xff;

		err = x86_take(c, 1, &byte);
		if (err)
			return err;
		if ((byte & mask) != pattern->opcode[i])
			return -EILSEQ;
	}
	return pattern->tail == TAIL_BYTE ? x86_take(c, 1, &byte) : 0;
}

int x86_match(const u8 *bytes, unsigned int n, enum x86_mode mode, enum x86_intercepted what,
	      unsigned int *length)
{
	struct x86_cursor start = x86_cursor(bytes, n);
	struct x86_prefixes prefixes;
	int err = x86_take_prefixes(&start, mode, &prefixes);

	if (err)
		return err;
	err = -EILSEQ;
	for (unsigned int i = 0; i < ARRAY_SIZE(patterns) && err == -EILSEQ; i++) {
		struct x86_cursor c = start;

		if (patterns[i].what != what || (prefixes.lock && !patterns[i].lock))
			continue;
		err = match_one(&c, &patterns[i]);
		*length = c.pos;
	}
	return err;
}
