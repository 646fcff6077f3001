/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SMI command port (ACPI 6.5, 5.2.9: SMI_CMD). A write calls firmware code in system management mode, which obeys whatever it
 * finds in the guest's registers; the guest may only ask for what an operating system needs: ACPI mode.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/pio.h"
#include "arch/x86/platform.h"
#include "core/log.h"

#define APM_COMMAND 0xb2 /* where chipsets have it, named by ACPI or not; B3h holds data */

static const struct acpi_machine *machine;

static void smi_access(void *ctx UNUSED, u16 port, unsigned int size, bool write, u32 *value)
{
	u8 command = (u8)*value;

	if (!write)
		*value = size == 1 ? inb(port) : inw(port);
	else if (size == 1 && port == machine->smi_command && command == machine->acpi_enable && command)
		outb(port, command);
	else
		log_info("platform: SMI command 0x%02x refused", command);
}

int smi_init(const struct acpi_machine *acpi)
{
	int ret = pio_claim(APM_COMMAND, 1, smi_access, NULL, "SMI command");

	machine = acpi;
	if (!ret && acpi->smi_command && acpi->smi_command != APM_COMMAND)
		ret = pio_claim(acpi->smi_command, 1, smi_access, NULL, "SMI command");
	return ret;
}
