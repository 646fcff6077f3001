/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of NMIs share: two IOMMUs, a timer and a local APIC that are told what to say, and the guest's CPU between
 * an entry and the next exit.
 */
#ifndef TESTS_UNIT_NMI_MACHINE_H
#define TESTS_UNIT_NMI_MACHINE_H

#include "fake_x86.h"

#include "arch/x86/cpus.h"
#include "arch/x86/desc.h"
#include "arch/x86/lapic.h"
#include "arch/x86/nmi.h"
#include "arch/x86/pmu.h"
#include "arch/x86/vcpu_request.h"
#include "core/arch.h"
#include "core/timer.h"
#include "core/work.h"
#include "drivers/iommu/iommu.h"

#define SERR		  0x80
#define IOCHK		  0x40
#define TIMER_AND_REFRESH 0x30 /* bits 5:4 of port 61h: nothing about NMIs */
#define MESSAGE_ADDRESS	  0xfee01000u
#define SECOND		  1000000u

volatile bool nmi_arrived[CPUS_MAX];

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c: which CPU this is */

/* What each CPU's local vector table says of its LINT1 pin and its counters, and whether a counter has overflowed. */
static bool lint1_is_nmi[CPUS_MAX], overflowed[CPUS_MAX];

bool lapic_lint1_sends_nmi(void)
{
	return lint1_is_nmi[host_cpu];
}

bool pmu_overflowed(void)
{
	return overflowed[host_cpu];
}

void arch_cpu_relax(void)
{
}

static bool timer_has_fired;

bool timer_fired(void)
{
	bool fired = timer_has_fired;

	timer_has_fired = false;
	return fired;
}

static u64 now;
static unsigned int nmis_sent; /* by kicks */
static u32 sent_to;
#define APIC_ID_OF(cpu) ((cpu) * 2 + 1)
static u64 message_address = MESSAGE_ADDRESS;

u64 arch_time_us(void)
{
	return now;
}

/* The hardware behind Fairlead's timers: what it is set to, how often it was, and what setting it brings about. */
#define NEVER ((u64)-1)
static u64 armed_at = NEVER;
static unsigned int times_armed;
static void (*on_arming)(void);

void arch_timer_arm(u64 at_us)
{
	times_armed += at_us != NEVER && at_us != armed_at;
	armed_at = at_us;
	if (on_arming)
		on_arming();
}

u32 lapic_id(void)
{
	return APIC_ID_OF(host_cpu);
}

void lapic_send_nmi(u32 id)
{
	nmis_sent++;
	sent_to = id;
}

u64 lapic_message_address(void)
{
	return message_address;
}

/* ---- two IOMMUs ------------------------------------------------------------------------------------ */

static struct unit {
	struct iommu iommu;
	bool fault;
	unsigned int waiting; /* more, which the next drain leaves */
	unsigned int drained;
	u64 address;
	u32 data;
} units[2];

static inline bool fault_pending(struct iommu *iommu)
{
	return container_of(iommu, struct unit, iommu)->fault;
}

static inline unsigned int drain_faults(struct iommu *iommu, unsigned int budget, iommu_fault_fn fn, void *ctx)
{
	struct unit *u = container_of(iommu, struct unit, iommu);

	u->fault = u->waiting > 0;
	u->waiting -= u->fault;
	u->drained++;
	return 1;
}

static inline void fault_message(struct iommu *iommu, u64 address, u32 data)
{
	struct unit *u = container_of(iommu, struct unit, iommu);

	u->address = address;
	u->data = data;
}

static const struct iommu_ops ops = {
	.name = "fake",
	.drain_faults = drain_faults,
	.fault_pending = fault_pending,
	.fault_message = fault_message,
};

/* ---- the guest's CPU ------------------------------------------------------------------------------- */

#define HANDLER	     0x1000u
#define HANDLER_IRET 0x1080u
#define PROGRAM	     0x2000u

static struct vcpu vcpus_of_test[CPUS_MAX];
#define v (vcpus_of_test[host_cpu]) /* this CPU's */

static inline void nmi(void)
{
	nmi_arrived[host_cpu] = true;
	nmi_handle(&v);
	exit_tail();
	nmi_entry(true);
}

/* The guest exits for something else, and is entered again. */
static inline void other_exit(void)
{
	exit_tail();
	nmi_entry(true);
}

/* Is one injected at the entry that follows? The guest then is at its handler. */
static inline bool entered(void)
{
	if (!nmi_take(&v))
		return false;
	v.rip = HANDLER;
	return true;
}

/* The handler comes to its IRET: exit, entry at the same RIP. */
static inline void reach_iret(u64 at)
{
	v.rip = at;
	nmi_iret(&v);
	assert_false(entered());
}

static inline void run_iret(void)
{
	reach_iret(HANDLER_IRET);
	v.rip = PROGRAM;
}

#define CPUS 4

/* Nothing that the test before has left on its way to this CPU is excused in the next. */
static inline void forget(unsigned int cpu)
{
	v = (struct vcpu){ .rip = PROGRAM, .index = cpu };
	overflowed[cpu] = nmi_arrived[cpu] = false;
	lint1_is_nmi[cpu] = cpu == 0; /* as Linux sets them up */
	x86_cpus.apic_id[cpu] = APIC_ID_OF(cpu);
	for (unsigned int i = 0; i < 2; i++) {
		nmi();
		now += SECOND + 1;
		other_exit();
	}
	nmi_reset(&v);
	(void)vcpu_take_requests();
	(void)vcpu_take_nmis();
	nmi_entry(true);
	now += SECOND + 1;
	nmi_entry(true);
}

static inline int setup(void **state)
{
	x86_cpus.count = CPUS;
	fake_port[0x61] = TIMER_AND_REFRESH;
	ports_forget();
	fake_log();
	iommu_forget_all();
	memset(units, 0, sizeof(units));
	for (unsigned int i = 0; i < ARRAY_SIZE(units); i++) {
		units[i].iommu.ops = &ops;
		iommu_register(&units[i].iommu);
	}
	timer_has_fired = false;
	on_arming = NULL;
	message_address = MESSAGE_ADDRESS;
	for (host_cpu = 0; host_cpu < CPUS; host_cpu++)
		forget(host_cpu);
	host_cpu = 0;
	assert_true(armed_at == NEVER); /* nothing is owed, so nothing disturbs an idle guest */
	times_armed = 0;
	nmis_sent = 0;
	return 0;
}

#endif
