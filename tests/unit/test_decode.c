/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instruction decoder against GNU as: decode_vectors.h holds what the assembler made of each text and
 * what AMD64 APM vol. 3 says it means. Every shorter beginning of every instruction must be called too short,
 * without a byte read beyond it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "arch/x86/decode.h"
#include "core/errno.h"
#include "core/string.h"
#include "tests/unit/decode_vectors.h"

/* The sanitizer sees a read past n bytes: the buffer has exactly that size. */
static int decode_exact(const u8 *bytes, size_t n, enum x86_mode mode, struct x86_insn *insn)
{
	u8 *copy = malloc(n ? n : 1);
	int ret;

	if (n)
		memcpy(copy, bytes, n);
	ret = x86_decode(n ? copy : copy + 1, (unsigned int)n, mode, insn);
	free(copy);
	return ret;
}

static int match_exact(const u8 *bytes, size_t n, enum x86_mode mode, enum x86_intercepted what,
		       unsigned int *length)
{
	u8 *copy = malloc(n ? n : 1);
	int ret;

	if (n)
		memcpy(copy, bytes, n);
	ret = x86_match(n ? copy : copy + 1, (unsigned int)n, mode, what, length);
	free(copy);
	return ret;
}

/* The first field that is not as it should be, or NULL. */
static const char *wrong_field(const struct decode_vector *v, const struct x86_insn *got)
{
	struct x86_insn want = v->want;

	if (want.base == RRIP) {
		want.rip_relative = true;
		want.base = X86_NO_REG;
	}
#define COMPARE(field)               \
	if (got->field != want.field) \
	return #field
	if (got->length != v->length)
		return "length";
	COMPARE(op);
	COMPARE(size);
	COMPARE(address_size);
	COMPARE(segment);
	COMPARE(rep);
	if (want.op >= X86_OP_MOVS)
		return NULL;
	COMPARE(mem_is_dest);
	COMPARE(other);
	COMPARE(imm);
	COMPARE(rip_relative);
	COMPARE(base);
	COMPARE(index);
	COMPARE(index_shift);
	COMPARE(displacement);
	if (got->stack != (want.segment == SEG_SS))
		return "stack";
	if (want.other != X86_OTHER_REG)
		return NULL;
	COMPARE(reg);
	COMPARE(reg_size);
	COMPARE(high_byte);
#undef COMPARE
	return NULL;
}

static void test_memory_instructions(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(decode_vectors); i++) {
		const struct decode_vector *v = &decode_vectors[i];
		struct x86_insn insn;
		int ret = decode_exact(v->bytes, v->length, v->mode, &insn);

		if (ret)
			fail_msg("%s: error %d", v->text, ret);
		if (wrong_field(v, &insn))
			fail_msg("%s: %s", v->text, wrong_field(v, &insn));
	}
}

static void test_memory_instructions_cut_short(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(decode_vectors); i++) {
		const struct decode_vector *v = &decode_vectors[i];
		struct x86_insn insn;

		for (size_t n = 0; n < v->length; n++) {
			int ret = decode_exact(v->bytes, n, v->mode, &insn);

			if (ret != -E2BIG)
				fail_msg("%s cut to %zu bytes: %d", v->text, n, ret);
		}
	}
}

static void test_intercepted_instructions(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(match_vectors); i++) {
		const struct match_vector *v = &match_vectors[i];

		for (unsigned int what = 0; what < X86_INTERCEPTED; what++) {
			unsigned int length = 99;
			int ret = match_exact(v->bytes, v->length, v->mode, (enum x86_intercepted)what,
					      &length);

			if (ret != (what == v->what ? 0 : -EILSEQ))
				fail_msg("%s as instruction %u: %d", v->text, what, ret);
			if (!ret)
				assert_int_equal(length, v->length);
		}
		for (size_t n = 0; n < v->length; n++) {
			unsigned int length;
			int ret = match_exact(v->bytes, n, v->mode, v->what, &length);

			if (ret != -E2BIG)
				fail_msg("%s cut to %zu bytes: %d", v->text, n, ret);
		}
	}
}

static void test_every_intercepted_instruction_has_a_row(void **state)
{
	bool seen[X86_INTERCEPTED] = { false };

	for (size_t i = 0; i < ARRAY_SIZE(match_vectors); i++)
		seen[match_vectors[i].what] = true;
	for (unsigned int what = 0; what < X86_INTERCEPTED; what++)
		assert_true(seen[what]);
}

static void test_match_refuses(void **state)
{
	static const u8 lock_cpuid[] = { 0xf0, 0x0f, 0xa2 }; /* #UD on hardware */
	static const u8 inc_cpuid[] = { 0x48, 0x0f, 0xa2 };  /* outside 64-bit mode: DEC EAX first */
	static const u8 too_long[] = { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
				       0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x0f, 0xa2 };
	unsigned int length;

	assert_int_equal(match_exact(lock_cpuid, 3, X86_MODE_64, X86_INSN_CPUID, &length), -EILSEQ);
	assert_int_equal(match_exact(inc_cpuid, 3, X86_MODE_32, X86_INSN_CPUID, &length), -EILSEQ);
	assert_int_equal(match_exact(inc_cpuid, 3, X86_MODE_16, X86_INSN_CPUID, &length), -EILSEQ);
	assert_int_equal(match_exact(inc_cpuid, 3, X86_MODE_64, X86_INSN_CPUID, &length), 0);
	assert_int_equal(match_exact(too_long, 16, X86_MODE_64, X86_INSN_CPUID, &length), -E2BIG);
	assert_int_equal(match_exact(too_long + 1, 15, X86_MODE_64, X86_INSN_CPUID, &length), 0);
	assert_int_equal(length, 15);
}

