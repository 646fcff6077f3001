/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Emulated accesses to device registers: what an instruction reads, writes and leaves in registers, flags and
 * RIP (AMD64 APM vol. 3), and what happens when it cannot be done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "arch/x86/emulate.h"
#include "core/log.h"
#include "tests/unit/fake_guest_machine.h"

#define CF X86_RFLAGS_CF
#define PF X86_RFLAGS_PF
#define AF X86_RFLAGS_AF
#define ZF X86_RFLAGS_ZF
#define SF X86_RFLAGS_SF
#define OF X86_RFLAGS_OF

static unsigned int log_lines;
static char last_line[LOG_LINE_MAX];

static void count_lines(enum log_level level, const char *line, size_t len)
{
	log_lines++;
	memcpy(last_line, line, len);
	last_line[len] = 0;
}

static void expect_done(struct vcpu *v, gpa_t gpa, bool write, unsigned int length)
{
	u64 rip = v->rip;

	assert_int_equal(emulate_mmio(v, gpa, write), 0);
	assert_false(v->exception.pending);
	assert_true(v->retired);
	assert_int_equal(v->rip, rip + length);
}

static void expect_again(struct vcpu *v, gpa_t gpa, bool write)
{
	struct vcpu before = *v;

	assert_int_equal(emulate_mmio(v, gpa, write), -EAGAIN);
	assert_memory_equal(&before, v, sizeof(before));
	assert_int_equal(access_count, 0);
}

static void expect_exception(struct vcpu *v, gpa_t gpa, bool write, u8 vector, u32 error)
{
	struct vcpu before = *v;

	assert_int_equal(emulate_mmio(v, gpa, write), 0);
	assert_true(v->exception.pending);
	assert_int_equal(v->exception.vector, vector);
	assert_int_equal(v->exception.has_error_code, vector != X86_VEC_UD);
	assert_int_equal(v->exception.error_code, error);
	assert_false(v->retired);
	assert_int_equal(v->rip, before.rip);
	assert_int_equal(v->rflags, before.rflags);
	assert_memory_equal(v->reg, before.reg, sizeof(v->reg));
}

static void test_loads(void **state)
{
	struct vcpu v = MACHINE("\x8b\x47\x04"); /* mov eax, [rdi+4] */

	set_register(4, 8, 0x8899aabbccddeeff);
	v.reg[REG_RAX] = ~0ull;
	v.rflags |= X86_RFLAGS_RF | CF | ZF;
	expect_done(&v, MMIO, false, 3);
	assert_int_equal(v.reg[REG_RAX], 0xccddeeff); /* upper half zeroed */
	assert_int_equal(v.rflags, 2 | CF | ZF);      /* RF is gone, the rest stays */
	assert_int_equal(access_count, 1);
	assert_int_equal(accesses[0].gpa, MMIO + 4);
	assert_int_equal(accesses[0].size, 4);
	assert_false(accesses[0].write);

	v = MACHINE("\x66\x8b\x07"); /* mov ax, [rdi] */
	set_register(0, 4, 0x12345678);
	v.reg[REG_RAX] = 0xaaaaaaaaaaaaaaaa;
	expect_done(&v, MMIO, false, 3);
	assert_int_equal(v.reg[REG_RAX], 0xaaaaaaaaaaaa5678);

	v = MACHINE("\x8a\x27"); /* mov ah, [rdi] */
	set_register(0, 4, 0x12345678);
	v.reg[REG_RAX] = 0xaaaaaaaaaaaaaaaa;
	expect_done(&v, MMIO, false, 2);
	assert_int_equal(v.reg[REG_RAX], 0xaaaaaaaaaaaa78aa);

	v = MACHINE("\x4c\x8b\x07"); /* mov r8, [rdi] */
	set_register(0, 8, 0x8899aabbccddeeff);
	expect_done(&v, MMIO, false, 3);
	assert_int_equal(v.reg[8], 0x8899aabbccddeeff);
	assert_int_equal(accesses[0].size, 8);
}

