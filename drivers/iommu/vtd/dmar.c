/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DMAR parser: Intel VT-d specification rev. 4.1, chapter 8. Structures are read by copying them out of
 * the table, since firmware promises no alignment, and only after their length was compared with what is
 * left.
 */
#include "drivers/iommu/vtd/dmar.h"

#include "core/acpi_header.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/string.h"

/* 8.1 */
struct dmar_header {
	struct acpi_header acpi; /* signature "DMAR" */
	u8 host_address_width; /* bits, less one */
	u8 flags;
	u8 reserved[10];
} PACKED;
static_assert(sizeof(struct dmar_header) == 48, "DMAR header, 8.1");
static_assert(offsetof(struct dmar_header, host_address_width) == 36, "DMAR header, 8.1");

#define DMAR_FLAG_INTR_REMAP	 0x01
#define DMAR_FLAG_X2APIC_OPT_OUT 0x02

/* 8.2 */
enum dmar_structure_type { DMAR_DRHD = 0, DMAR_RMRR = 1, DMAR_ATSR = 2 };

struct dmar_structure {
	u16 type;
	u16 length;
} PACKED;
static_assert(sizeof(struct dmar_structure) == 4, "remapping structure, 8.2");

/* 8.3 */
struct dmar_drhd_entry {
	struct dmar_structure header;
	u8 flags;
	u8 size; /* bits 3:0: the registers take 2^n pages of 4 KiB */
	u16 segment;
	u64 register_base;
} PACKED;
static_assert(sizeof(struct dmar_drhd_entry) == 16, "DRHD, 8.3");

#define DRHD_INCLUDE_PCI_ALL 0x01
#define DRHD_SIZE	     0x0f

/* 8.4 */
struct dmar_rmrr_entry {
	struct dmar_structure header;
	u16 reserved;
	u16 segment;
	u64 base;
	u64 limit; /* the last byte */
} PACKED;
static_assert(sizeof(struct dmar_rmrr_entry) == 24, "RMRR, 8.4");

/* 8.5 */
struct dmar_atsr_entry {
	struct dmar_structure header;
	u8 flags;
	u8 reserved;
	u16 segment;
} PACKED;
static_assert(sizeof(struct dmar_atsr_entry) == 8, "ATSR, 8.5");

#define ATSR_ALL_PORTS 0x01

/* 8.3.1; followed by the path: two bytes a step */
struct dmar_scope_entry {
	u8 type;
	u8 length;
	u8 flags;
	u8 reserved;
	u8 enumeration_id;
	u8 start_bus;
} PACKED;
static_assert(sizeof(struct dmar_scope_entry) == 6, "device scope, 8.3.1");

struct dmar_path_entry {
	u8 device;
	u8 function;
} PACKED;
static_assert(sizeof(struct dmar_path_entry) == 2, "device scope path, 8.3.1");

/* Where the parser stands. */
struct parser {
	const u8 *bytes;
	unsigned int offset; /* of the structure at hand, from the start of the table */
	unsigned int length; /* of that structure */
	struct dmar_table *out;
};

static int MUST_CHECK malformed(unsigned int offset, const char *what)
{
	log_error("DMAR: at offset 0x%x: %s; the table is firmware's: update it, or start with iommu=off",
		  offset, what);
	return -EINVAL;
}

static int MUST_CHECK too_many(unsigned int offset, const char *what)
{
	log_error("DMAR: at offset 0x%x: more %s than Fairlead has room for", offset, what);
	return -ENOSPC;
}

static int MUST_CHECK parse_path(const struct parser *p, unsigned int at, unsigned int bytes,
				 struct dmar_scope *scope)
{
	const unsigned int steps = bytes / (unsigned int)sizeof(struct dmar_path_entry);

	if (steps > DMAR_PATH_MAX)
		return too_many(at, "steps in a device scope's path");
	scope->path_length = (u8)steps;
	for (unsigned int i = 0; i < steps; i++) {
		struct dmar_path_entry step;

		memcpy(&step, p->bytes + at + i * sizeof(step), sizeof(step));
		if (step.device > 31 || step.function > 7)
			return malformed(at,
					 "device scope path names a device above 31 or a function above 7");
		scope->path[i].device = step.device;
		scope->path[i].function = step.function;
	}
	return 0;
}

