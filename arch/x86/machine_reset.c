/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way out: whatever asks for a reset, the whole machine gets it. Each way that a PC has is tried in turn, the
 * one that the firmware names first; a reset register in memory or configuration space is left out, CF9h does the
 * same.
 *
 * Of several CPUs that want it the first does it; the others have stopped before anything is written.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "boot/boot_info.h"
#include "core/arch.h"
#include "core/console/console.h"
#include "core/log.h"
#include "core/stop.h"

#define WAIT_US 100000u

/* The PC/AT's non-volatile memory: byte 0Fh tells firmware why the machine was reset. */
#define PORT_CMOS_INDEX 0x70
#define PORT_CMOS_DATA 0x71
#define CMOS_NMI_OFF 0x80u
#define CMOS_SHUTDOWN_CODE 0x0fu

static void wait_a_while(void)
{
	u64 start = arch_time_us();

	while (arch_time_us() - start < WAIT_US)
		arch_cpu_relax();
}

void machine_reset(const char *why)
{
	static const struct {
		u16 limit;
		u64 base;
	} PACKED no_idt = { 0, 0 };
	const struct acpi_machine *acpi = &boot_info.acpi;

	stop_others();
	log_info("resetting the machine: %s", why);
	console_drain();
	stop_wait();
	/* Firmware that finds S3's code here would resume into the guest's waking vector instead of starting over. */
	outb(PORT_CMOS_INDEX, CMOS_NMI_OFF | CMOS_SHUTDOWN_CODE);
	outb(PORT_CMOS_DATA, 0);
	if (acpi->reset_supported && acpi->reset_space == ACPI_SPACE_IO) {
		outb((u16)acpi->reset_address, acpi->reset_value);
		wait_a_while();
	}
	outb(PORT_RESET_CONTROL, RESET_SYSTEM);
	outb(PORT_RESET_CONTROL, RESET_SYSTEM | RESET_CPU);
	wait_a_while();
	outb(PORT_8042_COMMAND, COMMAND_8042_RESET);
	wait_a_while();
	__asm__ volatile("lidt %0; int3" : : "m"(no_idt));
	for (;;)
		__asm__ volatile("cli; hlt");
}
