/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Model-specific registers: who of the guest's reads and writes reaches the hardware. One table decides, for the handlers and for the
 * permission map that the CPU reads alike.
 */
#ifndef ARCH_X86_MSR_H
#define ARCH_X86_MSR_H

#include "arch/x86/vcpu.h"

#define MSR_BITMAP_SIZE 8192u /* bytes; APM vol. 2, 15.11 */

/* What becomes of a guest's access. */
enum msr_rule {
	MSR_REFUSED,  /* #GP, as for an MSR that does not exist */
	MSR_PASSED,   /* the hardware's, without an exit */
	MSR_REAL,     /* reads: the hardware's value, by an exit */
	MSR_IGNORED,  /* writes: dropped, logged once */
	MSR_EMULATED, /* a handler below */
};

enum msr_rule msr_read_rule(u32 msr);
enum msr_rule msr_write_rule(u32 msr);

/* Takes the values that are shadowed from the hardware. Boot. */
void msr_init(void);
/* The guest's RDMSR: *value. 0, or -EPERM: #GP(0). Exit path. */
int MUST_CHECK msr_read(struct vcpu *v, u32 msr, u64 *value);
/* The guest's WRMSR. 0, or -EPERM: #GP(0). Exit path. */
int MUST_CHECK msr_write(struct vcpu *v, u32 msr, u64 value);
/* Fills the permission map: two bits an MSR, read then write, 1 = exit; all that no rule passes exits. Boot. */
void msr_bitmap_fill(u8 *bitmap);

#endif
