/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All CPUs are woken once, at boot, by the firmware's PSCI; from then on each is in the guest, in Fairlead, or waits there for the
 * guest's CPU_ON.
 */
#ifndef ARCH_ARM64_SMP_H
#define ARCH_ARM64_SMP_H

#include "arch/arm64/cpus.h"

/* How many CPUs the configuration and the machine would allow, at least 1. Boot. */
unsigned int smp_wanted(void);
/* Fills arm64_cpus: the boot CPU is number 0, the others follow in the tree's order. False: the tree does not list the boot CPU. Boot. */
bool MUST_CHECK smp_number_cpus(void);
/*
 * What each CPU, the boot CPU too, does for itself once the machine-wide parts are there. -EOPNOTSUPP: its physical addresses are
 * narrower than the boot CPU's; else as gic_start_cpu(): then the guest cannot have it.
 */
int MUST_CHECK smp_start_cpu(struct vcpu *v);
/* Wakes the others, one after the other; who does not answer within a second is reported: the guest's CPU_ON of it is refused. */
void smp_start(void);

#endif
