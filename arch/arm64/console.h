/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console: one UART (PL011, or a 16550 by MMIO) that Fairlead drives and the guest shares through an
 * emulated one of the same kind at the same address. What is the same for every UART is
 * core/console/console.h's: the log's sink, the monitor's line, the way out before a reset.
 */
#ifndef ARCH_ARM64_CONSOLE_H
#define ARCH_ARM64_CONSOLE_H

#include "boot/arm64/dt.h"
#include "core/console/console.h"
#include "core/vm.h"

/*
 * Output works from here on. The registers are mapped. A place where nothing answers is left alone, and
 * output dropped. Boot.
 */
void console_init(const struct dt_uart *uart);
/*
 * The emulated UART for the guest, and input: what is not the monitor's is the guest's; `escape` is the
 * monitor's, 0: there is none. A PL011's interrupt becomes Fairlead's, a 16550's stays the guest's
 * (core/console/uart16550.h). After vgic_init() and monitor_init(). -ENOSPC, -EEXIST.
 */
int MUST_CHECK console_start_guest(struct vm *vm, char escape);

#endif
