/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts between the guest's CPUs (IHI 0069H, 12.2.22 ICC_SGI1R_EL1, whose writes come to EL2), and ends
 * that it writes by name.
 */
#include "arch/arm64/cpus.h"
#include "arch/arm64/ich.h"
#include "arch/arm64/vgic_internal.h"
#include "core/arch.h"
#include "core/counters.h"

#define SGI_TARGETS(v) ((u32)(v)&0xffff) /* of Aff0, from 16 * RS on */
#define SGI_AFF1(v)    ((v) >> 16 & 0xff)
#define SGI_INTID(v)   ((u32)((v) >> 24) & 0xf)
#define SGI_AFF2(v)    ((v) >> 32 & 0xff)
#define SGI_IRM	       BIT(40) /* all but the sender */
#define SGI_RS(v)      ((v) >> 44 & 0xf)
#define SGI_AFF3(v)    ((v) >> 48 & 0xff)

/* Pending for it if it has that SGI in that group; 12.2.22: otherwise it is ignored. */
static void send(unsigned int cpu, u32 intid, bool group1)
{
	struct vgic_bank *bank = &vgic.cpu[cpu].own;
	struct virq *irq = &bank->irq[intid];
	u64 cpus = 0;

	vgic_lock(bank);
	if (irq->group1 == group1)
		cpus = vgic_latch(bank, irq);
	vgic_unlock(bank);
	vgic_notify(cpus);
}

void vgic_write_sgi(struct vcpu *v, unsigned int group, u64 value)
{
	const u32 intid = SGI_INTID(value);
	const u64 cluster =
		SGI_AFF3(value) << 32 | SGI_AFF2(value) << 16 | SGI_AFF1(value) << 8 | SGI_RS(value) << 4;

	count_event(COUNT_IPI);
	if (value & SGI_IRM) {
		for (unsigned int cpu = 0; cpu < vgic.cpus; cpu++) {
			if (cpu != v->index)
				send(cpu, intid, group == 1);
		}
		return;
	}
	for (u32 left = SGI_TARGETS(value); left; left &= left - 1) {
		unsigned int cpu = cpu_of_mpidr(cluster | (u64)__builtin_ctz(left));

		if (cpu < vgic.cpus)
			send(cpu, intid, group == 1);
	}
}

/* With EOImode 0 the write ends nothing. */
void vgic_write_dir(struct vcpu *v, u32 intid)
{
	if (intid < GIC_SPECIAL_FIRST && ich_read_vmcr() & ICH_VMCR_EOIM)
		vgic_write_bits(vgic_bank_of(v->index, intid), GICD_ICACTIVER, BIT32(intid % VGIC_BANK));
}
