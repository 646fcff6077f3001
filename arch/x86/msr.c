/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MSRs that exit: emulated ones, one handler each, and those of which the guest sees the hardware's value but does not change it.
 */
#include "arch/x86/msr.h"

#include "arch/x86/cpu.h"
#include "arch/x86/lapic.h"
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/once.h"

#define LOGGED_MSRS 32

#define MSR_MTRR_CAP 0xfeu
#define MSR_MCG_STATUS 0x17au
#define MSR_MCG_CTL 0x17bu
#define MSR_MC_FIRST 0x400u
#define MSR_MC_LAST 0x47fu
#define MSR_SMCA_FIRST 0xc0002000u
#define MSR_MTRR_FIRST 0x200u
#define MSR_MTRR_VARIABLE_LAST 0x20fu
#define MSR_MTRR_DEFAULT 0x2ffu
#define MSR_PAT 0x277u
#define MSR_EFER 0xc0000080u
#define MSR_VM_CR 0xc0010114u
#define MSR_LS_CFG 0xc0011020u
#define MSR_DE_CFG 0xc0011029u

/* Software workarounds in configuration registers (AMD, "Speculative store bypass disable", 2018; "Software
 * techniques for managing speculation", 2023; Zenbleed, AMD-SB-7008). The bit of LS_CFG depends on the family. */
#define LS_CFG_SSBD_15H BIT(54)
#define LS_CFG_SSBD_16H BIT(33)
#define LS_CFG_SSBD_17H BIT(10)
#define DE_CFG_LFENCE_SERIALIZES BIT(1)
#define DE_CFG_ZENBLEED BIT(9)

/* APM vol. 2, 15.30.1 */
#define VM_CR_SVMDIS_LOCKED 0x18u
/* 3.1.7. What the guest may set; SVME it does not have. */
#define EFER_SCE BIT(0)
#define EFER_FFXSR BIT(14)
#define EFER_TCE BIT(15)
#define EFER_MCOMMIT BIT(17)
#define EFER_INTWB BIT(18)
#define EFER_UAIE BIT(20)
#define EFER_AIBRSE BIT(21)
/* LMSLE is left out: the check below would have segment limits in force for Fairlead, and CPUID says that it is not supported. */
#define EFER_WRITABLE                                                                      \
	(EFER_SCE | X86_EFER_LME | X86_EFER_NXE | EFER_FFXSR | EFER_TCE | EFER_MCOMMIT |   \
	 EFER_INTWB | EFER_UAIE | EFER_AIBRSE)

/* ---- memory types: MTRR (7.7) and PAT (7.8) -------------------------------------------------------------------- */

/*
 * MTRRs are the machine's, and with them the memory types of Fairlead's own memory: the guest writes a shadow. Each CPU has its own
 * (Intel SDM vol. 3A, "MTRR considerations in MP systems"), which only that CPU touches: a guest changes them on all CPUs at once,
 * and each reads back what it wrote.
 */
#define MTRR_VARIABLE 16u
static const u16 mtrr_fixed[] = { 0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f };
struct mtrr_shadow {
	u64 variable[MTRR_VARIABLE], fixed[ARRAY_SIZE(mtrr_fixed)], default_type;
};
static struct mtrr_shadow mtrr[CPUS_MAX];
static u64 mtrr_cap; /* written at boot */

static bool valid_type(u64 type, bool pat)
{
	switch (type & 0xff) {
	case 0: /* UC */
	case 1: /* WC */
	case 4: /* WT */
	case 5: /* WP */
	case 6: /* WB */
		return true;
	case 7: /* UC- */
		return pat;
	default:
		return false;
	}
}

static bool eight_valid_types(u64 value, bool pat)
{
	for (unsigned int i = 0; i < 8; i++) {
		if (!valid_type(value >> (8 * i), pat))
			return false;
	}
	return true;
}

/* NULL: that is no MTRR. */
static u64 *find_mtrr(unsigned int cpu, u32 msr)
{
	if (msr - MSR_MTRR_FIRST < MTRR_VARIABLE)
		return &mtrr[cpu].variable[msr - MSR_MTRR_FIRST];
	for (unsigned int i = 0; i < ARRAY_SIZE(mtrr_fixed); i++) {
		if (msr == mtrr_fixed[i])
			return &mtrr[cpu].fixed[i];
	}
	return msr == MSR_MTRR_DEFAULT ? &mtrr[cpu].default_type : NULL;
}

static int write_mtrr(unsigned int cpu, u32 msr, u64 value)
{
	bool variable = msr <= MSR_MTRR_VARIABLE_LAST;

	if (variable && msr % 2 == 0 && !valid_type(value, false))
		return -EPERM;
	if (msr == MSR_MTRR_DEFAULT && !valid_type(value, false))
		return -EPERM;
	if (!variable && msr != MSR_MTRR_DEFAULT && !eight_valid_types(value, false))
		return -EPERM;
	*find_mtrr(cpu, msr) = value;
	return 0;
}

/* Firmware has made all CPUs' the same, so the boot CPU's are everybody's first. */
void msr_init(void)
{
	u64 value;

	for (u32 msr = MSR_MTRR_FIRST; msr <= MSR_MTRR_DEFAULT; msr++) {
		u64 *own = find_mtrr(0, msr);

		if (own && !rdmsr_safe(msr, &value))
			*own = value;
	}
	for (unsigned int cpu = 1; cpu < CPUS_MAX; cpu++)
		mtrr[cpu] = mtrr[0];
	if (!rdmsr_safe(MSR_MTRR_CAP, &value))
		mtrr_cap = value;
}

