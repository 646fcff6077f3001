/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state in which the guest's first CPU starts.
 */
#ifndef ARCH_X86_GUEST_BOOT_H
#define ARCH_X86_GUEST_BOOT_H

#include "arch/x86/vcpu.h"

/* Fills v for Linux's 64-bit entry point and writes the page tables and the GDT it asks for into boot_info.guest_tables, which
 * is the guest's RAM. Boot, before the first entry. */
void guest_boot_state(struct vcpu *v);

#endif
