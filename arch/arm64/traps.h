/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest's CPU traps to EL2: the values of the EL2 control registers, as a function of what the CPU
 * has (traps.c, host-tested), and what answers need of the CPU (sysreg_cpu.c). Fields: Arm ARM DDI 0487J,
 * D19.2; of later extensions issue L.
 *
 * Not here: VTCR_EL2, VTTBR_EL2 (paging.c); CNTHCTL_EL2, CNTVOFF_EL2 (timer.c: neither counter nor timer is
 * trapped); ICH_* (vgic).
 */
#ifndef ARCH_ARM64_TRAPS_H
#define ARCH_ARM64_TRAPS_H

#include "arch/arm64/features.h"

/* D19.2.48 HCR_EL2 */
#define HCR_EL2_VM BIT(0)    /* stage 2 */
#define HCR_EL2_SWIO BIT(1)  /* DC ISW cleans as well: an invalidation alone could lose what Fairlead wrote */
#define HCR_EL2_FMO BIT(3)   /* physical interrupts and SErrors come here, the guest's are virtual */
#define HCR_EL2_IMO BIT(4)
#define HCR_EL2_AMO BIT(5)
#define HCR_EL2_TID1 BIT(16) /* REVIDR_EL1, AIDR_EL1, SMIDR_EL1 */
#define HCR_EL2_TID3 BIT(18) /* features.h */
#define HCR_EL2_TSC BIT(19)  /* SMC */
#define HCR_EL2_TIDCP BIT(20) /* what is implementation defined */
#define HCR_EL2_TACR BIT(21) /* ACTLR_EL1 */
#define HCR_EL2_RW BIT(31)   /* EL1 is AArch64 */
#define HCR_EL2_E2H BIT(34)
#define HCR_EL2_TLOR BIT(35) /* FEAT_LOR */
#define HCR_EL2_TERR BIT(36) /* FEAT_RAS: ERR* */
#define HCR_EL2_TEA BIT(37)  /* FEAT_RAS: synchronous external aborts come here */
#define HCR_EL2_APK BIT(40)  /* FEAT_PAuth: not trapped */
#define HCR_EL2_API BIT(41)
#define HCR_EL2_TID5 BIT(58) /* FEAT_MTE2: GMID_EL1 */

/* D19.2.50 HCRX_EL2. All others at 0 trap, or keep off, what is hidden. */
#define HCRX_EL2_TALLINT BIT(6) /* FEAT_NMI: ALLINT */
#define HCRX_EL2_MSCEN BIT(11)	/* FEAT_MOPS: not undefined */

/* D19.2.31 CPTR_EL2, E2H = 0: 1 traps */
#define CPTR_EL2_RES1 (GENMASK64(13, 13) | GENMASK64(9, 9) | GENMASK64(7, 0))
#define CPTR_EL2_TZ BIT(8)   /* SVE; RES1 without */
#define CPTR_EL2_TSM BIT(12) /* SME; RES1 without */
#define CPTR_EL2_TTA BIT(20) /* trace registers */
/* E2H = 1 */
#define CPTR_VHE_ZEN GENMASK64(17, 16) /* SVE not trapped */
#define CPTR_VHE_FPEN GENMASK64(21, 20) /* vector registers not trapped */
#define CPTR_VHE_TTA BIT(28)
/* both */
#define CPTR_EL2_TAM BIT(30) /* FEAT_AMU */

/*
 * D19.3.18 MDCR_EL2. E2PB and E2TB at 0: the buffers of SPE and TRBE are not the guest's, their registers
 * trap.
 */
#define MDCR_EL2_HPMN_MAX 0x1fu /* event counters that are the guest's */
#define MDCR_EL2_TPMCR BIT(5)	/* PMCR_EL0, */
#define MDCR_EL2_TPM BIT(6)	/* and the rest of the PMU */
#define MDCR_EL2_TDOSA BIT(10)	/* OS lock, double lock, power request */
#define MDCR_EL2_TDRA BIT(11)	/* MDRAR_EL1 */
#define MDCR_EL2_TPMS BIT(14)	/* SPE */
#define MDCR_EL2_HPMD BIT(17)	/* the guest's counters stand still in Fairlead: events, */
#define MDCR_EL2_TTRF BIT(19)	/* TRFCR_EL1 */
#define MDCR_EL2_HCCD BIT(23)	/* and cycles */

/* MPAM architecture (DDI 0598), MPAM2_EL2, MPAMHCR_EL2, MPAMIDR_EL1 */
#define MPAM2_EL2_TRAPMPAM1EL1 BIT(48)
#define MPAM2_EL2_TRAPMPAM0EL1 BIT(49)
#define MPAM2_EL2_TIDR BIT(58)
#define MPAMHCR_EL2_TRAP_MPAMIDR BIT(31)
#define MPAMIDR_EL1_HAS_HCR BIT(17)

/* Vector length: what the CPU has at most (D19.2.163 ZCR_EL2.LEN) */
#define ZCR_EL2_LEN_MAX 0xfu

/* Has the CPU a feature of which only traps.c and sysreg_cpu.c speak? Pure. */
bool cpu_has_mpam(const struct id_registers *id);
bool cpu_has_sve(const struct id_registers *id);
bool cpu_has_pmu(const struct id_registers *id);

struct el2_controls {
	u64 hcr, cptr, mdcr;
	u64 hcrx;		/* written if the CPU has_hcrx; and so on */
	u64 mpam2, mpamhcr;
	bool has_hcrx, has_mpam, has_mpamhcr, has_sve;
	bool has_fgt, has_fgt2; /* fine-grained traps: all 0, which traps what is new, and that alone */
	bool has_spe, has_trbe; /* buffers to be switched off */
	bool has_ras;		/* a deferred error of before us is not the guest's */
};

/* `event_counters`: PMCR_EL0.N, if the CPU has a PMU; `mpamidr`: MPAMIDR_EL1, if it has MPAM. Pure. */
void traps_compute(const struct id_registers *id, bool vhe, unsigned int event_counters, u64 mpamidr,
		   struct el2_controls *out);

/* ---- sysreg_cpu.c: this CPU's ---- */

/* REVIDR_EL1, AIDR_EL1: what the CPU is, which the guest may know. Exit path. */
u64 cpu_revidr(void);
u64 cpu_aidr(void);

#endif
