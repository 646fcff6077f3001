/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SMC Calling Convention (Arm DEN 0028E) and PSCI (DEN 0022E, version 1.1): the numbers of functions and
 * answers, and the firmware's side. The guest's calls are answered by smccc_call() (exits.h, psci.c).
 */
#ifndef ARCH_ARM64_PSCI_H
#define ARCH_ARM64_PSCI_H

#include "core/types.h"

/* Function identifiers, DEN 0028E 2.5: a fast call, its convention, who owns it, its number. */
#define SMCCC_FAST BIT32(31)
#define SMCCC_64 BIT32(30)
#define SMCCC_OWNER(function) ((function) >> 24 & 0x3f)
#define SMCCC_CLASS(function) ((function) >> 24) /* owner, convention and kind of call together */

/* Answers, DEN 0028E 7.1 */
#define SMCCC_NOT_SUPPORTED (-1)
#define SMCCC_SUCCESS 0

/* Arm Architecture Calls, DEN 0028E chapter 7; the workarounds: 7.5 and Arm's ARM-EPM-039795 */
#define SMCCC_VERSION 0x80000000u
#define SMCCC_ARCH_FEATURES 0x80000001u
#define SMCCC_ARCH_WORKAROUND_3 0x80003fffu
#define SMCCC_ARCH_WORKAROUND_2 0x80007fffu
#define SMCCC_ARCH_WORKAROUND_1 0x80008000u
#define SMCCC_VERSION_1_1 0x10001u

/* PSCI, DEN 0022E chapter 5; with SMCCC_64 where addresses or MPIDRs are arguments */
#define PSCI_VERSION 0x84000000u
#define PSCI_CPU_SUSPEND 0x84000001u
#define PSCI_CPU_OFF 0x84000002u
#define PSCI_CPU_ON 0x84000003u
#define PSCI_AFFINITY_INFO 0x84000004u
#define PSCI_MIGRATE_INFO_TYPE 0x84000006u
#define PSCI_SYSTEM_OFF 0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u
#define PSCI_FEATURES 0x8400000au
#define PSCI_CPU_SUSPEND_64 (PSCI_CPU_SUSPEND | SMCCC_64)
#define PSCI_CPU_ON_64 (PSCI_CPU_ON | SMCCC_64)
#define PSCI_AFFINITY_INFO_64 (PSCI_AFFINITY_INFO | SMCCC_64)

#define PSCI_VERSION_1_1 0x10001u
#define PSCI_VERSION_1_0 0x10000u

/* Answers, 5.2.2 */
#define PSCI_SUCCESS 0
#define PSCI_NOT_SUPPORTED (-1)
#define PSCI_INVALID_PARAMETERS (-2)
#define PSCI_DENIED (-3)
#define PSCI_ALREADY_ON (-4)
#define PSCI_ON_PENDING (-5)
#define PSCI_INTERNAL_FAILURE (-6)
#define PSCI_NOT_PRESENT (-7)
#define PSCI_DISABLED (-8)
#define PSCI_INVALID_ADDRESS (-9)

/* AFFINITY_INFO, 5.7.1; MIGRATE_INFO_TYPE, 5.9.1: there is no Trusted OS that would have to migrate */
enum psci_affinity { PSCI_AFFINITY_ON = 0, PSCI_AFFINITY_OFF = 1, PSCI_AFFINITY_ON_PENDING = 2 };
#define PSCI_NO_TRUSTED_OS 2

/*
 * Asks the machine's firmware, by SMC #0 (the tree says that it listens there: dt_machine.psci_smc). What
 * comes back in X0; SMC32 answers are (s32) of that. Boot, the end of the machine, and on the exit path for
 * what answers at once. smc.c
 */
s64 psci_firmware_call(u32 function, u64 a, u64 b, u64 c);

#endif
