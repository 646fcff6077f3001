/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupt remapping table of a unit: Intel VT-d specification rev. 4.1, 5.1 and 9.10. It guards that an
 * entry names its requester before it delivers anything, and that hardware never sees half a change.
 *
 * The requester stands in an entry's high half, which is written once, by alloc, while the entry is not
 * present; all that a change needs is in the low half, one aligned store. Each unit has a table of its own,
 * because a requester ID says nothing of its segment.
 */
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/mmio.h"
#include "core/pages.h"
#include "drivers/iommu/intr.h"
#include "drivers/iommu/vtd/vtd.h"

#define ENTRIES_ORDER 14u
#define ENTRIES	      (1u << ENTRIES_ORDER)
#define TABLE_BYTES   (ENTRIES * sizeof(struct vtd_irte))
#define WORD_BITS     64u

static_assert(ENTRIES / 8 <= PAGE_SIZE, "a page holds a bit for each entry");

/* ---- the table ---- */

int vtd_intr_init(struct vtd_unit *unit)
{
	u64 *used = page_alloc();
	/* 11.4.10 asks for pages; there are units that want a large table aligned to its size. */
	struct vtd_irte *table = pages_alloc_contig(TABLE_BYTES / PAGE_SIZE, TABLE_BYTES);

	if (!used || !table) {
		log_error("VT-d unit %u: no memory for its interrupt remapping table", unit->iommu.index);
		return -ENOMEM;
	}
	for (u64 at = 0; vtd_needs_flush(unit) && at < TABLE_BYTES; at += PAGE_SIZE)
		arch_cache_flush((u8 *)table + at, PAGE_SIZE);
	unit->entries_used = used;
	vtd_entries_lock(unit);
	unit->entries_count = 0;
	vtd_entries_unlock(unit);
	unit->irt = table;
	mmio_write64(unit->regs + VTD_IRTA, virt_to_phys(table) | (unit->extended ? VTD_IRTA_EIME : 0) |
						    VTD_IRTA_SIZE(ENTRIES_ORDER));
	return 0;
}

static void store(const struct vtd_unit *unit, u64 *word, u64 value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
	if (vtd_needs_flush(unit))
		arch_cache_flush(word, sizeof(*word));
}

/* ---- which entries are in use ---- */

static bool in_use(const struct vtd_unit *unit, u32 entry) REQUIRES(vtd_entries_class)
{
	return unit->entries_used[entry / WORD_BITS] >> entry % WORD_BITS & 1;
}

static bool row_is_free(const struct vtd_unit *unit, u32 first, unsigned int count) REQUIRES(vtd_entries_class)
{
	for (u32 i = first; i < first + count; i++) {
		if (in_use(unit, i))
			return false;
	}
	return true;
}

/* Takes the first free row, each entry looked at once at most. False: there is none. */
static bool take_row(struct vtd_unit *unit, unsigned int count, u32 *first)
{
	u32 step = 1, at = 0;
	bool found;

	while (step < count)
		step *= 2;
	vtd_entries_lock(unit);
	while (at < ENTRIES && !row_is_free(unit, at, count))
		at += step;
	found = at < ENTRIES;
	for (u32 i = at; found && i < at + count; i++)
		unit->entries_used[i / WORD_BITS] |= BIT(i % WORD_BITS);
	unit->entries_count += found ? count : 0;
	vtd_entries_unlock(unit);
	*first = at;
	return found;
}

/* ---- what an entry says ---- */

static u64 encode_source(const struct intr_source *source)
{
	if (source->kind == INTR_SOURCE_BUSES)
		return VTD_IRTE_SVT(VTD_SVT_BUS) | VTD_IRTE_SID((u32)source->first_bus << 8 | source->last_bus);
	return VTD_IRTE_SVT(VTD_SVT_ID) | VTD_IRTE_SQ(source->ignored) | VTD_IRTE_SID(source->id);
}

static struct intr_source decode_source(u64 high)
{
	const u16 sid = VTD_IRTE_SID_OF(high);

	if (VTD_IRTE_SVT_OF(high) == VTD_SVT_BUS)
		return (struct intr_source){
			.kind = INTR_SOURCE_BUSES, .first_bus = (u8)(sid >> 8), .last_bus = (u8)sid
		};
	return (struct intr_source){ .kind = INTR_SOURCE_ID, .id = sid, .ignored = VTD_IRTE_SQ_OF(high) };
}

