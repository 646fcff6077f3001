/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared console's registers as the guest sees them. Data, status and the interrupt enables are the
 * hardware's, so the guest's interrupts are real and need no injection; what would disturb the other user is
 * kept virtual: line settings, divisor latch, loopback, transmitter reset. What is received passes through
 * uart16550_input.c.
 */
#include "core/console/uart16550_internal.h"

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
	case MSR: return uart.mcr & MCR_LOOP ? loopback_msr() : uart.bus->in(MSR);
	case SCR: return uart.scratch;
	default: return uart_guest_iir();
	}
}

static void guest_transmit(u8 value) REQUIRES(console_spinlock)
{
	if (uart.mcr & MCR_LOOP)
		return; /* it would come back as input, which nobody but a self test reads */
	console_guest_sends(value);
	uart.bus->out(RBR_THR, value);
}

static void guest_write_mcr(u8 value) REQUIRES(console_spinlock)
{
	uart.mcr = value & MCR_IMPLEMENTED;
	if (!(uart.mcr & MCR_LOOP))
		uart.bus->out(MCR, MCR_DTR | MCR_RTS | (uart.mcr & MCR_OUT2));
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
		console_drain_locked(); /* switching the FIFOs on or off empties them, too */
		uart.bus->out(IIR_FCR, (u8)(value & ~FCR_RESET_TRANSMIT));
		break;
	case LCR: uart.lcr = value; break;
	case MCR: guest_write_mcr(value); break;
	case SCR: uart.scratch = value; break;
	default: break; /* LSR and MSR are read-only */
	}
}

u8 uart16550_guest_read(unsigned int reg)
{
	u8 value;

	console_lock();
	value = guest_read(reg);
	console_unlock();
	return value;
}

void uart16550_guest_write(unsigned int reg, u8 value)
{
	console_lock();
	guest_write(reg, value);
	console_unlock();
}
