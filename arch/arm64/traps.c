/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The EL2 control registers of a guest CPU (traps.h). It guards that what features.c does not show is
 * undefined for the guest, that memory, firmware and errors are reached only through Fairlead, and that all
 * else does not exit.
 *
 * Not trapped on purpose: WFI, WFE, TLB and cache maintenance (also by set and way: SWIO), vector registers
 * and SVE, timers, the PMU, breakpoints and watchpoints (debug exceptions go to EL1, so at EL2 they are off:
 * chapter D2), pointer authentication keys, CTR_EL0 and the cache's ID registers, EL1's translation
 * registers.
 */
#include "arch/arm64/traps.h"

static unsigned int pfr0(const struct id_registers *id, unsigned int shift)
{
	return id_field(id, ID_AA64PFR0, shift);
}

bool cpu_has_mpam(const struct id_registers *id)
{
	return pfr0(id, 40) || id_field(id, ID_AA64PFR1, 16); /* MPAM, MPAM_frac */
}

bool cpu_has_sve(const struct id_registers *id)
{
	return pfr0(id, 32) != 0;
}

/* One that is not Arm's (15) is none. */
bool cpu_has_pmu(const struct id_registers *id)
{
	unsigned int version = id_field(id, ID_AA64DFR0, 8);

	return version && version != 0xf;
}

static bool has_pauth(const struct id_registers *id)
{
	return (id->value[ID_AA64ISAR1] & (GENMASK64(11, 4) | GENMASK64(31, 24))) || /* APA, API, GPA, GPI */
	       (id->value[ID_AA64ISAR2] & GENMASK64(15, 8));			     /* GPA3, APA3 */
}

static u64 hcr_value(const struct id_registers *id, bool vhe)
{
	u64 hcr = HCR_EL2_VM | HCR_EL2_SWIO | HCR_EL2_FMO | HCR_EL2_IMO | HCR_EL2_AMO | HCR_EL2_TID1 |
		  HCR_EL2_TID3 | HCR_EL2_TSC | HCR_EL2_TIDCP | HCR_EL2_TACR | HCR_EL2_RW;

	if (vhe)
		hcr |= HCR_EL2_E2H;
	if (id_field(id, ID_AA64MMFR1, 16)) /* LO */
		hcr |= HCR_EL2_TLOR;
	if (pfr0(id, 28)) /* RAS */
		hcr |= HCR_EL2_TERR | HCR_EL2_TEA;
	if (has_pauth(id))
		hcr |= HCR_EL2_APK | HCR_EL2_API;
	if (id_field(id, ID_AA64PFR1, 8) >= 2) /* MTE2; ATA at 0 traps the tags */
		hcr |= HCR_EL2_TID5;
	return hcr;
}

static u64 hcrx_value(const struct id_registers *id)
{
	u64 hcrx = 0;

	if (id_field(id, ID_AA64ISAR2, 16)) /* MOPS; MCE2 at 0: its exceptions are EL1's */
		hcrx |= HCRX_EL2_MSCEN;
	if (id_field(id, ID_AA64PFR1, 36)) /* NMI */
		hcrx |= HCRX_EL2_TALLINT;
	return hcrx;
}

static u64 cptr_value(const struct id_registers *id, bool vhe)
{
	bool trace = id_field(id, ID_AA64DFR0, 4), sve = cpu_has_sve(id);
	u64 cptr = pfr0(id, 44) ? CPTR_EL2_TAM : 0; /* AMU */

	if (vhe) /* SMEN at 0 traps SME */
		return cptr | CPTR_VHE_FPEN | (sve ? CPTR_VHE_ZEN : 0) | (trace ? CPTR_VHE_TTA : 0);
	return cptr | CPTR_EL2_RES1 | CPTR_EL2_TSM | (sve ? 0 : CPTR_EL2_TZ) | (trace ? CPTR_EL2_TTA : 0);
}

static u64 pmu_bits(const struct id_registers *id, unsigned int event_counters)
{
	unsigned int version = id_field(id, ID_AA64DFR0, 8);
	u64 mdcr = event_counters & MDCR_EL2_HPMN_MAX;

	if (!cpu_has_pmu(id))
		return version ? MDCR_EL2_TPM | MDCR_EL2_TPMCR : 0;
	if (version >= 4) /* PMUv3p1 */
		mdcr |= MDCR_EL2_HPMD;
	if (version >= 6) /* PMUv3p5 */
		mdcr |= MDCR_EL2_HCCD;
	return mdcr;
}

static u64 mdcr_value(const struct id_registers *id, unsigned int event_counters)
{
	/*
	 * With the OS lock the guest could enable halting debug (MDSCR_EL1.HDE), which stops the CPU,
	 * Fairlead included, where an external debugger is let in: so the lock is Fairlead's, and open.
	 */
	u64 mdcr = MDCR_EL2_TDOSA | MDCR_EL2_TDRA | pmu_bits(id, event_counters);

	if (id_field(id, ID_AA64DFR0, 32)) /* PMSVer */
		mdcr |= MDCR_EL2_TPMS;
	if (id_field(id, ID_AA64DFR0, 40)) /* TraceFilt */
		mdcr |= MDCR_EL2_TTRF;
	return mdcr;
}

void traps_compute(const struct id_registers *id, bool vhe, unsigned int event_counters, u64 mpamidr,
		   struct el2_controls *out)
{
	bool mpamhcr = cpu_has_mpam(id) && (mpamidr & MPAMIDR_EL1_HAS_HCR);

	*out = (struct el2_controls){
		.hcr = hcr_value(id, vhe),
		.cptr = cptr_value(id, vhe),
		.mdcr = mdcr_value(id, event_counters),
		.hcrx = hcrx_value(id),
		/*
		 * Where there is no MPAMHCR_EL2, the MPAMIDR_EL1 of version 1.1 traps by TIDR, that of 1.0 is
		 * only read.
		 */
		.mpam2 = MPAM2_EL2_TRAPMPAM0EL1 | MPAM2_EL2_TRAPMPAM1EL1 | (mpamhcr ? 0 : MPAM2_EL2_TIDR),
		.mpamhcr = MPAMHCR_EL2_TRAP_MPAMIDR,
		.has_hcrx = id_field(id, ID_AA64MMFR1, 40),
		.has_mpam = cpu_has_mpam(id),
		.has_mpamhcr = mpamhcr,
		.has_sve = cpu_has_sve(id),
		.has_fgt = id_field(id, ID_AA64MMFR0, 56),
		.has_fgt2 = id_field(id, ID_AA64MMFR0, 56) >= 2,
		.has_spe = id_field(id, ID_AA64DFR0, 32),
		.has_trbe = id_field(id, ID_AA64DFR0, 44),
		.has_ras = pfr0(id, 28),
	};
}
