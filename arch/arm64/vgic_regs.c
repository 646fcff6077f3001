/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's registers with a bit, a byte or two bits for each interrupt, which distributor and
 * redistributor have at the same offsets (IHI 0069H, 12.9 and 12.11). It guards that a write has its effect
 * wherever the interrupt is now, and that of an interrupt which exists in hardware and is the guest's, the
 * physical one is set up alike. Priorities stay virtual: physically all of the guest's interrupts have one.
 *
 * An interrupt in another CPU's list registers: a write that takes something from it, and a read of what the
 * guest may have changed there, have that CPU come out first (vgic_recall()). It comes out at once, or after
 * 10 ms the write is left to it in a mark, and the read gives what it was when that CPU went in.
 */
#include "arch/arm64/vgic_internal.h"

bool vgic_bank_register(u64 offset, unsigned int *bank)
{
	if (offset >= GICD_IGROUPR && offset < GICD_ICACTIVER + GICD_BITS_BYTES)
		*bank = (unsigned int)(offset % GICD_BITS_BYTES) / 4;
	else if (offset - GICD_IPRIORITYR < GICD_IPRIORITYR_BYTES)
		*bank = (unsigned int)(offset - GICD_IPRIORITYR) / VGIC_BANK;
	else if (offset - GICD_ICFGR < GICD_ICFGR_BYTES)
		*bank = (unsigned int)(offset - GICD_ICFGR) / (VGIC_BANK / 4);
	else
		return false;
	return true;
}

/* ---- a bit an interrupt ---- */

static void set_enabled(struct vgic_bank *bank, unsigned int n, bool on) REQUIRES(vgic_class)
{
	struct virq *irq = &bank->irq[n];

	if (irq->enabled == on)
		return;
	irq->enabled = on;
	if (vgic_backed(bank, bank->first + n))
		gic_enable(bank->cpu, bank->first + n, on);
}

/*
 * What has hardware becomes pending there. If it is pending here already, nothing changes, as one state
 * cannot be twice so.
 */
static void set_pending(struct vgic_bank *bank, unsigned int n) REQUIRES(vgic_class)
{
	struct virq *irq = &bank->irq[n];

	if (!vgic_backed(bank, bank->first + n))
		irq->latch = true;
	else if (!irq->latch && !irq->taken)
		gic_set_pending(bank->cpu, bank->first + n, true);
}

static void clear_pending(struct vgic_bank *bank, unsigned int n) REQUIRES(vgic_class)
{
	struct virq *irq = &bank->irq[n];

	if (vgic_backed(bank, bank->first + n))
		gic_set_pending(bank->cpu, bank->first + n, false);
	if (irq->held != VGIC_NOBODY) {
		irq->drop_pending = true;
		irq->latch = irq->linked_again; /* for that, its CPU is out of the guest in a moment */
		return;
	}
	irq->latch = false;
	if (irq->linked && !irq->active)
		vgic_unlink(bank, irq);
}

static void set_active(struct vgic_bank *bank, unsigned int n) REQUIRES(vgic_class)
{
	struct virq *irq = &bank->irq[n];

	if (irq->held != VGIC_NOBODY) {
		irq->make_active = true;
		irq->drop_active = false;
	} else if (!irq->active && irq->target != VGIC_NOBODY) {
		irq->active = true;
		irq->taker = irq->target;
		irq->rank = VGIC_UNTAKEN;
		if (vgic_backed(bank, bank->first + n) && !irq->linked) {
			irq->linked = true;
			gic_set_active(bank->cpu, bank->first + n, true);
		}
	}
}

static void clear_active(struct vgic_bank *bank, unsigned int n) REQUIRES(vgic_class)
{
	struct virq *irq = &bank->irq[n];

	if (irq->held != VGIC_NOBODY) {
		irq->drop_active = true;
		irq->make_active = false;
	} else if (irq->active) {
		vgic_end(bank, irq);
	}
}

static void write_bit(struct vgic_bank *bank, u32 reg, unsigned int n, bool one) REQUIRES(vgic_class)
{
	switch (reg) {
	case GICD_IGROUPR: bank->irq[n].group1 = one; break;
	case GICD_ISENABLER:
	case GICD_ICENABLER: set_enabled(bank, n, reg == GICD_ISENABLER); break;
	case GICD_ISPENDR: set_pending(bank, n); break;
	case GICD_ICPENDR: clear_pending(bank, n); break;
	case GICD_ISACTIVER: set_active(bank, n); break;
	case GICD_ICACTIVER: clear_active(bank, n); break;
	}
}

/* All but the group are set or cleared by ones. */
void vgic_write_bits(struct vgic_bank *bank, u32 reg, u32 bits)
{
	u32 which = vgic_usable(bank) & (reg == GICD_IGROUPR ? ~(u32)0 : bits);
	u64 cpus = 0;

	vgic_lock(bank);
	for (; which; which &= which - 1) {
		unsigned int n = (unsigned int)__builtin_ctz(which);
		struct virq *irq = &bank->irq[n];

		if (reg == GICD_IGROUPR && irq->group1 == !!(bits & BIT32(n)))
			continue;
		cpus |= vgic_holder(irq);
		write_bit(bank, reg, n, bits & BIT32(n));
		cpus |= vgic_update(bank, irq);
	}
	vgic_unlock(bank);
	vgic_recall(cpus);
}

