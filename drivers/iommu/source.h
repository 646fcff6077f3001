/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may raise a device's messages. What turns messages into interrupts (an IOMMU's interrupt remapping, an ITS)
 * goes by the requester ID that it sees, which is not the device's own behind a conventional bridge.
 */
#ifndef DRIVERS_IOMMU_SOURCE_H
#define DRIVERS_IOMMU_SOURCE_H

#include "drivers/pci/pci.h"

/* What may raise an entry's interrupt: what is compared with the request's requester ID. */
struct intr_source {
	enum {
		INTR_SOURCE_ID,	   /* exactly `id`, but for the function bits that `ignored` names */
		INTR_SOURCE_BUSES, /* any requester on the buses [first_bus, last_bus] */
	} kind;
	u16 id;
	u8 ignored; /* 0: none; 1: function bit 2; 2: bits 2:1; 3: bits 2:0 (phantom functions) */
	u8 first_bus, last_bus;
};

/*
 * What may raise the device's messages: itself, as its bridges show it. -EOPNOTSUPP: its requester IDs cannot
 * be told from those of devices outside its isolation group. Pure.
 */
int MUST_CHECK intr_source_of(const struct pci_dev *dev, struct intr_source *out);

#endif