static void test_decode_refuses(void **state)
{
	static const struct {
		enum x86_mode mode;
		const char *text;
		const u8 *bytes;
		size_t length;
		int want;
	} rows[] = {
		{ X86_MODE_64, "movups [rdi], xmm0", BYTES("\x0f\x11\x07"), -EOPNOTSUPP },
		{ X86_MODE_64, "movdqa xmm0, [rdi]", BYTES("\x66\x0f\x6f\x07"), -EOPNOTSUPP },
		{ X86_MODE_64, "vmovdqu ymm0, [rdi]", BYTES("\xc5\xfe\x6f\x07"), -EOPNOTSUPP },
		{ X86_MODE_64, "vmovdqu32 zmm0, [rdi]", BYTES("\x62\xf1\x7e\x48\x6f\x07"), -EOPNOTSUPP },
		{ X86_MODE_64, "fld dword ptr [rdi]", BYTES("\xd9\x07"), -EOPNOTSUPP },
		{ X86_MODE_64, "push qword ptr [rdi]", BYTES("\xff\x37"), -EOPNOTSUPP },
		{ X86_MODE_64, "call [rdi]", BYTES("\xff\x17"), -EOPNOTSUPP },
		{ X86_MODE_64, "mul dword ptr [rdi]", BYTES("\xf7\x27"), -EOPNOTSUPP },
		{ X86_MODE_64, "shl dword ptr [rdi], 1", BYTES("\xd1\x27"), -EOPNOTSUPP },
		{ X86_MODE_64, "cmpxchg16b [rdi]", BYTES("\x48\x0f\xc7\x0f"), -EOPNOTSUPP },
		{ X86_MODE_64, "group 8, /0", BYTES("\x0f\xba\x07\x01"), -EOPNOTSUPP },
		{ X86_MODE_64, "group 11, /1", BYTES("\xc7\x0f\x01\x02\x03\x04"), -EOPNOTSUPP },
		{ X86_MODE_64, "movnti with 0x66", BYTES("\x66\x0f\xc3\x07"), -EOPNOTSUPP },
		{ X86_MODE_32, "arpl [edi], ax", BYTES("\x63\x07"), -EOPNOTSUPP },
		{ X86_MODE_64, "mov eax, ebx", BYTES("\x89\xd8"), -EILSEQ },
		{ X86_MODE_64, "add ecx, 1", BYTES("\x83\xc1\x01"), -EILSEQ },
		{ X86_MODE_64, "movzx eax, bl", BYTES("\x0f\xb6\xc3"), -EILSEQ },
		{ X86_MODE_64, "nop", BYTES("\x90"), -EOPNOTSUPP },
		{ X86_MODE_64, "16 bytes of mov",
		  BYTES("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x8b\x03"), -E2BIG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct x86_insn insn;
		int ret = decode_exact(rows[i].bytes, rows[i].length, rows[i].mode, &insn);

		if (ret != rows[i].want)
			fail_msg("%s: %d", rows[i].text, ret);
	}
}

static void test_random_bytes(void **state)
{
	u64 random = 0x9e3779b97f4a7c15; /* fixed: a failure can be repeated */

	for (unsigned int round = 0; round < 1000000; round++) {
		enum x86_mode mode = (enum x86_mode)(round % 3);
		u8 bytes[16];
		struct x86_insn insn;
		unsigned int length = 0;

		for (unsigned int i = 0; i < sizeof(bytes); i += 8) {
			random ^= random << 13; /* xorshift64 */
			random ^= random >> 7;
			random ^= random << 17;
			memcpy(bytes + i, &random, 8);
		}
		if (!x86_decode(bytes, sizeof(bytes), mode, &insn)) {
			assert_in_range(insn.length, 1, 15);
			assert_true(insn.size == 1 || insn.size == 2 || insn.size == 4 || insn.size == 8);
			assert_true(insn.segment < X86_SEGS);
			assert_true(insn.reg < X86_REGS && insn.reg_size <= 8);
			assert_true(insn.base < X86_REGS || insn.base == X86_NO_REG);
			assert_true(insn.index < X86_REGS || insn.index == X86_NO_REG);
		}
		if (!x86_match(bytes, sizeof(bytes), mode, (enum x86_intercepted)(round % X86_INTERCEPTED),
			       &length))
			assert_in_range(length, 1, 15);
	}
}

static void test_effective_address(void **state)
{
	u64 reg[X86_REGS];
	struct x86_insn insn = { .address_size = 8, .base = REG_RBX, .index = REG_R15, .index_shift = 3,
				 .displacement = (u64)-16 };

	for (unsigned int i = 0; i < X86_REGS; i++)
		reg[i] = 0x1111111100000000ull * (i + 1) + 0x1000 * i;
	assert_int_equal(x86_effective_address(&insn, reg, 0), reg[REG_RBX] + 8 * reg[REG_R15] - 16);
	insn.address_size = 4;
	assert_int_equal(x86_effective_address(&insn, reg, 0), 0x3000 + 8 * 0xf000 - 16);
	insn = (struct x86_insn){
		.address_size = 2, .base = REG_RBX, .index = REG_RSI, .displacement = 0xfffff
	};
	assert_int_equal(x86_effective_address(&insn, reg, 0), (0x3000 + 0x6000 + 0xffff) & 0xffff);
	insn = (struct x86_insn){ .address_size = 8,
				  .base = X86_NO_REG,
				  .index = X86_NO_REG,
				  .rip_relative = true,
				  .displacement = (u64)-1 };
	assert_int_equal(x86_effective_address(&insn, reg, 0xffffffff80000000), 0xffffffff7fffffff);
}

static void test_prefix_segment(void **state)
{
	unsigned int segment;

	assert_int_equal(x86_prefix_segment((const u8 *)"\x6e", 1, X86_MODE_64, &segment), 0);
	assert_int_equal(segment, SEG_DS);
	assert_int_equal(x86_prefix_segment((const u8 *)"\xf3\x65\x6e", 3, X86_MODE_64, &segment), 0);
	assert_int_equal(segment, SEG_GS);
	assert_int_equal(x86_prefix_segment((const u8 *)"\x2e\x6e", 2, X86_MODE_64, &segment), 0);
	assert_int_equal(segment, SEG_DS);
	assert_int_equal(x86_prefix_segment((const u8 *)"\x65\x2e\xf3\x6e", 4, X86_MODE_16, &segment), 0);
	assert_int_equal(segment, SEG_CS);
	assert_int_equal(x86_prefix_segment((const u8 *)"\x65\x2e", 2, X86_MODE_16, &segment), -E2BIG);
}

/* Each row at its own 32 bytes, the rest int3, so that a row that grew or shrank is seen. */
#define SLOT 32

static void write_row(FILE *f, enum x86_mode mode, const char *text)
{
	fprintf(f, ".p2align 5,0xcc\n.code%d\n%s\n",
		mode == X86_MODE_64   ? 64
		: mode == X86_MODE_32 ? 32
				      : 16,
		text);
}

static void check_row(FILE *f, const char *text, const u8 *bytes, size_t length)
{
	u8 slot[SLOT];

	memset(slot, 0xcc, sizeof(slot));
	(void)!fread(slot, 1, sizeof(slot), f);
	if (memcmp(slot, bytes, length))
		fail_msg("the assembler makes other bytes of: %s", text);
	for (size_t i = length; i < SLOT; i++) {
		if (slot[i] != 0xcc)
			fail_msg("the assembler makes more bytes of: %s", text);
	}
}

static void test_vectors_are_what_the_assembler_makes(void **state)
{
	char dir[] = "/tmp/fairlead-decode-XXXXXX";
	char path[64], command[300];
	FILE *f;
	int status;

	if (system("command -v as >/dev/null && command -v objcopy >/dev/null"))
		skip();
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/t.s", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, ".intel_syntax noprefix\n");
	for (size_t i = 0; i < ARRAY_SIZE(decode_vectors); i++)
		write_row(f, decode_vectors[i].mode, decode_vectors[i].text);
	for (size_t i = 0; i < ARRAY_SIZE(match_vectors); i++)
		write_row(f, match_vectors[i].mode, match_vectors[i].text);
	fprintf(f, ".p2align 5,0xcc\n");
	fclose(f);
	snprintf(command, sizeof(command),
		 "cd %s && as --64 t.s -o t.o && objcopy -O binary -j .text t.o t.bin", dir);
	status = system(command);
	snprintf(path, sizeof(path), "%s/t.bin", dir);
	f = fopen(path, "rb");
	snprintf(command, sizeof(command), "rm -r %s", dir);
	(void)!system(command); /* the open file stays readable */
	assert_int_equal(status, 0);
	assert_non_null(f);
	for (size_t i = 0; i < ARRAY_SIZE(decode_vectors); i++)
		check_row(f, decode_vectors[i].text, decode_vectors[i].bytes, decode_vectors[i].length);
	for (size_t i = 0; i < ARRAY_SIZE(match_vectors); i++)
		check_row(f, match_vectors[i].text, match_vectors[i].bytes, match_vectors[i].length);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_instructions),
		cmocka_unit_test(test_memory_instructions_cut_short),
		cmocka_unit_test(test_intercepted_instructions),
		cmocka_unit_test(test_every_intercepted_instruction_has_a_row),
		cmocka_unit_test(test_match_refuses),
		cmocka_unit_test(test_decode_refuses),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_effective_address),
		cmocka_unit_test(test_prefix_segment),
		cmocka_unit_test(test_vectors_are_what_the_assembler_makes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
