/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decoder of A64 loads and stores, against words of the assembler (a64_vectors.h): each form, each
 * register in each field, and what must be refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "arch/arm64/decode.h"
#include "core/errno.h"
#include "tests/unit/arm64/a64_vectors.h"

static void check(u32 word, const char *text, const struct a64_access *expected)
{
	struct a64_access a;
	const int err = a64_decode(word, &a);

	if (err)
		print_error("%08x %s\n", word, text);
	assert_int_equal(err, 0);
	if (a.write != expected->write || a.size != expected->size || a.offset != expected->offset)
		print_error("%08x %s\n", word, text);
	assert_int_equal(a.write, expected->write);
	assert_int_equal(a.size, expected->size);
	assert_int_equal(a.registers, expected->registers);
	for (unsigned int i = 0; i < a.registers; i++)
		assert_int_equal(a.rt[i], expected->rt[i]);
	if (!a.write) {
		assert_int_equal(a.sign_extend, expected->sign_extend);
		assert_int_equal(a.to_64, expected->to_64);
	}
	assert_int_equal(a.ordered, expected->ordered);
	assert_int_equal(a.pc_relative, expected->pc_relative);
	if (!a.pc_relative)
		assert_int_equal(a.rn, expected->rn);
	assert_int_equal(a.offset, expected->offset);
	assert_int_equal(a.extend, expected->extend);
	if (a.extend) {
		/* An index that is not shifted: UXTX and SXTX of 64 bits are the same. */
		assert_int_equal(a.rm, expected->rm);
		assert_int_equal(a.shift, expected->shift);
	}
	assert_int_equal(a.write_back, expected->write_back);
	assert_int_equal(a.moved, expected->moved);
}

static void test_forms(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(a64_vectors); i++)
		check(a64_vectors[i].word, a64_vectors[i].text, &a64_vectors[i].access);
}

/* Rt is in bits 4:0, Rn in 9:5, Rt2 in 14:10, Rm in 20:16: any number in each. */
static void test_every_register(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(a64_vectors); i++) {
		const struct a64_vector *v = &a64_vectors[i];

		for (u32 n = 0; n < 32; n++) {
			struct a64_access want = v->access;

			want.rt[0] = n;
			check((v->word & ~0x1fu) | n, v->text, &want);
			want = v->access;
			if (!want.pc_relative) {
				want.rn = n;
				check((v->word & ~(0x1fu << 5)) | n << 5, v->text, &want);
			}
			want = v->access;
			if (want.registers == 2) {
				want.rt[1] = n;
				check((v->word & ~(0x1fu << 10)) | n << 10, v->text, &want);
			}
			if (want.extend) {
				want.rm = n;
				check((v->word & ~(0x1fu << 16)) | n << 16, v->text, &want);
			}
		}
	}
}

/*
 * Every immediate of the fields that have a sign, and one without: LDUR, LDP, LDR (literal), LDR (unsigned
 * offset).
 */
static void test_every_immediate(void **state)
{
	struct a64_access a;

	for (s64 imm = -256; imm < 256; imm++) {
		assert_int_equal(a64_decode(0xf8400000u | ((u32)imm & 0x1ff) << 12, &a), 0);
		assert_int_equal(a.offset, imm);
		assert_int_equal(a64_decode(0xf8400400u | ((u32)imm & 0x1ff) << 12, &a), 0); /* post-index */
		assert_int_equal(a.offset, 0);
		assert_int_equal(a.moved, imm);
	}
	for (s64 imm = -64; imm < 64; imm++) {
		assert_int_equal(a64_decode(0xa9400000u | ((u32)imm & 0x7f) << 15, &a), 0);
		assert_int_equal(a.offset, imm * 8);
		assert_int_equal(a64_decode(0x29400000u | ((u32)imm & 0x7f) << 15, &a), 0);
		assert_int_equal(a.offset, imm * 4);
	}
	for (s64 imm = -(1 << 18); imm < 1 << 18; imm++) {
		assert_int_equal(a64_decode(0x58000000u | ((u32)imm & 0x7ffff) << 5, &a), 0);
		assert_int_equal(a.offset, imm * 4);
	}
	for (s64 imm = 0; imm < 4096; imm++) {
		assert_int_equal(a64_decode(0x79400000u | (u32)imm << 10, &a), 0);
		assert_int_equal(a.offset, imm * 2);
	}
}

static void test_refused(void **state)
{
	/* Not allocated, which no assembler writes: C4.1.88 and its tables. */
	static const u32 unallocated[] = {
		0x00000000, 0xffffffff, 0xb8c00000, /* LDR (unscaled), size 10, opc 11 */
		0xf8c00000,			    /* size 11, opc 11 */
		0xb9c00000,			    /* the same with an unsigned offset */
		0xf9c00000, 0xf8800400,		    /* size 11, opc 10, post-index */
		0xf8800c00,			    /* pre-index */
		0xf8800800,			    /* unprivileged */
		0xb8e06800,			    /* register offset, size 10, opc 11 */
		0xf8602800,			    /* option 001 */
		0xf8600800,			    /* option 000 */
		0xf8608800,			    /* option 100 */
		0xf860a800,			    /* option 101 */
		0xe9400000,			    /* pair, opc 11 */
		0x68400000,			    /* LDPSW without allocation */
		0xd8000000,			    /* prefetch, literal */
		0x99c00000,			    /* LDAPURS, size 10, opc 11 */
		0xd9800000,			    /* size 11, opc 10 */
		0xd9c00000,			    /* opc 11 */
		0xb8a0c020,			    /* as LDAPR, but Rs is not 11111, */
		0xb83fc020,			    /* A = 0, */
		0xb8ffc020,			    /* R = 1 */
		0x19000400,			    /* as STLUR, but 11:10 are 01: a memory copy, */
		0x99400800,			    /* 10: FEAT_LRCPC3, */
		0x19000c00,			    /* 11 */
		0xf8204c00,			    /* as register offset, but 11:10 are 11: FEAT_PAuth */
	};
	struct a64_access a;

	for (unsigned int i = 0; i < ARRAY_SIZE(unallocated); i++)
		assert_int_equal(a64_decode(unallocated[i], &a), -EOPNOTSUPP);
	for (unsigned int i = 0; i < ARRAY_SIZE(a64_refused); i++) {
		if (a64_decode(a64_refused[i].word, &a) != -EOPNOTSUPP)
			print_error("%08x %s\n", a64_refused[i].word, a64_refused[i].text);
		assert_int_equal(a64_decode(a64_refused[i].word, &a), -EOPNOTSUPP);
	}
	/* Not one vector instruction: bit 26 of every load and store (C4.1). */
	for (unsigned int i = 0; i < ARRAY_SIZE(a64_vectors); i++)
		assert_int_equal(a64_decode(a64_vectors[i].word | 1u << 26, &a), -EOPNOTSUPP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_every_register),
		cmocka_unit_test(test_every_immediate),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
