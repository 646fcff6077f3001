/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console: one UART (PL011, or a 16550 by MMIO) that Fairlead drives and the guest shares through an emulated one of the same
 * kind at the same address. What x86 does with its 16550 holds here: lines of the log, the monitor's escape and line, the guest's own
 * output as it comes.
 */
#ifndef ARCH_ARM64_CONSOLE_H
#define ARCH_ARM64_CONSOLE_H

#include "boot/arm64/dt.h"
#include "core/log.h"
#include "core/vm.h"

/* Output works from here on. The registers are mapped. Boot. */
void console_init(const struct dt_uart *uart);
void console_log_sink(enum log_level level, const char *line, size_t len);
/* The emulated UART for the guest, and input: claims the interrupt. After vgic_init(). -ENOSPC... */
int MUST_CHECK console_start_guest(struct vm *vm, const struct dt_uart *uart);
/* Waits, bounded, until what was written has left. Any context. */
void console_drain(void);
/* Input without interrupts: is called at each exit tail of the boot CPU; cheap. */
void console_poll(void);

#endif
