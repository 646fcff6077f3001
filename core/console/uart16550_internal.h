/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the three files of the shared 16550 know of each other: uart16550.c has the hardware,
 * uart16550_guest.c the registers as the guest sees them, uart16550_input.c what is received. All under the
 * console's lock. Registers: PC16550D data sheet (National Semiconductor, 1995), section 8.
 */
#ifndef CORE_CONSOLE_UART16550_INTERNAL_H
#define CORE_CONSOLE_UART16550_INTERNAL_H

#include "core/console/uart16550.h"

/* Offsets; with DLAB set 0 and 1 are the divisor latch. */
enum { RBR_THR = 0, IER = 1, IIR_FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };

#define UART_FIFO 16u /* bytes the hardware holds in each direction */

#define IER_RECEIVED	   0x01u
#define IER_TRANSMITTER	   0x02u
#define IER_LINE_STATUS	   0x04u
#define IER_IMPLEMENTED	   0x0fu
#define IIR_LINE_STATUS	   0x06u
#define IIR_RECEIVED	   0x04u
#define IIR_FIFOS_ON	   0xc0u
#define FCR_ENABLE	   0x01u
#define FCR_RESET_RECEIVE  0x02u
#define FCR_RESET_TRANSMIT 0x04u
#define FCR_RESET_BOTH	   0x06u
#define LCR_8N1		   0x03u
#define LCR_DLAB	   0x80u
#define MCR_DTR		   0x01u
#define MCR_RTS		   0x02u
#define MCR_OUT1	   0x04u
#define MCR_OUT2	   0x08u /* gates the interrupt line on a PC */
#define MCR_LOOP	   0x10u
#define MCR_IMPLEMENTED	   0x1fu
#define LSR_DATA_READY	   0x01u
#define LSR_OVERRUN	   0x02u
#define LSR_INTERRUPTING   0x1eu /* overrun, parity, framing, break */
#define LSR_ERRORS	   0x9eu /* those and FIFO error: cleared by the read that sees them */
#define LSR_THRE	   0x20u
#define LSR_TEMT	   0x40u
#define MSR_CTS		   0x10u
#define MSR_DSR		   0x20u
#define MSR_RI		   0x40u
#define MSR_DCD		   0x80u

struct uart {
	const struct uart16550_bus *bus; /* NULL: none */
	/* The guest's view of what is not passed, or not passed as it is. */
	u8 ier, fcr, lcr, mcr, dll, dlm, scratch;
	u8 missed_errors; /* LSR error bits that our own polling cleared */
};
extern struct uart uart GUARDED_BY(console_spinlock);

/* uart16550.c: the hardware's LSR; what reading it clears is kept for the guest. */
u8 uart_read_lsr(void) REQUIRES(console_spinlock);

/* uart16550_input.c: at uart16550_init(). */
void uart_input_reset(void) REQUIRES(console_spinlock);
/* uart16550_input.c: the guest's registers, as far as they have to do with what is received. */
u8 uart_guest_receive(void) REQUIRES(console_spinlock);
bool uart_guest_data_ready(void) REQUIRES(console_spinlock);
u8 uart_guest_iir(void) REQUIRES(console_spinlock);
void uart_guest_write_ier(u8 value) REQUIRES(console_spinlock);
/* Before a write to FCR: what it empties. */
void uart_guest_fcr(u8 value) REQUIRES(console_spinlock);

#endif
