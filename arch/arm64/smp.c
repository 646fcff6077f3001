/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wakes the other CPUs (PSCI CPU_ON, DEN 0022E, 5.6). It guards that a CPU either runs Fairlead for good, or was never started: one
 * that does not come up within a second finds, if it comes later, that it was given up, and stops. So what it finds is its own, not
 * that of the next one which is being woken by then.
 */
#include "arch/arm64/smp.h"

#include <stdatomic.h>

#include "arch/arm64/cpu.h"
#include "arch/arm64/exits.h"
#include "arch/arm64/gic.h"
#include "arch/arm64/its.h"
#include "arch/arm64/paging.h"
#include "arch/arm64/psci.h"
#include "arch/arm64/run.h"
#include "arch/arm64/stacks.h"
#include "arch/arm64/timer.h"
#include "arch/arm64/vgic.h"
#include "boot/boot_info.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/vm.h"

#define ANSWER_US 1000000u

struct vcpu vcpus[CPUS_MAX];

enum { WAKING, AWAKE, READY, UNFIT, GIVEN_UP };
static _Atomic u32 state[CPUS_MAX];
static struct cpu_boot boot[CPUS_MAX];

unsigned int smp_wanted(void)
{
	unsigned int wanted = boot_info.dt.cpus;

	if (boot_info.config.cpus && boot_info.config.cpus < wanted)
		wanted = boot_info.config.cpus;
	return wanted;
}

bool smp_number_cpus(void)
{
	const struct dt_machine *dt = &boot_info.dt;
	const u64 self = cpu_mpidr_self();
	bool found = false;

	arm64_cpus.mpidr[0] = self;
	arm64_cpus.count = 1;
	for (unsigned int i = 0; i < dt->cpus; i++) {
		if (dt->cpu_mpidr[i] == self)
			found = true;
		else if (arm64_cpus.count < smp_wanted())
			arm64_cpus.mpidr[arm64_cpus.count++] = dt->cpu_mpidr[i];
	}
	for (unsigned int cpu = 0; cpu < arm64_cpus.count; cpu++) {
		vcpus[cpu].index = cpu;
		vcpus[cpu].mpidr = arm64_cpus.mpidr[cpu];
	}
	return found;
}

int smp_start_cpu(struct vcpu *v)
{
	bool wide;
	int ret;

	if (stage2_bits(&wide) < guest.stage2.address_bits)
		return -EOPNOTSUPP;
	ret = gic_start_cpu();
	if (ret)
		return ret;
	gic_enable(v->index, GIC_SGI_KICK, true);
	if (its_start_cpu())
		log_warn("CPU %u takes no messages of devices: others do", v->index);
	el2_timer_start_cpu(v->index);
	stage2_start_cpu();
	sysreg_start_cpu(v);
	vgic_start_cpu(v);
	return 0;
}

/* Nobody will ever ask for it. */
static void halt_for_good(void) NORETURN;
static void halt_for_good(void)
{
	for (;;)
		arch_cpu_halt();
}

/* On the new CPU, with Fairlead's page tables, on its own stack. */
static void cpu_main(struct vcpu *v) NORETURN;
static void cpu_main(struct vcpu *v)
{
	u32 expected = WAKING;
	int ret;

	cpu_set_current(v);
	paging_start_cpu();
	if (!atomic_compare_exchange_strong(&state[v->index], &expected, AWAKE))
		halt_for_good(); /* too late */
	ret = smp_start_cpu(v);
	if (ret) {
		log_warn("CPU %u: the GIC does not serve it, or its addresses are narrower than the boot CPU's (%d)", v->index, ret);
		atomic_store(&state[v->index], UNFIT);
		halt_for_good();
	}
	atomic_store(&state[v->index], READY);
	vcpu_run(v);
}

static bool wait_while(unsigned int cpu, u32 value)
{
	const u64 start = arch_time_us();

	while (atomic_load(&state[cpu]) == value && arch_time_us() - start < ANSWER_US)
		arch_cpu_relax();
	return atomic_load(&state[cpu]) != value;
}

/* 0; -ENODEV: it does not answer, or is not fit for the guest; the firmware's error. */
static int wake(unsigned int cpu)
{
	u32 expected = WAKING;
	s64 ret;

	boot[cpu] = (struct cpu_boot){
		.regime = &el2_regime,
		.stack_top = stack_area(cpu) + STACK_TOP,
		.main = cpu_main,
		.vcpu = &vcpus[cpu],
	};
	atomic_store(&state[cpu], WAKING);
	/* It reads this with its MMU off. */
	arch_cache_flush(&boot[cpu], sizeof(boot[cpu]));
	ret = psci_firmware_call(PSCI_CPU_ON_64, arm64_cpus.mpidr[cpu], virt_to_phys((const void *)(uintptr_t)cpu_entry),
				 virt_to_phys(&boot[cpu]));
	if (ret)
		return (int)ret;
	if (!wait_while(cpu, WAKING) && atomic_compare_exchange_strong(&state[cpu], &expected, GIVEN_UP))
		return -ENODEV;
	if (!wait_while(cpu, AWAKE))
		panic("CPU %u (MPIDR 0x%llx) has come up half way", cpu, (unsigned long long)arm64_cpus.mpidr[cpu]);
	return atomic_load(&state[cpu]) == READY ? 0 : -ENODEV;
}

void smp_start(void)
{
	bool lose = boot_info.config.debug_lost_cpu;
	unsigned int woken = 1;

	for (unsigned int cpu = 1; cpu < arm64_cpus.count; cpu++) {
		const bool last = cpu == arm64_cpus.count - 1;
		int ret = lose && last ? -ENODEV : wake(cpu);

		if (!ret) {
			woken++;
			continue;
		}
		log_warn("cpus: the CPU with MPIDR 0x%llx does not come up (%d): left out", (unsigned long long)arm64_cpus.mpidr[cpu], ret);
		cpu_leave_out(cpu);
	}
	log_info("cpus: the guest gets %u of %u", woken, boot_info.dt.cpus);
}
