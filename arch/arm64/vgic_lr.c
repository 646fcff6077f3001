/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list registers (IHI 0069H, 6.2 and 12.4): filled directly before an entry, read back directly after
 * each exit. It guards that the most urgent interrupts are in them, that those which are not get their turn,
 * and that an end which the guest writes finds its interrupt, in a list register or not.
 *
 * More than fit:
 * - Pending ones wait for the next maintenance interrupt: none is pending in the list registers any more
 *   (NPIE), so the guest has taken them in order; or a group that the guest had switched off is on again
 *   (VGrp0EIE, VGrp1EIE).
 * - Active ones are ended by number, in ICH_HCR_EL2.EOIcount (LRENPIE): with EOImode 0 the guest ends the one
 *   of highest priority first; with EOImode 1 it names them in ICC_DIR_EL1, which traps then (TDIR).
 * - One that becomes pending meanwhile and is more urgent makes the CPU exit, and all are chosen anew.
 */
#include "arch/arm64/vgic_internal.h"

#include "arch/arm64/ich.h"
#include "core/counters.h"
#include "core/trace.h"

/* The order of choice: lowest key first. */
#define KEY_INTID	   0x3ffu
#define KEY_PRIORITY_SHIFT 10
#define KEY_GROUP_OFF	   BIT32(31) /* the guest's CPU interface lets none of its group through */

struct shortlist {
	unsigned int count; /* in key[], ascending, at most a list register each */
	unsigned int total; /* that there are */
	u32 key[ICH_LRS_MAX];
};

struct candidates {
	unsigned int lrs;
	u64 vmcr;
	struct shortlist active, pending;
};

static void enlist(struct shortlist *list, unsigned int limit, u32 key)
{
	unsigned int at;

	list->total++;
	if (list->count < limit)
		at = list->count++;
	else if (key < list->key[limit - 1])
		at = limit - 1;
	else
		return;
	for (; at && list->key[at - 1] > key; at--)
		list->key[at] = list->key[at - 1];
	list->key[at] = key;
}

static void consider(struct candidates *all, const struct virq *irq, u32 intid)
{
	u8 priority = irq->active ? irq->rank : irq->priority;
	u32 key = (u32)priority << KEY_PRIORITY_SHIFT | intid;
	bool on = all->vmcr & (irq->group1 ? ICH_VMCR_ENG1 : ICH_VMCR_ENG0);

	if (irq->active)
		enlist(&all->active, all->lrs, key);
	else if (vgic_forwarded(irq))
		enlist(&all->pending, all->lrs, on ? key : key | KEY_GROUP_OFF);
}

/* Looks through this CPU's set. */
static void gather(struct vgic_cpu *c, unsigned int cpu, struct candidates *all)
{
	u32 banks = atomic_load_explicit(&c->banks, memory_order_relaxed);

	*all = (struct candidates){ .lrs = c->lrs, .vmcr = ich_read_vmcr() };
	for (; banks; banks &= banks - 1) {
		unsigned int number = (unsigned int)__builtin_ctz(banks);
		struct vgic_bank *bank = vgic_bank_of(cpu, number * VGIC_BANK);
		u32 word;

		vgic_lock(bank);
		word = atomic_load_explicit(&c->set[number], memory_order_relaxed);
		for (; word; word &= word - 1) {
			unsigned int n = (unsigned int)__builtin_ctz(word);

			consider(all, &bank->irq[n], bank->first + n);
		}
		vgic_unlock(bank);
	}
}

/* ---- in ---- */

/*
 * Active and pending at once: only by software, for a physical interrupt's second pending state is the
 * physical GIC's to keep (12.4, ICH_LR<n>_EL2.State). A level that is still high when its interrupt ends is
 * pending anew: EOI makes that an exit.
 */
static u64 make_lr(struct virq *irq, u32 intid)
{
	u64 lr = intid | (u64)irq->priority << ICH_LR_PRIORITY_SHIFT | (irq->group1 ? ICH_LR_GROUP1 : 0);

	if (irq->active)
		lr |= ICH_LR_ACTIVE;
	if (!irq->active || (irq->latch && !irq->linked && irq->enabled && vgic_forwarded(irq))) {
		lr |= ICH_LR_PENDING;
		irq->taken = irq->latch;
		irq->latch = false;
	}
	if (irq->linked)
		lr |= ICH_LR_HW | (u64)intid << ICH_LR_PINTID_SHIFT;
	else if (irq->line && !irq->edge)
		lr |= ICH_LR_EOI;
	return lr;
}

