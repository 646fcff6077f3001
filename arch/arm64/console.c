/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which UART the console is (console.h), and a 16550 by MMIO: registers 1 << reg_shift bytes apart, each
 * accessed with reg_width bytes (Devicetree bindings, serial/8250.yaml: reg-shift, reg-io-width).
 */
#include "arch/arm64/console.h"

#include "arch/arm64/pl011.h"
#include "core/console/uart16550.h"
#include "core/log.h"
#include "core/mmio.h"

static struct dt_uart uart; /* kind DT_UART_NONE: none answers. Written at boot */

static volatile void *at(unsigned int reg)
{
	return phys_to_virt(uart.registers.base + ((u64)reg << uart.reg_shift));
}

static u8 in(unsigned int reg)
{
	switch (uart.reg_width) {
	case 4: return (u8)mmio_read32(at(reg));
	case 2: return (u8)mmio_read16(at(reg));
	default: return mmio_read8(at(reg));
	}
}

static void out(unsigned int reg, u8 value)
{
	switch (uart.reg_width) {
	case 4: mmio_write32(at(reg), value); break;
	case 2: mmio_write16(at(reg), value); break;
	default: mmio_write8(at(reg), value); break;
	}
}

void console_init(const struct dt_uart *from)
{
	static const struct uart16550_bus bus = { in, out };
	bool found = false;

	uart = *from;
	if (uart.kind == DT_UART_PL011)
		found = pl011_init(uart.registers.base);
	else if (uart.kind == DT_UART_16550)
		found = uart16550_init(&bus, 0);
	if (!found)
		uart.kind = DT_UART_NONE;
}

/*
 * The byte at a register's own address is the register; those between are not there. What follows the eight
 * is not either.
 */
static void access_16550(void *ctx UNUSED, gpa_t gpa, unsigned int size, bool write, u64 *value)
{
	u64 result = 0;

	for (unsigned int i = 0; i < size; i++) {
		u64 offset = gpa + i - uart.registers.base, reg = offset >> uart.reg_shift;

		if (reg >= UART16550_REGISTERS || !IS_ALIGNED(offset, BIT(uart.reg_shift)))
			continue;
		if (write)
			uart16550_guest_write((unsigned int)reg, (u8)(*value >> (8 * i)));
		else
			result |= (u64)uart16550_guest_read((unsigned int)reg) << (8 * i);
	}
	if (!write)
		*value = result;
}

static int start_16550(struct vm *vm, char escape)
{
	const struct dt_range *r = &uart.registers;
	const struct vm_mmio_region region = { r->base, r->size, access_16550, NULL, "16550 UART" };
	int ret = vm_add_region(vm, &region);

	if (!ret)
		uart16550_start_input(escape);
	return ret;
}

int console_start_guest(struct vm *vm, char escape)
{
	switch (uart.kind) {
	case DT_UART_PL011: return pl011_start_guest(vm, &uart, escape);
	case DT_UART_16550: return start_16550(vm, escape);
	default: return 0;
	}
}
