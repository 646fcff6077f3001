/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instruction's bytes. Shared by the files of the emulator only; errors as in emulate_mem.h.
 */
#ifndef ARCH_X86_EMULATE_FETCH_H
#define ARCH_X86_EMULATE_FETCH_H

#include "arch/x86/emulate.h"

/*
 * Fetches up to 15 bytes at CS:RIP. 0; -EFAULT: an exception was raised (#PF; #UD when no memory is there);
 * -EAGAIN.
 */
int MUST_CHECK emulate_fetch(struct vcpu *v, u8 bytes[X86_INSN_MAX], unsigned int *got);

/*
 * The instruction goes on past the bytes that were fetched: raises what that means. -EFAULT: the page fault
 * of the next page, or #GP when it is longer than an instruction can be. -EAGAIN: the next page is there by
 * now.
 */
int MUST_CHECK emulate_fetch_rest(struct vcpu *v, unsigned int got);

#endif
