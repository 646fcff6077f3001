/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest sees of its CPU.
 */
#ifndef ARCH_X86_CPUID_H
#define ARCH_X86_CPUID_H

#include "arch/x86/vcpu.h"

/* The guest's CPUID: fills RAX..RDX for the leaf in EAX and ECX. Exit path. */
void cpuid_emulate(struct vcpu *v);
/* The guest's XSETBV at CPL 0. 0, or -EPERM: #GP(0). Exit path. */
int MUST_CHECK xsetbv_emulate(struct vcpu *v, u32 index, u64 value);

#endif
