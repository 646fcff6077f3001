/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulated distributor (IHI 0069H, 12.9): control, type, routing; the rest is vgic_regs.c's.
 *
 * The guest sees a GIC with a single Security state (GICD_CTLR.DS reads as one): both groups are its own, and
 * its CPU interface, which is the hardware's virtual one, shows priorities as such a GIC does; Linux compares
 * the two. Affinity routing is always on. LPIs (GICD_TYPER.LPIS) and interrupts to any one of several CPUs
 * (No1N) are not there, so GICD_IROUTER's Interrupt_Routing_Mode is RAZ/WI.
 */
#include "arch/arm64/cpus.h"
#include "arch/arm64/its.h"
#include "arch/arm64/vgic_internal.h"
#include "core/counters.h"

#define LINES  (VGIC_BANKS - 1) /* GICD_TYPER.ITLinesNumber */
#define IDBITS (10 - 1)		/* INTIDs have 10 bits */
#define AFF0_IN_A_LIST \
	16u /* a CPU with Aff0 from that on is named by SGI target lists with a range selector */

static u32 read_typer(void)
{
	u32 typer = LINES | IDBITS << GICD_TYPER_IDBITS_SHIFT | GICD_TYPER_NO1N;

	for (unsigned int cpu = 0; cpu < vgic.cpus; cpu++) {
		if (arm64_cpus.mpidr[cpu] >> 32 & 0xff)
			typer |= GICD_TYPER_A3V;
		if ((arm64_cpus.mpidr[cpu] & 0xff) >= AFF0_IN_A_LIST)
			typer |= GICD_TYPER_RSS;
	}
	return typer;
}

/* A group that is switched on or off is every CPU's business. */
static void write_ctlr(u32 value)
{
	const u32 groups = value & (GICD_CTLR_GRP0 | GICD_CTLR_GRP1);

	if (atomic_exchange_explicit(&vgic.groups, groups, memory_order_relaxed) != groups)
		vgic_recall(GENMASK64(vgic.cpus - 1, 0));
}

static u32 read_register(u32 offset)
{
	switch (offset) {
	case GICD_CTLR:
		return atomic_load_explicit(&vgic.groups, memory_order_relaxed) | GICD_CTLR_ARE |
		       GICD_CTLR_DS;
	case GICD_TYPER: return read_typer();
	case GICD_IIDR: return VGIC_IIDR;
	case GIC_PIDR2: return VGIC_PIDR2;
	}
	return 0;
}

/* ---- routing ---- */

/* Nobody, where there is no such CPU: it stays pending. */
static u8 target_of(u64 route)
{
	unsigned int cpu = cpu_of_mpidr(route);

	return cpu < vgic.cpus ? (u8)cpu : VGIC_NOBODY;
}

static void write_route(struct vgic_bank *bank, u32 intid, u64 value, u64 mask)
{
	struct virq *irq = &bank->irq[intid % VGIC_BANK];
	bool backed = vgic_backed(bank, intid);
	u64 cpus;
	u8 target;

	vgic_lock(bank);
	cpus = vgic_holder(irq);
	irq->route = ((irq->route & ~mask) | (value & mask)) & MPIDR_AFFINITY;
	target = irq->target = target_of(irq->route);
	if (backed && target != VGIC_NOBODY)
		gic_route(intid, target);
	cpus |= vgic_update(bank, irq);
	vgic_unlock(bank);
	vgic_recall(cpus);
	if (intid - vgic.frame.first < vgic.frame.count && target != VGIC_NOBODY)
		its_route(intid, target);
}

static void route_access(u32 offset, unsigned int size, bool write, u64 *value)
{
	const u32 intid = (offset - GICD_IROUTER) / 8;
	struct vgic_bank *bank = vgic_bank_of(0, intid);
	const unsigned int shift = (offset & 4) * 8;
	u64 route;

	if (size != 4 && size != 8)
		return;
	if (write) {
		write_route(bank, intid, *value << shift, size == 8 ? ~(u64)0 : (u64)0xffffffff << shift);
		return;
	}
	vgic_lock(bank);
	route = bank->irq[intid % VGIC_BANK].route;
	vgic_unlock(bank);
	*value = vgic_part64(route, offset, size);
}

/* ---- the access ---- */

void vgic_dist_access(void *ctx, gpa_t gpa, unsigned int size, bool write, u64 *value)
{
	const u64 offset = gpa - *(const paddr_t *)ctx;
	unsigned int bank;

	count_event(COUNT_GIC);
	if (!write)
		*value = 0;
	if (offset % size)
		return;
	if (vgic_bank_register(offset, &bank)) {
		if (bank) /* what is private is the redistributor's, with affinity routing */
			vgic_bank_access(vgic_bank_of(0, bank * VGIC_BANK), (u32)offset, size, write, value);
	} else if (offset >= GICD_IROUTER_FIRST && offset < GICD_IROUTER_END) {
		route_access((u32)offset, size, write, value);
	} else if (size == 4 && offset < GIC_FRAME_BYTES) {
		if (!write)
			*value = read_register((u32)offset);
		else if (offset == GICD_CTLR)
			write_ctlr((u32)*value);
	}
}
