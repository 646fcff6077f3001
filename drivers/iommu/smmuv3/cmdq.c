/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command queue: IHI 0070F, 3.5, chapter 4 and 7.1. What hardware caches of a table is dropped by
 * commands in a ring; when it has consumed a CMD_SYNC behind them, all of them are done, and so are the
 * requests that went by what they dropped.
 *
 * A position in the queue is a number that only grows; the registers hold its low bits, one more than an
 * index needs. So any number of CPUs wait at once, each until the hardware has come past its own CMD_SYNC;
 * the lock is held only for a look at CMDQ_CONS.
 *
 * A unit that does not answer costs a CPU a second once. Until it answers again each further wait is short:
 * an operation consists of many, and the guest's CPU does not run meanwhile.
 */
#include "core/arch.h"
#include "core/errno.h"
#include "core/lockcheck.h"
#include "core/log.h"
#include "core/mmio.h"
#include "core/pages.h"
#include "drivers/iommu/smmuv3/smmu.h"

static u32 entries_of(const struct smmu_queue *q)
{
	return BIT32(q->log2);
}

int smmu_queue_init(struct smmu_unit *unit)
{
	struct smmu_queue *q = &unit->queue;

	if (!q->ring)
		q->ring = page_alloc();
	if (!q->ring)
		return -ENOMEM;
	q->log2 = min_u32(SMMU_IDR1_CMDQS(unit->idr1), SMMU_CMDQ_LOG2);
	smmu_queue_lock(q);
	q->produced = 0;
	smmu_queue_unlock(q);
	atomic_store(&q->silent, false);
	mmio_write64(unit->regs + SMMU_CMDQ_BASE, virt_to_phys(q->ring) | SMMU_QUEUE_ALLOCATE | q->log2);
	mmio_write32(unit->regs + SMMU_CMDQ_PROD, 0);
	mmio_write32(unit->regs + SMMU_CMDQ_CONS, 0);
	return 0;
}

/* How many commands the hardware has not consumed yet. More than there are entries: it talks nonsense. */
static u32 outstanding(struct smmu_unit *unit) REQUIRES(smmu_queue_class)
{
	const struct smmu_queue *q = &unit->queue;

	return (q->produced - mmio_read32(unit->regs + SMMU_CMDQ_CONS)) & (2 * entries_of(q) - 1);
}

static void put_at(struct smmu_unit *unit, u32 index, const struct smmu_command *c) REQUIRES(smmu_queue_class)
{
	volatile struct smmu_command *slot = &unit->queue.ring[index & (entries_of(&unit->queue) - 1)];

	slot->word[0] = c->word[0];
	slot->word[1] = c->word[1];
	if (smmu_needs_flush(unit))
		arch_cache_flush((const void *)(uintptr_t)slot, sizeof(*slot));
}

static const struct smmu_command sync = { { SMMU_CMD_SYNC } };

/*
 * False: no room now. Otherwise *number is the position behind the CMD_SYNC, *errors the count of errors
 * before it.
 */
static bool submit(struct smmu_unit *unit, const struct smmu_command *c, unsigned int count, u32 *number,
		   u32 *errors)
{
	struct smmu_queue *q = &unit->queue;

	smmu_queue_lock(q);
	if (outstanding(unit) + count + 1 > entries_of(q)) {
		smmu_queue_unlock(q);
		return false;
	}
	while (count--)
		put_at(unit, q->produced++, c++);
	put_at(unit, q->produced++, &sync);
	*number = q->produced;
	*errors = atomic_load_explicit(&q->errors, memory_order_relaxed);
	/*
	 * The tables that the commands are about, and the commands, are in memory before the hardware hears
	 * of them.
	 */
	arch_io_barrier();
	mmio_write32(unit->regs + SMMU_CMDQ_PROD, q->produced & (2 * entries_of(q) - 1));
	smmu_queue_unlock(q);
	return true;
}

static bool is_done(struct smmu_unit *unit, u32 number)
{
	struct smmu_queue *q = &unit->queue;
	u32 consumed;

	smmu_queue_lock(q);
	consumed = q->produced - outstanding(unit);
	smmu_queue_unlock(q);
	return (s32)(consumed - number) >= 0;
}

