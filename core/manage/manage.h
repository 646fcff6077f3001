/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Management operations: what the monitor (later the guest's flctl) asks for. Each is a sequence over the
 * object model, vPCI and the IOMMU, which know nothing of each other; here is the order, and what undoes it.
 *
 *   assign    claim -> reset -> attach DMA -> vPCI exposes it -> OWNER moves to the guest. Any failure undoes
 *             all.
 *   deassign  claim -> vPCI off, BARs unmapped and shot down -> MSI masked, bus mastering off, pending
 *             transactions waited for -> DMA blocked, invalidated, waited for -> interrupt entries and MSI
 *             descriptors freed -> reset -> quarantine
 *   surprise  as deassign, without touching the device
 *
 * Each of them is a state machine in deferred work; the device is claimed (PCI_OP_*) meanwhile, other devices
 * and CPUs run on.
 */
#ifndef CORE_MANAGE_H
#define CORE_MANAGE_H

#include "core/vm.h"
#include "drivers/pci/pci.h"

/* Boot, after vpci_init(): registers the hooks of drivers/pci. */
void manage_init(struct vm *vm);
/*
 * Boot: the first assignment, at once, without a reset (the guest has not run): group check, DMA, vPCI,
 * owner. As manage_assign, or the error of the step that failed, and nothing has changed (what cannot be
 * undone leaves the device BROKEN). why is never empty then.
 */
int MUST_CHECK manage_give_at_boot(struct pci_dev *dev, struct pci_reason *why);
/*
 * All three: -EINPROGRESS: started, the completion event brings *ticket; otherwise refused, nothing has
 * changed, and why has the reason. -ENODEV: no such device; -EBUSY: claimed by another operation; -EALREADY:
 * it is where it is asked to go; -EPERM: hidden, broken, or its isolation group forbids it; -EOPNOTSUPP: it
 * cannot be reset. Management context (monitor command, deferred work), no lock held.
 */
int MUST_CHECK manage_assign(struct sbdf sbdf, u32 *ticket, struct pci_reason *why);
int MUST_CHECK manage_deassign(struct sbdf sbdf, u32 *ticket, struct pci_reason *why);
/* Resets a device in quarantine. */
int MUST_CHECK manage_reset(struct sbdf sbdf, u32 *ticket, struct pci_reason *why);

/*
 * ---- the oracle (debug builds; core/manage/oracle.c) ----
 * Compares what is with what the model's state says it should be; runs after each management operation. It
 * names the first breach in one line.
 */
#define ORACLE_TEXT_MAX 200
/*
 * Checks that need the machine to stand still are made only for devices that nobody has claimed. 0, or
 * -EBADMSG and the text. Management context; the other CPUs rest (core/rendezvous.h).
 */
int MUST_CHECK oracle_check(struct vm *vm, char text[ORACLE_TEXT_MAX]);
/*
 * Whose memory is Fairlead's: no guest and no device may have it mapped. Boot; without, that is not checked.
 */
void oracle_set_memory(const struct memmap *map);
#ifdef FL_DEBUG
/*
 * oracle_check() while all other CPUs rest, and on a breach log_error("oracle: ...") and panic(). If one does not
 * come to rest, a line says so, and nothing is checked. No lock held. Host builds, some of whose threads
 * never rest: only after oracle_after_operations(true).
 */
void oracle_run(struct vm *vm, const char *after);
void oracle_after_operations(bool on);
#else
static inline void oracle_run(struct vm *vm UNUSED, const char *after UNUSED)
{
}
#endif

#endif
