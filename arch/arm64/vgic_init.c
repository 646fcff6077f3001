/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulated GIC's beginning: its state, its regions in the guest's address space, and what a vCPU starts
 * with.
 */
#include "arch/arm64/cpus.h"
#include "arch/arm64/vgic_internal.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/pages.h"

static struct vgic_redist redist[DT_REDISTRIBUTORS_MAX];
static paddr_t dist_base;

/*
 * It has made the guest exit, which was all: vgic_leave() has taken its reason away, and the next entry does
 * what it was for.
 */
static void maintenance(u32 intid UNUSED)
{
}

/* ---- state ---- */

static void init_bank(struct vgic_bank *bank, u32 first, unsigned int cpu)
{
	spin_init(&bank->lock, &vgic_class);
	bank->first = first;
	bank->cpu = (u8)cpu;
	vgic_lock(bank);
	for (u32 n = 0; n < VGIC_BANK; n++) {
		struct virq *irq = &bank->irq[n];

		*irq = (struct virq){ .target = (u8)cpu, .listed = VGIC_NOBODY, .held = VGIC_NOBODY };
		irq->edge = first + n < GIC_SGIS;
		if (first >= GIC_SPI_FIRST) {
			irq->route = arm64_cpus.mpidr[cpu];
			irq->edge = vgic_backed(bank, first + n) && gic_is_edge(cpu, first + n);
		}
	}
	vgic_unlock(bank);
}

static int make_state(unsigned int cpus)
{
	const u64 bytes = cpus * sizeof(struct vgic_cpu),
		  spi_bytes = (VGIC_BANKS - 1) * sizeof(struct vgic_bank);

	vgic.cpu = pages_alloc_contig(ALIGN_UP(bytes, PAGE_SIZE) / PAGE_SIZE, PAGE_SIZE);
	vgic.spi = pages_alloc_contig(ALIGN_UP(spi_bytes, PAGE_SIZE) / PAGE_SIZE, PAGE_SIZE);
	if (!vgic.cpu || !vgic.spi)
		return -ENOMEM;
	vgic.cpus = cpus;
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		init_bank(&vgic.cpu[cpu].own, 0, cpu);
		atomic_store_explicit(&vgic.cpu[cpu].waker, GICR_WAKER_SLEEP, memory_order_relaxed);
	}
	for (u32 i = 0; i < VGIC_BANKS - 1; i++)
		init_bank(&vgic.spi[i], (i + 1) * VGIC_BANK, 0);
	return 0;
}

/* ---- regions ---- */

/*
 * As many CPUs in each as fit, one after the other. The stride is the tree's, or two frames: the guest's
 * redistributors have no virtual LPIs, so it expects them close together.
 */
static int add_redistributors(struct vm *vm, const struct dt_machine *dt)
{
	unsigned int placed = 0;

	for (unsigned int i = 0; i < dt->redistributor_regions; i++) {
		struct vgic_redist *r = &redist[i];
		struct vm_mmio_region region = { dt->gicr[i].base, dt->gicr[i].size, vgic_redist_access, r,
						 "redistributors" };
		int ret;

		r->base = dt->gicr[i].base;
		r->stride = dt->gicr_stride ? dt->gicr_stride : GICR_BYTES;
		r->first_cpu = placed;
		r->cpus = (unsigned int)min_u64(dt->gicr[i].size / r->stride, vgic.cpus - placed);
		placed += r->cpus;
		ret = vm_add_region(vm, &region);
		if (ret)
			return ret;
	}
	if (placed < vgic.cpus) {
		log_error("gic: the tree's redistributor regions have room for %u CPUs of %u", placed,
			  vgic.cpus);
		return -ENOSPC;
	}
	return 0;
}

int vgic_init(struct vm *vm, const struct dt_machine *dt, unsigned int cpus, const struct vgic_frame *frame)
{
	const struct vm_mmio_region dist = { dt->gicd.base, dt->gicd.size, vgic_dist_access, &dist_base,
					     "distributor" };
	const struct vm_mmio_region msi = { frame->base, PAGE_SIZE, vgic_frame_access, &vgic.frame,
					    "GICv2m frame" };
	int ret;

	if (dt->maintenance_intid < GIC_PPI_FIRST || dt->maintenance_intid >= GIC_SPI_FIRST) {
		log_error("gic: the tree names no private interrupt for maintenance of virtual ones (%u)",
			  dt->maintenance_intid);
		return -EINVAL;
	}
	ret = make_state(cpus);
	if (ret)
		return ret;
	dist_base = dt->gicd.base;
	vgic.frame = *frame;
	vgic.maintenance_intid = dt->maintenance_intid;
	ret = gic_claim(dt->maintenance_intid, maintenance, "virtual interrupts");
	if (!ret)
		ret = vm_add_region(vm, &dist);
	if (!ret)
		ret = add_redistributors(vm, dt);
	if (!ret && frame->count)
		ret = vm_add_region(vm, &msi);
	return ret;
}

/* ---- a CPU starts ---- */

/* What is physical of it, too: enabled it will be by the guest. */
static void reset_private(struct vgic_bank *bank, u32 intid) REQUIRES(vgic_class)
{
	struct virq *irq = &bank->irq[intid];

	irq->enabled = irq->group1 = irq->latch = irq->line = irq->active = irq->linked = false;
	irq->priority = 0;
	if (vgic_backed(bank, intid)) {
		gic_enable(bank->cpu, intid, false);
		gic_set_pending(bank->cpu, intid, false);
		gic_set_active(bank->cpu, intid, false);
		irq->edge = gic_is_edge(bank->cpu, intid);
	}
}

void vgic_start_cpu(struct vcpu *v)
{
	struct vgic_cpu *c = &vgic.cpu[v->index];
	u64 cpus = 0;

	vgic_reset_interface(c);
	vgic_lock(&c->own);
	for (u32 intid = 0; intid < VGIC_BANK; intid++) {
		reset_private(&c->own, intid);
		cpus |= vgic_update(&c->own, &c->own.irq[intid]);
	}
	vgic_unlock(&c->own);
	vgic_notify(cpus); /* nobody: nothing of it is pending */
	atomic_store_explicit(&c->waker, GICR_WAKER_SLEEP, memory_order_relaxed);
	gic_set_priority(v->index, vgic.maintenance_intid, GIC_PRIORITY_OURS);
	gic_enable(v->index, vgic.maintenance_intid, true);
}
