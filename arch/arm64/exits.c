/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each exception that brings the guest's CPU to EL2, and who answers it. What Fairlead does not trap on purpose is undefined for
 * the guest, as on a CPU without it.
 */
#include "arch/arm64/exits.h"

#include "arch/arm64/trap.h"
#include "arch/arm64/vgic.h"
#include "core/log.h"
#include "core/once.h"

static void handle_unexpected(struct vcpu *v)
{
	static once_place logged[8];

	if (once(logged, ESR_EC(v->esr)))
		log_info("guest: exception class 0x%02x at 0x%llx: undefined there", ESR_EC(v->esr), (unsigned long long)v->pc);
	vcpu_inject_undefined(v);
}

static void handle_sync(struct vcpu *v)
{
	switch (ESR_EC(v->esr)) {
	case EC_DATA_ABORT_LOWER:
	case EC_INSTRUCTION_ABORT_LOWER:
		abort_handle(v);
		break;
	case EC_SYSREG:
	case EC_CP15_32:
	case EC_CP15_64:
	case EC_CP14_32:
	case EC_CP14_64:
		sysreg_access(v);
		break;
	case EC_HVC64:
		smccc_call(v, false);
		break;
	case EC_SMC64:
		smccc_call(v, true);
		break;
	default: /* the 32-bit HVC and SMC are EL1's, which is never in AArch32 state */
		handle_unexpected(v);
		break;
	}
}

void exit_handle(struct vcpu *v, enum exit_kind kind)
{
	switch (kind) {
	case EXIT_SYNC:
		handle_sync(v);
		break;
	case EXIT_IRQ:
		vgic_take_interrupts(v);
		break;
	case EXIT_SERROR:
		trap_guest_serror(v->esr);
		break;
	}
}