/* The device scopes fill the structure from `at` (counted from its start) to its end. */
static int MUST_CHECK parse_scopes(const struct parser *p, unsigned int at, struct dmar_scopes *scopes)
{
	struct dmar_table *out = p->out;
	int err;

	scopes->first = out->scopes;
	scopes->count = 0;
	for (unsigned int left; (left = p->length - at) != 0;) {
		const unsigned int offset = p->offset + at;
		struct dmar_scope_entry entry;
		struct dmar_scope *scope;

		if (left < sizeof(entry))
			return malformed(offset, "device scope is cut off by the end of its structure");
		memcpy(&entry, p->bytes + offset, sizeof(entry));
		if (entry.length > left)
			return malformed(offset, "device scope is longer than the structure that holds it");
		if (entry.length < sizeof(entry) + sizeof(struct dmar_path_entry))
			return malformed(offset, "device scope is too short to name a device");
		if ((entry.length - sizeof(entry)) % sizeof(struct dmar_path_entry))
			return malformed(offset, "device scope has an odd length");
		if (out->scopes == DMAR_SCOPES_MAX)
			return too_many(offset, "device scopes");
		scope = &out->scope[out->scopes++];
		scopes->count++;
		scope->type = entry.type;
		scope->enumeration_id = entry.enumeration_id;
		scope->start_bus = entry.start_bus;
		err = parse_path(p, offset + (unsigned int)sizeof(entry),
				 entry.length - (unsigned int)sizeof(entry), scope);
		if (err)
			return err;
		at += entry.length;
	}
	return 0;
}

static int MUST_CHECK check_unit(const struct dmar_table *out, const struct dmar_unit *unit)
{
	if (!unit->base || !IS_ALIGNED(unit->base, PAGE_SIZE))
		return malformed(unit->offset, "DRHD: register base is 0 or not 4 KiB aligned");
	if (unit->base + (unit->size - 1) < unit->base)
		return malformed(unit->offset, "DRHD: registers run past the end of the address space");
	for (unsigned int i = 0; i < out->units; i++) {
		const struct dmar_unit *other = &out->unit[i];

		if (ranges_overlap(unit->base, unit->size, other->base, other->size))
			return malformed(unit->offset, "DRHD: registers overlap those of another unit");
		if (unit->include_all && other->include_all && unit->segment == other->segment)
			return malformed(unit->offset, "DRHD: a second INCLUDE_PCI_ALL in one segment");
	}
	return 0;
}

static int MUST_CHECK parse_drhd(const struct parser *p)
{
	struct dmar_table *out = p->out;
	struct dmar_drhd_entry entry;
	struct dmar_unit *unit;
	int err;

	if (p->length < sizeof(entry))
		return malformed(p->offset, "DRHD is shorter than 16 bytes");
	if (out->units == DMAR_UNITS_MAX)
		return too_many(p->offset, "remapping units (DRHD)");
	memcpy(&entry, p->bytes + p->offset, sizeof(entry));
	unit = &out->unit[out->units];
	*unit = (struct dmar_unit){
		.offset = p->offset,
		.segment = entry.segment,
		.include_all = entry.flags & DRHD_INCLUDE_PCI_ALL,
		.base = entry.register_base,
		.size = PAGE_SIZE << (entry.size & DRHD_SIZE),
	};
	err = check_unit(out, unit);
	if (err)
		return err;
	out->units++;
	return parse_scopes(p, sizeof(entry), &unit->scopes);
}

