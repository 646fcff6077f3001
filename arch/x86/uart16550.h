/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One 16550 serial port, shared: Fairlead writes whole marked lines on it, the guest uses it as its ttyS0.
 */
#ifndef ARCH_X86_UART16550_H
#define ARCH_X86_UART16550_H

#include "core/log.h"

/* Sets 115200 8N1 and polled output on the UART at that I/O port. A port where nothing answers is left alone,
 * and output dropped. Boot. */
void uart_init(u16 port);
/* Traps the UART's eight ports and answers the guest from here on. Without a UART: does nothing. Boot. */
int MUST_CHECK uart_share_with_guest(void);
/*
 * What is received goes to the monitor first (core/monitor/monitor.h), and what is not its to the guest.
 * `escape` is the monitor's, 0: there is none. From here on Fairlead looks at the input by itself, too, so
 * that the escape is seen though the guest reads nothing. Boot, after uart_init().
 */
void uart_start_input(char escape);
/* A log sink: "fairlead: " before the line, at the start of a line of the terminal. Any context but NMI;
 * bounded. */
void uart_log_sink(enum log_level level, const char *line, size_t len);
/* Waits, bounded, until all has left the wire. Before a reset. */
void uart_drain(void);

#endif
