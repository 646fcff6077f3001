/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's RAM, as Fairlead touches it on the guest's behalf: rarely, and only what the guest's own
 * second-stage table lets the guest at (vm_lookup()). With VHE its pages are user memory to Fairlead, which
 * PAN keeps out of reach but between these two.
 */
#ifndef ARCH_ARM64_GUEST_MEM_H
#define ARCH_ARM64_GUEST_MEM_H

#include "core/types.h"

/*
 * PSTATE.PAN off and on again, where the CPU has it; short, and nothing that could take a lock in between.
 * Exit path. paging.c
 */
void guest_access_begin(void);
void guest_access_end(void);

/*
 * The 32-bit word of guest RAM at ipa, which is aligned. -EFAULT: the guest may not read there, or it is no
 * RAM. Exit path, no lock held. guest_mem.c
 */
int MUST_CHECK guest_read_u32(gpa_t ipa, u32 *value);

#endif
