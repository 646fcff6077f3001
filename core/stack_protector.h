/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The compiler's interface to its stack protector (GCC manual, 3.12, -fstack-protector). The names are the
 * compiler's.
 */
#ifndef CORE_STACK_PROTECTOR_H
#define CORE_STACK_PROTECTOR_H

#include "core/types.h"

extern uintptr_t __stack_chk_guard;
void __stack_chk_fail(void) NORETURN;

#endif
