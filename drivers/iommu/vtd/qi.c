/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queued invalidation: Intel VT-d specification rev. 4.1, 6.5.2. What hardware caches of a table is dropped
 * by descriptors in a ring; a wait descriptor behind them makes hardware write a number to memory when all of
 * them are done.
 *
 * Those numbers ascend, so any number of CPUs wait at once, without a lock: each until the number written is
 * its own or later. They are the generations of this shoot-down: what several CPUs ask for at once lies in the
 * ring together, and is one wait for all of them.
 *
 * A unit that does not answer costs a CPU a second once. Until it answers again each further wait is short: an operation
 * consists of many, and the guest's CPU does not run meanwhile.
 */
#include "core/arch.h"
#include "core/errno.h"
#include "core/lockcheck.h"
#include "core/log.h"
#include "core/mmio.h"
#include "core/pages.h"
#include "drivers/iommu/vtd/vtd.h"

#define QUEUE_ERRORS (VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE)

int vtd_queue_init(struct vtd_unit *unit)
{
	struct vtd_queue *q = &unit->queue;

	q->ring = page_alloc();
	if (!q->ring)
		return -ENOMEM;
	vtd_queue_lock(q);
	q->tail = 0;
	q->submitted = 0;
	vtd_queue_unlock(q);
	q->completed = 0;
	atomic_store(&q->silent, false);
	mmio_write64(unit->regs + VTD_IQT, 0);
	mmio_write64(unit->regs + VTD_IQA, virt_to_phys(q->ring) | VTD_IQA_SIZE_256);
	mmio_write32(unit->regs + VTD_FSTS, QUEUE_ERRORS);
	return 0;
}

static unsigned int queue_head(const struct vtd_unit *unit)
{
	return (mmio_read32(unit->regs + VTD_IQH) >> VTD_IQ_SHIFT) % VTD_QUEUE_ENTRIES;
}

static void put(struct vtd_queue *q, struct vtd_descriptor d) REQUIRES(vtd_queue_class)
{
	q->ring[q->tail].low = d.low;
	q->ring[q->tail].high = d.high;
	q->tail = (q->tail + 1) % VTD_QUEUE_ENTRIES;
}

/* False: no room now. Otherwise *number is that of the wait descriptor, *errors the count of errors before
 * it. */
static bool submit(struct vtd_unit *unit, const struct vtd_descriptor *d, unsigned int count, u32 *number,
		   u32 *errors)
{
	struct vtd_queue *q = &unit->queue;
	unsigned int room;

	vtd_queue_lock(q);
	room = (queue_head(unit) - q->tail - 1) % VTD_QUEUE_ENTRIES; /* a full ring would look empty */
	if (room < count + 1) {
		vtd_queue_unlock(q);
		return false;
	}
	while (count--)
		put(q, *d++);
	*number = ++q->submitted;
	*errors = atomic_load_explicit(&q->errors, memory_order_relaxed);
	put(q,
	    (struct vtd_descriptor){
		    .low = VTD_DESC_WAIT | VTD_DESC_WAIT_SW | VTD_DESC_WAIT_FN | VTD_DESC_WAIT_DATA(*number),
		    .high = virt_to_phys(&q->completed),
	    });
	mmio_write64(unit->regs + VTD_IQT, (u64)q->tail << VTD_IQ_SHIFT);
	vtd_queue_unlock(q);
	return true;
}

/*
 * If hardware reports an error of the queue: logs it, and lets the queue go on. With IQE the hardware stands
 * still on a descriptor that it did not understand: that one is replaced by a wait descriptor that does
 * nothing (6.5.2.10). Everyone who waits is told through q->errors that his invalidation may not have
 * happened.
 */
static void check_errors(struct vtd_unit *unit)
{
	struct vtd_queue *q = &unit->queue;
	struct vtd_descriptor bad = { 0 };
	unsigned int head;
	u32 status;
	u64 source;

	if (!(mmio_read32(unit->regs + VTD_FSTS) & QUEUE_ERRORS))
		return;
	vtd_queue_lock(q);
	status = mmio_read32(unit->regs + VTD_FSTS) &
		 QUEUE_ERRORS; /* again: another CPU may have dealt with it */
	head = queue_head(unit);
	source = mmio_read64(unit->regs + VTD_IQERCD);
	if (status & VTD_FSTS_IQE) {
		bad.low = q->ring[head].low;
		bad.high = q->ring[head].high;
		q->ring[head].low = VTD_DESC_WAIT;
		q->ring[head].high = 0;
	}
	if (status) {
		atomic_fetch_add_explicit(&q->errors, 1, memory_order_relaxed);
		mmio_write32(unit->regs + VTD_FSTS, status);
	}
	vtd_queue_unlock(q);
	if (status)
		log_error("VT-d unit %u: invalidation queue error%s%s%s at entry %u (type %u, 0x%016llx "
			  "0x%016llx, source 0x%llx)",
			  unit->iommu.index, status & VTD_FSTS_IQE ? " IQE" : "",
			  status & VTD_FSTS_ICE ? " ICE" : "", status & VTD_FSTS_ITE ? " ITE" : "", head,
			  VTD_DESC_TYPE(bad.low), (unsigned long long)bad.low, (unsigned long long)bad.high,
			  (unsigned long long)source);
}

/* A call's time, from its start on. */
struct patience {
	u64 start, us;
};

static bool is_over(const struct patience *p)
{
	return arch_time_us() - p->start > p->us;
}

