/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Application processors: woken once, at boot, by Fairlead; from then on each is in the guest or in Fairlead, and never anywhere
 * else. What the guest takes for waking one is vcpu_request.h.
 */
#ifndef ARCH_X86_SMP_H
#define ARCH_X86_SMP_H

#include "arch/x86/vcpu.h"
#include "core/arch.h"

extern struct vcpu vcpus[CPUS_MAX]; /* each CPU uses its own */

/* How many CPUs the configuration and the machine would allow, at least 1. Boot. */
unsigned int smp_wanted(void);
/*
 * The boot CPU becomes number 0 in x86_cpus; the trampoline page gets its code. Boot, with Fairlead's page tables loaded and the
 * other CPUs waiting for a SIPI (lapic_park_other_cpus()).
 */
void smp_prepare(void);
/*
 * Fills x86_cpus: wakes as many CPUs as are wanted, one after the other, each into svm_run() and its wait for the guest's SIPI.
 * One that does not answer within a second is reported, sent back to wait for a SIPI, and left out; the guest's MADT is told.
 * Boot CPU, at the end of boot: whatever the others use is ready.
 */
void smp_start(void);

/* ap_entry.asm calls it, on each. */
void ap_main(void) NORETURN;

#endif