static void test_extending_loads(void **state)
{
	struct vcpu v = MACHINE("\x0f\xb6\x07"); /* movzx eax, byte ptr [rdi] */

	set_register(0, 4, 0x87868584);
	v.reg[REG_RAX] = ~0ull;
	expect_done(&v, MMIO, false, 3);
	assert_int_equal(v.reg[REG_RAX], 0x84);
	assert_int_equal(accesses[0].size, 1);

	v = MACHINE("\x0f\xbe\x07"); /* movsx eax, byte ptr [rdi] */
	set_register(0, 4, 0x87868584);
	expect_done(&v, MMIO, false, 3);
	assert_int_equal(v.reg[REG_RAX], 0xffffff84);

	v = MACHINE("\x48\x0f\xbf\x07"); /* movsx rax, word ptr [rdi] */
	set_register(0, 4, 0x87868584);
	expect_done(&v, MMIO, false, 4);
	assert_int_equal(v.reg[REG_RAX], 0xffffffffffff8584);

	v = MACHINE("\x48\x63\x07"); /* movsxd rax, dword ptr [rdi] */
	set_register(0, 4, 0x87868584);
	expect_done(&v, MMIO, false, 3);
	assert_int_equal(v.reg[REG_RAX], 0xffffffff87868584);
}

static void test_stores(void **state)
{
	struct vcpu v = MACHINE("\x89\x47\x08"); /* mov [rdi+8], eax */

	set_register(0, 8, ~0ull);
	v.reg[REG_RAX] = 0x1122334455667788;
	expect_done(&v, MMIO, true, 3);
	assert_int_equal(get_register(8, 8), 0x55667788);
	assert_int_equal(access_count, 1); /* a store does not read the register first */
	assert_true(accesses[0].write);

	v = MACHINE("\x88\x3f\x90"); /* mov [rdi], bh */
	v.reg[REG_RBX] = 0x1234;
	expect_done(&v, MMIO, true, 2);
	assert_int_equal(get_register(0, 8), 0x12);

	v = MACHINE("\x48\xc7\x07\xfe\xff\xff\xff"); /* mov qword ptr [rdi], -2 */
	expect_done(&v, MMIO, true, 7);
	assert_int_equal(get_register(0, 8), 0xfffffffffffffffe);

	v = MACHINE("\xa3\x10\x00\x60\x00\x00\x00\x00\x00"); /* movabs [0x600010], eax */
	v.reg[REG_RAX] = 0xdeadbeef;
	expect_done(&v, MMIO, true, 9);
	assert_int_equal(get_register(0x10, 8), 0xdeadbeef);

	/* mov dword ptr [rip+0x1ffff6], 0x12345678 */
	v = MACHINE("\xc7\x05\xf6\xff\x1f\x00\x78\x56\x34\x12");
	expect_done(&v, MMIO, true, 10); /* counted from the end of the instruction, after the immediate */
	assert_int_equal(get_register(0, 8), 0x12345678);
}

static void test_read_modify_write(void **state)
{
	struct vcpu v = MACHINE("\xf0\x09\x07"); /* lock or [rdi], eax */

	set_register(0, 4, 0x80000001);
	v.reg[REG_RAX] = 0x10;
	v.rflags |= CF | OF | ZF;
	expect_done(&v, MMIO, true, 3);
	assert_int_equal(get_register(0, 4), 0x80000011);
	assert_int_equal(v.rflags, 2 | SF | PF);
	assert_int_equal(access_count, 2);
	assert_false(accesses[0].write);
	assert_true(accesses[1].write);

	v = MACHINE("\x03\x07"); /* add eax, [rdi] */
	set_register(0, 4, 1);
	v.reg[REG_RAX] = 0x5555555fffffffff;
	expect_done(&v, MMIO, false, 2);
	assert_int_equal(v.reg[REG_RAX], 0);
	assert_int_equal(v.rflags, 2 | CF | PF | AF | ZF);
	assert_int_equal(access_count, 1);

	v = MACHINE("\xf7\x1f"); /* neg dword ptr [rdi] */
	set_register(0, 4, 1);
	expect_done(&v, MMIO, false, 2); /* the processor may report the read of it */
	assert_int_equal(get_register(0, 4), 0xffffffff);
	assert_int_equal(v.rflags, 2 | CF | PF | AF | SF);
}

