/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The test kernel's way in: the header of an arm64 Image (Linux, Documentation/arch/arm64/booting.rst), relocation of itself, stacks,
 * vectors. MMU and caches stay off throughout.
 */
#include "stack.h"

	.section .head, "ax"
	b	start
	.long	0
	.quad	0		/* text_offset */
	.quad	image_size	/* fairlead and QEMU reserve that much */
	.quad	0xa		/* flags: little-endian, 4 KiB pages, anywhere in memory */
	.quad	0
	.quad	0
	.quad	0
	.ascii	"ARM\x64"
	.long	0

	/* X0: the device tree */
start:
	mov	x19, x0
	adrp	x20, image_start
	/* Pointers in data are offsets from where it was linked, 0: R_AARCH64_RELATIVE is all that a static PIE has. */
	adrp	x1, rela_start
	add	x1, x1, :lo12:rela_start
	adrp	x2, rela_end
	add	x2, x2, :lo12:rela_end
1:	cmp	x1, x2
	b.hs	2f
	ldp	x3, x4, [x1], #16
	ldr	x5, [x1], #8
	add	x5, x5, x20
	str	x5, [x20, x3]
	b	1b
2:	adrp	x1, bss_start
	add	x1, x1, :lo12:bss_start
	adrp	x2, bss_end
	add	x2, x2, :lo12:bss_end
3:	cmp	x1, x2
	b.hs	4f
	str	xzr, [x1], #8
	b	3b
4:	adrp	x1, stacks
	add	x1, x1, :lo12:stacks
	add	x1, x1, #STACK_SIZE
	mov	sp, x1
	bl	set_vectors
	mov	x0, x19
	bl	kernel_main
5:	wfi
	b	5b

set_vectors:
	msr	spsel, #1
	adrp	x1, vectors
	add	x1, x1, :lo12:vectors
	msr	vbar_el1, x1
	mov	x1, #3 << 20	/* CPACR_EL1.FPEN */
	msr	cpacr_el1, x1
	isb
	ret

	/* A CPU that PSCI has started: X0 is the top of its stack. */
	.text
	.global	secondary_start
secondary_start:
	msr	spsel, #1
	mov	sp, x0
	bl	set_vectors
	bl	secondary_main
6:	wfi
	b	6b

	/* u64 call_code(u64 x0, const void *code): X1-X17 are the code's. */
	.global	call_code
call_code:
	mov	x16, x1
	br	x16

	/* void firmware_call(struct call_registers *r, bool smc): X0-X17 in and out, X18-X28 watched */
	.global	firmware_call
firmware_call:
	stp	x29, x30, [sp, #-112]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	stp	x0, x18, [sp, #96]
	mov	x19, x0
	mov	x20, x1
	ldp	x0, x1, [x19]
	ldp	x2, x3, [x19, #16]
	ldp	x4, x5, [x19, #32]
	ldp	x6, x7, [x19, #48]
	ldp	x8, x9, [x19, #64]
	ldp	x10, x11, [x19, #80]
	ldp	x12, x13, [x19, #96]
	ldp	x14, x15, [x19, #112]
	ldp	x16, x17, [x19, #128]
	mov	x18, #0x1800
	mov	x21, #0x2100
	mov	x28, #0x2800
	cbnz	w20, 7f
	hvc	#0
	b	8f
7:	smc	#0
8:	stp	x0, x1, [x19]
	stp	x2, x3, [x19, #16]
	stp	x4, x5, [x19, #32]
	stp	x6, x7, [x19, #48]
	stp	x8, x9, [x19, #64]
	stp	x10, x11, [x19, #80]
	stp	x12, x13, [x19, #96]
	stp	x14, x15, [x19, #112]
	stp	x16, x17, [x19, #128]
	eor	x0, x18, #0x1800
	mov	x1, #0x2100
	eor	x1, x1, x21
	orr	x0, x0, x1
	mov	x1, #0x2800
	eor	x1, x1, x28
	orr	x0, x0, x1
	str	x0, [x19, #144]	/* 0: X18, X21 and X28 are as they were */
	ldr	x18, [sp, #104]
	ldp	x27, x28, [sp, #80]
	ldp	x25, x26, [sp, #64]
	ldp	x23, x24, [sp, #48]
	ldp	x21, x22, [sp, #32]
	ldp	x19, x20, [sp, #16]
	ldp	x29, x30, [sp], #112
	ret

	/* ---- vectors: everything saved, handled in C, everything restored ---- */
	.macro	vector number
	.balign	0x80
	sub	sp, sp, #FRAME_SIZE
	stp	x0, x1, [sp]
	mov	x1, #\number
	b	exception
	.endm

	.balign	0x800
vectors:
	.irp	number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vector	\number
	.endr

	.balign 4
exception:
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
	mrs	x2, elr_el1
	mrs	x3, spsr_el1
	stp	x30, x2, [sp, #240]
	str	x3, [sp, #256]
	mov	x0, sp
	bl	handle_exception
	ldr	x3, [sp, #256]
	ldp	x30, x2, [sp, #240]
	msr	elr_el1, x2
	msr	spsr_el1, x3
	ldp	x28, x29, [sp, #224]
	ldp	x26, x27, [sp, #208]
	ldp	x24, x25, [sp, #192]
	ldp	x22, x23, [sp, #176]
	ldp	x20, x21, [sp, #160]
	ldp	x18, x19, [sp, #144]
	ldp	x16, x17, [sp, #128]
	ldp	x14, x15, [sp, #112]
	ldp	x12, x13, [sp, #96]
	ldp	x10, x11, [sp, #80]
	ldp	x8, x9, [sp, #64]
	ldp	x6, x7, [sp, #48]
	ldp	x4, x5, [sp, #32]
	ldp	x2, x3, [sp, #16]
	ldp	x0, x1, [sp]
	add	sp, sp, #FRAME_SIZE
	eret

	.section .note.GNU-stack, "", %progbits
