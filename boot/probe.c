/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report of --probe, through the log.
 */
#include "boot/probe.h"
#include "boot/boot_info.h"
#include "boot/firmware.h"
#include "core/arch.h"
#include "core/log.h"
#include "drivers/iommu/iommu.h"
#include "drivers/pci/pci.h"

static void report_memory(void)
{
	log_info("memory: %llu MiB RAM, %llu KiB reserved by firmware, %llu KiB for its runtime services",
		 (unsigned long long)memmap_bytes(&boot_info.memmap, MEM_RAM) >> 20,
		 (unsigned long long)memmap_bytes(&boot_info.memmap, MEM_RESERVED) >> 10,
		 (unsigned long long)memmap_bytes(&boot_info.memmap, MEM_FIRMWARE) >> 10);
}

static void report_iommus(void)
{
	struct iommu *iommu;

	for (iommu = iommu_first(); iommu; iommu = iommu->next)
		iommu->ops->describe(iommu);
}

static void report_devices(void)
{
	struct pci_dev *dev;

	pci_log_tree();
	for (dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev))
		log_info("pci: " SBDF_FMT " would be %s", SBDF_ARGS(dev->sbdf),
			 dev->flags & PCI_FLAG_HIDDEN ? "hidden from the guest" : "passed through");
}

static unsigned int report_missing(const struct probe_findings *findings)
{
	unsigned int missing = 0;

	if (findings->cpu[0]) {
		log_info("missing: %s", findings->cpu);
		missing++;
	}
	if (findings->no_firmware) {
		log_info("missing: %s", firmware_words.no_tables);
		missing++;
	}
	if (findings->iommu_units < 0) {
		log_info("missing: %s that can be used; update the firmware, or set iommu=off to run unprotected",
			 firmware_words.iommu_tables);
		missing++;
	} else if (!iommu_first() && boot_info.config.iommu == IOMMU_REQUIRED) {
		log_info("missing: an IOMMU, and iommu=required; %s", firmware_words.iommu_advice);
		missing++;
	}
	return missing + firmware_report_missing();
}

void probe_report(const struct probe_findings *findings)
{
	arch_describe_cpu();
	report_memory();
	if (!findings->no_firmware)
		firmware_report();
	report_iommus();
	report_devices();
	if (findings->no_config)
		log_info("no configuration file: the defaults were used");
	if (report_missing(findings))
		log_info("probe: as things are Fairlead cannot start a guest here; %u devices would be hidden",
			 findings->hidden);
	else
		log_info("probe: nothing is missing; %u devices would be hidden", findings->hidden);
}
