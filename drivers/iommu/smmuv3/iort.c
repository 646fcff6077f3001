/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACPI IO Remapping Table (Arm DEN 0049E, chapter 3): nodes, each of which may map ranges of IDs to
 * another node. Read here: which requester IDs of which root complex (a PCI segment) are which streams of
 * which SMMUv3. The table is firmware's word: what does not fit together is refused with the offset where it
 * stands.
 *
 * Nodes refer to each other by offset, and only root complex -> SMMUv3 -> ITS is followed or allowed here, so
 * no reference can lead around in a circle.
 */
#include "core/acpi_header.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/string.h"
#include "drivers/iommu/smmuv3/smmu_regs.h"
#include "drivers/iommu/smmuv3/smmuv3.h"

/* 3 */
struct iort_header {
	struct acpi_header acpi; /* signature "IORT" */
	u32 nodes;
	u32 first_node; /* offset in the table */
	u32 reserved;
} PACKED;
static_assert(sizeof(struct iort_header) == 48, "IORT header, DEN 0049E 3");

/* 3.1: what all nodes begin with */
struct iort_node {
	u8 type;
	u16 length;
	u8 revision;
	u32 identifier;
	u32 mappings;
	u32 mapping_offset; /* in the node */
} PACKED;
static_assert(sizeof(struct iort_node) == 16, "IORT node, DEN 0049E 3.1");

enum iort_type { IORT_ITS_GROUP = 0, IORT_ROOT_COMPLEX = 2, IORT_SMMUV3 = 4 };

/* 3.1.1.2 */
struct iort_smmuv3 {
	struct iort_node node;
	u64 base;
	u32 flags;
	u32 reserved;
	u64 vatos;
	u32 model;
	u32 event_gsiv, pri_gsiv, gerror_gsiv, sync_gsiv;
} PACKED;
static_assert(sizeof(struct iort_smmuv3) == 60, "SMMUv3 node, DEN 0049E 3.1.1.2");

/* 3.1.1.5 */
struct iort_root_complex {
	struct iort_node node;
	u64 memory_properties;
	u32 ats;
	u32 segment;
} PACKED;
static_assert(sizeof(struct iort_root_complex) == 32, "root complex node, DEN 0049E 3.1.1.5");

/* 3.2 */
struct iort_mapping {
	u32 input;
	u32 count; /* of IDs, less one */
	u32 output;
	u32 reference; /* offset of the node in the table */
	u32 flags;
} PACKED;
static_assert(sizeof(struct iort_mapping) == 20, "ID mapping, DEN 0049E 3.2");

#define IORT_MAPPING_SINGLE BIT32(0) /* one ID, whichever comes in */

struct table {
	const u8 *bytes;
	size_t length;
	struct iort_header header;
};

static int MUST_CHECK wrong(u64 offset, int err, const char *what)
{
	log_error("IORT: at offset 0x%llx: %s", (unsigned long long)offset, what);
	return err;
}

static bool inside(size_t length, u64 offset, u64 size)
{
	return offset <= length && size <= length - offset;
}

/* The node at an offset, which was checked. */
static struct iort_node node_at(const struct table *t, u32 offset)
{
	struct iort_node node;

	memcpy(&node, t->bytes + offset, sizeof(node));
	return node;
}

static struct iort_mapping mapping_at(const struct table *t, u32 node, u32 index)
{
	const struct iort_node n = node_at(t, node);
	struct iort_mapping m;

	memcpy(&m, t->bytes + node + n.mapping_offset + (size_t)index * sizeof(m), sizeof(m));
	return m;
}

/* One node by itself: its parts lie in it, and it lies in the table. */
static int MUST_CHECK check_node(const struct table *t, u64 offset)
{
	struct iort_node node;
	size_t least = sizeof(node);

	if (!inside(t->length, offset, sizeof(node)))
		return wrong(offset, -EINVAL, "a node ends beyond the table");
	node = node_at(t, (u32)offset);
	if (node.type == IORT_SMMUV3)
		least = sizeof(struct iort_smmuv3);
	if (node.type == IORT_ROOT_COMPLEX)
		least = sizeof(struct iort_root_complex);
	if (node.length < least)
		return wrong(offset, -EINVAL, "a node is too short for its type");
	if (!inside(t->length, offset, node.length))
		return wrong(offset, -EINVAL, "a node ends beyond the table");
	if (node.mappings &&
	    (node.mapping_offset < least ||
	     !inside(node.length, node.mapping_offset, (u64)node.mappings * sizeof(struct iort_mapping))))
		return wrong(offset, -EINVAL, "ID mappings lie beside their node");
	return 0;
}

/* Nodes are as many as the header says, one behind the other. */
static int MUST_CHECK check_nodes(const struct table *t)
{
	u64 offset = t->header.first_node;

	for (u32 i = 0; i < t->header.nodes; i++) {
		int err = check_node(t, offset);

		if (err)
			return err;
		offset += node_at(t, (u32)offset).length;
	}
	return 0;
}

/*
 * The functions from here on are for a table whose nodes were all checked. Calls fn for each node of that
 * type.
 */
static int MUST_CHECK for_each(const struct table *t, unsigned int type,
			       int (*fn)(const struct table *t, u32 offset, struct smmu_firmware *out),
			       struct smmu_firmware *out)
{
	u32 offset = t->header.first_node;
	int err = 0;

