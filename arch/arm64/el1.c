/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reaches the guest's EL1 registers, whose names depend on HCR_EL2.E2H (Arm ARM DDI 0487J, D8.15.2 and table D8-58).
 */
#include "arch/arm64/el1.h"

#include "arch/arm64/cpu.h"
#include "arch/arm64/sysregs.h"
#include "core/errno.h"
#include "core/log.h"

/* Both names of each register: without and with E2H. Those of EL0 and of the stack have one. */
#define EL1_LIST(X)                                              \
	X(EL1_SCTLR, "sctlr_el1", "S3_5_C1_C0_0")                \
	X(EL1_CPACR, "cpacr_el1", "S3_5_C1_C0_2")                \
	X(EL1_TTBR0, "ttbr0_el1", "S3_5_C2_C0_0")                \
	X(EL1_TTBR1, "ttbr1_el1", "S3_5_C2_C0_1")                \
	X(EL1_TCR, "tcr_el1", "S3_5_C2_C0_2")                    \
	X(EL1_MAIR, "mair_el1", "S3_5_C10_C2_0")                 \
	X(EL1_AMAIR, "amair_el1", "S3_5_C10_C3_0")               \
	X(EL1_AFSR0, "afsr0_el1", "S3_5_C5_C1_0")                \
	X(EL1_AFSR1, "afsr1_el1", "S3_5_C5_C1_1")                \
	X(EL1_CONTEXTIDR, "contextidr_el1", "S3_5_C13_C0_1")     \
	X(EL1_ESR, "esr_el1", "S3_5_C5_C2_0")                    \
	X(EL1_FAR, "far_el1", "S3_5_C6_C0_0")                    \
	X(EL1_VBAR, "vbar_el1", "S3_5_C12_C0_0")                 \
	X(EL1_ELR, "elr_el1", "S3_5_C4_C0_1")                    \
	X(EL1_SPSR, "spsr_el1", "S3_5_C4_C0_0")                  \
	X(EL1_SP, "sp_el1", "sp_el1")                            \
	X(EL1_SP0, "sp_el0", "sp_el0")                           \
	X(EL1_PAR, "par_el1", "par_el1")                         \
	X(EL1_TPIDR, "tpidr_el1", "tpidr_el1")                   \
	X(EL1_TPIDR0, "tpidr_el0", "tpidr_el0")                  \
	X(EL1_TPIDRRO0, "tpidrro_el0", "tpidrro_el0")            \
	X(EL1_CNTKCTL, "cntkctl_el1", "S3_5_C14_C1_0")           \
	X(EL1_CNTV_CTL, "cntv_ctl_el0", "S3_5_C14_C3_1")         \
	X(EL1_CNTV_CVAL, "cntv_cval_el0", "S3_5_C14_C3_2")       \
	X(EL1_CNTP_CTL, "cntp_ctl_el0", "S3_5_C14_C2_1")         \
	X(EL1_CNTP_CVAL, "cntp_cval_el0", "S3_5_C14_C2_2")       \
	X(EL1_MDSCR, "mdscr_el1", "mdscr_el1")

u64 el1_read(enum el1_register r)
{
	const bool vhe = cpu_has_vhe();

	switch (r) {
#define READ(id, plain, el12) \
	case id: return vhe ? sysreg_read(el12) : sysreg_read(plain);
		EL1_LIST(READ)
	case EL1_REGISTERS: break;
	}
	panic("EL1 register %d does not exist", r);
}

void el1_write(enum el1_register r, u64 value)
{
	const bool vhe = cpu_has_vhe();

	switch (r) {
#define WRITE(id, plain, el12)                      \
	case id:                                    \
		if (vhe)                            \
			sysreg_write(el12, value);  \
		else                                \
			sysreg_write(plain, value); \
		return;
		EL1_LIST(WRITE)
	case EL1_REGISTERS: break;
	}
	panic("EL1 register %d does not exist", r);
}

/* PAR_EL1 (Arm ARM D19.2.110) */
#define PAR_F BIT(0)
#define PAR_PA GENMASK64(51, 12)

int el1_translate_stage1(u64 va, gpa_t *ipa)
{
	const u64 saved = sysreg_read("par_el1");
	u64 par;

	/* If an error in the guest's tables makes the AT an exception, it is passed over (own_fault.h), and this stays. */
	sysreg_write("par_el1", PAR_F);
	isb();
	__asm__ volatile("at s1e1r, %0" : : "r"(va) : "memory");
	isb();
	par = sysreg_read("par_el1");
	sysreg_write("par_el1", saved);
	if (par & PAR_F)
		return -EFAULT;
	*ipa = (par & PAR_PA) | (va & (PAGE_SIZE - 1));
	return 0;
}
