/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of the tree's locks, for the compiler; part of core/lock.h. What each lock guards, and the same
 * order in a table: docs/design/locks.md.
 *
 * Innermost first, because clang follows the order only through declarations that it has seen. A single
 * static lock states its place itself: LEAF_LOCK, or ACQUIRED_AFTER and ACQUIRED_BEFORE with classes of
 * this file. The owner of a class declares it again where the lock is, and defines it with LOCK_CLASS().
 */
#ifndef CORE_LOCK_ORDER_H
#define CORE_LOCK_ORDER_H

/*
 * What Fairlead says and hears. A log line may be written under any lock, so this one is inside all of them, but
 * for those that its input takes: nothing is logged under these.
 */
extern struct lock_class console_class;
#define CONSOLE_LEAF ACQUIRED_AFTER(console_class)

/* Not a lock: the place in the order of those under which no other lock but the console's is taken. */
extern struct lock_class leaf_locks ACQUIRED_BEFORE(console_class);
#define LEAF_LOCK ACQUIRED_AFTER(leaf_locks) ACQUIRED_BEFORE(console_class)

/* An I/O APIC's table; 32 interrupts of the guest's GIC */
extern struct lock_class ioapic_class ACQUIRED_BEFORE(leaf_locks);
extern struct lock_class vgic_class ACQUIRED_BEFORE(leaf_locks);

/* Queues, tables */
extern struct lock_class vtd_fault_class ACQUIRED_BEFORE(leaf_locks);
extern struct lock_class vtd_queue_class ACQUIRED_BEFORE(leaf_locks);
extern struct lock_class vtd_entries_class ACQUIRED_BEFORE(leaf_locks);
extern struct lock_class vtd_tables_class ACQUIRED_BEFORE(leaf_locks);
extern struct lock_class smmu_fault_class ACQUIRED_BEFORE(leaf_locks);
extern struct lock_class smmu_queue_class ACQUIRED_BEFORE(leaf_locks);
extern struct lock_class smmu_tables_class ACQUIRED_BEFORE(leaf_locks);
extern struct lock_class iommu_domain_class ACQUIRED_BEFORE(leaf_locks);
extern struct lock_class stage2_class ACQUIRED_BEFORE(leaf_locks);

/* A unit's list of devices with translation caches of their own */
extern struct lock_class iommu_ats_class ACQUIRED_BEFORE(vtd_fault_class, vtd_queue_class, vtd_entries_class,
							 vtd_tables_class, smmu_fault_class, smmu_queue_class,
							 smmu_tables_class, iommu_domain_class, stage2_class);

/* Where the guest has put BARs */
extern struct lock_class bar_map_class ACQUIRED_BEFORE(iommu_ats_class);

/*
 * Devices. Never two locks of one class: a virtual function's own is another class than its physical
 * function's.
 */
extern struct lock_class pci_vf_class ACQUIRED_BEFORE(bar_map_class);
extern struct lock_class pci_dev_class ACQUIRED_BEFORE(pci_vf_class);
extern struct lock_class pci_vpci_class ACQUIRED_BEFORE(pci_dev_class);
extern struct lock_class pci_domain_class ACQUIRED_BEFORE(pci_vpci_class);

#endif
