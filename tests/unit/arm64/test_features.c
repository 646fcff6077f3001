/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest's ID registers show, and that it is true: what is shown works without Fairlead, what is
 * hidden is undefined when used, by the control that the Arm ARM (DDI 0487, issues J and L) gives EL2 for it.
 * Encodings, fields and controls stand here as the Arm ARM has them, not as the headers do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/arm64/traps.h"
#include "core/log.h"

/* CRm and op2 of op0 = 3, op1 = 0, CRn = 0 */
#define R(crm, op2) (((crm) - 1) * 8 + (op2))
#define PFR0 R(4, 0)
#define PFR1 R(4, 1)
#define PFR2 R(4, 2)
#define ZFR0 R(4, 4)
#define SMFR0 R(4, 5)
#define DFR0 R(5, 0)
#define DFR1 R(5, 1)
#define AFR0 R(5, 4)
#define ISAR0 R(6, 0)
#define ISAR1 R(6, 1)
#define ISAR2 R(6, 2)
#define ISAR3 R(6, 3)
#define MMFR0 R(7, 0)
#define MMFR1 R(7, 1)
#define MMFR2 R(7, 2)
#define MMFR3 R(7, 3)
#define MMFR4 R(7, 4)

static unsigned int log_lines;

static void count_line(enum log_level level, const char *line, size_t len)
{
	log_lines++;
}

static int setup(void **state)
{
	log_set_sink(count_line);
	log_lines = 0;
	return 0;
}

static u64 shown(const struct id_registers *cpu, unsigned int reg)
{
	static struct id_registers guest;

	features_filter(cpu, &guest);
	return guest.value[reg];
}

/* ---- real CPUs ----------------------------------------------------------------------------------------- */

/* Arm Cortex-A72 TRM (100095), 4.2: values of its ID registers; PFR0 with the GIC's system registers on. */
static const struct id_registers cortex_a72 = { .value = {
	[R(1, 0)] = 0x00000131, [R(1, 1)] = 0x10011011, [R(1, 2)] = 0x03010066, [R(1, 4)] = 0x10201105,
	[R(1, 5)] = 0x40000000, [R(1, 6)] = 0x01260000, [R(1, 7)] = 0x02102211, [R(2, 0)] = 0x02101110,
	[R(2, 1)] = 0x13112111, [R(2, 2)] = 0x21232042, [R(2, 3)] = 0x01112131, [R(2, 4)] = 0x00011142,
	[R(2, 5)] = 0x00011121, [R(3, 0)] = 0x10110222, [R(3, 1)] = 0x12111111, [R(3, 2)] = 0x00000043,
	[PFR0] = 0x01002222, [DFR0] = 0x10305106, [ISAR0] = 0x00011120, [MMFR0] = 0x00001124,
} };

/* Arm Neoverse N1 TRM (100616), B2. */
static const struct id_registers neoverse_n1 = { .value = {
	[R(1, 0)] = 0x10010131, [R(1, 1)] = 0x10010000, [R(1, 2)] = 0x04010088,
	[PFR0] = 0x1100000011111112, [PFR1] = 0x20, [DFR0] = 0x0000000110305408, [ISAR0] = 0x0000100010211120,
	[ISAR1] = 0x0000000000100001, [MMFR0] = 0x0000000000101125, [MMFR1] = 0x0000000010212122,
	[MMFR2] = 0x0000000000001011,
} };

static void a_cortex_a72(void **state)
{
	assert_int_equal(shown(&cortex_a72, PFR0), 0x01000012); /* no EL2, EL3; EL1 is AArch64 */
	assert_int_equal(shown(&cortex_a72, PFR1), 0);
	assert_int_equal(shown(&cortex_a72, DFR0), 0x10305106); /* breakpoints, watchpoints, PMU */
	assert_int_equal(shown(&cortex_a72, ISAR0), 0x00011120);
	assert_int_equal(shown(&cortex_a72, MMFR0), 0x00000124); /* but SNSMem */
	assert_int_equal(shown(&cortex_a72, R(1, 0)), 0x00000131);
	assert_int_equal(shown(&cortex_a72, R(1, 1)), 0x10010001); /* no Security, no Virtualization */
	assert_int_equal(shown(&cortex_a72, R(1, 2)), 0x03000006); /* no trace, no secure debug */
	assert_int_equal(shown(&cortex_a72, R(2, 3)), 0x01112131);
	assert_int_equal(shown(&cortex_a72, R(3, 1)), 0x12111111);
}

