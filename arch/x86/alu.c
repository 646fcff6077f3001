/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arithmetic on the guest's behalf (AMD64 APM vol. 1, 3.1.4: the flags; vol. 3: which instruction changes
 * which).
 */
#include "arch/x86/alu.h"

#define CARRY_FLAGS (X86_RFLAGS_CF | X86_RFLAGS_AF | X86_RFLAGS_OF)
#define RESULT_FLAGS (X86_RFLAGS_PF | X86_RFLAGS_ZF | X86_RFLAGS_SF)
#define NIBBLE_CARRY 0x10 /* the carry into bit 4 */

u64 x86_truncate(u64 value, unsigned int size)
{
	return value & GENMASK64(size * 8 - 1, 0);
}

u64 x86_sign_extend(u64 value, unsigned int size)
{
	unsigned int unused = 64 - 8 * size;

	return (u64)((s64)(value << unused) >> unused);
}

static bool sign(u64 value, unsigned int size)
{
	return (value >> (size * 8 - 1)) & 1;
}

static u64 flags_of_result(u64 r, unsigned int size)
{
	u64 flags = 0;

	if (!(__builtin_popcount((u8)r) & 1)) /* of the low byte, whatever the size */
		flags |= X86_RFLAGS_PF;
	if (!r)
		flags |= X86_RFLAGS_ZF;
	if (sign(r, size))
		flags |= X86_RFLAGS_SF;
	return flags;
}

static u64 carry_flags(bool carry, u64 nibble, bool overflow)
{
	return (carry ? X86_RFLAGS_CF : 0) | ((nibble & NIBBLE_CARRY) ? X86_RFLAGS_AF : 0) |
	       (overflow ? X86_RFLAGS_OF : 0);
}

static u64 add(unsigned int size, u64 a, u64 b, bool carry_in, u64 *flags)
{
	u64 r = x86_truncate(a + b + carry_in, size);

	*flags = carry_flags(r < a || (carry_in && r == a), a ^ b ^ r, sign(~(a ^ b) & (a ^ r), size));
	return r;
}

static u64 subtract(unsigned int size, u64 a, u64 b, bool borrow_in, u64 *flags)
{
	u64 r = x86_truncate(a - b - borrow_in, size);

	*flags = carry_flags(a < b || (borrow_in && a == b), a ^ b ^ r, sign((a ^ b) & (a ^ r), size));
	return r;
}

u64 x86_alu(enum x86_op op, unsigned int size, u64 a, u64 b, u64 *rflags)
{
	bool carry = *rflags & X86_RFLAGS_CF;
	u64 changed = CARRY_FLAGS | RESULT_FLAGS;
	u64 flags = 0;
	u64 r;

	a = x86_truncate(a, size);
	b = x86_truncate(b, size);
	switch (op) {
	case X86_OP_ADD: r = add(size, a, b, false, &flags); break;
	case X86_OP_ADC: r = add(size, a, b, carry, &flags); break;
	case X86_OP_CMP:
	case X86_OP_SUB: r = subtract(size, a, b, false, &flags); break;
	case X86_OP_SBB: r = subtract(size, a, b, carry, &flags); break;
	case X86_OP_NEG: r = subtract(size, 0, a, false, &flags); break;
	case X86_OP_TEST:
	case X86_OP_AND: r = a & b; break;
	case X86_OP_OR: r = a | b; break;
	case X86_OP_XOR: r = a ^ b; break;
	case X86_OP_INC:
		r = add(size, a, 1, false, &flags);
		changed &= ~X86_RFLAGS_CF;
		break;
	case X86_OP_DEC:
		r = subtract(size, a, 1, false, &flags);
		changed &= ~X86_RFLAGS_CF;
		break;
	case X86_OP_NOT:
	default: return x86_truncate(~a, size); /* no flags */
	}
	flags |= flags_of_result(r, size);
	*rflags = (*rflags & ~changed) | (flags & changed);
	return r;
}

u64 x86_alu_bit(enum x86_op op, u64 value, unsigned int bit, u64 *rflags)
{
	*rflags &= ~X86_RFLAGS_CF;
	if (value & BIT(bit))
		*rflags |= X86_RFLAGS_CF;
	switch (op) {
	case X86_OP_BTS: return value | BIT(bit);
	case X86_OP_BTR: return value & ~BIT(bit);
	case X86_OP_BTC: return value ^ BIT(bit);
	default: return value;
	}
}
