/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's hypercalls: those that the KVM leaves of CPUID promise (Linux, Documentation/virt/kvm/x86/hypercalls.rst), which is one:
 * KVM_HC_KICK_CPU ends the HLT of another of the guest's CPUs.
 *
 * It guards that a kick is not lost. A CPU looks for what it waits for, finds nothing, and halts; a kick that comes between the two has
 * to end the HLT that follows. Nothing shows whether a CPU that an NMI took out of the guest was halted, so each kick ends, beside the
 * HLT that it may find, the next one: one wake-up without a reason, which who waits in HLT has to expect anyway.
 */
#ifndef ARCH_X86_HYPERCALL_H
#define ARCH_X86_HYPERCALL_H

#include "arch/x86/vcpu.h"

/* The guest has run VMMCALL: number in RAX, arguments in RBX, RCX, RDX, RSI; the answer in RAX. Exit path. */
void hypercall(struct vcpu *v);
/* True, once per kick, or for several: this CPU is to be stopped at its next HLT, which then does nothing. Exit path, GIF 0. */
bool hypercall_take_kick(void);

#endif
