/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trace: what happened when, on each CPU, in every build. A class of events that is off costs one load and one branch at each
 * place that would record it. The monitor's `trace` switches and shows it (docs/guide/tracing.md).
 *
 * Each CPU has a ring of its own, made at boot, and writes it without a lock; the oldest records go first. Not in NMI context
 * (core/trace_ring.h).
 */
#ifndef CORE_TRACE_H
#define CORE_TRACE_H

#include <stdatomic.h>

#include "core/arch.h"
#include "core/trace_ring.h"
#include "core/types.h"

enum trace_class { /* a bit each; names: trace.c */
	TRACE_CLASS_EXIT,
	TRACE_CLASS_INJECT,
	TRACE_CLASS_CONFIG,
	TRACE_CLASS_MMIO,
	TRACE_CLASS_IOMMU,
	TRACE_CLASS_REFS,
	TRACE_CLASS_LOCKS,
	TRACE_CLASS_WORK,
	TRACE_CLASS_NMI,
	TRACE_CLASSES,
};
#define TRACE_ALL (BIT32(TRACE_CLASSES) - 1)

/* An event's number says its class. */
#define TRACE_EVENT(class, n) ((class) << 4 | (n))
#define TRACE_CLASS_OF(event) ((unsigned int)(event) >> 4)

/* What the records' a, b, c and d are: trace.c, where each event has its row. */
enum trace_event {
	TRACE_EXIT = TRACE_EVENT(TRACE_CLASS_EXIT, 1),
	TRACE_INJECT = TRACE_EVENT(TRACE_CLASS_INJECT, 1),
	TRACE_CONFIG_READ = TRACE_EVENT(TRACE_CLASS_CONFIG, 1),
	TRACE_CONFIG_WRITE,
	TRACE_MMIO_READ = TRACE_EVENT(TRACE_CLASS_MMIO, 1),
	TRACE_MMIO_WRITE,
	TRACE_IOMMU_MAP = TRACE_EVENT(TRACE_CLASS_IOMMU, 1),
	TRACE_IOMMU_UNMAP,
	TRACE_IOMMU_FLUSH,
	TRACE_IOMMU_ATTACH,
	TRACE_IOMMU_BLOCK,
	TRACE_IOMMU_FAULT,
	TRACE_INTR_SET,
	TRACE_INTR_FLUSH,
	TRACE_REF_GET = TRACE_EVENT(TRACE_CLASS_REFS, 1),
	TRACE_REF_PUT,
	TRACE_REF_CONVERT,
	TRACE_LOCK_CONTENDED = TRACE_EVENT(TRACE_CLASS_LOCKS, 1),
	TRACE_LOCK_TAKEN,
	TRACE_LOCK_RELEASED,
	TRACE_WORK = TRACE_EVENT(TRACE_CLASS_WORK, 1),
	TRACE_TIMER,
	TRACE_NMI = TRACE_EVENT(TRACE_CLASS_NMI, 1),
};

/* BIT32(enum trace_class). Hidden: read at its address, not through a table of addresses. */
extern _Atomic u32 trace_classes_on __attribute__((visibility("hidden")));

/* trace.c: records, whatever is on. */
void trace_put(enum trace_event event, u64 time, u16 a, u64 b, u32 c, u32 d);

static inline bool trace_on(enum trace_class class)
{
	return __builtin_expect(atomic_load_explicit(&trace_classes_on, memory_order_relaxed) & BIT32(class), false);
}

/* Something has happened. Boot and exit path; locks may be held. */
static inline void trace(enum trace_event event, u16 a, u64 b, u32 c, u32 d)
{
	if (trace_on(TRACE_CLASS_OF(event)))
		trace_put(event, arch_cycles(), a, b, c, d);
}

/* For what takes time: when it begins, or 0 if nobody wants to know. */
static inline u64 trace_begin(enum trace_class class)
{
	return trace_on(class) ? arch_cycles() : 0;
}

/* trace.c: it has ended; c becomes the cycles that it took. */
void trace_put_since(enum trace_event event, u64 began, u16 a, u64 b, u32 d);

static inline void trace_since(enum trace_event event, u64 began, u16 a, u64 b, u32 d)
{
	if (__builtin_expect(began != 0, false))
		trace_put_since(event, began, a, b, d);
}

#define TRACE_RECORDS 4096u /* in each CPU's ring */
#define TRACE_RING_BYTES (TRACE_RECORDS * sizeof(struct trace_slot))
/* The rings of CPUs 0 .. cpus-1 in `memory`: zeroed, TRACE_RING_BYTES each. All classes off. Boot. */
void trace_init(unsigned int cpus, void *memory);

/* ---- for the monitor, on the boot CPU ---- */

/* Bits of enum trace_class. A record that is being made meanwhile may still come. */
void trace_set_classes(u32 classes);
u32 trace_get_classes(void);
const char *trace_class_name(unsigned int class);
/* False: there is none of that name. */
bool MUST_CHECK trace_class_by_name(const char *name, size_t length, enum trace_class *out);

unsigned int trace_cpus(void);
/* Forgets all records. */
void trace_clear(void);
/* One CPU's: [first, end) are the numbers of those that are there, as of now; *lost were overwritten since the last clear. */
void trace_range(unsigned int cpu, u64 *first, u64 *end, u64 *lost);
/* False: it was overwritten since. */
bool MUST_CHECK trace_get(unsigned int cpu, u64 number, struct trace_record *out);

/* How a field is to be read. Those from TRACE_EXIT_REASON on are numbers of names. */
enum trace_kind {
	TRACE_NO_FIELD,
	TRACE_HEX,
	TRACE_DECIMAL,
	TRACE_CYCLES, /* the event's duration */
	TRACE_SBDF,   /* segment 31:16, bus, device, function 15:0 */
	TRACE_CODE,   /* the address of one of Fairlead's functions */
	TRACE_EXIT_REASON,
	TRACE_REF_KIND,
	TRACE_LOCK_CLASS,
};

enum trace_field { TRACE_A, TRACE_B, TRACE_C, TRACE_D, TRACE_FIELDS };

struct trace_event_info {
	enum trace_event event;
	const char *name;
	struct {
		const char *name;
		enum trace_kind kind;
	} field[TRACE_FIELDS];
};
/* One row after the other, from index 0; NULL past the end. */
const struct trace_event_info *trace_event_info(unsigned int index);
/* NULL: there is no such event. */
const struct trace_event_info *trace_event_find(u8 event);
u64 trace_field_value(const struct trace_record *r, enum trace_field field);

#endif
