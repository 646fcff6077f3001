/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI: addressing, configuration access, and the device objects.
 *
 * A device is a `struct pci_dev` with a reference count. A reference keeps the object valid *and* entitles
 * its holder to touch the device. Every long-lived pointer to a device is a reference. (The rules:
 * docs/design/objects.md.)
 */
#ifndef DRIVERS_PCI_H
#define DRIVERS_PCI_H

#include "core/lock.h"
#include "core/refcnt.h"
#include "core/site.h"
#include "core/types.h"
#include "core/work.h"

/* Segment, bus, device, function. The low 16 bits are the requester ID (PCIe base spec 6.0, 2.2.6.2). */
struct sbdf {
	u16 segment;
	u16 bdf; /* bus 15:8, device 7:3, function 2:0 */
};

#define PCI_BDF(bus, dev, fn) ((u16)(((bus) << 8) | ((dev) << 3) | (fn)))
#define PCI_BUS(bdf) ((u8)((bdf) >> 8))
#define PCI_DEV(bdf) ((u8)(((bdf) >> 3) & 0x1f))
#define PCI_FN(bdf) ((u8)((bdf) & 7))

/* For printing: log_info("%04x:%02x:%02x.%x", SBDF_ARGS(sbdf)) */
#define SBDF_FMT "%04x:%02x:%02x.%x"
#define SBDF_ARGS(s) (unsigned int)(s).segment, PCI_BUS((s).bdf), PCI_DEV((s).bdf), PCI_FN((s).bdf)

/*
 * ---- configuration access
 * ----------------------------------------------------------------------------------
 */

#define PCI_CFG_SIZE 256u
#define PCIE_CFG_SIZE 4096u

/*
 * One way to reach configuration space. offset + size never crosses a dword (the callers split); size is 1,
 * 2 or 4. A read of what is not there gives all-ones of that size, as hardware does; a write is dropped.
 */
struct pci_cfg_ops {
	const char *name;
	u32 (*read)(void *ctx, struct sbdf sbdf, unsigned int offset, unsigned int size);
	void (*write)(void *ctx, struct sbdf sbdf, unsigned int offset, unsigned int size, u32 value);
	/* True if this way reaches that function at that offset (CF8/CFC: segment 0, offset < 256). */
	bool (*reaches)(void *ctx, struct sbdf sbdf, unsigned int offset);
};

/*
 * Registers a way; earlier registrations are preferred. At most 2. Boot. -ENOSPC. ctx must outlive
 * everything.
 */
int MUST_CHECK pci_cfg_register(const struct pci_cfg_ops *ops, void *ctx);
/*
 * Raw access by address, for enumeration and for reading what firmware set up. Any offset+size within one
 * dword, else -EINVAL is answered as all-ones / dropped. Boot and exit path; takes the config-access (leaf)
 * lock where the way needs it.
 */
u32 pci_cfg_read(struct sbdf sbdf, unsigned int offset, unsigned int size);
void pci_cfg_write(struct sbdf sbdf, unsigned int offset, unsigned int size, u32 value);

/* ECAM (PCIe base spec 6.0, 7.2.2). */
struct ecam_window {
	paddr_t base; /* of bus 0 of the segment, whether or not bus 0 is in the window: as MCFG states it */
	u16 segment;
	u8 first_bus, last_bus;
};
#define ECAM_WINDOWS_MAX 8
/*
 * Registers ECAM with those windows, which are `source`'s word. Returns their number. -EINVAL after a log line that begins with
 * `source`: none, too many, overlapping, bus range reversed, base unaligned or wrapping; others from pci_cfg_register().
 */
int MUST_CHECK pci_ecam_set(const struct ecam_window *window, unsigned int count, const char *source);
/*
 * Parses an MCFG table (already length- and checksum-checked by the ACPI code; length is its whole length)
 * (PCI Firmware spec 3.3, 4.1.2) and calls pci_ecam_set(). -EINVAL with a log line naming MCFG: malformed. mcfg.c
 */
