/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doing in software what the guest's instruction would have done: accesses to pages that are not mapped, and
 * instructions that were intercepted. When one of these calls has finished an instruction it says so in
 * v->retired; when it has raised an exception, v->exception is pending (or v->shutdown set) and the
 * instruction has not completed.
 */
#ifndef ARCH_X86_EMULATE_H
#define ARCH_X86_EMULATE_H

#include "arch/x86/decode.h"

/*
 * The guest's access to fault_gpa missed the second-stage table; `write`: the processor called it a write.
 * Performs the instruction at CS:RIP with vm_mmio_access(); of a repeated string instruction one element. Not
 * atomic against other CPUs, even with LOCK. Exit path; takes no lock, except that handlers behind
 * vm_mmio_access() take theirs.
 * 0: done, or an exception is pending (#UD for an instruction that is not known, logged once per RIP).
 * -EAGAIN: nothing was done and the guest executes the instruction again: code or page tables have changed
 * since it faulted. Either way the guest can be entered.
 */
int emulate_mmio(struct vcpu *v, gpa_t fault_gpa, bool write);

/*
 * Steps over the intercepted instruction, of whose effect the caller takes care. 0: done. -EAGAIN: another
 * instruction stands there by now, which the guest is to execute; -EFAULT: an exception is pending (its code
 * is no longer readable). In both cases nothing was done and the instruction must have no effect. Exit path.
 */
int MUST_CHECK emulate_skip(struct vcpu *v, enum x86_intercepted what);

#endif
