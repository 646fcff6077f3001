/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of ID register fields (features.h). It guards that the guest never learns of a feature that is
 * not in it: the highest value shown is the highest whose needs at EL2 are known and met.
 *
 * Fields and values: Arm ARM DDI 0487J, D19.2.52-D19.2.99; of later extensions the register descriptions of
 * issue L.
 */
#include "arch/arm64/features.h"

#include "core/lock.h"
#include "core/log.h"

enum field_kind {
	UNSIGNED, /* 0: none; more is more */
	SIGNED,	  /* -1: none */
	PMU,	  /* 0: none; 15: one that is not Arm's, so none for the guest either */
};

struct field {
	u8 reg, shift;
	u8 kind;
	u8 max; /* the highest value shown */
};

/* Not in it: not shown. So the list of what is hidden, and why, is at its end. */
static const struct field fields[] = {
	{ ID_AA64PFR0, 0, UNSIGNED, 2 },  /* EL0: 2: AArch32 as well */
	{ ID_AA64PFR0, 4, UNSIGNED, 1 },  /* EL1: AArch64 only, as HCR_EL2.RW says */
	{ ID_AA64PFR0, 16, SIGNED, 1 },	  /* FP */
	{ ID_AA64PFR0, 20, SIGNED, 1 },	  /* AdvSIMD */
	{ ID_AA64PFR0, 24, UNSIGNED, 1 }, /* GIC: version 4.1 is the distributor's affair, and ours is 3 */
	{ ID_AA64PFR0, 32, UNSIGNED, 1 }, /* SVE: all of it, ZCR_EL2 at its most */
	{ ID_AA64PFR0, 48, UNSIGNED, 1 }, /* DIT */
	{ ID_AA64PFR0, 56, UNSIGNED, 1 }, /* CSV2: 2 has SCXTNUM_ELx */
	{ ID_AA64PFR0, 60, UNSIGNED, 1 }, /* CSV3 */

	{ ID_AA64PFR1, 0, UNSIGNED, 1 },  /* BT */
	{ ID_AA64PFR1, 4, UNSIGNED, 2 },  /* SSBS */
	{ ID_AA64PFR1, 32, UNSIGNED, 1 }, /* CSV2_frac: the same */

	{ ID_AA64ZFR0, 0, UNSIGNED, 2 },  /* SVEver */
	{ ID_AA64ZFR0, 4, UNSIGNED, 2 },  /* AES */
	{ ID_AA64ZFR0, 16, UNSIGNED, 1 }, /* BitPerm */
	{ ID_AA64ZFR0, 20, UNSIGNED, 2 }, /* BF16 */
	{ ID_AA64ZFR0, 24, UNSIGNED, 1 }, /* B16B16 */
	{ ID_AA64ZFR0, 32, UNSIGNED, 1 }, /* SHA3 */
	{ ID_AA64ZFR0, 40, UNSIGNED, 1 }, /* SM4 */
	{ ID_AA64ZFR0, 44, UNSIGNED, 1 }, /* I8MM */
	{ ID_AA64ZFR0, 52, UNSIGNED, 1 }, /* F32MM */
	{ ID_AA64ZFR0, 56, UNSIGNED, 1 }, /* F64MM */

	{ ID_AA64DFR0, 0, UNSIGNED, 9 },   /* DebugVer: up to Armv8.4; later ones have more registers */
	{ ID_AA64DFR0, 8, PMU, 6 },	   /* PMUVer: up to PMUv3p5; later ones have controls at EL2 */
	{ ID_AA64DFR0, 12, UNSIGNED, 15 }, /* BRPs */
	{ ID_AA64DFR0, 20, UNSIGNED, 15 }, /* WRPs */
	{ ID_AA64DFR0, 28, UNSIGNED, 15 }, /* CTX_CMPs */
	{ ID_AA64DFR0, 36, SIGNED, 0 },	   /* DoubleLock: OSDLR_EL1 is emulated */

	{ ID_AA64ISAR0, 4, UNSIGNED, 2 },  /* AES */
	{ ID_AA64ISAR0, 8, UNSIGNED, 1 },  /* SHA1 */
	{ ID_AA64ISAR0, 12, UNSIGNED, 2 }, /* SHA2 */
	{ ID_AA64ISAR0, 16, UNSIGNED, 1 }, /* CRC32 */
	{ ID_AA64ISAR0, 20, UNSIGNED, 3 }, /* Atomic */
	{ ID_AA64ISAR0, 28, UNSIGNED, 1 }, /* RDM */
	{ ID_AA64ISAR0, 32, UNSIGNED, 1 }, /* SHA3 */
	{ ID_AA64ISAR0, 36, UNSIGNED, 1 }, /* SM3 */
	{ ID_AA64ISAR0, 40, UNSIGNED, 1 }, /* SM4 */
	{ ID_AA64ISAR0, 44, UNSIGNED, 1 }, /* DP */
	{ ID_AA64ISAR0, 48, UNSIGNED, 1 }, /* FHM */
	{ ID_AA64ISAR0, 52, UNSIGNED, 2 }, /* TS */
	{ ID_AA64ISAR0, 56, UNSIGNED, 2 }, /* TLB */
	{ ID_AA64ISAR0, 60, UNSIGNED, 1 }, /* RNDR */

	{ ID_AA64ISAR1, 0, UNSIGNED, 2 },  /* DPB */
	{ ID_AA64ISAR1, 4, UNSIGNED, 5 },  /* APA, and API, GPA, GPI: HCR_EL2.API, APK */
	{ ID_AA64ISAR1, 8, UNSIGNED, 5 },  /* API */
	{ ID_AA64ISAR1, 12, UNSIGNED, 1 }, /* JSCVT */
	{ ID_AA64ISAR1, 16, UNSIGNED, 1 }, /* FCMA */
	{ ID_AA64ISAR1, 20, UNSIGNED, 3 }, /* LRCPC */
	{ ID_AA64ISAR1, 24, UNSIGNED, 1 }, /* GPA */
	{ ID_AA64ISAR1, 28, UNSIGNED, 1 }, /* GPI */
	{ ID_AA64ISAR1, 32, UNSIGNED, 1 }, /* FRINTTS */
	{ ID_AA64ISAR1, 36, UNSIGNED, 1 }, /* SB */
	{ ID_AA64ISAR1, 40, UNSIGNED, 2 }, /* SPECRES */
	{ ID_AA64ISAR1, 44, UNSIGNED, 2 }, /* BF16 */
	{ ID_AA64ISAR1, 48, UNSIGNED, 1 }, /* DGH */
	{ ID_AA64ISAR1, 52, UNSIGNED, 1 }, /* I8MM */
	{ ID_AA64ISAR1, 56, UNSIGNED, 1 }, /* XS */

	{ ID_AA64ISAR2, 0, UNSIGNED, 2 },  /* WFxT */
	{ ID_AA64ISAR2, 4, UNSIGNED, 1 },  /* RPRES */
	{ ID_AA64ISAR2, 8, UNSIGNED, 1 },  /* GPA3 */
	{ ID_AA64ISAR2, 12, UNSIGNED, 5 }, /* APA3 */
	{ ID_AA64ISAR2, 16, UNSIGNED, 1 }, /* MOPS: HCRX_EL2.MSCEn */
	{ ID_AA64ISAR2, 20, UNSIGNED, 1 }, /* BC */
	{ ID_AA64ISAR2, 24, UNSIGNED, 1 }, /* PAC_frac */
	{ ID_AA64ISAR2, 28, UNSIGNED, 1 }, /* CLRBHB */
	{ ID_AA64ISAR2, 48, UNSIGNED, 1 }, /* RPRFM */
	{ ID_AA64ISAR2, 52, UNSIGNED, 1 }, /* CSSC */

	{ ID_AA64MMFR0, 0, UNSIGNED, 6 },  /* PARange: 52 bits */
	{ ID_AA64MMFR0, 4, UNSIGNED, 2 },  /* ASIDBits */
	{ ID_AA64MMFR0, 8, UNSIGNED, 1 },  /* BigEnd */
	{ ID_AA64MMFR0, 16, UNSIGNED, 1 }, /* BigEndEL0 */
	{ ID_AA64MMFR0, 20, UNSIGNED, 2 }, /* TGran16 */
	{ ID_AA64MMFR0, 24, SIGNED, 0 },   /* TGran64 */
	{ ID_AA64MMFR0, 28, SIGNED, 1 },   /* TGran4 */
	{ ID_AA64MMFR0, 44, UNSIGNED, 1 }, /* ExS */
	{ ID_AA64MMFR0, 60, UNSIGNED, 1 }, /* ECV: the self-synchronizing views; CNTPOFF_EL2 is ours */

	{ ID_AA64MMFR1, 0, UNSIGNED, 2 },  /* HAFDBS */
	{ ID_AA64MMFR1, 12, UNSIGNED, 2 }, /* HPDS */
	{ ID_AA64MMFR1, 20, UNSIGNED, 3 }, /* PAN */
	{ ID_AA64MMFR1, 24, UNSIGNED, 1 }, /* SpecSEI */
	{ ID_AA64MMFR1, 36, UNSIGNED, 2 }, /* ETS */
	{ ID_AA64MMFR1, 44, UNSIGNED, 1 }, /* AFP */
	{ ID_AA64MMFR1, 48, UNSIGNED, 1 }, /* nTLBPA */
	{ ID_AA64MMFR1, 52, UNSIGNED, 1 }, /* TIDCP1 */
	{ ID_AA64MMFR1, 60, UNSIGNED, 1 }, /* ECBHB */

	{ ID_AA64MMFR2, 0, UNSIGNED, 1 },  /* CnP */
	{ ID_AA64MMFR2, 4, UNSIGNED, 1 },  /* UAO */
	{ ID_AA64MMFR2, 8, UNSIGNED, 1 },  /* LSM */
	{ ID_AA64MMFR2, 16, UNSIGNED, 1 }, /* VARange: 52 bits */
	{ ID_AA64MMFR2, 20, UNSIGNED, 1 }, /* CCIDX */
	{ ID_AA64MMFR2, 28, UNSIGNED, 1 }, /* ST */
	{ ID_AA64MMFR2, 32, UNSIGNED, 1 }, /* AT */
	{ ID_AA64MMFR2, 36, UNSIGNED, 1 }, /* IDS */
	{ ID_AA64MMFR2, 48, UNSIGNED, 1 }, /* TTL */
	{ ID_AA64MMFR2, 52, UNSIGNED, 2 }, /* BBM */
	{ ID_AA64MMFR2, 60, UNSIGNED, 1 }, /* E0PD */
	/*
	 * Hidden, and why; traps.c makes it so when used:
	 * - EL2, and with it VH, NV, FGT, HCX, EVT, TWED, XNX, FWB, VMIDBits, stage 2's granules, E2H0: it is
	 *   Fairlead's;
	 * - EL3, SEL2, RME: not the guest's business; calls to firmware are answered all the same (psci.c);
	 * - RAS, IESB, ERR*: errors come to Fairlead;
	 * - AMU, trace and TRBE, SPE, BRBE, MPAM: would tell of, or set, what belongs to the machine;
	 * - MTE: tags are memory that stage 2 does not map; SME: large state with controls of its own;
	 * - SCXTNUM_ELx: nobody uses it, and QEMU traps it by SCTLR_EL2.TSCXT, a bit that is 1 on older CPUs;
	 * - LOR, TME, LS64, NMI, GCS, THE, FPMR, TCR2, SCTLR2, permission indirection and overlays, D128 and all
	 *   that is newer: need a control at EL2 that is not set.
	 */
};