int MUST_CHECK pci_ecam_init(const void *mcfg, size_t length);
unsigned int pci_ecam_windows(const struct ecam_window **windows);

/*
 * ---- device objects
 * ------------------------------------------------------------------------------------------
 *
 *   NEW --publish--> LIVE --remove wins--> DYING --last put--> RELEASING --reaped--> (slot empty, generation + 1)
 *
 *               in the table   new lookups   holders
 *   NEW         reserved       fail          the creator
 *   LIVE        yes            succeed       may touch the device
 *   DYING       yes            fail          may finish, may duplicate their own reference
 *   RELEASING   yes            fail          none
 *
 * Every transition, every change of owner and the publication of a VF happens under the device's lock (a
 * VF's also under its PF's). `state` and `owner` are atomic for readers without it.
 */

enum pci_state { PCI_NEW, PCI_LIVE, PCI_DYING, PCI_RELEASING };

enum pci_owner { PCI_OWNER_QUARANTINE, PCI_OWNER_GUEST, PCI_OWNER_FAIRLEAD, PCI_OWNERS };

enum pci_flag { /* bits of pci_dev.flags */
	PCI_FLAG_GONE = 1,	  /* physically vanished: accessors give all-ones and touch nothing */
	PCI_FLAG_BROKEN = 2,	  /* a release or reset failed: never assigned again */
	PCI_FLAG_BUSY = 4,	  /* a reset runs: all-ones are no sign of a vanished device; the guest reads all-ones */
	PCI_FLAG_HIDDEN = 8,	  /* the configuration keeps it from the guest */
	PCI_FLAG_QUARANTINED = 16, /* its DMA is known to be blocked */
	PCI_FLAG_RESET_NONE = 32, /* device option reset=none: may change hands without a reset */
	PCI_FLAG_GROUP_MIXED = 64, /* device option group=mixed: its isolation group may have several owners */
	PCI_FLAG_RESETTING = 128, /* with BUSY: the reset is ours (reset.h), which alone ends BUSY; without: the guest's */
	PCI_FLAG_WAITS = 256, /* it vanished, and waits for its turn to be taken from the guest (core/manage) */
	PCI_FLAG_KEPT = 512, /* RELEASING, nobody's: its release failed, and it cannot be LIVE again; remove tries again */
};

/* Who holds a reference, and why. */
enum pci_ref_kind {
	PCI_REF_BASE,	   /* from add to the remove that wins */
	PCI_REF_OWNER,	   /* it is on a domain's list; moves along on assign and deassign */
	PCI_REF_VPCI,	   /* vPCI state is attached */
	PCI_REF_MSI,	   /* each MSI or MSI-X descriptor */
	PCI_REF_ATS,	   /* it is on its IOMMU's ATS list */
	PCI_REF_PF,	   /* each virtual function, on its physical function */
	PCI_REF_PARENT,	   /* each device, on the bridge above it */
	PCI_REF_WORK,	   /* an operation of several steps: held while the guest runs */
	PCI_REF_TRANSIENT, /* within one exit: handler, deferred work, fault handling, iterator, monitor command */
	PCI_REF_KINDS
};
const char *pci_ref_kind_name(enum pci_ref_kind kind); /* "base", "owner"... */

/* The one management operation that has claimed a device. */
enum pci_op { PCI_OP_NONE, PCI_OP_ADD, PCI_OP_ASSIGN, PCI_OP_DEASSIGN, PCI_OP_REMOVE, PCI_OP_RESET, PCI_OP_VFS, PCI_OP_SURPRISE, PCI_OPS };
const char *pci_op_name(enum pci_op op); /* "add", "assign"... */

enum pci_bar_type {
	PCI_BAR_NONE,
	PCI_BAR_IO,
	PCI_BAR_MEM32,
	PCI_BAR_MEM64,
	PCI_BAR_MEM64_HIGH /* upper half of the one before */
};

