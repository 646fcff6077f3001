/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Application processors: woken once, at boot, by Fairlead; from then on each is in the guest or in Fairlead, and never anywhere
 * else. What the guest takes for waking one is vcpu_request.h.
 */
#ifndef ARCH_X86_SMP_H
#define ARCH_X86_SMP_H

#include "core/types.h"

/* Below 1 MiB, where real mode can be: a page of code, and one for a copy of the root page table, that is below 4 GiB wherever
 * the original is. */
#define TRAMPOLINE_CODE 0u
#define TRAMPOLINE_ROOT PAGE_SIZE

/* What the code in the page reads, behind it (ap_entry.asm). */
struct ap_parameters {
	u64 cr0, cr4, efer; /* the boot CPU's */
	u32 cr3;	    /* the copy */
	u32 gdt_pad;
	u64 gdt[3];	    /* for the way to 64-bit mode only */
	u16 gdt_limit;
	u32 gdt_base;
	u32 entry_offset;   /* far pointer to the 64-bit part */
	u16 entry_selector;
	u64 entry;	    /* ap_entry64 */
} PACKED;

/* Copies code and parameters to the trampoline. Boot, once Fairlead's tables are loaded and before they make the page executable
 * (paging_seal_trampoline()). */
void smp_prepare(void);
/*
 * Fills x86_cpus: wakes as many CPUs as the configuration wants, one after the other, each into svm_start() and its wait for the
 * guest's SIPI. One that does not answer within a second is reported, sent back to wait for a SIPI, and left out; the guest's MADT
 * is told. Boot CPU, at the end of boot: whatever the others use is ready.
 */
void smp_start(void);

#endif
