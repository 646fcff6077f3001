/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring of trace records: one CPU writes, overwriting the oldest; any CPU reads meanwhile, without a lock.
 *
 * Records are numbered from 0 on. One's place holds its number's low half, which the writer takes away before it changes anything
 * else and puts there last; so a reader that finds the number before and after has a record that is whole.
 *
 * One writer means: never in NMI context. An NMI between the steps of a record would write another into the same place.
 */
#ifndef CORE_TRACE_RING_H
#define CORE_TRACE_RING_H

#include <stdatomic.h>

#include "core/types.h"

struct trace_record {
	u64 time;  /* arch_cycles(); of what has a duration: when it began */
	u8 event;  /* not 0 */
	u8 cpu;
	u16 a;	   /* what a, b, c and d mean, the event says (core/trace.h) */
	u64 b;
	u32 c, d;
};

/* As it is kept: 63:32 number, 31:24 event (0: no record, or not whole), 23:16 CPU, 15:0 a; time; b; 63:32 d, 31:0 c. */
struct trace_slot {
	_Atomic u64 head, time, b, dc;
};
static_assert(sizeof(struct trace_slot) == 32, "a record's size");

struct trace_ring {
	_Atomic u64 written; /* the number of the next record; by the writer only */
	struct trace_slot *slot;
	u64 size; /* slots: a power of two */
};

/* `slot` is zeroed memory of the ring's own. `first`: the number of the first record, 0 but in tests. */
void trace_ring_init(struct trace_ring *ring, struct trace_slot *slot, u64 size, u64 first);
/* By the ring's CPU alone. */
void trace_ring_put(struct trace_ring *ring, const struct trace_record *record);
/* False: that record is not there any more, not there yet, or being overwritten. Any context. */
bool MUST_CHECK trace_ring_get(const struct trace_ring *ring, u64 number, struct trace_record *out);
/* Records written so far, those overwritten included. Any context. */
u64 trace_ring_written(const struct trace_ring *ring);

#endif