static void test_compares(void **state)
{
	struct vcpu v = MACHINE("\x83\x3f\x05"); /* cmp dword ptr [rdi], 5: memory is the first operand */

	set_register(0, 4, 4);
	expect_done(&v, MMIO, false, 3);
	assert_int_equal(v.rflags & (CF | ZF), CF);
	v = MACHINE("\x3b\x07"); /* cmp eax, [rdi]: the second */
	set_register(0, 4, 4);
	v.reg[REG_RAX] = 5;
	expect_done(&v, MMIO, false, 2);
	assert_int_equal(v.rflags & (CF | ZF), 0);
	assert_int_equal(v.reg[REG_RAX], 5);
	v = MACHINE("\xf6\x07\x80"); /* test byte ptr [rdi], 0x80 */
	set_register(0, 1, 0x7f);
	expect_done(&v, MMIO, false, 3);
	assert_int_equal(v.rflags & (ZF | SF), ZF);
	assert_int_equal(access_count, 1);
	assert_int_equal(get_register(0, 1), 0x7f);
}

static void test_exchanges(void **state)
{
	struct vcpu v = MACHINE("\x87\x07"); /* xchg [rdi], eax */

	set_register(0, 4, 0x1234);
	v.reg[REG_RAX] = 0xffffffff00005678;
	v.rflags |= ZF;
	expect_done(&v, MMIO, true, 2);
	assert_int_equal(v.reg[REG_RAX], 0x1234);
	assert_int_equal(get_register(0, 4), 0x5678);
	assert_int_equal(v.rflags, 2 | ZF);

	v = MACHINE("\xf0\x0f\xc1\x17"); /* lock xadd [rdi], edx */
	set_register(0, 4, 0xffffffff);
	v.reg[REG_RDX] = 2;
	expect_done(&v, MMIO, true, 4);
	assert_int_equal(v.reg[REG_RDX], 0xffffffff);
	assert_int_equal(get_register(0, 4), 1);
	assert_int_equal(v.rflags, 2 | CF | AF);

	v = MACHINE("\xf0\x0f\xb1\x17"); /* lock cmpxchg [rdi], edx */
	set_register(0, 4, 7);
	v.reg[REG_RAX] = 0xffffffff00000007; /* stays as it is, upper half too */
	v.reg[REG_RDX] = 8;
	expect_done(&v, MMIO, true, 4);
	assert_int_equal(get_register(0, 4), 8);
	assert_int_equal(v.reg[REG_RAX], 0xffffffff00000007);
	assert_int_equal(v.rflags & ZF, ZF);

	v = MACHINE("\xf0\x0f\xb1\x17");
	set_register(0, 4, 9);
	v.reg[REG_RAX] = 0xffffffff00000007;
	expect_done(&v, MMIO, true, 4);
	assert_int_equal(get_register(0, 4), 9);
	assert_int_equal(v.reg[REG_RAX], 9);
	assert_int_equal(v.rflags & (ZF | CF), CF); /* as CMP 7, 9 */
	assert_int_equal(access_count, 2);	    /* hardware writes the old value back */
}

static void test_bits(void **state)
{
	struct vcpu v = MACHINE("\xf0\x0f\xba\x2f\x1f"); /* lock bts dword ptr [rdi], 31 */

	v.rflags |= ZF;
	expect_done(&v, MMIO, true, 5);
	assert_int_equal(get_register(0, 8), 0x80000000);
	assert_int_equal(v.rflags, 2 | ZF);
	v = MACHINE("\x0f\xba\x2f\x21"); /* bts dword ptr [rdi], 33: an immediate wraps */
	expect_done(&v, MMIO, true, 4);
	assert_int_equal(get_register(0, 8), 2);
	v = MACHINE("\x0f\xab\x07"); /* bts [rdi], eax: a register does not */
	v.reg[REG_RAX] = 0x100 * 8 + 33;
	expect_done(&v, MMIO, true, 3);
	assert_int_equal(get_register(0x104, 4), 2);
	v = MACHINE("\x0f\xb3\x07"); /* btr [rdi], eax, backwards */
	v.reg[REG_RDI] = MMIO_VA + 0x10;
	v.reg[REG_RAX] = 0xffffffff; /* bit -1 */
	set_register(0xc, 4, 0xffffffff);
	expect_done(&v, MMIO, true, 3);
	assert_int_equal(get_register(0xc, 4), 0x7fffffff);
	assert_int_equal(v.rflags & CF, CF);
	v = MACHINE("\x0f\xa3\x07"); /* bt [rdi], eax */
	v.reg[REG_RAX] = 5;
	set_register(0, 4, 0x20);
	expect_done(&v, MMIO, false, 3);
	assert_int_equal(v.rflags & CF, CF);
	assert_int_equal(access_count, 1);
}