/* False: it is not this CPU's any more. */
static bool load(struct vgic_cpu *c, unsigned int cpu, unsigned int slot, u32 intid)
{
	struct vgic_bank *bank = vgic_bank_of(cpu, intid);
	struct virq *irq = &bank->irq[intid % VGIC_BANK];
	u64 lr = 0, cpus;

	vgic_lock(bank);
	if (irq->listed == cpu) {
		lr = make_lr(irq, intid);
		irq->held = (u8)cpu;
		cpus = vgic_update(bank, irq); /* out of the set: nobody else has to look */
		(void)cpus;
	}
	vgic_unlock(bank);
	if (!lr)
		return false;
	ich_write_lr(slot, lr);
	c->intid[slot] = (u16)intid;
	c->loaded |= BIT32(slot);
	if (lr & ICH_LR_EOI && !(lr & ICH_LR_HW))
		c->ends |= BIT32(slot);
	if (lr & ICH_LR_PENDING) {
		c->offered |= BIT32(slot);
		trace(TRACE_INJECT, (u16)intid, 0, 0, 0);
	}
	return true;
}

/*
 * How many of each. The active one of highest priority ends next, so it has a list register if there is more
 * than one; the other active ones come after all that are pending: by ending them late nothing is lost, and
 * nobody who leaves many active is in the way.
 */
static void share(const struct candidates *all, unsigned int *active, unsigned int *pending)
{
	unsigned int first = all->active.count && all->lrs > 1;

	*pending = min_u32(all->pending.count, all->lrs - first);
	*active = min_u32(all->active.count, all->lrs - *pending);
}

/* What has to make the guest exit, for those that are left out. */
static u64 watch(const struct vgic_cpu *c, const struct candidates *all, unsigned int active,
		 unsigned int pending)
{
	u64 hcr = ICH_HCR_EN;

	if (all->pending.total > pending)
		hcr |= ICH_HCR_NPIE | (all->vmcr & ICH_VMCR_ENG0 ? 0 : ICH_HCR_GRP0EIE) |
		       (all->vmcr & ICH_VMCR_ENG1 ? 0 : ICH_HCR_GRP1EIE);
	if (all->active.total > active)
		hcr |= ICH_HCR_LRENPIE | (c->has_tdir ? ICH_HCR_TDIR : 0);
	return hcr;
}

static void fill(struct vgic_cpu *c, unsigned int cpu)
{
	const u32 before = c->loaded;
	struct candidates all;
	unsigned int active, pending, slot = 0;
	u64 hcr;

	gather(c, cpu, &all);
	share(&all, &active, &pending);
	c->loaded = c->offered = c->ends = 0;
	for (unsigned int i = 0; i < active; i++)
		slot += load(c, cpu, slot, all.active.key[i] & KEY_INTID);
	for (unsigned int i = 0; i < pending; i++)
		slot += load(c, cpu, slot, all.pending.key[i] & KEY_INTID);
	for (u32 left = before & ~c->loaded; left; left &= left - 1)
		ich_write_lr((unsigned int)__builtin_ctz(left), 0);
	hcr = watch(c, &all, active, pending);
	if (hcr != ICH_HCR_EN)
		count_event(COUNT_OVERFLOW);
	if (hcr != c->hcr)
		ich_write_hcr(hcr);
	c->hcr = hcr;
}

void vgic_enter(struct vcpu *v)
{
	struct vgic_cpu *c = &vgic.cpu[v->index];

	/* `inside` before the look at the set: vgic.c. */
	atomic_store_explicit(&c->inside, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&c->banks, memory_order_relaxed) || c->loaded)
		fill(c, v->index);
}

/* ---- and out ---- */

/*
 * A level-triggered device that has let go of its line before the guest took the interrupt: it is not pending
 * any more, as on the hardware. The line is what GICD_ISPENDR says of an active interrupt.
 */
static bool withdrawn(const struct vgic_bank *bank, const struct virq *irq, u32 intid)
{
	return irq->linked && irq->latch && !irq->active && !irq->edge && !gic_pending(bank->cpu, intid);
}

/*
 * What was done to it in the list register, and then what others have wanted of it meanwhile. `acked`: the
 * guest has acknowledged it. The guest may write another priority while it is active, but it ends in its
 * place.
 */
