/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What --probe says of a machine with a device tree.
 */
#include "boot/boot_info.h"
#include "boot/firmware.h"
#include "core/log.h"
#include "core/string.h"

/* As " 0x0 0x1 0x100", in the list's order; " ..." for what finds no room. */
static void write_affinities(const struct dt_machine *dt, char *text, size_t size)
{
	static const char more[] = " ...";
	size_t used = 0;

	text[0] = 0;
	for (unsigned int i = 0; i < dt->cpus; i++) {
		int n = fl_snprintf(text + used, size - used, " 0x%llx",
				    (unsigned long long)dt->cpu_mpidr[i]);

		if (used + (size_t)n + sizeof(more) > size) {
			memcpy(text + used, more, sizeof(more));
			return;
		}
		used += (size_t)n;
	}
}

static const char *uart_name(const struct dt_uart *uart)
{
	switch (uart->kind) {
	case DT_UART_PL011: return "PL011";
	case DT_UART_16550: return "16550";
	case DT_UART_NONE: break;
	}
	return "none";
}

void firmware_report(void)
{
	const struct dt_machine *dt = &boot_info.dt;
	char affinities[160];

	write_affinities(dt, affinities, sizeof(affinities));
	log_info("cpus: %u%s, affinities%s", dt->cpus, dt->more_cpus ? " and more" : "", affinities);
	log_info("gic: distributor at 0x%llx, %u regions of redistributors, ITS %s",
		 (unsigned long long)dt->gicd.base, dt->redistributor_regions,
		 dt->its.size ? "present" : "absent (no message interrupts)");
	if (boot_info.frame.count)
		log_info("gic: the guest's message interrupts would be %u-%u", boot_info.frame.first,
			 boot_info.frame.first + boot_info.frame.count - 1);
	log_info("console: %s at 0x%llx", uart_name(&dt->uart), (unsigned long long)dt->uart.registers.base);
}

unsigned int firmware_report_missing(void)
{
	return 0;
}
