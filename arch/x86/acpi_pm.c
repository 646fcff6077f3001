/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleep states (ACPI 6.5, 4.8.3). The guest may power the machine off (S5). S3 and S4 would wake up in the firmware, which hands
 * the machine to the guest without Fairlead: refused.
 *
 * Whoever writes SLP_EN then waits for WAK_STS, so that a refused sleep looks like one that was over at once: the status register is
 * trapped as well, and shows WAK_STS until the guest clears it.
 */
#include <stdatomic.h>

#include "arch/x86/cpu.h"
#include "arch/x86/pio.h"
#include "arch/x86/platform.h"
#include "core/errno.h"
#include "core/log.h"

/* PM1 control, 4.8.3.2.1 */
#define PM1_SLEEP_TYPE(value) ((u8)((value) >> 10 & 7))
#define PM1_SLEEP_ENABLE 0x2000u
#define PM1_REGISTER_BYTES 2
/* PM1 status, 4.8.3.1.1; the bits are cleared by writing 1 */
#define PM1_WAKE_STATUS 0x8000u

static struct {
	const struct acpi_machine *acpi;
	_Atomic bool fake_wake; /* a sleep was refused and the guest has not cleared WAK_STS yet */
} pm;

static bool is_power_off(unsigned int block, u8 type)
{
	return pm.acpi->s5_known && type == (block ? pm.acpi->s5_type_b : pm.acpi->s5_type_a);
}

/* ctx: 0 for PM1a, 1 for PM1b. */
static void control_access(void *ctx, u16 port, unsigned int size, bool write, u32 *value)
{
	unsigned int block = (unsigned int)(uintptr_t)ctx;
	u16 base = block ? pm.acpi->pm1b_control : pm.acpi->pm1a_control;
	unsigned int offset = (unsigned int)(port - base);
	unsigned int enable_byte = 1; /* SLP_EN and SLP_TYP are in the upper byte, so one write carries both */
	u32 allowed = *value;
	u8 upper;

	if (!write) {
		*value = port_in(port, size);
		return;
	}
	if (offset > enable_byte || offset + size <= enable_byte) {
		port_out(port, size, allowed);
		return;
	}
	upper = (u8)(*value >> (8 * (enable_byte - offset)));
	if (upper & (PM1_SLEEP_ENABLE >> 8)) {
		u8 type = PM1_SLEEP_TYPE((u32)upper << 8);

		if (is_power_off(block, type)) {
			log_info("platform: the guest powers the machine off");
		} else {
			log_info("platform: sleep type %u refused: the machine would wake up without Fairlead", type);
			allowed &= ~((PM1_SLEEP_ENABLE >> 8) << (8 * (enable_byte - offset)));
			pm.fake_wake = true;
		}
	}
	port_out(port, size, allowed);
}

static void status_access(void *ctx UNUSED, u16 port, unsigned int size, bool write, u32 *value)
{
	u16 base = port == pm.acpi->pm1b_event || port == pm.acpi->pm1b_event + 1 ? pm.acpi->pm1b_event : pm.acpi->pm1a_event;
	unsigned int shift = 8 * (unsigned int)(port - base);
	u32 wake = PM1_WAKE_STATUS >> shift;

	if (size == 1)
		wake &= 0xff;
	if (write) {
		if (*value & wake)
			pm.fake_wake = false;
		port_out(port, size, *value);
	} else {
		*value = port_in(port, size) | (pm.fake_wake ? wake : 0);
	}
}

static int claim(u16 port, pio_fn fn, uintptr_t ctx, const char *name)
{
	return port ? pio_claim(port, PM1_REGISTER_BYTES, fn, (void *)ctx, name) : 0;
}

int acpi_pm_init(const struct acpi_machine *acpi)
{
	int ret;

	pm.acpi = acpi;
	if (!acpi->s5_known)
		log_warn("platform: the ACPI tables name no S5: the guest cannot power the machine off");
	ret = claim(acpi->pm1a_control, control_access, 0, "PM1a control");
	if (!ret)
		ret = claim(acpi->pm1b_control, control_access, 1, "PM1b control");
	if (!ret)
		ret = claim(acpi->pm1a_event, status_access, 0, "PM1a status");
	if (!ret)
		ret = claim(acpi->pm1b_event, status_access, 0, "PM1b status");
	return ret;
}
