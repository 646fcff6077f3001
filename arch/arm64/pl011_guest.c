/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PL011 that the guest sees (pl011.h). Characters that it sends go to the hardware one by one, between
 * Fairlead's lines; room for them, and the transmitter's interrupt, are the hardware's. What is received is
 * in the console's queue: the receiver's flags and interrupts speak of that, never of the hardware, which
 * Fairlead empties. Everything else (speed, format, modem lines, break) is kept and shown, and changes
 * nothing.
 *
 * The guest's interrupt is a line by software. Its lock is held from the change until vgic_set_level() has
 * heard of it, so that the last word there is the last change. It is outside the console's, which is taken
 * for a moment at a time.
 *
 * The hardware's interrupt is Fairlead's. For the receiver it is on always; for the transmitter it is on
 * while the guest waits for one that has not come, and off again once it has: it is then the guest who ends
 * it.
 */
#include "arch/arm64/gic.h"
#include "arch/arm64/pl011.h"
#include "arch/arm64/vgic.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/timer.h"

#define FIFO 16u /* characters, of the revision that is shown */
/*
 * So much is taken at one interrupt: more than the hardware can hold (32). A receiver that has more even
 * then is looked at by a timer for a while, so that it cannot keep a CPU from everything else.
 */
#define TAKE_MOST    64u
#define LOOK_SOON_US 20000u
/*
 * So many wait at most for a guest that reads: the rest stays in the hardware, whose sender is held back then. One that has not read
 * for so long is not waited for: its characters are lost, but the escape to the monitor is not.
 */
#define FLOW_LIMIT 384u
#define PATIENCE_US 1000000u

LOCK_CLASS(guest_uart_class, "guest_uart");
static struct spinlock uart_lock ACQUIRED_BEFORE(vgic_class) = SPINLOCK_INIT(guest_uart_class);

static void look(struct timer *timer);

static struct {
	/* Registers that only the guest has a use for. */
	u32 ilpr, ibrd, fbrd;
	u32 lcr_h, cr, ifls, imsc, rsr;
	u32 ris; /* without the transmitter's */
	bool lost; /* characters, since the guest read one: the next says so */

	gpa_t base;
	u32 intid; /* 0: it has no interrupt */
	bool level;
	bool held_back; /* the hardware may have more */
	u64 read_at; /* when the guest has taken a character last; 0: never */
	bool polled; /* the receiver's interrupt is off, the timer looks */
	struct timer timer;
} uart GUARDED_BY(uart_lock) = { .timer = { .fn = look } };

/* ---- the line ---- */

/* The interrupts that are raised, masked or not. */
static u32 raw_status(void) REQUIRES(uart_lock)
{
	u32 transmitter;

	console_lock();
	transmitter = pl011_read(UARTRIS) & INT_TX;
	console_unlock();
	return uart.ris | transmitter;
}

/* After each change. */
static void update_line(void) REQUIRES(uart_lock)
{
	bool wants_tx = uart.imsc & INT_TX;
	u32 raised = uart.ris, enable = uart.polled ? 0 : INT_RX | INT_RT;
	bool level;

	console_lock();
	if (wants_tx)
		raised |= pl011_read(UARTRIS) & INT_TX;
	if (wants_tx && !(raised & INT_TX))
		enable |= INT_TX;
	pl011_enable(enable);
	console_unlock();
	level = raised & uart.imsc;
	if (uart.intid && level != uart.level)
		vgic_set_level(uart.intid, level);
	uart.level = level;
}

/* ---- the receiver ---- */

static bool has_fifo(void) REQUIRES(uart_lock)
{
	return uart.lcr_h & LCR_H_FEN;
}

/* How many characters raise its interrupt (3.3.9); values that are reserved count as the highest. */
static unsigned int trigger_level(void) REQUIRES(uart_lock)
{
	static const u8 eighths[] = { 1, 2, 4, 6, 7, 7, 7, 7 };

	return has_fifo() ? FIFO * eighths[uart.ifls >> IFLS_RX_SHIFT & IFLS_LEVEL] / 8 : 1;
}

/*
 * So many wait now. `more`: than there were. The time after which a character that nobody reads counts as
 * left is 0 here.
 */