static void a_neoverse_n1(void **state)
{
	assert_int_equal(shown(&neoverse_n1, PFR0), 0x1100000001110012); /* no RAS */
	assert_int_equal(shown(&neoverse_n1, PFR1), 0x20);
	assert_int_equal(shown(&neoverse_n1, DFR0), 0x10305408);	  /* no SPE */
	assert_int_equal(shown(&neoverse_n1, ISAR0), 0x0000100010211120);
	assert_int_equal(shown(&neoverse_n1, ISAR1), 0x100001);
	assert_int_equal(shown(&neoverse_n1, MMFR0), 0x00100125);
	assert_int_equal(shown(&neoverse_n1, MMFR1), 0x00202002); /* no XNX, LO, VH, VMIDBits */
	assert_int_equal(shown(&neoverse_n1, MMFR2), 0x00000011); /* no IESB */
	assert_int_equal(shown(&neoverse_n1, R(1, 0)), 0x00010131); /* no RAS */
}

/* ---- what is hidden, and by what ----------------------------------------------------------------------- */

enum control { NOTHING, HCR, HCRX, CPTR, CPTR_VHE, MDCR, MPAM2, MPAMHCR, HAS_FGT };

/*
 * A feature as the CPU says it; the guest has to see 0 there. `clear` and `set`: what the control must be, so
 * that its use is undefined. A second control where another register of it needs one.
 */
struct hidden {
	const char *name;
	unsigned int reg, shift;
	u64 value; /* of the field */
	struct {
		enum control control;
		u64 set, clear;
	} by[3];
};

