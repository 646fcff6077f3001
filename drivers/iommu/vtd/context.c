/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Root and context tables, legacy mode: Intel VT-d specification rev. 4.1, 3.4.2, 9.1 and 9.3. The root table
 * has an entry for each bus, each points to a context table with an entry for each device and function. An
 * entry that is not present blocks and records a fault: so a device reaches memory only after vtd_attach()
 * and until vtd_block().
 *
 * Entries allow untranslated requests only (TT = 00b): a device that claims to have translated an address
 * itself is blocked.
 */
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/pages.h"
#include "drivers/iommu/vtd/vtd.h"

#define POINTER_MASK PAGE_MASK

static void store_entry(const struct vtd_unit *unit, u64 *word, u64 value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
	if (vtd_needs_flush(unit))
		arch_cache_flush(word, sizeof(*word));
}

/* The context entry of a requester ID; NULL if its bus has no table. */
static struct vtd_context_entry *find_entry(struct vtd_unit *unit, u16 bdf) REQUIRES(vtd_tables_class)
{
	struct vtd_context_entry *table = NULL;

	if (unit->root)
		table = phys_to_virt(unit->root[PCI_BUS(bdf)].low & POINTER_MASK);
	return table ? &table[bdf % VTD_DEVFNS] : NULL;
}

/* The same; makes the bus's table if there is none. NULL: no memory. */
static struct vtd_context_entry *make_entry(struct vtd_unit *unit, u16 bdf) REQUIRES(vtd_tables_class)
{
	if (!find_entry(unit, bdf)) {
		void *table = page_alloc();

		if (!table)
			return NULL;
		if (vtd_needs_flush(unit))
			arch_cache_flush(table, PAGE_SIZE);
		store_entry(unit, &unit->root[PCI_BUS(bdf)].low, virt_to_phys(table) | VTD_ROOT_P);
	}
	return find_entry(unit, bdf);
}

static int MUST_CHECK set_entry(struct vtd_unit *unit, const struct iommu_domain *domain, u16 bdf,
				bool *changed) REQUIRES(vtd_tables_class)
{
	const u64 low = domain->root | VTD_CONTEXT_TT_UNTRANSLATED | VTD_CONTEXT_P;
	const u64 high = VTD_CONTEXT_AW(domain->levels) | VTD_CONTEXT_DID(domain->id);
	struct vtd_context_entry *entry = make_entry(unit, bdf);

	*changed = false;
	if (!entry)
		return -ENOMEM;
	if (entry->low & VTD_CONTEXT_P)
		return entry->low == low && entry->high == high ? 0 : -EBUSY;
	store_entry(unit, &entry->high, high); /* the half that holds P last: hardware sees all or nothing */
	store_entry(unit, &entry->low, low);
	*changed = true;
	return 0;
}

int vtd_attach(struct iommu *iommu, struct iommu_domain *domain, u16 bdf)
{
	struct vtd_unit *unit = to_vtd(iommu);
	bool changed;
	int err;

	if (!unit->root)
		return -ENODEV;
	vtd_tables_lock(unit);
	err = set_entry(unit, domain, bdf, &changed);
	vtd_tables_unlock(unit);
	if (err || !changed)
		return err;
	/* With caching mode the absent entry may be cached, under domain 0 (6.1); and the domain's
	 * translations, as when it was last used. */
	err = vtd_invalidate_context(unit, bdf, 0);
	if (!err)
		err = vtd_invalidate_range(unit, domain->id, 0, 0);
	if (err && vtd_block(iommu, bdf))
		log_error("VT-d unit %u: caches could not be dropped after a failed attach", iommu->index);
	return err;
}

int vtd_block(struct iommu *iommu, u16 bdf)
{
	struct vtd_unit *unit = to_vtd(iommu);
	struct vtd_context_entry *entry;
	u16 did = 0;

	vtd_tables_lock(unit);
	entry = find_entry(unit, bdf);
	if (entry) {
		did = VTD_CONTEXT_DID_OF(entry->high);
		store_entry(unit, &entry->low, 0); /* the half that holds P first */
	}
	vtd_tables_unlock(unit);
	/* Also for an entry that is absent already: an earlier call may have failed at this point. */
	return vtd_invalidate_context(unit, bdf, did);
}

bool vtd_lookup(struct iommu *iommu, u16 bdf, paddr_t *root, u16 *domain_id)
{
	struct vtd_unit *unit = to_vtd(iommu);
	const struct vtd_context_entry *entry;
	bool present;

	vtd_tables_lock(unit);
	entry = find_entry(unit, bdf);
	present = entry && (entry->low & VTD_CONTEXT_P);
	if (present) {
		*root = entry->low & POINTER_MASK;
		*domain_id = VTD_CONTEXT_DID_OF(entry->high);
	}
	vtd_tables_unlock(unit);
	return present;
}
