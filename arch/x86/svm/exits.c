/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each reason for which the guest exits, and who answers it. An instruction is skipped only by a length that was read from its
 * own bytes (decode.c); if the bytes are another instruction by now, the guest is entered again and runs that one.
 */
#include "arch/x86/cpuid.h"
#include "arch/x86/emulate.h"
#include "arch/x86/hypercall.h"
#include "arch/x86/mce.h"
#include "arch/x86/msr.h"
#include "arch/x86/nmi.h"
#include "arch/x86/pio.h"
#include "arch/x86/pio_string.h"
#include "arch/x86/platform.h"
#include "arch/x86/svm/svm.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/vm.h"

static void handle_cpuid(struct vcpu *v)
{
	if (emulate_skip(v, X86_INSN_CPUID) == 0)
		cpuid_emulate(v);
}

/* The instruction was stepped over and turned out not to be allowed: it did not execute. */
static void fail_instruction(struct vcpu *v, u64 rip, u64 rflags)
{
	v->rip = rip;
	v->rflags = rflags;
	v->retired = false;
	vcpu_raise_error(v, X86_VEC_GP, 0);
}

static u64 edx_eax(const struct vcpu *v)
{
	return (u64)(u32)v->reg[REG_RDX] << 32 | (u32)v->reg[REG_RAX];
}

static void handle_rdmsr(struct vcpu *v)
{
	u64 rip = v->rip, rflags = v->rflags, value;

	if (emulate_skip(v, X86_INSN_RDMSR))
		return;
	if (msr_read(v, (u32)v->reg[REG_RCX], &value)) {
		fail_instruction(v, rip, rflags);
		return;
	}
	v->reg[REG_RAX] = (u32)value;
	v->reg[REG_RDX] = value >> 32;
}

static void handle_wrmsr(struct vcpu *v)
{
	u64 rip = v->rip, rflags = v->rflags;

	if (emulate_skip(v, X86_INSN_WRMSR))
		return;
	if (msr_write(v, (u32)v->reg[REG_RCX], edx_eax(v)))
		fail_instruction(v, rip, rflags);
}

static void handle_ioio(struct vcpu *v, u64 info, u64 next_rip)
{
	unsigned int size = SVM_IOIO_SIZE(info);
	bool in = info & SVM_IOIO_IN;
	u16 port = SVM_IOIO_PORT(info);
	u32 value = (u32)v->reg[REG_RAX];

	if (info & SVM_IOIO_STRING) {
		/* Without decode assists EXITINFO1 may not name the segment: the emulator reads it from the bytes. */
		(void)emulate_pio_string(v, in, size, info & SVM_IOIO_REP, SVM_IOIO_ADDRESS(info) * 2, port, next_rip);
		return;
	}
	pio_access(port, size, !in, &value);
	if (in && size == 4)
		v->reg[REG_RAX] = value; /* a 32-bit result clears the upper half */
	else if (in)
		v->reg[REG_RAX] = (v->reg[REG_RAX] & ~GENMASK64(size * 8 - 1, 0)) | (value & GENMASK64(size * 8 - 1, 0));
	v->rip = next_rip;
	v->rflags &= ~X86_RFLAGS_RF;
	v->retired = true;
}

/* The guest's tables do not reach this far: nobody owns the address, or an emulated region does. */
static void handle_nested_fault(struct vcpu *v, struct vmcb_control *c)
{
	u64 info = c->exit_info_1;
	gpa_t gpa = c->exit_info_2;
	unsigned int wanted = info & SVM_NPF_FETCH ? PT_EXEC : info & SVM_NPF_WRITE ? PT_WRITE : PT_READ;

	if (vm_allows(&guest, gpa, wanted))
		return; /* by now: the guest tries again */
	if (c->exit_interrupt_info & SVM_EVENT_VALID) {
		/* The guest's own IDT, stack or descriptor is not in its memory: hardware would end in a double fault as well. */
		log_info("guest: event delivery touches unowned 0x%llx: double fault", (unsigned long long)gpa);
		if (SVM_EVENT_VECTOR(c->exit_interrupt_info) == X86_VEC_DF)
			machine_reset("guest triple fault");
		vcpu_raise_error(v, X86_VEC_DF, 0);
		return;
	}
	if (info & SVM_NPF_FETCH) {
		/* All-ones is not an instruction. */
		log_info("guest: instruction fetch from unowned 0x%llx: #UD", (unsigned long long)gpa);
		vcpu_raise(v, X86_VEC_UD);
		return;
	}
	(void)emulate_mmio(v, gpa, info & SVM_NPF_WRITE); /* whatever it says, the guest can be entered */
}

