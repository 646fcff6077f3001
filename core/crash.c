/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two bugs that Fairlead's page tables must catch: a write to constants, and a stack that grows into its guard page.
 */
#include "core/crash.h"

#include "core/image.h"
#include "core/log.h"

static __attribute__((noinline)) void write_to_rodata(void)
{
	*(volatile u8 *)(uintptr_t)__rodata_start = 0;
}

/* Not a tail call, and each call keeps its array: the stack really grows. */
static __attribute__((noinline)) u32 recurse(volatile u32 depth)
{
	volatile u8 room[256];

	room[depth % sizeof(room)] = (u8)depth;
	return depth == ~0u ? 0 : recurse(depth + 1) + room[depth % sizeof(room)];
}

void crash_if_asked(bool write, bool overflow)
{
	if (write)
		write_to_rodata();
	if (overflow)
		log_error("recursion ended at %u", recurse(0));
}