static const struct hidden hidden[] = {
	{ "EL2", PFR0, 8, 1, { { NOTHING, 0, 0 } } },	    /* no EL1 can use it (HCR_EL2.NV is 0) */
	{ "EL3", PFR0, 12, 1, { { HCR, 1ull << 19, 0 } } }, /* TSC */
	{ "RAS", PFR0, 28, 1, { { HCR, 1ull << 36 | 1ull << 37, 1ull << 47 } } }, /* TERR, TEA; FIEN */
	{ "RAS 1.1", PFR0, 28, 2, { { HCR, 1ull << 36 | 1ull << 37, 1ull << 47 } } },
	{ "SEL2", PFR0, 36, 1, { { NOTHING, 0, 0 } } },
	/* TRAPMPAM0EL1, 1EL1; MPAMIDR */
	{ "MPAM", PFR0, 40, 1, { { MPAM2, 3ull << 48, 0 }, { MPAMHCR, 1u << 31, 0 } } },
	{ "MPAM 0.1", PFR1, 16, 1, { { MPAM2, 3ull << 48, 0 } } },
	/* TAM; AMVOFFEN */
	{ "AMU", PFR0, 44, 1, { { CPTR, 1u << 30, 0 }, { CPTR_VHE, 1u << 30, 0 }, { HCR, 0, 1ull << 51 } } },
	{ "RME", PFR0, 52, 1, { { NOTHING, 0, 0 } } },
	{ "MTE", PFR1, 8, 1, { { HCR, 0, 1ull << 56 } } },			  /* ATA */
	{ "MTE2", PFR1, 8, 2, { { HCR, 1ull << 58, 1ull << 56 | 1ull << 57 } } }, /* TID5; ATA, DCT */
	{ "RAS_frac", PFR1, 12, 1, { { HCR, 0, 1ull << 47 } } },
	/* TSM; SMEN; TID1 */
	{ "SME", PFR1, 24, 1, { { CPTR, 1u << 12, 0 }, { CPTR_VHE, 0, 3u << 24 }, { HCR, 1u << 16, 0 } } },
	{ "SME2", PFR1, 24, 2, { { CPTR, 1u << 12, 0 }, { CPTR_VHE, 0, 3u << 24 }, { HAS_FGT, 0, 0 } } },
	{ "RNDR_trap", PFR1, 28, 1, { { NOTHING, 0, 0 } } },	/* EL3's */
	{ "NMI", PFR1, 36, 1, { { HCRX, 1u << 6, 3u << 7 } } }, /* TALLINT; VINMI, VFNMI */
	{ "GCS", PFR1, 44, 1, { { HCRX, 0, 1u << 22 } } },	/* GCSEn */
	{ "THE", PFR1, 48, 1, { { HCRX, 0, 1u << 16 } } },	/* PTTWI */
	{ "MTEX", PFR1, 52, 1, { { HCR, 0, 1ull << 56 } } },
	{ "DF2", PFR1, 56, 1, { { HCRX, 0, 1u << 19 } } },  /* TMEA */
	{ "PFAR", PFR1, 60, 1, { { NOTHING, 0, 0 } } },	    /* HFGRTR2_EL2.nPFAR_EL1 = 0 */
	{ "FPMR", PFR2, 32, 1, { { HCRX, 0, 1u << 23 } } }, /* EnFPM */
	{ "TraceVer", DFR0, 4, 1, { { CPTR, 1u << 20, 0 }, { CPTR_VHE, 1u << 28, 0 } } }, /* TTA */
	{ "PMSS", DFR0, 16, 1, { { NOTHING, 0, 0 } } },
	{ "SPE", DFR0, 32, 1, { { MDCR, 1u << 14, 3u << 12 } } }, /* TPMS; E2PB */
	{ "TRF", DFR0, 40, 1, { { MDCR, 1u << 19, 0 } } },	  /* TTRF */
	{ "TRBE", DFR0, 44, 1, { { MDCR, 0, 3u << 24 } } },	  /* E2TB */
	{ "MTPMU", DFR0, 48, 1, { { MDCR, 0, 1u << 28 } } },	  /* MTPME */
	{ "BRBE", DFR0, 52, 1, { { NOTHING, 0, 0 } } },		  /* HDFGRTR_EL2.nBRB* = 0 */
	{ "HPMN0", DFR0, 60, 1, { { NOTHING, 0, 0 } } },
	{ "PMICNTR", DFR1, 36, 1, { { NOTHING, 0, 0 } } },   /* HDFGRTR2_EL2.nPMICNTR_EL0 = 0 */
	{ "TME", ISAR0, 24, 1, { { HCR, 0, 1ull << 39 } } }, /* TME */
	{ "LS64", ISAR1, 60, 1, { { HCRX, 0, 7 } } },	     /* EnAS0, EnALS, EnASR */
	{ "LS64_ACCDATA", ISAR1, 60, 3, { { HCRX, 0, 7 } } },
	{ "SYSREG_128", ISAR2, 32, 1, { { HCRX, 0, 1u << 21 } } }, /* EnIDCP128 */
	{ "VMID16", MMFR1, 4, 2, { { NOTHING, 0, 0 } } },
	{ "VH", MMFR1, 8, 1, { { NOTHING, 0, 0 } } },
	{ "LO", MMFR1, 16, 1, { { HCR, 1ull << 35, 0 } } }, /* TLOR */
	{ "XNX", MMFR1, 28, 1, { { NOTHING, 0, 0 } } },
	{ "TWED", MMFR1, 32, 1, { { HCR, 0, 1ull << 59 } } }, /* TWEDEn */
	{ "HCX", MMFR1, 40, 1, { { NOTHING, 0, 0 } } },
	{ "CMOW", MMFR1, 56, 1, { { HCRX, 0, 1u << 9 } } }, /* CMOW */
	/* SCTLR_EL1.IESB: only orders errors that are ours */
	{ "IESB", MMFR2, 12, 1, { { NOTHING, 0, 0 } } },
	{ "NV", MMFR2, 24, 1, { { HCR, 0, 7ull << 42 | 1ull << 45 } } }, /* NV, NV1, AT; NV2 */
	{ "FWB", MMFR2, 40, 1, { { HCR, 0, 1ull << 46 } } },
	{ "EVT", MMFR2, 56, 2, { { HCR, 0, 1ull << 49 | 1ull << 50 | 1ull << 52 | 3ull << 54 } } },
	{ "FGT", MMFR0, 56, 1, { { NOTHING, 0, 0 } } },
	{ "TGran4_2", MMFR0, 40, 2, { { NOTHING, 0, 0 } } },
	{ "TCRX", MMFR3, 0, 1, { { HCRX, 0, 1u << 14 } } },   /* TCR2En */
	{ "SCTLRX", MMFR3, 4, 1, { { HCRX, 0, 1u << 15 } } }, /* SCTLR2En */
	{ "S1PIE", MMFR3, 8, 1, { { HCRX, 0, 1u << 14 } } },  /* by TCR2_EL1.PIE; HFGRTR_EL2.nPIR_EL1 = 0 */
	{ "S1POE", MMFR3, 16, 1, { { HCRX, 0, 1u << 14 } } },
	{ "D128", MMFR3, 32, 1, { { HCRX, 0, 1u << 17 } } },  /* D128En */
	{ "ANERR", MMFR3, 44, 2, { { HCRX, 0, 1u << 18 } } }, /* EnSNERR */
	{ "E2H0", MMFR4, 24, 15, { { NOTHING, 0, 0 } } },
	{ "SMFR0", SMFR0, 32, 1, { { NOTHING, 0, 0 } } },
	{ "implementation defined", AFR0, 0, 1, { { HCR, 1u << 20, 0 } } }, /* TIDCP */
};

static u64 control_value(enum control control, const struct el2_controls *c, const struct el2_controls *vhe)
{
	switch (control) {
	case HCR:
		return c->hcr;
	case HCRX:
		return c->hcrx;
	case CPTR:
		return c->cptr;
	case CPTR_VHE:
		return vhe->cptr;
	case MDCR:
		return c->mdcr;
	case MPAM2:
		return c->mpam2;
	case MPAMHCR:
		return c->mpamhcr;
	default:
		return 0;
	}
}

