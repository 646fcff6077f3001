/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of drivers/pci share among themselves; nobody else includes this (the tests do).
 */
#ifndef DRIVERS_PCI_INTERNAL_H
#define DRIVERS_PCI_INTERNAL_H

#include "drivers/pci/pci.h"

/* config.c: true if some way reaches that register. */
bool pci_cfg_reaches(struct sbdf sbdf, unsigned int offset);
/* config.c: what a register of `size` bytes reads as when nobody answers. */
u32 pci_all_ones(unsigned int size);

/* ---- objects.c: pool and table ---- */

/* An object's memory, not cleared; NULL: the pool is empty. */
struct pci_dev *pci_pool_get(void);
/* Gives it back. Its count is 0 and no slot names it. */
void pci_pool_put(struct pci_dev *dev);
/*
 * The slot of dev->sbdf becomes dev's, and what was latched is answered. -EBUSY: it is another's; if that
 * one is dying, the presence is latched, and pci_slot_empty() will tell. -ENOMEM: no page for the table.
 * Takes slots_lock.
 */
int MUST_CHECK pci_slot_reserve(struct pci_dev *dev);
/*
 * Empties the slot if it is dev's, generation + 1. True: a presence was latched meanwhile. Takes slots_lock.
 */
bool MUST_CHECK pci_slot_empty(struct pci_dev *dev);
/*
 * The slot's tenant becomes LIVE, and a latched presence is forgotten: the device is there. One step, so
 * that none is latched in between. Takes slots_lock; the caller holds the device's lock (a VF's: and its
 * PF's).
 */
void pci_slot_make_live(struct pci_dev *dev);
/*
 * The slot's tenant, if its release failed and it was kept (PCI_FLAG_KEPT): the caller's alone, no
 * reference. Or NULL.
 */
struct pci_dev *pci_slot_take_kept(struct sbdf sbdf);
/* The first empty slot at or after *from with a latched presence, which is taken from it. False: none. */
bool pci_slot_next_latched(u32 *from, struct sbdf *out);
/* True: the slot is occupied; *state is its tenant's. Takes slots_lock. */
bool pci_slot_tenant(struct sbdf sbdf, enum pci_state *state);
/* A lookup whose reference is TRANSIENT but in no list of holders; given back with pci_ref_drop(). */
struct pci_dev *pci_dev_find_unnoted(struct sbdf sbdf);

#ifdef FL_HOST
/* Tests: called at places where another CPU may come in between. NULL: nothing. */
enum pci_test_point {
	PCI_TEST_LOOKUP_LOADED,
	PCI_TEST_LOOKUP_TAKEN,
	PCI_TEST_REMOVE_FOUND,
	PCI_TEST_OWNER_LEAVES,
	PCI_TEST_OWNER_BETWEEN,
	PCI_TEST_PUBLISHED,
	PCI_TEST_KEEPS
};
extern void (*pci_test_hook)(enum pci_test_point point);
#define PCI_TEST_POINT(point) do { if (pci_test_hook) pci_test_hook(point); } while (0)
#else
#define PCI_TEST_POINT(point) do { } while (0)
#endif

/* ---- refs.c ---- */

/* Debug builds' books. The count itself is changed by the caller: before `up`, after `down`. */
#ifdef FL_DEBUG
void pci_kind_up(struct pci_dev *dev, enum pci_ref_kind kind);
void pci_kind_down(struct pci_dev *dev, enum pci_ref_kind kind);
/* Remembers, or forgets, a holder. */
void pci_holder_add(struct pci_dev *dev, enum pci_ref_kind kind, struct code_site site);
void pci_holder_del(struct pci_dev *dev, enum pci_ref_kind kind);
#else
static inline void pci_kind_up(struct pci_dev *dev UNUSED, enum pci_ref_kind kind UNUSED)
{
}
static inline void pci_kind_down(struct pci_dev *dev UNUSED, enum pci_ref_kind kind UNUSED)
{
}
static inline void pci_holder_add(struct pci_dev *dev UNUSED, enum pci_ref_kind kind UNUSED,
				  struct code_site site UNUSED)
{
}
static inline void pci_holder_del(struct pci_dev *dev UNUSED, enum pci_ref_kind kind UNUSED)
{
}
#endif
/*
 * For who found a pointer: a TRANSIENT reference that is not noted among the holders. False: the count is 0.
 */
