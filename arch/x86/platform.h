/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Platform policy: the doors of a PC that lead around the direct map - sleep, reset, SMI commands, configuration mechanism #1 - and who
 * may pass. docs/design has the table of rules.
 */
#ifndef ARCH_X86_PLATFORM_H
#define ARCH_X86_PLATFORM_H

#include "boot/acpi.h"
#include "core/types.h"

/* Claims the ports and regions named below. Boot, after vm_init(). panics if a claim fails: two rules would want one port. */
void platform_init(const struct acpi_machine *acpi);

/* acpi_pm.c: PM1 control (sleep) and status. */
int MUST_CHECK acpi_pm_init(const struct acpi_machine *acpi);
/* reset.c: keyboard controller and port 92h. */
int MUST_CHECK reset_init(const struct acpi_machine *acpi);
/* cfg_ports.c: CF8h-CFFh. */
int MUST_CHECK cfg_ports_init(void);
/* smi.c: the SMI command port. */
int MUST_CHECK smi_init(const struct acpi_machine *acpi);

/* reset.c: says why and resets the machine; tries each way it has, and stops the CPU if none works. Any context. */
void machine_reset(const char *why) NORETURN;
/* Does a write of this value to CF9h or to the ACPI reset register reset the machine? */
bool reset_control_resets(u8 value);

#endif
