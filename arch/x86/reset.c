/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's ways to reset: ACPI's register, the keyboard controller, port 92h (CF9h is in cfg_ports.c). All end
 * in machine_reset(), so that a reset is always the whole machine's and never leaves the CPU without Fairlead on a
 * running machine.
 *
 * The same two legacy devices switch address line 20, for every access of the CPU: Fairlead's own memory would be
 * read with one address bit missing. The guest cannot switch it off.
 *
 * What a byte means to the 8042 depends on the one before, whichever CPU wrote that: so each is judged and written
 * under a lock, and the controller gets them in the order in which they were judged.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/pio.h"
#include "arch/x86/platform.h"
#include "core/errno.h"
#include "core/lock.h"
#include "core/log.h"

/* 8042 controller commands (IBM PS/2 Hardware Interface Technical Reference, keyboard and auxiliary device controller) */
#define COMMAND_DISABLE_A20 0xddu
#define COMMAND_WRITE_OUTPUT 0xd1u /* the next data byte goes to the output port */
#define COMMAND_PULSE 0xf0u	   /* F0h-FFh: output lines that have a 0 in bits 3:0 go low for 6 us */
/* Output port, and bits of the pulse command */
#define OUTPUT_NO_RESET 0x01u
#define OUTPUT_A20 0x02u

/* Port 92h, system control port A */
#define PORT_CONTROL_A 0x92
#define CONTROL_A_RESET 0x01u
#define CONTROL_A_A20 0x02u

static u8 acpi_value; /* written at boot */

static LOCK_CLASS(keyboard_class, "keyboard");
static struct spinlock keyboard_lock LEAF_LOCK = SPINLOCK_INIT(keyboard_class);
static bool output_byte_follows GUARDED_BY(keyboard_lock); /* the 8042 was told WRITE_OUTPUT */

bool reset_control_resets(u8 value)
{
	return value & RESET_CPU;
}

/* Each returns why the machine is to be reset instead, or NULL. */
static const char *command_8042(u8 command) REQUIRES(keyboard_lock)
{
	output_byte_follows = command == COMMAND_WRITE_OUTPUT;
	if ((command & COMMAND_PULSE) == COMMAND_PULSE) {
		if (!(command & OUTPUT_NO_RESET))
			return "guest, by the keyboard controller";
		if (!(command & OUTPUT_A20))
			return NULL;
	}
	if (command != COMMAND_DISABLE_A20)
		outb(PORT_8042_COMMAND, command);
	return NULL;
}

static const char *data_8042(u8 data) REQUIRES(keyboard_lock)
{
	if (output_byte_follows) {
		output_byte_follows = false;
		if (!(data & OUTPUT_NO_RESET))
			return "guest, by the keyboard controller's output port";
		data |= OUTPUT_A20;
	}
	outb(PORT_8042_DATA, data);
	return NULL;
}

static void write_8042(u16 port, u8 value)
{
	const char *why;

	spin_lock(&keyboard_lock);
	why = port == PORT_8042_COMMAND ? command_8042(value) : data_8042(value);
	spin_unlock(&keyboard_lock);
	if (why)
		machine_reset(why);
}

/* Claims are of one port each, so every access is a byte. */
static void access_8042(void *ctx UNUSED, u16 port, unsigned int size UNUSED, bool write, u32 *value)
{
	if (write)
		write_8042(port, (u8)*value);
	else
		*value = inb(port);
}

static void access_control_a(void *ctx UNUSED, u16 port, unsigned int size UNUSED, bool write, u32 *value)
{
	if (!write)
		*value = inb(port);
	else if (*value & CONTROL_A_RESET)
		machine_reset("guest, by port 92h");
	else
		outb(port, (u8)(*value | CONTROL_A_A20));
}

static void access_acpi(void *ctx UNUSED, u16 port, unsigned int size UNUSED, bool write, u32 *value)
{
	if (!write)
		*value = inb(port);
	else if ((u8)*value == acpi_value)
		machine_reset("guest, by the ACPI reset register");
	else
		outb(port, (u8)*value);
}

int reset_init(const struct acpi_machine *acpi)
{
	int ret = pio_claim(PORT_8042_COMMAND, 1, access_8042, NULL, "keyboard controller, command");

	if (!ret)
		ret = pio_claim(PORT_8042_DATA, 1, access_8042, NULL, "keyboard controller, data");
	if (!ret)
		ret = pio_claim(PORT_CONTROL_A, 1, access_control_a, NULL, "port 92h");
	/* Usually CF9h, which is claimed already, or one of the above. */
	if (!ret && acpi->reset_supported && acpi->reset_space == ACPI_SPACE_IO && acpi->reset_address < 0x10000) {
		acpi_value = acpi->reset_value;
		ret = pio_claim((u16)acpi->reset_address, 1, access_acpi, NULL, "ACPI reset register");
		if (ret == -EEXIST)
			ret = 0;
	}
	return ret;
}
