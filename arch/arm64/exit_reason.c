/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names of exit reasons, as `stats` and the trace print them, and which one an exception is.
 */
#include "arch/arm64/exit_reason.h"

static const char *const names[ARM64_EXITS] = {
	[ARM64_EXIT_INTERRUPT] = "interrupt",
	[ARM64_EXIT_DATA_ABORT] = "data-abort",
	[ARM64_EXIT_INSTRUCTION_ABORT] = "instruction-abort",
	[ARM64_EXIT_SYSREG] = "sysreg",
	[ARM64_EXIT_HVC] = "hvc",
	[ARM64_EXIT_SMC] = "smc",
	[ARM64_EXIT_SERROR] = "serror",
	[ARM64_EXIT_OTHER] = "other",
};

void arm64_name_exits(void)
{
	counters_name_exits(names, ARM64_EXITS);
}

enum arm64_exit arm64_exit_reason(u64 esr, enum exit_kind kind)
{
	if (kind == EXIT_IRQ)
		return ARM64_EXIT_INTERRUPT;
	if (kind == EXIT_SERROR)
		return ARM64_EXIT_SERROR;
	switch (ESR_EC(esr)) {
	case EC_DATA_ABORT_LOWER:
		return ARM64_EXIT_DATA_ABORT;
	case EC_INSTRUCTION_ABORT_LOWER:
		return ARM64_EXIT_INSTRUCTION_ABORT;
	case EC_SYSREG:
	case EC_CP15_32:
	case EC_CP15_64:
	case EC_CP14_32:
	case EC_CP14_64:
		return ARM64_EXIT_SYSREG;
	case EC_HVC32:
	case EC_HVC64:
		return ARM64_EXIT_HVC;
	case EC_SMC32:
	case EC_SMC64:
		return ARM64_EXIT_SMC;
	default:
		return ARM64_EXIT_OTHER;
	}
}
