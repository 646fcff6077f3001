/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * String instructions on emulated registers, and INS and OUTS on trapped ports: one element an exit, and the
 * registers in between as the processor would leave them for an interrupt.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "arch/x86/emulate.h"
#include "arch/x86/pio.h"
#include "arch/x86/pio_string.h"
#include "tests/unit/fake_guest_machine.h"

#define PORT 0x1f0

static unsigned int port_accesses, port_size;
static bool port_write;
static u32 port_value;

void pio_access(u16 port, unsigned int size, bool write, u32 *value)
{
	assert_int_equal(port, PORT);
	port_accesses++;
	port_size = size;
	port_write = write;
	if (write)
		port_value = *value;
	else
		*value = port_value;
}

/* One exit: an element was done, and RIP is at `rip`. */
static void expect_element(struct vcpu *v, gpa_t gpa, bool write, u64 rip)
{
	v->retired = false;
	assert_int_equal(emulate_mmio(v, gpa, write), 0);
	assert_false(v->exception.pending);
	assert_true(v->retired);
	assert_int_equal(v->rip, rip);
}

static void test_stos(void **state)
{
	struct vcpu v = MACHINE("\xf3\xab"); /* rep stosd */

	v.reg[REG_RCX] = 3;
	v.reg[REG_RAX] = 0xffffffff12345678;
	v.rflags |= X86_RFLAGS_RF;
	expect_element(&v, MMIO, true, CODE);
	assert_int_equal(v.reg[REG_RCX], 2);
	assert_int_equal(v.reg[REG_RDI], MMIO_VA + 4);
	assert_int_equal(v.rflags, 2 | X86_RFLAGS_RF); /* until the instruction is complete */
	expect_element(&v, MMIO, true, CODE);
	expect_element(&v, MMIO, true, CODE + 2);
	assert_int_equal(v.reg[REG_RCX], 0);
	assert_int_equal(v.reg[REG_RDI], MMIO_VA + 12);
	assert_int_equal(v.rflags, 2);
	assert_int_equal(get_register(8, 8), 0x12345678);
	assert_int_equal(access_count, 3);
	v = MACHINE("\xaa"); /* stosb, downwards */
	v.rflags |= X86_RFLAGS_DF;
	expect_element(&v, MMIO, true, CODE + 1);
	assert_int_equal(v.reg[REG_RDI], MMIO_VA - 1);
	assert_int_equal(v.reg[REG_RCX], 0x1111111111111111); /* not counted without REP */
	v = MACHINE("\xf3\xab"); /* no element at all: not this instruction faulted */
	v.reg[REG_RCX] = 0;
	assert_int_equal(emulate_mmio(&v, MMIO, true), -EAGAIN);
}

static void test_string_registers_are_as_wide_as_addresses(void **state)
{
	struct vcpu v = MACHINE("\x67\xf3\xab"); /* rep stosd with 32-bit addresses */

	v.reg[REG_RDI] = 0xaaaaaaaa00000000 | MMIO_VA;
	v.reg[REG_RCX] = 0xbbbbbbbb00000002;
	expect_element(&v, MMIO, true, CODE);
	assert_int_equal(v.reg[REG_RDI], MMIO_VA + 4);
	assert_int_equal(v.reg[REG_RCX], 1);
	expect_element(&v, MMIO, true, CODE + 3);
	v = vcpu_16();
	v.seg[SEG_CS].base = CODE_GPA;
	v.seg[SEG_ES].base = MMIO;
	memcpy(ram + CODE_GPA, "\xf3\xab", 2); /* rep stosw */
	v.reg[REG_RDI] = 0xcccc0ffe;
	v.reg[REG_RCX] = 0xdddd0001;
	expect_element(&v, MMIO, true, 2);
	assert_int_equal(v.reg[REG_RDI], 0xcccc1000);
	assert_int_equal(v.reg[REG_RCX], 0xdddd0000);
}