static void test_page_crossing(void **state)
{
	struct vcpu v = MACHINE("\x48\x89\x07"); /* mov [rdi], rax */

	v.reg[REG_RAX] = 0x8877665544332211;
	v.reg[REG_RDI] = MMIO_VA + 0xffb; /* 5 bytes, then 3 */
	expect_done(&v, MMIO, true, 3);
	assert_int_equal(get_register(0xffb, 8), 0x8877665544332211);
	assert_int_equal(access_count, 4); /* 4 + 1, 2 + 1 */
	v = MACHINE("\x48\x89\x07"); /* registers, then RAM */
	v.reg[REG_RAX] = 0x8877665544332211;
	v.reg[REG_RDI] = AFTER - 2;
	expect_done(&v, MMIO + 0x1000, true, 3);
	assert_int_equal(get_register(0x1ffe, 2), 0x2211);
	assert_int_equal(get64(AFTER_GPA), 0x887766554433);
	v = MACHINE("\x48\x8b\x07"); /* mov rax, [rdi]: RAM, then registers */
	v.reg[REG_RDI] = MMIO_VA - 4;
	put32(DATA_GPA + 0x1ffc, 0x44332211);
	set_register(0, 4, 0x88776655);
	expect_done(&v, MMIO, false, 3);
	assert_int_equal(v.reg[REG_RAX], 0x8877665544332211);
	v = MACHINE("\x48\x89\x07"); /* the second page is missing: nothing is written to the first */
	map_page(AFTER, 0);
	v.reg[REG_RDI] = AFTER - 2;
	expect_exception(&v, MMIO + 0x1000, true, X86_VEC_PF, 2);
	assert_int_equal(v.cr2, AFTER);
	assert_true(v.cr2_changed);
	assert_int_equal(access_count, 0);
}

static void test_stale_faults(void **state)
{
	struct vcpu v = MACHINE("\x8b\x07"); /* mov eax, [rdi], but another page faulted */

	expect_again(&v, MMIO + 0x1000, false);
	v = MACHINE("\x8b\x07"); /* a write faulted, a load stands there */
	expect_again(&v, MMIO, true);
	v = MACHINE("\x89\xd8"); /* mov eax, ebx */
	expect_again(&v, MMIO, false);
	v = MACHINE("\x8b\x07"); /* the entries never stand still */
	cmpxchg_to_fail = 1000;
	expect_again(&v, MMIO, false);
}

static void test_faults_of_the_guests_own(void **state)
{
	struct vcpu v = MACHINE("\x8b\x07");

	v.reg[REG_RDI] = NOWHERE;
	v.cpl = 3;
	expect_exception(&v, MMIO, false, X86_VEC_PF, 4);
	assert_int_equal(v.cr2, NOWHERE);
	assert_true(v.cr2_changed);
	v = MACHINE("\x8b\x07");
	v.reg[REG_RDI] = 0x8000000000000000;
	expect_exception(&v, MMIO, false, X86_VEC_GP, 0);
	v = MACHINE("\x8b\x45\x00"); /* mov eax, [rbp]: the stack segment */
	v.reg[REG_RBP] = 0x8000000000000000;
	expect_exception(&v, MMIO, false, X86_VEC_SS, 0);
	v = MACHINE("\x89\x07"); /* mov [rdi], eax */
	v.reg[REG_RDI] = READ_ONLY;
	expect_exception(&v, MMIO, true, X86_VEC_PF, 3);
	v = MACHINE("\x8b\x07");
	v.reg[REG_RDI] = LOST; /* page tables in nobody's memory read as all-ones */
	expect_exception(&v, MMIO, false, X86_VEC_PF, 9);
	assert_int_equal(v.cr2, LOST);
}

