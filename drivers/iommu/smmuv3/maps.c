/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which streams are whose: firmware's maps from requester IDs to streams, both ways. A requester ID that no
 * map names may well go past every unit, so its device stands behind none, and the guest does not get it.
 *
 * It guards that a stream is one requester ID's: an entry that two devices shared could not be taken from one
 * of them.
 */
#include "core/errno.h"
#include "core/log.h"
#include "drivers/iommu/smmuv3/smmu.h"

static const struct smmu_firmware *firmware; /* written at discovery */

void smmu_set_maps(const struct smmu_firmware *fw)
{
	firmware = fw;
}

static u32 last_rid(const struct smmu_stream_map *m)
{
	return m->first + (m->count - 1);
}

static u64 last_stream(const struct smmu_stream_map *m)
{
	return (u64)m->stream + (m->count - 1);
}

static int MUST_CHECK refuse(const struct smmu_stream_map *m, int err, const char *why)
{
	log_error("SMMUv3: the map of %u requester IDs from %04x:%02x:%02x.%x to stream 0x%x of unit %u "
		  "cannot be used: %s",
		  m->count, m->segment, PCI_BUS(m->first), PCI_DEV(m->first), PCI_FN(m->first), m->stream,
		  m->unit, why);
	return err;
}

/* Those before it are right. */
static int MUST_CHECK check_against_others(const struct smmu_stream_map *m)
{
	for (const struct smmu_stream_map *other = firmware->map; other < m; other++) {
		const bool same_unit = other->unit == m->unit;

		if (other->segment == m->segment && m->first <= last_rid(other) &&
		    other->first <= last_rid(m))
			return refuse(m, -EINVAL, "another map names some of them, too");
		if (same_unit && m->stream <= last_stream(other) && other->stream <= last_stream(m))
			return refuse(m, -EOPNOTSUPP, "other requester IDs have some of these streams");
		if (same_unit && other->segment != m->segment)
			return refuse(m, -EOPNOTSUPP, "the unit serves another PCI segment already");
	}
	return 0;
}

static int MUST_CHECK check_map(const struct smmu_unit *unit, const struct smmu_stream_map *m)
{
	if (!m->count || m->count > BIT32(16) - m->first)
		return refuse(m, -EINVAL, "there are no such requester IDs");
	if (last_stream(m) >> SMMU_IDR1_SIDSIZE(unit->idr1))
		return refuse(m, -EINVAL, "the unit has no such streams");
	if (last_stream(m) >> SMMU_STREAM_BITS_MAX)
		return refuse(m, -EOPNOTSUPP, "Fairlead's stream tables end before them");
	return check_against_others(m);
}

int smmu_check_maps(struct smmu_unit *unit)
{
	unit->stream_bits = 0;
	for (unsigned int i = 0; i < firmware->maps; i++) {
		const struct smmu_stream_map *m = &firmware->map[i];
		int err;

		if (m->unit != unit->iommu.index)
			continue;
		err = check_map(unit, m);
		if (err)
			return err;
		unit->iommu.segment = m->segment;
		while (last_stream(m) >> unit->stream_bits)
			unit->stream_bits++;
	}
	return 0;
}

bool smmu_stream_of(const struct smmu_unit *unit, u16 bdf, u32 *stream)
{
	for (unsigned int i = 0; i < firmware->maps; i++) {
		const struct smmu_stream_map *m = &firmware->map[i];

		if (m->unit == unit->iommu.index && bdf >= m->first && bdf <= last_rid(m)) {
			*stream = m->stream + (bdf - m->first);
			return true;
		}
	}
	return false;
}

bool smmu_requester_of(const struct smmu_unit *unit, u32 stream, struct sbdf *out)
{
	for (unsigned int i = 0; i < firmware->maps; i++) {
		const struct smmu_stream_map *m = &firmware->map[i];

		if (m->unit == unit->iommu.index && stream >= m->stream && stream <= last_stream(m)) {
			*out = (struct sbdf){ .segment = m->segment,
					      .bdf = (u16)(m->first + (stream - m->stream)) };
			return true;
		}
	}
	return false;
}

/* All that the device's requests may come as. */
enum iommu_cover smmu_covers(struct iommu *iommu, struct pci_dev *dev)
{
	const struct smmu_unit *unit = to_smmu(iommu);
	u32 stream;

	if (dev->sbdf.segment != iommu->segment || !smmu_stream_of(unit, dev->sbdf.bdf, &stream))
		return IOMMU_COVERS_NOT;
	for (unsigned int i = 0; i < dev->requester_ids; i++) {
		if (!smmu_stream_of(unit, dev->requester_id[i], &stream))
			return IOMMU_COVERS_NOT;
	}
	return IOMMU_COVERS_BY_NAME;
}
