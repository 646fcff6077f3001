/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VT-d backend: finds the units that DMAR names, reads what they can do, and fills the table of
 * operations. The rest is in unit.c (turning on), context.c (who reaches what), intr.c (who interrupts whom), qi.c
 * (invalidation), fault.c, scope.c (who stands where).
 *
 * One domain serves all units, so its table has the shape that every unit can walk.
 */
#include "drivers/iommu/vtd/vtd.h"

#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/mmio.h"
#include "drivers/iommu/vtd/discover.h"

LOCK_CLASS(vtd_queue_class, "vtd_queue");
LOCK_CLASS(vtd_tables_class, "vtd_tables");
LOCK_CLASS(vtd_entries_class, "vtd_entries");
LOCK_CLASS(vtd_fault_class, "vtd_fault");

/* What every unit of the machine can do. */
struct vtd_limits {
	unsigned int levels;
	unsigned int max_leaf;	   /* as in struct pagetable */
	unsigned int address_bits; /* of an untranslated address */
	unsigned int domains;
	bool needs_flush;
};

static struct dmar_table dmar;
static struct {
	bool present;
	u16 bdf;
} resolved[DMAR_SCOPES_MAX]; /* dmar.scope[] with its paths followed */
static struct vtd_unit units[DMAR_UNITS_MAX];
static struct vtd_limits limits;
static _Atomic unsigned int next_domain;

const struct dmar_table *vtd_dmar(void)
{
	return &dmar;
}

bool vtd_scope_bdf(unsigned int index, u16 *bdf)
{
	*bdf = resolved[index].bdf;
	return resolved[index].present;
}

/* ---- domains ------------------------------------------------------------------------------------------- */

static int MUST_CHECK table_init(struct iommu_domain *domain) REQUIRES(iommu_domain_class)
{
	int err = pt_init(&domain->table, &pt_format_vtd_ss, limits.levels, limits.max_leaf);

	if (err)
		return err;
	domain->table.address_bits = min_u64(domain->table.address_bits, limits.address_bits);
	if (limits.needs_flush) {
		domain->table.flush = arch_cache_flush;
		arch_cache_flush(domain->table.root, PAGE_SIZE);
	}
	domain->root = virt_to_phys(domain->table.root);
	domain->levels = domain->table.levels;
	return 0;
}

static int MUST_CHECK domain_init(struct iommu_domain *domain)
{
	const unsigned int id = atomic_fetch_add(&next_domain, 1);
	int err;

	if (id >= limits.domains)
		return -ENOSPC;
	domain->id = (u16)id;
	iommu_domain_lock(domain);
	err = table_init(domain);
	iommu_domain_unlock(domain);
	return err;
}

static int MUST_CHECK invalidate(struct iommu *iommu, struct iommu_domain *domain, u64 iova, u64 size)
{
	return vtd_invalidate_range(to_vtd(iommu), domain->id, iova, size);
}

/* ---- discovery ----------------------------------------------------------------------------------------- */

static const char *widest(unsigned int sslps)
{
	return sslps & 2 ? "1 GiB" : sslps & 1 ? "2 MiB" : "4 KiB";
}

static void describe(struct iommu *iommu)
{
	const struct vtd_unit *unit = to_vtd(iommu);
	const unsigned int sagaw = VTD_CAP_SAGAW(unit->cap);
	const u32 version = mmio_read32(unit->regs + VTD_VER);

	log_info("VT-d unit %u at 0x%llx, version %u.%u: segment %u%s, levels%s%s%s, pages to %s, %u fault "
		 "records, "
		 "interrupt remapping %s, %s%s",
		 iommu->index, (unsigned long long)iommu->registers, (version >> 4) & 0xf, version & 0xf,
		 iommu->segment, unit->dmar->include_all ? ", all other devices" : "", sagaw & 2 ? " 3" : "",
		 sagaw & 4 ? " 4" : "", sagaw & 8 ? " 5" : "", widest(VTD_CAP_SSLPS(unit->cap)),
		 VTD_CAP_NFR(unit->cap) + 1, unit->ecap & VTD_ECAP_IR ? "yes" : "no",
		 vtd_needs_flush(unit) ? "caches not snooped" : "coherent",
		 unit->cap & VTD_CAP_CM ? ", caching mode" : "");
}

