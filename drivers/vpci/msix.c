/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X (PCIe base spec 6.0, 7.7.2). The table is in a BAR, which passes whole in this version: its messages
 * are not checked.
 */
#include "drivers/pci/msi.h"
#include "drivers/pci/regs.h"
#include "drivers/vpci/row.h"

/* 7.7.2.2: the table's size is one more than the field says. */
static unsigned int entries_of(u32 control)
{
	return control & PCI_MSIX_ENABLE ? (control & PCI_MSIX_TABLE_SIZE) + 1 : 0;
}

static u32 read_msix_control(struct vpci_dev *v, const struct vpci_row *row) REQUIRES(pci_vpci_class)
{
	return pci_dev_read(v->dev, row->offset, 2) &
	       (PCI_MSIX_TABLE_SIZE | PCI_MSIX_FUNCTION_MASK | PCI_MSIX_ENABLE);
}

static void write_msix_control(struct vpci_dev *v, struct vpci_row *row, u32 value, u32 mask)
	REQUIRES(pci_vpci_class)
{
	u32 old = pci_dev_read(v->dev, row->offset, 2);
	u32 new = vpci_merge(old, value, mask & (PCI_MSIX_FUNCTION_MASK | PCI_MSIX_ENABLE));

	if (new & ~old & PCI_MSIX_ENABLE && !vpci_messages_grow(v, true, entries_of(new), &v->msix.first))
		new &= ~PCI_MSIX_ENABLE;
	pci_dev_write(v->dev, row->offset, 2, new);
	if (old & ~new & PCI_MSIX_ENABLE)
		vpci_messages_retire(v, true);
}

void vpci_msix_commit(struct vpci_dev *v, const struct vpci_flush *flush)
{
	(void)v; /* the device's own table passes: nothing waits */
	(void)flush;
}

void vpci_msix_reset(struct vpci_dev *v)
{
	vpci_messages_retire(v, true);
}

/* What firmware has left on is not the guest's, who expects it off (7.7.2.2: the default). */
void vpci_msix_start(struct vpci_dev *v)
{
	u32 control;

	if (v->chipset || !v->msix.cap)
		return;
	control = pci_dev_read(v->dev, v->msix.cap + PCI_MSIX_CONTROL, 2);
	if (control & PCI_MSIX_ENABLE)
		pci_dev_write(v->dev, v->msix.cap + PCI_MSIX_CONTROL, 2, control & ~PCI_MSIX_ENABLE);
}

static const struct vpci_row_ops msix_control_ops = { read_msix_control, write_msix_control };

/* Where table and pending bits are. */
#define MSIX_PLACES { .offset = 4, .length = PCI_MSIX_SIZE - 4, .ro = 0xffffffff }

static const struct vpci_row msix[] = {
	{ .offset = PCI_MSIX_CONTROL, .length = 2, .ops = &msix_control_ops },
	MSIX_PLACES,
};

static const struct vpci_row msix_bridge[] = {
	{ .offset = PCI_MSIX_CONTROL,
	  .length = 2,
	  .ro = PCI_MSIX_TABLE_SIZE,
	  .shadow = PCI_MSIX_FUNCTION_MASK | PCI_MSIX_ENABLE },
	MSIX_PLACES,
};

int vpci_build_msix(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	static_assert(ARRAY_SIZE(msix) == ARRAY_SIZE(msix_bridge), "the same registers");
	if (v->msix.cap)
		return vpci_hide_body(v, cap); /* as with MSI: one would hide the other's messages */
	v->msix.cap = cap->offset;
	return vpci_add_rows(v, cap->offset, v->chipset ? msix_bridge : msix, ARRAY_SIZE(msix));
}
