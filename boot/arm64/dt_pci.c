/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI host bridges in the device tree: configuration space (Linux
 * Documentation/devicetree/bindings/pci/host-generic-pci.yaml), and what the ITS and the SMMUs call their
 * requesters (pci/pci-msi.txt, pci/pci-iommu.txt).
 */
#include "boot/arm64/dt_read.h"
#include "core/errno.h"

#include <libfdt.h>

const char *const dt_pci_names[] = { "pci-host-ecam-generic", NULL };

#define BUS_SHIFT 20 /* ECAM: a bus has 1 MiB (PCIe base spec 6.0, 7.2.2) */
#define RIDS	  0x10000u
#define MASK_ALL  0xffffu

/* An entry of msi-map or iommu-map: RID base, phandle, base of the other numbers, length. */
enum { MAP_FIRST, MAP_PHANDLE, MAP_BASE, MAP_COUNT, MAP_CELLS };
#define CELL 4u

bool dt_phandle_is(const void *fdt, u32 phandle, const char *const compatible[], paddr_t base)
{
	struct dt_tree t;
	bool more;

	for (more = dt_first(&t, fdt) && dt_find(&t, compatible); more;
	     more = dt_next(&t) && dt_find(&t, compatible)) {
		struct dt_range reg;
		const char *why;

		if (fdt_get_phandle(fdt, dt_node(&t)) == phandle && !dt_reg_quietly(&t, 0, &reg, &why) &&
		    reg.base == base)
			return true;
	}
	return false;
}

/* ---- msi-map and iommu-map ---- */

struct map_entry {
	u32 first, phandle, base, count;
};

/* The translation is of whole requester IDs: a mask that drops bits would give several devices one number. */
static int check_mask(const struct dt_tree *t, const char *name)
{
	u32 mask = MASK_ALL;
	int err = dt_u32(t, name, &mask);

	if (err == -EINVAL)
		return err;
	return (mask & MASK_ALL) == MASK_ALL
		       ? 0
		       : dt_refuse(t, -EOPNOTSUPP, "msi-map-mask or iommu-map-mask makes devices alike");
}

static int map_malformed(const struct dt_tree *t)
{
	return dt_refuse(t, -EINVAL, "msi-map or iommu-map is malformed; update the firmware");
}

static bool overlaps_earlier(const u8 *map, unsigned int index, const struct map_entry *e)
{
	for (unsigned int i = 0; i < index; i++) {
		const u8 *at = map + i * MAP_CELLS * CELL;

		if (ranges_overlap(e->first, e->count, dt_cell(at), dt_cell(at + MAP_COUNT * CELL)))
			return true;
	}
	return false;
}

/* Entry `index` of the map. 0; -ENOENT: no more; -EINVAL, logged. */
static int map_entry(const struct dt_tree *t, const char *name, unsigned int index, struct map_entry *out)
{
	size_t length;
	const u8 *map = dt_property(t, name, &length), *at;

	if (!map)
		return -ENOENT;
	if (length % (MAP_CELLS * CELL))
		return map_malformed(t);
	if (index >= length / (MAP_CELLS * CELL))
		return -ENOENT;
	at = map + index * MAP_CELLS * CELL;
	*out = (struct map_entry){ dt_cell(at + MAP_FIRST * CELL), dt_cell(at + MAP_PHANDLE * CELL),
				   dt_cell(at + MAP_BASE * CELL), dt_cell(at + MAP_COUNT * CELL) };
	if (!out->count || out->first >= RIDS || out->count > RIDS - out->first ||
	    out->base > ~0u - (out->count - 1) || overlaps_earlier(map, index, out))
		return map_malformed(t);
	return 0;
}

static int add_msi_map(const struct dt_tree *t, struct dt_machine *out, u16 segment,
		       const struct map_entry *e)
{
	if (!out->its.size || !dt_phandle_is(t->fdt, e->phandle, dt_its_names, out->its.base)) {
		dt_warn(t, "some of its devices are mapped to another ITS or none; they get no message "
			   "interrupts");
		return 0;
	}
	if (out->msi_maps == DT_MAP_MAX)
		return dt_refuse(t, -EOPNOTSUPP, "more entries of msi-map than Fairlead knows (32)");
	out->msi_map[out->msi_maps++] = (struct dt_msi_map){ segment, (u16)e->first, e->count, e->base };
	return 0;
}

static int add_stream_map(const struct dt_tree *t, struct dt_machine *out, u16 segment,
			  const struct map_entry *e)
{
	struct smmu_firmware *smmu = &out->smmu;

	for (unsigned int unit = 0; unit < smmu->units; unit++) {
		if (!dt_phandle_is(t->fdt, e->phandle, dt_smmu_names, smmu->unit[unit].registers))
			continue;
		if (smmu->maps == SMMU_STREAM_MAPS_MAX)
			return dt_refuse(t, -EOPNOTSUPP,
					 "more entries of iommu-map than Fairlead knows (32)");
		smmu->map[smmu->maps++] =
			(struct smmu_stream_map){ segment, (u16)e->first, e->count, e->base, unit };
		return 0;
	}
	dt_warn(t, "iommu-map refers to what is no SMMUv3; those devices count as behind no IOMMU");
	return 0;
}

