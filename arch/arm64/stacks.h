/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each CPU's stack at EL2, above a page that is not mapped. The area is aligned so that one bit of a stack pointer tells whether it
 * has run out of its stack: the vectors look at it before they store anything (entry.S), and go on on the emergency stack.
 *
 *   area + 0        emergency stack, 16 KiB
 *   area + 28 KiB   guard page: a stack pointer below the stack has bit 14 set
 *   area + 32 KiB   stack, 16 KiB
 */
#ifndef ARCH_ARM64_STACKS_H
#define ARCH_ARM64_STACKS_H

#define STACK_SHIFT 14
#define STACK_AREA_BYTES 0x10000 /* its alignment, too */
#define STACK_EMERGENCY_TOP 0x4000
#define STACK_GUARD 0x7000
#define STACK_BASE 0x8000
#define STACK_TOP 0xc000

#endif
