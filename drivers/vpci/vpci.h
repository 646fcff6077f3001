/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual PCI: what the guest sees of configuration space, register by register. Each virtual register
 * is a row (offset, width, masks, handlers); what no row covers is not readable by accident. Dispatch is by
 * index, not by a walk.
 *
 * The architecture's traps (CF8/CFC, ECAM) end here with an SBDF, an offset and a size.
 */
#ifndef DRIVERS_VPCI_H
#define DRIVERS_VPCI_H

#include "core/vm.h"
#include "drivers/pci/pci.h"

/*
 * I/O-port BARs need the architecture; NULL functions where there are no ports (arm64). `on` false: the
 * range answers all-ones.
 */
struct vpci_platform {
	/*
	 * Guest ports [port, port+size) reach host ports [host, host+size); on = false withdraws them. 0 or
	 * -errno. Exit path.
	 */
	int (*map_ports)(void *ctx, u16 port, u16 host, u32 size, bool on);
	/*
	 * May the guest's BAR stand at [gpa, gpa+size)? False for RAM, Fairlead, IOMMU registers, emulated
	 * regions... Exit path.
	 */
	bool (*may_map)(void *ctx, gpa_t gpa, u64 size);
	void *ctx;
};

/* Boot: pools for `devices` devices' virtual config spaces. -ENOMEM; -EINVAL: the platform has no may_map. */
int MUST_CHECK vpci_init(struct vm *vm, const struct vpci_platform *platform, unsigned int devices);
/*
 * ---- showing a device to the guest, and taking it away ----
 *
 * The guest's map is never changed under a device's lock. A configuration write (or one of the three calls
 * here) only records, under vpci_lock, where BARs are wanted; then, without the lock, one CPU a device
 * changes the map, shoots the old translations down and waits; then it commits, under the lock, where they
 * stand. Who comes meanwhile records and leaves.
 */
/*
 * The guest sees the device from now on: builds its rows, then maps its BARs where memory decoding is on.
 * Takes a VPCI reference and dev->vpci_lock. The caller holds a reference and no lock. -ENOMEM; -EBUSY:
 * already attached; -ENOSPC (logged): it has more capabilities than any real device, and the caller keeps it
 * from the guest. On an error nothing has changed. Boot and exit path.
 */
int MUST_CHECK vpci_attach(struct pci_dev *dev);
/*
 * The guest's configuration accesses find nothing from now on, and its BARs are wanted nowhere. Does not
 * touch the device, so it works on a GONE one too. Idempotent. The caller holds a reference and no lock. Exit
 * path.
 *   0             no BAR is mapped, and no CPU can use an old translation
 *   -EINPROGRESS  another CPU is changing the map for this device: it sees the wish; call again later (from a
 *                 timer)
 *   -ENODEV       not attached
 *   another       a mapping could not be withdrawn (-ETIMEDOUT: a CPU does not answer the shoot-down): the
 *                 device must not change hands. Calling again tries again.
 */
int MUST_CHECK vpci_withdraw_start(struct pci_dev *dev);
/*
 * After that has returned 0: message descriptors are freed (their entries first), rows freed, the
 * VPCI reference dropped. -EBUSY: the withdrawal is not complete; -ENODEV: not attached. Another: detached all
 * the same, but hardware may still deliver what its entries said: the device must not change hands. Exit path,
 * no lock held.
 */
int MUST_CHECK vpci_detach(struct pci_dev *dev);

/* ---- for the oracle and the monitor: what is, for comparison with what should be ---- */

struct vpci_bar_info {
	bool wanted; /* decoding is on, and it stands nowhere else: the guest expects it at `guest` */
	bool placed; /* in the domain's interval map, at `placed_at` */
	bool mapped; /* the guest reaches it there (else another BAR has the place, and this one waits) */
	bool io;
	u64 guest, placed_at, host, size;
	/* The pages of the MSI-X table, from the BAR's first page on: mapped nowhere. Equal: none. */
	u64 trap_from, trap_to;
};
/* False: not attached, or there is no such BAR (0 to PCI_ROM_BAR). Takes vpci_lock. */
bool vpci_bar_info(struct pci_dev *dev, unsigned int bar, struct vpci_bar_info *out);
/* A message for which there is a descriptor (info.c). */
struct vpci_message_info {
	u32 entry;		   /* of struct pci_msi_ops */
	bool wanted;		   /* the guest has enabled it, and not masked it by itself */
	bool stored;		   /* the entry says what the guest asks for; else it may say what it did before */
	struct pci_message asked;  /* by the guest */
	struct pci_message expected; /* what the device is to be programmed with while it may send it */
	/* What its registers say, if they mean something now. */
	bool open; /* it may send it: messages are enabled, and it is not masked by itself */
	struct pci_message programmed;
};
/* False: not attached, or there is no such message. Reads the device's registers. Takes vpci_lock. */
bool vpci_message_info(struct pci_dev *dev, bool msix, unsigned int index, struct vpci_message_info *out);

struct vpci_messages_info {
	unsigned int possible;		/* how many the device has */
	bool enabled, function_masked;	/* by the guest */
	bool hardware_enabled;
	unsigned int count, masked;	/* descriptors that there should be; of them, masked by the guest */
	u32 first;			/* their entries, in a row */
	unsigned int listed, strays;	/* on the device's list; of them, with another index or entry */
};
/* False: not attached, or the guest does not see that capability, or cannot use it. Takes vpci_lock. */
bool vpci_messages_info(struct pci_dev *dev, bool msix, struct vpci_messages_info *out);
/*
 * Does the guest see it? *settled (may be NULL): where BARs stand is where they are wanted, and nobody is
 * changing it.
 */
bool vpci_attached(struct pci_dev *dev, bool *settled);
/*
 * Places in the domain's interval map, times their users. With all devices settled: the number of placed
 * BARs.
 */
unsigned int vpci_map_users(void);

/*
 * A guest's configuration access. offset < 4096; size 1, 2, 4 or 8 at any alignment; an access that
 * straddles dwords is split as the root complex splits it; beyond the device's config size, while the device
 * is reset, and for functions the guest does not have: all-ones / dropped. Exit path: one lookup, one
 * TRANSIENT reference, one vpci_lock; no lock held by the caller.
 *
 * A write returns when it is in force: what it changed of messages is flushed, BARs stand where they are wanted.
 * Or another CPU is at it, and has seen the wish.
 */
u64 vpci_read(struct sbdf sbdf, unsigned int offset, unsigned int size);
void vpci_write(struct sbdf sbdf, unsigned int offset, unsigned int size, u64 value);

/* vm_trap_fn: the pages of MSI-X tables, which stand where the guest has put their BARs. Exit path, no lock held. */
bool vpci_trap(gpa_t gpa, unsigned int size, bool write, u64 *value);

/* Registers the ECAM windows as emulated regions of the guest. Boot. */
int MUST_CHECK vpci_add_ecam_regions(struct vm *vm);

struct vpci_stats {
	u64 reads, writes;
	u64 passed_reads, passed_writes; /* bytes outside any capability that went to the device */
	u64 refused_writes;		 /* writes that a rule dropped */
};
void vpci_get_stats(struct vpci_stats *out);

#endif
