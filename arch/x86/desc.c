/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds and loads the GDT, TSS and IDT (AMD64 APM vol. 2, 4.8 and 8.2), with a stack of its own for each event that may
 * strike while the current stack is not to be trusted.
 */
#include "arch/x86/desc.h"

#include "arch/x86/paging.h"
#include "core/errno.h"
#include "core/pages.h"

/* APM vol. 2, 12.2.5: the 64-bit task state segment. */
struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7]; /* ist[0] is IST1 */
	u64 reserved2;
	u16 reserved3;
	u16 io_map_base;
} PACKED;
static_assert(sizeof(struct tss) == 104, "TSS size");
static_assert(offsetof(struct tss, ist) == 0x24, "TSS IST1");

/* APM vol. 2, 4.8.4: 64-bit interrupt gate. */
struct idt_gate {
	u16 offset_low;
	u16 selector;
	u8 ist; /* 2:0 */
	u8 type; /* 3:0 type, 6:5 DPL, 7 present */
	u16 offset_mid;
	u32 offset_high;
	u32 reserved;
};
static_assert(sizeof(struct idt_gate) == 16, "gate size");
#define GATE_INTERRUPT_PRESENT 0x8e

struct descriptor_pointer {
	u16 limit;
	u64 base;
} PACKED;

/* 4.8.3: available 64-bit TSS, two entries. */
#define DESC_TSS_TYPE (0x89u)

#define VECTOR_NMI 2
#define VECTOR_DF 8
#define VECTOR_MC 18

/* One table for all CPUs, in which each has a task state segment: its selector says which CPU this is. */
#define TSS_DESCRIPTOR_SIZE 16u /* APM vol. 2, 4.8.3 */
#define GDT_CPU(cpu) (SEL_TSS / 8 + 2 * (cpu))
static u64 gdt[GDT_CPU(CPUS_MAX)] ALIGNED(16);
static struct idt_gate idt[32] ALIGNED(16);
static struct tss tss[CPUS_MAX] ALIGNED(16);

struct stack {
	u8 byte[STACK_PAGES * PAGE_SIZE];
};
static struct stack boot_stacks[STACKS] ALIGNED(4096);
static struct stack *stacks[CPUS_MAX] = { boot_stacks };

bool desc_loaded;

u64 stack_top(unsigned int cpu, unsigned int n)
{
	return (u64)(uintptr_t)&stacks[cpu][n + 1];
}

u64 stack_guard_page(unsigned int cpu, unsigned int n)
{
	return (u64)(uintptr_t)&stacks[cpu][n];
}

unsigned int desc_cpu_of(u16 task_register)
{
	return (unsigned int)(task_register - SEL_TSS) / TSS_DESCRIPTOR_SIZE;
}

int desc_prepare(unsigned int cpu)
{
	int ret = 0;

	if (stacks[cpu])
		return 0; /* for a CPU that did not come up */
	stacks[cpu] = pages_alloc_contig(sizeof(boot_stacks) / PAGE_SIZE, PAGE_SIZE);
	if (!stacks[cpu])
		return -ENOMEM;
	for (unsigned int n = 0; n < STACKS && !ret; n++)
		ret = paging_guard(stack_guard_page(cpu, n));
	if (ret)
		stacks[cpu] = NULL; /* the next CPU that gets this number must not find some without a guard */
	return ret;
}

static void set_gate(unsigned int vector, unsigned int stack)
{
	u64 entry = trap_entries[vector];

	idt[vector] = (struct idt_gate){
		.offset_low = (u16)entry,
		.selector = SEL_CODE,
		.ist = (u8)stack, /* STACK_MAIN is 0: no switch; the others are their IST numbers */
		.type = GATE_INTERRUPT_PRESENT,
		.offset_mid = (u16)(entry >> 16),
		.offset_high = (u32)(entry >> 32),
	};
}

static void set_tss(unsigned int cpu)
{
	u64 base = (u64)(uintptr_t)&tss[cpu];

	for (unsigned int n = 1; n < STACKS; n++)
		tss[cpu].ist[n - 1] = stack_top(cpu, n);
	tss[cpu].io_map_base = sizeof(tss[cpu]); /* beyond the limit: no map */
	gdt[GDT_CPU(cpu)] = (sizeof(tss[cpu]) - 1) | (base & 0xffffff) << 16 | (u64)DESC_TSS_TYPE << 40 |
			    (base >> 24 & 0xff) << 56;
	gdt[GDT_CPU(cpu) + 1] = base >> 32;
}

/* What all CPUs share; written by the boot CPU, before there are others. */
static void fill_tables(void)
{
	gdt[SEL_CODE / 8] = DESC_CODE64;
	gdt[SEL_DATA / 8] = DESC_DATA;
	for (unsigned int v = 0; v < ARRAY_SIZE(idt); v++)
		set_gate(v, STACK_MAIN);
	set_gate(VECTOR_NMI, STACK_NMI);
	set_gate(VECTOR_MC, STACK_MC);
	set_gate(VECTOR_DF, STACK_DF);
}

void desc_load(unsigned int cpu)
{
	struct descriptor_pointer gdtr = { sizeof(gdt) - 1, (u64)(uintptr_t)gdt };
	struct descriptor_pointer idtr = { sizeof(idt) - 1, (u64)(uintptr_t)idt };

	if (cpu == 0)
		fill_tables();
	set_tss(cpu);

	__asm__ volatile("lgdt %0\n\t"
			 "mov %w2, %%ds\n\t"
			 "mov %w2, %%es\n\t"
			 "mov %w2, %%ss\n\t"
			 "mov %w3, %%fs\n\t"
			 "mov %w3, %%gs\n\t"
			 "pushq %q1\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\n\t"
			 :
			 : "m"(gdtr), "r"((u64)SEL_CODE), "r"((u32)SEL_DATA), "r"(0)
			 : "rax", "memory");
	__asm__ volatile("lidt %0" : : "m"(idtr));
	__asm__ volatile("lldt %w0" : : "r"(0));
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS + TSS_DESCRIPTOR_SIZE * cpu));
	desc_loaded = true;
}