static void waiting_is(unsigned int count, bool more) REQUIRES(uart_lock)
{
	if (count < trigger_level())
		uart.ris &= ~INT_RX;
	else if (more)
		uart.ris |= INT_RX;
	if (!count)
		uart.ris &= ~INT_RT;
	else
		uart.ris |= INT_RT;
}

static unsigned int waiting(void) REQUIRES(uart_lock)
{
	unsigned int count;

	console_lock();
	count = console_waiting();
	console_unlock();
	return count;
}

static void take(void) REQUIRES(uart_lock)
{
	const bool reads = uart.read_at && arch_time_us() - uart.read_at < PATIENCE_US;
	unsigned int before, now;
	bool more, lost;
	u16 errors;

	console_lock();
	before = console_waiting();
	/*
	 * Before it is emptied: what comes after that raises them again, and nothing else keeps the line
	 * up.
	 */
	pl011_write(UARTICR, INT_RX | INT_RT);
	more = console_take(TAKE_MOST, reads ? FLOW_LIMIT : CONSOLE_ALL);
	now = console_waiting();
	uart.held_back = reads && now >= FLOW_LIMIT;
	lost = console_overran();
	errors = pl011_errors();
	console_unlock();
	if (now > before)
		waiting_is(now, true);
	if (lost) {
		uart.lost = true;
		uart.rsr |= RSR_OE;
		uart.ris |= INT_OE;
	}
	uart.ris |= (u32)errors >> DR_TO_RIS;
	uart.polled = more || uart.held_back || !uart.intid;
	if (uart.polled)
		timer_set(&uart.timer, LOOK_SOON_US);
}

static void take_locked(void)
{
	spin_lock(&uart_lock);
	take();
	update_line();
	spin_unlock(&uart_lock);
}

static void look(struct timer *timer UNUSED)
{
	take_locked();
}

static void interrupt(u32 intid UNUSED)
{
	take_locked();
}

static u32 receive(void) REQUIRES(uart_lock)
{
	unsigned int before, now;
	u16 data;

	console_lock();
	before = console_waiting();
	data = console_next();
	now = console_waiting();
	console_unlock();
	if (!before)
		return data & DR_CHARACTER;
	uart.read_at = arch_time_us();
	if (uart.lost)
		data |= DR_OE;
	uart.lost = false;
	uart.rsr = (uart.rsr & RSR_OE) | (u32)(data & DR_ERRORS) >> DR_TO_RSR;
	waiting_is(now, false);
	if (uart.held_back && now < FLOW_LIMIT / 2)
		take();
	return data;
}

/* ---- the registers ---- */

static u32 flags(void) REQUIRES(uart_lock)
{
	unsigned int count = waiting();
	u32 fr;

	console_lock();
	fr = pl011_read(UARTFR);
	console_unlock();
	fr &= FR_BITS & ~(FR_RXFE | FR_RXFF);
	if (!count)
		fr |= FR_RXFE;
	if (count >= (has_fifo() ? FIFO : 1))
		fr |= FR_RXFF;
	return fr;
}

/*
 * Part number 011h, designer 41h (Arm), revision 1 (r1p1: FIFOs of 16), configuration 0; then the
 * PrimeCell's class, B105F00Dh.
 */
