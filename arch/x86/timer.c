/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fairlead's own timer. In this commit a machine has none: deferred work waits for the guest's next exit.
 */
#include "core/arch.h"

void arch_timer_arm(u64 at_us UNUSED)
{
}