struct pci_bar {
	enum pci_bar_type type;
	bool prefetchable;
	paddr_t base; /* where firmware put it; 0: not assigned */
	u64 size;     /* bytes, a power of two; 0: not implemented */
};

#define PCI_BARS 6
#define PCI_ROM_BAR 6 /* index of the expansion ROM in pci_dev.bar[] */

#define PCI_REQUESTER_IDS 16 /* of one device: its own, phantom functions, aliases of bridges above it */
#define PCI_SITES 16	     /* holders remembered per object, debug builds */

struct vpci_dev; /* drivers/vpci: the guest's view */
struct pci_msi;	 /* drivers/pci/msi.h */

/*
 * Lock classes, outermost first. A VF's own lock has a class of its own, because it may be taken under its
 * PF's.
 */
extern struct lock_class pci_domain_class; /* pci_domain.pdevs_lock */
extern struct lock_class pci_vpci_class;   /* pci_dev.vpci_lock */
extern struct lock_class pci_dev_class;	   /* pci_dev.lock */
extern struct lock_class pci_vf_class;	   /* pci_dev.lock of a virtual function */

struct pci_dev {
	struct refcnt refs; /* first: what a stale lookup may touch */
#ifdef FL_DEBUG
	_Atomic u32 refs_by_kind[PCI_REF_KINDS]; /* their sum is refs */
	/*
	 * Who holds references beside BASE and OWNER, as far as there is room: site text, or NULL. Kind in
	 * the other array.
	 */
	_Atomic(const char *) holder_site[PCI_SITES];
	_Atomic u32 holder_kind[PCI_SITES];
#endif
	struct spinlock lock; /* state, owner, flags' meaning, op, VF list, fault counters */
	_Atomic u32 state;    /* enum pci_state */
	_Atomic u32 owner;    /* enum pci_owner */
	_Atomic u32 flags;    /* enum pci_flag */
	_Atomic u32 op;	      /* enum pci_op: who has claimed it; changed under lock */
	u32 ticket GUARDED_BY(pci_dev_class); /* of that operation */
	struct sbdf sbdf;
	u16 vendor, device, subsystem_vendor, subsystem;
	u32 class_code; /* 23:16 base class, 15:8 subclass, 7:0 programming interface */
	u8 revision;
	u8 header_type; /* 0 endpoint, 1 bridge, 2 CardBus; multi-function bit removed */
	bool multifunction;
	bool is_pcie;	 /* has the PCI Express capability */
	u8 pcie_type;	 /* device/port type of PCI Express Capabilities (PCIe 7.5.3.2), if is_pcie */
	u16 pcie_cap;	 /* offset of that capability, 0: none */
	u16 cfg_size;	 /* 256, or 4096 if extended space answers */
	u8 secondary_bus, subordinate_bus; /* bridges: cached when the object was made, never read again */
	struct pci_dev *parent;		   /* the bridge above (a PARENT reference); NULL: root bus */
	struct pci_bar bar[PCI_BARS + 1];
	u16 requester_id[PCI_REQUESTER_IDS]; /* [0] is its own; fixed at add */
	u8 requester_ids;
	_Atomic u16 group; /* isolation group: the lowest BDF in it; others may change it by coming (group.h) */
	/* SR-IOV (sriov.h). A VF's pf never changes; the list is the PF's, under its lock. */
	struct pci_dev *pf; /* a PF reference; NULL: not a virtual function */
	struct pci_dev *vf_next;
	struct pci_dev *vf_first GUARDED_BY(pci_dev_class);
	u32 vf_count GUARDED_BY(pci_dev_class);
	/* The domain's list, under its pdevs_lock. */
	struct pci_dev *domain_next GUARDED_BY(pci_domain_class);
	struct pci_dev *domain_prev GUARDED_BY(pci_domain_class);
	bool listed GUARDED_BY(pci_domain_class);
	u32 children GUARDED_BY(pci_dev_class);	  /* a bridge's: objects with a PARENT reference on it */
	u32 links_held GUARDED_BY(pci_dev_class); /* a port's: vanished devices that keep its link disabled */
	bool holds_link;			  /* it is one of its parent's links_held; set by the surprise, read by the reaper */
	struct spinlock vpci_lock; /* guards vpci, what it points to and the MSI descriptors; outlives vpci */
	struct vpci_dev *vpci GUARDED_BY(pci_vpci_class); /* NULL: the guest does not see the device */
	struct pci_msi *msi_first GUARDED_BY(pci_vpci_class); /* msi.h: messages that the guest has enabled */
	_Atomic u32 msi_count; /* descriptors of the device, those being freed included; each is an MSI reference */
	_Atomic u64 dma_faults; /* requests of its that an IOMMU has blocked */
	bool ats_on GUARDED_BY(iommu_ats_class); /* on its IOMMU's ATS list */
	struct pci_dev *ats_next GUARDED_BY(iommu_ats_class);
	struct work release;	   /* queued by the last put */
	struct work vanished;	   /* queued by who notices that the device is GONE */
	struct pci_dev *pool_next; /* while the object is free */
};

