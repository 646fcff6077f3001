/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why a guest CPU came out, by exception class (Arm ARM DDI 0487J, D19.2.37 ESR_EL2), and who answers.
 */
#ifndef ARCH_ARM64_EXITS_H
#define ARCH_ARM64_EXITS_H

#include "arch/arm64/vcpu.h"

/* ESR_EL2 */
#define ESR_EC_SHIFT 26
#define ESR_EC(esr) ((unsigned int)((esr) >> ESR_EC_SHIFT) & 0x3f)
#define ESR_IL BIT(25) /* the instruction had 32 bits */
#define ESR_ISS(esr) ((u32)(esr) & 0x1ffffff)

enum esr_ec {
	EC_UNKNOWN = 0x00,
	EC_WFX = 0x01,
	EC_CP15_32 = 0x03,
	EC_CP15_64 = 0x04,
	EC_CP14_32 = 0x05,
	EC_CP14_64 = 0x0c,
	EC_FP_SVE = 0x07,
	EC_PAC = 0x09,
	EC_LS64 = 0x0a,
	EC_BTI = 0x0d,
	EC_ILLEGAL_STATE = 0x0e,
	EC_HVC32 = 0x12,
	EC_SMC32 = 0x13,
	EC_HVC64 = 0x16,
	EC_SMC64 = 0x17,
	EC_SYSREG = 0x18,
	EC_SVE = 0x19,
	EC_SME = 0x1d,
	EC_INSTRUCTION_ABORT_LOWER = 0x20,
	EC_INSTRUCTION_ABORT_SAME = 0x21,
	EC_PC_ALIGNMENT = 0x22,
	EC_DATA_ABORT_LOWER = 0x24,
	EC_DATA_ABORT_SAME = 0x25,
	EC_SP_ALIGNMENT = 0x26,
	EC_SERROR = 0x2f,
};

/* How the guest came out: which vector (guest_entry.S). */
enum exit_kind { EXIT_SYNC, EXIT_IRQ, EXIT_SERROR };

/* Answers one exit. Exit path, no lock held. exits.c */
void exit_handle(struct vcpu *v, enum exit_kind kind);

/* HVC #0 and SMC #0 with the SMC Calling Convention (DEN 0028E): PSCI (DEN 0022E) is answered, the rest is filtered: x0 becomes
 * NOT_SUPPORTED. Skips the instruction where hardware has not (SMC). Exit path. psci.c */
void smccc_call(struct vcpu *v, bool smc);

/* A trapped MRS/MSR (EC 0x18; the AArch32 forms too): emulated, or UNDEFINED in the guest. Exit path. sysreg.c */
void sysreg_access(struct vcpu *v);
/* HCR_EL2, CPTR_EL2, MDCR_EL2, HSTR_EL2, HFG*... of this CPU as the table in sysreg.c needs them, and what ID registers the guest
 * sees. Once on each CPU before its guest's first entry. sysreg_cpu.c */
void sysreg_start_cpu(struct vcpu *v);

/*
 * A stage 2 fault of the guest. Either the table allows it meanwhile (tried again), or vm_mmio_access() answers: operands from the
 * syndrome, or where that is invalid (ESR_EL2.ISV = 0) from the instruction. What cannot be emulated becomes an external abort
 * in the guest, logged once. abort.c
 */
void abort_handle(struct vcpu *v);

#endif
