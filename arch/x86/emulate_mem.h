/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory operand of an emulated instruction: from segment and offset to bytes, which may be the guest's
 * RAM, emulated registers, or half of each. Shared by the files of the emulator only.
 *
 * Errors: -EFAULT: an exception has been raised in v. -EAGAIN: let the guest execute the instruction again.
 * -EOPNOTSUPP: Fairlead does not emulate this.
 */
#ifndef ARCH_X86_EMULATE_MEM_H
#define ARCH_X86_EMULATE_MEM_H

#include "arch/x86/decode.h"
#include "arch/x86/guest_walk.h"

#define NO_TRAPPED_PAGE (~(gpa_t)0) /* port I/O: no page is known to be trapped */

enum x86_mode vcpu_mode(const struct vcpu *v);

/* Checks the segment (limit, rights), the linear address and the guest's page tables for `size` bytes. Errors
 * as above. */
int MUST_CHECK mem_locate(struct vcpu *v, unsigned int segment, bool stack, u64 offset, unsigned int size,
			  bool write, struct guest_span *span);
/* True if a byte of it lies in that page. */
bool mem_touches(const struct guest_span *span, gpa_t page);
/*
 * Reads or writes a located operand of at most 8 bytes. What is in the page `trapped`, or mapped nowhere,
 * goes to vm_mmio_access(); the rest is RAM. -EOPNOTSUPP: part of it is a register of a passed-through
 * device, or memory without that right.
 */
int MUST_CHECK mem_read(const struct guest_span *span, gpa_t trapped, u64 *value);
int MUST_CHECK mem_write(const struct guest_span *span, gpa_t trapped, u64 value);

/* The registers rCX, rSI, rDI of a string instruction are as wide as its addresses (2, 4, 8 bytes). */
u64 string_reg(const struct vcpu *v, enum x86_reg reg, unsigned int address_size);
/* Writes a register as an instruction of that operand size does: 4 bytes clear the upper half, 1 and 2 keep
 * the rest. */
void set_reg(struct vcpu *v, unsigned int reg, unsigned int size, u64 value);
/* rSI or rDI one element on, in the direction of DF. */
void advance_index(struct vcpu *v, enum x86_reg reg, unsigned int address_size, unsigned int size);

/* The instruction is done: on to next_rip, wrapped to the mode's width, with RF clear and v->retired set. */
void complete_instruction(struct vcpu *v, u64 next_rip);
/*
 * One element of a repeated string instruction is done: counts rCX down, and completes the instruction when
 * it is 0 or `stop`. Without a repeat prefix (rep false) that is at once.
 */
void complete_element(struct vcpu *v, bool rep, unsigned int address_size, bool stop, u64 next_rip);
/* Raises what a failed guest_translate() or guest_fetch() calls for; returns -EFAULT, or -EAGAIN when that is
 * what err says. */
int raise_walk_error(struct vcpu *v, int err, const struct guest_fault *fault, bool stack);

#endif
