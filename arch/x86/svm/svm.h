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
/* What all CPUs share: after pio, msr and the guest's tables are set up. Boot. -ENOMEM. */
int MUST_CHECK svm_init(void);
/* Turns SVM on on this CPU, v->index, and makes its VMCB. -ENOMEM. GIF is 0 from here on. Boot. */
int MUST_CHECK svm_start(struct vcpu *v);
/* For ever: runs the guest; on CPU 0 at once, v holds its first state (guest_boot.c), on others when the guest starts them. */
void svm_run(struct vcpu *v) NORETURN;

/* init_state.c: as after INIT; then, to start at vector << 12; then, as v says, into the VMCB, before the first entry that follows. */
void svm_init_vcpu(struct vcpu *v);
void svm_startup_vcpu(struct vcpu *v, u8 vector);
void svm_store_first_state(const struct vcpu *v, struct vmcb *vmcb);

/* switch.asm */
void svm_enter(struct vcpu *v, paddr_t vmcb, paddr_t host_vmcb);
void nmi_window(void);
void sleep_window(void);
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