static inline enum pci_state pci_dev_state(const struct pci_dev *dev)
{
	return (enum pci_state)atomic_load_explicit(&dev->state, memory_order_acquire);
}

static inline enum pci_owner pci_dev_owner(const struct pci_dev *dev)
{
	return (enum pci_owner)atomic_load_explicit(&dev->owner, memory_order_acquire);
}

static inline enum pci_op pci_dev_op(const struct pci_dev *dev)
{
	return (enum pci_op)atomic_load_explicit(&dev->op, memory_order_acquire);
}

static inline bool pci_dev_has(const struct pci_dev *dev, enum pci_flag flag)
{
	return atomic_load_explicit(&dev->flags, memory_order_relaxed) & (u32)flag;
}

/*
 * ---- the device's two locks (order: vpci_lock, PF's lock, VF's lock; never two devices' of one kind) ----
 */

static inline void pci_dev_lock_at(struct pci_dev *dev, struct code_site site) ACQUIRES(dev->lock, pci_dev_class)
	NO_THREAD_ANALYSIS
{
	spin_lock_at(&dev->lock, site);
}
#define pci_dev_lock(dev) pci_dev_lock_at(dev, HERE)
static inline void pci_dev_unlock(struct pci_dev *dev) RELEASES(dev->lock, pci_dev_class) NO_THREAD_ANALYSIS
{
	spin_unlock(&dev->lock);
}
/* The same for a device that is a VF, under its PF's lock. */
static inline void pci_vf_lock_at(struct pci_dev *vf, struct code_site site) ACQUIRES(vf->lock, pci_vf_class)
	NO_THREAD_ANALYSIS
{
	spin_lock_at(&vf->lock, site);
}
#define pci_vf_lock(vf) pci_vf_lock_at(vf, HERE)
static inline void pci_vf_unlock(struct pci_dev *vf) RELEASES(vf->lock, pci_vf_class) NO_THREAD_ANALYSIS
{
	spin_unlock(&vf->lock);
}
/*
 * For transitions and changes of owner: the device's lock, and around it, if it is a virtual function, its
 * PF's. To the compiler it is the device's alone.
 */
static inline void pci_dev_lock_with_pf_at(struct pci_dev *dev, struct code_site site)
	ACQUIRES(dev->lock, pci_dev_class) NO_THREAD_ANALYSIS
{
	if (dev->pf)
		pci_dev_lock_at(dev->pf, site);
	pci_dev_lock_at(dev, site);
}
#define pci_dev_lock_with_pf(dev) pci_dev_lock_with_pf_at(dev, HERE)
static inline void pci_dev_unlock_with_pf(struct pci_dev *dev) RELEASES(dev->lock, pci_dev_class) NO_THREAD_ANALYSIS
{
	struct pci_dev *pf = dev->pf;

	pci_dev_unlock(dev);
	if (pf)
		pci_dev_unlock(pf);
}
static inline void pci_vpci_lock_at(struct pci_dev *dev, struct code_site site)
	ACQUIRES(dev->vpci_lock, pci_vpci_class) NO_THREAD_ANALYSIS
{
	spin_lock_at(&dev->vpci_lock, site);
}
#define pci_vpci_lock(dev) pci_vpci_lock_at(dev, HERE)
static inline void pci_vpci_unlock(struct pci_dev *dev) RELEASES(dev->vpci_lock, pci_vpci_class) NO_THREAD_ANALYSIS
{
	spin_unlock(&dev->vpci_lock);
}

