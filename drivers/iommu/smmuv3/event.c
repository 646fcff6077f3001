/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event queue: IHI 0070F, 3.5.4 and chapter 7. The unit writes a record for each request that it aborts,
 * and says by a wire that there are some. Devices decide how many there are, so: a look takes a bounded
 * number, what does not fit is lost and counted, and the next look is a moment later, so that a storm does
 * not keep the guest from running.
 */
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/mmio.h"
#include "core/pages.h"
#include "core/timer.h"
#include "core/work.h"
#include "drivers/iommu/smmuv3/smmu.h"

/* 7.3, in our words. */
static const struct event_kind {
	const char *text;
	bool addressed; /* the record says where, and in which direction */
} kinds[] = {
	[SMMU_F_UUT] = { "a kind of request that the unit does not know", true },
	[SMMU_C_BAD_STREAMID] = { "the device is not attached: its stream is beyond the table", false },
	[SMMU_F_STE_FETCH] = { "the stream table could not be read", false },
	[SMMU_C_BAD_STE] = { "the device is not attached", false },
	[SMMU_F_BAD_ATS_TREQ] = { "the device may not ask for translations", false },
	[SMMU_F_STREAM_DISABLED] = { "requests without a substream are off", false },
	[SMMU_F_TRANSL_FORBIDDEN] = { "the device may not use translated addresses", true },
	[SMMU_C_BAD_SUBSTREAMID] = { "the device may not use substreams", false },
	[SMMU_F_CD_FETCH] = { "a context descriptor could not be read", false },
	[SMMU_C_BAD_CD] = { "invalid context descriptor", false },
	[SMMU_F_WALK_EABT] = { "a page table could not be read", true },
	[SMMU_F_TRANSLATION] = { "not mapped", true },
	[SMMU_F_ADDR_SIZE] = { "address beyond the width of the table", true },
	[SMMU_F_ACCESS] = { "the entry's access flag is clear", true },
	[SMMU_F_PERMISSION] = { "not mapped for that direction", true },
	[SMMU_F_TLB_CONFLICT] = { "two translations of one address", true },
	[SMMU_F_CFG_CONFLICT] = { "two configurations of one stream", false },
	[SMMU_E_PAGE_REQUEST] = { "the device's hint that it will need a page", false },
	[SMMU_F_VMS_FETCH] = { "a virtual machine structure could not be read", false },
};

static const struct event_kind *kind_of(u8 type)
{
	static const struct event_kind unknown = { "reason unknown to Fairlead", false };

	return type < ARRAY_SIZE(kinds) && kinds[type].text ? &kinds[type] : &unknown;
}

int smmu_event_init(struct smmu_unit *unit)
{
	if (!unit->events)
		unit->events = page_alloc();
	if (!unit->events)
		return -ENOMEM;
	if (smmu_needs_flush(unit))
		arch_cache_flush((const void *)(uintptr_t)unit->events, PAGE_SIZE);
	unit->events_log2 = min_u32(SMMU_IDR1_EVENTQS(unit->idr1), SMMU_EVENTQ_LOG2);
	mmio_write64(unit->regs + SMMU_EVENTQ_BASE,
		     virt_to_phys(unit->events) | SMMU_QUEUE_ALLOCATE | unit->events_log2);
	mmio_write32(unit->regs + SMMU_EVENTQ_PROD, 0);
	mmio_write32(unit->regs + SMMU_EVENTQ_CONS, 0);
	return 0;
}

/* The bits of a position: an index, and one that tells full from empty. */
static u32 position_mask(const struct smmu_unit *unit)
{
	return (2u << unit->events_log2) - 1;
}

bool smmu_fault_pending(struct iommu *iommu)
{
	struct smmu_unit *unit = to_smmu(iommu);

	if (!unit->events)
		return false;
	return ((mmio_read32(unit->regs + SMMU_EVENTQ_PROD) ^ mmio_read32(unit->regs + SMMU_EVENTQ_CONS)) &
		(position_mask(unit) | SMMU_EVENTQ_OVERFLOW)) ||
	       mmio_read32(unit->regs + SMMU_GERROR) != mmio_read32(unit->regs + SMMU_GERRORN);
}

void smmu_note_lost_faults(struct smmu_unit *unit, const char *how)
{
	const u64 times = atomic_fetch_add_explicit(&unit->overflows, 1, memory_order_relaxed) + 1;

	if ((times & (times - 1)) == 0)
		log_warn("SMMUv3 unit %u: more faults than it can record (%llu times so far; %s)",
			 unit->iommu.index, (unsigned long long)times, how);
}

