/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is counted, in every build: each exit by its reason, and what Fairlead does for the guest, by CPU. `stats` shows it.
 *
 * Only the CPU itself writes its counters: a load and a store in its own cache lines, no locked instruction. Others may look, and
 * see a number that was right a moment ago. So they are set back to 0 by remembering what they were (core/counters.c), never by
 * writing them. Not in NMI context, where an increment could undo the one it interrupted.
 */
#ifndef CORE_COUNTERS_H
#define CORE_COUNTERS_H

#include <stdatomic.h>

#include "core/arch.h"
#include "core/types.h"

#define COUNTED_EXITS_MAX 16 /* exit reasons; the architecture numbers and names its own */

enum counted_event { /* names: core/counters.c */
	COUNT_INJECTED_NMI,	  /* events given to the guest */
	COUNT_INJECTED_EXCEPTION,
	COUNT_CONFIG_READ,	  /* the guest's accesses to configuration space, by port or ECAM */
	COUNT_CONFIG_WRITE,
	COUNT_MSIX_TABLE,	  /* its accesses to a page with an MSI-X table */
	COUNT_IOAPIC,		  /* its accesses to an I/O APIC */
	COUNT_GIC,		  /* its accesses to the emulated GIC's registers in memory */
	COUNT_INJECTED_INTERRUPT, /* interrupts that the guest has taken from a list register */
	COUNT_OVERFLOW,		  /* entries with more interrupts than list registers */
	COUNT_MAINTENANCE,	  /* exits because list registers want to be filled, or looked at */
	COUNT_APIC_WRITE,	  /* its writes to the local APIC's page */
	COUNT_INTERRUPT_ENTRY,	  /* entries of struct pci_msi_ops, and of interrupt remapping, set */
	COUNT_IOMMU_FLUSH,	  /* invalidations that an IOMMU was asked for */
	COUNT_IOMMU_FAULT,	  /* requests that an IOMMU blocked, as far as it reported them */
	COUNT_IPI,		  /* its writes to the interrupt command register that exited: interrupts between its CPUs */
	COUNT_KICK,		  /* kicks that this CPU sent to another, or itself, to have it exit */
	COUNTED_EVENTS,
};

struct ALIGNED(64) cpu_counters { /* its own cache lines */
	_Atomic u64 exit[COUNTED_EXITS_MAX];
	_Atomic u64 event[COUNTED_EVENTS];
};

extern struct cpu_counters cpu_counters[CPUS_MAX];

static inline void count_up(_Atomic u64 *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* Exit path. */
static inline void count_exit(unsigned int reason)
{
	count_up(&cpu_counters[arch_cpu_index()].exit[reason]);
}

/* Boot and exit path. */
static inline void count_event(enum counted_event event)
{
	count_up(&cpu_counters[arch_cpu_index()].event[event]);
}

/* Names of exit reasons 0 .. count-1, at most COUNTED_EXITS_MAX; they stay the caller's. Boot. */
void counters_name_exits(const char *const *names, unsigned int count);
/* How many there are; one's name. Any context. */
unsigned int counters_exits(void);
const char *counters_exit_name(unsigned int reason);
const char *counters_event_name(enum counted_event event);

/* One CPU's at one moment, each number by itself. */
struct counters_snapshot {
	u64 exit[COUNTED_EXITS_MAX], event[COUNTED_EVENTS];
	u64 exits; /* all reasons together */
};
/* Since the last counters_restart() of that CPU. False: it has never counted anything. Exit path of the boot CPU, as the next. */
bool counters_get(unsigned int cpu, struct counters_snapshot *out);
/* Adds one CPU's to the sum. Any context. */
void counters_add(struct counters_snapshot *sum, const struct counters_snapshot *one);
/* Begins at 0 anew, as of that snapshot: what was counted since it was taken is in the next one. */
void counters_restart(unsigned int cpu, const struct counters_snapshot *at);

#endif
