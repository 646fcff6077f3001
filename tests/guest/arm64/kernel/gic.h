/* SPDX-License-Identifier: BSD-2-Clause */
/* The GICv3 as EL1 with one security state has it (IHI 0069H, chapter 12). */
#ifndef TESTS_KERNEL_GIC_H
#define TESTS_KERNEL_GIC_H

#include "kernel.h"

#define GICD_CTLR 0x0000
#define CTLR_GROUP1 (1u << 1)
#define CTLR_ARE (1u << 4)
#define CTLR_RWP (1u << 31)
#define GICD_TYPER 0x0004
#define GICD_IIDR 0x0008
#define IGROUPR 0x0080
#define ISENABLER 0x0100
#define ICENABLER 0x0180
#define ISPENDR 0x0200
#define ICPENDR 0x0280
#define ISACTIVER 0x0300
#define ICACTIVER 0x0380
#define IPRIORITYR 0x0400
#define ICFGR 0x0c00
#define GICD_IROUTER 0x6000
#define GICR_TYPER 0x0008
#define GICR_WAKER 0x0014
#define GICR_STRIDE 0x20000
#define GICR_SGI_BASE 0x10000
#define WAKER_PROCESSOR_SLEEP (1u << 1)
#define WAKER_CHILDREN_ASLEEP (1u << 2)

#define ICC_PMR "S3_0_C4_C6_0"
#define ICC_IAR1 "S3_0_C12_C12_0"
#define ICC_EOIR1 "S3_0_C12_C12_1"
#define ICC_HPPIR1 "S3_0_C12_C12_2"
#define ICC_BPR1 "S3_0_C12_C12_3"
#define ICC_CTLR "S3_0_C12_C12_4"
#define ICC_SRE "S3_0_C12_C12_5"
#define ICC_IGRPEN1 "S3_0_C12_C12_7"
#define ICC_DIR "S3_0_C12_C11_1"
#define ICC_RPR "S3_0_C12_C11_3"
#define ICC_SGI1R "S3_0_C12_C11_5"
#define SPURIOUS 1023u
#define IDLE_PRIORITY 0xffu

/* INTIDs that no device of QEMU's virt has. */
#define FREE_FIRST 150u
#define FREE_COUNT 64u

u64 gicr_of(unsigned int cpu); /* RD_base */
/* Registers with a bit for each INTID; private ones of this CPU. */
void gic_set(unsigned int offset, u32 intid);
bool gic_get(unsigned int offset, u32 intid);
void gic_priority(u32 intid, u8 priority);
u32 gic_take(void); /* acknowledges; SPURIOUS: nothing */
/* Acknowledges as soon as there is something; SPURIOUS after a long while. */
u32 gic_wait(void);
void gic_end(u32 intid);
/* An SPI as most tests want it: edge, enabled, to this CPU. */
void gic_prepare(u32 intid, u8 priority);

#endif
