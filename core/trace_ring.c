/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trace ring: see the header. Why a torn record is never taken for whole: the words behind the head are released after the head
 * was cleared, so a reader that sees one of a newer record also sees, when it looks at the head again, that the old one was
 * cleared. And the head is released after them, so who sees it sees them.
 */
#include "core/trace_ring.h"

#define HEAD(number, event, cpu, a) ((u64)(u32)(number) << 32 | (u64)(event) << 24 | (u64)(cpu) << 16 | (a))
#define HEAD_NUMBER(head) ((u32)((head) >> 32))
#define HEAD_EVENT(head) ((u8)((head) >> 24))
#define HEAD_CPU(head) ((u8)((head) >> 16))
#define HEAD_A(head) ((u16)(head))

void trace_ring_init(struct trace_ring *ring, struct trace_slot *slot, u64 size, u64 first)
{
	ring->slot = slot;
	ring->size = size;
	atomic_store_explicit(&ring->written, first, memory_order_release);
}

void trace_ring_put(struct trace_ring *ring, const struct trace_record *r)
{
	u64 number = atomic_load_explicit(&ring->written, memory_order_relaxed);
	struct trace_slot *slot = &ring->slot[number & (ring->size - 1)];

	atomic_store_explicit(&slot->head, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->time, r->time, memory_order_release);
	atomic_store_explicit(&slot->b, r->b, memory_order_release);
	atomic_store_explicit(&slot->dc, (u64)r->d << 32 | r->c, memory_order_release);
	atomic_store_explicit(&slot->head, HEAD(number, r->event, r->cpu, r->a), memory_order_release);
	atomic_store_explicit(&ring->written, number + 1, memory_order_release);
}

bool trace_ring_get(const struct trace_ring *ring, u64 number, struct trace_record *out)
{
	const struct trace_slot *slot = &ring->slot[number & (ring->size - 1)];
	u64 head = atomic_load_explicit(&slot->head, memory_order_acquire), dc;

	if (!HEAD_EVENT(head) || HEAD_NUMBER(head) != (u32)number)
		return false;
	out->time = atomic_load_explicit(&slot->time, memory_order_acquire);
	out->b = atomic_load_explicit(&slot->b, memory_order_acquire);
	dc = atomic_load_explicit(&slot->dc, memory_order_acquire);
	if (atomic_load_explicit(&slot->head, memory_order_relaxed) != head)
		return false;
	out->event = HEAD_EVENT(head);
	out->cpu = HEAD_CPU(head);
	out->a = HEAD_A(head);
	out->c = (u32)dc;
	out->d = (u32)(dc >> 32);
	return true;
}

u64 trace_ring_written(const struct trace_ring *ring)
{
	return atomic_load_explicit(&ring->written, memory_order_acquire);
}
