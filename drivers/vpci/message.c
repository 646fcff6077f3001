/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages that the guest has set up: what MSI (msi.c) and MSI-X (msix.c) share. For each message that the guest
 * has enabled there is a descriptor (drivers/pci/msi.h): with MSI, as many as the guest enabled; with MSI-X, as
 * many as the table has entries. They are there before the enable bit is set, and leave after it was cleared.
 */
#include "core/log.h"
#include "drivers/pci/msi.h"
#include "drivers/pci/regs.h"
#include "drivers/vpci/row.h"

/* Intel SDM vol. 3A, 11.11: bits 31:20 of the address; data 10:8 delivery mode. */
#define MSI_ADDRESS_APIC	0xfee00000u
#define MSI_ADDRESS_APIC_MASK	0xfffffffffff00000u
#define MSI_DELIVERY_MODE(data) (((data) >> 8) & 7u)
#define MSI_DELIVERY_FIXED	0u
#define MSI_DELIVERY_LOWEST	1u

bool vpci_msi_is_interrupt(u64 address, u16 data)
{
	return (address & MSI_ADDRESS_APIC_MASK) == MSI_ADDRESS_APIC &&
	       (MSI_DELIVERY_MODE(data) == MSI_DELIVERY_FIXED ||
		MSI_DELIVERY_MODE(data) == MSI_DELIVERY_LOWEST);
}

/* Before messages are enabled. False: there are not enough descriptors, and they must stay off. */
bool vpci_messages_grow(struct vpci_dev *v, bool msix, unsigned int count) REQUIRES(pci_vpci_class)
{
	if (!pci_msi_grow(v->dev, msix, count))
		return true;
	if (!v->messages_logged)
		log_warn("vpci: " SBDF_FMT ": no descriptors for %u %s messages: they stay off",
			 SBDF_ARGS(v->dev->sbdf), count, msix ? "MSI-X" : "MSI");
	v->messages_logged = true;
	return false;
}

/* After those from `count` on were disabled. What it takes to free them may wait, so the remapper does it. */
void vpci_messages_retire(struct vpci_dev *v, bool msix, unsigned int count) REQUIRES(pci_vpci_class)
{
	v->retired = pci_msi_shrink(v->dev, msix, count, v->retired);
	if (v->retired)
		vpci_wish(v);
}

void vpci_msi_reset(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	v->msi.address = 0;
	v->msi.data = 0;
	v->messages_logged = false;
	vpci_messages_retire(v, false, 0);
	vpci_messages_retire(v, true, 0);
}

/* What firmware has left on is not the guest's, who expects it off (7.7.1.2, 7.7.2.2: the default). */
void vpci_msi_start(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	u32 control;

	if (v->chipset)
		return;
	if (v->msi.cap) {
		control = pci_dev_read(v->dev, v->msi.cap + PCI_MSI_CONTROL, 2);
		if (control & PCI_MSI_ENABLE)
			pci_dev_write(v->dev, v->msi.cap + PCI_MSI_CONTROL, 2, control & ~PCI_MSI_ENABLE);
	}
	if (v->msix.cap) {
		control = pci_dev_read(v->dev, v->msix.cap + PCI_MSIX_CONTROL, 2);
		if (control & PCI_MSIX_ENABLE)
			pci_dev_write(v->dev, v->msix.cap + PCI_MSIX_CONTROL, 2, control & ~PCI_MSIX_ENABLE);
	}
}