/* 0: the unit cannot name the destination, and the entry delivers nothing. */
static u64 encode_target(const struct vtd_unit *unit, const struct apic_target *target)
{
	const bool broadcast = !target->logical && target->destination == APIC_BROADCAST;
	const unsigned int mode = target->nmi ? VTD_DLM_NMI : target->lowest ? VTD_DLM_LOWEST : VTD_DLM_FIXED;
	u64 low = VTD_IRTE_P | VTD_IRTE_DLM(mode);

	if (!unit->extended && target->destination > 0xff && !broadcast) {
		log_error("VT-d unit %u: APIC ID 0x%x is more than it can name", unit->iommu.index,
			  target->destination);
		return 0;
	}
	if (unit->extended)
		low |= VTD_IRTE_DST(target->destination);
	else
		low |= VTD_IRTE_DST_8(target->destination & 0xff);
	if (target->logical)
		low |= VTD_IRTE_DM;
	if (target->lowest)
		low |= VTD_IRTE_RH;
	if (target->level)
		low |= VTD_IRTE_TM;
	return target->nmi ? low : low | VTD_IRTE_V(target->vector);
}

static struct apic_target decode_target(const struct vtd_unit *unit, u64 low)
{
	const unsigned int mode = VTD_IRTE_DLM_OF(low);
	struct apic_target target = {
		.destination = unit->extended ? VTD_IRTE_DST_OF(low) : VTD_IRTE_DST_8_OF(low),
		.vector = VTD_IRTE_V_OF(low),
		.logical = low & VTD_IRTE_DM,
		.lowest = mode == VTD_DLM_LOWEST,
		.nmi = mode == VTD_DLM_NMI,
		.level = low & VTD_IRTE_TM,
	};

	if (!unit->extended && !target.logical && target.destination == 0xff)
		target.destination = APIC_BROADCAST;
	return target;
}

/* ---- operations ---- */

const char *vtd_cannot_remap(struct iommu *iommu)
{
	if (!vtd_dmar()->interrupt_remapping)
		return "the firmware does not offer it (DMAR flags)";
	/* 11.4.3: IR implies QI, without which a unit is not used at all */
	return to_vtd(iommu)->ecap & VTD_ECAP_IR ? NULL : "the unit does not have it";
}

int vtd_intr_alloc(struct iommu *iommu, const struct intr_source *source, unsigned int count, u32 *first)
{
	struct vtd_unit *unit = to_vtd(iommu);

	if (!unit->irt)
		return -ENODEV;
	if (!count)
		return -EINVAL;
	if (count > ENTRIES || !take_row(unit, count, first))
		return -ENOSPC;
	for (u32 i = *first; i < *first + count; i++)
		store(unit, &unit->irt[i].high, encode_source(source));
	return 0;
}

void vtd_intr_set(struct iommu *iommu, u32 entry, const struct apic_target *target)
{
	struct vtd_unit *unit = to_vtd(iommu);

	if (unit->irt && entry < ENTRIES)
		store(unit, &unit->irt[entry].low, target ? encode_target(unit, target) : 0);
}

int vtd_intr_flush(struct iommu *iommu, u32 first, unsigned int count)
{
	struct vtd_unit *unit = to_vtd(iommu);

	return unit->irt ? vtd_invalidate_entries(unit, first, count) : 0;
}

/* One that still delivers is not given to somebody else, whoever asks for it: it is lost. */
void vtd_intr_free(struct iommu *iommu, u32 first, unsigned int count)
{
	struct vtd_unit *unit = to_vtd(iommu);

	if (!unit->irt)
		return;
	vtd_entries_lock(unit);
	for (u32 i = first; i < ENTRIES && i - first < count; i++) {
		if (!in_use(unit, i) || (unit->irt[i].low & VTD_IRTE_P))
			continue;
		unit->entries_used[i / WORD_BITS] &= ~BIT(i % WORD_BITS);
		unit->entries_count--;
	}
	vtd_entries_unlock(unit);
}

struct pci_message vtd_intr_message(struct iommu *iommu UNUSED, u32 entry, bool multiple)
{
	return (struct pci_message){
		.address = VTD_MESSAGE_ADDRESS | VTD_MESSAGE_REMAPPABLE | VTD_MESSAGE_HANDLE(entry) |
			   (multiple ? VTD_MESSAGE_SHV : 0),
		.data = 0, /* without SHV a reserved field */
	};
}

bool vtd_intr_lookup(struct iommu *iommu, u32 entry, struct intr_entry *out)
{
	struct vtd_unit *unit = to_vtd(iommu);
	u64 low;

	if (!unit->irt || entry >= ENTRIES)
		return false;
	low = __atomic_load_n(&unit->irt[entry].low, __ATOMIC_ACQUIRE);
	*out = (struct intr_entry){
		.present = low & VTD_IRTE_P,
		.source = decode_source(unit->irt[entry].high),
		.target = decode_target(unit, low),
	};
	return true;
}

void vtd_intr_usage(struct iommu *iommu, unsigned int *used, unsigned int *entries)
{
	struct vtd_unit *unit = to_vtd(iommu);

	*entries = unit->irt ? ENTRIES : 0;
	vtd_entries_lock(unit);
	*used = unit->entries_count;
	vtd_entries_unlock(unit);
}
