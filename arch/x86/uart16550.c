/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared console. Data, status and the interrupt enables are the hardware's, so the guest's interrupts are real and need no
 * injection; what would disturb the other user is kept virtual: line settings, divisor latch, loopback, transmitter reset.
 *
 * It guards two promises: a line of Fairlead's is never mixed into a line of the guest's, and nothing the guest writes here
 * can make Fairlead mute or wait for ever. Registers: PC16550D data sheet (National Semiconductor, 1995), section 8.
 */
#include "arch/x86/uart16550.h"

#include "arch/x86/cpu.h"
#include "arch/x86/pio.h"
#include "core/errno.h"

/* Offsets; with DLAB set 0 and 1 are the divisor latch. */
enum { RBR_THR = 0, IER = 1, IIR_FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7, UART_PORTS = 8 };

#define IER_IMPLEMENTED 0x0fu
#define FCR_ENABLE 0x01u
#define FCR_RESET_TRANSMIT 0x04u
#define FCR_RESET_BOTH 0x06u
#define LCR_8N1 0x03u
#define LCR_DLAB 0x80u
#define MCR_DTR 0x01u
#define MCR_RTS 0x02u
#define MCR_OUT1 0x04u
#define MCR_OUT2 0x08u /* gates the interrupt line on a PC */
#define MCR_LOOP 0x10u
#define MCR_IMPLEMENTED 0x1fu
#define LSR_THRE 0x20u
#define LSR_TEMT 0x40u
#define LSR_ERRORS 0x9eu /* overrun, parity, framing, break, FIFO error: cleared by the read that sees them */
#define MSR_CTS 0x10u
#define MSR_DSR 0x20u
#define MSR_RI 0x40u
#define MSR_DCD 0x80u
#define DIVISOR_115200 1u

#define TRANSMIT_SPINS 1000000u /* far more than a character takes at 115200 baud */

static struct {
	u16 port; /* 0: none */
	bool stuck; /* the transmitter did not become ready in time: look again, but do not wait for it again */
	bool guest_in_line;
	/* The guest's view of what is not passed. */
	u8 lcr, mcr, dll, dlm, scratch;
	u8 missed_errors; /* LSR error bits that our own polling cleared */
} uart;

static u8 read_lsr(void)
{
	u8 lsr = inb((u16)(uart.port + LSR));

	uart.missed_errors |= lsr & LSR_ERRORS;
	return lsr;
}

/* Bounded; after one time-out each call looks just once, until the UART moves again. */
static bool wait_for(u8 bit)
{
	u32 spins = uart.stuck ? 1 : TRANSMIT_SPINS;

	uart.stuck = true;
	for (u32 i = 0; i < spins && uart.stuck; i++)
		uart.stuck = !(read_lsr() & bit);
	return !uart.stuck;
}

static void put(char c)
{
	if (uart.port && wait_for(LSR_THRE))
		outb((u16)(uart.port + RBR_THR), (u8)c);
}

static void put_text(const char *text)
{
	while (*text)
		put(*text++);
}

void uart_init(u16 port)
{
	/* An empty port floats high; a UART shows at least one zero in LSR and IER (its upper bits are always 0). */
	uart.port = 0;
	if (inb((u16)(port + LSR)) == 0xff && inb((u16)(port + IER)) == 0xff)
		return;
	uart.port = port;
	uart.lcr = LCR_8N1;
	uart.mcr = MCR_DTR | MCR_RTS;
	uart.dll = DIVISOR_115200;
	outb((u16)(port + IER), 0);
	outb((u16)(port + LCR), LCR_DLAB | LCR_8N1);
	outb((u16)(port + RBR_THR), DIVISOR_115200);
	outb((u16)(port + IER), 0);
	outb((u16)(port + LCR), LCR_8N1);
	outb((u16)(port + IIR_FCR), FCR_ENABLE | FCR_RESET_BOTH);
	outb((u16)(port + MCR), MCR_DTR | MCR_RTS);
}

