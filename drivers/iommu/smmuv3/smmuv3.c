/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SMMUv3 backend: looks at the units that firmware names, refuses what cannot be used, and fills the
 * table of operations. The rest is in unit.c (turning on), stream.c (who reaches what), cmdq.c (commands),
 * event.c (faults), maps.c (which streams are whose), iort.c (firmware's words, where it speaks ACPI).
 *
 * One domain serves all units, so its table has the shape that every unit can walk. There is no interrupt
 * remapping here: messages are writes like others, and the ITS knows its devices.
 */
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/mmio.h"
#include "drivers/iommu/smmuv3/smmu.h"

LOCK_CLASS(smmu_queue_class, "smmu_queue");
LOCK_CLASS(smmu_tables_class, "smmu_tables");
LOCK_CLASS(smmu_fault_class, "smmu_fault");

#define BLOCKS_TO_1G 2u /* as in struct pagetable: the 4 KiB granule has all sizes */

struct smmu_limits smmu_limits;
static struct smmu_unit units[SMMU_UNITS_MAX];
static unsigned int units_found;
static _Atomic unsigned int next_domain;

/* SMMU_IDR5.OAS, 6.3.6 */
static const u8 oas_bits[] = { 32, 36, 40, 42, 44, 48, 52 };
#define OAS_48 5u /* more than 48 bits take a larger granule, or descriptors of another format */

/* ---- domains ------------------------------------------------------------------------------------------- */

static int MUST_CHECK table_init(struct iommu_domain *domain) REQUIRES(iommu_domain_class)
{
	int err = pt_init_input(&domain->table, &pt_format_s2_lpae, smmu_limits.input_bits, BLOCKS_TO_1G);

	if (err)
		return err;
	if (smmu_limits.needs_flush) {
		domain->table.flush = arch_cache_flush;
		arch_cache_flush(domain->table.root, domain->table.root_tables * PAGE_SIZE);
	}
	domain->root = virt_to_phys(domain->table.root);
	domain->levels = domain->table.levels;
	return 0;
}

static int MUST_CHECK domain_init(struct iommu_domain *domain)
{
	const unsigned int id = atomic_fetch_add(&next_domain, 1);
	int err;

	if (id >= smmu_limits.domains)
		return -ENOSPC;
	domain->id = (u16)id;
	iommu_domain_lock(domain);
	err = table_init(domain);
	iommu_domain_unlock(domain);
	return err;
}

static int MUST_CHECK invalidate(struct iommu *iommu, struct iommu_domain *domain, u64 iova, u64 size)
{
	return smmu_invalidate_range(to_smmu(iommu), domain->id, iova, size);
}

/* ---- discovery ----------------------------------------------------------------------------------------- */

static void describe(struct iommu *iommu)
{
	const struct smmu_unit *unit = to_smmu(iommu);
	const u32 aidr = mmio_read32(unit->regs + SMMU_AIDR);

	log_info("SMMUv3 unit %u at 0x%llx, version 3.%u: segment %u, streams of %u bits (%u used), "
		 "addresses of %u "
		 "bits, VMIDs of %u bits, %s%s, interrupts %u (faults) and %u (errors)",
		 iommu->index, (unsigned long long)iommu->registers, aidr & 0xf, iommu->segment,
		 SMMU_IDR1_SIDSIZE(unit->idr1), unit->stream_bits, oas_bits[SMMU_IDR5_OAS(unit->idr5)],
		 unit->idr0 & SMMU_IDR0_VMID16 ? 16 : 8,
		 smmu_needs_flush(unit) ? "caches not snooped" : "coherent",
		 unit->idr0 & SMMU_IDR0_ATS ? ", ATS (not used)" : "", unit->firmware->event_intid,
		 unit->firmware->gerror_intid);
}

static const struct iommu_ops smmu_ops = {
	.name = "SMMUv3",
	.covers = smmu_covers,
	.enable = smmu_enable,
	.domain_init = domain_init,
	.attach = smmu_attach,
	.block = smmu_block,
	.lookup = smmu_lookup,
	.invalidate = invalidate,
	.drain_faults = smmu_drain_faults,
	.fault_pending = smmu_fault_pending,
	.describe = describe,
};

/* Why Fairlead cannot use it; NULL: it can. */
static const char *unusable(const struct smmu_unit *unit, u32 aidr)
{
	const u32 idr0 = unit->idr0, idr1 = unit->idr1;

	if (!idr0 || idr0 == ~(u32)0 || idr1 == ~(u32)0 || unit->idr5 == ~(u32)0)
		return "no registers answer there";
	if (aidr >> 4 & 0xf)
		return "it is of an architecture after SMMUv3";
	if (!(idr0 & SMMU_IDR0_S2P))
		return "it has no stage 2 (IDR0.S2P)";
	if (!(idr0 & SMMU_IDR0_TTF_AARCH64))
		return "it does not walk AArch64 tables (IDR0.TTF)";
	if (SMMU_IDR0_TTENDIAN(idr0) == SMMU_TTENDIAN_BIG)
		return "it walks big-endian tables only (IDR0.TTENDIAN)";
	if (SMMU_IDR0_STALL(idr0) == SMMU_STALL_FORCED)
		return "it stalls every request that faults (IDR0.STALL_MODEL)";
	if (!(unit->idr5 & SMMU_IDR5_GRAN4K))
		return "it has no 4 KiB pages (IDR5.GRAN4K)";
	if (SMMU_IDR5_OAS(unit->idr5) >= ARRAY_SIZE(oas_bits))
		return "its address width is a reserved value (IDR5.OAS)";
	if (idr1 & (SMMU_IDR1_TABLES_PRESET | SMMU_IDR1_QUEUES_PRESET))
		return "its tables or queues stand at fixed addresses (IDR1.TABLES_PRESET, QUEUES_PRESET)";
	if (SMMU_IDR1_CMDQS(idr1) < SMMU_CMDQ_LOG2_MIN)
		return "its command queue is too small (IDR1.CMDQS)";
	if (unit->stream_bits > SMMU_SPLIT && SMMU_IDR0_ST_LEVEL(idr0) == SMMU_ST_LINEAR)
		return "it has no stream tables of two levels for that many streams (IDR0.ST_LEVEL)";
	return NULL;
}

static int MUST_CHECK probe(struct smmu_unit *unit, const struct smmu_unit_firmware *firmware,
			    unsigned int index)
{
	const char *why;
	int err;

	*unit = (struct smmu_unit){
		.iommu = {
			.ops = &smmu_ops,
			.registers = firmware->registers,
			.registers_size = ALIGN_UP(firmware->size, PAGE_SIZE),
			.index = index,
		},
		.regs = phys_to_virt(firmware->registers),
		.firmware = firmware,
	};
	spin_init(&unit->tables_lock, &smmu_tables_class);
	spin_init(&unit->queue.lock, &smmu_queue_class);
	spin_init(&unit->fault_lock, &smmu_fault_class);
	if (!firmware->registers || !IS_ALIGNED(firmware->registers, PAGE_SIZE) ||
	    firmware->size < SMMU_REGISTERS_SIZE) {
		log_error("SMMUv3 unit %u: firmware gives it 0x%llx bytes of registers at 0x%llx; it takes "
			  "0x%x, "
			  "whole pages",
			  index, (unsigned long long)firmware->size, (unsigned long long)firmware->registers,
			  SMMU_REGISTERS_SIZE);
		return -EINVAL;
	}
	unit->idr0 = mmio_read32(unit->regs + SMMU_IDR0);
	unit->idr1 = mmio_read32(unit->regs + SMMU_IDR1);
	unit->idr5 = mmio_read32(unit->regs + SMMU_IDR5);
	err = smmu_check_maps(unit);
	if (err)
		return err;
	why = unusable(unit, mmio_read32(unit->regs + SMMU_AIDR));
	if (!why)
		return 0;
	log_error("SMMUv3 unit %u at 0x%llx cannot be used: %s (IDR0 0x%x, IDR1 0x%x, IDR5 0x%x)", index,
		  (unsigned long long)firmware->registers, why, unit->idr0, unit->idr1, unit->idr5);
	return -EOPNOTSUPP;
}

/* Addresses are mapped to themselves, so what goes in is as wide as what comes out. */
static void find_limits(unsigned int count)
{
	smmu_limits = (struct smmu_limits){ .oas = OAS_48, .domains = ~0u };
	for (unsigned int i = 0; i < count; i++) {
		const struct smmu_unit *unit = &units[i];

		smmu_limits.oas = min_u32(smmu_limits.oas, SMMU_IDR5_OAS(unit->idr5));
		smmu_limits.domains =
			min_u32(smmu_limits.domains, unit->idr0 & SMMU_IDR0_VMID16 ? BIT32(16) : BIT32(8));
		smmu_limits.needs_flush |= smmu_needs_flush(unit);
	}
	smmu_limits.input_bits = oas_bits[smmu_limits.oas];
}

int smmuv3_discover(const struct smmu_firmware *fw)
{
	units_found = 0;
	if (!fw->units)
		return 0;
	smmu_set_maps(fw);
	for (unsigned int i = 0; i < fw->units; i++) {
		int err = probe(&units[i], &fw->unit[i], i);

		if (err)
			return err;
	}
	find_limits(fw->units);
	atomic_store(&next_domain, 1);
	for (unsigned int i = 0; i < fw->units; i++)
		iommu_register(&units[i].iommu);
	units_found = fw->units;
	log_info("SMMUv3: %u units, %u maps of requester IDs to streams, addresses of %u bits, %s", fw->units,
		 fw->maps, smmu_limits.input_bits,
		 smmu_limits.needs_flush ? "caches not snooped" : "coherent");
	return (int)fw->units;
}

u32 smmuv3_intid(unsigned int index)
{
	for (unsigned int i = 0; i < units_found; i++) {
		const u32 intid[] = { units[i].firmware->event_intid, units[i].firmware->gerror_intid };

		for (unsigned int k = 0; k < ARRAY_SIZE(intid); k++) {
			if (intid[k] && !index--)
				return intid[k];
		}
	}
	return 0;
}
