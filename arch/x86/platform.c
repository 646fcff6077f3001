/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts the platform policy in force.
 */
#include "arch/x86/platform.h"

#include "arch/x86/closed_ports.h"
#include "arch/x86/lapic.h"
#include "arch/x86/msr.h"
#include "arch/x86/uart_ports.h"
#include "core/log.h"

void platform_init(const struct acpi_machine *acpi)
{
	int ret = uart_share_with_guest();

	if (!ret)
		ret = cfg_ports_init();
	if (!ret)
		ret = acpi_pm_init(acpi);
	if (!ret)
		ret = smi_init(acpi);
	if (!ret) /* after the others: the ACPI reset register may be one of their ports */
		ret = reset_init(acpi);
	if (!ret)
		ret = closed_ports_init();
	if (!ret)
		ret = lapic_init(acpi->lapic_base);
	if (ret)
		panic("platform policy: error %d", ret);
	msr_init();
}
