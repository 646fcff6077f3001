/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first 64 bytes: the tables of PCIe base spec 6.0, 7.5.1.1 to 7.5.1.3, with a rule for each bit. The
 * command register and the base address registers have files of their own. On bridges the bus numbers and
 * windows are the guest's to read and write here, and stay in the hardware as firmware set them.
 */
#include "drivers/pci/regs.h"
#include "drivers/vpci/row.h"

/* The capability list bit is not the hardware's: the guest may see fewer capabilities, or none. */
#define STATUS_READ_ONLY                                                                              \
	(PCI_STATUS_IMMEDIATE_READY | PCI_STATUS_INTERRUPT | PCI_STATUS_66MHZ | PCI_STATUS_FAST_B2B | \
	 PCI_STATUS_DEVSEL)

static const struct vpci_row common[] = {
	{ .offset = PCI_VENDOR_ID, .length = 4, .ro = 0xffffffff }, /* and device ID */
	{ .offset = PCI_REVISION_ID, .length = 4, .ro = 0xffffffff }, /* and class code */
	{ .offset = PCI_CACHE_LINE_SIZE, .length = 1, .rw = 0xff },
	{ .offset = PCI_LATENCY_TIMER, .length = 1, .rw = 0xff },
	{ .offset = PCI_HEADER_TYPE, .length = 1, .ro = 0xff },
	{ .offset = PCI_BIST, .length = 1 }, /* a self-test is never started */
};

/*
 * Types 0 and 1 alike. The line is what firmware noted for the operating system: nothing in the hardware
 * depends on it.
 */
static const struct vpci_row interrupt[] = {
	{ .offset = PCI_INTERRUPT_LINE, .length = 1, .shadow = 0xff },
	{ .offset = PCI_INTERRUPT_PIN, .length = 1, .ro = 0xff },
};

static const struct vpci_row type0[] = {
	{ .offset = PCI_CARDBUS_CIS, .length = 4, .ro = 0xffffffff },
	{ .offset = PCI_SUBSYSTEM_VENDOR_ID, .length = 4, .ro = 0xffffffff }, /* and subsystem ID */
	{ .offset = PCI_MIN_GNT, .length = 1, .ro = 0xff },
	{ .offset = PCI_MAX_LAT, .length = 1, .ro = 0xff },
};

static const struct vpci_row type1[] = {
	{ .offset = PCI_PRIMARY_BUS, .length = 1, .shadow = 0xff },
	{ .offset = PCI_SECONDARY_BUS, .length = 1, .shadow = 0xff },
	{ .offset = PCI_SUBORDINATE_BUS, .length = 1, .shadow = 0xff },
	{ .offset = PCI_SECONDARY_LATENCY, .length = 1, .shadow = 0xff },
	{ .offset = PCI_SECONDARY_STATUS,
	  .length = 2,
	  .ro = PCI_STATUS_66MHZ | PCI_STATUS_FAST_B2B | PCI_STATUS_DEVSEL,
	  .w1c = PCI_STATUS_ERRORS },
	{ .offset = PCI_MEMORY_BASE, .length = 2, .shadow = PCI_WINDOW_ADDRESS },
	{ .offset = PCI_MEMORY_LIMIT, .length = 2, .shadow = PCI_WINDOW_ADDRESS },
	{ .offset = PCI_BRIDGE_CONTROL, .length = 2, .shadow = PCI_BRIDGE_CONTROL_BITS },
};

/* Windows of a bridge that may be missing altogether; the low bits say of which width they are. */
static const struct vpci_row io_window[] = {
	{ .offset = PCI_IO_BASE, .length = 1, .ro = PCI_IO_WINDOW_TYPE, .shadow = 0xf0 },
	{ .offset = PCI_IO_LIMIT, .length = 1, .ro = PCI_IO_WINDOW_TYPE, .shadow = 0xf0 },
};

static const struct vpci_row io_window_upper[] = {
	{ .offset = PCI_IO_BASE_UPPER, .length = 2, .shadow = 0xffff },
	{ .offset = PCI_IO_LIMIT_UPPER, .length = 2, .shadow = 0xffff },
};

static const struct vpci_row pref_window[] = {
	{ .offset = PCI_PREF_BASE, .length = 2, .ro = PCI_PREF_WINDOW_TYPE, .shadow = PCI_WINDOW_ADDRESS },
	{ .offset = PCI_PREF_LIMIT, .length = 2, .ro = PCI_PREF_WINDOW_TYPE, .shadow = PCI_WINDOW_ADDRESS },
};

static const struct vpci_row pref_window_upper[] = {
	{ .offset = PCI_PREF_BASE_UPPER, .length = 4, .shadow = 0xffffffff },
	{ .offset = PCI_PREF_LIMIT_UPPER, .length = 4, .shadow = 0xffffffff },
};

/* CardBus bridges: shown, and otherwise left alone. */
static const struct vpci_row cardbus[] = {
	{ .offset = PCI_BAR0, .length = PCI_HEADER_SIZE - PCI_BAR0, .ro = 0xffffffff },
};

#define ADD(v, rows) vpci_add_rows(v, 0, rows, ARRAY_SIZE(rows))

/*
 * A window that does not exist reads 0 in base and limit alike. One that does and is closed has its base
 * above its limit; open at address 0 is what no firmware leaves.
 */
static int build_windows(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	u32 io = pci_dev_read(v->dev, PCI_IO_BASE, 2);
	u32 pref = pci_dev_read(v->dev, PCI_PREF_BASE, 4);
	int ret = 0;

	if (io)
		ret = ADD(v, io_window);
	if (!ret && (io & PCI_IO_WINDOW_TYPE) == PCI_IO_WINDOW_32)
		ret = ADD(v, io_window_upper);
	if (!ret && pref)
		ret = ADD(v, pref_window);
	if (!ret && (pref & PCI_PREF_WINDOW_TYPE) == PCI_PREF_WINDOW_64)
		ret = ADD(v, pref_window_upper);
	return ret;
}

static int build_type0(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	int ret = vpci_build_bars(v);

	return ret ? ret : ADD(v, type0);
}

static int build_type1(struct vpci_dev *v) REQUIRES(pci_vpci_class)
{
	int ret = vpci_build_bars(v);

	if (!ret)
		ret = ADD(v, type1);
	return ret ? ret : build_windows(v);
}

static int build_status(struct vpci_dev *v, bool cap_list) REQUIRES(pci_vpci_class)
{
	struct vpci_row row = {
		.offset = PCI_STATUS,
		.length = 2,
		.ro = STATUS_READ_ONLY,
		.w1c = PCI_STATUS_ERRORS,
		.value = cap_list ? PCI_STATUS_CAP_LIST : 0,
	};

	return vpci_add_row(v, &row);
}

int vpci_build_header(struct vpci_dev *v, u8 cap_pointer) REQUIRES(pci_vpci_class)
{
	const struct vpci_row pointer = { .offset = PCI_CAP_POINTER, .length = 1, .value = cap_pointer };
	int ret = ADD(v, common);

	if (!ret)
		ret = vpci_build_command(v);
	if (!ret)
		ret = build_status(v, cap_pointer);
	if (ret)
		return ret;
	if (v->dev->header_type == PCI_HEADER_CARDBUS)
		return ADD(v, cardbus);
	ret = v->dev->header_type == PCI_HEADER_BRIDGE ? build_type1(v) : build_type0(v);
	if (!ret)
		ret = vpci_add_row(v, &pointer);
	return ret ? ret : ADD(v, interrupt);
}
