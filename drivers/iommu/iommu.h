/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Fairlead asks of an IOMMU, whatever its make: a table of operations that each backend (vtd/,
 * smmuv3/, later amdvi/) fills. The invariant: from iommu_enable_all() on, a requester ID that was not attached
 * reaches no memory.
 *
 * There are two kinds of calls: discovery, which reads tables and registers and changes nothing (--probe uses
 * it, and a refusal still returns to the firmware), and everything from enable on, which is after
 * ExitBootServices.
 */
#ifndef DRIVERS_IOMMU_H
#define DRIVERS_IOMMU_H

#include "core/lock.h"
#include "core/pagetable/pagetable.h"
#include "core/types.h"
#include "drivers/pci/msi.h"
#include "drivers/pci/pci.h"

struct iommu;
struct intr_source;
struct intr_entry;
struct apic_target;

extern struct lock_class iommu_domain_class; /* iommu_domain.lock */

/* The memory that a set of devices may reach: one DMA map, used by every unit its devices stand behind. */
struct iommu_domain {
	struct spinlock lock;
	struct pagetable table GUARDED_BY(iommu_domain_class);
	paddr_t root;	     /* of the table, and its levels: fixed when the domain is made */
	unsigned int levels;
	u16 id; /* tag of cached translations; 0 is never used */
};

static inline void iommu_domain_lock_at(struct iommu_domain *domain, struct code_site site)
	ACQUIRES(domain->lock, iommu_domain_class) NO_THREAD_ANALYSIS
{
	spin_lock_at(&domain->lock, site);
}
#define iommu_domain_lock(domain) iommu_domain_lock_at(domain, HERE)
static inline void iommu_domain_unlock(struct iommu_domain *domain)
	RELEASES(domain->lock, iommu_domain_class) NO_THREAD_ANALYSIS
{
	spin_unlock(&domain->lock);
}

struct iommu_fault {
	struct sbdf source;
	bool interrupt; /* a message was blocked: `index` counts; else DMA: `address` and `write` do */
	bool somewhere; /* DMA, and the hardware says neither where nor in which direction */
	u32 index;	/* of the remapping entry that it asked for */
	u64 address;	/* page-aligned where the hardware drops the low bits */
	bool write;
	u8 reason;	  /* backend's code */
	const char *text; /* backend's words for the reason */
};
typedef void (*iommu_fault_fn)(const struct iommu_fault *fault, void *ctx);

/* Does a unit translate for a device? Firmware names some devices, and may leave all others to one unit. */
enum iommu_cover { IOMMU_COVERS_NOT, IOMMU_COVERS_THE_REST, IOMMU_COVERS_BY_NAME };

struct iommu_ops {
	const char *name; /* "VT-d" */
	enum iommu_cover (*covers)(struct iommu *iommu, struct pci_dev *dev);
	/* Blocks every device, then turns translation on, and waits for the hardware to say so. -ETIMEDOUT,
	 * -ENOMEM. */
	int (*enable)(struct iommu *iommu);
	/* An empty domain that all units of this kind can use. -ENOMEM; -ENOSPC: the hardware's domain IDs
	 * are used up. */
	int (*domain_init)(struct iommu_domain *domain);
	/* Device `bdf` now translates through `domain`. The context is invalidated and waited for. -EBUSY:
	 * attached elsewhere; -ENODEV: not enabled; -ENOMEM, -ETIMEDOUT, -EIO. */
	int (*attach)(struct iommu *iommu, struct iommu_domain *domain, u16 bdf);
	/* Device `bdf` reaches nothing; caches invalidated and waited for. Idempotent. */
	int (*block)(struct iommu *iommu, u16 bdf);
	/* Drops cached translations of the domain in [iova, iova+size) (everything when size is 0) and waits.
	 * -ETIMEDOUT; -EIO: the hardware reported an error. */
	int (*invalidate)(struct iommu *iommu, struct iommu_domain *domain, u64 iova, u64 size);
	/*
	 * Does a request of `bdf` translate, and by which table (its root) and tag? Reads the entry in
	 * memory; for the oracle.
	 */
	bool (*lookup)(struct iommu *iommu, u16 bdf, paddr_t *root, u16 *domain_id);
	/*
	 * Drops what the device `bdf` has cached of [iova, iova+size) (everything when size is 0), and waits,
	 * bounded. NULL: the backend's entries allow untranslated requests only, and no device gets ATS
	 * enabled. -ETIMEDOUT, -EIO.
	 */
	int (*device_tlb_invalidate)(struct iommu *iommu, u16 bdf, u64 iova, u64 size);
	/*
	 * Interrupt remapping (intr.h). All NULL: the backend has none. cannot_remap: why the unit has none
	 * ("the firmware does not offer it"); NULL: it can. The others as the functions of the same names
	 * there; alloc gives a row that begins at a multiple of the power of two not below count, and free
	 * takes back any part of it.
	 */
	const char *(*cannot_remap)(struct iommu *iommu);
	int (*intr_alloc)(struct iommu *iommu, const struct intr_source *source, unsigned int count, u32 *first);
	void (*intr_set)(struct iommu *iommu, u32 entry, const struct apic_target *target);
	int (*intr_flush)(struct iommu *iommu, u32 first, unsigned int count);
	void (*intr_free)(struct iommu *iommu, u32 first, unsigned int count);
	/* `multiple`: of a row of 2^n, whose number the device adds in the data's low bits. */
	struct pci_message (*intr_message)(struct iommu *iommu, u32 entry, bool multiple);
	bool (*intr_lookup)(struct iommu *iommu, u32 entry, struct intr_entry *out);
	void (*intr_usage)(struct iommu *iommu, unsigned int *used, unsigned int *entries);
	/* Does that unit serve that controller (enum intr_platform_source), and what is its requester ID? */
	bool (*intr_platform)(struct iommu *iommu, unsigned int kind, u8 id, struct intr_source *out);
	/* Hands out and clears recorded faults, at most `budget`; returns how many. Exit path. Overflow is
	 * counted and logged. */
	unsigned int (*drain_faults)(struct iommu *iommu, unsigned int budget, iommu_fault_fn fn, void *ctx);
	/* True if a fault waits (one register read). Exit path. */
	bool (*fault_pending)(struct iommu *iommu);
	/* Asks for a message (address, data) at each fault; address 0 masks it. NULL: the unit has a wire. */
	void (*fault_message)(struct iommu *iommu, u64 address, u32 data);
	/* One line for --probe. */
	void (*describe)(struct iommu *iommu);
};