static void handle_vmmcall(struct vcpu *v)
{
	if (emulate_skip(v, X86_INSN_VMMCALL) == 0)
		hypercall(v);
}

/* It was woken before it came here: this HLT has ended already (svm_choose_event()). */
static void handle_hlt(struct vcpu *v, struct vmcb_control *c)
{
	if (emulate_skip(v, X86_INSN_HLT) == 0)
		c->intercept_1 &= ~SVM_INTERCEPT_1_HLT;
}

static void handle_xsetbv(struct vcpu *v)
{
	u64 rip = v->rip, rflags = v->rflags;

	if (emulate_skip(v, X86_INSN_XSETBV))
		return;
	if (v->cpl || xsetbv_emulate(v, (u32)v->reg[REG_RCX], edx_eax(v)))
		fail_instruction(v, rip, rflags);
}

/* INVD would throw away lines that we wrote; WBINVD does the guest no harm. */
static void handle_invd(struct vcpu *v)
{
	if (emulate_skip(v, X86_INSN_INVD) == 0)
		__asm__ volatile("wbinvd" : : : "memory");
}

static void handle_machine_check(struct vcpu *v)
{
	if (!mce_log_and_classify())
		panic("uncontained machine check");
	vcpu_raise(v, X86_VEC_MC);
}

void svm_handle_exit(struct vcpu *v, struct vmcb *vmcb)
{
	struct vmcb_control *c = &vmcb->control;

	switch (c->exit_code) {
	case SVM_EXIT_CPUID:
		handle_cpuid(v);
		break;
	case SVM_EXIT_MSR:
		if (c->exit_info_1 & SVM_MSR_WRITE)
			handle_wrmsr(v);
		else
			handle_rdmsr(v);
		break;
	case SVM_EXIT_IOIO:
		handle_ioio(v, c->exit_info_1, c->exit_info_2);
		break;
	case SVM_EXIT_NPF:
		handle_nested_fault(v, c);
		break;
	case SVM_EXIT_NMI:
		nmi_window();
		nmi_handle(v);
		break;
	case SVM_EXIT_IRET:
		nmi_iret(v);
		break;
	case SVM_EXIT_XSETBV:
		handle_xsetbv(v);
		break;
	case SVM_EXIT_INVD:
		handle_invd(v);
		break;
	case SVM_EXIT_VMMCALL:
		handle_vmmcall(v);
		break;
	case SVM_EXIT_HLT:
		handle_hlt(v, c);
		break;
	case SVM_EXIT_EXCEPTION(X86_VEC_MC):
		handle_machine_check(v);
		break;
	case SVM_EXIT_VMRUN:
	case SVM_EXIT_VMLOAD:
	case SVM_EXIT_VMSAVE:
	case SVM_EXIT_STGI:
	case SVM_EXIT_CLGI:
	case SVM_EXIT_SKINIT:
	case SVM_EXIT_INVLPGA:
		vcpu_raise(v, X86_VEC_UD); /* the guest sees a CPU without SVM */
		break;
	case SVM_EXIT_SHUTDOWN:
		machine_reset("guest triple fault");
	case SVM_EXIT_INIT:
		machine_reset("guest INIT");
	case SVM_EXIT_INVALID:
		panic("VMRUN refused the VMCB: cr0 %llx cr4 %llx efer %llx rip %llx", (unsigned long long)v->cr0,
		      (unsigned long long)v->cr4, (unsigned long long)v->efer, (unsigned long long)v->rip);
	default:
		panic("unexpected exit 0x%llx, info %llx %llx, rip %llx", (unsigned long long)c->exit_code,
		      (unsigned long long)c->exit_info_1, (unsigned long long)c->exit_info_2, (unsigned long long)v->rip);
	}
}