/* ---- errors -------------------------------------------------------------------------------------------- */

static const char *const cmdq_error_text[] = {
	[SMMU_CERROR_NONE] = "no reason given",
	[SMMU_CERROR_ILL] = "illegal command",
	[SMMU_CERROR_ABT] = "the queue could not be read",
	[SMMU_CERROR_ATC_INV_SYNC] = "a device did not answer",
};

/* What was found, to be logged without the lock. */
struct error_report {
	u32 active, cons;
	struct smmu_command bad;
};

/*
 * 7.1: the hardware stands still on a command. One that it did not understand is replaced by a CMD_SYNC that
 * does nothing; one that it could not read it reads again. Everyone who waits is told through q->errors that
 * his invalidation may not have happened.
 */
static void answer_command_error(struct smmu_unit *unit, struct error_report *report)
	REQUIRES(smmu_queue_class)
{
	const volatile struct smmu_command *slot;

	report->cons = mmio_read32(unit->regs + SMMU_CMDQ_CONS);
	slot = &unit->queue.ring[report->cons & (entries_of(&unit->queue) - 1)];
	report->bad.word[0] = slot->word[0];
	report->bad.word[1] = slot->word[1];
	if (SMMU_CMDQ_ERR(report->cons) == SMMU_CERROR_ILL)
		put_at(unit, report->cons, &sync);
}

static void log_errors(struct smmu_unit *unit, const struct error_report *report)
{
	const unsigned int number = unit->iommu.index, error = SMMU_CMDQ_ERR(report->cons);

	if (report->active & SMMU_GERROR_CMDQ_ERR)
		log_error("SMMUv3 unit %u: command queue error %u (%s) at 0x%x (command 0x%02x, 0x%016llx "
			  "0x%016llx)",
			  number, error,
			  error < ARRAY_SIZE(cmdq_error_text) ? cmdq_error_text[error]
							      : "unknown to Fairlead",
			  report->cons & (2 * entries_of(&unit->queue) - 1),
			  SMMU_CMD_OPCODE(report->bad.word[0]), (unsigned long long)report->bad.word[0],
			  (unsigned long long)report->bad.word[1]);
	if (report->active & SMMU_GERROR_SFM_ERR)
		log_error("SMMUv3 unit %u: it has failed (service failure mode): all devices behind it are "
			  "blocked",
			  number);
	if (report->active & SMMU_GERROR_EVENTQ_ABT_ERR) /* QEMU says so of a queue that is full, too */
		smmu_note_lost_faults(unit, "EVENTQ_ABT_ERR");
}

void smmu_check_errors(struct smmu_unit *unit)
{
	struct smmu_queue *q = &unit->queue;
	struct error_report report = { 0 };
	u32 gerror;

	if (mmio_read32(unit->regs + SMMU_GERROR) == mmio_read32(unit->regs + SMMU_GERRORN))
		return;
	smmu_queue_lock(q);
	gerror = mmio_read32(unit->regs + SMMU_GERROR); /* again: another CPU may have dealt with it */
	report.active = gerror ^ mmio_read32(unit->regs + SMMU_GERRORN);
	if (report.active & SMMU_GERROR_CMDQ_ERR)
		answer_command_error(unit, &report);
	if (report.active & (SMMU_GERROR_CMDQ_ERR | SMMU_GERROR_SFM_ERR))
		atomic_fetch_add_explicit(&q->errors, 1, memory_order_relaxed);
	arch_io_barrier(); /* the replaced command first */
	mmio_write32(unit->regs + SMMU_GERRORN, gerror);
	smmu_queue_unlock(q);
	log_errors(unit, &report);
}

/* ---- waiting ------------------------------------------------------------------------------------------- */

/* A call's time, from its start on. */
struct patience {
	u64 start, us;
};

static bool is_over(const struct patience *p)
{
	return arch_time_us() - p->start > p->us;
}

