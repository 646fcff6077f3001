/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCI Express capability (PCIe base spec 6.0, 7.5.3): one table for what a device's driver may set, one
 * for ports, of which the hardware is told nothing. Payload size belongs to the whole path through the
 * hierarchy, so it stays as firmware set it.
 */
#include "drivers/pci/regs.h"
#include "drivers/vpci/row.h"

/* Phantom functions would make requests under other functions' IDs: not offered. */
#define DEVICE_CONTROL_PASSED                                                                     \
	(PCIE_DEVICE_CONTROL_ERRORS | PCIE_DEVICE_CONTROL_RELAXED | PCIE_DEVICE_CONTROL_EXT_TAG | \
	 PCIE_DEVICE_CONTROL_AUX_PM | PCIE_DEVICE_CONTROL_NO_SNOOP | PCIE_DEVICE_CONTROL_MRRS)

static u32 read_device_control(struct vpci_dev *v, const struct vpci_row *row) REQUIRES(pci_vpci_class)
{
	return pci_dev_read(v->dev, row->offset, 2) & ~PCIE_DEVICE_CONTROL_FLR;
}

static bool can_flr(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	return pci_dev_read(v->dev, v->dev->pcie_cap + PCIE_DEVICE_CAP, 4) & PCIE_DEVICE_CAP_FLR;
}

static void write_device_control(struct vpci_dev *v, struct vpci_row *row, u32 value, u32 mask)
	REQUIRES(pci_vpci_class)
{
	u32 old = pci_dev_read(v->dev, row->offset, 2);
	u32 new = vpci_merge(old, value, mask & DEVICE_CONTROL_PASSED);

	/*
	 * A reset takes the payload size down to 128 bytes; the port above still sends what it was told:
	 * keep them equal.
	 */
	new = (new & ~PCIE_DEVICE_CONTROL_MPS & ~PCIE_DEVICE_CONTROL_FLR) | v->payload;
	if ((value & mask & PCIE_DEVICE_CONTROL_FLR) && can_flr(v)) {
		vpci_function_reset(v);
		new |= PCIE_DEVICE_CONTROL_FLR;
	}
	pci_dev_write(v->dev, row->offset, 2, new);
}

static const struct vpci_row_ops device_control_ops = { read_device_control, write_device_control };

/* ASPM and clock power management may be switched off by drivers that know their device's errata. */
static const struct vpci_row device_v1[] = {
	{ .offset = PCIE_CAPABILITIES, .length = 2, .ro = 0xffff },
	{ .offset = PCIE_DEVICE_CAP, .length = 4, .ro = 0xffffffff },
	{ .offset = PCIE_DEVICE_CONTROL, .length = 2, .ops = &device_control_ops },
	{ .offset = PCIE_DEVICE_STATUS,
	  .length = 2,
	  .ro = PCIE_DEVICE_STATUS_OTHER,
	  .w1c = PCIE_DEVICE_STATUS_ERRORS },
	{ .offset = PCIE_LINK_CAP, .length = 4, .ro = 0xffffffff },
	{ .offset = PCIE_LINK_CONTROL,
	  .length = 2,
	  .ro = PCIE_LINK_CONTROL_RCB,
	  .rw = PCIE_LINK_CONTROL_ASPM | PCIE_LINK_CONTROL_EXT_SYNCH | PCIE_LINK_CONTROL_CLOCK_PM,
	  .shadow = PCIE_LINK_CONTROL_COMMON_CLK },
	{ .offset = PCIE_LINK_STATUS, .length = 2, .ro = 0xffff },
};

/* Slot and root registers are ports' (0x14 to 0x23): they read as 0. */
static const struct vpci_row device_v2[] = {
	{ .offset = PCIE_SLOT_CAP, .length = PCIE_DEVICE_CAP2 - PCIE_SLOT_CAP },
	{ .offset = PCIE_DEVICE_CAP2, .length = 4, .ro = 0xffffffff },
	{ .offset = PCIE_DEVICE_CONTROL2,
	  .length = 2,
	  .ro = 0xffff &
		~(PCIE_DEVICE_CONTROL2_TIMEOUT | PCIE_DEVICE_CONTROL2_ATOMIC | PCIE_DEVICE_CONTROL2_IDO),
	  .rw = PCIE_DEVICE_CONTROL2_TIMEOUT | PCIE_DEVICE_CONTROL2_ATOMIC | PCIE_DEVICE_CONTROL2_IDO },
	{ .offset = PCIE_DEVICE_STATUS2, .length = 2, .ro = 0xffff },
	{ .offset = PCIE_LINK_CAP2, .length = PCIE_SIZE_V2 - PCIE_LINK_CAP2, .ro = 0xffffffff },
};

