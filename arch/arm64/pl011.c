/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PL011 in hardware, as the console's (pl011.h). Firmware has set its speed and its pins; what else
 * Fairlead relies on is set here, whatever firmware left.
 */
#include "arch/arm64/pl011.h"

#include "core/arch.h"
#include "core/mmio.h"

/* Far more than a character takes at any speed that a terminal has. */
#define IDLE_SPINS 1000000u

static u8 *registers; /* written at boot */

static struct {
	u32 enabled; /* UARTIMSC */
	u16 errors;  /* UARTDR's bits */
} hw GUARDED_BY(console_spinlock);

u32 pl011_read(enum pl011_register reg)
{
	return mmio_read32(registers + reg);
}

void pl011_write(enum pl011_register reg, u32 value)
{
	mmio_write32(registers + reg, value);
}

void pl011_enable(u32 interrupts)
{
	if (interrupts != hw.enabled)
		pl011_write(UARTIMSC, interrupts);
	hw.enabled = interrupts;
}

u16 pl011_errors(void)
{
	u16 errors = hw.errors;

	hw.errors = 0;
	return errors;
}

static bool can_send(void) REQUIRES(console_spinlock)
{
	return !(pl011_read(UARTFR) & FR_TXFF);
}

static void send(u8 c) REQUIRES(console_spinlock)
{
	pl011_write(UARTDR, c);
}

static bool idle(void) REQUIRES(console_spinlock)
{
	return !(pl011_read(UARTFR) & FR_BUSY);
}

static bool has_input(void) REQUIRES(console_spinlock)
{
	return !(pl011_read(UARTFR) & FR_RXFE);
}

static u16 receive(void) REQUIRES(console_spinlock)
{
	u16 data = pl011_read(UARTDR) & (DR_CHARACTER | DR_ERRORS);

	hw.errors |= data & DR_ERRORS;
	return data;
}

static const struct console_uart hardware = { can_send, send, idle, has_input, receive };

/*
 * UARTLCR_H is written while the UART is off, when it has sent what it had (3.3.8); the speed is taken over
 * anew with it, as it is (3.3.7).
 */
static void set_format(void) REQUIRES(console_spinlock)
{
	for (u32 i = 0; i < IDLE_SPINS && !idle(); i++)
		arch_cpu_relax();
	pl011_write(UARTCR, 0);
	pl011_write(UARTLCR_H, LCR_H_8BIT | LCR_H_FEN);
}

static bool init(void) REQUIRES(console_spinlock)
{
	if (pl011_read(UARTFR) & ~FR_BITS) /* all ones, on a bus that nobody answers on */
		return false;
	if ((pl011_read(UARTLCR_H) & LCR_H_BITS) != (LCR_H_8BIT | LCR_H_FEN))
		set_format();
	pl011_write(UARTIMSC, 0);
	pl011_write(UARTICR, INT_BITS);
	pl011_write(UARTDMACR, 0);
	pl011_write(UARTIFLS, IFLS_RESET);
	pl011_write(UARTCR, CR_UARTEN | CR_TXE | CR_RXE | CR_DTR | CR_RTS);
	hw.enabled = hw.errors = 0;
	return true;
}

bool pl011_init(paddr_t base)
{
	bool found;

	console_lock();
	registers = phys_to_virt(base);
	found = init();
	console_attach(found ? &hardware : NULL);
	console_unlock();
	return found;
}