/* Everything is there at once, too: one feature's control must not undo another's. */
static struct id_registers all_features(void)
{
	struct id_registers id = { 0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(hidden); i++) {
		id.value[hidden[i].reg] &= ~(0xfull << hidden[i].shift);
		id.value[hidden[i].reg] |= hidden[i].value << hidden[i].shift;
	}
	id.value[MMFR0] |= 2ull << 56; /* FGT2 */
	return id;
}

static void check_hidden(const struct hidden *h, const struct id_registers *id)
{
	struct el2_controls plain, vhe;

	traps_compute(id, false, 6, 1u << 17, &plain);
	traps_compute(id, true, 6, 1u << 17, &vhe);
	if (shown(id, h->reg) >> h->shift & 0xf)
		fail_msg("%s is shown", h->name);
	for (unsigned int i = 0; i < ARRAY_SIZE(h->by) && h->by[i].control != NOTHING; i++) {
		u64 value = control_value(h->by[i].control, &plain, &vhe);

		if ((value & h->by[i].set) != h->by[i].set || (value & h->by[i].clear))
			fail_msg("%s: control %u is 0x%llx", h->name, h->by[i].control,
				 (unsigned long long)value);
		if (h->by[i].control == HCR)
			assert_int_equal(plain.hcr ^ vhe.hcr, 1ull << 34);
	}
	assert_int_equal(plain.hcrx, vhe.hcrx);
	assert_int_equal(plain.mdcr, vhe.mdcr);
}

static void hidden_is_undefined(void **state)
{
	struct id_registers every = all_features();

	for (unsigned int i = 0; i < ARRAY_SIZE(hidden); i++) {
		struct id_registers one = { 0 };

		one.value[hidden[i].reg] = hidden[i].value << hidden[i].shift;
		check_hidden(&hidden[i], &one);
		check_hidden(&hidden[i], &every);
	}
}

/*
 * Trap bits that are RES0 without their feature stay 0, as such bits must be written (should be preserved or
 * zero).
 */
static void without_features_no_bit_of_theirs(void **state)
{
	struct id_registers none = { 0 };
	struct el2_controls c;

	traps_compute(&none, false, 0, 0, &c);
	/* VM SWIO FMO IMO AMO TID1 TID3 TSC TIDCP TACR RW */
	assert_int_equal(c.hcr, 1u << 0 | 1u << 1 | 7u << 3 | 1u << 16 | 1u << 18 | 1u << 19 | 1u << 20 |
					1u << 21 | 1u << 31);
	assert_int_equal(c.hcrx, 0);
	/* RES1: 13, 12 without SME, 9, 8 without SVE, 7:0 */
	assert_int_equal(c.cptr, 0x33ff);
	assert_int_equal(c.mdcr, 1u << 10 | 1u << 11); /* TDOSA, TDRA */
	assert_false(c.has_hcrx || c.has_mpam || c.has_mpamhcr || c.has_sve || c.has_fgt || c.has_fgt2 ||
		     c.has_spe || c.has_trbe || c.has_ras);
	traps_compute(&none, true, 0, 0, &c);
	assert_int_equal(c.cptr, 3u << 20); /* FPEN */
}

/* What must not exit: WFI, WFE, floating point, cache and TLB maintenance, EL1's translation registers. */
static void what_does_not_exit(void **state)
{
	struct id_registers every = all_features();
	struct el2_controls c;

	for (unsigned int vhe = 0; vhe < 2; vhe++) {
		traps_compute(&every, vhe, 6, 0, &c);
		/* TWI TWE TID0 TID2 TSW TPC TPU TTLB TVM TGE TDZ TRVM */
		assert_int_equal(c.hcr & (3u << 13 | 1u << 15 | 1u << 17 | 0x7fu << 22 | 1u << 30), 0);
		/* VF VI VSE FB BSU DC PTW HCD CD ID */
		assert_int_equal(c.hcr & (0xfu << 6 | 7u << 10 | 1u << 2 | 1u << 29 | 3ull << 32), 0);
		assert_int_equal(c.mdcr & (1u << 5 | 1u << 6 | 1u << 7 | 1u << 8 | 1u << 9),
				 0); /* TPMCR TPM HPME TDE TDA */
		assert_int_equal(c.cptr & 1u << 31, 0);						  /* TCPAC */
	}
	traps_compute(&every, false, 6, 0, &c);
	assert_int_equal(c.cptr & 1u << 10, 0); /* TFP */
}

/* ---- what is shown works ------------------------------------------------------------------------------- */

static const struct {
	unsigned int reg, shift, value;
	u64 hcr, hcrx;
} needs[] = {
	{ ISAR1, 4, 1, 3ull << 40, 0 },	 /* APA: HCR_EL2.APK, API */
	{ ISAR1, 8, 5, 3ull << 40, 0 },	 /* API */
	{ ISAR1, 24, 1, 3ull << 40, 0 }, /* GPA */
	{ ISAR1, 28, 1, 3ull << 40, 0 }, /* GPI */
	{ ISAR2, 8, 1, 3ull << 40, 0 },	 /* GPA3 */
	{ ISAR2, 12, 5, 3ull << 40, 0 }, /* APA3 */
	{ ISAR2, 16, 1, 0, 1u << 11 },	 /* MOPS: HCRX_EL2.MSCEn, and not MCE2 */
};

