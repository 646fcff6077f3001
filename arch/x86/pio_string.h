/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INS and OUTS on trapped ports.
 */
#ifndef ARCH_X86_PIO_STRING_H
#define ARCH_X86_PIO_STRING_H

#include "arch/x86/vcpu.h"

/*
 * Performs one element between the port and the guest's memory. The parameters are those of the IOIO exit
 * (AMD64 APM vol. 2, 15.10.2): size 1, 2, 4; address_size 2, 4, 8 (bytes); next_rip that of the following
 * instruction, where RIP goes after the last element. The segment of OUTS is read from the instruction, since
 * the exit names it only where there are decode assists. Exit path.
 * 0: done, or an exception is pending. -EAGAIN: nothing was done, the guest executes the instruction again.
 */
int emulate_pio_string(struct vcpu *v, bool in, unsigned int size, bool rep, unsigned int address_size,
		       u16 port, u64 next_rip);

#endif
