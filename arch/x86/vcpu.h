/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest CPU as the exit handlers see it, whichever virtualization extension runs it: svm/ (later vmx/) copies these fields out of
 * its control block at an exit and back in before the next entry.
 */
#ifndef ARCH_X86_VCPU_H
#define ARCH_X86_VCPU_H

#include "core/types.h"

/* Register numbers as instructions encode them (AMD64 APM vol. 3, 1.4.1). */
enum x86_reg { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8, REG_R15 = 15, X86_REGS };
/* Segment numbers as instructions encode them. */
enum x86_seg { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, X86_SEGS };

#define X86_CR0_PE BIT(0)
#define X86_CR0_WP BIT(16)
#define X86_CR0_PG BIT(31)
#define X86_CR4_PSE BIT(4)
#define X86_CR4_PAE BIT(5)
#define X86_CR4_MCE BIT(6)
#define X86_CR4_LA57 BIT(12)
#define X86_CR4_OSXSAVE BIT(18)
#define X86_CR4_SMEP BIT(20)
#define X86_CR4_SMAP BIT(21)
#define X86_CR4_PKE BIT(22)
#define X86_EFER_LME BIT(8)
#define X86_EFER_LMA BIT(10)
#define X86_EFER_NXE BIT(11)
#define X86_RFLAGS_CF BIT(0)
#define X86_RFLAGS_PF BIT(2)
#define X86_RFLAGS_AF BIT(4)
#define X86_RFLAGS_ZF BIT(6)
#define X86_RFLAGS_SF BIT(7)
#define X86_RFLAGS_TF BIT(8)
#define X86_RFLAGS_IF BIT(9)
#define X86_RFLAGS_DF BIT(10)
#define X86_RFLAGS_OF BIT(11)
#define X86_RFLAGS_RF BIT(16)
#define X86_RFLAGS_VM BIT(17)
#define X86_RFLAGS_AC BIT(18)

#define X86_VEC_DE 0
#define X86_VEC_DB 1
#define X86_VEC_NMI 2
#define X86_VEC_BP 3
#define X86_VEC_OF 4
#define X86_VEC_UD 6
#define X86_VEC_DF 8
#define X86_VEC_TS 10
#define X86_VEC_NP 11
#define X86_VEC_SS 12
#define X86_VEC_GP 13
#define X86_VEC_PF 14
#define X86_VEC_MC 18

struct vcpu_segment {
	u64 base;
	u32 limit;
	u16 selector;
	u16 attributes; /* VMCB format (APM vol. 2, 15.5.1): 3:0 type, 4 S, 6:5 DPL, 7 P, 8 AVL, 9 L, 10 D/B, 11 G */
};
#define SEG_ATTR_L 0x200u
#define SEG_ATTR_DB 0x400u

/* An exception to be raised in the guest at the next entry. */
struct vcpu_exception {
	bool pending;
	u8 vector;
	bool has_error_code;
	u32 error_code;
};

struct vcpu {
	u64 reg[X86_REGS]; /* RAX..R15; the world switch in assembly knows this is at offset 0 */
	u64 rip, rflags;
	u64 cr0, cr2, cr3, cr4, efer;
	u64 pat; /* the guest's IA32_PAT */
	struct vcpu_segment seg[X86_SEGS];
	u8 cpl;
	struct vcpu_exception exception;
	bool cr2_changed; /* an injected #PF set cr2 */
	bool shutdown;	  /* an exception while #DF was pending: the guest's CPU is shut down (triple fault) */
	/* An instruction, or one element of a repeated one, was completed in software. The caller clears this and the interrupt
	 * shadow, and if rflags has TF sets DR6.BS and raises #DB. */
	bool retired;
	bool nmi_blocked;	  /* the guest is in its NMI handler: no other before its IRET (nmi.c) */
	unsigned int nmi_waiting; /* NMIs for the guest that were not injected yet: 0, 1 or 2, as hardware latches */
	bool nmi_iret_to_run;	  /* the IRET that ends the handler was seen, but has not run yet; */
	u64 nmi_iret_rip;	  /* it stands here */
	struct vcpu_segment gdtr; /* first entry only */
	unsigned int index;
};

/* Raise an exception: the instruction that exited does not complete. With one pending already the two combine as AMD64 APM vol. 2,
 * 8.2.9 says: #DF, or shutdown, or the new one replaces the old. Exit path. Supplied by exception.c. */
void vcpu_raise(struct vcpu *v, u8 vector);			/* without an error code: #UD, #DB */
void vcpu_raise_error(struct vcpu *v, u8 vector, u32 error);	/* with one: #GP, #PF... */

#endif