static bool read_bit(const struct virq *irq, u32 reg)
{
	switch (reg) {
	case GICD_IGROUPR: return irq->group1;
	case GICD_ISENABLER:
	case GICD_ICENABLER: return irq->enabled;
	case GICD_ISPENDR:
	case GICD_ICPENDR: return vgic_is_pending(irq) || irq->taken;
	default: return irq->active;
	}
}

/* The CPUs that have some of them in list registers come out, so that what is read is as it is now. */
static void recall_held(struct vgic_bank *bank)
{
	u64 cpus = 0;

	vgic_lock(bank);
	for (unsigned int n = 0; n < VGIC_BANK; n++) {
		if (bank->irq[n].held != VGIC_NOBODY)
			cpus |= BIT(bank->irq[n].held);
	}
	vgic_unlock(bank);
	vgic_recall(cpus);
}

/* Pending in the hardware and not taken yet, because it is disabled, or active. */
static u32 pending_in_hardware(const struct vgic_bank *bank)
{
	u32 bits = 0;

	for (unsigned int n = 0; n < VGIC_BANK; n++) {
		if (vgic_backed(bank, bank->first + n) && gic_pending(bank->cpu, bank->first + n))
			bits |= BIT32(n);
	}
	return bits;
}

static u32 read_bits(struct vgic_bank *bank, u32 reg)
{
	u32 bits = 0;

	if (reg >= GICD_ISPENDR)
		recall_held(bank);
	if (reg == GICD_ISPENDR || reg == GICD_ICPENDR)
		bits = pending_in_hardware(bank);
	vgic_lock(bank);
	for (unsigned int n = 0; n < VGIC_BANK; n++)
		bits |= (u32)read_bit(&bank->irq[n], reg) << n;
	vgic_unlock(bank);
	return bits & vgic_usable(bank);
}

/* ---- a byte, two bits ---- */

static u32 read_priorities(struct vgic_bank *bank, unsigned int n, unsigned int count)
{
	u32 value = 0;

	vgic_lock(bank);
	for (unsigned int i = 0; i < count; i++)
		value |= (u32)bank->irq[n + i].priority << i * 8;
	vgic_unlock(bank);
	return value;
}

/* One that is pending may have to change places with others. */
static void write_priorities(struct vgic_bank *bank, unsigned int n, unsigned int count, u32 value)
{
	u64 cpus = 0;

	vgic_lock(bank);
	for (unsigned int i = 0; i < count; i++) {
		struct virq *irq = &bank->irq[n + i];
		u8 priority = (u8)(value >> i * 8) & VGIC_PRIORITY_MASK;

		if (irq->priority == priority || !(vgic_usable(bank) & BIT32(n + i)))
			continue;
		irq->priority = priority;
		cpus |= vgic_holder(irq);
	}
	vgic_unlock(bank);
	vgic_notify(cpus);
}

static u32 read_config(struct vgic_bank *bank, unsigned int n)
{
	u32 value = 0;

	vgic_lock(bank);
	for (unsigned int i = 0; i < 16; i++)
		value |= bank->irq[n + i].edge ? GICD_ICFGR_EDGE << i * 2 : 0;
	vgic_unlock(bank);
	return value;
}

/*
 * SGIs are edge-triggered for ever; for others hardware may have it fixed too, and then that is what the
 * guest reads.
 */
static void write_config(struct vgic_bank *bank, unsigned int n, u32 value)
{
	u64 cpus = 0;

	vgic_lock(bank);
	for (unsigned int i = 0; i < 16; i++) {
		struct virq *irq = &bank->irq[n + i];
		u32 intid = bank->first + n + i;
		bool edge = value & GICD_ICFGR_EDGE << i * 2;

		if (intid < GIC_SGIS || irq->edge == edge || !(vgic_usable(bank) & BIT32(n + i)))
			continue;
		cpus |= vgic_holder(irq);
		if (vgic_backed(bank, intid)) {
			gic_set_edge(bank->cpu, intid, edge);
			edge = gic_is_edge(bank->cpu, intid);
		}
		irq->edge = edge;
		cpus |= vgic_update(bank, irq);
	}
	vgic_unlock(bank);
	vgic_notify(cpus);
}

/* ---- the access ---- */

static void access_priorities(struct vgic_bank *bank, u32 offset, unsigned int size, bool write, u64 *value)
{
	unsigned int n = (offset - GICD_IPRIORITYR) % VGIC_BANK;

	if (size != 1 && size != 4)
		return;
	if (write)
		write_priorities(bank, n, size, (u32)*value);
	else
		*value = read_priorities(bank, n, size);
}

void vgic_bank_access(struct vgic_bank *bank, u32 offset, unsigned int size, bool write, u64 *value)
{
	if (!write)
		*value = 0;
	if (offset >= GICD_IPRIORITYR && offset < GICD_ICFGR) {
		access_priorities(bank, offset, size, write, value);
	} else if (size != 4) {
		return;
	} else if (offset >= GICD_ICFGR) {
		if (write)
			write_config(bank, offset / 4 % 2 * 16, (u32)*value);
		else
			*value = read_config(bank, offset / 4 % 2 * 16);
	} else {
		if (write)
			vgic_write_bits(bank, offset & ~(GICD_BITS_BYTES - 1), (u32)*value);
		else
			*value = read_bits(bank, offset & ~(GICD_BITS_BYTES - 1));
	}
}
