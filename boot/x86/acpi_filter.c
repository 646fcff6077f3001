/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's ACPI tables: the firmware's own, in place, behind a root pointer and a root table of ours that
 * leave out what describes hardware the guest does not get (IOMMUs, HPET), with a MADT in which CPUs can be
 * disabled.
 */
#include "boot/x86/acpi_tables.h"
#include "core/errno.h"
#include "core/string.h"

#define TABLE_ALIGNMENT ((size_t)16)

struct builder {
	u8 *buffer;
	size_t size, used;
};

/* Room for `size` bytes, or NULL. */
static void *place(struct builder *b, size_t size)
{
	size_t at = ALIGN_UP(b->used, TABLE_ALIGNMENT);

	if (at > b->size || size > b->size - at)
		return NULL;
	b->used = at + size;
	return b->buffer + at;
}

static bool is_signature(const struct acpi_header *header, const char *signature)
{
	return !memcmp(header->signature, signature, ACPI_SIGNATURE_BYTES);
}

static bool is_hidden(const struct acpi_header *header)
{
	return is_signature(header, "DMAR") || is_signature(header, "IVRS") || is_signature(header, "HPET");
}

static void set_checksum(struct acpi_header *header)
{
	header->checksum = 0;
	header->checksum = (u8)-acpi_sum(header, header->length);
}

static bool is_kept(u32 id, const u32 *apic_id, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (apic_id[i] == id)
			return true;
	}
	return false;
}

void acpi_keep_cpus(void *table, const u32 *apic_id, unsigned int count)
{
	struct acpi_madt *madt = table;
	const struct madt_entry *entry;
	size_t offset = 0;
	bool malformed;

	while (madt_next(madt, &offset, &entry, &malformed)) {
		size_t flags_offset;
		u32 id, flags;
		u8 *at;

		if (!madt_cpu(entry, &id, &flags_offset) || is_kept(id, apic_id, count))
			continue;
		at = (u8 *)madt + ((const u8 *)entry - (const u8 *)madt) + flags_offset;
		memcpy(&flags, at, sizeof(flags));
		flags &= ~(MADT_CPU_ENABLED | MADT_CPU_ONLINE_CAPABLE);
		memcpy(at, &flags, sizeof(flags));
	}
	set_checksum(&madt->header);
}

/* A copy of the firmware's MADT; *out is NULL if it has none. */
static int copy_madt(struct builder *b, struct acpi_madt **out)
{
	size_t length;
	const void *madt = acpi_find("APIC", 0, &length, NULL);

	*out = NULL;
	if (!madt || length < sizeof(struct acpi_madt))
		return 0;
	*out = place(b, length);
	if (!*out)
		return -ENOSPC;
	memcpy(*out, madt, length);
	set_checksum(&(*out)->header);
	return 0;
}

/* Writes entries behind the header at `xsdt` (which has room for all of the firmware's) and returns how
 * many. */
static unsigned int list_tables(struct acpi_header *xsdt, const struct acpi_madt *madt)
{
	unsigned int i, count = 0;
	bool madt_listed = false;

	for (i = 0; i < acpi_root_count(); i++) {
		const struct acpi_header *header = acpi_root_header(i);
		u64 address = acpi_root_entry(i);

		if (!header || is_hidden(header))
			continue;
		if (is_signature(header, "APIC")) {
			if (!madt || madt_listed)
				continue;
			madt_listed = true;
			address = virt_to_phys(madt);
		}
		memcpy((u8 *)(xsdt + 1) + count * sizeof(address), &address, sizeof(address));
		count++;
	}
	return count;
}

static void fill_rsdp(struct acpi_rsdp *rsdp, const struct acpi_header *xsdt)
{
	memset(rsdp, 0, sizeof(*rsdp));
	memcpy(rsdp->signature, ACPI_RSDP_SIGNATURE, sizeof(rsdp->signature));
	memcpy(rsdp->oem_id, acpi_root_pointer()->oem_id, sizeof(rsdp->oem_id));
	rsdp->revision = 2;
	rsdp->length = sizeof(*rsdp);
	rsdp->xsdt_address = virt_to_phys(xsdt);
	rsdp->checksum = (u8)-acpi_sum(rsdp, ACPI_RSDP_V1_SIZE);
	rsdp->extended_checksum = (u8)-acpi_sum(rsdp, sizeof(*rsdp));
}

static void fill_xsdt(struct acpi_header *xsdt, const struct acpi_madt *madt)
{
	memset(xsdt, 0, sizeof(*xsdt));
	memcpy(xsdt->signature, "XSDT", sizeof(xsdt->signature));
	xsdt->revision = 1;
	memcpy(xsdt->oem_id, acpi_root_pointer()->oem_id, sizeof(xsdt->oem_id));
	memcpy(xsdt->oem_table_id, "FAIRLEAD", sizeof(xsdt->oem_table_id));
	memcpy(xsdt->creator_id, "FLHV", sizeof(xsdt->creator_id));
	xsdt->length = (u32)(sizeof(*xsdt) + list_tables(xsdt, madt) * sizeof(u64));
	set_checksum(xsdt);
}

int acpi_build_guest_tables(void *buffer, size_t size, paddr_t *rsdp_out, paddr_t *madt_out)
{
	struct builder b = { buffer, size, 0 };
	struct acpi_rsdp *rsdp = place(&b, sizeof(*rsdp));
	struct acpi_header *xsdt = place(&b, sizeof(*xsdt) + acpi_root_count() * sizeof(u64));
	struct acpi_madt *madt;
	int err;

	if (!rsdp || !xsdt)
		return -ENOSPC;
	err = copy_madt(&b, &madt);
	if (err)
		return err;
	fill_xsdt(xsdt, madt);
	fill_rsdp(rsdp, xsdt);
	*rsdp_out = virt_to_phys(rsdp);
	*madt_out = madt ? virt_to_phys(madt) : 0;
	return (int)b.used;
}
