/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How large each base address register is (PCI Local Bus 3.0, 6.2.5.1): write all-ones, see which bits
 * stick, write the old value back. While a BAR holds all-ones the device would claim those addresses, so
 * its decoding is off for the moment that takes. Nothing is logged in between: the console itself may be a
 * PCI device.
 */
#include "core/log.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/pci.h"
#include "drivers/pci/regs.h"

#define IO_SPACE_SIZE 0x10000u

/* What one register held and what it answered to all-ones. */
struct probe {
	u32 held, answer;
};

static struct probe probe_register(struct pci_dev *dev, unsigned int offset, u32 ones)
{
	struct probe p;

	p.held = pci_dev_read(dev, offset, 4);
	pci_dev_write(dev, offset, 4, ones);
	p.answer = pci_dev_read(dev, offset, 4);
	pci_dev_write(dev, offset, 4, p.held);
	return p;
}

/* Address bits that stick begin at the size: the lowest one is the size. 0: none stuck. */
static u64 size_from_mask(u64 mask)
{
	return mask & (~mask + 1);
}

/* Not assigned: 0, or still the pattern of somebody's sizing. */
static paddr_t assigned_base(u64 held, u64 mask)
{
	return held == mask ? 0 : held & mask;
}

static void decode_io(struct pci_bar *bar, struct probe p)
{
	/*
	 * Devices with 16-bit ports may wire the upper half to 0 (PCI Local Bus 3.0, 6.2.5.1): the size is
	 * unharmed.
	 */
	u32 mask = p.answer & PCI_BAR_IO_MASK;

	bar->size = size_from_mask(mask);
	if (!bar->size || bar->size > IO_SPACE_SIZE)
		return;
	bar->type = PCI_BAR_IO;
	bar->base = assigned_base(p.held & PCI_BAR_IO_MASK, mask);
	if (bar->base > IO_SPACE_SIZE - bar->size)
		bar->base = 0;
}

static void decode_mem(struct pci_bar *bar, struct probe low, struct probe high, bool is64)
{
	u64 mask = low.answer & PCI_BAR_MEM_MASK;
	u64 held = low.held & PCI_BAR_MEM_MASK;

	if (is64) {
		mask |= (u64)high.answer << 32;
		held |= (u64)high.held << 32;
	}
	bar->size = size_from_mask(mask);
	if (!bar->size)
		return;
	bar->type = is64 ? PCI_BAR_MEM64 : PCI_BAR_MEM32;
	bar->prefetchable = low.answer & PCI_BAR_MEM_PREFETCH;
	bar->base = assigned_base(held, mask);
}

/* Sizes BAR `i` of `count`; returns how many registers it takes: 1, or 2 for a 64-bit one. */
static unsigned int size_bar(struct pci_dev *dev, unsigned int i, unsigned int count, bool *malformed)
{
	struct probe low = probe_register(dev, PCI_BAR0 + 4 * i, 0xffffffffu);
	struct probe high = { 0, 0 };
	u32 type = low.answer & PCI_BAR_MEM_TYPE;

	if (low.answer == 0)
		return 1;
	if (low.answer & PCI_BAR_IO_SPACE) {
		decode_io(&dev->bar[i], low);
		return 1;
	}
	if (type == PCI_BAR_MEM_TYPE_32) {
		decode_mem(&dev->bar[i], low, high, false);
		return 1;
	}
	if (type != PCI_BAR_MEM_TYPE_64 || i + 1 == count) {
		/* "Below 1 MiB" and the reserved type; an upper half behind the last register. */
		*malformed = true;
		return 1;
	}
	high = probe_register(dev, PCI_BAR0 + 4 * (i + 1), 0xffffffffu);
	decode_mem(&dev->bar[i], low, high, true);
	if (dev->bar[i].type == PCI_BAR_MEM64)
		dev->bar[i + 1].type = PCI_BAR_MEM64_HIGH;
	return 2;
}

static void size_rom(struct pci_dev *dev, unsigned int offset)
{
	/* The enable bit stays 0: the ROM must not answer at all-ones. */
	struct probe p = probe_register(dev, offset, PCI_ROM_MASK);

	p.held &= PCI_ROM_MASK;
	p.answer &= PCI_ROM_MASK;
	decode_mem(&dev->bar[PCI_ROM_BAR], p, (struct probe){ 0, 0 }, false);
}

bool pci_size_bars(struct pci_dev *dev)
{
	bool bridge = dev->header_type == PCI_HEADER_BRIDGE;
	unsigned int count = bridge ? PCI_BARS_TYPE1 : PCI_BARS_TYPE0;
	bool malformed = false;
	u32 command;

	if (dev->header_type > PCI_HEADER_BRIDGE)
		return true;
	/* Host and ISA bridges: BARs may be fixed, and what they decode is the machine itself. */
	if (PCI_BASE_CLASS(dev->class_code) == PCI_BASE_CLASS_BRIDGE && !bridge)
		return true;

	command = pci_dev_read(dev, PCI_COMMAND, 2);
	if (command & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY))
		pci_dev_write(dev, PCI_COMMAND, 2, command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	for (unsigned int i = 0; i < count;)
		i += size_bar(dev, i, count, &malformed);
	size_rom(dev, bridge ? PCI_ROM_BAR_TYPE1 : PCI_ROM_BAR_TYPE0);
	if (command & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY))
		pci_dev_write(dev, PCI_COMMAND, 2, command);

	if (malformed)
		log_warn("pci: " SBDF_FMT " has a BAR of a type that does not exist: ignored",
			 SBDF_ARGS(dev->sbdf));
	return (pci_dev_read(dev, PCI_VENDOR_ID, 2) & 0xffffu) != PCI_VENDOR_NONE;
}