static void shown_works(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(needs); i++) {
		struct id_registers id = { 0 };
		struct el2_controls c;

		id.value[needs[i].reg] = (u64)needs[i].value << needs[i].shift;
		assert_int_equal(shown(&id, needs[i].reg), id.value[needs[i].reg]);
		traps_compute(&id, false, 0, 0, &c);
		assert_int_equal(c.hcr & needs[i].hcr, needs[i].hcr);
		assert_int_equal(c.hcrx, needs[i].hcrx);
	}
	/* CSV2_2 shows as CSV2, so EnSCXT is 0. */
	struct id_registers id = { .value = { [PFR0] = 3ull << 56, [PFR1] = 2ull << 32 } };
	struct el2_controls c;

	assert_int_equal(shown(&id, PFR0), 1ull << 56);
	assert_int_equal(shown(&id, PFR1), 1ull << 32);
	traps_compute(&id, false, 0, 0, &c);
	assert_int_equal(c.hcr & 1ull << 53, 0);
}

static void sve(void **state)
{
	struct id_registers id = { .value = { [PFR0] = 1ull << 32, [ZFR0] = 0x0110110100110021 } };
	struct el2_controls c;

	assert_int_equal(shown(&id, PFR0) >> 32 & 0xf, 1);
	assert_int_equal(shown(&id, ZFR0), 0x0110110100110021);
	traps_compute(&id, false, 0, 0, &c);
	assert_int_equal(c.cptr & 1u << 8, 0); /* TZ */
	assert_true(c.has_sve);
	traps_compute(&id, true, 0, 0, &c);
	assert_int_equal(c.cptr & 3u << 16, 3u << 16); /* ZEN */
	/* Its details are nothing without it: SME alone has them as well. */
	id.value[PFR0] = 0;
	assert_int_equal(shown(&id, ZFR0), 0);
	traps_compute(&id, true, 0, 0, &c);
	assert_int_equal(c.cptr & 3u << 16, 0);
}

static void pmu(void **state)
{
	struct el2_controls c;

	for (u64 version = 0; version < 16; version++) {
		struct id_registers id = { .value = { [DFR0] = version << 8, [R(1, 2)] = version << 24 } };
		bool arms = version && version != 15;

		assert_int_equal(shown(&id, DFR0), version == 15 ? 0 : min_u64(version, 6) << 8);
		assert_int_equal(shown(&id, R(1, 2)), version == 15 ? 0 : min_u64(version, 6) << 24);
		traps_compute(&id, false, arms ? 6 : 0, 0, &c);
		assert_int_equal(c.mdcr & 0x1f, arms ? 6 : 0); /* HPMN: all counters */
		/* HPMD since PMUv3p1, HCCD since PMUv3p5: they are RES0 before */
		assert_int_equal(c.mdcr >> 17 & 1, arms && version >= 4);
		assert_int_equal(c.mdcr >> 23 & 1, arms && version >= 6);
		/* One that is not Arm's is hidden, and trapped. */
		assert_int_equal(c.mdcr >> 5 & 3, version == 15 ? 3 : 0);
	}
}

static void mpam(void **state)
{
	struct id_registers id = { .value = { [PFR0] = 1ull << 40 } };
	struct el2_controls c;

	traps_compute(&id, false, 0, 0, &c);
	assert_true(c.has_mpam && !c.has_mpamhcr);
	assert_int_equal(c.mpam2, 3ull << 48 | 1ull << 58); /* TIDR */
	traps_compute(&id, false, 0, 1u << 17, &c);
	assert_true(c.has_mpam && c.has_mpamhcr);
	assert_int_equal(c.mpam2, 3ull << 48);
	assert_int_equal(c.mpamhcr, 1u << 31);
	id.value[PFR0] = 0;
	traps_compute(&id, false, 0, 1u << 17, &c);
	assert_false(c.has_mpam || c.has_mpamhcr);
	id.value[PFR1] = 1ull << 16; /* MPAM_frac alone: version 0.1 */
	traps_compute(&id, false, 0, 0, &c);
	assert_true(c.has_mpam);
}

