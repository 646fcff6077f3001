/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who works, and who looks (debug builds; empty in others). It guards that nobody works while somebody looks.
 *
 * Two CPUs each store, then look at what the other stored: who begins to work says so and looks whether somebody
 * looks; who wants to look says so and looks whether somebody works. Both are sequentially consistent, so at
 * least one of them sees the other (as in core/shootdown.c). If both do, the worker gives way: so it cannot
 * be that each waits for the other. A CPU waits here with nothing in hand, and for one who waits, at most
 * 3 s, for CPUs that need nothing of it; a shoot-down counts it as inside Fairlead.
 */
#include "core/rendezvous.h"

#ifdef FL_DEBUG
#include <stdatomic.h>

#include "core/arch.h"
#include "core/lockcheck.h"
#include "core/log.h"

#define REST_US 3000000u /* a CPU may wait a second for another, and for an IOMMU, before it rests */
#define NOBODY	CPUS_MAX

static _Atomic bool works[CPUS_MAX]; /* each written by its own CPU */
static _Atomic bool looked_at;	     /* somebody looks, or waits until he can */
static bool worked;		     /* the looker's: did he work before? */

void rendezvous_work(void)
{
	_Atomic bool *mine = &works[arch_cpu_index()];

	for (;;) {
		atomic_store_explicit(mine, true, memory_order_seq_cst);
		if (!atomic_load_explicit(&looked_at, memory_order_seq_cst))
			return;
		atomic_store_explicit(mine, false, memory_order_release);
		while (atomic_load_explicit(&looked_at, memory_order_acquire))
			arch_cpu_relax();
	}
}

void rendezvous_rest(void)
{
	atomic_store_explicit(&works[arch_cpu_index()], false, memory_order_release);
}

static unsigned int first_at_work(void)
{
	unsigned int cpu = 0;

	while (cpu < CPUS_MAX && !atomic_load_explicit(&works[cpu], memory_order_seq_cst))
		cpu++;
	return cpu;
}

/* He rests himself meanwhile, or another who looks would wait for him. */
static void take_turn(void)
{
	unsigned int self = arch_cpu_index();
	bool before = atomic_load_explicit(&works[self], memory_order_relaxed);

	atomic_store_explicit(&works[self], false, memory_order_release);
	while (atomic_exchange_explicit(&looked_at, true, memory_order_seq_cst))
		arch_cpu_relax();
	worked = before;
}

bool rendezvous_begin(void)
{
	unsigned int cpu;
	u64 start;

	lockcheck_wait();
	take_turn();
	start = arch_time_us();
	while ((cpu = first_at_work()) != NOBODY) {
		if (arch_time_us() - start > REST_US) {
			rendezvous_end();
			log_warn("rendezvous: CPU %u has not come to rest for 3 s", cpu);
			return false;
		}
		arch_cpu_relax();
	}
	return true;
}

void rendezvous_end(void)
{
	/* Before anybody else can look: he is back at what he was at. */
	atomic_store_explicit(&works[arch_cpu_index()], worked, memory_order_release);
	atomic_store_explicit(&looked_at, false, memory_order_release);
}
#endif
