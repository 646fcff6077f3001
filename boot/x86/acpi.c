/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding and checking ACPI tables (ACPI specification 6.5, 5.2.5 to 5.2.8). Everything else in boot/ sees a
 * table only after its length and checksum were found right here. One CPU at boot: no lock.
 */
#include "boot/x86/acpi_tables.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/string.h"

static struct {
	const struct memmap *memory;
	const struct acpi_rsdp *rsdp;
	const u8 *entries; /* of the root table, not aligned */
	size_t entry_size; /* 8: XSDT, 4: RSDT */
	unsigned int count;
	u8 logged[ACPI_ROOT_ENTRIES_MAX / 8]; /* a bit an entry: it is malformed and that was said */
} root;

void acpi_set_memory(const struct memmap *map)
{
	root.memory = map;
}

u8 acpi_sum(const void *bytes, size_t n)
{
	const u8 *b = bytes;
	u8 sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum = (u8)(sum + b[i]);
	return sum;
}

/* Tables lie in memory that firmware describes: a pointer to elsewhere would end in a fault or in a
 * device's registers. */
static bool readable(paddr_t pa, u64 size)
{
	static const enum mem_type kinds[] = { MEM_ACPI_RECLAIM, MEM_ACPI_NVS, MEM_RESERVED, MEM_RAM,
					       MEM_FIRMWARE };
	unsigned int i;

	if (!pa || pa + (size - 1) < pa)
		return false;
	if (!root.memory)
		return true;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (memmap_is(root.memory, pa, size, kinds[i]))
			return true;
	}
	return false;
}

const struct acpi_header *acpi_table_at(paddr_t pa, const char signature[4], const char **why)
{
	const struct acpi_header *header = phys_to_virt(pa);

	if (!readable(pa, sizeof(*header)))
		*why = "its address is not memory";
	else if (memcmp(header->signature, signature, ACPI_SIGNATURE_BYTES))
		*why = "its signature is wrong";
	else if (header->length < sizeof(*header))
		*why = "its length is shorter than a header";
	else if (header->length > ACPI_TABLE_MAX || !readable(pa, header->length))
		*why = "its length is not plausible";
	else if (acpi_sum(header, header->length))
		*why = "its checksum is wrong";
	else
		return header;
	return NULL;
}

/* Sets root.rsdp. The words are what is wrong with it; NULL: nothing. */
static const char *check_rsdp(paddr_t pa)
{
	const struct acpi_rsdp *rsdp = phys_to_virt(pa);

	if (!readable(pa, ACPI_RSDP_V1_SIZE))
		return "its address is not memory";
	if (memcmp(rsdp->signature, ACPI_RSDP_SIGNATURE, sizeof(rsdp->signature)))
		return "its signature is wrong";
	if (acpi_sum(rsdp, ACPI_RSDP_V1_SIZE))
		return "its checksum is wrong";
	if (rsdp->revision >= 2) {
		/* Every revision from 2.0 to 6.5 has this length. */
		if (!readable(pa, sizeof(*rsdp)) || rsdp->length != sizeof(*rsdp))
			return "its length is wrong";
		if (acpi_sum(rsdp, sizeof(*rsdp)))
			return "its extended checksum is wrong";
	}
	root.rsdp = rsdp;
	return NULL;
}

int acpi_init(paddr_t rsdp)
{
	const struct acpi_header *table;
	const char *why = check_rsdp(rsdp);
	const char *name = "XSDT";
	size_t bytes;

	memset(root.logged, 0, sizeof(root.logged));
	root.count = 0;
	if (why) {
		log_error("ACPI: RSDP at 0x%llx: %s; update the firmware", (unsigned long long)rsdp, why);
		return -EINVAL;
	}
	if (root.rsdp->revision >= 2 && root.rsdp->xsdt_address) {
		root.entry_size = sizeof(u64);
		table = acpi_table_at(root.rsdp->xsdt_address, name, &why);
	} else {
		name = "RSDT";
		root.entry_size = sizeof(u32);
		table = acpi_table_at(root.rsdp->rsdt_address, name, &why);
	}
	if (!table) {
		log_error("ACPI: %s: %s; update the firmware", name, why);
		return -EINVAL;
	}
	bytes = table->length - sizeof(*table);
	if (bytes % root.entry_size || bytes / root.entry_size > ACPI_ROOT_ENTRIES_MAX) {
		log_error("ACPI: %s: its length %u is not plausible; update the firmware", name,
			  (unsigned int)table->length);
		return -EINVAL;
	}
	root.entries = (const u8 *)(table + 1);
	root.count = (unsigned int)(bytes / root.entry_size);
	return 0;
}

const struct acpi_rsdp *acpi_root_pointer(void)
{
	return root.rsdp;
}

unsigned int acpi_root_count(void)
{
	return root.count;
}

paddr_t acpi_root_entry(unsigned int i)
{
	u64 pa = 0; /* the machine is little-endian: a short entry fills the low half */

	memcpy(&pa, root.entries + i * root.entry_size, root.entry_size);
	return pa;
}

const struct acpi_header *acpi_root_header(unsigned int i)
{
	paddr_t pa = acpi_root_entry(i);

	return readable(pa, sizeof(struct acpi_header)) ? phys_to_virt(pa) : NULL;
}

/* `name`: four characters of a signature, or a shorter string. */
static void log_malformed(unsigned int i, const char *name, const char *why)
{
	u8 bit = (u8)(1u << (i % 8));

	if (!(root.logged[i / 8] & bit))
		log_warn("ACPI: %.4s: root table entry %u: %s; the table is not used", name, i, why);
	root.logged[i / 8] |= bit;
}

const void *acpi_find(const char signature[4], unsigned int n, size_t *length, bool *malformed)
{
	unsigned int i;

	if (malformed)
		*malformed = false;
	for (i = 0; i < root.count; i++) {
		const struct acpi_header *header = acpi_root_header(i);
		const char *why;

		if (!header) {
			log_malformed(i, "?", "its address is not memory");
			continue;
		}
		if (memcmp(header->signature, signature, ACPI_SIGNATURE_BYTES))
			continue;
		if (!acpi_table_at(acpi_root_entry(i), signature, &why)) {
			log_malformed(i, signature, why);
			if (malformed)
				*malformed = true;
			continue;
		}
		if (n-- == 0) {
			*length = header->length;
			return header;
		}
	}
	return NULL;
}
