/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What output.c and input.c know of each other.
 */
#ifndef CORE_CONSOLE_INTERNAL_H
#define CORE_CONSOLE_INTERNAL_H

#include "core/console/console.h"

extern const struct console_uart *console_uart GUARDED_BY(console_spinlock); /* NULL: none */

/* input.c: nothing waits. */
void console_input_reset(void) REQUIRES(console_spinlock);

#endif
