/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AMD's Secure Virtual Machine: turn it on, describe the guest CPU in a VMCB, run it.
 */
#ifndef ARCH_X86_SVM_SVM_H
#define ARCH_X86_SVM_SVM_H

#include "arch/x86/exit_reason.h"
#include "arch/x86/svm/vmcb.h"
#include "arch/x86/vcpu.h"

/* 0, or -EOPNOTSUPP with one sentence in `error`: no SVM, switched off by firmware, no nested paging. Changes nothing. */
int MUST_CHECK svm_check(char *error, size_t size);
/* Turns SVM on on this CPU and makes its VMCB. -ENOMEM. After paging_init(); GIF is 0 from here on. */
int MUST_CHECK svm_start(struct vcpu *v);
/* Runs the guest for ever. v holds its first state (guest_boot.c). */
void svm_run(struct vcpu *v) NORETURN;

/* switch.asm */
void svm_enter(struct vcpu *v, paddr_t vmcb, paddr_t host_vmcb);
void nmi_window(void);
void run_on_stack(u64 top, void (*function)(void)) NORETURN;

/* reason.c: as which the last exit counts. */
enum x86_exit svm_exit_reason(const struct vmcb_control *c);
/* What of it a trace is to tell besides: CPUID's leaf, the MSR, the port, the address's low half; else the exit code. */
u32 svm_exit_detail(const struct vmcb_control *c, const struct vcpu *v);

/* exits.c: what the guest's last exit asks for. */
void svm_handle_exit(struct vcpu *v, struct vmcb *vmcb);

/* event.c: sets EVENTINJ, and the IRET intercept while the guest handles an NMI, from what the last exit left in EXITINTINFO and in v. */
void svm_choose_event(struct vcpu *v, struct vmcb *vmcb);

#endif
