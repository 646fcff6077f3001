/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI (PCIe base spec 6.0, 7.7.1). A message is a memory write that the device makes; until interrupts are
 * remapped, Fairlead's only hold on it is what is written here. The MSI registers get a message only if it is
 * an ordinary interrupt.
 */
#include "core/log.h"
#include "drivers/pci/msi.h"
#include "drivers/pci/regs.h"
#include "drivers/vpci/row.h"

static bool message_allowed(const struct vpci_msi *msi)
{
	const struct vpci_platform *p = vpci_platform();

	return p->msi_allowed ? p->msi_allowed(p->ctx, msi->address, msi->data) :
				vpci_msi_is_interrupt(msi->address, msi->data);
}

static unsigned int data_offset(const struct vpci_msi *msi)
{
	return msi->is64 ? msi->cap + PCI_MSI_DATA_64 : msi->cap + PCI_MSI_DATA_32;
}

static void program(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	const struct vpci_msi *msi = &v->msi;

	pci_dev_write(v->dev, msi->cap + PCI_MSI_ADDRESS, 4, (u32)msi->address);
	if (msi->is64)
		pci_dev_write(v->dev, msi->cap + PCI_MSI_ADDRESS_UPPER, 4, (u32)(msi->address >> 32));
	pci_dev_write(v->dev, data_offset(msi), 2, msi->data);
}

static void refuse_message(struct vpci_dev *v, unsigned int offset) REQUIRES(pci_vpci_class)
{
	vpci_refused(v, offset);
	log_warn("vpci: " SBDF_FMT ": MSI 0x%llx/0x%x is not an ordinary interrupt: refused",
		 SBDF_ARGS(v->dev->sbdf), (unsigned long long)v->msi.address, v->msi.data);
}

/* The guest changed the message. The hardware learns of it now only if it may send it now. */
static void message_changed(struct vpci_dev *v, unsigned int offset) REQUIRES(pci_vpci_class)
{
	if (!(pci_dev_read(v->dev, v->msi.cap + PCI_MSI_CONTROL, 2) & PCI_MSI_ENABLE))
		return;
	if (message_allowed(&v->msi))
		program(v);
	else
		vpci_refused(v, offset);
}

/* How many messages that value of Message Control enables (7.7.1.2: 2^n; 6 and 7 are reserved). */
static unsigned int messages_of(u32 control)
{
	u32 log2 = (control & PCI_MSI_MULTIPLE_ENABLE) / PCI_MSI_MULTIPLE_ENABLE_ONE;

	if (!(control & PCI_MSI_ENABLE))
		return 0;
	return 1u << (log2 < PCI_MSI_MULTIPLE_MAX ? log2 : PCI_MSI_MULTIPLE_MAX);
}

/* Not shown: extended message data, whose register is not among the ones below. */
static u32 read_control(struct vpci_dev *v, const struct vpci_row *row) REQUIRES(pci_vpci_class)
{
	return pci_dev_read(v->dev, row->offset, 2) & ~PCI_MSI_EXTENDED_DATA;
}

static void write_control(struct vpci_dev *v, struct vpci_row *row, u32 value, u32 mask)
	REQUIRES(pci_vpci_class)
{
	u32 old = pci_dev_read(v->dev, row->offset, 2);
	u32 new = vpci_merge(old, value, mask & (PCI_MSI_ENABLE | PCI_MSI_MULTIPLE_ENABLE));

	if (new & ~old & PCI_MSI_ENABLE) {
		if (message_allowed(&v->msi)) {
			program(v);
		} else {
			new &= ~PCI_MSI_ENABLE;
			refuse_message(v, row->offset);
		}
	}
	if (messages_of(new) && !vpci_messages_grow(v, false, messages_of(new)))
		new &= ~PCI_MSI_ENABLE;
	pci_dev_write(v->dev, row->offset, 2, new);
	vpci_messages_retire(v, false, messages_of(new));
}

static u32 read_address(struct vpci_dev *v, const struct vpci_row *row) REQUIRES(pci_vpci_class)
{
	(void)row;
	return (u32)v->msi.address;
}

static void write_address(struct vpci_dev *v, struct vpci_row *row, u32 value, u32 mask)
	REQUIRES(pci_vpci_class)
{
	u32 low = vpci_merge((u32)v->msi.address, value, mask) & ~3u;

	v->msi.address = (v->msi.address & ~(u64)0xffffffffu) | low;
	message_changed(v, row->offset);
}

static u32 read_address_upper(struct vpci_dev *v, const struct vpci_row *row) REQUIRES(pci_vpci_class)
{
	(void)row;
	return (u32)(v->msi.address >> 32);
}

static void write_address_upper(struct vpci_dev *v, struct vpci_row *row, u32 value, u32 mask)
	REQUIRES(pci_vpci_class)
{
	u64 high = vpci_merge((u32)(v->msi.address >> 32), value, mask);

	v->msi.address = (v->msi.address & 0xffffffffu) | high << 32;
	message_changed(v, row->offset);
}

static u32 read_data(struct vpci_dev *v, const struct vpci_row *row) REQUIRES(pci_vpci_class)
{
	(void)row;
	return v->msi.data;
}

