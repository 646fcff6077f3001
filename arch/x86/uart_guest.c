/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared console's registers as the guest sees them. Data, status and the interrupt enables are the
 * hardware's, so the guest's interrupts are real and need no injection; what would disturb the other user is
 * kept virtual: line settings, divisor latch, loopback, transmitter reset. What is received passes through
 * uart_input.c.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/pio.h"
#include "arch/x86/uart16550.h"
#include "arch/x86/uart_internal.h"

/* In loopback the modem inputs show the modem outputs (8.6.4). */
static u8 loopback_msr(void) REQUIRES(console_spinlock)
{
	u8 msr = 0;

	if (uart.mcr & MCR_RTS)
		msr |= MSR_CTS;
	if (uart.mcr & MCR_DTR)
		msr |= MSR_DSR;
	if (uart.mcr & MCR_OUT1)
		msr |= MSR_RI;
	if (uart.mcr & MCR_OUT2)
		msr |= MSR_DCD;
	return msr;
}

static u8 guest_lsr(void) REQUIRES(console_spinlock)
{
	bool ready = uart_guest_data_ready();
	u8 lsr = (u8)(uart_read_lsr() & ~LSR_DATA_READY) | uart.missed_errors;

	uart.missed_errors = 0;
	return ready ? lsr | LSR_DATA_READY : lsr;
}

static u8 guest_read(unsigned int reg) REQUIRES(console_spinlock)
{
	bool dlab = uart.lcr & LCR_DLAB;

	switch (reg) {
	case RBR_THR: return dlab ? uart.dll : uart_guest_receive();
	case IER: return dlab ? uart.dlm : uart.ier;
	case LCR: return uart.lcr;
	case MCR: return uart.mcr;
	case LSR: return guest_lsr();
	case MSR: return uart.mcr & MCR_LOOP ? loopback_msr() : inb((u16)(uart.port + MSR));
	case SCR: return uart.scratch;
	default: return uart_guest_iir();
	}
}

static void guest_transmit(u8 value) REQUIRES(console_spinlock)
{
	if (uart.mcr & MCR_LOOP)
		return; /* it would come back as input, which nobody but a self test reads */
	uart_leave_edited_line();
	outb((u16)(uart.port + RBR_THR), value);
	uart.line = value == '\n' ? LINE_EMPTY : LINE_GUEST;
}

static void guest_write_mcr(u8 value) REQUIRES(console_spinlock)
{
	uart.mcr = value & MCR_IMPLEMENTED;
	if (!(uart.mcr & MCR_LOOP))
		outb((u16)(uart.port + MCR), MCR_DTR | MCR_RTS | (uart.mcr & MCR_OUT2));
}

static void guest_write(unsigned int reg, u8 value) REQUIRES(console_spinlock)
{
	bool dlab = uart.lcr & LCR_DLAB;

	switch (reg) {
	case RBR_THR:
		if (dlab)
			uart.dll = value;
		else
			guest_transmit(value);
		break;
	case IER:
		if (dlab)
			uart.dlm = value;
		else
			uart_guest_write_ier(value);
		break;
	case IIR_FCR:
		uart_guest_fcr(value);
		/* A transmitter reset would lose what Fairlead has just written. */
		uart_drain_locked(); /* switching the FIFOs on or off empties them, too */
		outb((u16)(uart.port + IIR_FCR), (u8)(value & ~FCR_RESET_TRANSMIT));
		break;
	case LCR: uart.lcr = value; break;
	case MCR: guest_write_mcr(value); break;
	case SCR: uart.scratch = value; break;
	default: break; /* LSR and MSR are read-only */
	}
}

/* The registers are bytes: a wider access is that many byte accesses, as on an 8-bit bus. */
static void guest_access(void *ctx UNUSED, u16 port, unsigned int size, bool write, u32 *value)
{
	u32 result = 0;

	for (unsigned int i = 0; i < size; i++) {
		unsigned int reg;

		console_lock();
		reg = (unsigned int)(port - uart.port) + i;
		if (write)
			guest_write(reg, (u8)(*value >> (8 * i)));
		else
			result |= (u32)guest_read(reg) << (8 * i);
		console_unlock();
	}
	if (!write)
		*value = result;
}

int uart_share_with_guest(void)
{
	u16 port;

	console_lock();
	port = uart.port;
	console_unlock();
	return port ? pio_claim(port, UART_PORTS, guest_access, NULL, "16550 UART") : 0;
}
