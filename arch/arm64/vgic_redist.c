/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulated redistributors (IHI 0069H, 12.11), one a vCPU, one after the other in the regions that
 * firmware's tree names. Without LPIs all that is of them reads as zero. What the guest has of GICR_WAKER
 * sleeps and wakes at once.
 */
#include "arch/arm64/cpus.h"
#include "arch/arm64/vgic_internal.h"
#include "core/counters.h"

static u64 read_typer(const struct vgic_redist *region, unsigned int cpu)
{
	return (u64)gic_packed_affinity(arm64_cpus.mpidr[cpu]) << 32 | (u64)cpu << GICR_TYPER_NUMBER_SHIFT |
	       (cpu == region->first_cpu + region->cpus - 1 ? GICR_TYPER_LAST : 0);
}

static u32 read_waker(unsigned int cpu)
{
	u32 waker = atomic_load_explicit(&vgic.cpu[cpu].waker, memory_order_relaxed);

	return waker & GICR_WAKER_SLEEP ? waker | GICR_WAKER_ASLEEP : waker;
}

static void rd_access(const struct vgic_redist *region, unsigned int cpu, u32 offset, unsigned int size,
		      bool write, u64 *value)
{
	if (offset == GICR_WAKER && size == 4 && write)
		atomic_store_explicit(&vgic.cpu[cpu].waker, (u32)*value & GICR_WAKER_SLEEP,
				      memory_order_relaxed);
	else if (write)
		return;
	else if (offset == GICR_TYPER || offset == GICR_TYPER + 4)
		*value = vgic_part64(read_typer(region, cpu), offset, size);
	else if (offset == GICR_WAKER && size == 4)
		*value = read_waker(cpu);
	else if (offset == GICR_IIDR && size == 4)
		*value = VGIC_IIDR;
	else if (offset == GIC_PIDR2 && size == 4)
		*value = VGIC_PIDR2;
}

void vgic_redist_access(void *ctx, gpa_t gpa, unsigned int size, bool write, u64 *value)
{
	const struct vgic_redist *region = ctx;
	const u64 offset = (gpa - region->base) % region->stride;
	const u64 slot = (gpa - region->base) / region->stride;
	unsigned int bank, cpu;

	count_event(COUNT_GIC);
	if (!write)
		*value = 0;
	if (offset % size || slot >= region->cpus)
		return;
	cpu = region->first_cpu + (unsigned int)slot;
	if (offset < GICR_SGI_FRAME)
		rd_access(region, cpu, (u32)offset, size, write, value);
	else if (vgic_bank_register(offset - GICR_SGI_FRAME, &bank) && bank == 0)
		vgic_bank_access(&vgic.cpu[cpu].own, (u32)(offset - GICR_SGI_FRAME), size, write, value);
}