/* ---- the others ------------------------------------------------------------------------------------------------- */

static int write_efer(struct vcpu *v, u64 value)
{
	/* LMA is read-only; Linux writes back what it read. */
	if ((value & ~X86_EFER_LMA) & ~EFER_WRITABLE)
		return -EPERM;
	if ((v->cr0 & X86_CR0_PG) && ((value ^ v->efer) & X86_EFER_LME))
		return -EPERM;
	/*
	 * Which of the rest exist is the hardware's to say: VMRUN would refuse them later. EFER is each CPU's own, and nothing
	 * comes in between: an NMI waits for GIF.
	 */
	if ((value & ~(X86_EFER_LMA | X86_EFER_LME)) != (v->efer & ~(X86_EFER_LMA | X86_EFER_LME))) {
		u64 own = rdmsr(MSR_EFER);

		if (wrmsr_safe(MSR_EFER, own | (value & EFER_WRITABLE & ~(X86_EFER_LME | X86_EFER_NXE))))
			return -EPERM;
		wrmsr(MSR_EFER, own);
	}
	v->efer = (value & EFER_WRITABLE) | (v->efer & X86_EFER_LMA);
	return 0;
}

/*
 * Machine-check registers: enabling is harmless, a status may be cleared, nothing may be made up. Error counters
 * (MISC) keep what firmware set: their interrupt could be an SMI.
 */
static int write_machine_check(u32 msr, u64 value)
{
	bool legacy = msr >= MSR_MC_FIRST && msr <= MSR_MC_LAST, scalable = msr >= MSR_SMCA_FIRST;
	bool control = msr == MSR_MCG_CTL || (legacy && msr % 4 == 0) ||
		       (scalable && (msr % 16 == 0 || msr % 16 == 4)); /* MCA_CTL, MCA_CONFIG */
	bool misc = (legacy && msr % 4 == 3) || (scalable && (msr % 16 == 3 || msr % 16 >= 10));

	if (value && misc)
		return 0;
	if (value && !control)
		return -EPERM;
	return wrmsr_safe(msr, value) ? -EPERM : 0;
}

static u64 ssbd_bit(void)
{
	u32 eax = cpuid(1, 0).eax;
	u32 family = (eax >> 8 & 0xf) == 0xf ? 0xf + (eax >> 20 & 0xff) : eax >> 8 & 0xf; /* APM vol. 3, E.3.2 */

	return family == 0x15 ? LS_CFG_SSBD_15H : family == 0x16 ? LS_CFG_SSBD_16H : family == 0x17 ? LS_CFG_SSBD_17H : 0;
}

/*
 * Only the bits in `writable` change; what else the guest wants is dropped. The register is this CPU's, or this core's: then two
 * threads of a core race as they do without Fairlead.
 */
static int write_bits(u32 msr, u64 value, u64 writable)
{
	u64 now;

	if (rdmsr_safe(msr, &now))
		return -EPERM;
	return wrmsr_safe(msr, (now & ~writable) | (value & writable)) ? -EPERM : 0;
}

static int emulated_read(const struct vcpu *v, u32 msr, u64 *value)
{
	if (find_mtrr(v->index, msr))
		*value = *find_mtrr(v->index, msr);
	else if (msr == MSR_MTRR_CAP)
		*value = mtrr_cap;
	else if (msr == MSR_PAT)
		*value = v->pat;
	else if (msr == MSR_EFER)
		*value = v->efer;
	else if (msr == MSR_VM_CR)
		*value = VM_CR_SVMDIS_LOCKED;
	else
		*value = 0; /* DebugCtl */
	return 0;
}

static int emulated_write(struct vcpu *v, u32 msr, u64 value)
{
	if (find_mtrr(v->index, msr))
		return write_mtrr(v->index, msr, value);
	if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST)
		return lapic_write_msr(msr, value);
	switch (msr) {
	case MSR_APIC_BASE:
		return lapic_write_base(value);
	case MSR_EFER:
		return write_efer(v, value);
	case MSR_PAT:
		if (!eight_valid_types(value, true))
			return -EPERM;
		v->pat = value;
		return 0;
	case MSR_LS_CFG:
		return write_bits(msr, value, ssbd_bit());
	case MSR_DE_CFG:
		return write_bits(msr, value, DE_CFG_LFENCE_SERIALIZES | DE_CFG_ZENBLEED);
	default:
		return write_machine_check(msr, value);
	}
}

static void note_ignored(u32 msr, u64 value)
{
	static once_place seen[LOGGED_MSRS];

	if (once(seen, msr))
		log_info("platform: write of 0x%llx to MSR 0x%x ignored", (unsigned long long)value, msr);
}

int msr_read(struct vcpu *v, u32 msr, u64 *value)
{
	switch (msr_read_rule(msr)) {
	case MSR_PASSED: /* x2APIC registers and others, if the permission map could not name them */
	case MSR_REAL:
		return rdmsr_safe(msr, value) ? -EPERM : 0;
	case MSR_EMULATED:
		return emulated_read(v, msr, value);
	default:
		return -EPERM;
	}
}

int msr_write(struct vcpu *v, u32 msr, u64 value)
{
	switch (msr_write_rule(msr)) {
	case MSR_PASSED:
		return wrmsr_safe(msr, value) ? -EPERM : 0;
	case MSR_IGNORED:
		note_ignored(msr, value);
		return 0;
	case MSR_EMULATED:
		return emulated_write(v, msr, value);
	default:
		return -EPERM;
	}
}
