/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's GICv3 (IHI 0069H), which is Fairlead's alone: the guest sees the emulated one of vgic.h.
 * Every interrupt comes to EL2 (HCR_EL2.IMO); EOIR drops its priority only (ICC_CTLR_EL1.EOImode = 1), and it
 * is deactivated by the guest, through the hardware link of a list register, or by gic_deactivate().
 *
 * gic.c: distributor and redistributors, by MMIO (host-tested). gic_cpu.c: the CPU interface, by system
 * registers.
 */
#ifndef ARCH_ARM64_GIC_H
#define ARCH_ARM64_GIC_H

#include "boot/arm64/dt.h"
#include "core/types.h"

#define GIC_SGIS	  16
#define GIC_PPI_FIRST	  16
#define GIC_SPI_FIRST	  32
#define GIC_SPECIAL_FIRST 1020
#define GIC_SPURIOUS	  1023
#define GIC_LPI_FIRST	  8192

/* Fairlead's SGI: a kick. It has no other meaning: who gets one looks at everything. */
#define GIC_SGI_KICK 0

/* Physical priorities (5 bits are everywhere): Fairlead's own interrupts come before the guest's. */
#define GIC_PRIORITY_OURS  0x40
#define GIC_PRIORITY_GUEST 0x80

/*
 * Before anything else, in the firmware's mapping too: how many SPIs the distributor at that address has;
 * -ENODEV: it is no GICv3.
 */
int MUST_CHECK gic_peek_spis(paddr_t gicd);
/*
 * Boot CPU, after arm64_cpus is filled: finds each CPU's redistributor (GICR_TYPER's affinity), switches the
 * distributor on with everything disabled, edge or level as reset left it, group 1, all at
 * GIC_PRIORITY_GUEST. 0; -EOPNOTSUPP, -ENODEV after one log_error.
 */
int MUST_CHECK gic_init(const struct dt_machine *dt);
/*
 * Each CPU: wakes its redistributor, private interrupts disabled, CPU interface on (SRE, PMR, EOImode, group
 * 1). 0; -ETIMEDOUT, -ENODEV.
 */
int MUST_CHECK gic_start_cpu(void);
/* How many SPIs the distributor has: INTIDs 32 .. 32 + n - 1. */
unsigned int gic_spis(void);

/* Private interrupts (< 32): this CPU's, or with `cpu` another's. Takes the leaf lock. Exit path. */
void gic_enable(unsigned int cpu, u32 intid, bool on);
void gic_set_edge(unsigned int cpu, u32 intid, bool edge);
bool gic_is_edge(unsigned int cpu, u32 intid); /* hardware may have it fixed */
void gic_set_priority(unsigned int cpu, u32 intid, u8 priority);
/* SPIs only: to that CPU. */
void gic_route(u32 intid, unsigned int cpu);
bool gic_pending(unsigned int cpu, u32 intid); /* GICD_ISPENDR / GICR_ISPENDR0 */
void gic_set_pending(unsigned int cpu, u32 intid, bool on);
void gic_set_active(unsigned int cpu, u32 intid, bool on);
/* The redistributor's first page (RD_base) of a CPU, for the ITS and LPIs. */
volatile void *gic_redistributor(unsigned int cpu);
/* What GITS commands call it: GICR_TYPER.Processor_Number, and the page's address. */
u32 gic_processor_number(unsigned int cpu);

/* ---- gic_cpu.c; this CPU ---- */
/*
 * System registers instead of MMIO, EOImode 1, every priority, group 1, nothing under way. False: the CPU
 * interface has no system registers, or Secure software masks all that is not its own.
 */
bool MUST_CHECK gic_cpu_on(void);
u32 gic_ack(void);		/* ICC_IAR1_EL1 */
void gic_drop(u32 intid);	/* ICC_EOIR1_EL1: priority drop */
void gic_deactivate(u32 intid); /* ICC_DIR_EL1 */
/* After a barrier: what was written before is seen by who takes it. */
void gic_send_sgi(unsigned int cpu, unsigned int sgi);

/*
 * Who takes an interrupt of Fairlead's own: timer, maintenance, SMMU, UART. Called on the exit path after
 * gic_drop(), and deactivated after it returns. Boot: -EEXIST, -ENOSPC. gic.c
 */
typedef void (*gic_handler)(u32 intid);
#define GIC_CLAIMS_MAX 15
int MUST_CHECK gic_claim(u32 intid, gic_handler fn, const char *name);
/* NULL: it is the guest's. */
gic_handler gic_claimed(u32 intid);

#endif
