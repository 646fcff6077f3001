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

/*
 * objects.c: an object in state NEW, in no slot yet, with its BASE and OWNER references; the caller fills
 * it and then publishes it or drops it. `parent` (may be NULL) is borrowed; the object takes a PARENT
 * reference. NULL: the pool is empty. Boot.
 */
struct pci_dev *pci_dev_create(struct sbdf sbdf, struct pci_dev *parent);
/*
 * objects.c: NEW -> LIVE: lookups find it. -EBUSY: the slot is taken; -ENOMEM: no page for the slot table.
 * Takes slots_lock.
 */
int MUST_CHECK pci_dev_publish(struct pci_dev *dev);
/*
 * objects.c: LIVE or NEW -> DYING, BASE and OWNER dropped. The caller knows that nothing else refers to the
 * device. Boot.
 */
void pci_dev_drop(struct pci_dev *dev);
/* objects.c: how many objects the pool can still give. */
unsigned int pci_objects_left(void);

/* bars.c: fills dev->bar[]. Returns false if the device vanished meanwhile. Boot. */
bool pci_size_bars(struct pci_dev *dev);

#endif
