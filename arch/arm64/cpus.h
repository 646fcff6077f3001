/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPUs that Fairlead has: number 0 is the boot CPU, and the guest's vCPU of a number runs on the CPU of that number. What
 * one CPU wants of another is a mark and a kick (arch_cpu_kick(): an SGI, which makes a guest exit).
 */
#ifndef ARCH_ARM64_CPUS_H
#define ARCH_ARM64_CPUS_H

#include "arch/arm64/vcpu.h"

struct arm64_cpus {
	unsigned int count;
	u64 mpidr[CPUS_MAX]; /* Aff3..Aff0, as in MPIDR_EL1 without its other bits */
};
extern struct arm64_cpus arm64_cpus; /* written at boot */

#define MPIDR_AFFINITY (GENMASK64(39, 32) | GENMASK64(23, 0))

/* The number of the CPU with that affinity; CPUS_MAX: there is none. Any context. cpus.c */
unsigned int cpu_of_mpidr(u64 mpidr);

/* ---- the power of the guest's CPUs, as PSCI sees it; cpus.c ---- */

enum cpu_power { CPU_IS_OFF, CPU_IS_ON, CPU_ON_PENDING };

/* What the CPU starts with. */
struct cpu_start {
	u64 entry, context; /* PC, X0 */
};

void cpus_init_power(void); /* boot: CPU 0 is on, the others are off */
enum cpu_power cpu_power(unsigned int cpu);
/* By any CPU: asks that it starts there. 0; -EALREADY: it is on; -EINPROGRESS: it is about to be; -ENODEV: left out.
 * Kicks it. Exit path. */
int MUST_CHECK cpu_request_on(unsigned int cpu, u64 entry, u64 context);
/* Boot: that CPU never comes: cpu_request_on() answers -ENODEV. */
void cpu_leave_out(unsigned int cpu);
/* By the CPU itself: it is off from now on, unless it is the last one that is on (-EBUSY; nothing changes). */
int MUST_CHECK cpu_set_off(unsigned int cpu);
/* By the CPU itself, while it is off: true once somebody has asked for it: *out says where; it is on now. */
bool MUST_CHECK cpu_take_on(unsigned int cpu, struct cpu_start *out);

/* The guest has called CPU_OFF and cpu_set_off() was granted: the run loop waits for cpu_take_on() in place of the next entry. run.c */
void vcpu_wants_off(struct vcpu *v);
/* The machine ends (SYSTEM_OFF by the guest; reset is core/arch.h's): the firmware is asked. machine_reset.c */
void machine_off(const char *why) NORETURN;

#endif