void uart_log_sink(enum log_level level, const char *line, size_t len)
{
	static const char panic_mark[] = "panic:";
	bool is_panic = len >= sizeof(panic_mark) - 1 && __builtin_strncmp(line, panic_mark, sizeof(panic_mark) - 1) == 0;

	if (uart.guest_in_line)
		put_text("\r\n");
	uart.guest_in_line = false;
	put_text("fairlead: ");
	if (level == LOG_ERROR && !is_panic)
		put_text("error: ");
	if (level == LOG_WARN)
		put_text("warning: ");
	for (size_t i = 0; i < len; i++)
		put(line[i] >= ' ' && line[i] <= '~' ? line[i] : '?');
	put_text("\r\n");
	/* A guest that has seen THRE fills the transmitter's FIFO without looking again: leave it as empty as we found it. */
	if (uart.port)
		(void)wait_for(LSR_THRE);
}

void uart_drain(void)
{
	if (uart.port)
		(void)wait_for(LSR_TEMT);
}

/* ---- the guest's side ----------------------------------------------------------------------------------------- */

/* In loopback the modem inputs show the modem outputs (8.6.4). */
static u8 loopback_msr(void)
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

static u8 guest_lsr(void)
{
	u8 lsr = read_lsr() | uart.missed_errors;

	uart.missed_errors = 0;
	return lsr;
}

static u8 guest_read(unsigned int reg)
{
	bool dlab = uart.lcr & LCR_DLAB;

	switch (reg) {
	case RBR_THR:
		return dlab ? uart.dll : inb((u16)(uart.port + RBR_THR));
	case IER:
		return dlab ? uart.dlm : inb((u16)(uart.port + IER)) & IER_IMPLEMENTED;
	case LCR:
		return uart.lcr;
	case MCR:
		return uart.mcr;
	case LSR:
		return guest_lsr();
	case MSR:
		return uart.mcr & MCR_LOOP ? loopback_msr() : inb((u16)(uart.port + MSR));
	case SCR:
		return uart.scratch;
	default:
		return inb((u16)(uart.port + IIR_FCR));
	}
}

static void guest_transmit(u8 value)
{
	if (uart.mcr & MCR_LOOP)
		return; /* it would come back as input, which nobody but a self test reads */
	outb((u16)(uart.port + RBR_THR), value);
	uart.guest_in_line = value != '\n';
}

static void guest_write_mcr(u8 value)
{
	uart.mcr = value & MCR_IMPLEMENTED;
	if (!(uart.mcr & MCR_LOOP))
		outb((u16)(uart.port + MCR), MCR_DTR | MCR_RTS | (uart.mcr & MCR_OUT2));
}

static void guest_write(unsigned int reg, u8 value)
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
			outb((u16)(uart.port + IER), value & IER_IMPLEMENTED);
		break;
	case IIR_FCR:
		/* A transmitter reset would lose what Fairlead has just written. */
		uart_drain(); /* switching the FIFOs on or off empties them, too */
		outb((u16)(uart.port + IIR_FCR), (u8)(value & ~FCR_RESET_TRANSMIT));
		break;
	case LCR:
		uart.lcr = value;
		break;
	case MCR:
		guest_write_mcr(value);
		break;
	case SCR:
		uart.scratch = value;
		break;
	default:
		break; /* LSR and MSR are read-only */
	}
}

/* The registers are bytes: a wider access is that many byte accesses, as on an 8-bit bus. */
static void guest_access(void *ctx UNUSED, u16 port, unsigned int size, bool write, u32 *value)
{
	u32 result = 0;

	for (unsigned int i = 0; i < size; i++) {
		unsigned int reg = (unsigned int)(port - uart.port) + i;

		if (write)
			guest_write(reg, (u8)(*value >> (8 * i)));
		else
			result |= (u32)guest_read(reg) << (8 * i);
	}
	if (!write)
		*value = result;
}

int uart_share_with_guest(void)
{
	return uart.port ? pio_claim(uart.port, UART_PORTS, guest_access, NULL, "16550 UART") : 0;
}
