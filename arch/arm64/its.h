/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ITS, driven by Fairlead (IHI 0069H, chapters 5 and 12.18-12.20): it turns the messages of a device,
 * known by its DeviceID, into LPIs. The guest never sees it: it programs GICv2m messages, vPCI asks here
 * (struct pci_msi_ops) for an event of the right device, and an LPI becomes the SPI that the guest asked for.
 * Invariant: an event is mapped only for the DeviceID of the device it was made for.
 */
#ifndef ARCH_ARM64_ITS_H
#define ARCH_ARM64_ITS_H

#include "arch/arm64/gic.h"
#include "arch/arm64/vgic.h"

/*
 * Boot CPU, after gic_init(), before any its_start_cpu(): tables, command queue, LPI configuration and
 * pending tables for `cpus` CPUs; installs the message operations. `dt` has to last. 0; -ENODEV: the machine
 * has none (messages stay off, with a warning); -EOPNOTSUPP, -ENOMEM, -ETIMEDOUT after one log_error: the ITS
 * is off, messages stay off.
 */
int MUST_CHECK its_init(const struct dt_machine *dt, unsigned int cpus, const struct vgic_frame *frame);
/*
 * Each CPU, after gic_start_cpu(), before the guest runs anywhere, whatever its_init() said: firmware's LPIs
 * off; if there is an ITS, LPIs on with Fairlead's tables, its collection mapped. No lock held. An error
 * (logged): this CPU takes no LPIs, others take them for it. -EOPNOTSUPP, -ETIMEDOUT, -EIO.
 */
int MUST_CHECK its_start_cpu(void);
/* The page of GITS_TRANSLATER, for iommu_set_doorbell(); 0: none. Pure. */
paddr_t its_doorbell(const struct dt_machine *dt);
/* An LPI was taken: the SPI of the guest rises. Exit path, no lock held. */
void its_interrupt(u32 lpi);
/*
 * The guest has routed an SPI of the frame to another CPU: its events move there (MOVI), not waited for. Any
 * other SPI: nothing. Exit path; takes its_events_lock, so no leaf lock is held.
 */
void its_route(u32 spi, unsigned int cpu);

struct its_usage {
	unsigned int used, events; /* events that devices have, of how many */
	u64 errors;		   /* commands that the ITS refused */
	u64 dropped;		   /* LPIs that were nobody's any more when they were taken */
	u64 unmoved;		   /* moves left out because the queue was full */
};
/* For the monitor. */
void its_usage(struct its_usage *out);

#endif
