/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the VT-d backend share. A unit is one set of registers; its tables decide for every
 * requester ID behind it.
 *
 * Locks: tables_lock, entries_lock, fault_lock and the queue's are leaves (but for the allocator and the log). None is held
 * while hardware is waited for.
 */
#ifndef DRIVERS_IOMMU_VTD_H
#define DRIVERS_IOMMU_VTD_H

#include <stdatomic.h>

#include "core/lock.h"
#include "core/types.h"
#include "drivers/iommu/iommu.h"
#include "drivers/iommu/vtd/dmar.h"
#include "drivers/iommu/vtd/vtd_regs.h"

/* Longest that any command may take before the unit counts as dead. Real ones take microseconds. */
#define VTD_TIMEOUT_US 1000000u
/* The same for an invalidation, once the unit has let one pass without an answer, and until it answers. */
#define VTD_SILENT_US 10000u

#define VTD_QUEUE_ENTRIES 256u /* one page of 128-bit descriptors */
#define VTD_DEVFNS 256u

extern struct lock_class vtd_queue_class, vtd_tables_class, vtd_entries_class, vtd_fault_class;

struct vtd_queue {
	struct spinlock lock;
	/* NULL until enabled: then nothing is cached either. The pointer is fixed then. */
	volatile struct vtd_descriptor *ring PT_GUARDED_BY(vtd_queue_class);
	unsigned int tail GUARDED_BY(vtd_queue_class); /* next free slot */
	u32 submitted GUARDED_BY(vtd_queue_class);     /* number of the last wait descriptor */
	_Atomic u32 errors;		      /* times the hardware reported one */
	_Atomic bool silent;		      /* the last wait had no answer */
	volatile u32 completed; /* written by hardware: number of the last wait descriptor that it has done */
};

struct vtd_unit {
	struct iommu iommu; /* what the rest of Fairlead sees */
	u8 *regs;
	u64 cap, ecap;
	const struct dmar_unit *dmar;

	struct spinlock tables_lock;
	/* And the context tables that it points to. The pointer is fixed when the unit is enabled. */
	struct vtd_root_entry *root PT_GUARDED_BY(vtd_tables_class);

	/*
	 * The interrupt remapping table; an entry is its owner's to write. NULL: interrupts are not remapped.
	 * Fixed when the unit is enabled.
	 */
	struct vtd_irte *irt;
	bool extended; /* its destinations are 32 bits */
	struct spinlock entries_lock;
	u64 *entries_used PT_GUARDED_BY(vtd_entries_class); /* a bit for each entry */
	unsigned int entries_count GUARDED_BY(vtd_entries_class); /* of those in use */

	struct vtd_queue queue;
	atomic_flag write_buffer_busy; /* someone's flush command is under way */

	struct spinlock fault_lock; /* of the fault recording registers, too */
	u64 overflows GUARDED_BY(vtd_fault_class);
};

static inline void vtd_queue_lock_at(struct vtd_queue *q, struct code_site site) ACQUIRES(q->lock, vtd_queue_class)
	NO_THREAD_ANALYSIS
{
	spin_lock_at(&q->lock, site);
}
#define vtd_queue_lock(q) vtd_queue_lock_at(q, HERE)
static inline void vtd_queue_unlock(struct vtd_queue *q) RELEASES(q->lock, vtd_queue_class) NO_THREAD_ANALYSIS
{
	spin_unlock(&q->lock);
}
static inline void vtd_tables_lock_at(struct vtd_unit *unit, struct code_site site)
	ACQUIRES(unit->tables_lock, vtd_tables_class) NO_THREAD_ANALYSIS
{
	spin_lock_at(&unit->tables_lock, site);
}
#define vtd_tables_lock(unit) vtd_tables_lock_at(unit, HERE)
static inline void vtd_tables_unlock(struct vtd_unit *unit) RELEASES(unit->tables_lock, vtd_tables_class)
	NO_THREAD_ANALYSIS
{
	spin_unlock(&unit->tables_lock);
}
static inline void vtd_entries_lock_at(struct vtd_unit *unit, struct code_site site)
	ACQUIRES(unit->entries_lock, vtd_entries_class) NO_THREAD_ANALYSIS
{
	spin_lock_at(&unit->entries_lock, site);
}
#define vtd_entries_lock(unit) vtd_entries_lock_at(unit, HERE)
static inline void vtd_entries_unlock(struct vtd_unit *unit) RELEASES(unit->entries_lock, vtd_entries_class)
	NO_THREAD_ANALYSIS
{
	spin_unlock(&unit->entries_lock);
}
static inline void vtd_fault_lock_at(struct vtd_unit *unit, struct code_site site)
	ACQUIRES(unit->fault_lock, vtd_fault_class) NO_THREAD_ANALYSIS
{
	spin_lock_at(&unit->fault_lock, site);
}
#define vtd_fault_lock(unit) vtd_fault_lock_at(unit, HERE)
static inline void vtd_fault_unlock(struct vtd_unit *unit) RELEASES(unit->fault_lock, vtd_fault_class)
	NO_THREAD_ANALYSIS
{
	spin_unlock(&unit->fault_lock);
}

static inline struct vtd_unit *to_vtd(struct iommu *iommu)
{
	return container_of(iommu, struct vtd_unit, iommu);
}

