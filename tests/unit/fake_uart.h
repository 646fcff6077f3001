/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 16550 at COM1's ports, and the guest at its traps. Included by the tests of the shared console.
 */
#ifndef TESTS_FAKE_UART_H
#define TESTS_FAKE_UART_H

#include "fake_x86.h"

#include "arch/x86/pio.h"
#include "arch/x86/uart_ports.h"
#include "core/arch.h"
#include "core/console/uart16550.h"

#include "fake_16550.h"
#include "fake_console.h"

#define COM1 0x3f8

static bool chip_read(u16 port, u8 *value)
{
	if (port < COM1 || port > COM1 + 7)
		return false;
	*value = chip_in(port - COM1);
	return true;
}

static bool chip_write(u16 port, u8 value)
{
	if (port < COM1 || port > COM1 + 7)
		return false;
	chip_out(port - COM1, value);
	return true;
}

/* ---- the guest ---- */

static UNUSED u8 in(unsigned int reg)
{
	u32 value = 0;

	pio_access((u16)(COM1 + reg), 1, false, &value);
	return (u8)value;
}

static void out(unsigned int reg, u8 value)
{
	u32 v = value;

	pio_access((u16)(COM1 + reg), 1, true, &v);
}

static void guest_says(const char *text)
{
	while (*text)
		out(THR, (u8)*text++);
}

static UNUSED void assert_sent(const char *text)
{
	chip.sent[chip.sent_count] = '\0';
	assert_string_equal(chip.sent, text);
	assert_int_equal(chip.lost, 0);
}

static int setup_with(char escape)
{
	memset(&chip, 0, sizeof(chip));
	chip.present = true;
	model_read = chip_read;
	model_write = chip_write;
	uart_init(COM1);
	/* A timer of the test before finds nothing to do. */
	pass_ms(200);
	(void)pio_release(COM1);
	assert_int_equal(uart_share_with_guest(), 0);
	log_set_sink(console_log_sink);
	monitor_init(NULL, escape);
	uart16550_start_input(escape);
	guest_says("\n");
	chip.queued = chip.sent_count = chip.lost = 0;
	return 0;
}

#endif