/*
 * AArch32's: only programs at EL0 can be in that state, and nothing new comes. Bits that the guest sees as
 * they are: not those of RAS, AMU, EL2 and EL3, trace, memory-mapped debug, and what is not Arm's own.
 */
#define ALL32 0xffffffffull
static const struct {
	u8 reg;
	u64 shown;
} aarch32[] = {
	{ ID_PFR0, ALL32 & ~(GENMASK64(31, 28) | GENMASK64(23, 20)) }, /* RAS, AMU */
	/* GIC; GenTimer; MProgMod; ProgMod */
	{ ID_PFR1, GENMASK64(31, 28) | GENMASK64(19, 16) | GENMASK64(11, 8) | GENMASK64(3, 0) },
	{ ID_DFR0, GENMASK64(27, 24) | GENMASK64(3, 0) }, /* PerfMon, CopDbg */
	{ ID_MMFR0, ALL32 },
	{ ID_MMFR1, ALL32 },
	{ ID_MMFR2, ALL32 },
	{ ID_MMFR3, ALL32 },
	{ ID_MMFR4, ALL32 & ~(GENMASK64(31, 28) | GENMASK64(11, 8)) }, /* EVT, XNX */
	{ ID_MMFR5, GENMASK64(7, 0) }, /* nTLBPA, ETS */
	{ ID_ISAR0, ALL32 },
	{ ID_ISAR1, ALL32 },
	{ ID_ISAR2, ALL32 },
	{ ID_ISAR3, ALL32 },
	{ ID_ISAR4, ALL32 },
	{ ID_ISAR5, ALL32 },
	{ ID_ISAR6, ALL32 },
	{ ID_MVFR0, ALL32 },
	{ ID_MVFR1, ALL32 },
	{ ID_MVFR2, ALL32 },
	{ ID_PFR2, GENMASK64(7, 0) }, /* SSBS, CSV3 */
};
/* The only one of them that grows with the architecture: PerfMon follows PMUVer. */
static const struct field perfmon = { ID_DFR0, 24, PMU, 6 };

