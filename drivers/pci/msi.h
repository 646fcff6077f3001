/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Message descriptors: one for each MSI or MSI-X message that a device may send. Each is an MSI reference: as
 * long as an entry of the backend may name the device, its object stays.
 *
 * They are guarded by the device's vpci_lock, and freed without it, because invalidating an entry
 * waits.
 */
#ifndef DRIVERS_PCI_MSI_H
#define DRIVERS_PCI_MSI_H

#include "drivers/pci/pci.h"

/* Of the whole machine, by default: four functions with the largest MSI-X table. */
#define PCI_MSI_MESSAGES 8192

/* A memory write that is an interrupt: what software asks for, or what a device is programmed with. */
struct pci_message {
	u64 address;
	u32 data;
};

/* Entries of a backend. */
struct pci_msi_usage {
	unsigned int used;
	unsigned int others; /* of them, those of what is no PCI device */
	unsigned int entries; /* how many there are in all */
};

/*
 * How the machine turns the messages of devices into interrupts of the guest. x86: drivers/iommu/intr.c; arm64:
 * the ITS. An entry is a number of the backend's, valid for one device.
 */
struct pci_msi_ops {
	/*
	 * `count` entries in a row for messages of that device and of no other; they deliver nothing. The
	 * first is a multiple of the power of two not below count. vpci_lock held: does not wait. -ENOSPC;
	 * -ENODEV: no unit covers the device; -EOPNOTSUPP: who raises them cannot be checked.
	 */
	int (*alloc)(struct pci_dev *dev, unsigned int count, u32 *first);
	/*
	 * The entry delivers what the guest asked for from now on; hardware may go on with what it said before
	 * until a flush is done. NULL: nothing. False: the guest may not have that interrupt, and the entry
	 * delivers nothing. vpci_lock held, or the entry is in nobody else's reach: does not wait.
	 */
	bool (*set)(struct pci_dev *dev, u32 entry, const struct pci_message *guest);
	/*
	 * What the device is to be programmed with; `multiple`: for a row of 2^n entries, whose number the
	 * device puts in the data's low n bits. `guest` is what was set. Pure.
	 */
	struct pci_message (*program)(struct pci_dev *dev, u32 entry, bool multiple, const struct pci_message *guest);
	/*
	 * Waits, bounded, until nothing is delivered by what the entries [first, first + count) said before;
	 * count 0: all entries of all devices. No lock held. 0, -ETIMEDOUT, -EIO.
	 */
	int (*flush)(struct pci_dev *dev, u32 first, unsigned int count);
	/* Gives back entries that deliver nothing and were flushed: any part of a row. Does not wait. */
	void (*free)(struct pci_dev *dev, u32 first, unsigned int count);
	/*
	 * For the oracle: does the entry in the hardware's table deliver just what `guest` asks for (NULL:
	 * nothing), and for that device alone?
	 */
	bool (*agrees)(struct pci_dev *dev, u32 entry, const struct pci_message *guest);
	/* For the oracle: entries that are in use. False: messages have no entries of their own. Takes leaf locks. */
	bool (*usage)(struct pci_msi_usage *out);
};
/* Boot. NULL: no device gets a message enabled. */
void pci_msi_set_ops(const struct pci_msi_ops *ops);
const struct pci_msi_ops *pci_msi_get_ops(void);

#define PCI_MSI_NO_ENTRY 0xffffffffu

struct pci_msi {
	struct pci_msi *next; /* of the device, by falling index for each kind; in the pool; to release */
	struct pci_dev *dev;
	u16 index; /* message number, or number of the MSI-X table entry */
	bool msix;
	u32 entry; /* of pci_msi_ops, the message's own; PCI_MSI_NO_ENTRY */
};

/* A pool of `max` descriptors. Boot. -ENOMEM. */
int MUST_CHECK pci_msi_init(unsigned int max);
/*
 * Gives the device, which has none of that kind, `count` descriptors with indexes from 0, and a row of entries
 * from *first on, one each; they deliver nothing yet. -ENOMEM: the pool has fewer left; -ENODEV: there are no
 * pci_msi_ops; else as their alloc. After an error nothing has changed.
 */
int MUST_CHECK pci_msi_grow(struct pci_dev *dev, bool msix, unsigned int count, u32 *first)
	REQUIRES(pci_vpci_class);
/*
 * Takes all of that kind off the device, and puts them before `list`; returns the whole list, to be released.
 * Their entries deliver nothing any more, as soon as they are flushed.
 */
struct pci_msi *pci_msi_shrink(struct pci_dev *dev, bool msix, struct pci_msi *list) REQUIRES(pci_vpci_class);
/*
 * One flush for all of the list, which is of one device; then the entries, the descriptors and their references
 * are given back. No lock held; the caller holds a reference of another kind. An error is that of the flush
 * (logged): hardware may still deliver what the entries said, so they are lost, for nobody may get them; the
 * rest is given back.
 */
int pci_msi_release(struct pci_msi *list) EXCLUDES(pci_vpci_class);
/* Descriptors of the device, those being freed included. */
unsigned int pci_msi_count(const struct pci_dev *dev);
/* Entries that were taken from the backend and not given back: those that are lost count. */
unsigned int pci_msi_entries(void);
/* Descriptors that the pool can still give. */
unsigned int pci_msi_left(void);

#endif
