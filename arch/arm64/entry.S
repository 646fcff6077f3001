/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EL2's way in: the change from the firmware's translation regime to Fairlead's, the first instructions of a CPU that PSCI has
 * started, and the vectors (Arm ARM DDI 0487J, D1.3.1). Exceptions of Fairlead itself are bugs: they are saved as struct trap_frame
 * (trap.h) has them, and trap_handle() decides. Those of the guest go to guest_entry.S.
 */
#include "arch/arm64/stacks.h"

#define EL2_HCR 0
#define EL2_MAIR 8
#define EL2_TCR 16
#define EL2_TTBR0 24
#define EL2_SCTLR 32
#define EL2_VBAR 40

#define BOOT_REGIME 0
#define BOOT_STACK_TOP 8
#define BOOT_MAIN 16
#define BOOT_VCPU 24

#define SCTLR_M_C_BITS 5

#define FRAME_SIZE 288 /* 31 registers, SP, ELR, SPSR, ESR, FAR */

	.text

/* void el2_load(const struct el2_regime *): x0. Nothing is loaded from or stored to memory while the MMU is off. */
	.globl el2_load
	.type el2_load, %function
el2_load:
	hint	#34				/* bti c */
	ldp	x1, x2, [x0, #EL2_HCR]
	ldp	x3, x4, [x0, #EL2_TCR]
	ldp	x5, x6, [x0, #EL2_SCTLR]
	msr	daifset, #0xf
	mrs	x7, sctlr_el2
	mov	x8, #SCTLR_M_C_BITS
	bic	x7, x7, x8
	dsb	sy
	msr	sctlr_el2, x7
	isb
	msr	hcr_el2, x1
	isb
	msr	mair_el2, x2
	msr	tcr_el2, x3
	msr	ttbr0_el2, x4
	msr	vbar_el2, x6
	isb
	tlbi	alle2
	ic	iallu
	dsb	nsh
	isb
	msr	sctlr_el2, x5
	isb
	ret

/* A CPU starts here by PSCI CPU_ON: MMU off, at EL2 as the caller was (DEN 0022E, 6.4.3), x0 is struct cpu_boot. */
	.globl cpu_entry
	.type cpu_entry, %function
cpu_entry:
	hint	#34
	msr	daifset, #0xf
	msr	spsel, #1
	ldr	x19, [x0, #BOOT_STACK_TOP]
	ldp	x20, x21, [x0, #BOOT_MAIN]
	ldr	x0, [x0, #BOOT_REGIME]
	bl	el2_load
	mov	sp, x19
	mov	x29, #0
	mov	x30, #0
	mov	x0, x21
	mov	x16, x20			/* by x16 a "bti c" is a landing pad for a branch, too */
	br	x16

/* void run_on_stack(u64 top, void (*fn)(void)) */
	.globl run_on_stack
	.type run_on_stack, %function
run_on_stack:
	hint	#34
	msr	spsel, #1
	mov	sp, x0
	mov	x29, #0
	mov	x30, #0
	mov	x16, x1
	br	x16

/*
 * An exception of Fairlead's own. The stack is tested without a free register: sp + x0 - x0 with both changed and changed back. Bit
 * STACK_SHIFT of the new stack pointer is set if it lies in the guard page.
 */
.macro OWN_EXCEPTION kind
	.balign 0x80
	sub	sp, sp, #FRAME_SIZE
	add	sp, sp, x0
	sub	x0, sp, x0
	tbnz	x0, #STACK_SHIFT, 1f
	sub	x0, sp, x0
	sub	sp, sp, x0
	stp	x0, x1, [sp, #0]
	mov	x1, #\kind
	b	own_exception
1:	/* x0: the stack pointer that is out of its stack; sp - x0: the x0 of before, lost for the dump's sake */
	and	x0, x0, #~(STACK_AREA_BYTES - 1)
	add	x0, x0, #STACK_EMERGENCY_TOP
	sub	x0, x0, #FRAME_SIZE
	mov	sp, x0
	stp	x0, x1, [sp, #0]
	mov	x1, #\kind
	b	own_exception
.endm

.macro GUEST_EXCEPTION kind
	.balign 0x80
	stp	x0, x1, [sp, #-16]!
	mov	x1, #\kind
	b	guest_exit
.endm

	.balign 0x800
	.globl el2_vectors
el2_vectors:
	/* Current EL with SP_EL0: not used */
	OWN_EXCEPTION 0
	OWN_EXCEPTION 1
	OWN_EXCEPTION 2
	OWN_EXCEPTION 3
	/* Current EL with SP_ELx */
	OWN_EXCEPTION 4
	OWN_EXCEPTION 5
	OWN_EXCEPTION 6
	OWN_EXCEPTION 7
	/* Lower EL, AArch64: the kinds of enum exit_kind */
	GUEST_EXCEPTION 0
	GUEST_EXCEPTION 1
	GUEST_EXCEPTION 1
	GUEST_EXCEPTION 2
	/* Lower EL, AArch32 */
	GUEST_EXCEPTION 0
	GUEST_EXCEPTION 1
	GUEST_EXCEPTION 1
	GUEST_EXCEPTION 2

own_exception:
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	add	x2, sp, #FRAME_SIZE
	stp	x30, x2, [sp, #240]
	mrs	x2, elr_el2
	mrs	x3, spsr_el2
	stp	x2, x3, [sp, #256]
	mrs	x2, esr_el2
	mrs	x3, far_el2
	stp	x2, x3, [sp, #272]
	mov	x0, sp
	bl	trap_handle
	ldp	x2, x3, [sp, #256]
	msr	elr_el2, x2
	msr	spsr_el2, x3
	ldp	x2, x3, [sp, #16]
	ldp	x4, x5, [sp, #32]
	ldp	x6, x7, [sp, #48]
	ldp	x8, x9, [sp, #64]
	ldp	x10, x11, [sp, #80]
	ldp	x12, x13, [sp, #96]
	ldp	x14, x15, [sp, #112]
	ldp	x16, x17, [sp, #128]
	ldp	x18, x19, [sp, #144]
	ldp	x20, x21, [sp, #160]
	ldp	x22, x23, [sp, #176]
	ldp	x24, x25, [sp, #192]
	ldp	x26, x27, [sp, #208]
	ldp	x28, x29, [sp, #224]
	ldr	x30, [sp, #240]
	ldp	x0, x1, [sp, #0]
	add	sp, sp, #FRAME_SIZE
	eret
	dsb	nsh
	isb

	.section .note.GNU-stack, "", %progbits