static void registers_that_are_there(void **state)
{
	struct id_registers id = { 0 };
	struct el2_controls c;

	id.value[MMFR1] = 1ull << 40;
	id.value[MMFR0] = 1ull << 56;
	id.value[DFR0] = 1ull << 32;
	traps_compute(&id, false, 0, 0, &c);
	assert_true(c.has_hcrx && c.has_fgt && !c.has_fgt2 && c.has_spe && !c.has_trbe && !c.has_ras);
	id.value[MMFR0] = 2ull << 56;
	id.value[DFR0] = 1ull << 44;
	id.value[PFR0] = 1ull << 28;
	traps_compute(&id, false, 0, 0, &c);
	assert_true(c.has_fgt && c.has_fgt2 && !c.has_spe && c.has_trbe && c.has_ras);
}

/* ---- the unknown --------------------------------------------------------------------------------------- */

static bool counts_from_minus_one(unsigned int reg, unsigned int shift)
{
	return (reg == PFR0 && (shift == 16 || shift == 20)) ||
	       (reg == MMFR0 && (shift == 24 || shift == 28)) || (reg == DFR0 && shift == 36);
}

/*
 * Fields of AArch64's registers and the highest value that this architecture's text knows without a need at
 * EL2 that is not met.
 */
static const struct {
	const char *name;
	unsigned int reg, shift, known;
} most[] = {
	{ "EL0", PFR0, 0, 2 },
	{ "EL1", PFR0, 4, 1 },
	{ "FP", PFR0, 16, 1 },
	{ "AdvSIMD", PFR0, 20, 1 },
	{ "GIC", PFR0, 24, 1 },
	{ "SVE", PFR0, 32, 1 },
	{ "DIT", PFR0, 48, 1 },
	{ "CSV2", PFR0, 56, 1 },
	{ "CSV3", PFR0, 60, 1 },
	{ "BT", PFR1, 0, 1 },
	{ "SSBS", PFR1, 4, 2 },
	{ "CSV2_frac", PFR1, 32, 1 },
	{ "SVEver", ZFR0, 0, 2 },
	{ "AES", ZFR0, 4, 2 },
	{ "BitPerm", ZFR0, 16, 1 },
	{ "BF16", ZFR0, 20, 2 },
	{ "B16B16", ZFR0, 24, 1 },
	{ "SHA3", ZFR0, 32, 1 },
	{ "SM4", ZFR0, 40, 1 },
	{ "I8MM", ZFR0, 44, 1 },
	{ "F32MM", ZFR0, 52, 1 },
	{ "F64MM", ZFR0, 56, 1 },
	{ "DebugVer", DFR0, 0, 9 },
	{ "PMUVer", DFR0, 8, 6 },
	{ "BRPs", DFR0, 12, 15 },
	{ "WRPs", DFR0, 20, 15 },
	{ "CTX_CMPs", DFR0, 28, 15 },
	{ "DoubleLock", DFR0, 36, 0 },
	{ "AES", ISAR0, 4, 2 },
	{ "SHA1", ISAR0, 8, 1 },
	{ "SHA2", ISAR0, 12, 2 },
	{ "CRC32", ISAR0, 16, 1 },
	{ "Atomic", ISAR0, 20, 3 },
	{ "RDM", ISAR0, 28, 1 },
	{ "SHA3", ISAR0, 32, 1 },
	{ "SM3", ISAR0, 36, 1 },
	{ "SM4", ISAR0, 40, 1 },
	{ "DP", ISAR0, 44, 1 },
	{ "FHM", ISAR0, 48, 1 },
	{ "TS", ISAR0, 52, 2 },
	{ "TLB", ISAR0, 56, 2 },
	{ "RNDR", ISAR0, 60, 1 },
	{ "DPB", ISAR1, 0, 2 },
	{ "APA", ISAR1, 4, 5 },
	{ "API", ISAR1, 8, 5 },
	{ "JSCVT", ISAR1, 12, 1 },
	{ "FCMA", ISAR1, 16, 1 },
	{ "LRCPC", ISAR1, 20, 3 },
	{ "GPA", ISAR1, 24, 1 },
	{ "GPI", ISAR1, 28, 1 },
	{ "FRINTTS", ISAR1, 32, 1 },
	{ "SB", ISAR1, 36, 1 },
	{ "SPECRES", ISAR1, 40, 2 },
	{ "BF16", ISAR1, 44, 2 },
	{ "DGH", ISAR1, 48, 1 },
	{ "I8MM", ISAR1, 52, 1 },
	{ "XS", ISAR1, 56, 1 },
	{ "WFxT", ISAR2, 0, 2 },
	{ "RPRES", ISAR2, 4, 1 },
	{ "GPA3", ISAR2, 8, 1 },
	{ "APA3", ISAR2, 12, 5 },
	{ "MOPS", ISAR2, 16, 1 },
	{ "BC", ISAR2, 20, 1 },
	{ "PAC_frac", ISAR2, 24, 1 },
	{ "CLRBHB", ISAR2, 28, 1 },
	{ "RPRFM", ISAR2, 48, 1 },
	{ "CSSC", ISAR2, 52, 1 },
	{ "PARange", MMFR0, 0, 6 },
	{ "ASIDBits", MMFR0, 4, 2 },
	{ "BigEnd", MMFR0, 8, 1 },
	{ "BigEndEL0", MMFR0, 16, 1 },
	{ "TGran16", MMFR0, 20, 2 },
	{ "TGran64", MMFR0, 24, 0 },
	{ "TGran4", MMFR0, 28, 1 },
	{ "ExS", MMFR0, 44, 1 },
	{ "ECV", MMFR0, 60, 1 },
	{ "HAFDBS", MMFR1, 0, 2 },
	{ "HPDS", MMFR1, 12, 2 },
	{ "PAN", MMFR1, 20, 3 },
	{ "SpecSEI", MMFR1, 24, 1 },
	{ "ETS", MMFR1, 36, 2 },
	{ "AFP", MMFR1, 44, 1 },
	{ "nTLBPA", MMFR1, 48, 1 },
	{ "TIDCP1", MMFR1, 52, 1 },
	{ "ECBHB", MMFR1, 60, 1 },
	{ "CnP", MMFR2, 0, 1 },
	{ "UAO", MMFR2, 4, 1 },
	{ "LSM", MMFR2, 8, 1 },
	{ "VARange", MMFR2, 16, 1 },
	{ "CCIDX", MMFR2, 20, 1 },
	{ "ST", MMFR2, 28, 1 },
	{ "AT", MMFR2, 32, 1 },
	{ "IDS", MMFR2, 36, 1 },
	{ "TTL", MMFR2, 48, 1 },
	{ "BBM", MMFR2, 52, 2 },
	{ "E0PD", MMFR2, 60, 1 },
};

