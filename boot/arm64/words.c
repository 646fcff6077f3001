/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of configuration and messages that only a machine with a device tree has.
 */
#include "boot/firmware.h"
#include "core/string.h"

const struct firmware_words firmware_words = {
	.no_tables = "a usable device tree; update the firmware (with QEMU: -machine acpi=off)",
	.iommu_tables = "SMMUs",
	.iommu_advice =
		"update the firmware (with QEMU: -machine iommu=smmuv3), or set iommu=off to run unprotected",
	.kernel = "the path of an arm64 Image, as in kernel=\\fairlead\\vmlinuz",
	.console = "auto, none, or the address of a UART's registers as in 0x9000000",
};

void firmware_default_console(struct config *config)
{
	config->console_base = 0;
}

static bool value_is(const char *value, size_t length, const char *text)
{
	return length == strlen(text) && !memcmp(value, text, length);
}

/* As 0x9000000. */
static bool parse_address(const char *value, size_t length, u64 *address)
{
	size_t i;

	if (length < 3 || length > 2 + 16 || memcmp(value, "0x", 2) != 0)
		return false;
	*address = 0;
	for (i = 2; i < length; i++) {
		int digit = hex_digit(value[i]);

		if (digit < 0)
			return false;
		*address = *address << 4 | (u64)digit;
	}
	return *address && *address != CONSOLE_NONE;
}

bool firmware_set_console(struct config *config, const char *value, size_t length)
{
	u64 address = 0;

	if (value_is(value, length, "none"))
		address = CONSOLE_NONE;
	else if (!value_is(value, length, "auto") && !parse_address(value, length, &address))
		return false;
	config->console_base = address;
	return true;
}
