/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPUs' rings, which classes are on, and what each event's record holds.
 */
#include "core/trace.h"

#include "core/string.h"

_Atomic u32 trace_classes_on;

static struct trace_ring rings[CPUS_MAX];
static unsigned int cpus;
static u64 cleared[CPUS_MAX]; /* records before that number are forgotten; the monitor's */

static const char *const class_names[TRACE_CLASSES] = {
	[TRACE_CLASS_EXIT] = "exit",   [TRACE_CLASS_INJECT] = "inject", [TRACE_CLASS_CONFIG] = "config",
	[TRACE_CLASS_MMIO] = "mmio",   [TRACE_CLASS_IOMMU] = "iommu",	[TRACE_CLASS_REFS] = "refs",
	[TRACE_CLASS_LOCKS] = "locks", [TRACE_CLASS_WORK] = "work",	[TRACE_CLASS_NMI] = "nmi",
};

#define NONE { NULL, TRACE_NO_FIELD }
#define DURATION { "took", TRACE_CYCLES }

/* One row an event: its fields a, b, c, d. */
static const struct trace_event_info events[] = {
	{ TRACE_EXIT, "exit",
	  { { "reason", TRACE_EXIT_REASON }, { "rip", TRACE_HEX }, DURATION, { "detail", TRACE_HEX } } },
	{ TRACE_INJECT, "inject", { { "vector", TRACE_DECIMAL }, NONE, NONE, { "error", TRACE_HEX } } },
	{ TRACE_CONFIG_READ, "config-read",
	  { { "offset", TRACE_HEX }, { "value", TRACE_HEX }, { "sbdf", TRACE_SBDF }, { "size", TRACE_DECIMAL } } },
	{ TRACE_CONFIG_WRITE, "config-write",
	  { { "offset", TRACE_HEX }, { "value", TRACE_HEX }, { "sbdf", TRACE_SBDF }, { "size", TRACE_DECIMAL } } },
	{ TRACE_MMIO_READ, "mmio-read",
	  { { "size", TRACE_DECIMAL }, { "address", TRACE_HEX }, { "value", TRACE_HEX }, NONE } },
	{ TRACE_MMIO_WRITE, "mmio-write",
	  { { "size", TRACE_DECIMAL }, { "address", TRACE_HEX }, { "value", TRACE_HEX }, NONE } },
	{ TRACE_IOMMU_MAP, "iommu-map", { NONE, { "address", TRACE_HEX }, DURATION, { "pages", TRACE_DECIMAL } } },
	{ TRACE_IOMMU_UNMAP, "iommu-unmap", { NONE, { "address", TRACE_HEX }, DURATION, { "pages", TRACE_DECIMAL } } },
	/* 0 pages: everything */
	{ TRACE_IOMMU_FLUSH, "iommu-flush", { NONE, { "address", TRACE_HEX }, DURATION, { "pages", TRACE_DECIMAL } } },
	{ TRACE_IOMMU_ATTACH, "iommu-attach", { NONE, NONE, DURATION, { "sbdf", TRACE_SBDF } } },
	{ TRACE_IOMMU_BLOCK, "iommu-block", { NONE, NONE, DURATION, { "sbdf", TRACE_SBDF } } },
	{ TRACE_IOMMU_FAULT, "iommu-fault",
	  { { "reason", TRACE_HEX }, { "address", TRACE_HEX }, NONE, { "sbdf", TRACE_SBDF } } },
	{ TRACE_INTR_SET, "interrupt-set",
	  { { "unit", TRACE_DECIMAL }, { "entry", TRACE_DECIMAL }, NONE, { "vector", TRACE_DECIMAL } } },
	{ TRACE_INTR_FLUSH, "interrupt-flush",
	  { { "unit", TRACE_DECIMAL }, { "entry", TRACE_DECIMAL }, DURATION, { "count", TRACE_DECIMAL } } },
	{ TRACE_REF_GET, "ref-get", { { "kind", TRACE_REF_KIND }, NONE, NONE, { "sbdf", TRACE_SBDF } } },
	{ TRACE_REF_PUT, "ref-put", { { "kind", TRACE_REF_KIND }, NONE, NONE, { "sbdf", TRACE_SBDF } } },
	{ TRACE_REF_CONVERT, "ref-convert",
	  { { "to", TRACE_REF_KIND }, NONE, { "from", TRACE_REF_KIND }, { "sbdf", TRACE_SBDF } } },
	{ TRACE_LOCK_CONTENDED, "lock-contended",
	  { { "class", TRACE_LOCK_CLASS }, { "lock", TRACE_HEX }, DURATION, NONE } },
	{ TRACE_LOCK_TAKEN, "lock-taken", { { "class", TRACE_LOCK_CLASS }, { "lock", TRACE_HEX }, NONE, NONE } },
	{ TRACE_LOCK_RELEASED, "lock-released", { { "class", TRACE_LOCK_CLASS }, { "lock", TRACE_HEX }, NONE, NONE } },
	{ TRACE_WORK, "work", { NONE, { "function", TRACE_CODE }, DURATION, NONE } },
	{ TRACE_TIMER, "timer", { NONE, { "function", TRACE_CODE }, DURATION, NONE } },
	{ TRACE_NMI, "nmi",
	  { { "ours", TRACE_DECIMAL }, NONE, NONE, { "waiting", TRACE_DECIMAL } } },
};

