/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Discovery of configuration access and IOMMUs, and the choice of what to hide. The policies of iommu=
 * and intremap= are decided here and nowhere else: a guest is never started with less protection than was asked for.
 */
#include "boot/discover.h"
#include "boot/x86/acpi.h"
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "drivers/iommu/intr.h"
#include "drivers/pci/pci.h"

int discover_config_access(void)
{
	size_t length;
	bool malformed;
	const void *mcfg = acpi_find("MCFG", 0, &length, &malformed);
	int ret;

	if (malformed) {
		log_error("ACPI: MCFG: malformed (checksum or length); update the firmware");
		return -EINVAL;
	}
	/* First come, first asked: ECAM needs no lock, so it goes before the port pair. */
	if (mcfg) {
		ret = pci_ecam_init(mcfg, length);
		if (ret < 0)
			return ret;
	} else {
		log_warn("ACPI: MCFG: the firmware has no such table; no PCI Express configuration space");
	}
	return arch_pci_cfg_init();
}

/* There is none that we can use. What the policy says to that. */
static int without_iommu(enum iommu_policy policy, const char *reason)
{
	if (policy == IOMMU_REQUIRED) {
		log_error("iommu: iommu=required but %s; switch VT-d on in the firmware setup, or set "
			  "iommu=off to run unprotected",
			  reason);
		return -EOPNOTSUPP;
	}
	log_warn("iommu: %s: without one, devices reach all of memory", reason);
	return 0;
}

int discover_iommus(enum iommu_policy policy)
{
	size_t length;
	bool malformed, ignored;
	const void *dmar;
	int units;

	if (policy == IOMMU_OFF)
		return 0;
	dmar = acpi_find("DMAR", 0, &length, &malformed);
	if (malformed) {
		log_error("ACPI: DMAR: malformed (checksum or length); update the firmware, or set iommu=off "
			  "to run unprotected");
		return -EINVAL;
	}
	if (!dmar) {
		if (acpi_find("IVRS", 0, &length, &ignored) || ignored)
			return without_iommu(
				policy,
				"this version of Fairlead does not drive the machine's AMD-Vi (IVRS table)");
		return without_iommu(policy, "the firmware offers no IOMMU (no DMAR table)");
	}
	units = vtd_discover(dmar, length);
	if (!units)
		return without_iommu(policy, "the firmware's DMAR table names no usable unit");
	return units;
}

int discover_remapping(const struct config *config)
{
	/* A probe wants to know, not to be refused. */
	return intr_decide(config->probe && config->intremap == INTR_REQUIRED ? INTR_OPTIONAL : config->intremap);
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
