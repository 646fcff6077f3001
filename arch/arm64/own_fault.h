/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which of Fairlead's own synchronous exceptions are no bug of its own. Pure logic.
 */
#ifndef ARCH_ARM64_OWN_FAULT_H
#define ARCH_ARM64_OWN_FAULT_H

#include "arch/arm64/trap.h"

enum own_fault {
	OWN_FAULT_BUG,	     /* nothing has changed */
	OWN_FAULT_REFUSED,   /* the bus has refused a device's register: a load has read all-ones */
	OWN_FAULT_TRANSLATE, /* AT met an error in the guest's tables: PAR_EL1 is as it was */
};

/* `insn` stands at f->elr. What is no bug is done: f goes on behind it. */
enum own_fault own_fault_pass(struct trap_frame *f, u32 insn);

#endif
