/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each CPU is doing, for the monitor. It guards nothing: a look from another CPU, which may have gone on since.
 */
#include <stdatomic.h>

#include "arch/x86/cpus.h"
#include "core/vm.h"

static _Atomic bool waiting[CPUS_MAX];

void x86_cpu_set_waiting(unsigned int cpu, bool waits)
{
	atomic_store_explicit(&waiting[cpu], waits, memory_order_relaxed);
}

static const char *state_of(unsigned int cpu)
{
	if (atomic_load_explicit(&guest.shootdown.cpu[cpu].in_guest, memory_order_relaxed))
		return "in the guest";
	if (atomic_load_explicit(&waiting[cpu], memory_order_relaxed))
		return "waits for the guest's SIPI";
	return "in Fairlead";
}

bool arch_cpu_info(unsigned int cpu, struct arch_cpu_info *out)
{
	if (cpu >= x86_cpus.count)
		return false;
	*out = (struct arch_cpu_info){ "APIC ID", x86_cpus.apic_id[cpu], state_of(cpu) };
	return true;
}