static void test_code_that_cannot_be_read(void **state)
{
	struct vcpu v = MACHINE("");

	v.rip = NOWHERE;
	expect_exception(&v, MMIO, false, X86_VEC_PF, 0x10);
	assert_int_equal(v.cr2, NOWHERE);
	v = MACHINE("");
	v.rip = MMIO_VA;
	expect_exception(&v, MMIO, false, X86_VEC_UD, 0);
	assert_int_equal(access_count, 0);
	v = MACHINE("");
	v.rip = CODE + 0x1fff; /* mov eax, [rdi], the ModRM byte in a page that is missing */
	ram[CODE_GPA + 0x1fff] = 0x8b;
	expect_exception(&v, MMIO, false, X86_VEC_PF, 0x10);
	assert_int_equal(v.cr2, CODE + 0x2000);
	v = MACHINE("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x8b\x07");
	expect_exception(&v, MMIO, false, X86_VEC_GP, 0);
}

static void test_unknown_instructions(void **state)
{
	struct vcpu v = MACHINE("\x0f\x11\x07"); /* movups [rdi], xmm0 */
	unsigned int before;

	log_set_sink(count_lines);
	log_set_level(LOG_DEBUG);
	before = log_lines;
	expect_exception(&v, MMIO, true, X86_VEC_UD, 0);
	assert_int_equal(log_lines, before + 1);
	assert_non_null(strstr(last_line, "0f 11 07"));
	v.exception.pending = false;
	expect_exception(&v, MMIO, true, X86_VEC_UD, 0); /* the same RIP: not logged again */
	assert_int_equal(log_lines, before + 1);
	for (u64 i = 1; i < 100; i++) {
		v = MACHINE("");
		v.rip = CODE + 16 * i;
		memcpy(ram + CODE_GPA + 16 * i, "\xff\x37", 2); /* push qword ptr [rdi] */
		expect_exception(&v, MMIO, false, X86_VEC_UD, 0);
	}
	assert_true(log_lines - before < 32); /* a guest cannot flood the log */
	v = MACHINE("\x48\x89\x07"); /* mov [rdi], rax: RAM of which the second page is a device's */
	map_page(MMIO_VA + 0x1000, DEVICE_PAGE | 7);
	v.reg[REG_RDI] = MMIO_VA + 0xffc;
	expect_exception(&v, MMIO, true, X86_VEC_UD, 0);
}

static void test_segments_in_32_bit_mode(void **state)
{
	struct vcpu v = MACHINE("\x8b\x47\x04"); /* mov eax, [edi+4] */
	u16 data = 0x93, read_only = 0x91, down = 0x97, code = 0x9b, execute_only = 0x99;

	v = vcpu_32();
	v.rip = CODE_GPA;
	set_register(4, 4, 0x1234);
	v.seg[SEG_DS] = (struct vcpu_segment){ .base = MMIO - 0x1000, .limit = 0x1007, .attributes = data };
	v.reg[REG_RDI] = 0xffffffff00001000; /* the upper half does not count */
	expect_done(&v, MMIO, false, 3);
	assert_int_equal(v.reg[REG_RAX], 0x1234);
	v.rip = CODE_GPA;
	v.retired = false;
	v.seg[SEG_DS].limit = 0x1006; /* one byte short */
	expect_exception(&v, MMIO, false, X86_VEC_GP, 0);
	v.exception.pending = false;
	v.seg[SEG_DS] = (struct vcpu_segment){ .base = MMIO - 0x1000, .limit = 0x1003, .attributes = down };
	expect_done(&v, MMIO, false, 3);
	v.rip = CODE_GPA;
	v.retired = false;
	v.seg[SEG_DS].limit = 0x1004; /* expand-down: below is outside */
	expect_exception(&v, MMIO, false, X86_VEC_GP, 0);
	v.exception.pending = false;
	v.seg[SEG_DS] =
		(struct vcpu_segment){ .base = MMIO - 0x1000, .limit = 0xffff, .attributes = execute_only };
	expect_exception(&v, MMIO, false, X86_VEC_GP, 0);
	v.exception.pending = false;
	v.seg[SEG_DS].attributes = 0x13; /* not present: a null selector */
	expect_exception(&v, MMIO, false, X86_VEC_GP, 0);
	v.exception.pending = false;
	v.seg[SEG_DS].attributes = code;
	expect_done(&v, MMIO, false, 3);
	v.rip = CODE_GPA;
	v.retired = false;
	memcpy(ram + CODE_GPA, "\x89\x47\x04", 3); /* mov [edi+4], eax */
	expect_exception(&v, MMIO, true, X86_VEC_GP, 0);
	v.exception.pending = false;
	v.seg[SEG_DS].attributes = read_only;
	expect_exception(&v, MMIO, true, X86_VEC_GP, 0);
	v.exception.pending = false;
	v.cr0 = 0; /* real mode looks at the limit alone */
	v.seg[SEG_CS].attributes = 0x49b;
	expect_done(&v, MMIO, true, 3);
}

