/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the oracle and the monitor may know of a device's messages: what the guest has asked for, what became
 * of it, and what the device's registers really hold. It changes nothing, and it finds the registers by
 * itself, so that msi.c and msix_table.c are not asked to judge themselves.
 */
#include "core/mmio.h"
#include "drivers/pci/msi.h"
#include "drivers/pci/regs.h"
#include "drivers/vpci/row.h"

/* ---- the hardware ---- */

/* Its registers mean something now. */
static bool answers(const struct pci_dev *dev)
{
	return !pci_dev_has(dev, PCI_FLAG_GONE) && !pci_dev_has(dev, PCI_FLAG_BUSY);
}

/*
 * Message Control. One that vanished and was not missed yet reads as all-ones, which no device has there
 * (reserved bits): 0, disabled.
 */
static u32 control_of(struct vpci_dev *v, bool msix) REQUIRES(pci_vpci_class)
{
	u32 control = pci_dev_read(v->dev, msix ? v->msix.cap + PCI_MSIX_CONTROL : v->msi.cap + PCI_MSI_CONTROL, 2);

	return control == 0xffff ? 0 : control;
}

static bool hardware_enabled(struct vpci_dev *v, bool msix) REQUIRES(pci_vpci_class)
{
	return control_of(v, msix) & (msix ? PCI_MSIX_ENABLE : PCI_MSI_ENABLE);
}

/* PCIe base spec 6.0, 7.7.1.3 to 7.7.1.7: with 64 bits, data and masks are one dword further on. */
static void read_msi(struct vpci_dev *v, unsigned int index, struct vpci_message_info *out)
	REQUIRES(pci_vpci_class)
{
	unsigned int cap = v->msi.cap;
	u32 control = control_of(v, false);
	bool is64 = control & PCI_MSI_64BIT;
	unsigned int data = cap + (is64 ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32);
	u32 masked = control & PCI_MSI_PER_VECTOR_MASK ? pci_dev_read(v->dev, data + 4, 4) : 0;

	out->programmed.address = pci_dev_read(v->dev, cap + PCI_MSI_ADDRESS, 4);
	if (is64)
		out->programmed.address |= (u64)pci_dev_read(v->dev, cap + PCI_MSI_ADDRESS_UPPER, 4) << 32;
	out->programmed.data = pci_dev_read(v->dev, data, 2);
	out->open = (control & PCI_MSI_ENABLE) && !(masked >> index & 1);
}

/* 7.7.2.5 to 7.7.2.8 */
static void read_msix(struct vpci_dev *v, unsigned int index, struct vpci_message_info *out)
	REQUIRES(pci_vpci_class)
{
	const u8 *entry = phys_to_virt(v->bar[v->msix.bar].host + v->msix.table + (u64)index * PCI_MSIX_ENTRY_SIZE);

	out->programmed.address = mmio_read32(entry + PCI_MSIX_ENTRY_ADDRESS) |
				  (u64)mmio_read32(entry + PCI_MSIX_ENTRY_UPPER) << 32;
	out->programmed.data = mmio_read32(entry + PCI_MSIX_ENTRY_DATA);
	out->open = hardware_enabled(v, true) &&
		    !(mmio_read32(entry + PCI_MSIX_ENTRY_CONTROL) & PCI_MSIX_ENTRY_MASKED);
}

/* ---- one message ---- */

static bool msi_info(struct vpci_dev *v, unsigned int index, struct vpci_message_info *out)
	REQUIRES(pci_vpci_class)
{
	const struct vpci_msi *msi = &v->msi;

	if (index >= msi->count)
		return false;
	*out = (struct vpci_message_info){
		.entry = msi->first + index,
		/* 7.7.1.5: the device puts the message's number in the low bits. */
		.asked = { msi->address, (msi->data & ~(msi->count - 1)) | index },
		.wanted = (msi->control & PCI_MSI_ENABLE) && !(msi->mask >> index & 1),
		.stored = true,
	};
	out->expected = pci_msi_get_ops()->program(v->dev, msi->first, msi->count > 1, &out->asked);
	out->expected.data &= 0xffff;
	if (answers(v->dev))
		read_msi(v, index, out);
	return true;
}

