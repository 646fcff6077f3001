/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest CPU as the exit handlers see it. There is one vCPU for each CPU, so the guest's EL1 registers stay in the hardware
 * (el1.h); only what Fairlead's own code would overwrite is saved here at an exit.
 */
#ifndef ARCH_ARM64_VCPU_H
#define ARCH_ARM64_VCPU_H

#include "core/arch.h"
#include "core/types.h"

/* SPSR_EL2 fields of a guest in AArch64 state (Arm ARM DDI 0487J, C5.2.19) */
#define PSTATE_SP BIT(0)
#define PSTATE_MODE_EL0 0x0u
#define PSTATE_MODE_EL1T 0x4u
#define PSTATE_MODE_EL1H 0x5u
#define PSTATE_MODE_MASK 0xfu
#define PSTATE_AARCH32 BIT(4)
#define PSTATE_F BIT(6)
#define PSTATE_I BIT(7)
#define PSTATE_A BIT(8)
#define PSTATE_D BIT(9)
#define PSTATE_BTYPE GENMASK64(11, 10)
#define PSTATE_SSBS BIT(12)
#define PSTATE_IL BIT(20)
#define PSTATE_SS BIT(21)
#define PSTATE_PAN BIT(22)
#define PSTATE_DIT BIT(24)
#define PSTATE_TCO BIT(25)

struct vcpu {
	u64 x[31]; /* X0..X30; guest_entry.S knows this is at offset 0, */
	u64 pc;	   /* ELR_EL2, at 248, */
	u64 pstate; /* SPSR_EL2, at 256 */
	/* Of the exit: ESR_EL2, FAR_EL2, HPFAR_EL2 as hardware left them. */
	u64 esr, far, hpfar;
	unsigned int index; /* arch_cpu_index() of its CPU */
	u64 mpidr;	    /* affinity fields, as the guest sees them (VMPIDR_EL2) */
};
static_assert(offsetof(struct vcpu, pc) == 248, "guest_entry.S: VCPU_PC");
static_assert(offsetof(struct vcpu, pstate) == 256, "guest_entry.S: VCPU_PSTATE");
static_assert(offsetof(struct vcpu, esr) == 264 && offsetof(struct vcpu, hpfar) == 280, "guest_entry.S: VCPU_ESR");

extern struct vcpu vcpus[CPUS_MAX];

/* Register n as an instruction names it: 31 is XZR. Exit path. */
static inline u64 vcpu_reg(const struct vcpu *v, unsigned int n)
{
	return n < 31 ? v->x[n] : 0;
}

static inline void vcpu_set_reg(struct vcpu *v, unsigned int n, u64 value)
{
	if (n < 31)
		v->x[n] = value;
}

/* The trapped instruction is done: AArch64 instructions have 4 bytes; a T32 one in AArch32 state (EL0) 2 or 4, ESR_EL2.IL.
 * Clears BTYPE and the step bit as a completed instruction does. Exit path. exception.c */
void vcpu_skip_instruction(struct vcpu *v);

/*
 * Exceptions for the guest, as hardware would take them to EL1 (Arm ARM D1.3, AArch64.TakeException): ESR_EL1, FAR_EL1, ELR_EL1,
 * SPSR_EL1, PSTATE, the vector's address. The instruction that exited does not complete. Exit path. exception.c
 */
void vcpu_inject_undefined(struct vcpu *v);
/* A synchronous external abort at v->far: data (write or read) or instruction. */
void vcpu_inject_external_abort(struct vcpu *v, bool instruction);
/* An alignment fault of the data access at v->far: what is not the guest's RAM is device memory to it. */
void vcpu_inject_alignment_fault(struct vcpu *v);

#endif
