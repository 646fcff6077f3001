/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared console: the hardware, and what Fairlead writes on it (the guest's side: uart_guest.c; input:
 * uart_input.c).
 *
 * It guards two promises: a line of Fairlead's is never mixed into a line of the guest's, and nothing the
 * guest writes here can make Fairlead mute or wait for ever. The lock is held for a whole line; what comes in the
 * middle of one on the same CPU, a machine check, begins a line of its own. Registers: PC16550D data sheet (National
 * Semiconductor, 1995), section 8.
 */
#include "arch/x86/uart16550.h"

#include "arch/x86/cpu.h"
#include "arch/x86/uart_internal.h"
#include "core/arch.h"

#define DIVISOR_115200 1u

/*
 * Far more than a character takes at 115200 baud, for the sake of an emulated UART: that one takes no more while nobody reads
 * what it has sent, and its emulator may want the CPU that spins here.
 */
#define TRANSMIT_SPINS 4000000u

struct uart uart;

/* The line that is being typed to the monitor, as the terminal shows it. */
#define EDIT_MAX 80
static struct {
	char text[EDIT_MAX];
	size_t len;
} edited GUARDED_BY(console_spinlock);

u8 uart_read_lsr(void) REQUIRES(console_spinlock)
{
	u8 lsr = inb((u16)(uart.port + LSR));

	uart.missed_errors |= lsr & LSR_ERRORS;
	return lsr;
}

/* Bounded; after one time-out each call looks just once, until the UART moves again. */
static bool wait_for(u8 bit) REQUIRES(console_spinlock)
{
	u32 spins = uart.stuck ? 1 : TRANSMIT_SPINS;

	for (u32 i = 0; i < spins; i++) {
		if (uart_read_lsr() & bit) {
			uart.stuck = false;
			return true;
		}
		arch_cpu_relax();
	}
	uart.stuck = true;
	return false;
}

static void put(char c) REQUIRES(console_spinlock)
{
	if (uart.port && wait_for(LSR_THRE))
		outb((u16)(uart.port + RBR_THR), (u8)c);
}

static void put_text(const char *text) REQUIRES(console_spinlock)
{
	while (*text)
		put(*text++);
}

static void begin_line(void) REQUIRES(console_spinlock)
{
	if (uart.line != LINE_EMPTY)
		put_text("\r\n");
	uart.line = LINE_EMPTY;
}

/* A guest that has seen THRE fills the transmitter's FIFO without looking again: leave it as empty as we
 * found it. */
static void leave_empty(void) REQUIRES(console_spinlock)
{
	if (uart.port)
		(void)wait_for(LSR_THRE);
}

static void init(u16 port) REQUIRES(console_spinlock)
{
	/* An empty port floats high; a UART shows at least one zero in LSR and IER (its upper bits are always
	 * 0). */
	uart.port = 0;
	if (inb((u16)(port + LSR)) == 0xff && inb((u16)(port + IER)) == 0xff)
		return;
	uart = (struct uart){ .port = port, .lcr = LCR_8N1, .fcr = FCR_ENABLE };
	uart.mcr = MCR_DTR | MCR_RTS;
	uart.dll = DIVISOR_115200;
	outb((u16)(port + IER), 0);
	outb((u16)(port + LCR), LCR_DLAB | LCR_8N1);
	outb((u16)(port + RBR_THR), DIVISOR_115200);
	outb((u16)(port + IER), 0);
	outb((u16)(port + LCR), LCR_8N1);
	outb((u16)(port + IIR_FCR), FCR_ENABLE | FCR_RESET_BOTH);
	outb((u16)(port + MCR), MCR_DTR | MCR_RTS);
	uart_input_reset();
}

void uart_init(u16 port)
{
	console_lock();
	init(port);
	console_unlock();
}

void uart_log_sink(enum log_level level, const char *line, size_t len)
{
	static const char panic_mark[] = "panic:";
	bool is_panic = len >= sizeof(panic_mark) - 1 &&
			__builtin_strncmp(line, panic_mark, sizeof(panic_mark) - 1) == 0;

	console_lock();
	begin_line();
	uart.line = LINE_FAIRLEAD;
	put_text("fairlead: ");
	if (level == LOG_ERROR && !is_panic)
		put_text("error: ");
	if (level == LOG_WARN)
		put_text("warning: ");
	for (size_t i = 0; i < len; i++)
		put(line[i] >= ' ' && line[i] <= '~' ? line[i] : '?');
	put_text("\r\n");
	uart.line = LINE_EMPTY;
	leave_empty();
	console_unlock();
}

void uart_drain_locked(void) REQUIRES(console_spinlock)
{
	if (uart.port)
		(void)wait_for(LSR_TEMT);
}

void uart_drain(void)
{
	console_lock();
	uart_drain_locked();
	console_unlock();
}

void uart_leave_edited_line(void) REQUIRES(console_spinlock)
{
	if (uart.line != LINE_EDITED)
		return;
	begin_line();
	leave_empty();
}

/* Only what differs from what is shown is written. */
static void edit(const char *line, size_t len, bool complete) REQUIRES(console_spinlock)
{
	size_t same = 0;

	len = min_u64(len, sizeof(edited.text));
	if (uart.line != LINE_EDITED) {
		begin_line();
		edited.len = 0;
	}
	while (same < len && same < edited.len && line[same] == edited.text[same])
		same++;
	for (; edited.len > same; edited.len--)
		put_text("\b \b");
	for (; edited.len < len; edited.len++) {
		edited.text[edited.len] = line[edited.len];
		put(line[edited.len]);
	}
	uart.line = LINE_EDITED;
	if (complete)
		begin_line();
	leave_empty();
}

void arch_console_edit(const char *line, size_t len, bool complete)
{
	console_lock();
	edit(line, len, complete);
	console_unlock();
}
