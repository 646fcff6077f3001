/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Platform policy: the doors of a PC that lead around the direct map - sleep, reset, SMI commands, configuration mechanism #1 - and who
 * may pass. docs/design has the table of rules.
 */
#ifndef ARCH_X86_PLATFORM_H
#define ARCH_X86_PLATFORM_H

#include "boot/x86/acpi.h"
#include "core/arch.h"
#include "core/types.h"

#define ACPI_SPACE_IO 1
#define PORT_RESET_CONTROL 0xcf9 /* Intel ICH9 datasheet, 13.7.5 */
#define RESET_SYSTEM 0x02u
#define RESET_CPU 0x04u /* the write that sets it resets */
#define PORT_8042_DATA 0x60
#define PORT_8042_COMMAND 0x64
#define COMMAND_8042_RESET 0xfeu

/* Claims the ports and regions named below. Boot, after vm_init(). panics if a claim fails: two rules would want one port. */
void platform_init(const struct acpi_machine *acpi);

/* acpi_pm.c: PM1 control (sleep) and status. */
int MUST_CHECK acpi_pm_init(const struct acpi_machine *acpi);
/* reset.c: keyboard controller, port 92h, ACPI's reset register. After cfg_ports_init(). */
int MUST_CHECK reset_init(const struct acpi_machine *acpi);
/* cfg_ports.c: CF8h-CFFh. */
int MUST_CHECK cfg_ports_init(void);
/* smi.c: the SMI command port. */
int MUST_CHECK smi_init(const struct acpi_machine *acpi);

/* reset.c: does a write of this value to CF9h reset the machine? */
bool reset_control_resets(u8 value);

#endif