/* True if the unit reads tables without snooping the CPU's caches. */
static inline bool vtd_needs_flush(const struct vtd_unit *unit)
{
	return !(unit->ecap & VTD_ECAP_C);
}

/* ---- unit.c: registers and the way from firmware's state to ours --------------------------------------- */

/*
 * Polls a 32-bit register until (value & mask) == expected. 0, or -ETIMEDOUT after VTD_TIMEOUT_US and one
 * log_error that names `what`.
 */
int MUST_CHECK vtd_wait32(struct vtd_unit *unit, unsigned int reg, u32 mask, u32 expected, const char *what);
/* iommu_ops.enable */
int MUST_CHECK vtd_enable(struct iommu *iommu);
/* Makes changes to tables visible to hardware that buffers
 * writes (CAP.RWBF); nothing elsewhere. -ETIMEDOUT. */
int MUST_CHECK vtd_flush_write_buffer(struct vtd_unit *unit);

/* ---- qi.c: the invalidation queue ---------------------------------------------------------------------- */

/* Takes the queue's memory and tells the hardware where it is. The queue is off, and the caller turns it on.
 * -ENOMEM. */
int MUST_CHECK vtd_queue_init(struct vtd_unit *unit);
/*
 * Each of these puts its descriptors and a wait descriptor in the queue and returns when the hardware has
 * done them. Takes queue.lock. -ETIMEDOUT: no answer within VTD_TIMEOUT_US (or VTD_SILENT_US); -EIO: the hardware reported an
 * error. Both are logged; then nothing may be assumed of the caches.
 */
int MUST_CHECK vtd_invalidate_all(struct vtd_unit *unit);
/* The context entry of `sid`, cached under domain `did` (0: it was absent), and all translations of that
 * domain. */
int MUST_CHECK vtd_invalidate_context(struct vtd_unit *unit, u16 sid, u16 did);
/* Translations, and the tables behind them, of [iova, iova+size); all of the domain's if size is 0. */
int MUST_CHECK vtd_invalidate_range(struct vtd_unit *unit, u16 did, u64 iova, u64 size);

/* What hardware keeps of the interrupt remapping entries [first, first + count); of all of them if count is 0. */
int MUST_CHECK vtd_invalidate_entries(struct vtd_unit *unit, u32 first, unsigned int count);

/* ---- context.c: who reaches what ----------------------------------------------------------------------- */

/* iommu_ops.attach, block */
int MUST_CHECK vtd_attach(struct iommu *iommu, struct iommu_domain *domain, u16 bdf);
int MUST_CHECK vtd_block(struct iommu *iommu, u16 bdf);
bool vtd_lookup(struct iommu *iommu, u16 bdf, paddr_t *root, u16 *domain_id);

/* ---- intr.c: interrupt remapping ----------------------------------------------------------------------- */

/*
 * Takes an empty table and writes its address to the register; the caller has the hardware take it over.
 * -ENOMEM (logged). Boot.
 */
int MUST_CHECK vtd_intr_init(struct vtd_unit *unit);
/* iommu_ops */
const char *vtd_cannot_remap(struct iommu *iommu);
int MUST_CHECK vtd_intr_alloc(struct iommu *iommu, const struct intr_source *source, unsigned int count, u32 *first);
void vtd_intr_set(struct iommu *iommu, u32 entry, const struct apic_target *target);
int MUST_CHECK vtd_intr_flush(struct iommu *iommu, u32 first, unsigned int count);
void vtd_intr_free(struct iommu *iommu, u32 first, unsigned int count);
struct pci_message vtd_intr_message(struct iommu *iommu, u32 entry, bool multiple);
bool MUST_CHECK vtd_intr_lookup(struct iommu *iommu, u32 entry, struct intr_entry *out);
void vtd_intr_usage(struct iommu *iommu, unsigned int *used, unsigned int *entries);

/* ---- scope.c: which unit a device stands behind -------------------------------------------------------- */

/*
 * Follows the scope's path through the bridges' configuration. False: nothing is there. An I/O APIC or an HPET
 * need not be a PCI function: its path is its requester ID, whether something answers there or not. Boot.
 */
bool vtd_resolve_scope(const struct dmar_scope *scope, u16 segment, struct sbdf *out);
/* iommu_ops.covers */
enum iommu_cover vtd_covers(struct iommu *iommu, struct pci_dev *dev);
/* iommu_ops.intr_platform */
bool vtd_intr_platform(struct iommu *iommu, unsigned int kind, u8 id, struct intr_source *out);

/* ---- vtd.c --------------------------------------------------------------------------------------------- */

/* The parsed table. Lives as long as the units. */
const struct dmar_table *vtd_dmar(void);
/* Where vtd_resolve_scope() found the device of scope[index] at discovery; false: nowhere. */
bool vtd_scope_bdf(unsigned int index, u16 *bdf);

/* ---- fault.c ------------------------------------------------------------------------------------------- */

/* Throws away what was recorded before (by firmware's use), masks the message. */
void vtd_fault_init(struct vtd_unit *unit);
/* iommu_ops.drain_faults, fault_pending, fault_message */
unsigned int vtd_drain_faults(struct iommu *iommu, unsigned int budget, iommu_fault_fn fn, void *ctx);
bool vtd_fault_pending(struct iommu *iommu);
void vtd_fault_message(struct iommu *iommu, u64 address, u32 data);

#endif