static void test_movs(void **state)
{
	struct vcpu v = MACHINE("\xf3\xa4"); /* rep movsb, registers to RAM */

	v.reg[REG_RSI] = MMIO_VA;
	v.reg[REG_RDI] = DATA;
	v.reg[REG_RCX] = 2;
	set_register(0, 2, 0xbeef);
	expect_element(&v, MMIO, false, CODE);
	expect_element(&v, MMIO, false, CODE + 2);
	assert_int_equal(get32(DATA_GPA), 0xbeef);
	assert_int_equal(v.reg[REG_RSI], MMIO_VA + 2);
	assert_int_equal(v.reg[REG_RDI], DATA + 2);
	v = MACHINE("\x48\xa5"); /* movsq, RAM to registers */
	v.reg[REG_RSI] = DATA;
	put64(DATA_GPA, 0x1122334455667788);
	expect_element(&v, MMIO, true, CODE + 2);
	assert_int_equal(get_register(0, 8), 0x1122334455667788);
	v = MACHINE("\xa5"); /* movsd between two pages of registers */
	v.reg[REG_RSI] = MMIO_VA + 0x1000;
	set_register(0x1000, 4, 0x11223344);
	expect_element(&v, MMIO, true, CODE + 1);
	assert_int_equal(get_register(0, 4), 0x11223344);
	v = MACHINE("\x65\xa4"); /* movsb with GS: the source has it, the destination has not */
	v.seg[SEG_GS].base = 0x1000;
	v.reg[REG_RSI] = MMIO_VA;
	v.reg[REG_RDI] = DATA;
	set_register(0x1000, 1, 0x77);
	expect_element(&v, MMIO + 0x1000, false, CODE + 2);
	assert_int_equal(ram[DATA_GPA], 0x77);
}

static void test_movs_faults(void **state)
{
	struct vcpu v = MACHINE("\xf3\xa4");

	v.reg[REG_RSI] = MMIO_VA;
	v.reg[REG_RDI] = READ_ONLY;
	v.reg[REG_RCX] = 2;
	assert_int_equal(emulate_mmio(&v, MMIO, false), 0);
	assert_int_equal(v.exception.vector, X86_VEC_PF);
	assert_int_equal(v.exception.error_code, 3);
	assert_int_equal(v.cr2, READ_ONLY);
	/* the register will be read when the guest tries again, and only then */
	assert_int_equal(access_count, 0);
	assert_int_equal(v.reg[REG_RCX], 2);
	v = MACHINE("\xa4");
	v.reg[REG_RSI] = MMIO_VA;
	v.reg[REG_RDI] = DEVICE_VA;
	assert_int_equal(emulate_mmio(&v, MMIO, false), 0);
	assert_int_equal(v.exception.vector, X86_VEC_UD);
	v = MACHINE("\xa4");
	v.reg[REG_RSI] = DATA;
	v.reg[REG_RDI] = DATA;
	assert_int_equal(emulate_mmio(&v, MMIO, false), -EAGAIN);
}

static void test_lods(void **state)
{
	struct vcpu v = MACHINE("\x66\xad"); /* lodsw */

	v.reg[REG_RSI] = MMIO_VA + 2;
	v.reg[REG_RAX] = ~0ull;
	set_register(0, 8, 0x8877665544332211);
	expect_element(&v, MMIO, false, CODE + 2);
	assert_int_equal(v.reg[REG_RAX], 0xffffffffffff4433);
	assert_int_equal(v.reg[REG_RSI], MMIO_VA + 4);
	v = MACHINE("\xac"); /* a write faulted: not this one */
	v.reg[REG_RSI] = MMIO_VA;
	assert_int_equal(emulate_mmio(&v, MMIO, true), -EAGAIN);
	assert_int_equal(v.rip, CODE);
}

static void test_scans_and_compares(void **state)
{
	struct vcpu v = MACHINE("\xf2\xae"); /* repne scasb: until AL is found */

	v.reg[REG_RAX] = 0x33;
	v.reg[REG_RCX] = 100;
	set_register(0, 8, 0x8877665544332211);
	expect_element(&v, MMIO, false, CODE);
	expect_element(&v, MMIO, false, CODE);
	expect_element(&v, MMIO, false, CODE + 2);
	assert_int_equal(v.reg[REG_RCX], 97);
	assert_int_equal(v.reg[REG_RDI], MMIO_VA + 3);
	assert_int_equal(v.rflags & X86_RFLAGS_ZF, X86_RFLAGS_ZF);
	v = MACHINE("\xf3\xa6"); /* repe cmpsb: while equal; source minus destination */
	v.reg[REG_RSI] = DATA;
	v.reg[REG_RCX] = 100;
	set_register(0, 4, 0x00330022);
	put32(DATA_GPA, 0x00220022);
	expect_element(&v, MMIO, false, CODE);
	expect_element(&v, MMIO, false, CODE);
	expect_element(&v, MMIO, false, CODE + 2);
	assert_int_equal(v.reg[REG_RCX], 97);
	assert_int_equal(v.rflags & (X86_RFLAGS_ZF | X86_RFLAGS_CF), X86_RFLAGS_CF);
	assert_int_equal(get_register(0, 4), 0x00330022);
}

