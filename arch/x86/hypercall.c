/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hypercalls (hypercall.h). Numbers and errors: Linux, include/uapi/linux/kvm_para.h.
 */
#include "arch/x86/hypercall.h"

#include "arch/x86/cpus.h"
#include "arch/x86/vcpu_request.h"

#define KVM_HC_KICK_CPU 5u

#define KVM_EPERM ((u64)-1)
#define KVM_ENOSYS ((u64)-1000)

/* An APIC ID that none of the guest's CPUs has names nobody: nobody is kicked, and that is no error. */
static void kick(u64 apic_id)
{
	unsigned int cpu = apic_id <= ~(u32)0 ? x86_cpu_by_apic_id((u32)apic_id) : NO_CPU;

	if (cpu != NO_CPU)
		vcpu_request_wake(cpu);
}

static u64 answer(const struct vcpu *v, u64 number, u64 a1)
{
	if (v->cpl)
		return KVM_EPERM;
	if (number != KVM_HC_KICK_CPU)
		return KVM_ENOSYS;
	kick(a1);
	return 0;
}

void hypercall(struct vcpu *v)
{
	bool wide = (v->efer & X86_EFER_LMA) && (v->seg[SEG_CS].attributes & SEG_ATTR_L);

	/* Outside 64-bit mode there are only the low halves. */
	if (wide)
		v->reg[REG_RAX] = answer(v, v->reg[REG_RAX], v->reg[REG_RCX]);
	else
		v->reg[REG_RAX] = (u32)answer(v, (u32)v->reg[REG_RAX], (u32)v->reg[REG_RCX]);
}
