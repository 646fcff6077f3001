/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPUs that Fairlead runs on, and which of them APIC IDs name. All of them are the guest's: one virtual CPU each, with the
 * same number. A CPU that is not in this table (cpus=, or it did not come up) waits for a SIPI that nobody sends.
 */
#ifndef ARCH_X86_CPUS_H
#define ARCH_X86_CPUS_H

#include "core/arch.h"

static_assert(CPUS_MAX <= 64, "a set of CPUs is a u64, bit n: CPU n");

/* Written at boot, before the guest exists; read-only afterwards. CPU 0 is the boot CPU. */
struct x86_cpus {
	unsigned int count;
	u32 apic_id[CPUS_MAX];
};
extern struct x86_cpus x86_cpus;

#define BOOT_CPU 0u /* devices' messages for Fairlead go there */
#define NO_CPU CPUS_MAX
/* The number of the CPU with that APIC ID, or NO_CPU. Any context. */
unsigned int x86_cpu_by_apic_id(u32 apic_id);

/* cpu_state.c: that CPU waits in Fairlead for the guest's SIPI, or does not any longer; for the monitor's `cpus`. Any context. */
void x86_cpu_set_waiting(unsigned int cpu, bool waits);

#endif
