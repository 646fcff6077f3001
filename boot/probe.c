/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report of --probe, through the log.
 */
#include "boot/probe.h"
#include "boot/boot_info.h"
#include "core/arch.h"
#include "core/log.h"
#include "core/string.h"
#include "drivers/iommu/intr.h"
#include "drivers/pci/pci.h"

static void report_memory(void)
{
	log_info("memory: %llu MiB RAM, %llu KiB reserved by firmware, %llu KiB for its runtime services",
		 (unsigned long long)memmap_bytes(&boot_info.memmap, MEM_RAM) >> 20,
		 (unsigned long long)memmap_bytes(&boot_info.memmap, MEM_RESERVED) >> 10,
		 (unsigned long long)memmap_bytes(&boot_info.memmap, MEM_FIRMWARE) >> 10);
}

/* The last of the run of consecutive APIC IDs that begins with CPU `first`. */
static unsigned int run_end(const struct acpi_machine *acpi, unsigned int first)
{
	while (first + 1 < acpi->cpus && acpi->cpu_apic_id[first + 1] == acpi->cpu_apic_id[first] + 1)
		first++;
	return first;
}

/* As " 0-3 8", in the list's order; " ..." for what finds no room. */
static void write_apic_ids(const struct acpi_machine *acpi, char *text, size_t size)
{
	static const char more[] = " ...";
	size_t used = 0;
	unsigned int first, last;

	text[0] = 0;
	for (first = 0; first < acpi->cpus; first = last + 1) {
		unsigned int id = acpi->cpu_apic_id[first];
		int n;

		last = run_end(acpi, first);
		if (last == first)
			n = fl_snprintf(text + used, size - used, " %u", id);
		else
			n = fl_snprintf(text + used, size - used, " %u-%u", id, id + (last - first));
		if (used + (size_t)n + sizeof(more) > size) {
			memcpy(text + used, more, sizeof(more));
			return;
		}
		used += (size_t)n;
	}
}

static void report_cpus(void)
{
	const struct acpi_machine *acpi = &boot_info.acpi;
	const char *and_more = acpi->more_cpus ? " and more" : "";
	char ids[160];

	write_apic_ids(acpi, ids, sizeof(ids));
	if (boot_info.trampoline)
		log_info("cpus: %u%s, APIC IDs%s; would be woken through 0x%llx", acpi->cpus, and_more, ids,
			 (unsigned long long)boot_info.trampoline);
	else
		log_info("cpus: %u%s, APIC IDs%s; the guest would have one", acpi->cpus, and_more, ids);
}

static void report_acpi(void)
{
	const struct acpi_machine *acpi = &boot_info.acpi;

	log_info("acpi: local APIC at 0x%llx, %u I/O APICs, HPET %s",
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
	if (!findings->no_acpi) {
		report_cpus();
		report_acpi();
	}
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
