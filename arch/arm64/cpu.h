/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A CPU at EL2: the way from firmware's regime to Fairlead's own, and what the CPU can do.
 */
#ifndef ARCH_ARM64_CPU_H
#define ARCH_ARM64_CPU_H

#include "arch/arm64/vcpu.h"
#include "core/types.h"

/* What el2_load() loads: written once at boot, read by CPUs whose MMU is off, so it is cleaned to memory. entry.S knows the offsets. */
struct el2_regime {
	u64 hcr, mair, tcr, ttbr0, sctlr, vbar;
};
static_assert(offsetof(struct el2_regime, hcr) == 0 && offsetof(struct el2_regime, mair) == 8 &&
	      offsetof(struct el2_regime, tcr) == 16 && offsetof(struct el2_regime, ttbr0) == 24 &&
	      offsetof(struct el2_regime, sctlr) == 32 && offsetof(struct el2_regime, vbar) == 40, "entry.S: EL2_*");
extern struct el2_regime el2_regime;

/* What a CPU finds that PSCI starts at cpu_entry (entry.S): X0 points here; the MMU is off, so it is cleaned to memory. */
struct cpu_boot {
	const struct el2_regime *regime;
	u64 stack_top;
	void (*main)(struct vcpu *v); /* does not return */
	struct vcpu *vcpu;
};
static_assert(offsetof(struct cpu_boot, stack_top) == 8 && offsetof(struct cpu_boot, main) == 16 &&
	      offsetof(struct cpu_boot, vcpu) == 24, "entry.S: BOOT_*");

/* entry.S */
extern const u8 el2_vectors[];
/* This CPU's EL2 registers become the regime's: MMU off, everything loaded, MMU on. The identity map holds before and after, and
 * caches hold nothing that the walker or the code would miss (paging.c). */
void el2_load(const struct el2_regime *regime);
void cpu_entry(void);
void run_on_stack(u64 stack_top, void (*fn)(void)) NORETURN;
/* guest_entry.S: runs the guest until its next exit; says which vector it was. TPIDR_EL2 is v. */
unsigned int guest_enter(struct vcpu *v);

/* This CPU is the one of v from here on (TPIDR_EL2). */
void cpu_set_current(struct vcpu *v);
/* The CPU has the Virtualization Host Extensions, and Fairlead runs with HCR_EL2.E2H = 1. */
bool cpu_has_vhe(void);
/* Until the next interrupt, which stays pending. */
void cpu_wait(void);
u64 cpu_mpidr_self(void); /* affinity fields */

#endif