static u32 identification(u32 offset)
{
	static const u8 ids[] = { 0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

	return offset >= UARTPeriphID0 ? ids[(offset - UARTPeriphID0) / 4] : 0;
}

static u32 read_register(u32 offset) REQUIRES(uart_lock)
{
	switch (offset) {
	case UARTDR: return receive();
	case UARTRSR: return uart.rsr;
	case UARTFR: return flags();
	case UARTILPR: return uart.ilpr;
	case UARTIBRD: return uart.ibrd;
	case UARTFBRD: return uart.fbrd;
	case UARTLCR_H: return uart.lcr_h;
	case UARTCR: return uart.cr;
	case UARTIFLS: return uart.ifls;
	case UARTIMSC: return uart.imsc;
	case UARTRIS: return raw_status();
	case UARTMIS: return raw_status() & uart.imsc;
	default: return identification(offset); /* UARTICR, UARTDMACR and what is reserved: 0 */
	}
}

/* In loopback it would come back as input, which nobody but a self test reads. */
static void transmit(u8 c) REQUIRES(uart_lock)
{
	if (uart.cr & CR_LBE)
		return;
	console_lock();
	console_guest_sends(c);
	console_put(c);
	console_unlock();
}

static void clear_interrupts(u32 which) REQUIRES(uart_lock)
{
	uart.ris &= ~which;
	if (!(which & INT_TX))
		return;
	console_lock();
	pl011_write(UARTICR, INT_TX);
	console_unlock();
}

static void write_register(u32 offset, u32 value) REQUIRES(uart_lock)
{
	switch (offset) {
	case UARTDR: transmit((u8)value); break;
	case UARTRSR: uart.rsr = 0; break;
	case UARTILPR: uart.ilpr = value & 0xff; break;
	case UARTIBRD: uart.ibrd = value & 0xffff; break;
	case UARTFBRD: uart.fbrd = value & 0x3f; break;
	case UARTLCR_H:
		uart.lcr_h = value & LCR_H_BITS;
		waiting_is(waiting(), true);
		break;
	case UARTCR: uart.cr = value & CR_BITS; break;
	case UARTIFLS:
		uart.ifls = value & IFLS_BITS;
		waiting_is(waiting(), true);
		break;
	case UARTIMSC: uart.imsc = value & INT_BITS; break;
	case UARTICR: clear_interrupts(value); break;
	default: break; /* read-only, reserved; there is no DMA */
	}
}

/*
 * The registers are on a bus of 32 bits without byte lanes: a narrower access at a register's own address
 * is one of the register, elsewhere in it none; a wider one is several.
 */
static void guest_access(void *ctx UNUSED, gpa_t gpa, unsigned int size, bool write, u64 *value)
{
	u64 result = 0, mask = size < 4 ? GENMASK64(size * 8 - 1, 0) : GENMASK64(31, 0);

	spin_lock(&uart_lock);
	for (unsigned int i = 0; i < size && IS_ALIGNED(gpa, (gpa_t)4); i += 4) {
		u32 offset = (u32)(gpa - uart.base) + i;

		if (write)
			write_register(offset, (u32)(*value >> (8 * i) & mask));
		else
			result |= (read_register(offset) & mask) << (8 * i);
	}
	update_line();
	spin_unlock(&uart_lock);
	if (!write)
		*value = result;
}

/* ---- */

static int claim_interrupt(const struct dt_uart *from)
{
	int ret = gic_claim(from->intid, interrupt, "UART");

	if (ret)
		return ret;
	gic_set_edge(0, from->intid, !from->level);
	gic_set_priority(0, from->intid, GIC_PRIORITY_OURS);
	gic_route(from->intid, 0);
	gic_enable(0, from->intid, true);
	return 0;
}

/* As firmware leaves it: on, for an early console that does not set it up. */
static void reset(const struct dt_uart *from, char escape) REQUIRES(uart_lock)
{
	uart.ilpr = uart.ibrd = uart.fbrd = 0;
	uart.lcr_h = LCR_H_8BIT | LCR_H_FEN;
	uart.cr = CR_UARTEN | CR_TXE | CR_RXE;
	uart.ifls = IFLS_RESET;
	uart.imsc = uart.rsr = uart.ris = 0;
	uart.read_at = 0;
	uart.held_back = false;
	uart.lost = uart.level = false;
	uart.base = from->registers.base;
	uart.intid = from->intid;
	console_lock();
	console_set_escape(escape);
	console_unlock();
	take();
	update_line();
}

int pl011_start_guest(struct vm *vm, const struct dt_uart *from, char escape)
{
	u64 size = min_u64(from->registers.size, PL011_SIZE); /* some trees say where its neighbour begins */
	const struct vm_mmio_region region = { from->registers.base, size, guest_access, NULL, "PL011 UART" };
	int ret = vm_add_region(vm, &region);

	if (!ret && from->intid)
		ret = claim_interrupt(from);
	if (ret)
		return ret;
	spin_lock(&uart_lock);
	reset(from, escape);
	spin_unlock(&uart_lock);
	return 0;
}
