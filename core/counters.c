/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The counters' names, and looking at them. It guards that setting them back loses nothing: what a report does not show is in the
 * next one.
 */
#include "core/counters.h"

struct cpu_counters cpu_counters[CPUS_MAX];
static struct counters_snapshot base[CPUS_MAX]; /* what they were at the last restart; the monitor's only */

static const char *const *exit_names;
static unsigned int exits;

static const char *const event_names[COUNTED_EVENTS] = {
	[COUNT_INJECTED_NMI] = "injected-nmi",
	[COUNT_INJECTED_EXCEPTION] = "injected-exception",
	[COUNT_CONFIG_READ] = "config-read",
	[COUNT_CONFIG_WRITE] = "config-write",
	[COUNT_MSIX_TABLE] = "msix-table",
	[COUNT_IOAPIC] = "ioapic",
	[COUNT_GIC] = "gic",
	[COUNT_INJECTED_INTERRUPT] = "injected-interrupt",
	[COUNT_OVERFLOW] = "interrupt-overflow",
	[COUNT_MAINTENANCE] = "maintenance",
	[COUNT_APIC_WRITE] = "apic-page-write",
	[COUNT_INTERRUPT_ENTRY] = "interrupt-entry",
	[COUNT_IOMMU_FLUSH] = "iommu-flush",
	[COUNT_IOMMU_FAULT] = "iommu-fault",
	[COUNT_IPI] = "ipi",
	[COUNT_KICK] = "kick",
};

void counters_name_exits(const char *const *names, unsigned int count)
{
	exit_names = names;
	exits = count;
}

unsigned int counters_exits(void)
{
	return exits;
}

const char *counters_exit_name(unsigned int reason)
{
	return reason < exits ? exit_names[reason] : "unknown";
}

const char *counters_event_name(enum counted_event event)
{
	return event_names[event];
}

/* The difference is right even when the counter has wrapped. `seen`: whether it ever counted. */
static u64 since(const _Atomic u64 *counter, u64 then, bool *seen)
{
	u64 now = atomic_load_explicit(counter, memory_order_relaxed);

	*seen |= now != 0;
	return now - then;
}

bool counters_get(unsigned int cpu, struct counters_snapshot *out)
{
	bool seen = false;

	out->exits = 0;
	for (unsigned int i = 0; i < COUNTED_EXITS_MAX; i++) {
		out->exit[i] = since(&cpu_counters[cpu].exit[i], base[cpu].exit[i], &seen);
		out->exits += out->exit[i];
	}
	for (unsigned int i = 0; i < COUNTED_EVENTS; i++)
		out->event[i] = since(&cpu_counters[cpu].event[i], base[cpu].event[i], &seen);
	return seen;
}

void counters_add(struct counters_snapshot *sum, const struct counters_snapshot *one)
{
	for (unsigned int i = 0; i < COUNTED_EXITS_MAX; i++)
		sum->exit[i] += one->exit[i];
	for (unsigned int i = 0; i < COUNTED_EVENTS; i++)
		sum->event[i] += one->event[i];
	sum->exits += one->exits;
}

void counters_restart(unsigned int cpu, const struct counters_snapshot *at)
{
	for (unsigned int i = 0; i < COUNTED_EXITS_MAX; i++)
		base[cpu].exit[i] += at->exit[i];
	for (unsigned int i = 0; i < COUNTED_EVENTS; i++)
		base[cpu].event[i] += at->event[i];
}
