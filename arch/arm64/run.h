/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loop in which a CPU spends its life: in the guest, in a handler, or off and waiting for the guest to start it.
 */
#ifndef ARCH_ARM64_RUN_H
#define ARCH_ARM64_RUN_H

#include "arch/arm64/vcpu.h"

/* The boot CPU with its first state set, the others off. */
void vcpu_run(struct vcpu *v) NORETURN;
/* EL1 as after reset, as far as a guest may rely on it (PSCI DEN 0022E, 6.4; Linux, booting.rst); starts at `entry` with X0. */
void vcpu_reset(struct vcpu *v, u64 entry, u64 context);

#endif
