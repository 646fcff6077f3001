/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Performance counters (AMD64 APM vol. 2, 13.2). They are the guest's; Fairlead only asks whether they are
 * what an NMI was for.
 */
#ifndef ARCH_X86_PMU_H
#define ARCH_X86_PMU_H

#include "core/types.h"

/*
 * A counter of this CPU has overflowed, reports that by NMI, and the guest has not dealt with it yet.
 * Changes nothing. Exit path.
 */
bool pmu_overflowed(void);

#endif
