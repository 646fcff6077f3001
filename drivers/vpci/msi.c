/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI (PCIe base spec 6.0, 7.7.1). The guest reads back what it wrote; the device is programmed with the message
 * that names its entries (drivers/pci/msi.h), and what the guest asks for goes into these. So to change a message
 * is to change an entry, which hardware sees whole: it delivers by the old one or by the new one, and after the
 * flush by the new one only.
 *
 * It guards that the hardware's enable bit is set only while there are flushed entries that may deliver.
 */
#include "drivers/pci/msi.h"
#include "drivers/pci/regs.h"
#include "drivers/vpci/row.h"

#define MME_SHIFT 4u
#define MMC_SHIFT 1u
static_assert(1u << MME_SHIFT == PCI_MSI_MULTIPLE_ENABLE_ONE, "the field's lowest bit");

/* ---- the hardware's registers ---- */

static unsigned int data_offset(const struct vpci_msi *msi)
{
	return msi->fixed & PCI_MSI_64BIT ? msi->cap + PCI_MSI_DATA_64 : msi->cap + PCI_MSI_DATA_32;
}

static bool has_masks(const struct vpci_msi *msi)
{
	return msi->fixed & PCI_MSI_PER_VECTOR_MASK;
}

/* Mask bits are in the dword behind the one with the data. */
static unsigned int mask_offset(const struct vpci_msi *msi)
{
	return data_offset(msi) + 4;
}

static void hw_message(struct vpci_dev *v, const struct pci_message *message) REQUIRES(pci_vpci_class)
{
	const struct vpci_msi *msi = &v->msi;

	pci_dev_write(v->dev, msi->cap + PCI_MSI_ADDRESS, 4, (u32)message->address);
	if (msi->fixed & PCI_MSI_64BIT)
		pci_dev_write(v->dev, msi->cap + PCI_MSI_ADDRESS_UPPER, 4, (u32)(message->address >> 32));
	pci_dev_write(v->dev, data_offset(msi), 2, message->data & 0xffff);
}

static void hw_enable(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	u32 log2 = 0;

	while (1u << log2 < v->msi.count)
		log2++;
	pci_dev_write(v->dev, v->msi.cap + PCI_MSI_CONTROL, 2, PCI_MSI_ENABLE | log2 << MME_SHIFT);
	v->msi.enabled = true;
}

static void hw_disable(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	if (!v->msi.enabled)
		return;
	pci_dev_write(v->dev, v->msi.cap + PCI_MSI_CONTROL, 2, 0);
	/*
	 * The answer pushes messages that are under way before it (2.4.1): they still find their entries, and
	 * when the guest's write returns, none is left.
	 */
	(void)pci_dev_read(v->dev, v->msi.cap + PCI_MSI_CONTROL, 2);
	v->msi.enabled = false;
}

/* ---- entries ---- */

/* How many the device can send at most; 6 and 7 are reserved (7.7.1.2). */
static unsigned int log2_capable(const struct vpci_msi *msi)
{
	return min_u32((u32)(msi->fixed & PCI_MSI_MULTIPLE_CAPABLE) >> MMC_SHIFT, PCI_MSI_MULTIPLE_MAX);
}

/* How many the guest has enabled. */
static unsigned int messages_wanted(const struct vpci_msi *msi)
{
	u32 log2 = (msi->control & PCI_MSI_MULTIPLE_ENABLE) >> MME_SHIFT;

	return msi->control & PCI_MSI_ENABLE ? 1u << min_u32(log2, log2_capable(msi)) : 0;
}

static struct pci_message asked_message(const struct vpci_msi *msi, unsigned int i)
{
	/* 7.7.1.5: the device puts the message's number in the low bits. */
	return (struct pci_message){ msi->address, (msi->data & ~(msi->count - 1)) | i };
}

/* The entries say what the guest wrote. The hardware follows in vpci_msi_commit(). */
static void set_entries(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	struct vpci_msi *msi = &v->msi;

	msi->allowed = true;
	msi->unflushed = true;
	for (unsigned int i = 0; i < msi->count; i++) {
		struct pci_message message = asked_message(msi, i);

		if (!vpci_message_set(v, msi->first + i, &message, &msi->changed_at))
			msi->allowed = false;
	}
	if (!msi->allowed) {
		vpci_refused(v, msi->cap);
		hw_disable(v);
	}
}

