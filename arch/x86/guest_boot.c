/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux's 64-bit boot protocol (Linux, Documentation/arch/x86/boot.rst, "64-bit Boot Protocol"): paging on with an identity map
 * of everything that is loaded, flat segments with __BOOT_CS 0x10 and __BOOT_DS 0x18, interrupts off, RSI = boot_params.
 */
#include "arch/x86/guest_boot.h"

#include "arch/x86/smap.h"
#include "boot/boot_info.h"

#define BOOT_CS 0x10
#define BOOT_DS 0x18
#define GDT_CODE64 0x00af9b000000ffffu
#define GDT_DATA 0x00cf93000000ffffu

/* Four-level tables (APM vol. 2, 5.3) with 2 MiB pages for the first 4 GiB, below which all is loaded. */
#define ENTRIES 512u
#define DIRECTORIES 4u
#define PTE_TABLE 0x3u	 /* present, writable */
#define PTE_LEAF_2M 0x83u /* present, writable, page size */
struct boot_tables {
	u64 pml4[ENTRIES];
	u64 pdpt[ENTRIES];
	u64 directory[DIRECTORIES][ENTRIES];
	u64 gdt[4];
};
static_assert(sizeof(struct boot_tables) <= GUEST_TABLES_SIZE, "the loader reserves less than is needed");

#define X86_CR0_ET BIT(4)
#define X86_CR0_NE BIT(5)

static void write_tables(struct boot_tables *t)
{
	arch_user_access_begin();
	t->pml4[0] = virt_to_phys(t->pdpt) | PTE_TABLE;
	for (u64 d = 0; d < DIRECTORIES; d++) {
		t->pdpt[d] = virt_to_phys(t->directory[d]) | PTE_TABLE;
		for (u64 i = 0; i < ENTRIES; i++)
			t->directory[d][i] = (d * SIZE_1G + i * SIZE_2M) | PTE_LEAF_2M;
	}
	t->gdt[BOOT_CS / 8] = GDT_CODE64;
	t->gdt[BOOT_DS / 8] = GDT_DATA;
	arch_user_access_end();
}

void guest_boot_state(struct vcpu *v)
{
	static const struct vcpu_segment data = { 0, 0xffffffff, BOOT_DS, 0xc93 };
	struct boot_tables *tables = phys_to_virt(boot_info.guest_tables);

	write_tables(tables);
	v->cr0 = X86_CR0_PE | X86_CR0_ET | X86_CR0_NE | X86_CR0_PG;
	v->cr3 = virt_to_phys(tables->pml4);
	v->cr4 = X86_CR4_PAE;
	v->efer = X86_EFER_LME | X86_EFER_LMA;
	v->rflags = 2; /* bit 1 is always set */
	v->rip = boot_info.kernel_entry;
	v->reg[REG_RSI] = boot_info.boot_params;
	v->seg[SEG_CS] = (struct vcpu_segment){ 0, 0xffffffff, BOOT_CS, 0xa9b };
	v->seg[SEG_DS] = v->seg[SEG_ES] = v->seg[SEG_SS] = v->seg[SEG_FS] = v->seg[SEG_GS] = data;
	v->gdtr = (struct vcpu_segment){ .base = virt_to_phys(tables->gdt), .limit = sizeof(tables->gdt) - 1 };
}
