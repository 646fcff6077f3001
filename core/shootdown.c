/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Generations of the guest's second-stage table. It guards that a CPU which was in the guest when something
 * was taken out of the table is waited for, and that one which was not flushes before it is.
 *
 * Two CPUs each store, then look at what the other stored: the entering one sets `in_guest` and reads the
 * generation, the changing one bumps the generation and reads `in_guest`. Only sequential consistency (on
 * x86: a locked instruction between the two) makes at least one of them see the other; with release and
 * acquire both may read the old values, and a stale translation lives on unseen.
 */
#include "core/shootdown.h"

#include "core/arch.h"
#include "core/errno.h"
#include "core/lockcheck.h"
#include "core/log.h"
#include "core/rendezvous.h"

#define FIRST_GENERATION 1u
#define INSIDE 0u /* Fairlead */
#define WAIT_US 1000000u
#define NOBODY CPUS_MAX

_Static_assert(ARRAY_SIZE(((struct shootdown *)NULL)->cpu) == CPUS_MAX, "one for each CPU");

void shootdown_init(struct shootdown *s)
{
	*s = (struct shootdown){ .generation = FIRST_GENERATION };
}

bool shootdown_enter(struct shootdown *s)
{
	unsigned int self = arch_cpu_index();
	u64 flushed = atomic_load_explicit(&s->cpu[self].flushed, memory_order_relaxed);
	u64 generation;

	rendezvous_rest();
	/*
	 * Until the generation was read: as old as its translations are. seq_cst: a store, then a load of
	 * what others store.
	 */
	atomic_store_explicit(&s->cpu[self].in_guest, flushed ? flushed : FIRST_GENERATION,
			      memory_order_seq_cst);
	generation = atomic_load_explicit(&s->generation, memory_order_seq_cst);
	if (flushed == generation)
		return false;
	/* The flush is part of the entry, and so is the kick that a later bump sends: it is held until then. */
	atomic_store_explicit(&s->cpu[self].flushed, generation, memory_order_relaxed);
	atomic_store_explicit(&s->cpu[self].in_guest, generation, memory_order_release);
	return true;
}

void shootdown_exit(struct shootdown *s)
{
	/*
	 * Release: the guest's accesses come before it, and so before a retired table is used for something
	 * else.
	 */
	atomic_store_explicit(&s->cpu[arch_cpu_index()].in_guest, INSIDE, memory_order_release);
	/* After it, because this waits, perhaps for one who waits for us to leave the guest. */
	rendezvous_work();
}

/* That CPU may use translations from before the generation. */
static bool behind(struct shootdown *s, unsigned int cpu, u64 generation)
{
	u64 in_guest = atomic_load_explicit(&s->cpu[cpu].in_guest, memory_order_seq_cst);

	return in_guest != INSIDE && in_guest < generation;
}

u64 shootdown_begin(struct shootdown *s)
{
	/*
	 * seq_cst: the table's change and this come before the looks at `in_guest`, here and in each
	 * shootdown_done().
	 */
	u64 generation = atomic_fetch_add_explicit(&s->generation, 1, memory_order_seq_cst) + 1;

	for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu++) {
		if (behind(s, cpu, generation))
			arch_cpu_kick(cpu);
	}
	return generation;
}

static unsigned int first_behind(struct shootdown *s, u64 generation)
{
	unsigned int cpu = 0;

	while (cpu < CPUS_MAX && !behind(s, cpu, generation))
		cpu++;
	return cpu;
}

bool shootdown_done(struct shootdown *s, u64 generation)
{
	return first_behind(s, generation) == NOBODY;
}

int shootdown_wait(struct shootdown *s, u64 generation)
{
	u64 start = arch_time_us();
	unsigned int cpu;

	lockcheck_wait();
	while ((cpu = first_behind(s, generation)) != NOBODY) {
		if (arch_time_us() - start > WAIT_US) {
			log_error("shoot-down: CPU %u has not left the guest for 1 s (generation %llu)", cpu,
				  (unsigned long long)generation);
			return -ETIMEDOUT;
		}
		arch_cpu_relax();
	}
	return 0;
}
