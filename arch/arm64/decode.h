/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A64 loads and stores of general-purpose registers, as data: for data aborts whose syndrome does not say
 * what was to be done (ESR_EL2.ISV = 0). Pure logic.
 */
#ifndef ARCH_ARM64_DECODE_H
#define ARCH_ARM64_DECODE_H

#include "core/types.h"

/* How an index register becomes an offset (Arm ARM C4.1.90, "option"). */
enum a64_extend {
	A64_NO_INDEX = 0,
	A64_UXTW = 2,
	A64_UXTX = 3,
	A64_SXTW = 6,
	A64_SXTX = 7,
};

struct a64_access {
	bool write;
	bool sign_extend;	/* a load's value is extended from its size to the register's, */
	bool to_64;		/* which is X (true) or W: then bits 63:32 become zero */
	bool ordered;		/* acquires or releases */
	unsigned int size;	/* bytes of each register: 1, 2, 4, 8 */
	unsigned int registers; /* 1, or 2 at addresses that follow each other */
	unsigned int rt[2];	/* 31: the zero register */
	bool pc_relative;	/* the base is the instruction's address; else */
	unsigned int rn;	/* this register, 31: the stack pointer */
	s64 offset;		/* added to the base for the access, */
	enum a64_extend extend; /* and rm, so extended and shifted left, unless A64_NO_INDEX */
	unsigned int rm, shift;
	bool write_back; /* the base register then becomes base + moved */
	s64 moved;
};

/*
 * 0: *a is complete. -EOPNOTSUPP: no load or store of general-purpose registers, or one that is more than
 * that: exclusives and other atomics, tags, pointer authentication, vector registers.
 */
int MUST_CHECK a64_decode(u32 insn, struct a64_access *a);

#endif