/* ---- pools, enumeration, rescan ---- */

/* Boot: pools for `max` devices. -ENOMEM. */
int MUST_CHECK pci_objects_init(unsigned int max);
/*
 * Finds every function below every root bus and makes an object of each: state LIVE, owner QUARANTINE.
 * Bridges with unset, reversed or looping bus numbers are logged and not entered. A bus that no bridge
 * leads to is scanned as another root bus. Sizes BARs with decoding off for the moment it takes and
 * everything restored; functions of class 06 other than PCI-PCI bridges (host and ISA bridges) are never
 * disturbed: their bar[] stay PCI_BAR_NONE. Changes nothing else. Boot, single CPU, nobody else using the
 * devices' registers meanwhile. Returns the number of functions; -ENOMEM: the pool is too small; -ENODEV:
 * nothing reaches configuration space, or nothing is there.
 */
int MUST_CHECK pci_enumerate(void);
/*
 * Looks again: a function that answers and has no object gets one, in quarantine; those that have one are
 * not touched. Bridges are entered by their cached bus numbers. Returns how many were added; -ENOMEM. A
 * slot that is still occupied by a dying device has its presence latched: the add runs when the slot is
 * emptied. Management context, no lock held; one at a time (-EBUSY).
 */
int MUST_CHECK pci_rescan(void);
/*
 * One function: NEW, sized, published LIVE in quarantine. -EBUSY: the slot is occupied (latched, if by a
 * dying device; then the add event follows); -ENODEV: nothing answers, or a VF without its LIVE PF;
 * -ENOMEM. A failed add leaves nothing behind.
 */
int MUST_CHECK pci_dev_add(struct sbdf sbdf);

/* ---- lookup and references ---- */

/*
 * Lookup as docs/design/objects.md has it: no lock, O(1). A TRANSIENT reference, or NULL. Boot and exit
 * path.
 */
struct pci_dev *pci_dev_find_at(struct sbdf sbdf, struct code_site site);
#define pci_dev_find(...) pci_dev_find_at(__VA_ARGS__, HERE)
void pci_dev_get_at(struct pci_dev *dev, enum pci_ref_kind kind, struct code_site site); /* caller already holds one */
#define pci_dev_get(dev, kind) pci_dev_get_at(dev, kind, HERE)
/*
 * The caller touches the object no more. The last put only queues the release (reap.c). Any context but
 * NMI, any lock.
 */
void pci_dev_put(struct pci_dev *dev, enum pci_ref_kind kind);
/* A reference changes its kind: a TRANSIENT one that is kept beyond the exit becomes WORK, and back. */
void pci_dev_convert_at(struct pci_dev *dev, enum pci_ref_kind from, enum pci_ref_kind to, struct code_site site);
#define pci_dev_convert(dev, from, to) pci_dev_convert_at(dev, from, to, HERE)
/*
 * All LIVE devices in segment/bus/device/function order, one after the other: NULL gives the first. Takes a
 * TRANSIENT reference on what it returns and drops the one on `prev`; who stops early drops it himself.
 * Devices that come or go meanwhile may or may not be met.
 *	for (struct pci_dev *dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev))
 */
struct pci_dev *pci_dev_next_at(struct pci_dev *prev, struct code_site site);
#define pci_dev_next(prev) pci_dev_next_at(prev, HERE)

/*
 * What the monitor and the oracle show of an object in whatever state, without a reference: a copy made
 * under slots_lock.
 */
