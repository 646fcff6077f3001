/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of CPUs (cpus.h).
 */
#include "arch/x86/cpus.h"

struct x86_cpus x86_cpus;

unsigned int arch_cpu_count(void)
{
	return x86_cpus.count;
}

unsigned int x86_cpu_by_apic_id(u32 apic_id)
{
	for (unsigned int cpu = 0; cpu < x86_cpus.count; cpu++) {
		if (x86_cpus.apic_id[cpu] == apic_id)
			return cpu;
	}
	return NO_CPU;
}
