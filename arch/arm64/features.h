/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest's CPUs can do, as its ID registers say it (Arm ARM DDI 0487J, D19.2.52 and following). A CPU
 * feature is shown if it works for the guest without anything that Fairlead does not do; what is new, or not
 * in the table, is not shown. What is not shown is undefined when used wherever hardware can trap it
 * (traps.h). The guest sees what all CPUs have in common.
 */
#ifndef ARCH_ARM64_FEATURES_H
#define ARCH_ARM64_FEATURES_H

#include "core/types.h"

/*
 * Group 3 (D1.3.5, HCR_EL2.TID3): op0 = 3, op1 = 0, CRn = 0, CRm = 1 .. 7, op2 = 0 .. 7. What is not
 * allocated there reads 0.
 */
#define ID_REGISTERS 56u
#define ID_INDEX(crm, op2) (((crm) - 1u) * 8u + (op2))

enum id_register {
	ID_PFR0 = ID_INDEX(1, 0), ID_PFR1, ID_DFR0, ID_AFR0, ID_MMFR0, ID_MMFR1, ID_MMFR2, ID_MMFR3,
	ID_ISAR0 = ID_INDEX(2, 0), ID_ISAR1, ID_ISAR2, ID_ISAR3, ID_ISAR4, ID_ISAR5, ID_MMFR4, ID_ISAR6,
	ID_MVFR0 = ID_INDEX(3, 0), ID_MVFR1, ID_MVFR2,
	ID_PFR2 = ID_INDEX(3, 4), ID_DFR1, ID_MMFR5,
	ID_AA64PFR0 = ID_INDEX(4, 0), ID_AA64PFR1, ID_AA64PFR2,
	ID_AA64ZFR0 = ID_INDEX(4, 4), ID_AA64SMFR0,
	ID_AA64FPFR0 = ID_INDEX(4, 7),
	ID_AA64DFR0 = ID_INDEX(5, 0), ID_AA64DFR1,
	ID_AA64AFR0 = ID_INDEX(5, 4), ID_AA64AFR1,
	ID_AA64ISAR0 = ID_INDEX(6, 0), ID_AA64ISAR1, ID_AA64ISAR2, ID_AA64ISAR3,
	ID_AA64MMFR0 = ID_INDEX(7, 0), ID_AA64MMFR1, ID_AA64MMFR2, ID_AA64MMFR3, ID_AA64MMFR4,
};

struct id_registers {
	u64 value[ID_REGISTERS]; /* by ID_INDEX() */
};

/* One field of 4 bits; the second: those that count from -1 (D19.1.3: 0b1111 is "not there"). Pure. */
unsigned int id_field(const struct id_registers *id, enum id_register reg, unsigned int shift);
int id_signed_field(const struct id_registers *id, enum id_register reg, unsigned int shift);

/* What a guest sees of a machine whose only CPU has those. Pure. */
void features_filter(const struct id_registers *cpu, struct id_registers *guest);

/*
 * One more CPU of the guest's. The boot CPU (number 0) begins, before any other; a CPU that has less than
 * those before is warned of, since its guest may have looked already. Boot; takes a leaf lock.
 */
void features_add_cpu(unsigned int cpu, const struct id_registers *id);
/* What the guest reads. Exit path. */
u64 features_guest(unsigned int index);

#endif