static void write_data(struct vpci_dev *v, struct vpci_row *row, u32 value, u32 mask)
	REQUIRES(pci_vpci_class)
{
	v->msi.data = (u16)vpci_merge(v->msi.data, value, mask);
	message_changed(v, row->offset);
}

static const struct vpci_row_ops control_ops = { read_control, write_control };
static const struct vpci_row_ops address_ops = { read_address, write_address };
static const struct vpci_row_ops address_upper_ops = { read_address_upper, write_address_upper };
static const struct vpci_row_ops data_ops = { read_data, write_data };

static const struct vpci_row msi32[] = {
	{ .offset = PCI_MSI_CONTROL, .length = 2, .ops = &control_ops },
	{ .offset = PCI_MSI_ADDRESS, .length = 4, .ops = &address_ops },
	{ .offset = PCI_MSI_DATA_32, .length = 2, .ops = &data_ops },
	{ .offset = PCI_MSI_DATA_32 + 2, .length = 2 },
};

static const struct vpci_row msi64[] = {
	{ .offset = PCI_MSI_CONTROL, .length = 2, .ops = &control_ops },
	{ .offset = PCI_MSI_ADDRESS, .length = 4, .ops = &address_ops },
	{ .offset = PCI_MSI_ADDRESS_UPPER, .length = 4, .ops = &address_upper_ops },
	{ .offset = PCI_MSI_DATA_64, .length = 2, .ops = &data_ops },
	{ .offset = PCI_MSI_DATA_64 + 2, .length = 2 },
};

/* Class 06 sends no interrupt to the guest in this version: the registers remember and no more. */
static const struct vpci_row msi_bridge32[] = {
	{ .offset = PCI_MSI_CONTROL,
	  .length = 2,
	  .ro = PCI_MSI_64BIT | PCI_MSI_PER_VECTOR_MASK | PCI_MSI_MULTIPLE_CAPABLE,
	  .shadow = PCI_MSI_ENABLE | PCI_MSI_MULTIPLE_ENABLE },
	{ .offset = PCI_MSI_ADDRESS, .length = 4, .shadow = 0xfffffffc },
	{ .offset = PCI_MSI_DATA_32, .length = 2, .shadow = 0xffff },
	{ .offset = PCI_MSI_DATA_32 + 2, .length = 2 },
};

static const struct vpci_row msi_bridge64[] = {
	{ .offset = PCI_MSI_CONTROL,
	  .length = 2,
	  .ro = PCI_MSI_64BIT | PCI_MSI_PER_VECTOR_MASK | PCI_MSI_MULTIPLE_CAPABLE,
	  .shadow = PCI_MSI_ENABLE | PCI_MSI_MULTIPLE_ENABLE },
	{ .offset = PCI_MSI_ADDRESS, .length = 4, .shadow = 0xfffffffc },
	{ .offset = PCI_MSI_ADDRESS_UPPER, .length = 4, .shadow = 0xffffffff },
	{ .offset = PCI_MSI_DATA_64, .length = 2, .shadow = 0xffff },
	{ .offset = PCI_MSI_DATA_64 + 2, .length = 2 },
};

/* Mask bits, then pending bits, one a message, behind the data register's dword. */
static int add_masks(struct vpci_dev *v, const struct vpci_cap *cap, unsigned int offset)
	REQUIRES(pci_vpci_class)
{
	static const struct vpci_row masks[] = {
		{ .offset = 0, .length = 4, .rw = 0xffffffff },
		{ .offset = 4, .length = 4, .ro = 0xffffffff },
	};

	return vpci_add_rows(v, cap->offset + offset, masks, ARRAY_SIZE(masks));
}

int vpci_build_msi(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	u32 control = pci_dev_read(v->dev, cap->offset + PCI_MSI_CONTROL, 2);
	bool is64 = control & PCI_MSI_64BIT;
	int ret;

	/* A second one is the device's mistake, and would be a way around the first. */
	if (v->msi.cap)
		return vpci_hide_body(v, cap);
	v->msi = (struct vpci_msi){ .cap = cap->offset, .is64 = is64 };
	v->msi.address = pci_dev_read(v->dev, cap->offset + PCI_MSI_ADDRESS, 4) & ~3u;
	if (is64)
		v->msi.address |= (u64)pci_dev_read(v->dev, cap->offset + PCI_MSI_ADDRESS_UPPER, 4) << 32;
	v->msi.data = (u16)pci_dev_read(v->dev, data_offset(&v->msi), 2);
	if (v->chipset)
		ret = is64 ? vpci_add_rows(v, cap->offset, msi_bridge64, ARRAY_SIZE(msi_bridge64)) :
			     vpci_add_rows(v, cap->offset, msi_bridge32, ARRAY_SIZE(msi_bridge32));
	else
		ret = is64 ? vpci_add_rows(v, cap->offset, msi64, ARRAY_SIZE(msi64)) :
			     vpci_add_rows(v, cap->offset, msi32, ARRAY_SIZE(msi32));
	if (ret || !(control & PCI_MSI_PER_VECTOR_MASK))
		return ret;
	return add_masks(v, cap, is64 ? PCI_MSI_DATA_64 + 4 : PCI_MSI_DATA_32 + 4);
}