void trace_init(unsigned int count, void *memory)
{
	struct trace_slot *slot = memory;

	trace_set_classes(0);
	for (unsigned int cpu = 0; cpu < count; cpu++) {
		trace_ring_init(&rings[cpu], slot + cpu * TRACE_RECORDS, TRACE_RECORDS, 0);
		cleared[cpu] = 0;
	}
	cpus = count;
}

void trace_put(enum trace_event event, u64 time, u16 a, u64 b, u32 c, u32 d)
{
	unsigned int cpu = arch_cpu_index();
	struct trace_record r = { .time = time, .event = (u8)event, .cpu = (u8)cpu, .a = a, .b = b, .c = c, .d = d };

	static_assert(CPUS_MAX <= 256, "a CPU's number in a byte");
	if (cpu < cpus)
		trace_ring_put(&rings[cpu], &r);
}

void trace_put_since(enum trace_event event, u64 began, u16 a, u64 b, u32 d)
{
	/* Not if it was switched off meanwhile: what shows the records would push some out. */
	if (trace_on(TRACE_CLASS_OF(event)))
		trace_put(event, began, a, b, (u32)min_u64(arch_cycles() - began, ~(u32)0), d);
}

void trace_set_classes(u32 classes)
{
	atomic_store_explicit(&trace_classes_on, classes & TRACE_ALL, memory_order_relaxed);
}

u32 trace_get_classes(void)
{
	return atomic_load_explicit(&trace_classes_on, memory_order_relaxed);
}

const char *trace_class_name(unsigned int class)
{
	return class < TRACE_CLASSES ? class_names[class] : "unknown";
}

bool trace_class_by_name(const char *name, size_t length, enum trace_class *out)
{
	for (unsigned int i = 0; i < TRACE_CLASSES; i++) {
		if (strlen(class_names[i]) == length && !memcmp(class_names[i], name, length)) {
			*out = (enum trace_class)i;
			return true;
		}
	}
	return false;
}

unsigned int trace_cpus(void)
{
	return cpus;
}

void trace_clear(void)
{
	for (unsigned int cpu = 0; cpu < cpus; cpu++)
		cleared[cpu] = trace_ring_written(&rings[cpu]);
}

void trace_range(unsigned int cpu, u64 *first, u64 *end, u64 *lost)
{
	u64 written = trace_ring_written(&rings[cpu]), kept = min_u64(written - cleared[cpu], rings[cpu].size);

	*first = written - kept;
	*end = written;
	*lost = *first - cleared[cpu];
}

bool trace_get(unsigned int cpu, u64 number, struct trace_record *out)
{
	return trace_ring_get(&rings[cpu], number, out);
}

/* ---- what a record says ---- */

const struct trace_event_info *trace_event_info(unsigned int index)
{
	return index < ARRAY_SIZE(events) ? &events[index] : NULL;
}

const struct trace_event_info *trace_event_find(u8 event)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(events); i++) {
		if (events[i].event == event)
			return &events[i];
	}
	return NULL;
}

u64 trace_field_value(const struct trace_record *r, enum trace_field field)
{
	switch (field) {
	case TRACE_A: return r->a;
	case TRACE_B: return r->b;
	case TRACE_C: return r->c;
	case TRACE_D: return r->d;
	case TRACE_FIELDS: break;
	}
	return 0;
}
