/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instruction's bytes, and stepping over it.
 */
#include "arch/x86/emulate_fetch.h"

#include "arch/x86/emulate_mem.h"
#include "core/errno.h"

/* Code outside RAM reads as all-ones, and 0xff 0xff is no instruction. */
static int raise_fetch_error(struct vcpu *v, int err, const struct guest_fault *fault)
{
	if (err == -EIO) {
		vcpu_raise(v, X86_VEC_UD);
		return -EFAULT;
	}
	return raise_walk_error(v, err, fault, false);
}

int emulate_fetch(struct vcpu *v, u8 bytes[X86_INSN_MAX], unsigned int *got)
{
	struct guest_fault fault;
	int err = guest_fetch(v, bytes, X86_INSN_MAX, got, &fault);

	return err ? raise_fetch_error(v, err, &fault) : 0;
}

int emulate_fetch_rest(struct vcpu *v, unsigned int got)
{
	struct guest_fault fault;
	u8 bytes[X86_INSN_MAX];
	u64 rip = v->rip;
	unsigned int more;
	int err;

	if (got == X86_INSN_MAX) {
		vcpu_raise_error(v, X86_VEC_GP, 0);
		return -EFAULT;
	}
	v->rip += got;
	err = guest_fetch(v, bytes, 1, &more, &fault);
	v->rip = rip;
	return err ? raise_fetch_error(v, err, &fault) : -EAGAIN;
}

int emulate_skip(struct vcpu *v, enum x86_intercepted what)
{
	u8 bytes[X86_INSN_MAX];
	unsigned int got, length;
	int err = emulate_fetch(v, bytes, &got);

	if (err)
		return err;
	err = x86_match(bytes, got, vcpu_mode(v), what, &length);
	if (err == -E2BIG)
		return emulate_fetch_rest(v, got);
	if (err)
		return -EAGAIN;
	complete_instruction(v, v->rip + length);
	return 0;
}
