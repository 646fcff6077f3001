/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's hypercalls: those that the KVM leaves of CPUID promise (Linux, Documentation/virt/kvm/x86/hypercalls.rst), which is one:
 * KVM_HC_KICK_CPU ends the HLT of another of the guest's CPUs.
 *
 * It guards that only the guest's kernel has a say, and that an APIC ID names one of the guest's CPUs or nobody.
 */
#ifndef ARCH_X86_HYPERCALL_H
#define ARCH_X86_HYPERCALL_H

#include "arch/x86/vcpu.h"

/* The guest has run VMMCALL: number in RAX, arguments in RBX, RCX, RDX, RSI; the answer in RAX. Exit path. */
void hypercall(struct vcpu *v);

#endif