static void stop(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	hw_disable(v);
	if (v->msi.count)
		vpci_messages_retire(v, false);
	v->msi.count = 0;
	v->msi.unflushed = false;
}

/* Another number of messages needs another row of entries. */
static void start(struct vpci_dev *v, unsigned int count) REQUIRES(pci_vpci_class)
{
	if (!vpci_messages_grow(v, false, count, &v->msi.first)) {
		v->msi.control &= (u16)~PCI_MSI_ENABLE;
		return;
	}
	v->msi.count = count;
	set_entries(v);
}

/*
 * The guest changed the message. If it was the same before, there is nothing to wait for, unless another CPU
 * that wrote it is still waiting, or could not flush it.
 */
static void message_changed(struct vpci_dev *v, bool other) REQUIRES(pci_vpci_class)
{
	if (v->msi.count && (other || v->msi.unflushed))
		set_entries(v);
}

void vpci_msi_commit(struct vpci_dev *v, const struct vpci_flush *flush)
{
	struct vpci_msi *msi = &v->msi;
	struct pci_message asked = { msi->address, msi->data }, message;

	if (!msi->count || !vpci_flushed(flush, msi->first, msi->changed_at))
		return;
	msi->unflushed = false;
	if (!msi->allowed)
		return;
	message = pci_msi_get_ops()->program(v->dev, msi->first, msi->count > 1, &asked);
	/* With remapping it is the same for as long as the row lives. */
	if (!msi->enabled || message.address != msi->sent.address || message.data != msi->sent.data)
		hw_message(v, &message);
	msi->sent = message;
	if (has_masks(msi))
		pci_dev_write(v->dev, mask_offset(msi), 4, msi->mask);
	if (!msi->enabled)
		hw_enable(v);
}

/* Unless a newer change, or a newer flush, is another's. */
void vpci_msi_give_up(struct vpci_dev *v, const struct vpci_flush *flush)
{
	struct vpci_msi *msi = &v->msi;

	if (msi->unflushed && vpci_flushed(flush, msi->first, msi->changed_at))
		hw_disable(v);
}

void vpci_msi_reset(struct vpci_dev *v)
{
	stop(v);
	v->msi.address = 0;
	v->msi.data = 0;
	v->msi.control = 0;
	v->msi.mask = 0;
}

/* The guest expects what 7.7.1.2 and 7.7.1.7 call the default. */
void vpci_msi_start(struct vpci_dev *v)
{
	const struct vpci_msi *msi = &v->msi;

	if (v->chipset || !msi->cap)
		return;
	if (pci_dev_read(v->dev, msi->cap + PCI_MSI_CONTROL, 2) & PCI_MSI_ENABLE)
		pci_dev_write(v->dev, msi->cap + PCI_MSI_CONTROL, 2, 0);
	if (has_masks(msi) && pci_dev_read(v->dev, mask_offset(msi), 4))
		pci_dev_write(v->dev, mask_offset(msi), 4, 0);
}

/* ---- the guest's registers ---- */

static u32 read_control(struct vpci_dev *v, const struct vpci_row *row) REQUIRES(pci_vpci_class)
{
	(void)row;
	return v->msi.fixed | v->msi.control;
}

static void write_control(struct vpci_dev *v, struct vpci_row *row, u32 value, u32 mask)
	REQUIRES(pci_vpci_class)
{
	unsigned int wanted;

	(void)row;
	v->msi.control = (u16)vpci_merge(v->msi.control, value,
					 mask & (PCI_MSI_ENABLE | PCI_MSI_MULTIPLE_ENABLE));
	wanted = messages_wanted(&v->msi);
	if (wanted == v->msi.count) {
		message_changed(v, false);
		return;
	}
	stop(v);
	if (wanted)
		start(v, wanted);
}

static void set_address(struct vpci_dev *v, u64 address) REQUIRES(pci_vpci_class)
{
	bool other = address != v->msi.address;

	v->msi.address = address;
	message_changed(v, other);
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

	(void)row;
	set_address(v, (v->msi.address & ~(u64)0xffffffffu) | low);
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

	(void)row;
	set_address(v, (v->msi.address & 0xffffffffu) | high << 32);
}