struct pci_dev_info {
	struct sbdf sbdf;
	u16 vendor, device;
	u32 class_code;
	enum pci_state state;
	enum pci_owner owner;
	enum pci_op op;
	u32 flags, refs;
	u32 refs_by_kind[PCI_REF_KINDS]; /* debug builds, else 0 */
	const char *holder[PCI_SITES];	 /* debug builds: site of a reference, NULL: none */
	enum pci_ref_kind holder_kind[PCI_SITES];
	u64 generation; /* of the slot */
};
/*
 * The first occupied slot at or after *from (a 32-bit number: segment << 16 | bdf); false: none. *from
 * becomes its successor.
 */
bool pci_dev_info_next(u32 *from, struct pci_dev_info *out);
/* How often the slot of that address was emptied; 0 for an address never used. */
u64 pci_slot_generation(struct sbdf sbdf);
/* Objects that the pool can still give. */
unsigned int pci_objects_left(void);

/* ---- ownership ---- */

/* A domain: who owns devices. Every LIVE device is on exactly one list. */
struct pci_domain {
	const char *name; /* "guest", "quarantine", "Fairlead" */
	struct spinlock pdevs_lock;
	struct pci_dev *first GUARDED_BY(pci_domain_class);
	struct pci_dev *last GUARDED_BY(pci_domain_class);
	unsigned int count GUARDED_BY(pci_domain_class);
};
struct pci_domain *pci_domain(enum pci_owner owner);
static inline void pci_domain_lock_at(struct pci_domain *dom, struct code_site site)
	ACQUIRES(dom->pdevs_lock, pci_domain_class) NO_THREAD_ANALYSIS
{
	spin_lock_at(&dom->pdevs_lock, site);
}
#define pci_domain_lock(dom) pci_domain_lock_at(dom, HERE)
static inline void pci_domain_unlock(struct pci_domain *dom) RELEASES(dom->pdevs_lock, pci_domain_class)
	NO_THREAD_ANALYSIS
{
	spin_unlock(&dom->pdevs_lock);
}
const char *pci_owner_name(enum pci_owner owner);
/* Devices on its list now. Takes pdevs_lock. */
unsigned int pci_domain_count(enum pci_owner owner);

/* Why an operation was refused, for people: "owned by the guest", "2 virtual functions exist"... */
#define PCI_REASON_MAX 160
struct pci_reason {
	char text[PCI_REASON_MAX];
};

/*
 * Claims a device for one management operation, so that no other runs on it meanwhile: remove answers
 * -EBUSY, a second assign too. The claimer holds a reference. -EBUSY: claimed already (why says by what);
 * -ENODEV: not LIVE. Takes the device's lock. *ticket gets a number for the completion event.
 */
int MUST_CHECK pci_op_begin(struct pci_dev *dev, enum pci_op op, u32 *ticket, struct pci_reason *why);
/*
 * Gives the claim back and posts the completion event with that result (0 or -errno). If the device
 * vanished meanwhile, its surprise removal goes on from here. The caller holds a reference.
 */
void pci_op_end(struct pci_dev *dev, int result);
/* Gives it back without an event: the operation did not start after all. Else as pci_op_end(). */
void pci_op_cancel(struct pci_dev *dev);
/*
 * Moves to another owner's list; the OWNER reference moves along. Boot, or by who has claimed the device.
 * -EBUSY unless LIVE: an owner is never moved onto a dying device. Takes the lists' and the device's locks,
 * one list at a time.
 */
int MUST_CHECK pci_dev_set_owner(struct pci_dev *dev, enum pci_owner owner);

/*
 * Takes a device out. The check and the transition are one step under its locks; never waits for holders.
 *   0             it is gone on return: safe to unplug
 *   -EINPROGRESS  it is DYING and others still hold it; *ticket: the completion event tells when it is gone; or that its
 *                 release failed (result not 0): then it is back in quarantine, BROKEN, and a later remove tries again
 *                 (a VF whose PF has vanished is not LIVE again, but can be removed again all the same)
 *   -EBUSY        nothing has changed; why says who: the guest owns it, VFs exist, Fairlead uses it, an operation runs
 *   -EALREADY     an earlier remove has won and is not through; nothing was dropped
 *   -ENODEV       there is nothing at that address
 * Management context, no lock held.
 */
