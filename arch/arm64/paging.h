/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fairlead's own address space at EL2, and the guest's second-stage registers. The first is an identity map in which nothing is both
 * writable and executable, each stack stands above an unmapped page, and (with VHE) the guest's memory is user memory, so that with
 * PAN only code that says so touches it.
 */
#ifndef ARCH_ARM64_PAGING_H
#define ARCH_ARM64_PAGING_H

#include "core/types.h"

/* Builds the tables from boot_info, with the stacks of that many CPUs, and loads them with what the CPU has of WXN, PAN and BTI.
 * Boot CPU, on the stack of stack_area(0). 0, or the errno of pt_map(). */
int MUST_CHECK paging_init(unsigned int cpus);
/* The rest of it on another CPU, after el2_load(). */
void paging_start_cpu(void);
/* A CPU's stacks (stacks.h): in the image for the boot CPU, from the pool for the others. */
paddr_t stack_area(unsigned int cpu);

/* Width of the guest's physical addresses, by all that limits it; and may its table have 52-bit entries? */
unsigned int stage2_bits(bool *wide);
/* VTCR_EL2 and VTTBR_EL2 of this CPU from guest.stage2. */
void stage2_start_cpu(void);
/* This CPU forgets what it has cached of the guest's translations; or all CPUs do. Waits. */
void stage2_flush_cpu(void);
void stage2_flush_all(void);
struct pagetable;
void stage2_flush_table(const struct pagetable *pt); /* the latter, for vm_set_live() */

#endif
