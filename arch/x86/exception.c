/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Raising an exception in the guest. What this guards: a fault on top of a fault becomes what the processor
 * makes of it (a double fault, then shutdown), so that a guest with a broken descriptor table ends and does
 * not loop.
 */
#include "arch/x86/vcpu.h"

/* AMD64 APM vol. 2, 8.2.9: the exceptions that make a double fault with another of their kind. */
static bool is_contributory(u8 vector)
{
	return vector == X86_VEC_DE || (vector >= X86_VEC_TS && vector <= X86_VEC_GP);
}

static bool makes_double_fault(u8 first, u8 second)
{
	if (first == X86_VEC_PF)
		return second == X86_VEC_PF || is_contributory(second);
	return is_contributory(first) && is_contributory(second);
}

static void raise(struct vcpu *v, struct vcpu_exception new)
{
	struct vcpu_exception *old = &v->exception;

	if (old->pending && old->vector == X86_VEC_DF) {
		v->shutdown = true;
		return;
	}
	if (old->pending && makes_double_fault(old->vector, new.vector)) {
		new.vector = X86_VEC_DF;
		new.has_error_code = true;
		new.error_code = 0; /* always: APM vol. 2, 8.2.9 */
	}
	/* A benign first exception is lost as on hardware: its instruction has not completed and will raise
	 * it again. */
	*old = new;
}

void vcpu_raise(struct vcpu *v, u8 vector)
{
	raise(v, (struct vcpu_exception){ .pending = true, .vector = vector });
}

void vcpu_raise_error(struct vcpu *v, u8 vector, u32 error)
{
	raise(v, (struct vcpu_exception){
			 .pending = true, .vector = vector, .has_error_code = true, .error_code = error });
}
