/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arm SMMUv3 (IHI 0070F) as an IOMMU backend: what firmware says of the units, and the way in.
 */
#ifndef DRIVERS_IOMMU_SMMUV3_H
#define DRIVERS_IOMMU_SMMUV3_H

#include "core/types.h"

#define SMMU_UNITS_MAX 8
#define SMMU_STREAM_MAPS_MAX 32

/* Interrupts are INTIDs; 0: none. */
struct smmu_unit_firmware {
	paddr_t registers; /* pages 0 and 1: 128 KiB (IHI 0070F, 6.1) */
	u64 size;
	u32 event_intid, gerror_intid, sync_intid, pri_intid;
	bool coherent; /* firmware does not deny that it snoops the CPUs' caches, as SMMU_IDR0.COHACC says */
};

/*
 * Requester IDs [first, first + count) of a segment are streams stream + (rid - first) of a unit: an entry of
 * iommu-map, or an ID mapping of an IORT root complex node.
 */
struct smmu_stream_map {
	u16 segment;
	u16 first;
	u32 count;
	u32 stream;
	unsigned int unit; /* index in unit[] */
};

struct smmu_firmware {
	unsigned int units;
	struct smmu_unit_firmware unit[SMMU_UNITS_MAX];
	unsigned int maps;
	struct smmu_stream_map map[SMMU_STREAM_MAPS_MAX];
};

/*
 * Reads the same from an ACPI IORT table (DEN 0049E), whole table, length- and checksum-checked by the
 * caller. 0; -EINVAL, -ENOSPC, -EOPNOTSUPP after one log_error that names the node's offset and what is
 * wrong.
 */
int MUST_CHECK smmuv3_read_iort(const void *iort, size_t length, struct smmu_firmware *out);
/*
 * Discovery: looks at each unit's registers and registers the units (iommu_register()); changes nothing.
 * Returns how many (0: firmware names none), or -EOPNOTSUPP/-EINVAL after one log_error. `fw` has to last.
 * Boot.
 */
int MUST_CHECK smmuv3_discover(const struct smmu_firmware *fw);
/* An interrupt of a unit (event queue, GERROR) has come: work is posted. False: no unit's. Exit path. */
bool smmuv3_interrupt(u32 intid);
/* The INTIDs of all units, for the interrupt controller to enable; index from 0, 0 past the end. */
u32 smmuv3_intid(unsigned int index);

#endif
