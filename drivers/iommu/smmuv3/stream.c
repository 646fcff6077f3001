/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stream table: IHI 0070F, 3.3.1, 5.1 and 5.2. A descriptor for each 64 streams points to a page with an
 * entry for each. A descriptor or an entry that is zero aborts the request and records an event: so a device
 * reaches memory only after smmu_attach() and until smmu_block().
 *
 * Entries translate by stage 2 alone, and allow untranslated requests only (EATS = 0b00): a device that
 * claims to have translated an address itself is aborted.
 *
 * Hardware reads an entry's eight words one by one, and may keep what it read whether it was valid or not. So
 * an entry changes in steps (3.21.3): it is invalid while its words are written, what was read of it is
 * dropped, only then V is set, and what was read is dropped again.
 */
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/mmio.h"
#include "core/pages.h"
#include "drivers/iommu/smmuv3/smmu.h"

#define STE_WORDS_USED 4 /* the others stay zero */

static void store(const struct smmu_unit *unit, u64 *word, u64 value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
	if (smmu_needs_flush(unit))
		arch_cache_flush(word, sizeof(*word));
}

/* Zeroed memory that the hardware sees as such. */
static void *new_table(const struct smmu_unit *unit, u64 bytes)
{
	const u64 size = ALIGN_UP(bytes, PAGE_SIZE);
	void *table = size == PAGE_SIZE ? page_alloc() : pages_alloc_contig(size >> PAGE_SHIFT, size);

	if (table && smmu_needs_flush(unit))
		arch_cache_flush(table, size);
	return table;
}

int smmu_stream_table_init(struct smmu_unit *unit)
{
	const bool linear = unit->stream_bits <= SMMU_SPLIT;
	const u32 shape = linear ? 0 : SMMU_STRTAB_TWO_LEVEL | SMMU_STRTAB_SPLIT(SMMU_SPLIT);
	paddr_t base;

	if (linear && !unit->leaf)
		unit->leaf = new_table(unit, PAGE_SIZE);
	if (!linear && !unit->level1)
		unit->level1 = new_table(unit, sizeof(u64) << (unit->stream_bits - SMMU_SPLIT));
	base = linear ? virt_to_phys(unit->leaf) : virt_to_phys(unit->level1);
	if (!base)
		return -ENOMEM;
	mmio_write64(unit->regs + SMMU_STRTAB_BASE, base | SMMU_STRTAB_BASE_RA);
	mmio_write32(unit->regs + SMMU_STRTAB_BASE_CFG, shape | SMMU_STRTAB_LOG2(unit->stream_bits));
	return 0;
}

/* The entry of a stream that is in the table; NULL if its 64 have no page. */
static struct smmu_ste *find_entry(struct smmu_unit *unit, u32 stream) REQUIRES(smmu_tables_class)
{
	struct smmu_ste *table = unit->leaf;

	if (unit->level1)
		table = phys_to_virt(unit->level1[stream >> SMMU_SPLIT] & SMMU_L1_POINTER);
	return table ? &table[stream % SMMU_LEAF_ENTRIES] : NULL;
}

/* The same; makes the page if there is none. NULL: no memory. */
static struct smmu_ste *make_entry(struct smmu_unit *unit, u32 stream) REQUIRES(smmu_tables_class)
{
	if (!find_entry(unit, stream)) {
		void *table = new_table(unit, PAGE_SIZE);

		if (!table)
			return NULL;
		store(unit, &unit->level1[stream >> SMMU_SPLIT], virt_to_phys(table) | SMMU_L1_SPAN);
	}
	return find_entry(unit, stream);
}

/* What a stream's entry says while it is the domain's. */
static struct smmu_ste entry_for(const struct smmu_unit *unit, const struct iommu_domain *domain)
{
	const u64 walks =
		smmu_needs_flush(unit) ? 0 : SMMU_STE_S2IR0_WB | SMMU_STE_S2OR0_WB | SMMU_STE_S2SH0_INNER;

