/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which unit a device stands behind: Intel VT-d specification rev. 4.1, 8.3.1. DMAR names devices by a path
 * from a root bus, since bus numbers below bridges are software's to give. The paths are followed once, at
 * discovery; bridges are not read again.
 */
#include "drivers/iommu/intr.h"
#include "drivers/iommu/vtd/vtd.h"
#include "drivers/pci/regs.h"

static bool present(struct sbdf sbdf)
{
	return pci_cfg_read(sbdf, PCI_VENDOR_ID, 2) != PCI_VENDOR_NONE;
}

static bool is_bridge(struct sbdf sbdf)
{
	return (pci_cfg_read(sbdf, PCI_HEADER_TYPE, 1) & PCI_HEADER_TYPE_MASK) == PCI_HEADER_BRIDGE;
}

static bool is_platform(const struct dmar_scope *scope)
{
	return scope->type == DMAR_SCOPE_IOAPIC || scope->type == DMAR_SCOPE_HPET;
}

bool vtd_resolve_scope(const struct dmar_scope *scope, u16 segment, struct sbdf *out)
{
	struct sbdf at = { .segment = segment };
	u8 bus = scope->start_bus;

	for (unsigned int i = 0; i < scope->path_length; i++) {
		if (i > 0) {
			if (!is_bridge(at))
				return false;
			bus = (u8)pci_cfg_read(at, PCI_SECONDARY_BUS, 1);
			if (bus <= PCI_BUS(at.bdf)) /* not set, or a loop */
				return false;
		}
		at.bdf = PCI_BDF(bus, scope->path[i].device, scope->path[i].function);
		if (!present(at) && !is_platform(scope)) /* what is not there is no bridge, either */
			return false;
	}
	*out = at;
	return true;
}

/* Does the scope's device cover `dev`: be it, or (a bridge) stand above it? */
static bool scope_covers(const struct dmar_scope *scope, u16 bdf, const struct pci_dev *dev)
{
	if (scope->type == DMAR_SCOPE_ENDPOINT)
		return dev->sbdf.bdf == bdf;
	if (scope->type != DMAR_SCOPE_BRIDGE)
		return false;
	for (; dev; dev = dev->parent) {
		if (dev->sbdf.bdf == bdf)
			return true;
	}
	return false;
}

enum iommu_cover vtd_covers(struct iommu *iommu, struct pci_dev *dev)
{
	const struct dmar_unit *unit = to_vtd(iommu)->dmar;

	if (unit->segment != dev->sbdf.segment)
		return IOMMU_COVERS_NOT;
	for (unsigned int i = unit->scopes.first; i < unit->scopes.first + unit->scopes.count; i++) {
		u16 bdf;

		if (vtd_scope_bdf(i, &bdf) && scope_covers(&vtd_dmar()->scope[i], bdf, dev))
			return IOMMU_COVERS_BY_NAME;
	}
	return unit->include_all ? IOMMU_COVERS_THE_REST : IOMMU_COVERS_NOT;
}

bool vtd_intr_platform(struct iommu *iommu, unsigned int kind, u8 id, struct intr_source *out)
{
	const struct dmar_scopes *scopes = &to_vtd(iommu)->dmar->scopes;
	const u8 type = kind == INTR_IOAPIC ? DMAR_SCOPE_IOAPIC : DMAR_SCOPE_HPET;

	for (unsigned int i = scopes->first; i < scopes->first + scopes->count; i++) {
		const struct dmar_scope *scope = &vtd_dmar()->scope[i];
		u16 bdf;

		if (scope->type == type && scope->enumeration_id == id && vtd_scope_bdf(i, &bdf)) {
			*out = (struct intr_source){ .kind = INTR_SOURCE_ID, .id = bdf };
			return true;
		}
	}
	return false;
}