bool MUST_CHECK pci_ref_try(struct pci_dev *dev);
/* Drops such a one. True: it was the last; the caller must call pci_dev_reap() or post dev->release. */
bool MUST_CHECK pci_ref_drop(struct pci_dev *dev, enum pci_ref_kind kind);
/* The reference counts of a new object: BASE and OWNER. */
void pci_refs_init(struct pci_dev *dev);
void pci_reason_add(struct pci_reason *why, const char *fmt, ...) PRINTF_LIKE(2, 3);
/*
 * Adds "; held by vpci 1, msi 2, transient 1 (file:line)": everyone beside BASE and OWNER. `own` TRANSIENT
 * references are the asker's. Adds nothing if there is nobody, and in release builds.
 */
void pci_reason_add_holders(struct pci_reason *why, const struct pci_dev *dev, u32 own);

/* ---- domain.c ---- */

/* Boot: empty lists. */
void pci_domains_init(void);
/* Appends to, or takes from, a domain's list. The caller holds its pdevs_lock and the device's lock. */
void pci_domain_link(struct pci_domain *dom, struct pci_dev *dev) REQUIRES(pci_domain_class);
void pci_domain_unlink(struct pci_domain *dom, struct pci_dev *dev) REQUIRES(pci_domain_class);

/* ---- lifecycle.c ---- */

/*
 * An object in state NEW, its slot reserved, with its BASE and OWNER references; the caller fills it and then
 * publishes it or drops it. `parent` and `pf` (each may be NULL) are borrowed; the object takes a PARENT and
 * a PF reference. -EBUSY: the slot is occupied (latched, if by a dying device); -ENODEV: the parent or PF is
 * not LIVE; -ENOMEM. Takes those devices' locks, one at a time.
 */
int MUST_CHECK pci_dev_reserve(struct sbdf sbdf, struct pci_dev *parent, struct pci_dev *pf,
			       struct pci_dev **out);
/* The same without a reason; NULL: one of the above. A VF's bridge is its PF's. */
struct pci_dev *pci_dev_create(struct sbdf sbdf, struct pci_dev *parent);
struct pci_dev *pci_dev_create_vf(struct sbdf sbdf, struct pci_dev *pf);
/*
 * NEW -> LIVE, on quarantine's list. For all but VFs: sriov.c. Takes quarantine's pdevs_lock and the device's
 * lock.
 */
void pci_dev_publish(struct pci_dev *dev);
/*
 * The step itself. The caller holds quarantine's pdevs_lock and the device's lock (for a VF: and its PF's,
 * which is LIVE). Takes slots_lock.
 */
void pci_dev_make_live(struct pci_dev *dev) REQUIRES(pci_domain_class);
/* The creator gives up an object in state NEW: BASE and OWNER dropped, the slot emptied. No lock held. */
void pci_dev_drop(struct pci_dev *dev);
/* Deferred: adds what was latched. */
void pci_latched_post(void);

/* ---- reap.c ---- */

void pci_reap_init(struct pci_dev *dev); /* its work */
/*
 * The count is 0: RELEASING, silenced, DMA blocked, slot empty. No lock held. -errno: the release failed,
 * the object is LIVE again in quarantine, or KEPT. `tell`: post the completion event of its operation (a
 * failure's is always posted).
 */
int pci_dev_reap(struct pci_dev *dev, bool tell);
const struct pci_hooks *pci_hooks_get(void);
/* lifecycle.c: what pci_set_configure() was given, for a device that is about to be published. */
void pci_dev_configure(struct pci_dev *dev);

/* ---- surprise.c ---- */

void pci_surprise_init(struct pci_dev *dev); /* its work */
/*
 * GONE was noticed: pci_dev_surprise() will run as deferred work. The caller holds a reference. Any lock
 * held.
 */
void pci_surprise_post(struct pci_dev *dev);
/*
 * A VF is LIVE no longer: its PF, if that vanished, may have waited for it. The caller holds a reference on
 * the VF.
 */
void pci_pf_wake(struct pci_dev *vf);
/* A reaped device lets go of its port's link. */
void pci_link_release(struct pci_dev *dev);

/* ---- events.c ---- */

void pci_events_init(void);
/* Events dropped because nobody fetched them in time. */
u64 pci_events_lost(void);

/*
 * bars.c: fills dev->bar[]. Returns false if the device vanished meanwhile. The device is NEW: nobody else
 * uses it.
 */
bool pci_size_bars(struct pci_dev *dev);

/* enumerate.c: does a function answer there? Reads its vendor ID. */
bool pci_function_answers(struct sbdf sbdf);
/*
 * enumerate.c: fills a NEW object from its registers. -ENODEV: it vanished meanwhile, or is of no known kind
 * (logged).
 */
int MUST_CHECK pci_dev_fill(struct pci_dev *dev);
/* enumerate.c: a NEW bridge's bus is another's already: logged, and it leads nowhere. */
void pci_bridge_disbelieve(struct pci_dev *dev);

#endif
