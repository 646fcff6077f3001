/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports are the guest's unless somebody claims them. Two kinds are claimed here to be shut: those of hidden devices, and those of platform devices
 * that move data to any address the program names, without a requester ID that an IOMMU could check.
 */
#include "arch/x86/closed_ports.h"

#include "arch/x86/pio.h"

static const struct {
	u16 first, count;
	const char *name;
} by_platform[] = {
	/* QEMU, docs/specs/fw_cfg.rst: selector, data, and a DMA address register that takes any physical address. */
	{ 0x510, 12, "QEMU fw_cfg" },
};

static void closed_access(void *ctx UNUSED, u16 port UNUSED, unsigned int size UNUSED, bool write, u32 *value)
{
	if (!write)
		*value = ~0u;
}

int closed_ports_init(void)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < ARRAY_SIZE(by_platform); i++)
		ret = pio_claim(by_platform[i].first, by_platform[i].count, closed_access, NULL, by_platform[i].name);
	return ret;
}

int closed_ports_hide(const struct pci_dev *dev)
{
	int first_error = 0;

	for (unsigned int i = 0; i < PCI_BARS; i++) {
		const struct pci_bar *bar = &dev->bar[i];
		int ret = 0;

		if (bar->type == PCI_BAR_IO && bar->base && bar->base + bar->size <= 0x10000)
			ret = pio_claim((u16)bar->base, (u16)bar->size, closed_access, NULL, "hidden device");
		if (!first_error)
			first_error = ret; /* the other BARs are closed all the same */
	}
	return first_error;
}
