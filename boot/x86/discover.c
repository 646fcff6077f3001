/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the ACPI tables say of the machine: CPUs and ports, configuration access (MCFG), IOMMUs (DMAR),
 * interrupt remapping.
 */
#include "boot/boot_info.h"
#include "boot/discover.h"
#include "boot/firmware.h"
#include "boot/x86/acpi.h"
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "drivers/iommu/intr.h"
#include "drivers/iommu/vtd/discover.h"
#include "drivers/pci/pci.h"

int firmware_read_machine(void)
{
	int err;

	acpi_set_memory(&boot_info.memmap);
	err = acpi_init(boot_info.rsdp);
	return err ? err : acpi_read_machine(&boot_info.acpi);
}

int firmware_config_access(void)
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

int firmware_iommus(enum iommu_policy policy)
{
	size_t length;
	bool malformed, ignored;
	const void *dmar = acpi_find("DMAR", 0, &length, &malformed);
	int units;

	if (malformed) {
		log_error("ACPI: DMAR: malformed (checksum or length); update the firmware, or set iommu=off "
			  "to run unprotected");
		return -EINVAL;
	}
	if (!dmar) {
		if (acpi_find("IVRS", 0, &length, &ignored) || ignored)
			return discover_without_iommu(
				policy,
				"this version of Fairlead does not drive the machine's AMD-Vi (IVRS table)");
		return discover_without_iommu(policy, "the firmware offers no IOMMU (no DMAR table)");
	}
	units = vtd_discover(dmar, length);
	if (!units)
		return discover_without_iommu(policy, "the firmware's DMAR table names no usable unit");
	return units;
}

int firmware_interrupts(const struct config *config)
{
	/* A probe wants to know, not to be refused. */
	return intr_decide(config->probe && config->intremap == INTR_REQUIRED ? INTR_OPTIONAL
									      : config->intremap);
}
