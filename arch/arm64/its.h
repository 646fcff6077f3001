/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ITS, driven by Fairlead (IHI 0069H, chapters 5 and 12.18-12.20): it turns the messages of a device, known by its DeviceID, into
 * LPIs. The guest never sees it: it programs GICv2m messages, vPCI asks here (struct pci_msi_ops) for an event of the right device, and
 * an LPI becomes the SPI that the guest asked for. Invariant: an event is mapped only for the DeviceID of the device it was made for.
 */
#ifndef ARCH_ARM64_ITS_H
#define ARCH_ARM64_ITS_H

#include "arch/arm64/gic.h"
#include "arch/arm64/vgic.h"

/*
 * Boot CPU, after gic_init(): tables, command queue, LPI configuration and pending tables for `cpus` CPUs, collections; installs
 * the message operations. `dt` and `frame` have to last. 0; -ENODEV: the machine has none (messages stay off, with a warning); -EOPNOTSUPP,
 * -ENOMEM, -ETIMEDOUT after one log_error.
 */
int MUST_CHECK its_init(const struct dt_machine *dt, unsigned int cpus, const struct vgic_frame *frame);
/* Each CPU, after gic_start_cpu(): LPIs on at its redistributor, its collection mapped. */
int MUST_CHECK its_start_cpu(void);
/* The page of GITS_TRANSLATER, for iommu_set_doorbell(); 0: none. */
paddr_t its_doorbell(const struct dt_machine *dt);
/* An LPI was taken: the SPI of the guest rises. Exit path. */
void its_interrupt(u32 lpi);
/* The guest has routed an SPI of the frame to another CPU: its events move there (MOVI), not waited for. Exit path. */
void its_route(u32 spi, unsigned int cpu);
/* For the oracle and the monitor: events in use, and how many there can be. */
void its_usage(unsigned int *used, unsigned int *events);

#endif
