/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ways out of the guest's memory: addresses of Fairlead, the SMMU and the ITS by load, store, atomic, fetch
 * and the MMU's own table walk. What is not the guest's reads as all ones or aborts, and cannot be executed.
 */
#include "kernel.h"

static struct {
	const char *name;
	u64 base, size;
} hidden[RESERVED_MAX + 3];
static unsigned int hidden_count;

static void add(const char *name, u64 base, u64 size)
{
	hidden[hidden_count].name = name;
	hidden[hidden_count].base = base;
	hidden[hidden_count++].size = size;
}

static void collect(void)
{
	u64 fairlead;

	hidden_count = 0;
	add("SMMU", machine.smmu, 0x20000);
	/* Its first page may be where Fairlead shows the GICv2m frame. */
	add("ITS", machine.its + (machine.v2m == machine.its ? 0x1000 : 0), 0x1f000);
	if (command_line_number("fairlead", &fairlead))
		add("Fairlead", fairlead, 0x10000);
	for (unsigned int i = 0; i < machine.reserved; i++)
		add("reserved", machine.hidden[i].base, machine.hidden[i].size);
}

static u64 all_ones(unsigned int width)
{
	return width == 8 ? ~0ull : (1ull << (8 * width)) - 1;
}

static void reads(void)
{
	begin_test("memory-reads");
	for (unsigned int i = 0; i < hidden_count; i++) {
		for (unsigned int n = 0; n < 512; n++) {
			u64 at = hidden[i].base + (n < 16 ? n * 8 : random64() % hidden[i].size & ~7ull);
			unsigned int width = 1u << n % 4;
			u64 value;

			fault_begin();
			value = mmio_read(at, width);
			check(fault_end() || value == all_ones(width), "%s at 0x%lx reads 0x%lx",
			      hidden[i].name, (unsigned long)at, (unsigned long)value);
		}
	}
	end_test();
}

/* Without Fairlead the SMMU and the ITS believe it: this is for protected machines. */
static void writes(void)
{
	begin_test("memory-writes");
	for (unsigned int i = 0; i < hidden_count; i++) {
		for (unsigned int n = 0; n < 512; n++) {
			u64 at = hidden[i].base + (n < 64 ? n * 8 : random64() % hidden[i].size & ~7ull);
			unsigned int width = 1u << n % 4;

			fault_begin();
			mmio_write(at, width, n & 1 ? random64() : 0);
			(void)fault_end();
		}
		/* ldxr, stxr; ldp, stp; stp q; dc zva, dc ivac */
		fault_begin();
		__asm__ volatile("ldxr x9, [%0]\n\tstxr w10, x9, [%0]"
				 :
				 : "r"(hidden[i].base)
				 : "x9", "x10", "memory");
		__asm__ volatile("ldp x9, x10, [%0]\n\tstp x9, x10, [%0]"
				 :
				 : "r"(hidden[i].base)
				 : "x9", "x10", "memory");
		__asm__ volatile("mov x1, %0\n\t.inst 0xad000020" : : "r"(hidden[i].base) : "x1", "memory");
		__asm__ volatile("dc zva, %0\n\tdc civac, %0" : : "r"(hidden[i].base) : "memory");
		(void)fault_end();
	}
	end_test();
	reads(); /* nothing has come of it */
}

static void fetches(void)
{
	begin_test("memory-fetches");
	for (unsigned int i = 0; i < hidden_count; i++) {
		fault_begin();
		__asm__ volatile("adr x9, 1f\n\tstr x9, [%1]\n\tblr %0\n1:"
				 :
				 : "r"(hidden[i].base), "r"(&this_cpu()->resume)
				 : "x9", "x30", "memory");
		check(fault_end(), "%s can be executed", hidden[i].name);
		check(fault_class() == EC_INSTRUCTION_ABORT, "%s: exception class 0x%lx", hidden[i].name,
		      (unsigned long)fault_class());
	}
	end_test();
}

/* Anywhere in the address space, and just beyond what there is: an answer each time. */
static void anywhere(void)
{
	unsigned int bits[] = { 32, 36, 40, 42, 44, 48, 52 };
	unsigned int most = bits[(read_sysreg("S3_0_C0_C7_0") & 0xf) % 7];

	begin_test("memory-anywhere");
	for (unsigned int n = 0; n < 2000; n++) {
		u64 at = random64() & ((1ull << (n % 2 ? most : 30 + n % 22)) - 1) & ~7ull;

		if (at >= 0x09000000 && at < 0x0c000000) /* devices that mind: RTC, GPIO, virtio */
			continue;
		fault_begin();
		(void)mmio_read(at, 1u << n % 4);
		(void)fault_end();
	}
	for (unsigned int n = 30; n < 64; n++) {
		fault_begin();
		(void)mmio_read(1ull << n, 4);
		(void)mmio_read((1ull << n) - 4, 4);
		(void)fault_end();
	}
	end_test();
}

/* ---- the MMU's walks ---- */

#define BLOCK_NORMAL_OFF (1u | 1u << 10 | 1u << 2) /* AF; Attr1: normal, non-cacheable */
#define BLOCK_DEVICE (1u | 1u << 10)		    /* Attr0: device nGnRnE */
/* 39 bits in both halves, 4 KiB granules, walks not cached */
#define TCR (25ull | 25ull << 16 | 2ull << 30)
#define UPPER 0xffffff8000000000ull

static u64 level1[512] __attribute__((aligned(4096)));

static void mmu(bool on)
{
	__asm__ volatile("dsb sy\n\ttlbi vmalle1\n\tdsb sy\n\tisb" : : : "memory");
	write_sysreg("sctlr_el1", (read_sysreg("sctlr_el1") & ~1ull) | on);
}

static void walks(void)
{
	u64 ips = read_sysreg("S3_0_C0_C7_0") & 7;

	begin_test("memory-walks");
	for (u64 i = 0; i < 512; i++)
		level1[i] = i << 30 | (i ? BLOCK_NORMAL_OFF : BLOCK_DEVICE);
	barrier();
	write_sysreg("mair_el1", 0x4400);
	write_sysreg("tcr_el1", TCR | (ips > 5 ? 5 : ips) << 32);
	write_sysreg("ttbr0_el1", (u64)level1);
	for (unsigned int i = 0; i < hidden_count; i++) {
		write_sysreg("ttbr1_el1", hidden[i].base & ~0xfffull);
		mmu(true);
		fault_begin();
		(void)mmio_read(UPPER, 4);
		mmio_write(UPPER + 0x1000, 4, 1);
		check(fault_end(), "a table in %s is believed", hidden[i].name);
		/* The same by a translation instruction: PAR_EL1 says so, or it aborts. */
		fault_begin();
		__asm__ volatile("at s1e1r, %0\n\tisb" : : "r"(UPPER) : "memory");
		check(fault_end() || (read_sysreg("par_el1") & 1), "AT by a table in %s succeeds",
		      hidden[i].name);
		mmu(false);
	}
	end_test();
}

void test_memory(void)
{
	collect();
	reads();
	fetches();
	walks();
	anywhere();
	if (!command_line_has("bare"))
		writes();
}
