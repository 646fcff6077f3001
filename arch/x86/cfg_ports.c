/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's configuration mechanism #1 (PCI Local Bus 3.0, 3.2.2.3.2): a dword written to CF8h latches an address, CFCh-CFFh
 * are a window on it. Only a whole dword reaches the latch; smaller accesses are other registers, of which CF9h resets.
 */
#include <stdatomic.h>

#include "arch/x86/cpu.h"
#include "arch/x86/pio.h"
#include "arch/x86/platform.h"
#include "drivers/vpci/vpci.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_PORTS 8
#define CONFIG_ENABLE BIT32(31)
#define CONFIG_IMPLEMENTED 0x80fffffcu /* bits 30:24 and 1:0 read as zero */

/* One for all CPUs, as in the chipset. That nobody comes between address and data is the guest's affair. */
static _Atomic u32 latch;

static void data_access(u16 port, unsigned int size, bool write, u32 *value)
{
	u32 address = atomic_load_explicit(&latch, memory_order_relaxed);
	struct sbdf sbdf = { 0, (u16)(address >> 8) };
	unsigned int offset = (address & 0xfc) + (unsigned int)(port - CONFIG_DATA);

	if (!(address & CONFIG_ENABLE)) {
		if (!write)
			*value = ~0u;
	} else if (write) {
		vpci_write(sbdf, offset, size, *value);
	} else {
		*value = (u32)vpci_read(sbdf, offset, size);
	}
}

static void reset_control_access(bool write, u32 *value)
{
	if (!write)
		*value = inb(PORT_RESET_CONTROL);
	else if (reset_control_resets((u8)*value))
		machine_reset("guest, by CF9h");
	else
		outb(PORT_RESET_CONTROL, (u8)*value);
}

static void access(void *ctx UNUSED, u16 port, unsigned int size, bool write, u32 *value)
{
	u32 result = 0;

	if (port >= CONFIG_DATA) {
		data_access(port, size, write, value);
	} else if (port == CONFIG_ADDRESS && size == 4) {
		if (write)
			atomic_store_explicit(&latch, *value & CONFIG_IMPLEMENTED, memory_order_relaxed);
		else
			*value = atomic_load_explicit(&latch, memory_order_relaxed);
	} else {
		/* Bytes and words are not the latch; of what may be behind them only CF9h is known. */
		for (unsigned int i = 0; i < size; i++) {
			u32 byte = write ? *value >> (8 * i) & 0xff : 0xff;

			if (port + i == PORT_RESET_CONTROL)
				reset_control_access(write, &byte);
			result |= (byte & 0xff) << (8 * i);
		}
		if (!write)
			*value = result;
	}
}

int cfg_ports_init(void)
{
	return pio_claim(CONFIG_ADDRESS, CONFIG_PORTS, access, NULL, "configuration mechanism #1");
}
