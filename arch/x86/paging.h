/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fairlead's own address space: an identity map in which nothing is both writable and executable, each stack stands above an
 * unmapped page, and the guest's memory is marked as user memory, so that (with SMAP) only code that says so touches it.
 */
#ifndef ARCH_X86_PAGING_H
#define ARCH_X86_PAGING_H

#include "core/types.h"

/* Builds the tables from boot_info, turns on NX, write protection, SMEP and SMAP where the CPU has them, and loads CR3. Boot. 0, or
 * the errno of pt_map(). Runs on a stack inside the image's data. */
int MUST_CHECK paging_init(void);
/* The same protections and tables on an application processor that came by the trampoline. Boot. */
void paging_load(void);
/* From here on that page of Fairlead's is not mapped. Boot CPU, boot. -ENOMEM. */
int MUST_CHECK paging_guard(u64 page);
/*
 * The trampoline's first page becomes code, and can no longer be written; its second a copy of the root table as it is now, so
 * what the new CPUs need before they load the real one must be mapped. Boot CPU, boot. -ENOMEM.
 */
int MUST_CHECK paging_seal_trampoline(paddr_t trampoline);

#endif
