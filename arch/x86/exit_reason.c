/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names of exit reasons, as `stats` and the trace print them.
 */
#include "arch/x86/exit_reason.h"

static const char *const names[X86_EXITS] = {
	[X86_EXIT_CPUID] = "cpuid",
	[X86_EXIT_MSR_READ] = "msr-read",
	[X86_EXIT_MSR_WRITE] = "msr-write",
	[X86_EXIT_IO] = "io",
	[X86_EXIT_NESTED_FAULT] = "nested-fault",
	[X86_EXIT_NMI] = "nmi",
	[X86_EXIT_IRET] = "iret",
	[X86_EXIT_XSETBV] = "xsetbv",
	[X86_EXIT_INVD] = "invd",
	[X86_EXIT_VMMCALL] = "vmmcall",
	[X86_EXIT_HLT] = "hlt",
	[X86_EXIT_MACHINE_CHECK] = "machine-check",
	[X86_EXIT_SVM_INSTRUCTION] = "svm-instruction",
	[X86_EXIT_OTHER] = "other",
};

void x86_name_exits(void)
{
	counters_name_exits(names, X86_EXITS);
}
