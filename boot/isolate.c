/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Isolation at boot: before anything is given away, so that nothing is silently exposed.
 */
#include "boot/isolate.h"
#include "core/errno.h"
#include "core/log.h"
#include "drivers/pci/group.h"

/* A device that the guest would get, and what is wrong with that; false: nothing. */
static bool exposes(struct pci_dev *dev)
{
	struct pci_reason why;

	if (pci_dev_has(dev, PCI_FLAG_HIDDEN) || !pci_group_allows(dev, PCI_OWNER_GUEST, &why))
		return false;
	log_error("pci: " SBDF_FMT " is not isolated and would be the guest's: %s; hide it too, or allow it with "
		  "\"device %04x:%02x:%02x.%x: group=mixed\"",
		  SBDF_ARGS(dev->sbdf), why.text, SBDF_ARGS(dev->sbdf));
	return true;
}

int isolate_devices(bool protected, bool probe)
{
	struct pci_dev *dev;

	if (!protected)
		return 0;
	for (dev = probe ? NULL : pci_dev_next(NULL); dev; dev = pci_dev_next(dev))
		pci_acs_enable(dev);
	pci_groups_compute();
	pci_groups_log();
	for (dev = probe ? NULL : pci_dev_next(NULL); dev; dev = pci_dev_next(dev)) {
		if (exposes(dev)) {
			pci_dev_put(dev, PCI_REF_TRANSIENT);
			return -EPERM;
		}
	}
	return 0;
}