static void test_16_bit_mode(void **state)
{
	struct vcpu v = MACHINE("");

	v = vcpu_16();
	v.seg[SEG_CS].base = CODE_GPA;
	v.seg[SEG_ES].base = MMIO;
	v.rip = 0xfffc;
	v.reg[REG_RBX] = 0xabcd0010;
	memcpy(ram + CODE_GPA + 0xfffc, "\x26\x8b\x47\x01", 4); /* mov ax, es:[bx+1] */
	set_register(0x11, 2, 0x4711);
	assert_int_equal(emulate_mmio(&v, MMIO, false), 0);
	assert_true(v.retired);
	assert_int_equal(v.reg[REG_RAX], 0x4711);
	assert_int_equal(v.rip, 0); /* 16-bit code: IP wraps */
}

static void test_segment_bases_in_64_bit_mode(void **state)
{
	struct vcpu v = MACHINE("\x65\x8b\x07"); /* mov eax, gs:[rdi] */

	v.seg[SEG_GS].base = 0xffffffffffff0000;
	v.seg[SEG_GS].limit = 0; /* limits do not count */
	v.seg[SEG_DS].base = 0x1000;
	v.reg[REG_RDI] = MMIO_VA + 0x10000;
	set_register(0, 4, 0x55);
	expect_done(&v, MMIO, false, 3);
	assert_int_equal(v.reg[REG_RAX], 0x55);
	v = MACHINE("\x8b\x07");
	v.seg[SEG_DS].base = 0x1000; /* nor does any base but FS and GS */
	expect_done(&v, MMIO, false, 2);
}

static void test_skip(void **state)
{
	struct vcpu v = MACHINE("\x48\x0f\xa2");

	v.rflags |= X86_RFLAGS_RF;
	assert_int_equal(emulate_skip(&v, X86_INSN_CPUID), 0);
	assert_int_equal(v.rip, CODE + 3);
	assert_true(v.retired);
	assert_int_equal(v.rflags, 2);
	v = MACHINE("\x0f\xa2");
	assert_int_equal(emulate_skip(&v, X86_INSN_RDMSR), -EAGAIN);
	assert_int_equal(v.rip, CODE);
	assert_false(v.retired);
	v.rip = NOWHERE;
	assert_int_equal(emulate_skip(&v, X86_INSN_CPUID), -EFAULT);
	assert_int_equal(v.exception.vector, X86_VEC_PF);
	v = MACHINE("");
	v.rip = CODE + 0x1fff;
	ram[CODE_GPA + 0x1fff] = 0x0f;
	assert_int_equal(emulate_skip(&v, X86_INSN_CPUID), -EFAULT);
	assert_int_equal(v.cr2, CODE + 0x2000);
	v = vcpu_32(); /* EIP wraps at 4 GiB */
	v.seg[SEG_CS].base = 0x1000;
	v.rip = 0xfffffffe;
	memcpy(ram + 0xffe, "\x0f\xa2", 2);
	assert_int_equal(emulate_skip(&v, X86_INSN_CPUID), 0);
	assert_int_equal(v.rip, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loads),
		cmocka_unit_test(test_extending_loads),
		cmocka_unit_test(test_stores),
		cmocka_unit_test(test_read_modify_write),
		cmocka_unit_test(test_compares),
		cmocka_unit_test(test_exchanges),
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_page_crossing),
		cmocka_unit_test(test_stale_faults),
		cmocka_unit_test(test_faults_of_the_guests_own),
		cmocka_unit_test(test_code_that_cannot_be_read),
		cmocka_unit_test(test_unknown_instructions),
		cmocka_unit_test(test_segments_in_32_bit_mode),
		cmocka_unit_test(test_16_bit_mode),
		cmocka_unit_test(test_segment_bases_in_64_bit_mode),
		cmocka_unit_test(test_skip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
