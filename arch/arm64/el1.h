/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's EL1 registers, which stay in the hardware. With HCR_EL2.E2H set (VHE) the plain names mean
 * Fairlead's own at EL2, and the guest's are reached under _EL12 names (Arm ARM DDI 0487J, D8.15.2): el1.c
 * knows which. The host's tests supply an array.
 */
#ifndef ARCH_ARM64_EL1_H
#define ARCH_ARM64_EL1_H

#include "core/types.h"

enum el1_register {
	EL1_SCTLR, EL1_CPACR, EL1_TTBR0, EL1_TTBR1, EL1_TCR, EL1_MAIR, EL1_AMAIR, EL1_AFSR0, EL1_AFSR1, EL1_CONTEXTIDR,
	EL1_ESR, EL1_FAR, EL1_VBAR, EL1_ELR, EL1_SPSR, EL1_SP, EL1_SP0, EL1_PAR, EL1_TPIDR, EL1_TPIDR0, EL1_TPIDRRO0,
	EL1_CNTKCTL, EL1_CNTV_CTL, EL1_CNTV_CVAL, EL1_CNTP_CTL, EL1_CNTP_CVAL, EL1_MDSCR,
	EL1_REGISTERS
};

/* Of this CPU's guest. Exit path and boot. */
u64 el1_read(enum el1_register r);
void el1_write(enum el1_register r, u64 value);
/*
 * Translates a virtual address of the guest by its own stage 1, as a read from EL1 (AT S1E1R, Arm ARM C5.5),
 * which can read whatever EL0 can; what stage 2 says of the result is vm_lookup()'s. 0 and *ipa; -EFAULT.
 * Changes nothing that the guest sees. Exit path. (No AT S12...: QEMU 10.0.2 ends itself where stage 2
 * refuses such a one by permission.)
 */
int MUST_CHECK el1_translate_stage1(u64 va, gpa_t *ipa);

#endif
