/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real CPU, less what the guest does not have: virtualization, MONITOR, encrypted memory. Its place among the others (threads,
 * cores, shared caches, APIC ID) is as the CPU itself says. Added: the signature by which Linux knows that interrupts need no remapping
 * of its own to use x2APIC, and what makes it use queued spinlocks (Linux, Documentation/virt/kvm/x86/cpuid.rst).
 * Leaves: AMD64 APM vol. 3, appendix E; Intel SDM vol. 2A, CPUID.
 *
 * It guards that the guest is offered nothing whose registers are refused to it (msr_policy.c).
 */
#include "arch/x86/cpuid.h"

#include "arch/x86/cpu.h"
#include "core/errno.h"

#define EXT_BASE 0x80000000u
#define HYPERVISOR_BASE 0x40000000u
#define KVM_FEATURES 0x40000001u
#define KVM_FEATURE_PV_UNHALT BIT32(7) /* EAX; hypercall.c has the hypercall */
#define KVM_HINTS_REALTIME BIT32(0)    /* EDX: no virtual CPU ever waits for a CPU */

/* Leaf 1 */
#define ECX1_MONITOR BIT32(3)
#define ECX1_VMX BIT32(5)
#define ECX1_SMX BIT32(6)
#define ECX1_OSXSAVE BIT32(27)
#define ECX1_HYPERVISOR BIT32(31)
#define LEAF_MONITOR 5u
/* Leaf 7: features whose MSRs the guest does not have */
#define ECX7_OSPKE BIT32(4)
#define EBX7_TSC_ADJUST BIT32(1)
#define EBX7_SGX BIT32(2)
#define EBX7_RDT (BIT32(12) | BIT32(15)) /* monitoring, allocation */
#define EBX7_TRACE BIT32(25)
#define ECX7_WAITPKG BIT32(5)
#define ECX7_SHADOW_STACK BIT32(7)
#define ECX7_ENQCMD BIT32(29)
#define EDX7_IBT BIT32(20)
/* Leaves of those */
#define LEAF_RDT_MONITORING 0xfu
#define LEAF_RDT_ALLOCATION 0x10u
#define LEAF_SGX 0x12u
#define LEAF_TRACE 0x14u
/* 0x80000001 ECX */
#define ECX_EXT_SVM BIT32(2)
#define ECX_EXT_APIC_SPACE BIT32(3)
#define ECX_EXT_IBS BIT32(10)
#define ECX_EXT_SKINIT BIT32(12)
#define ECX_EXT_LWP BIT32(15)
#define ECX_EXT_UNCORE_COUNTERS (BIT32(24) | BIT32(28)) /* northbridge, L2/L3 */
#define ECX_EXT_MONITORX BIT32(29)
#define LEAF_EXT_SIZES 0x80000008u
#define EBX_EXT_IRPERF BIT32(1)
#define EBX_EXT_INVLPGB BIT32(3)
#define EBX_EXT_NO_LMSLE BIT32(20)
#define EBX_EXT_CPPC BIT32(27)
#define LEAF_SVM 0x8000000au
#define LEAF_IBS 0x8000001bu
#define LEAF_LWP 0x8000001cu
#define LEAF_ENCRYPTION 0x8000001fu
#define LEAF_EXT_QOS 0x80000020u
#define LEAF_EXT_PERF 0x80000022u
#define EAX_EXT_PERF_LBR BIT32(1)
#define LEAF_ENCRYPTION_KEYS 0x80000023u

static bool beyond_maximum(u32 leaf)
{
	return leaf > cpuid(leaf & EXT_BASE, 0).eax;
}

static struct cpuid_regs hypervisor_leaf(u32 leaf)
{
	struct cpuid_regs r = { 0 };

	if (leaf == HYPERVISOR_BASE) {
		r.eax = KVM_FEATURES; /* the last of these leaves */
		r.ebx = 0x4b4d564b; /* "KVMK" */
		r.ecx = 0x564b4d56; /* "VMKV" */
		r.edx = 0x0000004d; /* "M" */
	} else if (leaf == KVM_FEATURES) {
		r.eax = KVM_FEATURE_PV_UNHALT;
		r.edx = KVM_HINTS_REALTIME;
	}
	return r;
}

static void filter(const struct vcpu *v, u32 leaf, u32 subleaf, struct cpuid_regs *r)
{
	switch (leaf) {
	case 1:
		r->ecx &= ~(ECX1_MONITOR | ECX1_VMX | ECX1_SMX | ECX1_OSXSAVE);
		r->ecx |= ECX1_HYPERVISOR;
		if (v->cr4 & X86_CR4_OSXSAVE)
			r->ecx |= ECX1_OSXSAVE;
		break;
	case LEAF_MONITOR:
	case LEAF_RDT_MONITORING:
	case LEAF_RDT_ALLOCATION:
	case LEAF_SGX:
	case LEAF_TRACE:
	case LEAF_SVM:
	case LEAF_IBS:
	case LEAF_LWP:
	case LEAF_ENCRYPTION:
	case LEAF_EXT_QOS:
	case LEAF_ENCRYPTION_KEYS:
		*r = (struct cpuid_regs){ 0 };
		break;
	case 7:
		if (subleaf == 0) {
			r->ebx &= ~(EBX7_TSC_ADJUST | EBX7_SGX | EBX7_RDT | EBX7_TRACE);
			r->ecx &= ~(ECX7_OSPKE | ECX7_WAITPKG | ECX7_SHADOW_STACK | ECX7_ENQCMD);
			r->edx &= ~EDX7_IBT;
			if (v->cr4 & X86_CR4_PKE)
				r->ecx |= ECX7_OSPKE;
		}
		break;
	case 0x80000001u:
		r->ecx &= ~(ECX_EXT_SVM | ECX_EXT_APIC_SPACE | ECX_EXT_IBS | ECX_EXT_SKINIT | ECX_EXT_LWP |
			    ECX_EXT_UNCORE_COUNTERS | ECX_EXT_MONITORX);
		break;
	case LEAF_EXT_SIZES:
		r->ebx &= ~(EBX_EXT_IRPERF | EBX_EXT_INVLPGB | EBX_EXT_CPPC);
		r->ebx |= EBX_EXT_NO_LMSLE;
		break;
	case LEAF_EXT_PERF:
		r->eax &= ~EAX_EXT_PERF_LBR;
		break;
	default:
		break;
	}
}

void cpuid_emulate(struct vcpu *v)
{
	u32 leaf = (u32)v->reg[REG_RAX], subleaf = (u32)v->reg[REG_RCX];
	struct cpuid_regs r = { 0 };

	if (leaf >= HYPERVISOR_BASE && leaf < EXT_BASE) {
		r = hypervisor_leaf(leaf);
	} else if (!beyond_maximum(leaf)) {
		r = cpuid(leaf, subleaf);
		filter(v, leaf, subleaf, &r);
	}
	v->reg[REG_RAX] = r.eax;
	v->reg[REG_RBX] = r.ebx;
	v->reg[REG_RCX] = r.ecx;
	v->reg[REG_RDX] = r.edx;
}

/* XCR0 is the guest's: Fairlead touches no extended state. Which values are legal is for the CPU to say (APM vol. 2, 11.5.2). */
int xsetbv_emulate(struct vcpu *v, u32 index, u64 value)
{
	if (v->cpl || index != 0 || !(v->cr4 & X86_CR4_OSXSAVE) || xsetbv_safe(index, value))
		return -EPERM;
	return 0;
}