	for (u32 i = 0; i < t->header.nodes && !err; i++) {
		const struct iort_node node = node_at(t, offset);

		if (node.type == type)
			err = fn(t, offset, out);
		offset += node.length;
	}
	return err;
}

/* Does a node begin at that offset, and of which type? */
static bool find_node(const struct table *t, u32 wanted, u8 *type)
{
	u32 offset = t->header.first_node;

	for (u32 i = 0; i < t->header.nodes; i++) {
		const struct iort_node node = node_at(t, offset);

		if (offset == wanted) {
			*type = node.type;
			return true;
		}
		offset += node.length;
	}
	return false;
}

/* What an SMMU's own messages become: the ITS's business. Checked, since it is where a circle would be. */
static int MUST_CHECK check_smmu_mappings(const struct table *t, u32 offset)
{
	const u32 count = node_at(t, offset).mappings;

	for (u32 i = 0; i < count; i++) {
		u8 type;

		if (!find_node(t, mapping_at(t, offset, i).reference, &type) || type != IORT_ITS_GROUP)
			return wrong(offset, -EINVAL, "an SMMUv3 maps IDs to what is no ITS group");
	}
	return 0;
}

static int MUST_CHECK read_smmu(const struct table *t, u32 offset, struct smmu_firmware *out)
{
	struct iort_smmuv3 n;

	if (out->units == SMMU_UNITS_MAX)
		return wrong(offset, -ENOSPC, "more SMMUv3 than Fairlead has room for");
	memcpy(&n, t->bytes + offset, sizeof(n));
	if (!n.base || !IS_ALIGNED(n.base, PAGE_SIZE) || n.base + (SMMU_REGISTERS_SIZE - 1) < n.base)
		return wrong(offset, -EINVAL, "an SMMUv3 without usable registers");
	out->unit[out->units++] = (struct smmu_unit_firmware){
		.registers = n.base,
		.size = SMMU_REGISTERS_SIZE,
		.event_intid = n.event_gsiv,
		.pri_intid = n.pri_gsiv,
		.gerror_intid = n.gerror_gsiv,
		.sync_intid = n.sync_gsiv,
		/*
		 * IDR0 knows; the flag can only say that it understates that, and then the caches are flushed
		 * needlessly.
		 */
		.coherent = true,
	};
	return check_smmu_mappings(t, offset);
}

/* Which unit is the node at that offset? They were read in the order of the table. */
static unsigned int unit_number(const struct table *t, u32 wanted)
{
	u32 offset = t->header.first_node;
	unsigned int number = 0;

	for (; offset != wanted; offset += node_at(t, offset).length)
		number += node_at(t, offset).type == IORT_SMMUV3;
	return number;
}

static int MUST_CHECK add_map(const struct table *t, u32 offset, u32 segment, const struct iort_mapping *m,
			      struct smmu_firmware *out)
{
	if (m->flags & IORT_MAPPING_SINGLE)
		return wrong(offset, -EOPNOTSUPP, "a root complex maps all its IDs to one stream");
	if (m->input > 0xffff || m->count > 0xffff - m->input)
		return wrong(offset, -EINVAL, "a root complex maps IDs that are no requester IDs");
	if (m->count > ~(u32)0 - m->output)
		return wrong(offset, -EINVAL, "streams beyond 32 bits");
	if (segment > 0xffff)
		return wrong(offset, -EINVAL, "a PCI segment beyond 16 bits");
	if (out->maps == SMMU_STREAM_MAPS_MAX)
		return wrong(offset, -ENOSPC, "more ID mappings than Fairlead has room for");
	out->map[out->maps++] = (struct smmu_stream_map){
		.segment = (u16)segment,
		.first = (u16)m->input,
		.count = m->count + 1,
		.stream = m->output,
		.unit = unit_number(t, m->reference),
	};
	return 0;
}

static int MUST_CHECK read_root_complex(const struct table *t, u32 offset, struct smmu_firmware *out)
{
	struct iort_root_complex n;

	memcpy(&n, t->bytes + offset, sizeof(n));
	for (u32 i = 0; i < n.node.mappings; i++) {
		const struct iort_mapping m = mapping_at(t, offset, i);
		int err = 0;
		u8 type;

		if (!find_node(t, m.reference, &type))
			return wrong(offset, -EINVAL, "an ID mapping leads to no node");
		/* Those that lead to the ITS and past all SMMUs stand behind none. */
		if (type == IORT_SMMUV3)
			err = add_map(t, offset, n.segment, &m, out);
		else if (type != IORT_ITS_GROUP)
			err = wrong(offset, -EOPNOTSUPP,
				    "a root complex maps IDs to what is no SMMUv3 and no ITS group");
		if (err)
			return err;
	}
	return 0;
}

int smmuv3_read_iort(const void *iort, size_t length, struct smmu_firmware *out)
{
	struct table t = { .bytes = iort, .length = length };
	int err;

	*out = (struct smmu_firmware){ 0 };
	if (length < sizeof(t.header) || length > ~(u32)0)
		return wrong(0, -EINVAL, "the table is too short for its header, or too long");
	memcpy(&t.header, iort, sizeof(t.header));
	if (t.header.first_node < sizeof(t.header))
		return wrong(0, -EINVAL, "the first node lies in the header");
	err = check_nodes(&t);
	if (!err)
		err = for_each(&t, IORT_SMMUV3, read_smmu, out);
	return err ? err : for_each(&t, IORT_ROOT_COMPLEX, read_root_complex, out);
}
