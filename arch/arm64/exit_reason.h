/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why the guest exits, for counting and tracing: coarser than the exception classes.
 */
#ifndef ARCH_ARM64_EXIT_REASON_H
#define ARCH_ARM64_EXIT_REASON_H

#include "arch/arm64/exits.h"
#include "core/counters.h"

enum arm64_exit { /* names: exit_reason.c */
	ARM64_EXIT_INTERRUPT,
	ARM64_EXIT_DATA_ABORT,
	ARM64_EXIT_INSTRUCTION_ABORT,
	ARM64_EXIT_SYSREG,
	ARM64_EXIT_HVC,
	ARM64_EXIT_SMC,
	ARM64_EXIT_SERROR,
	ARM64_EXIT_OTHER,
	ARM64_EXITS,
};
static_assert(ARM64_EXITS <= COUNTED_EXITS_MAX, "room for each reason's counter");

/* Tells the counters the names. Boot. */
void arm64_name_exits(void);
/* Pure. */
enum arm64_exit arm64_exit_reason(u64 esr, enum exit_kind kind);

#endif
