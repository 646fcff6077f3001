/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of CPUs, and the power of the guest's (cpus.h).
 *
 * A CPU's power goes round in one direction: on -> off (by itself) -> claimed -> on pending (by the one that
 * claimed it) -> on (by itself). So each step has one that may take it, and no lock is needed. It guards that
 * who asks twice for one CPU is told so, that a CPU starts where exactly one of them has said, and that not
 * all go off.
 */
#include "arch/arm64/cpus.h"

#include <stdatomic.h>

#include "core/errno.h"

struct arm64_cpus arm64_cpus;

enum { OFF = CPU_IS_OFF, ON = CPU_IS_ON, PENDING = CPU_ON_PENDING, CLAIMED, LEFT_OUT };

struct power {
	_Atomic unsigned int state;
	struct cpu_start start; /* the claimant's until PENDING, then the CPU's own until ON */
};

static struct power power[CPUS_MAX];
/* How many are on, or certain to be: a CPU is in it before PENDING can be seen, so it is never too low. */
static _Atomic unsigned int awake;

unsigned int arch_cpu_count(void)
{
	return arm64_cpus.count;
}

/* Bits that are no affinity fields make it nobody's, as PSCI wants (DEN 0022E 5.6.2: they must be zero). */
unsigned int cpu_of_mpidr(u64 mpidr)
{
	for (unsigned int cpu = 0; cpu < arm64_cpus.count; cpu++) {
		if (arm64_cpus.mpidr[cpu] == mpidr)
			return cpu;
	}
	return CPUS_MAX;
}

void cpus_init_power(void)
{
	for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu++)
		atomic_store(&power[cpu].state, cpu ? OFF : ON);
	atomic_store(&awake, 1);
}

enum cpu_power cpu_power(unsigned int cpu)
{
	unsigned int state = atomic_load(&power[cpu].state);

	if (state == LEFT_OUT)
		return CPU_IS_OFF;
	return state == CLAIMED ? CPU_ON_PENDING : (enum cpu_power)state;
}

int cpu_request_on(unsigned int cpu, u64 entry, u64 context)
{
	unsigned int was = OFF;

	/* Acquires what the CPU did before it went off: its last look at `start` came before. */
	if (!atomic_compare_exchange_strong(&power[cpu].state, &was, CLAIMED))
		return was == ON ? -EALREADY : was == LEFT_OUT ? -ENODEV : -EINPROGRESS;
	power[cpu].start = (struct cpu_start){ entry, context };
	atomic_fetch_add(&awake, 1);
	atomic_store(&power[cpu].state, PENDING); /* releases `start` */
	arch_cpu_kick(cpu);
	return 0;
}

void cpu_leave_out(unsigned int cpu)
{
	atomic_store(&power[cpu].state, LEFT_OUT);
}

int cpu_set_off(unsigned int cpu)
{
	unsigned int others = atomic_load(&awake);

	/* Another round only where another CPU went on or off meanwhile. */
	do {
		if (others <= 1)
			return -EBUSY;
	} while (!atomic_compare_exchange_weak(&awake, &others, others - 1));
	atomic_store(&power[cpu].state, OFF);
	return 0;
}

bool cpu_take_on(unsigned int cpu, struct cpu_start *out)
{
	if (atomic_load(&power[cpu].state) != PENDING)
		return false;
	*out = power[cpu].start;
	atomic_store(&power[cpu].state, ON);
	return true;
}
