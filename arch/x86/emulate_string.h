/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MOVS, CMPS, STOS, LODS, SCAS with one side in a trapped page. For emulate.c only; errors as in
 * emulate_mem.h.
 */
#ifndef ARCH_X86_EMULATE_STRING_H
#define ARCH_X86_EMULATE_STRING_H

#include "arch/x86/decode.h"

/* One element; of a repeated instruction RIP moves on after the last one. */
int MUST_CHECK emulate_string(struct vcpu *v, const struct x86_insn *insn, gpa_t trapped, bool write);

#endif
