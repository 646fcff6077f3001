/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The oracle's look at interrupts: does each message deliver what the guest asked for, does the device say
 * what Fairlead has programmed and no more, and is each entry in use somebody's.
 */
#include "core/manage/oracle.h"
#include "drivers/pci/msi.h"
#include "drivers/vpci/vpci.h"

static const char *kind_name(bool msix)
{
	return msix ? "MSI-X" : "MSI";
}

/* ---- one message ---- */

/*
 * What the device may send, it sends by its entry; and it sends nothing that the guest does not want. NULL,
 * or what is wrong.
 */
static const char *fault_of_device(const struct vpci_message_info *m)
{
	if (!m->open)
		return NULL;
	if (!m->wanted)
		return "it is open in the device, and masked by the guest";
	if (!m->stored)
		return "it is open in the device, and its entry is not what the guest asks for";
	if (m->programmed.address != m->expected.address || m->programmed.data != m->expected.data)
		return "the device is programmed with another message than Fairlead's";
	return NULL;
}

static const char *fault_of(struct pci_dev *dev, const struct vpci_message_info *m)
{
	if (m->stored && !pci_msi_get_ops()->agrees(dev, m->entry, &m->asked))
		return "its entry does not deliver what the guest asks for";
	return fault_of_device(m);
}

static bool message_is_right(struct oracle *o, struct pci_dev *dev, bool msix, unsigned int index)
{
	struct vpci_message_info m;
	const char *fault = vpci_message_info(dev, msix, index, &m) ? fault_of(dev, &m) : NULL;

	return !fault ||
	       oracle_breach(o, SBDF_FMT ": %s message %u, entry %u: %s", SBDF_ARGS(dev->sbdf), kind_name(msix),
			     index, m.entry, fault);
}

/* ---- those of a device ---- */

static bool kind_is_right(struct oracle *o, struct pci_dev *dev, bool msix)
{
	struct vpci_messages_info all;

	if (!vpci_messages_info(dev, msix, &all))
		return true;
	if (all.hardware_enabled && !(all.enabled && all.count))
		return oracle_breach(o, SBDF_FMT ": %s is enabled in the device, the guest has %s",
				     SBDF_ARGS(dev->sbdf), kind_name(msix),
				     all.enabled ? "no message" : "disabled it");
	if (all.listed != all.count || all.strays)
		return oracle_breach(o, SBDF_FMT ": %u %s descriptors, %u are listed, %u of them for others",
				     SBDF_ARGS(dev->sbdf), all.count, kind_name(msix), all.listed, all.strays);
	for (unsigned int i = 0; i < all.count; i++) {
		if (!message_is_right(o, dev, msix, i))
			return false;
	}
	return true;
}

static u32 listed_messages(struct pci_dev *dev, u32 limit)
{
	u32 n = 0;

	pci_vpci_lock(dev);
	for (const struct pci_msi *msi = dev->msi_first; msi && n <= limit; msi = msi->next)
		n++;
	pci_vpci_unlock(dev);
	return n;
}

bool oracle_device_messages(struct oracle *o, struct pci_dev *dev)
{
	u32 counted = pci_msi_count(dev), listed = listed_messages(dev, counted);
	bool settled, attached = vpci_attached(dev, &settled);

	if (!oracle_kind_is(o, dev, PCI_REF_MSI, counted, "message descriptors"))
		return false;
	/* Some may be on their way back to the pool. */
	if (!settled || !oracle_at_rest(dev) || counted != pci_msi_count(dev))
		return true;
	if (listed != counted)
		return oracle_breach(o, SBDF_FMT ": %u message descriptors on its list, its count is %u",
				     SBDF_ARGS(dev->sbdf), listed, counted);
	if (!attached && counted)
		return oracle_breach(o, SBDF_FMT ": the guest does not see it, and it has %u message descriptors",
				     SBDF_ARGS(dev->sbdf), counted);
	return kind_is_right(o, dev, false) && kind_is_right(o, dev, true);
}

/* ---- the backend's tables ---- */

/* Each entry in use was taken for a device's messages, or for what is no PCI device. */
bool oracle_entries(struct oracle *o)
{
	const struct pci_msi_ops *ops = pci_msi_get_ops();
	struct pci_msi_usage usage;
	unsigned int expected;

	if (!ops || !ops->usage(&usage))
		return true;
	expected = pci_msi_entries() + usage.others;
	return usage.used == expected ||
	       oracle_breach(o, "%u interrupt entries are in use, %u are somebody's", usage.used, expected);
}
