/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The GICv3's registers in memory and of its virtual CPU interface (IHI 0069H): offsets and fields, as the
 * hardware has them and as the guest's emulated one shows them.
 */
#ifndef ARCH_ARM64_GIC_REGS_H
#define ARCH_ARM64_GIC_REGS_H

#include "core/types.h"

#define GIC_FRAME_BYTES 0x10000u /* 12.8, 12.10: each frame of registers */

/* ---- the distributor: 12.8 (map), 12.9 ---- */
#define GICD_CTLR  0x0000u
#define GICD_TYPER 0x0004u
#define GICD_IIDR  0x0008u
/*
 * One bit an INTID, 32 in a register; the redistributor's second frame has the first one of each, for INTIDs
 * 0 .. 31.
 */
#define GICD_IGROUPR	      0x0080u
#define GICD_ISENABLER	      0x0100u
#define GICD_ICENABLER	      0x0180u
#define GICD_ISPENDR	      0x0200u
#define GICD_ICPENDR	      0x0280u
#define GICD_ISACTIVER	      0x0300u
#define GICD_ICACTIVER	      0x0380u
#define GICD_BITS_BYTES	      0x80u
#define GICD_IPRIORITYR	      0x0400u /* a byte an INTID */
#define GICD_IPRIORITYR_BYTES 0x400u
#define GICD_ICFGR	      0x0c00u /* two bits an INTID */
#define GICD_ICFGR_BYTES      0x100u
#define GICD_ICFGR_EDGE	      2u
#define GICD_IROUTER	      0x6000u /* 64 bits an INTID, from INTID 32 on */
#define GICD_IROUTER_FIRST    0x6100u
#define GICD_IROUTER_END      0x7fe0u
#define GIC_PIDR2	      0xffe8u /* of each frame: identification registers, 12.9, 12.11 */
#define GIC_PIDR2_ARCHREV(v)  ((v) >> 4 & 0xf)
#define GIC_ARCHREV_V3	      3u
#define GIC_ARCHREV_V4	      4u

/*
 * 12.9.4 GICD_CTLR. With a single security state, and without bits 0 and 6 in the view of Non-secure software
 * where there are two.
 */
#define GICD_CTLR_GRP0 BIT32(0)
#define GICD_CTLR_GRP1 BIT32(1) /* EnableGrp1; EnableGrp1A in the Non-secure view */
#define GICD_CTLR_ARE  BIT32(4) /* ARE; ARE_NS */
#define GICD_CTLR_DS   BIT32(6)
#define GICD_CTLR_RWP  BIT32(31)

/* 12.9.38 GICD_TYPER */
#define GICD_TYPER_LINES(v)	((v)&0x1f) /* INTIDs up to 32 * (that + 1) - 1 */
#define GICD_TYPER_IDBITS_SHIFT 19
#define GICD_TYPER_A3V		BIT32(24)
#define GICD_TYPER_NO1N		BIT32(25)
#define GICD_TYPER_RSS		BIT32(26)

/* ---- the redistributor: 12.10 (map), 12.11; RD_base's frame, then SGI_base's, with VLPIS two more ---- */
#define GICR_CTLR	 0x0000u
#define GICR_IIDR	 0x0004u
#define GICR_TYPER	 0x0008u
#define GICR_WAKER	 0x0014u
#define GICR_SGI_FRAME	 GIC_FRAME_BYTES
#define GICR_BYTES	 (2 * GIC_FRAME_BYTES)
#define GICR_BYTES_VLPIS (4 * GIC_FRAME_BYTES)

/* 12.11.2 GICR_CTLR, 12.11.36 GICR_WAKER */
#define GICR_CTLR_RWP	  BIT32(3)
#define GICR_WAKER_SLEEP  BIT32(1)
#define GICR_WAKER_ASLEEP BIT32(2)

/* 12.11.35 GICR_TYPER */
#define GICR_TYPER_VLPIS	BIT(1)
#define GICR_TYPER_LAST		BIT(4)
#define GICR_TYPER_NUMBER_SHIFT 8
#define GICR_TYPER_NUMBER(v)	((u32)((v) >> GICR_TYPER_NUMBER_SHIFT) & 0xffff)
#define GICR_TYPER_AFFINITY(v)	((u32)((v) >> 32))

/* MPIDR_EL1's affinities as GICR_TYPER packs them, Aff3.Aff2.Aff1.Aff0. */
static inline u32 gic_packed_affinity(u64 mpidr)
{
	return (u32)(mpidr >> 32 & 0xff) << 24 | ((u32)mpidr & 0xffffff);
}

/* ---- a GICv2m frame: Server Base System Architecture (DEN 0029), appendix on GICv2m ---- */
#define V2M_TYPER	     0x008u
#define V2M_SETSPI_NS	     0x040u
#define V2M_IIDR	     0xfccu
#define V2M_PIDR2	     0xfe8u
#define V2M_TYPER_BASE_SHIFT 16 /* 10 bits each */
#define V2M_INTID_MASK	     0x3ffu

/* ---- the virtual CPU interface's control: 12.4 ---- */

/* ICH_VTR_EL2 */
#define ICH_VTR_LISTREGS(v) (((unsigned int)(v)&0x1f) + 1)
#define ICH_VTR_TDS	    BIT(19) /* ICH_HCR_EL2.TDIR is there */
#define ICH_LRS_MAX	    16u

/* ICH_HCR_EL2 */
#define ICH_HCR_EN	    BIT(0)
#define ICH_HCR_LRENPIE	    BIT(2)  /* maintenance interrupt while EOIcount is not 0, */
#define ICH_HCR_NPIE	    BIT(3)  /* while no list register is pending, */
#define ICH_HCR_GRP0EIE	    BIT(4)  /* while the guest has group 0 on, */
#define ICH_HCR_GRP1EIE	    BIT(6)  /* and group 1 */
#define ICH_HCR_TDIR	    BIT(14) /* the guest's writes of ICC_DIR_EL1 trap */
#define ICH_HCR_EOICOUNT(v) ((unsigned int)((v) >> 27) & 0x1f)

/* ICH_VMCR_EL2: what the guest has written to its ICC_ registers */
#define ICH_VMCR_ENG0 BIT(0)
#define ICH_VMCR_ENG1 BIT(1)
#define ICH_VMCR_EOIM BIT(9) /* ICC_CTLR_EL1.EOImode */

/* ICH_LR<n>_EL2 */
#define ICH_LR_PENDING	      BIT(62) /* State: both may be set, but not with HW */
#define ICH_LR_ACTIVE	      BIT(63)
#define ICH_LR_STATE	      (ICH_LR_PENDING | ICH_LR_ACTIVE)
#define ICH_LR_HW	      BIT(61)
#define ICH_LR_GROUP1	      BIT(60)
#define ICH_LR_PRIORITY_SHIFT 48
#define ICH_LR_PRIORITY(v)    ((u8)((v) >> ICH_LR_PRIORITY_SHIFT))
#define ICH_LR_PINTID_SHIFT   32      /* with HW; */
#define ICH_LR_EOI	      BIT(41) /* without: maintenance interrupt at deactivation */

#endif