static bool msix_info(struct vpci_dev *v, unsigned int index, struct vpci_message_info *out)
	REQUIRES(pci_vpci_class)
{
	const struct vpci_msix *m = &v->msix;
	const struct vpci_msix_entry *e;

	if (!m->on || index >= m->entries)
		return false;
	e = vpci_msix_entry(v, index);
	*out = (struct vpci_message_info){
		.entry = m->first + index,
		.asked = { e->address, e->data },
		.wanted = m->enabled && !(e->control & PCI_MSIX_ENTRY_MASKED),
		.stored = e->ready,
	};
	out->expected = pci_msi_get_ops()->program(v->dev, out->entry, false, &out->asked);
	if (vpci_msix_reachable(v))
		read_msix(v, index, out);
	return true;
}

bool vpci_message_info(struct pci_dev *dev, bool msix, unsigned int index, struct vpci_message_info *out)
{
	struct vpci_dev *v;
	bool found = false;

	pci_vpci_lock(dev);
	v = dev->vpci;
	if (v && !v->chipset)
		found = msix ? msix_info(v, index, out) : msi_info(v, index, out);
	pci_vpci_unlock(dev);
	return found;
}

/* ---- all of them ---- */

static void count_msi(struct vpci_dev *v, struct vpci_messages_info *out) REQUIRES(pci_vpci_class)
{
	const struct vpci_msi *msi = &v->msi;
	/* 7.7.1.2: 2^n messages; 6 and 7 are reserved */
	u32 log2 = (msi->fixed & PCI_MSI_MULTIPLE_CAPABLE) >> 1;

	out->possible = 1u << min_u32(log2, PCI_MSI_MULTIPLE_MAX);
	out->enabled = msi->control & PCI_MSI_ENABLE;
	out->count = msi->count;
	out->first = msi->first;
	for (unsigned int i = 0; i < msi->count; i++)
		out->masked += msi->mask >> i & 1;
}

static void count_msix(struct vpci_dev *v, struct vpci_messages_info *out) REQUIRES(pci_vpci_class)
{
	const struct vpci_msix *m = &v->msix;

	out->possible = m->entries;
	out->enabled = m->enabled;
	out->function_masked = m->function_masked;
	out->count = m->on ? m->entries : 0;
	out->first = m->first;
	for (unsigned int i = 0; i < out->count; i++)
		out->masked += vpci_msix_entry(v, i)->control & PCI_MSIX_ENTRY_MASKED;
}

/* A list that runs in a circle has an end all the same. */
static void count_listed(struct pci_dev *dev, bool msix, struct vpci_messages_info *out)
	REQUIRES(pci_vpci_class)
{
	unsigned int left = pci_msi_count(dev) + 1;

	for (const struct pci_msi *msi = dev->msi_first; msi && left--; msi = msi->next) {
		if (msi->msix != msix)
			continue;
		out->listed++;
		out->strays += msi->dev != dev || msi->index >= out->count ||
			       msi->entry != out->first + msi->index;
	}
}

bool vpci_messages_info(struct pci_dev *dev, bool msix, struct vpci_messages_info *out)
{
	struct vpci_dev *v;
	bool found;

	*out = (struct vpci_messages_info){ 0 };
	pci_vpci_lock(dev);
	v = dev->vpci;
	found = v && !v->chipset && (msix ? v->msix.entries : v->msi.cap);
	if (found) {
		if (msix)
			count_msix(v, out);
		else
			count_msi(v, out);
		count_listed(dev, msix, out);
		out->hardware_enabled = answers(dev) && hardware_enabled(v, msix);
	}
	pci_vpci_unlock(dev);
	return found;
}