static void note_stranger(struct smmu_unit *unit, u32 stream, const char *text) REQUIRES(smmu_fault_class)
{
	unit->strangers++;
	if ((unit->strangers & (unit->strangers - 1)) == 0)
		log_warn("SMMUv3 unit %u: DMA of stream 0x%x, which is no PCI function's, blocked (%s; %llu "
			 "so far)",
			 unit->iommu.index, stream, text, (unsigned long long)unit->strangers);
}

static void take_event(struct smmu_unit *unit, u32 position, iommu_fault_fn fn, void *ctx)
	REQUIRES(smmu_fault_class)
{
	const volatile struct smmu_event *at = &unit->events[position & (BIT32(unit->events_log2) - 1)];
	struct smmu_event event;
	const struct event_kind *kind;
	struct iommu_fault fault = { 0 };

	if (smmu_needs_flush(unit)) /* what the cache holds is older */
		arch_cache_flush((const void *)(uintptr_t)at, sizeof(*at));
	for (unsigned int i = 0; i < ARRAY_SIZE(event.word); i++)
		event.word[i] = at->word[i];
	kind = kind_of(SMMU_EVENT_TYPE(&event));
	if (!smmu_requester_of(unit, SMMU_EVENT_SID(&event), &fault.source)) {
		note_stranger(unit, SMMU_EVENT_SID(&event), kind->text);
		return;
	}
	fault.somewhere = !kind->addressed;
	fault.address = kind->addressed ? SMMU_EVENT_ADDRESS(&event) : 0;
	fault.write = kind->addressed && !(event.word[1] & SMMU_EVENT_RNW);
	fault.reason = SMMU_EVENT_TYPE(&event);
	fault.text = kind->text;
	fn(&fault, ctx);
}

static unsigned int drain(struct smmu_unit *unit, unsigned int budget, iommu_fault_fn fn, void *ctx)
	REQUIRES(smmu_fault_class)
{
	const u32 mask = position_mask(unit), prod = mmio_read32(unit->regs + SMMU_EVENTQ_PROD),
		  old = mmio_read32(unit->regs + SMMU_EVENTQ_CONS);
	const bool lost = (prod ^ old) & SMMU_EVENTQ_OVERFLOW;
	const bool nonsense = ((prod - old) & mask) > BIT32(unit->events_log2);
	unsigned int taken = 0;
	u32 cons = old;

	arch_io_barrier(); /* the records are read after the register that announces them */
	while (!nonsense && taken < budget && ((prod ^ cons) & mask)) {
		take_event(unit, cons++, fn, ctx);
		taken++;
	}
	if (nonsense) /* more than the queue holds: nobody knows which of them are records */
		cons = prod;
	if (lost || nonsense)
		smmu_note_lost_faults(unit, lost ? "the queue was full" : "its position is not in the queue");
	arch_io_barrier(); /* and before the register that gives their places back */
	if (taken || lost || nonsense)
		mmio_write32(unit->regs + SMMU_EVENTQ_CONS, (cons & mask) | (prod & SMMU_EVENTQ_OVERFLOW));
	return taken;
}

unsigned int smmu_drain_faults(struct iommu *iommu, unsigned int budget, iommu_fault_fn fn, void *ctx)
{
	struct smmu_unit *unit = to_smmu(iommu);
	unsigned int taken;

	if (!unit->events)
		return 0;
	smmu_fault_lock(unit);
	taken = drain(unit, budget, fn, ctx);
	smmu_fault_unlock(unit);
	atomic_fetch_add_explicit(&iommu->faults, taken, memory_order_relaxed);
	smmu_check_errors(unit);
	return taken;
}

/* ---- interrupts ---------------------------------------------------------------------------------------- */

/*
 * The wire speaks up when the queue becomes not empty (3.5.2, 3.18), so what a look leaves, or came during
 * it, is looked for again.
 */
#define FAULTS_AGAIN_US 1000u

static void report_faults(struct work *w);
static void look_again(struct timer *t);
static struct work faults = { .fn = report_faults };
static struct timer faults_again = { .fn = look_again };

static void report_faults(struct work *w UNUSED)
{
	iommu_report_faults();
	if (iommu_any_fault_pending())
		timer_set(&faults_again, FAULTS_AGAIN_US);
}

static void look_again(struct timer *t UNUSED)
{
	(void)work_post(&faults);
}

bool smmuv3_interrupt(u32 intid)
{
	u32 one;

	for (unsigned int i = 0; (one = smmuv3_intid(i)); i++) {
		if (one == intid) {
			(void)work_post(&faults);
			return true;
		}
	}
	return false;
}
