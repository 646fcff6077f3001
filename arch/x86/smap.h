/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fairlead's own page tables map the guest's memory as user pages. With SMAP (AMD64 APM vol. 2, 5.6.6) an
 * access to a user page faults unless RFLAGS.AC is set, so a stray pointer into the guest is a fault and not
 * a leak. These two open and close that door; what lies between them is only the copy itself.
 */
#ifndef ARCH_X86_SMAP_H
#define ARCH_X86_SMAP_H

#include "core/types.h"

#ifdef FL_HOST
static inline void arch_user_access_begin(void)
{
}

static inline void arch_user_access_end(void)
{
}
#else
extern bool x86_smap_on; /* CR4.SMAP is set: STAC and CLAC exist. Set once at boot. */

static inline void arch_user_access_begin(void)
{
	if (x86_smap_on)
		__asm__ volatile("stac" : : : "cc", "memory");
}

static inline void arch_user_access_end(void)
{
	if (x86_smap_on)
		__asm__ volatile("clac" : : : "cc", "memory");
}
#endif

#endif