static const struct iommu_ops vtd_ops = {
	.name = "VT-d",
	.covers = vtd_covers,
	.enable = vtd_enable,
	.domain_init = domain_init,
	.attach = vtd_attach,
	.block = vtd_block,
	.lookup = vtd_lookup,
	.invalidate = invalidate,
	.cannot_remap = vtd_cannot_remap,
	.intr_alloc = vtd_intr_alloc,
	.intr_set = vtd_intr_set,
	.intr_flush = vtd_intr_flush,
	.intr_free = vtd_intr_free,
	.intr_message = vtd_intr_message,
	.intr_lookup = vtd_intr_lookup,
	.intr_usage = vtd_intr_usage,
	.intr_platform = vtd_intr_platform,
	.drain_faults = vtd_drain_faults,
	.fault_pending = vtd_fault_pending,
	.fault_message = vtd_fault_message,
	.describe = describe,
};

static int MUST_CHECK unusable(const struct vtd_unit *unit, int err, const char *why)
{
	log_error("DMAR: at offset 0x%x: the unit at 0x%llx cannot be used: %s (CAP 0x%llx, ECAP 0x%llx)",
		  unit->dmar->offset, (unsigned long long)unit->dmar->base, why,
		  (unsigned long long)unit->cap, (unsigned long long)unit->ecap);
	return err;
}

/* The registers end where the farthest of the two groups that move ends. */
static u64 registers_size(const struct vtd_unit *unit)
{
	const u64 faults = VTD_CAP_FRO(unit->cap) * 16ull + (VTD_CAP_NFR(unit->cap) + 1ull) * VTD_FRCD_SIZE;
	const u64 iotlb = VTD_ECAP_IRO(unit->ecap) * 16ull + 16;

	return ALIGN_UP(max_u64(unit->dmar->size, max_u64(faults, iotlb)), PAGE_SIZE);
}

static int MUST_CHECK probe(struct vtd_unit *unit, unsigned int index)
{
	u32 version;

	*unit = (struct vtd_unit){
		.iommu = {
			.ops = &vtd_ops,
			.registers = dmar.unit[index].base,
			.segment = dmar.unit[index].segment,
			.index = index,
		},
		.regs = phys_to_virt(dmar.unit[index].base),
		.dmar = &dmar.unit[index],
	};
	spin_init(&unit->tables_lock, &vtd_tables_class);
	spin_init(&unit->entries_lock, &vtd_entries_class);
	spin_init(&unit->queue.lock, &vtd_queue_class);
	spin_init(&unit->fault_lock, &vtd_fault_class);
	atomic_flag_clear(&unit->write_buffer_busy);

	version = mmio_read32(unit->regs + VTD_VER);
	unit->cap = mmio_read64(unit->regs + VTD_CAP);
	unit->ecap = mmio_read64(unit->regs + VTD_ECAP);
	unit->iommu.registers_size = registers_size(unit);
	if (version == 0 || version == ~(u32)0 || unit->cap == ~(u64)0 || unit->ecap == ~(u64)0)
		return unusable(unit, -EINVAL, "no registers answer there");
	if (VTD_CAP_ND(unit->cap) == 7)
		return unusable(unit, -EINVAL, "its number of domains is a reserved value");
	if (!(unit->ecap & VTD_ECAP_QI))
		return unusable(unit, -EOPNOTSUPP, "it has no queued invalidation");
	return 0;
}

static int MUST_CHECK find_limits(unsigned int count)
{
	unsigned int sagaw = ~0u, sslps = ~0u;

	limits = (struct vtd_limits){ .address_bits = 64, .domains = ~0u };
	for (unsigned int i = 0; i < count; i++) {
		const struct vtd_unit *unit = &units[i];

		sagaw &= VTD_CAP_SAGAW(unit->cap);
		sslps &= VTD_CAP_SSLPS(unit->cap);
		limits.address_bits = (unsigned int)min_u64(limits.address_bits, VTD_CAP_MGAW(unit->cap) + 1);
		limits.domains = (unsigned int)min_u64(limits.domains, 1u << (4 + 2 * VTD_CAP_ND(unit->cap)));
		limits.needs_flush |= vtd_needs_flush(unit);
	}
	/* 48 bits hold any machine of today in four levels; three are the fallback, five the exception. */
	limits.levels = sagaw & BIT(2) ? 4 : sagaw & BIT(1) ? 3 : sagaw & BIT(3) ? 5 : 0;
	limits.max_leaf = !(sslps & 1) ? 0 : !(sslps & 2) ? 1 : 2;
	if (limits.levels)
		return 0;
	log_error("DMAR: the units have no page-table depth in common (3 to 5 levels)");
	return -EOPNOTSUPP;
}

