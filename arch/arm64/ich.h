/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual CPU interface of this CPU, as EL2 controls it (IHI 0069H, 12.4; fields in gic_regs.h): the
 * guest acknowledges and ends virtual interrupts there without an exit. vgic_cpu.c; the host's tests supply a
 * model of it.
 */
#ifndef ARCH_ARM64_ICH_H
#define ARCH_ARM64_ICH_H

#include "core/types.h"

u64 ich_read_vtr(void);
/* n below what ICH_VTR_EL2 says. */
u64 ich_read_lr(unsigned int n);
void ich_write_lr(unsigned int n, u64 value);
u64 ich_read_hcr(void);
void ich_write_hcr(u64 value);
u64 ich_read_misr(void); /* why there is a maintenance interrupt; 0: there is none */
u64 ich_read_vmcr(void);
void ich_write_vmcr(u64 value);
/* ICH_AP0R<n>_EL2, ICH_AP1R<n>_EL2: no virtual interrupt is being handled. */
void ich_clear_active_priorities(void);

#endif
