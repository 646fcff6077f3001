/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console's 16550 of a PC (core/console/uart16550.h), by I/O ports.
 */
#ifndef ARCH_X86_UART_PORTS_H
#define ARCH_X86_UART_PORTS_H

#include "core/types.h"

/* Sets 115200 8N1 and polled output on the UART at that I/O port. A port where nothing answers is left alone,
 * and output dropped. Boot. */
void uart_init(u16 first_port);
/* Traps the UART's eight ports and answers the guest from here on. Without a UART: does nothing. Boot. */
int MUST_CHECK uart_share_with_guest(void);

#endif
