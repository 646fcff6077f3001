/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fairlead's own timer (arch_timer_arm()): a comparator of the HPET, which the guest does not see, sends an
 * NMI message to the boot CPU.
 */
#ifndef ARCH_X86_TIMER_H
#define ARCH_X86_TIMER_H

#include "core/types.h"

/*
 * Finds a comparator that can send messages in the HPET at `base` (0: there is none), which ACPI gives that
 * number, and tries whether they arrive. Without one a line says so, timers expire at the guest's exits
 * only, and the rest works. Boot CPU, boot, after svm_start() and nmi_init(); takes 10 ms, or 1.5 s if none
 * arrives.
 */
void timer_start(paddr_t base, u8 number);
/*
 * True, once per moment armed: the comparator's message has been sent. Boot CPU, exit path, at an NMI.
 */
bool timer_fired(void);

#endif
