/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One way to read and to write a system register, and the fields of those that Fairlead programs at EL2 (Arm ARM DDI 0487J, D19).
 * Registers that the assembler does not know at Armv8.0 stand by their encoding. Machine only.
 */
#ifndef ARCH_ARM64_SYSREGS_H
#define ARCH_ARM64_SYSREGS_H

#include "core/types.h"

#define sysreg_read(name)                                              \
	({                                                             \
		u64 value_;                                            \
		__asm__ volatile("mrs %0, " name : "=r"(value_));      \
		value_;                                                \
	})
#define sysreg_write(name, value) __asm__ volatile("msr " name ", %x0" : : "rZ"((u64)(value)) : "memory")

static inline void isb(void)
{
	__asm__ volatile("isb" : : : "memory");
}

/* All CPUs of the machine; completion, not only order. */
static inline void dsb_ish(void)
{
	__asm__ volatile("dsb ish" : : : "memory");
}

static inline void dsb_sy(void)
{
	__asm__ volatile("dsb sy" : : : "memory");
}

/* D19.2.64 ID_AA64MMFR0_EL1 */
#define MMFR0_PARANGE(r) ((unsigned int)(r) & 0xf)
#define MMFR0_TGRAN4(r) ((unsigned int)((r) >> 28) & 0xf)   /* 0: 4 KiB granule; 1: with 52 bits; 15: none */
#define MMFR0_TGRAN4_2(r) ((unsigned int)((r) >> 40) & 0xf) /* of stage 2: 0: as TGRAN4; 1: none; 2: yes; 3: with 52 bits */
#define TGRAN4_52_BITS 1u
#define TGRAN4_NONE 0xfu
#define TGRAN4_2_AS_STAGE1 0u
#define TGRAN4_2_NONE 1u
#define TGRAN4_2_52_BITS 3u
/* D19.2.65 ID_AA64MMFR1_EL1 */
#define MMFR1_VH(r) ((unsigned int)((r) >> 8) & 0xf)
#define MMFR1_PAN(r) ((unsigned int)((r) >> 20) & 0xf)
/* D19.2.69 ID_AA64PFR0_EL1, D19.2.70 ID_AA64PFR1_EL1 */
#define PFR0_GIC(r) ((unsigned int)((r) >> 24) & 0xf)
#define PFR1_BT(r) ((unsigned int)(r) & 0xf)

/* D19.2.48 HCR_EL2: those of Fairlead's own regime; the guest's stand in sysreg.c */
#define HCR_RW BIT(31)
#define HCR_E2H BIT(34)

/* D19.2.120 SCTLR_EL2 */
#define SCTLR_M BIT(0)
#define SCTLR_C BIT(2)
#define SCTLR_SA BIT(3)
#define SCTLR_I BIT(12)
#define SCTLR_WXN BIT(19)
#define SCTLR_BT BIT(36)
#define SCTLR_EL2_RES1 (BIT(4) | BIT(5) | BIT(11) | BIT(16) | BIT(18) | BIT(22) | BIT(23) | BIT(28) | BIT(29))
/* With E2H, bits 29, 28, 22, 20, 11 are LSMAOE, nTLSMD, EIS, TSCXT, EOS: what an Armv8.0 CPU does without them. */
#define SCTLR_EL2_VHE_ONES (BIT(11) | BIT(20) | BIT(22) | BIT(28) | BIT(29))

/* D19.2.136 TCR_EL2, and with E2H the layout of TCR_EL1 */
#define TCR_T0SZ(bits) (64u - (bits))
#define TCR_IRGN0_WB (1ull << 8)
#define TCR_ORGN0_WB (1ull << 10)
#define TCR_SH0_INNER (3ull << 12)
#define TCR_EL2_PS_SHIFT 16
#define TCR_EL2_RES1 (BIT(23) | BIT(31))
#define TCR_VHE_EPD1 BIT(23) /* no walks for the upper half */
#define TCR_VHE_TG1_4K (2ull << 30)
#define TCR_VHE_IPS_SHIFT 32

/*
 * D19.2.107 MAIR_EL2: the two types that core/pagetable's formats name. A write of configuration space is done when the device has
 * answered (PCIe base spec 6.0, 2.1.1: not posted); with early acknowledgement no barrier would wait for that.
 */
#define MAIR_VALUE 0x00ffull /* 0: normal, write-back; 1: device nGnRnE */

/* D19.2.157 VTCR_EL2 */
#define VTCR_T0SZ(bits) (64u - (bits))
#define VTCR_SL0_SHIFT 6
#define VTCR_IRGN0_WB (1ull << 8)
#define VTCR_ORGN0_WB (1ull << 10)
#define VTCR_SH0_INNER (3ull << 12)
#define VTCR_PS_SHIFT 16
#define VTCR_RES1 BIT(31)
#define VTCR_DS BIT(32)
/* D19.2.158 VTTBR_EL2 */
#define VTTBR_VMID_SHIFT 48
#define GUEST_VMID 1ull

/* Widths of physical addresses by PARange and PS (D19.2.64); 0: reserved. */
unsigned int pa_bits_of(unsigned int parange);

#endif
