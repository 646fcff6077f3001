/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest for tests of the emulator: RAM, two pages of emulated registers at MMIO whose accesses are
 * recorded, and 4-level page tables that put them side by side:
 *
 *	CODE          RAM, two pages
 *	DATA          RAM, two pages; then MMIO_VA: registers, two pages; then AFTER: RAM, one page
 *	DEVICE_VA     a passed-through device's page
 *	READ_ONLY     RAM, not writable
 *	NOWHERE       not present
 *	LOST          present, but its page table is not in RAM
 */
#ifndef TESTS_UNIT_FAKE_GUEST_MACHINE_H
#define TESTS_UNIT_FAKE_GUEST_MACHINE_H

#include "core/vm.h"
#include "tests/unit/fake_guest_memory.h"

#define CODE 0x400000ull
#define DATA 0x5fe000ull
#define MMIO_VA 0x600000ull
#define AFTER 0x602000ull
#define DEVICE_VA 0x700000ull
#define READ_ONLY 0x701000ull
#define NOWHERE 0x800000ull
#define LOST 0x40000000ull

#define CODE_GPA 0x10000u
#define DATA_GPA 0x12000u
#define AFTER_GPA 0x14000u
#define READ_ONLY_GPA 0x15000u
#define MMIO 0x100000u

struct vm guest;

/* core/lock.c, which logging uses. */
void arch_cpu_relax(void)
{
}

static u8 registers[0x2000];
static struct mmio_access {
	gpa_t gpa;
	unsigned int size;
	bool write;
	u64 value;
} accesses[64];
static unsigned int access_count;

void vm_mmio_access(struct vm *vm, gpa_t gpa, unsigned int size, bool write, u64 *value)
{
	assert_ptr_equal(vm, &guest);
	assert_true(size == 1 || size == 2 || size == 4 || size == 8);
	assert_int_equal(gpa >> 12, (gpa + size - 1) >> 12);
	assert_in_range(gpa, MMIO, MMIO + sizeof(registers) - size);
	if (write)
		memcpy(registers + (gpa - MMIO), value, size);
	*value = 0;
	memcpy(value, registers + (gpa - MMIO), size);
	accesses[access_count++ % ARRAY_SIZE(accesses)] = (struct mmio_access){ gpa, size, write, *value };
}

static void map_page(u64 linear, u64 entry)
{
	put64(0x2000 + (linear >> 21 & 0x1ff) * 8, (0x3000 + (linear >> 21 & 7) * 0x1000) | 7);
	put64(0x3000 + (linear >> 21 & 7) * 0x1000 + (linear >> 12 & 0x1ff) * 8, entry);
}

static void set_register(unsigned int offset, unsigned int size, u64 value)
{
	memcpy(registers + offset, &value, size);
}

static inline u64 get_register(unsigned int offset, unsigned int size)
{
	u64 value = 0;

	memcpy(&value, registers + offset, size);
	return value;
}

/* A CPU in 64-bit mode in front of `n` bytes of code. */
static struct vcpu machine(const char *code, size_t n)
{
	struct vcpu v = vcpu_64(0);

	memset(ram, 0, sizeof(ram));
	memset(registers, 0, sizeof(registers));
	access_count = 0;
	cmpxchg_to_fail = 0;
	put64(0, 0x1000 | 7);
	put64(0x1000, 0x2000 | 7);
	put64(0x1000 + 8, 0x7ffffff000 | 7); /* LOST: 1 GiB up */
	for (u64 i = 0; i < 2; i++) {
		map_page(CODE + i * 0x1000, (CODE_GPA + i * 0x1000) | 7);
		map_page(DATA + i * 0x1000, (DATA_GPA + i * 0x1000) | 7);
		map_page(MMIO_VA + i * 0x1000, (MMIO + i * 0x1000) | 7);
	}
	map_page(AFTER, AFTER_GPA | 7);
	map_page(DEVICE_VA, DEVICE_PAGE | 7);
	map_page(READ_ONLY, READ_ONLY_GPA | 5);
	v.rip = CODE;
	memcpy(ram + CODE_GPA, code, n);
	for (unsigned int i = 0; i < X86_REGS; i++)
		v.reg[i] = 0x1111111111111111ull * i;
	v.reg[REG_RDI] = MMIO_VA;
	return v;
}

#define MACHINE(code) machine(code, sizeof(code) - 1)

#endif
