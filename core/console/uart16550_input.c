/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When the shared 16550 is looked at for input. What is not the monitor's waits in the console's queue
 * (input.c), which is the guest's receive FIFO: data ready and the interrupt identification say what is in
 * it.
 *
 * The guest's interrupt is the hardware's, and it is gone once Fairlead has taken the byte that caused it.
 * If the guest does not come for what waits here, the transmitter's interrupt is switched on for it: its
 * handler finds "data available".
 *
 * A guest that hangs with interrupts off reads nothing. A timer looks at the hardware: data that the guest
 * leaves alone from one look to the next are taken into the queue, so that the monitor's escape among them
 * is seen. While the monitor has the keyboard, the guest's receive interrupt is off and the timer reads.
 */
#include "core/console/uart16550_internal.h"
#include "core/monitor/monitor.h"
#include "core/timer.h"

#define LOOK_US	     100000u
#define LOOK_SOON_US 20000u /* 0.02 s at 115200 baud are 230 bytes; a keyboard makes one */

static void look(struct timer *timer);

static struct {
	bool rung;	       /* the transmitter's interrupt is on though the guest has it off */
	bool monitor;	       /* it had the keyboard when IER was last written */
	bool looks;	       /* the timer runs always, not only while something waits here */
	bool soon;	       /* it is set to LOOK_SOON_US */
	bool waited;	       /* something waited for the guest at the last look */
	u32 reads, reads_seen; /* bytes the guest has read: until now, until the last look */
	struct timer timer;
} rx GUARDED_BY(console_spinlock) = { .timer = { .fn = look } };

static void write_ier(void) REQUIRES(console_spinlock)
{
	u8 ier = uart.ier;

	rx.monitor = monitor_active();
	if (rx.monitor)
		ier &= (u8)~IER_RECEIVED;
	if (rx.rung)
		ier |= IER_TRANSMITTER;
	uart.bus->out(IER, ier);
}

/* The transmitter's interrupt comes when it is switched on while the transmitter is empty (8.4, 8.7). */
static void ring(void) REQUIRES(console_spinlock)
{
	rx.rung = false;
	uart.bus->out(IER, uart.ier & (u8)~IER_TRANSMITTER);
	rx.rung = true;
	write_ier();
}

static void look_soon(void) REQUIRES(console_spinlock)
{
	if (!rx.soon)
		timer_set(&rx.timer, LOOK_SOON_US);
	rx.soon = true;
}

static void empty_queue(void) REQUIRES(console_spinlock)
{
	console_drop();
	if (rx.rung) {
		rx.rung = false;
		write_ier();
	}
}

/*
 * At most a FIFO's, and no more once `wanted` are there. A full queue loses bytes and says so as the
 * hardware would.
 */
static void take(unsigned int wanted) REQUIRES(console_spinlock)
{
	(void)console_take(UART_FIFO, wanted);
	if (console_overran())
		uart.missed_errors |= LSR_OVERRUN;
	if (rx.monitor != monitor_active()) {
		write_ier();
		look_soon();
	}
}

/* So that the guest is told the truth: is there something for it? */
static void fill(void) REQUIRES(console_spinlock)
{
	take(1);
	if (console_waiting())
		look_soon();
}

static void take_unread(struct timer *timer) REQUIRES(console_spinlock)
{
	bool waits = console_waiting() || (uart_read_lsr() & LSR_DATA_READY);
	bool unread = waits && rx.waited && rx.reads == rx.reads_seen;

	if (unread || monitor_active())
		take(CONSOLE_ALL);
	if (console_waiting() && unread && !rx.rung && (uart.ier & IER_RECEIVED))
		ring();
	rx.waited = waits;
	rx.reads_seen = rx.reads;
	rx.soon = console_waiting() || monitor_active();
	if (rx.soon || rx.looks)
		timer_set(timer, rx.soon ? LOOK_SOON_US : LOOK_US);
}

static void look(struct timer *timer)
{
	console_lock();
	if (uart.bus)
		take_unread(timer);
	console_unlock();
}

void uart_input_reset(void) REQUIRES(console_spinlock)
{
	rx.rung = rx.monitor = rx.looks = rx.soon = rx.waited = false;
}

void uart16550_start_input(char escape)
{
	console_lock();
	console_set_escape(escape);
	rx.looks = uart.bus && escape;
	if (rx.looks)
		timer_set(&rx.timer, LOOK_US);
	console_unlock();
}

/* ---- the guest's registers ---- */

u8 uart_guest_receive(void) REQUIRES(console_spinlock)
{
	u8 byte;

	fill();
	rx.reads += console_waiting() != 0;
	byte = (u8)console_next();
	if (!console_waiting())
		empty_queue();
	return byte;
}

bool uart_guest_data_ready(void) REQUIRES(console_spinlock)
{
	fill();
	return console_waiting();
}

/* Reading the hardware's register acknowledges the transmitter's interrupt, so it is not read when something
 * else is shown. */
u8 uart_guest_iir(void) REQUIRES(console_spinlock)
{
	u8 fifos = uart.fcr & FCR_ENABLE ? IIR_FIFOS_ON : 0;

	fill();
	if ((uart.ier & IER_LINE_STATUS) && (uart.missed_errors & LSR_INTERRUPTING))
		return IIR_LINE_STATUS | fifos;
	if ((uart.ier & IER_RECEIVED) && console_waiting())
		return IIR_RECEIVED | fifos;
	return uart.bus->in(IIR_FCR);
}

void uart_guest_write_ier(u8 value) REQUIRES(console_spinlock)
{
	bool on = (value & IER_RECEIVED) && !(uart.ier & IER_RECEIVED);

	uart.ier = value & IER_IMPLEMENTED;
	if (!(uart.ier & IER_RECEIVED))
		rx.rung = false;
	write_ier();
	if (on && console_waiting())
		ring();
}

/* Switching the FIFOs on or off empties them, too (8.5). The monitor's bytes are none of the guest's to drop.
 */
void uart_guest_fcr(u8 value) REQUIRES(console_spinlock)
{
	if ((value & FCR_RESET_RECEIVE) || ((value ^ uart.fcr) & FCR_ENABLE)) {
		take(CONSOLE_ALL);
		empty_queue();
	}
	uart.fcr = value;
}
