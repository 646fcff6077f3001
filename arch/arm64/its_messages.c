/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The message operations of devices (drivers/pci/msi.h), by the ITS. The guest asks for a message of its
 * GICv2m frame: the frame's register and one of the frame's SPIs (Arm Server Base System Architecture,
 * GICv2m). The device is programmed with the ITS's register and an EventID of its own table.
 *
 * It guards that a device's events are in the table of the DeviceID that the ITS sees, and that no device
 * outside its isolation group has the same one.
 */
#include "arch/arm64/its_internal.h"
#include "core/errno.h"
#include "core/log.h"
#include "drivers/iommu/source.h"
#include "drivers/pci/regs.h"

#define MSI_SETSPI_NS 0x40 /* GICv2m: a write of an INTID raises that SPI */
#define SHARED_ROOM   128u /* events for devices that have one DeviceID together */

/* ---- which DeviceID ---- */

/* The requester ID that the device's messages arrive with. */
static u16 arrives_as(const struct intr_source *source)
{
	if (source->kind == INTR_SOURCE_BUSES)
		return PCI_BDF(source->first_bus, 0, 0);
	return source->id;
}

/* Does the tree give that DeviceID to another requester, too? */
static bool is_shared(u16 segment, u16 rid, u32 id)
{
	for (unsigned int i = 0; i < its.dt->msi_maps; i++) {
		const struct dt_msi_map *map = &its.dt->msi_map[i];
		const u32 at = id - map->device_id;

		if (id >= map->device_id && at < map->count &&
		    (map->segment != segment || (u32)map->first + at != rid))
			return true;
	}
	return false;
}

/* -ENODEV: the ITS has no place for its messages; -EOPNOTSUPP: others may have the same ID. */
static int MUST_CHECK device_id(const struct pci_dev *dev, u32 *id, bool *together)
{
	struct intr_source source;
	const int ret = intr_source_of(dev, &source);
	u16 rid;

	if (ret)
		return ret;
	rid = arrives_as(&source);
	*together = rid != dev->sbdf.bdf;
	if (!dt_device_id(its.dt, dev->sbdf.segment, rid, id) || !its_device_fits(*id))
		return -ENODEV;
	return is_shared(dev->sbdf.segment, rid, *id) ? -EOPNOTSUPP : 0;
}

/* ---- how large a table ---- */

/*
 * For what the device's capabilities say, twice: a row is given back only after a wait, and the guest may ask
 * for the next one before.
 */
static unsigned int room_for(struct pci_dev *dev, bool together)
{
	const unsigned int msix = pci_find_cap(dev, PCI_CAP_ID_MSIX), msi = pci_find_cap(dev, PCI_CAP_ID_MSI);
	u32 most = together ? SHARED_ROOM / 2 : 1;

	if (msix)
		most = max_u32(most,
			       (pci_dev_read(dev, msix + PCI_MSIX_CONTROL, 2) & PCI_MSIX_TABLE_SIZE) + 1);
	if (msi)
		most = max_u32(most, BIT32(PCI_MSI_MULTIPLE_MAX));
	return 2 * most;
}

/* ---- operations ---- */

static int its_msi_alloc(struct pci_dev *dev, unsigned int count, u32 *first)
{
	bool together;
	u32 id;
	int ret;

	if (!count)
		return -EINVAL;
	if (!atomic_load_explicit(&its.started, memory_order_acquire))
		return -ENODEV;
	ret = device_id(dev, &id, &together);
	return ret ? ret : its_row_take(id, count, room_for(dev, together), first);
}

/* The SPI that the guest's message is for; 0: it is no message of the frame. */
static u32 spi_of(const struct pci_message *asked)
{
	const u64 doorbell = its.frame.base + MSI_SETSPI_NS;

	return asked->address == doorbell && asked->data - its.frame.first < its.frame.count ? asked->data
											     : 0;
}

static bool its_msi_set(struct pci_dev *dev UNUSED, u32 entry, const struct pci_message *asked)
{
	const u32 spi = asked ? spi_of(asked) : 0;

	its_event_set(entry, spi);
	return spi || !asked;
}

/* EventIDs of a row begin at a multiple of its power of two, as entries do: `multiple` changes nothing. */
static struct pci_message its_msi_program(struct pci_dev *dev UNUSED, u32 entry, bool multiple UNUSED,
					  const struct pci_message *asked UNUSED)
{
	struct its_event_info info;

	if (!its_event_look(entry, &info))
		return (struct pci_message){ 0 };
	return (struct pci_message){ .address = its.dt->its.base + GITS_TRANSLATER, .data = info.event };
}

static int its_msi_flush(struct pci_dev *dev UNUSED, u32 first, unsigned int count)
{
	return its_events_flush(count ? first : 0, count ? count : its.events);
}

static void its_msi_free(struct pci_dev *dev UNUSED, u32 first, unsigned int count)
{
	its_row_free(first, count);
}

/*
 * Hardware's table is not for reading. What an LPI becomes is Fairlead's word, which is looked at here; an
 * event that is not mapped yet, or whose flush has failed, delivers nothing.
 */
static bool its_msi_agrees(struct pci_dev *dev, u32 entry, const struct pci_message *asked)
{
	const u32 spi = asked ? spi_of(asked) : 0;
	struct its_event_info info;
	bool together;
	u32 id;

	if (!its_event_look(entry, &info) || info.spi != spi)
		return false;
	if (!spi)
		return true;
	return !device_id(dev, &id, &together) && id == info.device &&
	       (!info.mapped || its_lpi_enabled(entry));
}

static bool its_msi_usage(struct pci_msi_usage *out)
{
	struct its_usage usage;

	its_usage(&usage);
	*out = (struct pci_msi_usage){ .used = usage.used, .entries = usage.events };
	return true;
}

const struct pci_msi_ops its_message_ops = {
	.alloc = its_msi_alloc,
	.set = its_msi_set,
	.program = its_msi_program,
	.flush = its_msi_flush,
	.free = its_msi_free,
	.agrees = its_msi_agrees,
	.usage = its_msi_usage,
};
