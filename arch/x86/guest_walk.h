/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's own paging in software: from a linear address to a guest-physical one, in every paging mode,
 * with the permission checks, error codes and Accessed/Dirty updates of the processor. Protection keys are
 * not applied: they guard a program against itself, and the access that exited has passed them in hardware.
 */
#ifndef ARCH_X86_GUEST_WALK_H
#define ARCH_X86_GUEST_WALK_H

#include "arch/x86/vcpu.h"

enum guest_access { GUEST_READ, GUEST_WRITE, GUEST_FETCH };

/* Page-fault error code (AMD64 APM vol. 2, 8.4.2). */
#define PF_PRESENT BIT32(0)  /* a protection violation, not a missing page */
#define PF_WRITE BIT32(1)
#define PF_USER BIT32(2)
#define PF_RESERVED BIT32(3) /* a reserved bit was set in an entry */
#define PF_FETCH BIT32(4)    /* only where no-execute exists: EFER.NXE or CR4.SMEP */

struct guest_fault {
	u64 address; /* linear: what goes in CR2 */
	u32 error;
};

/* Physical-address width that the guest's CPUID shows (leaf 0x80000008, EAX[7:0]); bits above it are reserved
 * in entries. Set once at boot, from 36 to 52. */
extern unsigned int guest_phys_bits;

/*
 * Translates one address for an access at v->cpl. Sets Accessed and Dirty in the guest's tables as the
 * processor would. Exit path.
 * 0: *gpa. -EFAULT: a page fault with *pf_error. -ERANGE: not canonical. -EIO: a table is not in the guest's
 * RAM.
 * -EAGAIN: another CPU keeps changing the entries: let the guest execute the instruction again.
 */
int MUST_CHECK guest_translate(struct vcpu *v, u64 linear, enum guest_access access, gpa_t *gpa,
			       u32 *pf_error);

/* Where an operand of up to 16 bytes lies: in one page or in two. */
struct guest_span {
	unsigned int pieces;
	struct {
		gpa_t gpa;
		unsigned int n; /* bytes */
	} piece[2];
};

/* Translates n bytes (1..16). Errors as above; with -EFAULT *fault is filled. Exit path. */
int MUST_CHECK guest_translate_span(struct vcpu *v, u64 linear, unsigned int n, enum guest_access access,
				    struct guest_span *span, struct guest_fault *fault);

/*
 * Reads up to max (1..15) instruction bytes at CS:RIP; *got says how many, which is fewer when they end in a
 * page that is not there. 0 with *got >= 1, or an error of the first byte as above; -EIO also when the code
 * itself is not in RAM. *fault describes the page where reading stopped, whether or not *got is 0. Exit path.
 */
int MUST_CHECK guest_fetch(struct vcpu *v, u8 *buf, unsigned int max, unsigned int *got,
			   struct guest_fault *fault);

#endif
