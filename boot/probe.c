/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report of --probe, through the log.
 */
#include "boot/probe.h"
#include "boot/boot_info.h"
#include "core/arch.h"
#include "core/log.h"
#include "drivers/iommu/intr.h"
#include "drivers/pci/pci.h"

static void report_memory(void)
{
	log_info("memory: %llu MiB RAM, %llu KiB reserved by firmware, %llu KiB for its runtime services",
		 (unsigned long long)memmap_bytes(&boot_info.memmap, MEM_RAM) >> 20,
		 (unsigned long long)memmap_bytes(&boot_info.memmap, MEM_RESERVED) >> 10,
		 (unsigned long long)memmap_bytes(&boot_info.memmap, MEM_FIRMWARE) >> 10);
}

static void report_acpi(void)
{
	const struct acpi_machine *acpi = &boot_info.acpi;

	log_info("acpi: %u CPUs, local APIC at 0x%llx, %u I/O APICs, HPET %s", acpi->cpus,
		 (unsigned long long)acpi->lapic_base, acpi->ioapics,
		 acpi->hpet_base ? "present (not for the guest)" : "absent");
	log_info("acpi: PM1a event 0x%x control 0x%x, PM1b event 0x%x control 0x%x, SMI command 0x%x",
		 (unsigned int)acpi->pm1a_event, (unsigned int)acpi->pm1a_control,
		 (unsigned int)acpi->pm1b_event, (unsigned int)acpi->pm1b_control,
		 (unsigned int)acpi->smi_command);
	log_info("acpi: power-off %s, reset register %s", acpi->s5_known ? "known" : "not known",
		 acpi->reset_supported ? "present" : "absent");
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
	if (findings->no_acpi) {
		log_info("missing: usable ACPI tables; update the firmware");
		missing++;
	}
	if (findings->iommu_units < 0) {
		log_info("missing: IOMMU tables that can be used; update the firmware, or set iommu=off to "
			 "run unprotected");
		missing++;
	} else if (!iommu_first() && boot_info.config.iommu == IOMMU_REQUIRED) {
		log_info("missing: an IOMMU, and iommu=required; switch VT-d on in the firmware setup, or "
			 "set iommu=off to run unprotected");
		missing++;
	}
	if (iommu_first() && !intr_remapped() && boot_info.config.intremap == INTR_REQUIRED) {
		log_info("missing: interrupt remapping, and intremap=required; switch it on in the firmware "
			 "setup, or set intremap=off to run with interrupts unprotected");
		missing++;
	}
	return missing;
}

void probe_report(const struct probe_findings *findings)
{
	arch_describe_cpu();
	report_memory();
	if (!findings->no_acpi)
		report_acpi();
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
