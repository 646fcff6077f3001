/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Resets. Whatever way the guest chooses - ACPI's register, CF9h, the keyboard controller, port 92h, a triple fault - ends in one
 * place, so that a reset is always the whole machine's and never leaves the CPU without Fairlead on a running machine.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/pio.h"
#include "arch/x86/platform.h"
#include "arch/x86/uart16550.h"
#include "boot/boot_info.h"
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"

#define ACPI_SPACE_IO 1
#define RESET_CONTROL 0xcf9 /* Intel ICH9 datasheet, 13.7.5 */
#define RESET_CPU 0x04u	    /* the write that sets it resets */
#define RESET_SYSTEM 0x02u
#define KEYBOARD_COMMAND 0x64 /* 8042: commands F0h-FFh pulse output lines that have a 0 in bits 3:0; line 0 is reset */
#define KEYBOARD_PULSE 0xf0u
#define KEYBOARD_PULSE_RESET 0x01u
#define KEYBOARD_RESET 0xfeu
#define FAST_RESET 0x92 /* port 92h, bit 0 */
#define FAST_RESET_NOW 0x01u

#define WAIT_US 100000u

static void wait_a_while(void)
{
	u64 start = arch_time_us();

	while (arch_time_us() - start < WAIT_US)
		arch_cpu_relax();
}

bool reset_control_resets(u8 value)
{
	return value & RESET_CPU;
}

void machine_reset(const char *why)
{
	static const struct {
		u16 limit;
		u64 base;
	} PACKED no_idt = { 0, 0 };
	const struct acpi_machine *acpi = &boot_info.acpi;

	log_info("resetting the machine: %s", why);
	uart_drain();
	if (acpi->reset_supported && acpi->reset_space == ACPI_SPACE_IO) {
		outb((u16)acpi->reset_address, acpi->reset_value);
		wait_a_while();
	}
	outb(RESET_CONTROL, RESET_SYSTEM);
	outb(RESET_CONTROL, RESET_SYSTEM | RESET_CPU);
	wait_a_while();
	outb(KEYBOARD_COMMAND, KEYBOARD_RESET);
	wait_a_while();
	__asm__ volatile("lidt %0; int3" : : "m"(no_idt));
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void keyboard_access(void *ctx UNUSED, u16 port, unsigned int size UNUSED, bool write, u32 *value)
{
	u8 command = (u8)*value;

	if (!write)
		*value = inb(port);
	else if ((command & KEYBOARD_PULSE) == KEYBOARD_PULSE && !(command & KEYBOARD_PULSE_RESET))
		machine_reset("guest, by the keyboard controller");
	else
		outb(port, command);
}

static void fast_reset_access(void *ctx UNUSED, u16 port, unsigned int size UNUSED, bool write, u32 *value)
{
	if (!write)
		*value = inb(port);
	else if (*value & FAST_RESET_NOW)
		machine_reset("guest, by port 92h");
	else
		outb(port, (u8)*value);
}

static void acpi_reset_access(void *ctx UNUSED, u16 port, unsigned int size UNUSED, bool write, u32 *value)
{
	if (!write)
		*value = inb(port);
	else if ((u8)*value == boot_info.acpi.reset_value)
		machine_reset("guest, by the ACPI reset register");
	else
		outb(port, (u8)*value);
}

int reset_init(const struct acpi_machine *acpi)
{
	int ret = pio_claim(KEYBOARD_COMMAND, 1, keyboard_access, NULL, "keyboard controller");

	if (!ret)
		ret = pio_claim(FAST_RESET, 1, fast_reset_access, NULL, "port 92h");
	/* Usually CF9h, which is claimed already, or one of the above. */
	if (!ret && acpi->reset_supported && acpi->reset_space == ACPI_SPACE_IO && acpi->reset_address < 0x10000) {
		ret = pio_claim((u16)acpi->reset_address, 1, acpi_reset_access, NULL, "ACPI reset register");
		if (ret == -EEXIST)
			ret = 0;
	}
	return ret;
}
