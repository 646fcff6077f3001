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
	/*
	 * May a device send this message? NULL: vpci_msi_is_interrupt(). An architecture whose messages
	 * look otherwise brings its own. Exit path.
	 */
	bool (*msi_allowed)(void *ctx, u64 address, u16 data);
};

/*
 * True for a message to a local APIC that is an ordinary interrupt: address 0xfeexxxxx, delivery mode fixed
 * or lowest priority (Intel SDM vol. 3A, 11.11). SMI, NMI, INIT and ExtINT would reach past the guest.
 */
bool vpci_msi_is_interrupt(u64 address, u16 data);

/* Boot: pools for `devices` devices' virtual config spaces. -ENOMEM; -EINVAL: the platform has no may_map. */
int MUST_CHECK vpci_init(struct vm *vm, const struct vpci_platform *platform, unsigned int devices);
/*
 * The guest sees the device from now on: builds its rows, maps its BARs where memory decoding is on. Takes
 * a VPCI reference and dev->vpci_lock. -ENOMEM; -EBUSY: already attached; -ENOSPC (logged): it has more
 * capabilities than any real device, and the caller keeps it from the guest. On an error nothing has
 * changed. Boot.
 */
int MUST_CHECK vpci_attach(struct pci_dev *dev);
/* The reverse: BARs unmapped, rows freed, reference dropped. Not attached: -ENODEV. */
int MUST_CHECK vpci_detach(struct pci_dev *dev);

/*
 * A guest's configuration access. offset < 4096; size 1, 2, 4 or 8 at any alignment; an access that
 * straddles dwords is split as the root complex splits it; beyond the device's config size, and for
 * functions the guest does not have: all-ones / dropped. Exit path: one lookup, one TRANSIENT reference,
 * one vpci_lock.
 */
u64 vpci_read(struct sbdf sbdf, unsigned int offset, unsigned int size);
void vpci_write(struct sbdf sbdf, unsigned int offset, unsigned int size, u64 value);

/* Registers the ECAM windows as emulated regions of the guest. Boot. */
int MUST_CHECK vpci_add_ecam_regions(struct vm *vm);

struct vpci_stats {
	u64 reads, writes;
	u64 passed_reads, passed_writes; /* bytes outside any capability that went to the device */
	u64 refused_writes;		 /* writes that a rule dropped */
};
void vpci_get_stats(struct vpci_stats *out);

#endif