int MUST_CHECK pci_dev_remove(struct sbdf sbdf, u32 *ticket, struct pci_reason *why);
/*
 * The device has vanished (pulled out, or it reads all-ones): GONE at once, VFs before their PF; the
 * listener of pci_set_surprise_handler() takes it from its owner; then it dies as by remove. May be called
 * more than once, by any CPU: the first one wins. Exit path; caller holds a reference.
 */
void pci_dev_surprise(struct pci_dev *dev);

/* ---- what drivers/pci asks of those above it; set once at boot ---- */
struct pci_hooks {
	/*
	 * Blocks DMA of all requester IDs of a device nobody holds, drops translations, waits. 0 or -errno.
	 * Deferred work.
	 */
	int (*block_dma)(struct pci_dev *dev);
	/*
	 * A device of the guest's has vanished: take it away from the guest (the device is claimed,
	 * PCI_OP_SURPRISE); calls pci_surprise_done(dev) when nothing of the guest refers to it. Deferred
	 * work.
	 */
	void (*surprise)(struct pci_dev *dev);
	/*
	 * A port's link is to be disabled until the object is reaped, and enabled again (NULL: nothing is
	 * done).
	 */
	void (*link)(struct pci_dev *port, bool enable);
};
void pci_set_hooks(const struct pci_hooks *hooks);
/*
 * Called for each device that is added after the first enumeration, before anybody can find it: sets the
 * flags that the configuration asks for. Boot; NULL: none.
 */
void pci_set_configure(void (*fn)(struct pci_dev *dev));
void pci_surprise_done(struct pci_dev *dev);

/* ---- completion events ---- */
struct pci_event {
	u32 ticket;
	enum pci_op op;
	struct sbdf sbdf;
	int result; /* 0 or -errno */
};
#define PCI_EVENTS_MAX 256 /* undelivered at once; beyond that they are dropped and counted */
/* The one listener gets each event in deferred work, in order; no lock is held. NULL: none. */
void pci_set_event_listener(void (*fn)(const struct pci_event *event, void *ctx), void *ctx);
/* An event of an operation that is not a device's claim. Any context but NMI; takes a leaf lock. */
void pci_event_post(const struct pci_event *event);
/* For such an operation: a number that no other has. */
u32 pci_ticket_new(void);

/* ---- access ---- */

/*
 * Access through an object: all-ones / dropped when GONE. A read of the vendor ID that gives all-ones sets
 * GONE and logs it.
 */
u32 pci_dev_read(struct pci_dev *dev, unsigned int offset, unsigned int size);
void pci_dev_write(struct pci_dev *dev, unsigned int offset, unsigned int size, u32 value);

/* Offset of a capability, 0: none. Bounded: survives loops and pointers into the header. */
unsigned int pci_find_cap(struct pci_dev *dev, u8 id);
unsigned int pci_find_ext_cap(struct pci_dev *dev, u16 id);
/*
 * Calls fn for each capability of the list once, in list order, until it returns non-zero, which is
 * returned.
 */
typedef int (*pci_cap_fn)(struct pci_dev *dev, unsigned int offset, u16 id, unsigned int version, void *ctx);
int pci_for_each_cap(struct pci_dev *dev, pci_cap_fn fn, void *ctx);
int pci_for_each_ext_cap(struct pci_dev *dev, pci_cap_fn fn, void *ctx);

/*
 * Clears Bus Master Enable of an endpoint (never of a bridge) and reads back, so that the write has
 * arrived. Boot, and when a device changes hands.
 */
void pci_dev_stop_dma(struct pci_dev *dev);
/* One line a device for --probe and the boot log: SBDF, IDs, class, BARs. */
void pci_log_tree(void);

#endif