static void answers(struct vtd_unit *unit)
{
	if (atomic_load_explicit(&unit->queue.silent, memory_order_relaxed) &&
	    atomic_exchange_explicit(&unit->queue.silent, false, memory_order_relaxed))
		log_warn("VT-d unit %u: it answers again", unit->iommu.index);
}

static int MUST_CHECK wait_for(struct vtd_unit *unit, const struct patience *p, u32 number, u32 errors)
{
	struct vtd_queue *q = &unit->queue;

	for (;;) {
		/* First "done", then "no error meanwhile": in this order an error before it was done cannot
		 * be missed. */
		const bool done = (s32)(__atomic_load_n(&q->completed, __ATOMIC_ACQUIRE) - number) >= 0;

		check_errors(unit);
		if (atomic_load_explicit(&q->errors, memory_order_relaxed) != errors)
			return -EIO;
		if (done) {
			answers(unit);
			return 0;
		}
		if (is_over(p))
			break;
		arch_cpu_relax();
	}
	atomic_store_explicit(&q->silent, true, memory_order_relaxed);
	log_error("VT-d unit %u: no answer to an invalidation within %llu ms (IQH 0x%x, IQT 0x%x)",
		  unit->iommu.index, (unsigned long long)p->us / 1000, mmio_read32(unit->regs + VTD_IQH),
		  mmio_read32(unit->regs + VTD_IQT));
	return -ETIMEDOUT;
}

static int MUST_CHECK invalidate(struct vtd_unit *unit, const struct vtd_descriptor *d, unsigned int count)
{
	struct vtd_queue *q = &unit->queue;
	struct patience patience = { arch_time_us(), VTD_TIMEOUT_US };
	u32 number, errors;
	int err;

	lockcheck_wait();
	if (!q->ring)
		return 0;
	if (atomic_load_explicit(&q->silent, memory_order_relaxed))
		patience.us = VTD_SILENT_US;
	err = vtd_flush_write_buffer(unit);
	if (err)
		return err;
	while (!submit(unit, d, count, &number, &errors)) {
		check_errors(unit);
		if (is_over(&patience)) {
			log_error("VT-d unit %u: the invalidation queue was full for %llu ms", unit->iommu.index,
				  (unsigned long long)patience.us / 1000);
			return -ETIMEDOUT;
		}
		arch_cpu_relax();
	}
	return wait_for(unit, &patience, number, errors);
}

/* Reads and writes already translated are finished too, where hardware offers it: afterwards they have
 * reached memory. */
static u64 drain_bits(const struct vtd_unit *unit)
{
	return (unit->cap & VTD_CAP_DWD ? VTD_DESC_IOTLB_DW : 0) |
	       (unit->cap & VTD_CAP_DRD ? VTD_DESC_IOTLB_DR : 0);
}

static struct vtd_descriptor iotlb_domain(const struct vtd_unit *unit, u16 did)
{
	return (struct vtd_descriptor){
		.low = VTD_DESC_IOTLB | VTD_DESC_G(VTD_IOTLB_DOMAIN) | drain_bits(unit) | VTD_DESC_DID(did),
	};
}

int vtd_invalidate_all(struct vtd_unit *unit)
{
	const struct vtd_descriptor d[] = {
		{ .low = VTD_DESC_CONTEXT | VTD_DESC_G(VTD_CONTEXT_GLOBAL) },
		{ .low = VTD_DESC_IOTLB | VTD_DESC_G(VTD_IOTLB_GLOBAL) | drain_bits(unit) },
	};

	return invalidate(unit, d, ARRAY_SIZE(d));
}

int vtd_invalidate_context(struct vtd_unit *unit, u16 sid, u16 did)
{
	const struct vtd_descriptor d[] = {
		{ .low = VTD_DESC_CONTEXT | VTD_DESC_G(VTD_CONTEXT_DEVICE) | VTD_DESC_DID(did) |
			 VTD_DESC_CONTEXT_SID(sid) },
		iotlb_domain(unit, did),
	};

	return invalidate(unit, d, ARRAY_SIZE(d));
}

/* The order of the smallest naturally aligned block of 2^order numbers that holds both, the first and the last. */
static unsigned int covering_order(u64 first, u64 last)
{
	const u64 difference = first ^ last;

	return difference ? 64 - (unsigned int)__builtin_clzll(difference) : 0;
}

int vtd_invalidate_range(struct vtd_unit *unit, u16 did, u64 iova, u64 size)
{
	struct vtd_descriptor d = iotlb_domain(unit, did);
	const u64 last = iova + (size - 1);
	const unsigned int order = size ? covering_order(iova >> PAGE_SHIFT, last >> PAGE_SHIFT) : 64;

	if ((unit->cap & VTD_CAP_PSI) && order <= VTD_CAP_MAMV(unit->cap)) {
		d.low = VTD_DESC_IOTLB | VTD_DESC_G(VTD_IOTLB_PAGES) | drain_bits(unit) | VTD_DESC_DID(did);
		d.high = ALIGN_DOWN(iova, PAGE_SIZE << order) | VTD_DESC_IOTLB_AM(order);
	}
	return invalidate(unit, &d, 1);
}

int vtd_invalidate_entries(struct vtd_unit *unit, u32 first, unsigned int count)
{
	struct vtd_descriptor d = { .low = VTD_DESC_INTR };
	const unsigned int order = count ? covering_order(first, first + (count - 1)) : 64;

	if (order <= VTD_ECAP_MHMV(unit->ecap))
		d.low = VTD_DESC_INTR | VTD_DESC_INTR_INDEXED | VTD_DESC_INTR_IM(order) |
			VTD_DESC_INTR_IIDX(ALIGN_DOWN(first, BIT32(order)));
	return invalidate(unit, &d, 1);
}
