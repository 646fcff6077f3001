/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The physical CPU interface, by system registers (IHI 0069H, 12.2). gic.c's gic_start_cpu() calls gic_cpu_on().
 */
#include "arch/arm64/gic.h"

#include "arch/arm64/cpus.h"
#include "arch/arm64/sysregs.h"
#include "core/counters.h"

#define ICC_PMR_EL1 "S3_0_C4_C6_0"
#define ICC_BPR1_EL1 "S3_0_C12_C12_3"
#define ICC_DIR_EL1 "S3_0_C12_C11_1"
#define ICC_SGI1R_EL1 "S3_0_C12_C11_5"
#define ICC_IAR1_EL1 "S3_0_C12_C12_0"
#define ICC_EOIR1_EL1 "S3_0_C12_C12_1"
#define ICC_CTLR_EL1 "S3_0_C12_C12_4"
#define ICC_SRE_EL1 "S3_0_C12_C12_5"
#define ICC_IGRPEN1_EL1 "S3_0_C12_C12_7"
#define ICC_SRE_EL2 "S3_4_C12_C9_5"

/* 12.2.26 ICC_SRE_EL2 */
#define SRE_SRE BIT(0)
#define SRE_DFB BIT(1)
#define SRE_DIB BIT(2)
#define PMR_ALL 0xffu
/* 12.2.6 ICC_CTLR_EL1.PRIbits: with 5 bits of priority there is one ICC_AP1R<n>_EL1, with 6 two, 7 four */
#define CTLR_PRIBITS(v) (((unsigned int)((v) >> 8) & 7) + 1)
#define CTLR_EOIMODE BIT(1)
#define IGRPEN_ENABLE BIT(0)

/* 12.2.22 ICC_SGI1R_EL1 */
#define SGI_AFF3_SHIFT 48
#define SGI_RS_SHIFT 44
#define SGI_AFF2_SHIFT 32
#define SGI_INTID_SHIFT 24
#define SGI_AFF1_SHIFT 16

/* Firmware may have been left amid an interrupt; then none of its priority or below would come again. */
static void clear_active_priorities(void)
{
	const unsigned int bits = CTLR_PRIBITS(sysreg_read(ICC_CTLR_EL1));

	sysreg_write("S3_0_C12_C9_0", 0);
	if (bits >= 6)
		sysreg_write("S3_0_C12_C9_1", 0);
	if (bits >= 7) {
		sysreg_write("S3_0_C12_C9_2", 0);
		sysreg_write("S3_0_C12_C9_3", 0);
	}
	isb();
}

bool gic_cpu_on(void)
{
	/* Enable (bit 3) at 0: EL1's own SRE is not the guest's to change; hardware may have it fixed at 1. */
	sysreg_write(ICC_SRE_EL2, SRE_SRE | SRE_DFB | SRE_DIB);
	isb();
	if (!(sysreg_read(ICC_SRE_EL2) & SRE_SRE))
		return false;
	sysreg_write(ICC_SRE_EL1, SRE_SRE | SRE_DFB | SRE_DIB);
	isb();
	clear_active_priorities();
	sysreg_write(ICC_CTLR_EL1, CTLR_EOIMODE);
	sysreg_write(ICC_BPR1_EL1, 0);
	sysreg_write(ICC_PMR_EL1, PMR_ALL);
	sysreg_write(ICC_IGRPEN1_EL1, IGRPEN_ENABLE);
	isb();
	/* Writes are ignored while Secure software masks all that is not its own: nothing would ever come. */
	return sysreg_read(ICC_PMR_EL1) != 0;
}

u32 gic_ack(void)
{
	u32 intid = (u32)sysreg_read(ICC_IAR1_EL1) & 0xffffff;

	dsb_sy(); /* the device's memory is seen as it was when it raised the interrupt */
	return intid;
}

void gic_drop(u32 intid)
{
	sysreg_write(ICC_EOIR1_EL1, intid);
	isb();
}

void gic_deactivate(u32 intid)
{
	sysreg_write(ICC_DIR_EL1, intid);
	isb();
}

void gic_send_sgi(unsigned int cpu, unsigned int sgi)
{
	const u64 mpidr = arm64_cpus.mpidr[cpu];
	const u64 aff0 = mpidr & 0xff, aff1 = mpidr >> 8 & 0xff, aff2 = mpidr >> 16 & 0xff, aff3 = mpidr >> 32 & 0xff;

	dsb_ish();
	sysreg_write(ICC_SGI1R_EL1, aff3 << SGI_AFF3_SHIFT | aff0 >> 4 << SGI_RS_SHIFT | aff2 << SGI_AFF2_SHIFT |
					    (u64)sgi << SGI_INTID_SHIFT | aff1 << SGI_AFF1_SHIFT | 1ull << (aff0 & 0xf));
	isb();
}

void arch_cpu_kick(unsigned int cpu)
{
	count_event(COUNT_KICK);
	gic_send_sgi(cpu, GIC_SGI_KICK);
}
