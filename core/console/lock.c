/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console's lock (lock.h). It guards that what Fairlead says in its last moment is said, whatever state
 * the lock was in.
 */
#include "core/console/lock.h"

#include "core/arch.h"
#include "core/stop.h"

LOCK_CLASS(console_class, "console");
struct spinlock console_spinlock = SPINLOCK_INIT(console_class);

/*
 * One CPU's, written by that CPU alone. `depth` counts from before the lock is asked for until after it is
 * given back, so that what comes in between on this CPU, a machine check, finds it and does not wait for
 * itself.
 */
static struct {
	_Atomic unsigned int depth;
	bool holds;
} cpus[CPUS_MAX];

/* The order of one CPU's own accesses, as its own exception sees them. */
static unsigned int enter(unsigned int cpu)
{
	unsigned int depth = atomic_load_explicit(&cpus[cpu].depth, memory_order_relaxed);

	atomic_store_explicit(&cpus[cpu].depth, depth + 1, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	return depth;
}

static unsigned int leave(unsigned int cpu)
{
	unsigned int depth = atomic_load_explicit(&cpus[cpu].depth, memory_order_relaxed) - 1;

	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&cpus[cpu].depth, depth, memory_order_relaxed);
	return depth;
}

/*
 * The CPU that ends the machine: who has the lock gives it back after his line, or is the reason for the
 * end.
 */
static bool lock_within(u64 limit_us, struct code_site site) NO_THREAD_ANALYSIS
{
	u64 start = arch_time_us();
	bool taken;

	while (!(taken = spin_trylock_at(&console_spinlock, site)) && arch_time_us() - start < limit_us)
		arch_cpu_relax();
	return taken;
}

void console_lock_at(struct code_site site) NO_THREAD_ANALYSIS
{
	unsigned int cpu = arch_cpu_index();

	if (enter(cpu))
		return;
	if (stop_mine()) {
		cpus[cpu].holds = lock_within(CONSOLE_WAIT_US, site);
		return;
	}
	stop_if_wanted();
	spin_lock_at(&console_spinlock, site);
	if (stop_wanted()) { /* it has begun while this CPU waited */
		spin_unlock(&console_spinlock);
		stop_this_cpu();
	}
	cpus[cpu].holds = true;
}

void console_unlock(void) NO_THREAD_ANALYSIS
{
	unsigned int cpu = arch_cpu_index();

	if (atomic_load_explicit(&cpus[cpu].depth, memory_order_relaxed) == 1 && cpus[cpu].holds) {
		cpus[cpu].holds = false;
		spin_unlock(&console_spinlock);
	}
	(void)leave(cpu);
}
