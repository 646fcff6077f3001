/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The EL2 physical timer as Fairlead's (Arm ARM DDI 0487J, D12). Each CPU has one; who asks for a moment sets its own. An older
 * request on another CPU stays armed, and comes early: then that CPU looks at the list and asks anew.
 */
#include "arch/arm64/timer.h"

#include "arch/arm64/cpu.h"
#include "arch/arm64/gic.h"
#include "arch/arm64/sysregs.h"
#include "core/arch.h"
#include "core/timer.h"
#include "core/work.h"

#define NEVER ((u64)-1)
/* D19.12.3 CNTHP_CTL_EL2 */
#define CTL_ENABLE BIT(0)
#define CTL_IMASK BIT(1)
/* D19.12.2 CNTHCTL_EL2: what EL1 may use of the physical counter and timer; the bits move with E2H. */
#define CNTHCTL_EL1PCTEN BIT(0)
#define CNTHCTL_EL1PCEN BIT(1)
#define CNTHCTL_VHE_EL1PCTEN BIT(10)
#define CNTHCTL_VHE_EL1PTEN BIT(11)

static u32 timer_intid; /* written at boot */

static void rearm(struct work *w UNUSED)
{
	timers_rearm();
}

static struct work again[CPUS_MAX];

static void expired(u32 intid UNUSED)
{
	sysreg_write("cnthp_ctl_el2", CTL_IMASK);
	isb();
	(void)work_post(&again[arch_cpu_index()]); /* the exit's tail runs what has expired, then this */
}

void arch_timer_arm(u64 at_us)
{
	const u64 hz = sysreg_read("cntfrq_el0");

	if (!timer_intid)
		return;
	if (at_us == NEVER) {
		sysreg_write("cnthp_ctl_el2", CTL_IMASK);
	} else {
		/* Rounded up: not before its time. */
		sysreg_write("cnthp_cval_el2", at_us / 1000000 * hz + (at_us % 1000000 * hz + 999999) / 1000000);
		sysreg_write("cnthp_ctl_el2", CTL_ENABLE);
	}
	isb();
}

int el2_timer_init(const struct dt_machine *dt)
{
	for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu++)
		work_init(&again[cpu], rearm);
	timer_intid = dt->timer_hypervisor_intid;
	return gic_claim(timer_intid, expired, "timer");
}

void el2_timer_start_cpu(unsigned int cpu)
{
	sysreg_write("cnthp_ctl_el2", CTL_IMASK);
	sysreg_write("cntvoff_el2", 0);
	sysreg_write("cnthctl_el2", cpu_has_vhe() ? CNTHCTL_VHE_EL1PCTEN | CNTHCTL_VHE_EL1PTEN : CNTHCTL_EL1PCTEN | CNTHCTL_EL1PCEN);
	isb();
	gic_set_priority(cpu, timer_intid, GIC_PRIORITY_OURS);
	gic_enable(cpu, timer_intid, true);
}
