/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fairlead's own descriptors: GDT, TSS, IDT, and the stacks they name. The firmware's are the guest's memory once boot services
 * are gone, so these are loaded before anything else.
 */
#ifndef ARCH_X86_DESC_H
#define ARCH_X86_DESC_H

#include "core/arch.h"
#include "core/types.h"

#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_TSS 0x18 /* CPU 0's; 16 bytes further CPU 1's, and so on */

/* APM vol. 2, 4.8.1: code and data segments; only type, DPL, P and L matter in long mode. */
#define DESC_CODE64 0x00af9b000000ffffu
#define DESC_DATA 0x00cf93000000ffffu

/* The registers as the stubs in trap_entry.asm push them, then what the CPU pushed (APM vol. 2, 8.9.3). */
struct trap_frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector, error_code;
	u64 rip, cs, rflags, rsp, ss;
};

#define STACK_PAGES 4 /* of 4 KiB, the lowest of which is the guard page */
#define STACK_MAIN 0
#define STACK_NMI 1	    /* IST1 */
#define STACK_MC 2	    /* IST2 */
#define STACK_DF 3	    /* IST3: a fault on the main stack's guard page ends here */
#define STACKS 4

/* Stacks for an application processor. Boot CPU, boot. -ENOMEM. */
int MUST_CHECK desc_prepare(unsigned int cpu);
/*
 * Loads GDT, TSS and IDT: from here on this CPU has its number, and exceptions come here. Interrupts are off; the caller's
 * selectors are replaced. Boot; first on the boot CPU.
 */
void desc_load(unsigned int cpu);
/* The boot CPU has done so. Before, there is one CPU, whose task register is the firmware's. */
extern bool desc_loaded;
/* Which CPU has that selector in its task register. */
unsigned int desc_cpu_of(u16 task_register);
/* First byte above a CPU's stack n, 16-byte aligned. */
u64 stack_top(unsigned int cpu, unsigned int n);
/* The page below it, which must not be mapped. */
u64 stack_guard_page(unsigned int cpu, unsigned int n);

/* From trap_entry.asm: vectors 0..31. */
extern const u64 trap_entries[32];
/* Called by the stubs. */
void trap_handle(struct trap_frame *frame);
/* Set by the NMI handler of that CPU, which does nothing else; the exit path looks at it. */
extern volatile bool nmi_arrived[CPUS_MAX];

#endif