/*
 * Ports. Hot-plug is Fairlead's: the slot shows none of its means. Root events go to Fairlead too, so none
 * are pending for the guest.
 */
static const struct vpci_row port_v1[] = {
	{ .offset = PCIE_CAPABILITIES, .length = 2, .ro = 0xffff },
	{ .offset = PCIE_DEVICE_CAP, .length = 4, .ro = 0xffffffff },
	{ .offset = PCIE_DEVICE_CONTROL,
	  .length = 2,
	  .ro = PCIE_DEVICE_CONTROL_MPS,
	  .shadow = DEVICE_CONTROL_PASSED },
	{ .offset = PCIE_DEVICE_STATUS,
	  .length = 2,
	  .ro = PCIE_DEVICE_STATUS_OTHER,
	  .w1c = PCIE_DEVICE_STATUS_ERRORS },
	{ .offset = PCIE_LINK_CAP, .length = 4, .ro = 0xffffffff },
	{ .offset = PCIE_LINK_CONTROL, .length = 2, .shadow = PCIE_LINK_CONTROL_PORT },
	{ .offset = PCIE_LINK_STATUS, .length = 2, .ro = PCIE_LINK_STATUS_STATES },
	{ .offset = PCIE_SLOT_CAP,
	  .length = 4,
	  .ro = 0xffffffff & ~(PCIE_SLOT_CAP_HOTPLUG | PCIE_SLOT_CAP_NO_COMPLETION),
	  .value = PCIE_SLOT_CAP_NO_COMPLETION },
	{ .offset = PCIE_SLOT_CONTROL, .length = 2, .shadow = PCIE_SLOT_CONTROL_BITS },
	{ .offset = PCIE_SLOT_STATUS, .length = 2, .ro = PCIE_SLOT_STATUS_STATES },
	{ .offset = PCIE_ROOT_CONTROL, .length = 2, .shadow = PCIE_ROOT_CONTROL_BITS },
	{ .offset = PCIE_ROOT_CAP, .length = 2, .ro = 0xffff },
	{ .offset = PCIE_ROOT_STATUS, .length = 4 },
};

static const struct vpci_row port_v2[] = {
	{ .offset = PCIE_DEVICE_CAP2, .length = 4, .ro = 0xffffffff },
	{ .offset = PCIE_DEVICE_CONTROL2, .length = 2, .shadow = 0xffff },
	{ .offset = PCIE_DEVICE_STATUS2, .length = 2, .ro = 0xffff },
	{ .offset = PCIE_LINK_CAP2, .length = 4, .ro = 0xffffffff },
	{ .offset = PCIE_LINK_CONTROL2, .length = 2, .shadow = 0xffff },
	{ .offset = PCIE_LINK_STATUS2, .length = 2, .ro = 0xffff },
	{ .offset = PCIE_LINK_STATUS2 + 2, .length = PCIE_SIZE_V2 - PCIE_LINK_STATUS2 - 2, .ro = 0xffffffff },
};

int vpci_build_express(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class)
{
	u32 version = pci_dev_read(v->dev, cap->offset + PCIE_CAPABILITIES, 2) & PCIE_CAPABILITIES_VERSION;
	int ret;

	if (cap->offset != v->dev->pcie_cap)
		return vpci_hide_body(v, cap); /* there is one, and it is the first */
	v->payload = pci_dev_read(v->dev, cap->offset + PCIE_DEVICE_CONTROL, 2) & PCIE_DEVICE_CONTROL_MPS;
	if (v->chipset)
		ret = vpci_add_rows(v, cap->offset, port_v1, ARRAY_SIZE(port_v1));
	else
		ret = vpci_add_rows(v, cap->offset, device_v1, ARRAY_SIZE(device_v1));
	if (ret || version < 2)
		return ret;
	return v->chipset ? vpci_add_rows(v, cap->offset, port_v2, ARRAY_SIZE(port_v2)) :
			    vpci_add_rows(v, cap->offset, device_v2, ARRAY_SIZE(device_v2));
}