static void take_back(struct vgic_bank *bank, struct virq *irq, unsigned int cpu, u64 lr, bool acked)
	REQUIRES(vgic_class)
{
	const u32 intid = bank->first + (u32)(irq - bank->irq);

	irq->held = VGIC_NOBODY;
	if (lr & ICH_LR_HW && !(lr & ICH_LR_STATE))
		irq->linked = false; /* the hardware has deactivated the physical one */
	irq->linked |= irq->linked_again;
	irq->active = lr & ICH_LR_ACTIVE;
	if (acked) {
		irq->taker = (u8)cpu;
		irq->rank = ICH_LR_PRIORITY(lr);
	}
	if (lr & ICH_LR_PENDING && !irq->drop_pending)
		irq->latch |= irq->taken;
	else if (lr & ICH_LR_PENDING && lr & ICH_LR_HW && !irq->latch)
		vgic_unlink(bank, irq);
	if (irq->drop_active && irq->active)
		vgic_end(bank, irq);
	if (irq->make_active && !irq->active) {
		irq->active = true;
		irq->taker = (u8)cpu;
		irq->rank = VGIC_UNTAKEN;
		if (vgic_backed(bank, intid) && !irq->linked) {
			irq->linked = true;
			gic_set_active(bank->cpu, intid, true);
		}
	}
	irq->taken = irq->linked_again = irq->drop_pending = irq->drop_active = irq->make_active = false;
	if (withdrawn(bank, irq, intid)) {
		irq->latch = false;
		vgic_unlink(bank, irq);
	}
}

static void unload(struct vgic_cpu *c, unsigned int cpu, unsigned int slot)
{
	const u32 intid = c->intid[slot];
	struct vgic_bank *bank = vgic_bank_of(cpu, intid);
	struct virq *irq = &bank->irq[intid % VGIC_BANK];
	const u64 lr = ich_read_lr(slot);
	const bool acked = c->offered & BIT32(slot) && !(lr & ICH_LR_PENDING);
	u64 cpus;

	vgic_lock(bank);
	take_back(bank, irq, cpu, lr, acked);
	cpus = vgic_update(bank, irq);
	vgic_unlock(bank);
	vgic_notify(cpus); /* the guest may have routed it away */
	if (acked)
		count_event(COUNT_INJECTED_INTERRUPT);
	if (lr & ICH_LR_STATE)
		return;
	/* Empty; one whose end was to be an exit goes on saying so until it is written. */
	if (c->ends & BIT32(slot))
		ich_write_lr(slot, 0);
	c->loaded &= ~BIT32(slot);
}

/* The guest has ended so many that were in no list register. */
static void end_unlisted(struct vgic_cpu *c, unsigned int cpu, unsigned int ends)
{
	while (ends--) {
		struct candidates all;
		struct vgic_bank *bank;
		struct virq *irq;
		u64 cpus = 0;
		u32 intid;

		gather(c, cpu, &all);
		if (!all.active.count)
			return;
		intid = all.active.key[0] & KEY_INTID;
		bank = vgic_bank_of(cpu, intid);
		irq = &bank->irq[intid % VGIC_BANK];
		vgic_lock(bank);
		if (irq->listed == cpu && irq->active) {
			vgic_end(bank, irq);
			cpus = vgic_update(bank, irq);
		}
		vgic_unlock(bank);
		vgic_notify(cpus);
	}
}

void vgic_leave(struct vcpu *v)
{
	struct vgic_cpu *c = &vgic.cpu[v->index];

	if ((c->hcr != ICH_HCR_EN || c->ends) && ich_read_misr())
		count_event(COUNT_MAINTENANCE);
	/* Before those in list registers are back in the set. */
	if (c->hcr & ICH_HCR_LRENPIE)
		end_unlisted(c, v->index, ICH_HCR_EOICOUNT(ich_read_hcr()));
	for (u32 left = c->loaded; left; left &= left - 1)
		unload(c, v->index, (unsigned int)__builtin_ctz(left));
	/*
	 * No reason for maintenance any more, or its interrupt, which is level-triggered, would come again
	 * and again.
	 */
	if (c->hcr != ICH_HCR_EN) {
		ich_write_hcr(ICH_HCR_EN);
		c->hcr = ICH_HCR_EN;
	}
	atomic_store_explicit(&c->returns, atomic_load_explicit(&c->returns, memory_order_relaxed) + 1,
			      memory_order_release);
	atomic_store_explicit(&c->inside, false, memory_order_release);
}

void vgic_reset_interface(struct vgic_cpu *c)
{
	u64 vtr = ich_read_vtr();

	c->lrs = min_u32(ICH_VTR_LISTREGS(vtr), ICH_LRS_MAX);
	c->has_tdir = vtr & ICH_VTR_TDS;
	for (unsigned int i = 0; i < c->lrs; i++)
		ich_write_lr(i, 0);
	c->loaded = c->offered = c->ends = 0;
	ich_clear_active_priorities();
	ich_write_vmcr(0);
	ich_write_hcr(ICH_HCR_EN);
	c->hcr = ICH_HCR_EN;
}
