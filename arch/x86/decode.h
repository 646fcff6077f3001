/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instruction decoding for two questions of the exit handlers: how long is this intercepted instruction, and
 * what does this memory access read, compute and write? Everything is read from the bytes; nothing is assumed
 * of them, since another CPU of the guest can change them at any time. Pure functions. Encodings: AMD64 APM
 * vol. 3, chapter 1 and appendix A.
 */
#ifndef ARCH_X86_DECODE_H
#define ARCH_X86_DECODE_H

#include "arch/x86/vcpu.h"

#define X86_INSN_MAX 15 /* bytes; a longer instruction raises #GP (APM vol. 3, 1.1) */

/* Size of addresses and operands without a prefix: real and virtual-8086 mode are 16-bit code, and so is a
 * 16-bit segment. */
enum x86_mode { X86_MODE_16, X86_MODE_32, X86_MODE_64 };

enum x86_intercepted {
	X86_INSN_CPUID,
	X86_INSN_RDMSR,
	X86_INSN_WRMSR,
	X86_INSN_HLT,
	X86_INSN_VMRUN,
	X86_INSN_VMMCALL,
	X86_INSN_VMLOAD,
	X86_INSN_VMSAVE,
	X86_INSN_STGI,
	X86_INSN_CLGI,
	X86_INSN_SKINIT,
	X86_INSN_INVLPGA,
	X86_INSN_RDTSC, /* RDTSC only: some processors give RDTSCP the same exit code, so ask for both */
	X86_INSN_RDTSCP,
	X86_INSN_XSETBV,
	X86_INSN_INVD,
	X86_INSN_WBINVD, /* and WBNOINVD, which has the same exit code */
	X86_INSN_IN,
	X86_INSN_OUT,
	X86_INSN_INS,
	X86_INSN_OUTS,
	X86_INSN_MOV_FROM_CR,
	X86_INSN_MOV_TO_CR,
	X86_INSN_MOV_FROM_DR,
	X86_INSN_MOV_TO_DR,
	X86_INSN_IRET,
	X86_INSN_RSM,
	X86_INSN_MONITOR, /* and MONITORX */
	X86_INSN_MWAIT,	  /* and MWAITX */
	X86_INTERCEPTED
};

/*
 * Are these bytes that instruction (with any prefixes that are legal on it)? 0: yes, *length bytes (1..15).
 * -EILSEQ: no, they are another. -E2BIG: as far as the n bytes go they may be, more are needed. At most 15
 * bytes are looked at.
 */
int MUST_CHECK x86_match(const u8 *bytes, unsigned int n, enum x86_mode mode, enum x86_intercepted what,
			 unsigned int *length);

enum x86_op {
	X86_OP_NONE,
	X86_OP_MOV,
	X86_OP_MOVZX,
	X86_OP_MOVSX, /* and MOVSXD */
	X86_OP_ADD,   /* ADD to CMP in the order of their opcodes */
	X86_OP_OR,
	X86_OP_ADC,
	X86_OP_SBB,
	X86_OP_AND,
	X86_OP_SUB,
	X86_OP_XOR,
	X86_OP_CMP,
	X86_OP_TEST,
	X86_OP_INC,
	X86_OP_DEC,
	X86_OP_NOT,
	X86_OP_NEG,
	X86_OP_BT, /* BT to BTC in the order of their opcodes */
	X86_OP_BTS,
	X86_OP_BTR,
	X86_OP_BTC,
	X86_OP_XCHG,
	X86_OP_XADD,
	X86_OP_CMPXCHG,
	X86_OP_MOVS, /* string instructions from here on */
	X86_OP_CMPS,
	X86_OP_STOS,
	X86_OP_LODS,
	X86_OP_SCAS,
};

/* What the operand that is not memory is. */
enum x86_other { X86_OTHER_NONE, X86_OTHER_REG, X86_OTHER_IMM };

#define X86_NO_REG 0xff

struct x86_insn {
	enum x86_op op;
	enum x86_other other;
	u8 length;	  /* bytes, 1..15 */
	u8 size;	  /* of the memory operand, bytes: 1, 2, 4, 8 */
	u8 reg_size;	  /* of the register operand, bytes */
	u8 reg;		  /* register number, enum x86_reg */
	bool high_byte;	  /* AH, CH, DH, BH: bits 15:8 of `reg` */
	bool mem_is_dest; /* memory is the first operand */
	u64 imm;	  /* sign-extended */
	u8 rep;		  /* 0, 0xf2 (REPNE) or 0xf3 (REP, REPE); string instructions only */

	u8 address_size; /* bytes: 2, 4, 8 */
	u8 segment;	 /* enum x86_seg. In 64-bit mode only FS and GS have a base */
	bool stack;	 /* the segment is SS by default: a bad address raises #SS and not #GP */
	u8 base, index;	 /* register number or X86_NO_REG */
	u8 index_shift;
	bool rip_relative;
	u64 displacement; /* sign-extended */
};

/*
 * Decodes one instruction that has a memory operand. 0: *insn. -E2BIG: more than n (or more than 15) bytes
 * are needed.
 * -EILSEQ: an instruction that accesses no memory (so it is not the one that faulted). -EOPNOTSUPP: not among
 * those above; SSE, AVX and x87 are not, since no driver needs them for device registers.
 */
int MUST_CHECK x86_decode(const u8 *bytes, unsigned int n, enum x86_mode mode, struct x86_insn *insn);

/* Offset of the memory operand in its segment; string instructions have rSI and rDI instead. next_rip: of the
 * instruction's end. */
u64 x86_effective_address(const struct x86_insn *insn, const u64 *reg, u64 next_rip);

/*
 * The segment that the prefixes of a string instruction select, DS without one. 0 or -E2BIG. In 64-bit mode
 * the old four overrides are ignored (APM vol. 3, 1.2.4).
 */
int MUST_CHECK x86_prefix_segment(const u8 *bytes, unsigned int n, enum x86_mode mode, unsigned int *segment);

#endif
