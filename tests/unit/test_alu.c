/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Emulated arithmetic against the processor that runs the test (an x86-64): the same operands and flags
 * through the same instruction.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "arch/x86/alu.h"
#include "core/string.h"

#define STATUS (X86_RFLAGS_CF | X86_RFLAGS_PF | X86_RFLAGS_AF | X86_RFLAGS_ZF | X86_RFLAGS_SF | X86_RFLAGS_OF)

/* The stack pointer first leaves the red zone of the surrounding function. */
#define WITH_FLAGS(insn)                                                                       \
	"lea -128(%%rsp), %%rsp\n push %[in]\n popfq\n" insn "\n pushfq\n pop %[out]\n lea 128(%%rsp), %%rsp"
#define TWO(name, suffix, type, mod)                                                           \
	static u64 name##_##suffix(u64 a, u64 b, u64 *flags)                                   \
	{                                                                                      \
		type x = (type)a;                                                              \
		u64 in = *flags;                                                               \
		__asm__ volatile(WITH_FLAGS(#name " %" mod "[b], %" mod "[a]")                 \
				 : [a] "+&r"(x), [out] "=&r"(*flags)                           \
				 : [b] "r"((type)b), [in] "r"(in)                              \
				 : "cc", "memory");                                            \
		return x;                                                                      \
	}
#define ONE(name, suffix, type, mod)                                                           \
	static u64 name##_##suffix(u64 a, u64 b, u64 *flags)                                   \
	{                                                                                      \
		type x = (type)a;                                                              \
		u64 in = *flags;                                                               \
		(void)b;                                                                       \
		__asm__ volatile(WITH_FLAGS(#name " %" mod "[a]")                              \
				 : [a] "+&r"(x), [out] "=&r"(*flags)                           \
				 : [in] "r"(in)                                                \
				 : "cc", "memory");                                            \
		return x;                                                                      \
	}
#define SIZES(kind, name)                                                                      \
	kind(name, 1, u8, "b") kind(name, 2, u16, "w") kind(name, 4, u32, "k") kind(name, 8, u64, "q")

SIZES(TWO, add)
SIZES(TWO, or)
SIZES(TWO, adc)
SIZES(TWO, sbb)
SIZES(TWO, and)
SIZES(TWO, sub)
SIZES(TWO, xor)
SIZES(TWO, cmp)
SIZES(TWO, test)
SIZES(ONE, inc)
SIZES(ONE, dec)
SIZES(ONE, not)
SIZES(ONE, neg)

typedef u64 (*host_fn)(u64 a, u64 b, u64 *flags);
#define ROW(op, name, undefined) { X86_OP_##op, #name, { name##_1, name##_2, name##_4, name##_8 }, undefined }

static const struct {
	enum x86_op op;
	const char *name;
	host_fn host[4];
	u64 undefined; /* flags that the architecture leaves open */
} rows[] = {
	ROW(ADD, add, 0), ROW(OR, or, X86_RFLAGS_AF), ROW(ADC, adc, 0),
	ROW(SBB, sbb, 0), ROW(AND, and, X86_RFLAGS_AF), ROW(SUB, sub, 0),
	ROW(XOR, xor, X86_RFLAGS_AF), ROW(CMP, cmp, 0), ROW(TEST, test, X86_RFLAGS_AF),
	ROW(INC, inc, 0), ROW(DEC, dec, 0), ROW(NOT, not, 0),
	ROW(NEG, neg, 0),
};

static const u64 values[] = {
	0,
	1,
	2,
	0xf,
	0x10,
	0x7f,
	0x80,
	0x81,
	0xfe,
	0xff,
	0x100,
	0x7fff,
	0x8000,
	0xffff,
	0x12345678,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	0x100000000,
	0x7fffffffffffffff,
	0x8000000000000000,
	0xfffffffffffffff0,
	0xffffffffffffffff,
	0x0123456789abcdef,
	0xa5a5a5a5a5a5a5a5,
};

static void compare(size_t row, unsigned int log_size, u64 a, u64 b, u64 flags)
{
	unsigned int size = 1u << log_size;
	u64 host_flags = flags, our_flags = flags;
	u64 host = rows[row].host[log_size](a, b, &host_flags);
	u64 ours = x86_alu(rows[row].op, size, a, b, &our_flags);
	bool stores = rows[row].op != X86_OP_CMP && rows[row].op != X86_OP_TEST;

	if ((stores && ours != host) || ((our_flags ^ host_flags) & STATUS & ~rows[row].undefined) ||
	    ((our_flags ^ flags) & ~STATUS))
		fail_msg("%s of %u bytes, 0x%llx, 0x%llx, flags 0x%llx: 0x%llx flags 0x%llx, processor "
			 "0x%llx flags 0x%llx",
			 rows[row].name, size, (unsigned long long)a, (unsigned long long)b,
			 (unsigned long long)flags, (unsigned long long)ours, (unsigned long long)our_flags,
			 (unsigned long long)host, (unsigned long long)host_flags);
}

static void test_arithmetic(void **state)
{
	for (size_t row = 0; row < ARRAY_SIZE(rows); row++) {
		for (unsigned int log_size = 0; log_size < 4; log_size++) {
			for (size_t i = 0; i < ARRAY_SIZE(values) * ARRAY_SIZE(values); i++) {
				u64 a = values[i / ARRAY_SIZE(values)], b = values[i % ARRAY_SIZE(values)];

				compare(row, log_size, a, b, 0x202);
				compare(row, log_size, a, b, 0x202 | X86_RFLAGS_CF);
				compare(row, log_size, a, b, 0x202 | STATUS);
			}
		}
	}
}

static void test_bits(void **state)
{
	u64 flags = 0x202 | STATUS;

	assert_int_equal(x86_alu_bit(X86_OP_BT, 0x8000, 14, &flags), 0x8000);
	assert_int_equal(flags, 0x202 | (STATUS & ~X86_RFLAGS_CF));
	assert_int_equal(x86_alu_bit(X86_OP_BTS, 0x8000, 0, &flags), 0x8001);
	assert_int_equal(flags & X86_RFLAGS_CF, 0);
	assert_int_equal(x86_alu_bit(X86_OP_BTR, 1ull << 63, 63, &flags), 0);
	assert_int_equal(flags & X86_RFLAGS_CF, X86_RFLAGS_CF);
	assert_int_equal(x86_alu_bit(X86_OP_BTC, 0xff, 3, &flags), 0xf7);
	assert_int_equal(flags & X86_RFLAGS_CF, X86_RFLAGS_CF);
	assert_int_equal(x86_alu_bit(X86_OP_BTC, 0xf7, 3, &flags), 0xff);
	assert_int_equal(flags & X86_RFLAGS_CF, 0);
}

static void test_widths(void **state)
{
	assert_int_equal(x86_truncate(0x123456789abcdef0, 1), 0xf0);
	assert_int_equal(x86_truncate(0x123456789abcdef0, 8), 0x123456789abcdef0);
	assert_int_equal(x86_sign_extend(0x80, 1), 0xffffffffffffff80);
	assert_int_equal(x86_sign_extend(0xff7f, 1), 0x7f);
	assert_int_equal(x86_sign_extend(0x80000000, 4), 0xffffffff80000000);
	assert_int_equal(x86_sign_extend(0x8000000000000000, 8), 0x8000000000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arithmetic),
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_widths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
