/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the compiler's stack protector needs: a value that it puts above each function's arrays, and someone
 * to call when that value is found changed. The value is the same for all CPUs; the architecture stirs it
 * once, before it starts anything.
 */
#include "core/stack_protector.h"

#include "core/log.h"

#ifndef FL_HOST
uintptr_t __stack_chk_guard = 0x5fa1d3c4b2960a00u; /* the zero byte stops string functions */

void __stack_chk_fail(void)
{
	panic("stack smashed: a function wrote past an array on its stack");
}
#endif