#define FIELD 0xfull

unsigned int id_field(const struct id_registers *id, enum id_register reg, unsigned int shift)
{
	return (unsigned int)(id->value[reg] >> shift & FIELD);
}

int id_signed_field(const struct id_registers *id, enum id_register reg, unsigned int shift)
{
	unsigned int value = id_field(id, reg, shift);

	return value & 8 ? (int)value - 16 : (int)value;
}

static int field_value(const struct id_registers *id, const struct field *f)
{
	unsigned int value = id_field(id, f->reg, f->shift);

	if (f->kind == SIGNED)
		return id_signed_field(id, f->reg, f->shift);
	return f->kind == PMU && value == FIELD ? 0 : (int)value;
}

static void set_field(struct id_registers *id, const struct field *f, int value)
{
	id->value[f->reg] &= ~(FIELD << f->shift);
	id->value[f->reg] |= ((u64)(unsigned int)value & FIELD) << f->shift;
}

static void show_field(const struct id_registers *cpu, const struct field *f, struct id_registers *guest)
{
	int value = field_value(cpu, f);

	set_field(guest, f, value > f->max ? f->max : value);
}

void features_filter(const struct id_registers *cpu, struct id_registers *guest)
{
	*guest = (struct id_registers){ 0 };
	for (unsigned int i = 0; i < ARRAY_SIZE(fields); i++)
		show_field(cpu, &fields[i], guest);
	for (unsigned int i = 0; i < ARRAY_SIZE(aarch32); i++)
		guest->value[aarch32[i].reg] = cpu->value[aarch32[i].reg] & aarch32[i].shown;
	show_field(cpu, &perfmon, guest);
	if (!id_field(guest, ID_AA64PFR0, 32)) /* without SVE the register is reserved */
		guest->value[ID_AA64ZFR0] = 0;
}