	return (struct smmu_ste){ {
		SMMU_STE_V | SMMU_STE_CONFIG_STAGE2,
		SMMU_STE_MEV | (unit->idr1 & SMMU_IDR1_ATTR_TYPES_OVR ? SMMU_STE_SHCFG_INCOMING : 0),
		SMMU_STE_S2VMID(domain->id) | SMMU_STE_S2T0SZ(smmu_limits.input_bits) |
			SMMU_STE_S2SL0(domain->levels) | walks | SMMU_STE_S2PS(smmu_limits.oas) |
			SMMU_STE_S2AA64 | SMMU_STE_S2AFFD | SMMU_STE_S2R,
		domain->root,
	} };
}

static bool equal(const struct smmu_ste *a, const struct smmu_ste *b)
{
	for (unsigned int i = 0; i < STE_WORDS_USED; i++) {
		if (a->word[i] != b->word[i])
			return false;
	}
	return true;
}

/* All of it but V. *changed: it is to be made valid. */
static int MUST_CHECK prepare(struct smmu_unit *unit, u32 stream, const struct smmu_ste *wanted,
			      bool *changed) REQUIRES(smmu_tables_class)
{
	struct smmu_ste *entry = make_entry(unit, stream);

	*changed = false;
	if (!entry)
		return -ENOMEM;
	if (entry->word[0] & SMMU_STE_V)
		return equal(entry, wanted) ? 0 : -EBUSY;
	for (unsigned int i = 1; i < STE_WORDS_USED; i++)
		store(unit, &entry->word[i], wanted->word[i]);
	*changed = true;
	return 0;
}

static void make_valid(struct smmu_unit *unit, u32 stream, const struct smmu_ste *wanted)
{
	struct smmu_ste *entry;

	smmu_tables_lock(unit);
	entry = find_entry(unit, stream);
	if (entry)
		store(unit, &entry->word[0], wanted->word[0]);
	smmu_tables_unlock(unit);
}

static bool is_enabled(const struct smmu_unit *unit)
{
	return unit->level1 || unit->leaf;
}

int smmu_attach(struct iommu *iommu, struct iommu_domain *domain, u16 bdf)
{
	struct smmu_unit *unit = to_smmu(iommu);
	const struct smmu_ste wanted = entry_for(unit, domain);
	bool changed;
	u32 stream;
	int err;

	if (!is_enabled(unit) || !smmu_stream_of(unit, bdf, &stream))
		return -ENODEV;
	smmu_tables_lock(unit);
	err = prepare(unit, stream, &wanted, &changed);
	smmu_tables_unlock(unit);
	if (err || !changed)
		return err;
	err = smmu_invalidate_stream(unit, stream);
	if (!err) {
		make_valid(unit, stream, &wanted);
		/* And the domain's translations, as when it was last used. */
		err = smmu_invalidate_stream_and_domain(unit, stream, domain->id);
	}
	if (err && smmu_block(iommu, bdf))
		log_error("SMMUv3 unit %u: caches could not be dropped after a failed attach", iommu->index);
	return err;
}

int smmu_block(struct iommu *iommu, u16 bdf)
{
	struct smmu_unit *unit = to_smmu(iommu);
	struct smmu_ste *entry;
	u16 vmid = 0;
	u32 stream;

	if (!is_enabled(unit) || !smmu_stream_of(unit, bdf, &stream))
		return 0; /* nothing translates; or it has no stream here, and so never had an entry */
	smmu_tables_lock(unit);
	entry = find_entry(unit, stream);
	if (entry) {
		vmid = SMMU_STE_S2VMID_OF(entry->word[2]);
		store(unit, &entry->word[0], 0); /* V; the other words were written before it was set */
	}
	smmu_tables_unlock(unit);
	/* Also for an entry that is invalid already: an earlier call may have failed at this point. */
	return smmu_invalidate_stream_and_domain(unit, stream, vmid);
}

bool smmu_lookup(struct iommu *iommu, u16 bdf, paddr_t *root, u16 *domain_id)
{
	struct smmu_unit *unit = to_smmu(iommu);
	const struct smmu_ste *entry;
	bool present;
	u32 stream;

	if (!is_enabled(unit) || !smmu_stream_of(unit, bdf, &stream))
		return false;
	smmu_tables_lock(unit);
	entry = find_entry(unit, stream);
	present = entry && (entry->word[0] & SMMU_STE_V);
	if (present) {
		*root = entry->word[3] & SMMU_STE_S2TTB;
		*domain_id = SMMU_STE_S2VMID_OF(entry->word[2]);
	}
	smmu_tables_unlock(unit);
	return present;
}
