/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an ACPI machine needs of the firmware beyond files and memory: the root pointer, and a low page.
 */
#include "boot/boot_info.h"
#include "boot/efi_app.h"
#include "boot/x86/trampoline.h"
#include "core/log.h"
#include "core/string.h"

/* ACPI 2.0's root pointer if there is one, else ACPI 1.0's (UEFI 2.10, 4.6). 0: none. */
static paddr_t find_rsdp(void)
{
	static const EFI_GUID acpi2 = ACPI_20_TABLE_GUID, acpi1 = ACPI_TABLE_GUID;
	paddr_t rsdp = 0;
	UINTN i;

	for (i = 0; i < efi.system->NumberOfTableEntries; i++) {
		const EFI_CONFIGURATION_TABLE *entry = &efi.system->ConfigurationTable[i];

		if (!memcmp(&entry->VendorGuid, &acpi2, sizeof(acpi2)))
			return virt_to_phys(entry->VendorTable);
		if (!memcmp(&entry->VendorGuid, &acpi1, sizeof(acpi1)))
			rsdp = virt_to_phys(entry->VendorTable);
	}
	return rsdp;
}

EFI_STATUS efi_find_firmware(void)
{
	boot_info.rsdp = find_rsdp();
	if (boot_info.rsdp)
		return EFI_SUCCESS;
	log_error("ACPI: the firmware offers no RSDP; switch ACPI on in the firmware setup");
	return EFI_UNSUPPORTED;
}

/*
 * Where the other CPUs begin. Memory below 640 KiB is scarce and the firmware's first, so there may be none:
 * then the guest has one CPU, which is better than no guest. A probe takes it, too, to see that it can.
 */
void efi_reserve_for_cpus(void)
{
	if (boot_info.acpi.cpus < 2 || boot_info.config.cpus == 1)
		return;
	if (EFI_ERROR(efi_alloc_place(&place_for_trampoline, EFI_OWNED_BY_US, &boot_info.trampoline))) {
		boot_info.trampoline = 0;
		log_warn("memory: no %u KiB free below 640 KiB to wake the other CPUs through; the guest has "
			 "one CPU",
			 (unsigned int)(TRAMPOLINE_SIZE >> 10));
	}
}