/* ---- several CPUs -------------------------------------------------------------------------------------- */

static LOCK_CLASS(features_class, "features");
static struct spinlock features_lock LEAF_LOCK = SPINLOCK_INIT(features_class);
static struct id_registers common; /* written under the lock, at boot; read by exits without it */

/* The lower of both in each field. False: `id` has less of something than `into` had. */
static bool lower(struct id_registers *into, const struct id_registers *id, const struct field *f)
{
	int value = field_value(id, f);

	if (value >= field_value(into, f))
		return true;
	set_field(into, f, value);
	return false;
}

static bool join(struct id_registers *into, const struct id_registers *id)
{
	bool all = true;

	for (unsigned int i = 0; i < ARRAY_SIZE(fields); i++)
		all &= lower(into, id, &fields[i]);
	for (unsigned int i = 0; i < ARRAY_SIZE(aarch32); i++) {
		for (u8 shift = 0; shift < 32; shift += 4)
			all &= lower(into, id, &(struct field){ aarch32[i].reg, shift, UNSIGNED, FIELD });
	}
	return all;
}

void features_add_cpu(unsigned int cpu, const struct id_registers *id)
{
	struct id_registers guest;
	bool all = true;

	features_filter(id, &guest);
	spin_lock(&features_lock);
	if (!cpu)
		common = guest;
	else
		all = join(&common, &guest);
	spin_unlock(&features_lock);
	if (!all)
		log_warn("CPU %u lacks features of those before it: the guest sees what all have", cpu);
}

u64 features_guest(unsigned int index)
{
	return common.value[index];
}