static u64 shown_field(unsigned int i, u64 value)
{
	struct id_registers id = { .value = { [PFR0] = 1ull << 32 } }; /* SVE: without, ZFR0 is nothing */

	id.value[most[i].reg] &= ~(0xfull << most[i].shift);
	id.value[most[i].reg] |= value << most[i].shift;
	return shown(&id, most[i].reg) >> most[i].shift & 0xf;
}

/* All known values show as they are; of a CPU of the future, no field shows more. */
static void newer_values_are_capped(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(most); i++) {
		bool is_signed = counts_from_minus_one(most[i].reg, most[i].shift);

		for (u64 value = 0; value < (is_signed ? 8 : 15); value++) {
			if (shown_field(i, value) != min_u64(value, most[i].known))
				fail_msg("%s: %llu shows as %llu", most[i].name, (unsigned long long)value,
					 (unsigned long long)shown_field(i, value));
		}
		for (u64 value = 8; is_signed && value < 16; value++)
			assert_int_equal(shown_field(i, value), value);
	}
}

/* AArch32's registers, all bits set: what is shown. */
static void aarch32_registers(void **state)
{
	static const struct {
		unsigned int reg;
		u64 shown;
	} registers[] = {
		{ R(1, 0), 0x0f0fffff }, /* PFR0: RAS, AMU */
		{ R(1, 1), 0xf00f0f0f }, /* PFR1: Virt_frac, Sec_frac, Virtualization, Security */
		{ R(1, 2), 0x0000000f }, /* DFR0: PerfMon 15 is none; traces, memory-mapped, secure debug */
		{ R(1, 3), 0 },		 /* AFR0 */
		{ R(1, 4), 0xffffffff }, { R(1, 5), 0xffffffff }, { R(1, 6), 0xffffffff },
		{ R(1, 7), 0xffffffff }, { R(2, 0), 0xffffffff }, { R(2, 1), 0xffffffff },
		{ R(2, 2), 0xffffffff }, { R(2, 3), 0xffffffff }, { R(2, 4), 0xffffffff },
		{ R(2, 5), 0xffffffff }, { R(2, 6), 0x0ffff0ff }, /* MMFR4: EVT, XNX */
		{ R(2, 7), 0xffffffff }, { R(3, 0), 0xffffffff }, { R(3, 1), 0xffffffff },
		{ R(3, 2), 0xffffffff }, { R(3, 4), 0x000000ff }, /* PFR2: RAS_frac */
		{ R(3, 5), 0 },					  /* DFR1: HPMN0, MTPMU */
		{ R(3, 6), 0x000000ff },			  /* MMFR5 */
	};
	struct id_registers id;

	memset(&id, 0xff, sizeof(id));
	for (unsigned int i = 0; i < ARRAY_SIZE(registers); i++)
		assert_int_equal(shown(&id, registers[i].reg), registers[i].shown);
}

