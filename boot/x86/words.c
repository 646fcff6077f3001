/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of configuration and messages that only an ACPI machine with I/O ports has.
 */
#include "boot/firmware.h"
#include "core/string.h"

#define COM1_PORT  0x3f8
#define COM2_PORT  0x2f8
#define UART_PORTS 8u /* a 16550 has this many */

const struct firmware_words firmware_words = {
	.no_tables = "usable ACPI tables; update the firmware",
	.iommu_tables = "IOMMU tables",
	.iommu_advice = "switch VT-d on in the firmware setup, or set iommu=off to run unprotected",
	.kernel = "the path of a bzImage, as in kernel=\\fairlead\\vmlinuz",
	.console = "com1, com2, none, or an I/O port from 0x1 to 0xfff8",
};

void firmware_default_console(struct config *config)
{
	config->console_port = COM1_PORT;
}

static bool value_is(const char *value, size_t length, const char *text)
{
	return length == strlen(text) && !memcmp(value, text, length);
}

/* As 0x3f8. */
static bool parse_port(const char *value, size_t length, u16 *port)
{
	u32 number = 0;
	size_t i;

	if (length < 3 || memcmp(value, "0x", 2) != 0)
		return false;
	for (i = 2; i < length; i++) {
		int digit = hex_digit(value[i]);

		if (digit < 0)
			return false;
		number = number << 4 | (u32)digit;
		if (number > 0x10000 - UART_PORTS)
			return false;
	}
	*port = (u16)number;
	return number != 0;
}

bool firmware_set_console(struct config *config, const char *value, size_t length)
{
	u16 port;

	if (value_is(value, length, "com1"))
		port = COM1_PORT;
	else if (value_is(value, length, "com2"))
		port = COM2_PORT;
	else if (value_is(value, length, "none"))
		port = 0;
	else if (!parse_port(value, length, &port))
		return false;
	config->console_port = port;
	return true;
}
