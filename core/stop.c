/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who ends the machine, and who has stopped for it (stop.h).
 */
#include "core/stop.h"

#include <stdatomic.h>

#include "core/arch.h"

static _Atomic unsigned int ending; /* by CPU number + 1; 0: nobody */
static _Atomic u64 stopped;	    /* bit n: CPU n */

static unsigned int who(void)
{
	return atomic_load_explicit(&ending, memory_order_acquire);
}

bool stop_wanted(void)
{
	unsigned int cpu = who();

	return cpu && cpu != arch_cpu_index() + 1;
}

bool stop_mine(void)
{
	return who() == arch_cpu_index() + 1;
}

void stop_others(void)
{
	unsigned int nobody = 0, self = arch_cpu_index();

	if (!atomic_compare_exchange_strong(&ending, &nobody, self + 1)) {
		if (nobody != self + 1)
			stop_this_cpu();
		return; /* they are kicked */
	}
	for (unsigned int cpu = 0; cpu < arch_cpu_count(); cpu++) {
		if (cpu != self)
			arch_cpu_kick(cpu);
	}
}

void stop_wait(void)
{
	unsigned int cpus = arch_cpu_count();
	u64 all = cpus ? GENMASK64(cpus - 1, 0) : 0, start = arch_time_us();

	all &= ~BIT(arch_cpu_index());
	while ((atomic_load_explicit(&stopped, memory_order_acquire) & all) != all &&
	       arch_time_us() - start < STOP_WAIT_US)
		arch_cpu_relax();
}

void stop_this_cpu(void)
{
	atomic_fetch_or_explicit(&stopped, BIT(arch_cpu_index()), memory_order_release);
	for (;;)
		arch_cpu_halt();
}