static int MUST_CHECK parse_rmrr(const struct parser *p)
{
	struct dmar_table *out = p->out;
	struct dmar_rmrr_entry entry;
	struct dmar_reserved *region;

	if (p->length < sizeof(entry))
		return malformed(p->offset, "RMRR is shorter than 24 bytes");
	if (out->reserved_regions == DMAR_RESERVED_MAX)
		return too_many(p->offset, "reserved regions (RMRR)");
	memcpy(&entry, p->bytes + p->offset, sizeof(entry));
	if (entry.limit < entry.base)
		return malformed(p->offset, "RMRR: the limit is below the base");
	/* The size of a region that fills the address space would not fit in 64 bits. */
	if (!IS_ALIGNED(entry.base, PAGE_SIZE) || !IS_ALIGNED(entry.limit + 1, PAGE_SIZE) ||
	    entry.limit == ~(u64)0)
		return malformed(p->offset, "RMRR: base or end is not 4 KiB aligned");
	region = &out->reserved[out->reserved_regions++];
	*region = (struct dmar_reserved){
		.offset = p->offset,
		.segment = entry.segment,
		.base = entry.base,
		.size = entry.limit - entry.base + 1,
	};
	return parse_scopes(p, sizeof(entry), &region->scopes);
}

static int MUST_CHECK parse_atsr(const struct parser *p)
{
	struct dmar_table *out = p->out;
	struct dmar_atsr_entry entry;
	struct dmar_atsr *atsr;

	if (p->length < sizeof(entry))
		return malformed(p->offset, "ATSR is shorter than 8 bytes");
	if (out->atsrs == DMAR_ATSR_MAX)
		return too_many(p->offset, "root port reports (ATSR)");
	memcpy(&entry, p->bytes + p->offset, sizeof(entry));
	atsr = &out->atsr[out->atsrs++];
	*atsr = (struct dmar_atsr){
		.offset = p->offset,
		.segment = entry.segment,
		.all_ports = entry.flags & ATSR_ALL_PORTS,
	};
	return parse_scopes(p, sizeof(entry), &atsr->scopes);
}

static int MUST_CHECK parse_header(const u8 *bytes, size_t length, struct dmar_table *out)
{
	struct dmar_header header;

	if (length < sizeof(header))
		return malformed(0, "the table is shorter than its 48-byte header");
	memcpy(&header, bytes, sizeof(header));
	if (memcmp(header.acpi.signature, "DMAR", sizeof(header.acpi.signature)) != 0)
		return malformed(0, "the signature is not DMAR");
	if (header.acpi.length != length)
		return malformed(offsetof(struct acpi_header, length),
				 "the header's length is not the table's");
	if (header.host_address_width < 31 || header.host_address_width > 63)
		return malformed(offsetof(struct dmar_header, host_address_width),
				 "the host address width is not between 32 and 64 bits");
	out->host_address_width = header.host_address_width + 1u;
	out->interrupt_remapping = header.flags & DMAR_FLAG_INTR_REMAP;
	out->x2apic_opt_out = header.flags & DMAR_FLAG_X2APIC_OPT_OUT;
	return 0;
}

int dmar_parse(const void *table, size_t length, struct dmar_table *out)
{
	struct parser p = { .bytes = table, .offset = sizeof(struct dmar_header), .out = out };
	int err;

	memset(out, 0, sizeof(*out));
	err = parse_header(p.bytes, length, out);
	for (; !err && p.offset < length; p.offset += p.length) {
		const size_t left = length - p.offset;
		struct dmar_structure header;

		if (left < sizeof(header))
			return malformed(p.offset, "a structure is cut off by the end of the table");
		memcpy(&header, p.bytes + p.offset, sizeof(header));
		p.length = header.length;
		if (p.length < sizeof(header))
			return malformed(p.offset, "a structure's length is less than its header's 4 bytes");
		if (p.length > left)
			return malformed(p.offset, "a structure is longer than what is left of the table");
		switch (header.type) {
		case DMAR_DRHD: err = parse_drhd(&p); break;
		case DMAR_RMRR: err = parse_rmrr(&p); break;
		case DMAR_ATSR: err = parse_atsr(&p); break;
		default: /* RHSA, ANDD, SATC, SIDP and what is yet to come bound nothing that Fairlead does */
			log_debug("DMAR: at offset 0x%x: structure of type %u skipped", p.offset,
				  header.type);
		}
	}
	return err;
}
