/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding the device tree among what the firmware offers (UEFI 2.10, 4.6.1.3).
 */
#include "boot/boot_info.h"
#include "boot/efi_app.h"
#include "core/log.h"
#include "core/string.h"

/* EFI_DTB_TABLE_GUID */
static const EFI_GUID dtb_guid = {
	0xb1b621d5, 0xf19c, 0x41a5, { 0x83, 0x0b, 0xd9, 0x15, 0x2c, 0x69, 0xaa, 0xe0 }
};

/* NULL: the firmware does not offer it. */
static const void *find_table(const EFI_GUID *guid)
{
	UINTN i;

	for (i = 0; i < efi.system->NumberOfTableEntries; i++) {
		const EFI_CONFIGURATION_TABLE *entry = &efi.system->ConfigurationTable[i];

		if (!memcmp(&entry->VendorGuid, guid, sizeof(*guid)))
			return entry->VendorTable;
	}
	return NULL;
}

/* How many bytes from there on are memory of one kind: a tree that says it is larger is none. */
static u64 memory_from(paddr_t at)
{
	unsigned int i;

	for (i = 0; i < boot_info.memmap.count; i++) {
		const struct mem_range *r = &boot_info.memmap.range[i];

		if (at >= r->base && at - r->base < r->size)
			return r->size - (at - r->base);
	}
	return 0;
}

EFI_STATUS efi_find_firmware(void)
{
	static const EFI_GUID acpi2 = ACPI_20_TABLE_GUID, acpi1 = ACPI_TABLE_GUID;
	const void *tree = find_table(&dtb_guid);

	if (!tree && (find_table(&acpi2) || find_table(&acpi1))) {
		log_error("the firmware offers ACPI only; Fairlead on arm64 needs a device tree (with QEMU: "
			  "-machine acpi=off)");
		return EFI_UNSUPPORTED;
	}
	if (!tree) {
		log_error("the firmware offers no device tree, which Fairlead on arm64 needs; update it, or "
			  "load one");
		return EFI_UNSUPPORTED;
	}
	boot_info.firmware_tree = virt_to_phys(tree);
	boot_info.firmware_tree_size = memory_from(boot_info.firmware_tree);
	return EFI_SUCCESS;
}

/* PSCI starts a CPU at any address. */
void efi_reserve_for_cpus(void)
{
}
