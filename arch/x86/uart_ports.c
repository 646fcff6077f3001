/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console's 16550 of a PC: eight ports, which the guest shares.
 */
#include "arch/x86/uart_ports.h"

#include "arch/x86/cpu.h"
#include "arch/x86/pio.h"
#include "core/console/uart16550.h"

#define DIVISOR_115200 1u

static u16 port; /* 0: none; written at boot */

static u8 in(unsigned int reg)
{
	return inb((u16)(port + reg));
}

static void out(unsigned int reg, u8 value)
{
	outb((u16)(port + reg), value);
}

void uart_init(u16 first_port)
{
	static const struct uart16550_bus ports = { in, out };

	port = first_port;
	if (!uart16550_init(&ports, DIVISOR_115200))
		port = 0;
}

/* The registers are bytes: a wider access is that many byte accesses, as on an 8-bit bus. */
static void guest_access(void *ctx UNUSED, u16 at, unsigned int size, bool write, u32 *value)
{
	u32 result = 0;

	for (unsigned int i = 0; i < size; i++) {
		unsigned int reg = (unsigned int)(at - port) + i;

		if (write)
			uart16550_guest_write(reg, (u8)(*value >> (8 * i)));
		else
			result |= (u32)uart16550_guest_read(reg) << (8 * i);
	}
	if (!write)
		*value = result;
}

int uart_share_with_guest(void)
{
	return port ? pio_claim(port, UART16550_REGISTERS, guest_access, NULL, "16550 UART") : 0;
}