static u32 read_data(struct vpci_dev *v, const struct vpci_row *row) REQUIRES(pci_vpci_class)
{
	(void)row;
	return v->msi.data;
}

static void write_data(struct vpci_dev *v, struct vpci_row *row, u32 value, u32 mask)
	REQUIRES(pci_vpci_class)
{
	u16 old = v->msi.data;

	(void)row;
	v->msi.data = (u16)vpci_merge(old, value, mask);
	message_changed(v, v->msi.data != old);
}

static u32 read_mask(struct vpci_dev *v, const struct vpci_row *row) REQUIRES(pci_vpci_class)
{
	(void)row;
	return v->msi.mask;
}

/*
 * Masking does not wait. Unmasking does, while what was changed is not flushed: the device would send by the old
 * entry.
 */
static void write_mask(struct vpci_dev *v, struct vpci_row *row, u32 value, u32 mask)
	REQUIRES(pci_vpci_class)
{
	struct vpci_msi *msi = &v->msi;
	u32 valid = (u32)((1ull << (1u << log2_capable(msi))) - 1); /* 7.7.1.7: the others are reserved */
	u32 kept = 0;

	msi->mask = vpci_merge(msi->mask, value, mask) & valid;
	if (msi->unflushed)
		kept = pci_dev_read(v->dev, row->offset, 4) & ~msi->mask;
	pci_dev_write(v->dev, row->offset, 4, msi->mask | kept);
	(void)pci_dev_read(v->dev, row->offset, 4); /* as in hw_disable() */
	if (kept)
		set_entries(v);
}

static const struct vpci_row_ops control_ops = { read_control, write_control };
static const struct vpci_row_ops address_ops = { read_address, write_address };
static const struct vpci_row_ops address_upper_ops = { read_address_upper, write_address_upper };
static const struct vpci_row_ops data_ops = { read_data, write_data };
static const struct vpci_row_ops mask_ops = { read_mask, write_mask };

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

static const struct vpci_row masks[] = {
	{ .offset = 0, .length = 4, .ops = &mask_ops },
	{ .offset = 4, .length = 4, .ro = 0xffffffff }, /* pending */
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

static const struct vpci_row masks_bridge[] = {
	{ .offset = 0, .length = 4, .shadow = 0xffffffff },
	{ .offset = 4, .length = 4, .ro = 0xffffffff },
};

static int add_rows(struct vpci_dev *v, const struct vpci_cap *cap, bool is64) REQUIRES(pci_vpci_class)
{
	if (v->chipset)
		return is64 ? vpci_add_rows(v, cap->offset, msi_bridge64, ARRAY_SIZE(msi_bridge64)) :
			      vpci_add_rows(v, cap->offset, msi_bridge32, ARRAY_SIZE(msi_bridge32));
	return is64 ? vpci_add_rows(v, cap->offset, msi64, ARRAY_SIZE(msi64)) :
		      vpci_add_rows(v, cap->offset, msi32, ARRAY_SIZE(msi32));
}

int vpci_build_msi(struct vpci_dev *v, const struct vpci_cap *cap)
{
	u32 control = pci_dev_read(v->dev, cap->offset + PCI_MSI_CONTROL, 2);
	int ret;

	/* A second one is the device's mistake, and would be a way around the first. */
	if (v->msi.cap)
		return vpci_hide_body(v, cap);
	/* Not shown: extended message data, whose register is not among the rows. */
	v->msi = (struct vpci_msi){
		.cap = cap->offset,
		.fixed = control & (PCI_MSI_64BIT | PCI_MSI_PER_VECTOR_MASK | PCI_MSI_MULTIPLE_CAPABLE),
	};
	ret = add_rows(v, cap, control & PCI_MSI_64BIT);
	if (ret || !has_masks(&v->msi))
		return ret;
	return v->chipset ? vpci_add_rows(v, mask_offset(&v->msi), masks_bridge, ARRAY_SIZE(masks_bridge)) :
			    vpci_add_rows(v, mask_offset(&v->msi), masks, ARRAY_SIZE(masks));
}
