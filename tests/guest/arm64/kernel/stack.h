/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What start.S and C share. A CPU's own data lies at the bottom of its stack, so any code finds it by the
 * stack pointer.
 */
#ifndef TESTS_KERNEL_STACK_H
#define TESTS_KERNEL_STACK_H

#define STACK_SIZE 0x4000 /* also its alignment */
#define FRAME_SIZE 272

#endif
