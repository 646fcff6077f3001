/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each CPU is doing, for the monitor. It guards nothing: a look from another CPU, which may have gone on since.
 */
#include <stdatomic.h>

#include "arch/arm64/cpus.h"
#include "core/vm.h"

static const char *state_of(unsigned int cpu)
{
	if (atomic_load_explicit(&guest.shootdown.cpu[cpu].in_guest, memory_order_relaxed))
		return "in the guest";
	if (cpu_power(cpu) != CPU_IS_ON)
		return "off";
	return "in Fairlead";
}

bool arch_cpu_info(unsigned int cpu, struct arch_cpu_info *out)
{
	if (cpu >= arm64_cpus.count)
		return false;
	*out = (struct arch_cpu_info){ "MPIDR", arm64_cpus.mpidr[cpu], state_of(cpu) };
	return true;
}
