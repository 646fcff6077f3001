/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 16550 as the shared console: the hardware (the guest's side: uart16550_guest.c; what is received:
 * uart16550_input.c). Registers: PC16550D data sheet (National Semiconductor, 1995), section 8.
 */
#include "core/console/uart16550.h"

#include "core/console/uart16550_internal.h"

struct uart uart;

u8 uart_read_lsr(void) REQUIRES(console_spinlock)
{
	u8 lsr = uart.bus->in(LSR);

	uart.missed_errors |= lsr & LSR_ERRORS;
	return lsr;
}

/* The FIFO is empty: there may be 16 bytes' room in it, or just one. */
static bool can_send(void) REQUIRES(console_spinlock)
{
	return uart_read_lsr() & LSR_THRE;
}

static void send(u8 c) REQUIRES(console_spinlock)
{
	uart.bus->out(RBR_THR, c);
}

static bool idle(void) REQUIRES(console_spinlock)
{
	return uart_read_lsr() & LSR_TEMT;
}

static bool has_input(void) REQUIRES(console_spinlock)
{
	return uart_read_lsr() & LSR_DATA_READY;
}

static u16 receive(void) REQUIRES(console_spinlock)
{
	return uart.bus->in(RBR_THR);
}

static const struct console_uart hardware = { can_send, send, idle, has_input, receive };

static void set_speed(const struct uart16550_bus *bus, u16 divisor)
{
	bus->out(LCR, LCR_DLAB | LCR_8N1);
	bus->out(RBR_THR, (u8)divisor);
	bus->out(IER, (u8)(divisor >> 8));
}

static bool init(const struct uart16550_bus *bus, u16 divisor) REQUIRES(console_spinlock)
{
	/*
	 * An empty port floats high; a UART shows at least one zero in LSR and IER (its upper bits are
	 * always 0).
	 */
	if (bus->in(LSR) == 0xff && bus->in(IER) == 0xff) {
		uart.bus = NULL;
		console_attach(NULL);
		return false;
	}
	uart = (struct uart){ .bus = bus, .lcr = LCR_8N1, .fcr = FCR_ENABLE };
	uart.mcr = MCR_DTR | MCR_RTS;
	uart.dll = (u8)divisor;
	uart.dlm = (u8)(divisor >> 8);
	bus->out(IER, 0);
	if (divisor)
		set_speed(bus, divisor);
	if (bus->in(LCR) != LCR_8N1) /* some take offence (a "busy" interrupt) at a write while they send */
		bus->out(LCR, LCR_8N1);
	bus->out(IIR_FCR, FCR_ENABLE | FCR_RESET_BOTH);
	bus->out(MCR, MCR_DTR | MCR_RTS);
	uart_input_reset();
	console_attach(&hardware);
	return true;
}

bool uart16550_init(const struct uart16550_bus *bus, u16 divisor)
{
	bool found;

	console_lock();
	found = init(bus, divisor);
	console_unlock();
	return found;
}
