/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The choice of what to hide, and the policy of iommu=, decided here and nowhere else: a guest is never
 * started with less protection than was asked for.
 */
#include "boot/discover.h"
#include "boot/firmware.h"
#include "core/errno.h"
#include "core/log.h"
#include "drivers/iommu/iommu.h"
#include "drivers/pci/pci.h"

int discover_without_iommu(enum iommu_policy policy, const char *reason)
{
	if (policy == IOMMU_REQUIRED) {
		log_error("iommu: iommu=required but %s; %s", reason, firmware_words.iommu_advice);
		return -EOPNOTSUPP;
	}
	log_warn("iommu: %s: without one, devices reach all of memory", reason);
	return 0;
}

int discover_iommus(enum iommu_policy policy)
{
	return policy == IOMMU_OFF ? 0 : firmware_iommus(policy);
}

static bool hidden_by_config(const struct config *config, const struct pci_dev *dev)
{
	return config_hides(config, dev->sbdf.segment, dev->sbdf.bdf, dev->vendor, dev->device,
			    dev->class_code);
}

static void set_option_flags(const struct config *config, struct pci_dev *dev)
{
	const struct device_options options = config_device_options(
		config, dev->sbdf.segment, dev->sbdf.bdf, dev->vendor, dev->device, dev->class_code);

	if (options.reset_none)
		atomic_fetch_or(&dev->flags, PCI_FLAG_RESET_NONE);
	if (options.group_mixed)
		atomic_fetch_or(&dev->flags, PCI_FLAG_GROUP_MIXED);
}

/* What the flags of devices follow, also of those that come later. */
static struct {
	const struct config *config;
	bool needs_unit; /* a device that stands behind no IOMMU is kept from the guest */
	bool warns;	 /* ... or at least said */
} policy;

static void configure(struct pci_dev *dev)
{
	bool hide = hidden_by_config(policy.config, dev) || pci_dev_has(dev, PCI_FLAG_HIDDEN);

	set_option_flags(policy.config, dev);
	if (!hide && policy.warns && !iommu_of(dev)) {
		hide = policy.needs_unit;
		log_warn("iommu: " SBDF_FMT " stands behind no IOMMU: %s", SBDF_ARGS(dev->sbdf),
			 hide ? "the guest does not get it" : "it will reach all of memory");
	}
	if (hide)
		atomic_fetch_or(&dev->flags, PCI_FLAG_HIDDEN);
}

unsigned int discover_hide_devices(const struct config *config, unsigned int units)
{
	struct pci_dev *dev;
	unsigned int hidden = 0;

	policy.config = config;
	policy.warns = units > 0;
	policy.needs_unit = config->iommu == IOMMU_REQUIRED;
	for (dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev)) {
		configure(dev);
		hidden += pci_dev_has(dev, PCI_FLAG_HIDDEN);
	}
	pci_set_configure(configure);
	return hidden;
}