/*
 * 11.4.10, EIME: destinations of 32 bits are for APICs in x2APIC mode, those of 8 bits for xAPIC mode; all
 * units are to do the same, since one message to a CPU is as good as another.
 */
static void choose_extended_interrupts(unsigned int count)
{
	bool extended = arch_wants_extended_interrupts();

	if (extended && dmar.x2apic_opt_out) {
		log_info("DMAR: the firmware wants no x2APIC: interrupt destinations stay at 8 bits");
		extended = false;
	}
	for (unsigned int i = 0; i < count; i++)
		extended = extended && (units[i].ecap & VTD_ECAP_EIM);
	for (unsigned int i = 0; i < count; i++)
		units[i].extended = extended;
}

static void resolve_scopes(const struct dmar_scopes *scopes, u16 segment, unsigned int offset)
{
	for (unsigned int i = scopes->first; i < scopes->first + scopes->count; i++) {
		const struct dmar_scope *scope = &dmar.scope[i];
		struct sbdf sbdf;

		resolved[i].present = false;
		if (scope->type < DMAR_SCOPE_ENDPOINT || scope->type > DMAR_SCOPE_HPET)
			continue;
		if (vtd_resolve_scope(scope, segment, &sbdf)) {
			resolved[i].present = true;
			resolved[i].bdf = sbdf.bdf;
		} else {
			log_warn("DMAR: at offset 0x%x: device scope names a device that is not there (from "
				 "bus %02x, %02x.%x)",
				 offset, scope->start_bus, scope->path[0].device, scope->path[0].function);
		}
	}
}

static int MUST_CHECK publish_reserved(const struct dmar_reserved *region)
{
	for (unsigned int i = region->scopes.first; i < region->scopes.first + region->scopes.count; i++) {
		int err;

		if (!resolved[i].present)
			continue;
		err = iommu_add_reserved(&(struct iommu_reserved){
			.base = region->base,
			.size = region->size,
			.sbdf = { .segment = region->segment, .bdf = resolved[i].bdf },
		});
		if (err) {
			log_error("DMAR: at offset 0x%x: more reserved regions (RMRR) than Fairlead has room "
				  "for",
				  region->offset);
			return err;
		}
	}
	return 0;
}

static int MUST_CHECK discover(const void *table, size_t length)
{
	int err = dmar_parse(table, length, &dmar);

	if (err)
		return -EINVAL;
	if (!dmar.units)
		return 0;
	for (unsigned int i = 0; i < dmar.units; i++) {
		resolve_scopes(&dmar.unit[i].scopes, dmar.unit[i].segment, dmar.unit[i].offset);
		err = probe(&units[i], i);
		if (err)
			return err;
	}
	err = find_limits(dmar.units);
	if (err)
		return err;
	choose_extended_interrupts(dmar.units);
	for (unsigned int i = 0; i < dmar.reserved_regions; i++) {
		resolve_scopes(&dmar.reserved[i].scopes, dmar.reserved[i].segment, dmar.reserved[i].offset);
		err = publish_reserved(&dmar.reserved[i]);
		if (err)
			return -EINVAL;
	}
	atomic_store(&next_domain, 1); /* 0 tags what is absent, in caching mode */
	for (unsigned int i = 0; i < dmar.units; i++)
		iommu_register(&units[i].iommu);
	log_info("DMAR: %u units, %u reserved regions, %u root port reports, addresses of %u bits, tables of "
		 "%u levels, "
		 "interrupt remapping %s",
		 dmar.units, dmar.reserved_regions, dmar.atsrs, dmar.host_address_width, limits.levels,
		 dmar.interrupt_remapping ? "offered" : "not offered");
	return (int)dmar.units;
}

int vtd_discover(const void *table, size_t length)
{
	const int found = discover(table, length);

	if (found < 0)
		iommu_forget_all(); /* of reserved regions, some may have been added */
	return found;
}
