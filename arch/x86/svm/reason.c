/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SVM's exit codes as the reasons that are counted and traced.
 */
#include "arch/x86/svm/svm.h"

enum x86_exit svm_exit_reason(const struct vmcb_control *c)
{
	switch (c->exit_code) {
	case SVM_EXIT_CPUID: return X86_EXIT_CPUID;
	case SVM_EXIT_MSR: return c->exit_info_1 & SVM_MSR_WRITE ? X86_EXIT_MSR_WRITE : X86_EXIT_MSR_READ;
	case SVM_EXIT_IOIO: return X86_EXIT_IO;
	case SVM_EXIT_NPF: return X86_EXIT_NESTED_FAULT;
	case SVM_EXIT_NMI: return X86_EXIT_NMI;
	case SVM_EXIT_IRET: return X86_EXIT_IRET;
	case SVM_EXIT_XSETBV: return X86_EXIT_XSETBV;
	case SVM_EXIT_INVD: return X86_EXIT_INVD;
	case SVM_EXIT_VMMCALL: return X86_EXIT_VMMCALL;
	case SVM_EXIT_HLT: return X86_EXIT_HLT;
	case SVM_EXIT_EXCEPTION(X86_VEC_MC): return X86_EXIT_MACHINE_CHECK;
	case SVM_EXIT_VMRUN:
	case SVM_EXIT_VMLOAD:
	case SVM_EXIT_VMSAVE:
	case SVM_EXIT_STGI:
	case SVM_EXIT_CLGI:
	case SVM_EXIT_SKINIT:
	case SVM_EXIT_INVLPGA: return X86_EXIT_SVM_INSTRUCTION;
	default: return X86_EXIT_OTHER;
	}
}

u32 svm_exit_detail(const struct vmcb_control *c, const struct vcpu *v)
{
	switch (c->exit_code) {
	case SVM_EXIT_CPUID: return (u32)v->reg[REG_RAX];
	case SVM_EXIT_MSR: return (u32)v->reg[REG_RCX];
	case SVM_EXIT_IOIO: return SVM_IOIO_PORT(c->exit_info_1);
	case SVM_EXIT_NPF: return (u32)c->exit_info_2;
	default: return (u32)c->exit_code;
	}
}
