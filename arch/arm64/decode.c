/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decodes A64 loads and stores: Arm ARM (DDI 0487J) C4.1.88 to C4.1.96, "Loads and Stores", one function for
 * each of its classes that Fairlead carries out. What this guards: an encoding that is not one of those is
 * refused, not guessed at.
 *
 * Where an encoding is CONSTRAINED UNPREDICTABLE (a pair into one register, a base that is also loaded and
 * moved) it is carried out as if it were not, base last: one of the choices that the architecture leaves.
 */
#include "arch/arm64/decode.h"

#include "core/errno.h"

#define RT	      0 /* lowest bits of the fields that all classes share */
#define RN	      5
#define REGISTER_BITS 5

static unsigned int field(u32 insn, unsigned int low, unsigned int bits)
{
	return insn >> low & (BIT32(bits) - 1);
}

static s64 signed_field(u32 insn, unsigned int low, unsigned int bits)
{
	const s64 sign = (s64)BIT(bits - 1);

	return ((s64)field(insn, low, bits) ^ sign) - sign;
}

/* size, 31:30, and opc, 23:22, as most classes have them: -EOPNOTSUPP is a prefetch or not allocated. */
static int MUST_CHECK size_and_opc(u32 insn, struct a64_access *a)
{
	const unsigned int size = field(insn, 30, 2), opc = field(insn, 22, 2);

	a->size = 1u << size;
	a->write = opc == 0;
	a->sign_extend = opc >= 2;
	a->to_64 = a->sign_extend ? opc == 2 : size == 3;
	return a->sign_extend && size + (opc == 3) >= 3 ? -EOPNOTSUPP : 0;
}

/* imm9: LDUR and the like, post-indexed, LDTR and the like, pre-indexed. */
static int MUST_CHECK immediate_9(u32 insn, struct a64_access *a)
{
	const s64 imm = signed_field(insn, 12, 9);
	enum { UNSCALED, POST_INDEX, UNPRIVILEGED, PRE_INDEX } form = field(insn, 10, 2);

	a->write_back = form == POST_INDEX || form == PRE_INDEX;
	a->moved = a->write_back ? imm : 0;
	a->offset = form == POST_INDEX ? 0 : imm;
	return size_and_opc(insn, a);
}

/* LDAPUR, STLUR and the like */
static int MUST_CHECK ordered_immediate_9(u32 insn, struct a64_access *a)
{
	a->ordered = true;
	return immediate_9(insn, a);
}

/* imm12, in units of the size */
static int MUST_CHECK immediate_12(u32 insn, struct a64_access *a)
{
	const int err = size_and_opc(insn, a);

	a->offset = (s64)field(insn, 10, 12) * a->size;
	return err;
}

static int MUST_CHECK register_offset(u32 insn, struct a64_access *a)
{
	const unsigned int option = field(insn, 13, 3);

	a->rm = field(insn, 16, REGISTER_BITS);
	a->extend = option;
	a->shift = field(insn, 12, 1) ? field(insn, 30, 2) : 0;
	return option & 2 ? size_and_opc(insn, a) : -EOPNOTSUPP;
}

/* LDAPR: alone among the atomic memory operations it only reads. */
static int MUST_CHECK load_acquire_rcpc(u32 insn, struct a64_access *a)
{
	a->ordered = true;
	a->size = 1u << field(insn, 30, 2);
	a->to_64 = a->size == 8;
	return 0;
}

/* LDAR, STLR, LDLAR, STLLR. RES1 fields are not looked at, as by hardware. */
static int MUST_CHECK ordered(u32 insn, struct a64_access *a)
{
	a->ordered = true;
	a->size = 1u << field(insn, 30, 2);
	a->to_64 = a->size == 8;
	a->write = !field(insn, 22, 1);
	return 0;
}

static int MUST_CHECK pair(u32 insn, struct a64_access *a)
{
	const unsigned int opc = field(insn, 30, 2);
	enum { NO_ALLOCATE, POST_INDEX, OFFSET, PRE_INDEX } form = field(insn, 23, 2);
	s64 imm;

	a->write = !field(insn, 22, 1);
	a->registers = 2;
	a->rt[1] = field(insn, 10, REGISTER_BITS);
	a->size = opc == 2 ? 8 : 4;
	a->to_64 = opc != 0;
	a->sign_extend = opc == 1; /* LDPSW */
	if (opc == 3 || (opc == 1 && (a->write || form == NO_ALLOCATE)))
		return -EOPNOTSUPP; /* with tags (STGP), or not allocated */
	imm = signed_field(insn, 15, 7) * a->size;
	a->write_back = form == POST_INDEX || form == PRE_INDEX;
	a->moved = a->write_back ? imm : 0;
	a->offset = form == POST_INDEX ? 0 : imm;
	return 0;
}

static int MUST_CHECK literal(u32 insn, struct a64_access *a)
{
	const unsigned int opc = field(insn, 30, 2);

	a->pc_relative = true;
	a->offset = signed_field(insn, 5, 19) * 4;
	a->size = opc == 1 ? 8 : 4;
	a->to_64 = opc != 0;
	a->sign_extend = opc == 2;	   /* LDRSW */
	return opc == 3 ? -EOPNOTSUPP : 0; /* a prefetch */
}

/* In the order of the ARM ARM's table. The V bit, 26, is part of each mask and clear: no vector registers. */
static const struct {
	u32 mask, value;
	int (*decode)(u32 insn, struct a64_access *a);
} class[] = {
	{ 0x3fa00000, 0x08800000, ordered },		 /* 29:24 001000, o2 = 1, o1 = 0 */
	{ 0x3f200c00, 0x19000000, ordered_immediate_9 }, /* LDAPUR, STLUR: 29:24 011001, 21 and 11:10 clear */
	{ 0x3f000000, 0x18000000, literal },		 /* 29:24 011000 */
	{ 0x3e000000, 0x28000000, pair },		 /* 29:27 101, 25 clear */
	{ 0x3f200000, 0x38000000, immediate_9 },	 /* 29:24 111000, 21 clear */
	{ 0x3ffffc00, 0x38bfc000, load_acquire_rcpc },	 /* A = 1, R = 0, Rs = 11111, o3 = 1, opc = 100 */
	{ 0x3f200c00, 0x38200800, register_offset },	 /* 21 set, 11:10 10 */
	{ 0x3f000000, 0x39000000, immediate_12 },	 /* 29:24 111001 */
};

int a64_decode(u32 insn, struct a64_access *a)
{
	*a = (struct a64_access){
		.registers = 1,
		.rt = { field(insn, RT, REGISTER_BITS) },
		.rn = field(insn, RN, REGISTER_BITS),
	};
	for (unsigned int i = 0; i < ARRAY_SIZE(class); i++) {
		if ((insn & class[i].mask) == class[i].value)
			return class[i].decode(insn, a);
	}
	return -EOPNOTSUPP;
}