static void answers(struct smmu_unit *unit)
{
	if (atomic_load_explicit(&unit->queue.silent, memory_order_relaxed) &&
	    atomic_exchange_explicit(&unit->queue.silent, false, memory_order_relaxed))
		log_warn("SMMUv3 unit %u: it answers again", unit->iommu.index);
}

static int MUST_CHECK wait_for(struct smmu_unit *unit, const struct patience *p, u32 number, u32 errors)
{
	struct smmu_queue *q = &unit->queue;

	for (;;) {
		/* First "done", then "no error meanwhile": so no error before it was done can be missed. */
		const bool done = is_done(unit, number);

		smmu_check_errors(unit);
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
	log_error("SMMUv3 unit %u: no answer to a command within %llu ms (CMDQ_PROD 0x%x, CMDQ_CONS 0x%x)",
		  unit->iommu.index, (unsigned long long)p->us / 1000,
		  mmio_read32(unit->regs + SMMU_CMDQ_PROD), mmio_read32(unit->regs + SMMU_CMDQ_CONS));
	return -ETIMEDOUT;
}

static int MUST_CHECK run(struct smmu_unit *unit, const struct smmu_command *c, unsigned int count)
{
	struct smmu_queue *q = &unit->queue;
	struct patience patience = { arch_time_us(), SMMU_TIMEOUT_US };
	u32 number, errors;

	lockcheck_wait();
	if (!q->ring)
		return 0;
	if (atomic_load_explicit(&q->silent, memory_order_relaxed))
		patience.us = SMMU_SILENT_US;
	while (!submit(unit, c, count, &number, &errors)) {
		smmu_check_errors(unit);
		if (is_over(&patience)) {
			log_error("SMMUv3 unit %u: the command queue was full for %llu ms", unit->iommu.index,
				  (unsigned long long)patience.us / 1000);
			return -ETIMEDOUT;
		}
		arch_cpu_relax();
	}
	return wait_for(unit, &patience, number, errors);
}

/* ---- what is asked for --------------------------------------------------------------------------------- */

int smmu_invalidate_all(struct smmu_unit *unit)
{
	static const struct smmu_command c[] = {
		{ { SMMU_CMD_CFGI_STE_RANGE, SMMU_CMD_RANGE_ALL } },
		{ { SMMU_CMD_TLBI_NSNH_ALL } },
	};

	return run(unit, c, ARRAY_SIZE(c));
}

int smmu_invalidate_stream(struct smmu_unit *unit, u32 stream)
{
	const struct smmu_command c = { { SMMU_CMD_CFGI_STE | SMMU_CMD_SID(stream) } };

	return run(unit, &c, 1);
}

int smmu_invalidate_stream_and_domain(struct smmu_unit *unit, u32 stream, u16 vmid)
{
	const struct smmu_command c[] = {
		{ { SMMU_CMD_CFGI_STE | SMMU_CMD_SID(stream) } },
		{ { SMMU_CMD_TLBI_S12_VMALL | SMMU_CMD_VMID(vmid) } },
	};

	return run(unit, c, ARRAY_SIZE(c));
}

/* A command by address drops whatever holds that address, of whichever size it is (4.4.3.2). */
int smmu_invalidate_range(struct smmu_unit *unit, u16 vmid, u64 iova, u64 size)
{
	const u64 first = iova >> PAGE_SHIFT,
		  pages = size ? ((iova + (size - 1)) >> PAGE_SHIFT) - first + 1 : 0;
	struct smmu_command c[SMMU_PAGES_EACH] = { { { SMMU_CMD_TLBI_S12_VMALL | SMMU_CMD_VMID(vmid) } } };

	if (!pages || pages > SMMU_PAGES_EACH)
		return run(unit, c, 1);
	for (u64 i = 0; i < pages; i++)
		c[i] = (struct smmu_command){ { SMMU_CMD_TLBI_S2_IPA | SMMU_CMD_VMID(vmid),
						((first + i) << PAGE_SHIFT) & SMMU_CMD_ADDRESS } };
	return run(unit, c, (unsigned int)pages);
}
