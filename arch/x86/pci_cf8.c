/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration mechanism #1 (PCI Local Bus 3.0, 3.2.2.3.2): the way to configuration space that needs no table, but reaches
 * only segment 0 and the first 256 bytes. The address and the data port are one transaction, hence the lock.
 */
#include "arch/x86/cpu.h"
#include "core/arch.h"
#include "core/lock.h"
#include "drivers/pci/pci.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_ENABLE BIT32(31)

static LOCK_CLASS(cf8_class, "cf8");
static struct spinlock cf8_lock LEAF_LOCK = SPINLOCK_INIT(cf8_class); /* guards the two ports: address, then data */

static u16 select(struct sbdf sbdf, unsigned int offset)
{
	outl(CONFIG_ADDRESS, CONFIG_ENABLE | (u32)sbdf.bdf << 8 | (offset & 0xfcu));
	return (u16)(CONFIG_DATA + (offset & 3));
}

static u32 cf8_read(void *ctx UNUSED, struct sbdf sbdf, unsigned int offset, unsigned int size)
{
	u32 value;

	spin_lock(&cf8_lock);
	value = port_in(select(sbdf, offset), size);
	spin_unlock(&cf8_lock);
	return value;
}

static void cf8_write(void *ctx UNUSED, struct sbdf sbdf, unsigned int offset, unsigned int size, u32 value)
{
	spin_lock(&cf8_lock);
	port_out(select(sbdf, offset), size, value);
	spin_unlock(&cf8_lock);
}

static bool cf8_reaches(void *ctx UNUSED, struct sbdf sbdf, unsigned int offset)
{
	return sbdf.segment == 0 && offset < PCI_CFG_SIZE;
}

static const struct pci_cfg_ops cf8_ops = { "CF8/CFC", cf8_read, cf8_write, cf8_reaches };

int arch_pci_cfg_init(void)
{
	return pci_cfg_register(&cf8_ops, NULL);
}
