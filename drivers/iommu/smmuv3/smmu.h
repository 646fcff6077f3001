/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the SMMUv3 backend share. A unit is one set of registers; its stream table decides for
 * every request behind it.
 *
 * Locks: tables_lock, the command queue's and fault_lock are leaves (but for the log). None is held while
 * hardware is waited for.
 */
#ifndef DRIVERS_IOMMU_SMMU_H
#define DRIVERS_IOMMU_SMMU_H

#include <stdatomic.h>

#include "core/lock.h"
#include "core/types.h"
#include "drivers/iommu/iommu.h"
#include "drivers/iommu/smmuv3/smmu_regs.h"
#include "drivers/iommu/smmuv3/smmuv3.h"

/* Longest that any command may take before the unit counts as dead. Real ones take microseconds. */
#define SMMU_TIMEOUT_US 1000000u
/*
 * The same for commands in the queue, once the unit has let some pass without an answer, and until it
 * answers.
 */
#define SMMU_SILENT_US 10000u

/* Each queue is a page, or less where the unit's are smaller. */
#define SMMU_CMDQ_LOG2	 8u
#define SMMU_EVENTQ_LOG2 7u
/*
 * A range of more pages is dropped with all else that the domain has. A command for each, and CMD_SYNC, must
 * fit.
 */
#define SMMU_PAGES_EACH 32u
#define SMMU_CMDQ_LOG2_MIN 6u
/* Streams beyond are refused: the table's first level would be larger than 1 MiB. */
#define SMMU_STREAM_BITS_MAX 23u

extern struct lock_class smmu_queue_class, smmu_tables_class, smmu_fault_class;

struct smmu_queue {
	struct spinlock lock; /* of GERRORN, too */
	/* NULL until enabled: then nothing is cached either. The pointer is fixed then. */
	volatile struct smmu_command *ring PT_GUARDED_BY(smmu_queue_class);
	unsigned int log2;		      /* of its entries */
	u32 produced GUARDED_BY(smmu_queue_class); /* commands so far; its low bits are CMDQ_PROD */
	_Atomic u32 errors;		      /* times the hardware reported one */
	_Atomic bool silent;		      /* the last wait had no answer */
};

struct smmu_unit {
	struct iommu iommu; /* what the rest of Fairlead sees */
	u8 *regs;
	u32 idr0, idr1, idr5;
	const struct smmu_unit_firmware *firmware;
	unsigned int stream_bits; /* of the table: firmware's maps lead to streams below 2^stream_bits */

	struct spinlock tables_lock;
	/*
	 * Two levels: descriptors, each NULL or of a page of entries. `leaf` is that page if one is all there
	 * is: a linear table. Both pointers are fixed when the unit is enabled.
	 */
	u64 *level1 PT_GUARDED_BY(smmu_tables_class);
	struct smmu_ste *leaf PT_GUARDED_BY(smmu_tables_class);

	struct smmu_queue queue;

	struct spinlock fault_lock;
	volatile struct smmu_event *events; /* written by hardware; NULL until enabled */
	unsigned int events_log2;
	_Atomic u64 overflows; /* times that records were lost */
	u64 strangers GUARDED_BY(smmu_fault_class); /* events of streams that firmware does not name */
};

static inline void smmu_queue_lock_at(struct smmu_queue *q, struct code_site site)
	ACQUIRES(q->lock, smmu_queue_class) NO_THREAD_ANALYSIS
{
	spin_lock_at(&q->lock, site);
}
#define smmu_queue_lock(q) smmu_queue_lock_at(q, HERE)
static inline void smmu_queue_unlock(struct smmu_queue *q)
	RELEASES(q->lock, smmu_queue_class) NO_THREAD_ANALYSIS
{
	spin_unlock(&q->lock);
}
static inline void smmu_tables_lock_at(struct smmu_unit *unit, struct code_site site)
	ACQUIRES(unit->tables_lock, smmu_tables_class) NO_THREAD_ANALYSIS
{
	spin_lock_at(&unit->tables_lock, site);
}
#define smmu_tables_lock(unit) smmu_tables_lock_at(unit, HERE)
static inline void smmu_tables_unlock(struct smmu_unit *unit) RELEASES(unit->tables_lock, smmu_tables_class)
	NO_THREAD_ANALYSIS
{
	spin_unlock(&unit->tables_lock);
}
static inline void smmu_fault_lock_at(struct smmu_unit *unit, struct code_site site)
	ACQUIRES(unit->fault_lock, smmu_fault_class) NO_THREAD_ANALYSIS
{
	spin_lock_at(&unit->fault_lock, site);
}
#define smmu_fault_lock(unit) smmu_fault_lock_at(unit, HERE)
static inline void smmu_fault_unlock(struct smmu_unit *unit) RELEASES(unit->fault_lock, smmu_fault_class)
	NO_THREAD_ANALYSIS
{
	spin_unlock(&unit->fault_lock);
}

