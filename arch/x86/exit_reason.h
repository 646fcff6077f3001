/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why the guest exits, for counting and tracing: coarser than the codes of a virtualization extension, and the same for each.
 */
#ifndef ARCH_X86_EXIT_REASON_H
#define ARCH_X86_EXIT_REASON_H

#include "core/counters.h"

enum x86_exit { /* names: exit_reason.c */
	X86_EXIT_CPUID,
	X86_EXIT_MSR_READ,
	X86_EXIT_MSR_WRITE,
	X86_EXIT_IO,
	X86_EXIT_NESTED_FAULT,	  /* an address that the guest's second-stage table does not give it */
	X86_EXIT_NMI,
	X86_EXIT_IRET,		  /* of the guest's NMI handler */
	X86_EXIT_XSETBV,
	X86_EXIT_INVD,
	X86_EXIT_VMMCALL,
	X86_EXIT_HLT,		  /* the next one of a CPU that was woken (vcpu_request.h) */
	X86_EXIT_MACHINE_CHECK,
	X86_EXIT_SVM_INSTRUCTION, /* VMRUN and its kind */
	X86_EXIT_OTHER,
	X86_EXITS,
};
static_assert(X86_EXITS <= COUNTED_EXITS_MAX, "room for each reason's counter");

/* Tells the counters the names. Boot. */
void x86_name_exits(void);

#endif
