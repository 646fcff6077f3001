/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fairlead's timer: the EL2 physical timer, which the guest does not have; and the guest's use of the virtual and the physical one.
 */
#ifndef ARCH_ARM64_TIMER_H
#define ARCH_ARM64_TIMER_H

#include "boot/arm64/dt.h"

/* Claims the interrupt. Boot CPU, after gic_init(). */
int MUST_CHECK el2_timer_init(const struct dt_machine *dt);
/* Each CPU, after gic_start_cpu(): counters and timers of EL1 and EL0 pass, CNTVOFF_EL2 is 0, Fairlead's interrupt is on. */
void el2_timer_start_cpu(unsigned int cpu);

#endif