static inline struct smmu_unit *to_smmu(struct iommu *iommu)
{
	return container_of(iommu, struct smmu_unit, iommu);
}

/* True if the unit's reads and writes of tables and queues do not snoop the CPU's caches. */
static inline bool smmu_needs_flush(const struct smmu_unit *unit)
{
	return !(unit->idr0 & SMMU_IDR0_COHACC) || !unit->firmware->coherent;
}

/* ---- smmuv3.c ------------------------------------------------------------------------------------------ */

/* What every unit of the machine can do; fixed at discovery. */
struct smmu_limits {
	unsigned int input_bits; /* of an address that stage 2 translates */
	unsigned int oas;	 /* as in IDR5 and STE.S2PS: the encoded width of what it translates to */
	unsigned int domains;	 /* VMIDs */
	bool needs_flush;
};
extern struct smmu_limits smmu_limits;

/* ---- maps.c: which streams are whose ------------------------------------------------------------------- */

/*
 * Checks the maps that lead to the unit, and finds its segment and stream_bits. -EINVAL, -EOPNOTSUPP after a
 * log_error.
 */
int MUST_CHECK smmu_check_maps(struct smmu_unit *unit);
/* False: firmware names no stream of this unit for that requester ID. */
bool MUST_CHECK smmu_stream_of(const struct smmu_unit *unit, u16 bdf, u32 *stream);
/* The reverse. */
bool MUST_CHECK smmu_requester_of(const struct smmu_unit *unit, u32 stream, struct sbdf *out);
/* iommu_ops.covers */
enum iommu_cover smmu_covers(struct iommu *iommu, struct pci_dev *dev);
/* At discovery, before the two functions above. */
void smmu_set_maps(const struct smmu_firmware *fw);

/* ---- unit.c: the way from firmware's state to ours ----------------------------------------------------- */

/* iommu_ops.enable */
int MUST_CHECK smmu_enable(struct iommu *iommu);

/* ---- cmdq.c: the command queue ------------------------------------------------------------------------- */

/*
 * Takes the queue's memory and tells the hardware where it is. The queue is off, and the caller turns it on.
 * -ENOMEM.
 */
int MUST_CHECK smmu_queue_init(struct smmu_unit *unit);
/*
 * Each of these puts commands and CMD_SYNC in the queue and returns when the hardware has done them. Takes
 * queue.lock. -ETIMEDOUT: no answer within SMMU_TIMEOUT_US (or SMMU_SILENT_US); -EIO: the hardware reported
 * an error. Both are logged; then nothing may be assumed of the caches.
 */
int MUST_CHECK smmu_invalidate_all(struct smmu_unit *unit);
/* What is cached of that stream's entry. */
int MUST_CHECK smmu_invalidate_stream(struct smmu_unit *unit, u32 stream);
/* The same, and all translations of the domain that it had. */
int MUST_CHECK smmu_invalidate_stream_and_domain(struct smmu_unit *unit, u32 stream, u16 vmid);
/* Translations, and the tables behind them, of [iova, iova+size); all of the domain's if size is 0. */
int MUST_CHECK smmu_invalidate_range(struct smmu_unit *unit, u16 vmid, u64 iova, u64 size);
/*
 * Looks whether the hardware reports an error of any kind (GERROR), answers it, lets the command queue go on.
 * Takes queue.lock. Exit path.
 */
void smmu_check_errors(struct smmu_unit *unit);

/* ---- stream.c: who reaches what ------------------------------------------------------------------------ */

/* Takes a table in which every stream is aborted, and tells the hardware where it is. -ENOMEM. Boot. */
int MUST_CHECK smmu_stream_table_init(struct smmu_unit *unit);
/* iommu_ops.attach, block, lookup */
int MUST_CHECK smmu_attach(struct iommu *iommu, struct iommu_domain *domain, u16 bdf);
int MUST_CHECK smmu_block(struct iommu *iommu, u16 bdf);
bool MUST_CHECK smmu_lookup(struct iommu *iommu, u16 bdf, paddr_t *root, u16 *domain_id);

/* ---- event.c ------------------------------------------------------------------------------------------- */

/* Takes the queue's memory and tells the hardware where it is. The queue is off. -ENOMEM. */
int MUST_CHECK smmu_event_init(struct smmu_unit *unit);
/* Counts; logs at the first, and at each power of two after it: devices cause these. Any lock may be held. */
void smmu_note_lost_faults(struct smmu_unit *unit, const char *how);
/* iommu_ops.drain_faults, fault_pending */
unsigned int smmu_drain_faults(struct iommu *iommu, unsigned int budget, iommu_fault_fn fn, void *ctx);
bool smmu_fault_pending(struct iommu *iommu);

#endif