typedef int (*add_fn)(const struct dt_tree *t, struct dt_machine *out, u16 segment,
		      const struct map_entry *e);

static int read_map(const struct dt_tree *t, struct dt_machine *out, u16 segment, const char *name,
		    const char *mask, add_fn add)
{
	struct map_entry e;
	unsigned int i;
	int err = dt_has(t, name) ? check_mask(t, mask) : 0;

	for (i = 0; !err; i++) {
		err = map_entry(t, name, i, &e);
		if (!err)
			err = add(t, out, segment, &e);
	}
	return err == -ENOENT ? 0 : err;
}

/* Without a map every device's messages go to one controller, by their requester IDs. */
static int read_msi_parent(const struct dt_tree *t, struct dt_machine *out, u16 segment)
{
	struct map_entry all = { 0, 0, 0, RIDS };
	size_t length;
	const u8 *parent = dt_property(t, "msi-parent", &length);

	if (!parent || dt_has(t, "msi-map"))
		return 0;
	if (length < CELL || length % CELL)
		return dt_refuse(t, -EINVAL, "msi-parent is malformed; update the firmware");
	all.phandle = dt_cell(parent);
	return add_msi_map(t, out, segment, &all);
}

/* ---- hosts ---- */

static int read_buses(const struct dt_tree *t, struct dt_pci_host *host)
{
	size_t length;
	const u8 *range = dt_property(t, "bus-range", &length);
	u32 first = 0, last = 0xff;

	if (range && length != 2 * CELL)
		return dt_refuse(t, -EINVAL, "bus-range is not two cells; update the firmware");
	if (range) {
		first = dt_cell(range);
		last = dt_cell(range + CELL);
	}
	if (first > last || last > 0xff)
		return dt_refuse(t, -EINVAL, "bus-range is reversed or passes 255; update the firmware");
	if (host->ecam.size >> BUS_SHIFT == 0 || !IS_ALIGNED(host->ecam.base, (u64)1 << BUS_SHIFT))
		return dt_refuse(t, -EINVAL, "reg holds no configuration space; update the firmware");
	/* reg begins with the first bus, and may have room for fewer than bus-range names. */
	last = (u32)min_u64(last, first + (host->ecam.size >> BUS_SHIFT) - 1);
	if (host->ecam.base < (u64)first << BUS_SHIFT)
		return dt_refuse(t, -EINVAL, "reg and bus-range contradict each other; update the firmware");
	host->first_bus = (u8)first;
	host->last_bus = (u8)last;
	return 0;
}

/* The segment's number: the tree's, or for a host that has none its place among the hosts. */
static int read_segment(const struct dt_tree *t, const struct dt_machine *out, struct dt_pci_host *host)
{
	u32 domain = out->pci_hosts;
	int err = dt_u32(t, "linux,pci-domain", &domain);

	if (err == -EINVAL)
		return err;
	if (domain > 0xffff)
		return dt_refuse(t, -EINVAL, "linux,pci-domain is above 65535; update the firmware");
	for (unsigned int i = 0; i < out->pci_hosts; i++) {
		if (out->pci_host[i].segment == domain)
			return dt_refuse(t, -EINVAL,
					 "another host has its linux,pci-domain; update the firmware");
	}
	host->segment = (u16)domain;
	return 0;
}

static int read_host(const struct dt_tree *t, struct dt_machine *out)
{
	struct dt_pci_host host;
	int err;

	if (out->pci_hosts == DT_PCI_HOSTS_MAX)
		return dt_refuse(t, -EOPNOTSUPP, "more PCI hosts than Fairlead knows (4)");
	err = dt_reg(t, 0, &host.ecam);
	if (err == -EINVAL)
		return err;
	if (err)
		return dt_refuse(t, -EINVAL, "reg holds no configuration space; update the firmware");
	err = read_buses(t, &host);
	if (!err)
		err = read_segment(t, out, &host);
	if (!err)
		err = read_map(t, out, host.segment, "msi-map", "msi-map-mask", add_msi_map);
	if (!err)
		err = read_msi_parent(t, out, host.segment);
	if (!err)
		err = read_map(t, out, host.segment, "iommu-map", "iommu-map-mask", add_stream_map);
	if (!err)
		out->pci_host[out->pci_hosts++] = host;
	return err;
}

int dt_read_pci(const void *fdt, struct dt_machine *out)
{
	struct dt_tree t;
	bool more;

	for (more = dt_first(&t, fdt) && dt_find(&t, dt_pci_names); more;
	     more = dt_next(&t) && dt_find(&t, dt_pci_names)) {
		int err = read_host(&t, out);

		if (err)
			return err;
	}
	return 0;
}

bool dt_device_id(const struct dt_machine *dt, u16 segment, u16 rid, u32 *device_id)
{
	for (unsigned int i = 0; i < dt->msi_maps; i++) {
		const struct dt_msi_map *m = &dt->msi_map[i];

		if (m->segment == segment && rid >= m->first && (u32)rid - m->first < m->count) {
			*device_id = m->device_id + (rid - m->first);
			return true;
		}
	}
	return false;
}