static void nothing_stays_nothing(void **state)
{
	struct id_registers none = { 0 }, guest;

	features_filter(&none, &guest);
	for (unsigned int i = 0; i < ID_REGISTERS; i++)
		assert_int_equal(guest.value[i], 0);
	/* -1 is "not there" in these */
	none.value[PFR0] = 0xffull << 16;
	none.value[MMFR0] = 0xffull << 24;
	none.value[DFR0] = 0xfull << 36;
	assert_int_equal(shown(&none, PFR0), 0xffull << 16);
	assert_int_equal(shown(&none, MMFR0), 0xffull << 24);
	assert_int_equal(shown(&none, DFR0), 0xfull << 36);
}

/* Whatever the CPU has: registers and fields without a line are 0, and no field shows more than there is. */
static void no_more_than_there_is(void **state)
{
	static const unsigned int reserved[] = { R(1, 3), R(3, 3), R(3, 5), R(3, 7), R(4, 2), R(4, 3),
						 R(4, 5), R(4, 6), R(4, 7), R(5, 1), R(5, 2), R(5, 3),
						 R(5, 4), R(5, 5), R(5, 6), R(5, 7), R(6, 3), R(6, 4),
						 R(6, 5), R(6, 6), R(6, 7), R(7, 3), R(7, 4), R(7, 5),
						 R(7, 6), R(7, 7) };
	struct id_registers id, guest;

	srandom(1);
	for (unsigned int round = 0; round < 10000; round++) {
		for (unsigned int i = 0; i < ID_REGISTERS; i++)
			id.value[i] = (u64)random() << 33 ^ (u64)random() << 11 ^ (u64)random();
		features_filter(&id, &guest);
		for (unsigned int i = 0; i < ARRAY_SIZE(reserved); i++)
			assert_int_equal(guest.value[reserved[i]], 0);
		for (unsigned int i = 0; i < ID_REGISTERS; i++) {
			for (unsigned int shift = 0; shift < 64; shift += 4) {
				int was = (int)(id.value[i] >> shift & 0xf),
				    is = (int)(guest.value[i] >> shift & 0xf);

				if (counts_from_minus_one(i, shift)) {
					was = was & 8 ? was - 16 : was;
					is = is & 8 ? is - 16 : is;
				}
				assert_true(is <= was);
			}
		}
	}
}

/* ---- CPUs that differ ---------------------------------------------------------------------------------- */

static void all_cpus_have_it(void **state)
{
	struct id_registers
		big = { .value = { [ISAR0] = 0x2, [R(1, 0)] = 0x131, [PFR0] = 0x1ull << 60, [MMFR0] = 0x5 } },
		little = big;

	big.value[ISAR0] = 2ull << 20 | 2ull << 4; /* Atomic, AES */
	little.value[ISAR0] = 1ull << 4;
	little.value[PFR0] |= 0xfull << 20 | 1ull << 48; /* no AdvSIMD, but DIT */
	little.value[MMFR0] = 0x2;
	features_add_cpu(0, &big);
	assert_int_equal(log_lines, 0);
	assert_int_equal(features_guest(ISAR0), 2ull << 20 | 2ull << 4);
	features_add_cpu(1, &big);
	assert_int_equal(log_lines, 0);
	features_add_cpu(2, &little);
	assert_int_equal(log_lines, 1);
	assert_int_equal(features_guest(ISAR0), 1ull << 4);
	assert_int_equal(features_guest(PFR0), 1ull << 60 | 0xfull << 20);
	assert_int_equal(features_guest(MMFR0), 2);
	features_add_cpu(3, &big); /* has more: nothing to say */
	assert_int_equal(log_lines, 1);
	assert_int_equal(features_guest(ISAR0), 1ull << 4);
	features_add_cpu(0, &neoverse_n1); /* a new machine, which has more */
	assert_int_equal(features_guest(PFR0), 0x1100000001110012);
	features_add_cpu(1, &cortex_a72);
	assert_int_equal(features_guest(PFR0), 0x01000012); /* the lower of each, FP16 included */
	assert_int_equal(features_guest(R(1, 0)), 0x131);
	assert_int_equal(features_guest(R(1, 2)), 0x03000006);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_cortex_a72, setup),
		cmocka_unit_test_setup(a_neoverse_n1, setup),
		cmocka_unit_test_setup(hidden_is_undefined, setup),
		cmocka_unit_test_setup(without_features_no_bit_of_theirs, setup),
		cmocka_unit_test_setup(what_does_not_exit, setup),
		cmocka_unit_test_setup(shown_works, setup),
		cmocka_unit_test_setup(sve, setup),
		cmocka_unit_test_setup(pmu, setup),
		cmocka_unit_test_setup(mpam, setup),
		cmocka_unit_test_setup(registers_that_are_there, setup),
		cmocka_unit_test_setup(newer_values_are_capped, setup),
		cmocka_unit_test_setup(aarch32_registers, setup),
		cmocka_unit_test_setup(nothing_stays_nothing, setup),
		cmocka_unit_test_setup(no_more_than_there_is, setup),
		cmocka_unit_test_setup(all_cpus_have_it, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