struct iommu {
	const struct iommu_ops *ops;
	struct iommu *next;
	paddr_t registers; /* to be cut out of the guest's map */
	u64 registers_size;
	u16 segment;
	unsigned int index;
	_Atomic u64 faults; /* seen so far */
	/* By iommu_register(); the rest is attach.c's and ats.c's. */
	_Atomic bool turn; /* somebody attaches or blocks: that waits for hardware, so it cannot be a lock */
	struct spinlock ats_lock; /* the list, and the ATS state of its devices (pci_dev.ats_on, ats_next) */
	struct pci_dev *ats_first GUARDED_BY(iommu_ats_class); /* ATS references */
	unsigned int ats_count GUARDED_BY(iommu_ats_class);
};

struct iommu *iommu_first(void);
/* Forgets every unit and reserved region: discovery gave up, or the configuration says iommu=off. Boot,
 * before enable. */
void iommu_forget_all(void);
/* The unit that a device stands behind, or NULL (then its DMA cannot be bounded: it must not be given to the
 * guest). */
struct iommu *iommu_of(struct pci_dev *dev);

/* Memory that firmware asks to keep reachable for one device (RMRR). Index from 0; false past the end. The
 * guest's map must hold it. */
struct iommu_reserved {
	paddr_t base;
	u64 size; /* 4 KiB aligned */
	struct sbdf sbdf;
};
bool iommu_reserved_region(unsigned int index, struct iommu_reserved *out);

/*
 * Where writes of messages pass through the tables (arm64): the page that devices write them to. It is mapped
 * in every domain that is made from then on, for writing only; the guest's CPUs never reach it. 0: none. Boot,
 * before the first domain.
 */
void iommu_set_doorbell(paddr_t page);
paddr_t iommu_doorbell(void);

/* By backends, at discovery. -ENOSPC. */
void iommu_register(struct iommu *iommu);
int MUST_CHECK iommu_add_reserved(const struct iommu_reserved *region);

/* The following work on all units of the machine. After ExitBootServices. */
int MUST_CHECK iommu_enable_all(void);
int MUST_CHECK iommu_domain_init(struct iommu_domain *domain);
/* Maps in the DMA table; -E* of pt_map(). No invalidation here: a caller that maps after enable calls
 * iommu_invalidate(). */
int MUST_CHECK iommu_map(struct iommu_domain *domain, u64 iova, paddr_t pa, u64 size, unsigned int prot);
int MUST_CHECK iommu_unmap(struct iommu_domain *domain, u64 iova, u64 size);
int MUST_CHECK iommu_invalidate(struct iommu_domain *domain, u64 iova, u64 size);
/*
 * Attach every requester ID of the device: itself, phantom functions, aliases of the bridges above it. An
 * alias is shared by all devices behind its bridge: attached with the first, and blocked with the last. Then
 * ATS, where device and unit have it. Idempotent; one at a time for each unit. Clears QUARANTINED. The caller
 * holds a reference; exit path, no lock held. -ENODEV: no unit covers the device; -E2BIG: it has more
 * requester IDs than fit; -ENOSPC: more attachments than fit; -ETIMEDOUT: or another attachment does not come
 * to its end; else as iommu_ops.attach. After an error all is as it was; what could not be taken back is
 * logged.
 */
int MUST_CHECK iommu_attach(struct pci_dev *dev, struct iommu_domain *domain);
/*
 * The reverse; ATS first. All that can be blocked is blocked, whatever happens to one part; the first error
 * is returned, and calling again tries again. Works on a device that is GONE: it is sent nothing. 0: sets
 * QUARANTINED, unless an alias goes on for another device behind the same bridge. An error clears it.
 */
int MUST_CHECK iommu_block(struct pci_dev *dev);

/* What the hardware's entries say; for the oracle. */
enum iommu_reach {
	IOMMU_REACHES_NOTHING, /* none of its requester IDs translates, save aliases that others use */
	IOMMU_REACHES_DOMAIN,  /* all of them, through that domain */
	IOMMU_REACHES_PART,    /* neither: a breach */
};
enum iommu_reach iommu_reach(struct pci_dev *dev, const struct iommu_domain *domain);
/* Requester IDs of all devices that are attached now, aliases once for each device. */
unsigned int iommu_attachments(void);
/* Is the device on its unit's ATS list? */
bool iommu_ats_on(struct pci_dev *dev);
bool iommu_any_fault_pending(void);
/*
 * Drains and logs faults of all units, and counts them for their device, if there is one: "fairlead: iommu:
 * DMA write by 0000:00:05.0 to 0x... blocked (reason)". Rate-limited per device: the first 16 each, then one
 * line per 1024. Exit path.
 */
void iommu_report_faults(void);

#endif