static int ins(struct vcpu *v, unsigned int size, bool rep, unsigned int address_size, u64 next_rip)
{
	v->retired = false;
	port_accesses = 0;
	return emulate_pio_string(v, true, size, rep, address_size, PORT, next_rip);
}

static int outs(struct vcpu *v, unsigned int size, bool rep, unsigned int address_size, u64 next_rip)
{
	v->retired = false;
	port_accesses = 0;
	return emulate_pio_string(v, false, size, rep, address_size, PORT, next_rip);
}

static void test_ins(void **state)
{
	struct vcpu v = MACHINE("\xf3\x66\x6d"); /* rep insw */

	v.reg[REG_RDI] = DATA;
	v.reg[REG_RCX] = 2;
	port_value = 0xaaaabbcc;
	put32(DATA_GPA, 0xffffffff);
	assert_int_equal(ins(&v, 2, true, 8, CODE + 3), 0);
	assert_int_equal(v.rip, CODE);
	assert_int_equal(v.reg[REG_RCX], 1);
	assert_int_equal(v.reg[REG_RDI], DATA + 2);
	assert_int_equal(get32(DATA_GPA), 0xffffbbcc);
	assert_int_equal(port_size, 2);
	assert_false(port_write);
	assert_int_equal(ins(&v, 2, true, 8, CODE + 3), 0);
	assert_int_equal(v.rip, CODE + 3);
	assert_true(v.retired);
	assert_int_equal(ins(&v, 2, true, 8, CODE + 6), 0); /* count 0: nothing but the next instruction */
	assert_int_equal(port_accesses, 0);
	assert_int_equal(v.rip, CODE + 6);
	v = MACHINE("\x6c");
	v.reg[REG_RDI] = READ_ONLY;
	assert_int_equal(ins(&v, 1, false, 8, CODE + 1), 0);
	assert_int_equal(v.exception.vector, X86_VEC_PF);
	assert_int_equal(port_accesses, 0); /* reading a port can have an effect */
	assert_false(v.retired);
	assert_int_equal(v.rip, CODE);
	v = MACHINE("\x6c");
	v.reg[REG_RDI] = DEVICE_VA;
	assert_int_equal(ins(&v, 1, false, 8, CODE + 1), 0);
	assert_int_equal(v.exception.vector, X86_VEC_GP);
}

static void test_outs(void **state)
{
	struct vcpu v = MACHINE("\xf3\x6f"); /* rep outsd */

	v.reg[REG_RSI] = DATA + 4;
	v.reg[REG_RCX] = 2;
	v.rflags |= X86_RFLAGS_DF;
	put64(DATA_GPA, 0x8877665544332211);
	assert_int_equal(outs(&v, 4, true, 8, CODE + 2), 0);
	assert_int_equal(port_value, 0x88776655);
	assert_true(port_write);
	assert_int_equal(v.rip, CODE);
	assert_int_equal(outs(&v, 4, true, 8, CODE + 2), 0);
	assert_int_equal(port_value, 0x44332211);
	assert_int_equal(v.reg[REG_RSI], DATA - 4);
	assert_int_equal(v.rip, CODE + 2);
	v = MACHINE("\x64\x6e"); /* outsb with FS, which the exit does not tell */
	v.seg[SEG_FS].base = 0x10;
	v.reg[REG_RSI] = DATA;
	ram[DATA_GPA + 0x10] = 0x99;
	assert_int_equal(outs(&v, 1, false, 8, CODE + 2), 0);
	assert_int_equal(port_value, 0x99);
	v = MACHINE("\x90\x90"); /* the code has changed meanwhile */
	v.reg[REG_RSI] = DATA;
	assert_int_equal(outs(&v, 1, false, 8, CODE + 1), -EAGAIN);
	assert_int_equal(port_accesses, 0);
	assert_int_equal(v.rip, CODE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stos),
		cmocka_unit_test(test_string_registers_are_as_wide_as_addresses),
		cmocka_unit_test(test_movs),
		cmocka_unit_test(test_movs_faults),
		cmocka_unit_test(test_lods),
		cmocka_unit_test(test_scans_and_compares),
		cmocka_unit_test(test_ins),
		cmocka_unit_test(test_outs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
