/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulated GIC: one interrupt's life, and how it comes to a CPU (vgic.h). It guards that no interrupt is
 * lost, whoever changes what while its CPU is in the guest, and that a physical interrupt which was taken is
 * deactivated exactly once.
 *
 * Where an interrupt is. Everything about it is guarded by its bank's lock. It is in at most one place:
 * - listed, in the set of a CPU: it is pending and enabled, or active, and waits for a list register;
 * - held, in a list register of a CPU, from that CPU's entry to its next exit, when all are read back. What
 *   the guest does to it is in the register then; what others want of it is left in marks, which the CPU
 *   obeys as it takes it back.
 *
 * Why no two locks. A set is an atomic word for each bank, and a word is written under that bank's lock only:
 * so to move an interrupt from one CPU's set to another's takes the one lock that guards the interrupt. A CPU
 * that fills its list registers looks through its set bank by bank, then takes its choice one by one, looking
 * again under the lock whether each is still its own. What changes in between changes by somebody who kicks
 * it.
 *
 * Why no kick is lost. A CPU says `inside`, then looks at its set; who changes the set then looks at
 * `inside`: a store and a load on each side, with a full fence between, so one of the two sees the other. A
 * kick that comes between the look and the entry is a pending interrupt, and ends that entry at once.
 *
 * Why nobody waits for ever. vgic_recall() waits for another CPU to come out, with no lock held. Who is not
 * in the guest has read its list registers back already, so two CPUs that wait for each other do not wait at
 * all.
 */
#include "arch/arm64/vgic_internal.h"

#include "arch/arm64/cpus.h"
#include "arch/arm64/its.h"
#include "core/arch.h"
#include "core/lockcheck.h"
#include "core/log.h"
#include "core/once.h"

#define RECALL_US     10000u /* an interrupt's way to another CPU, many times over */
#define TAKEN_AT_ONCE 64u    /* physical interrupts in one exit; more make the next entry exit */

LOCK_CLASS(vgic_class, "vgic");

struct vgic vgic;

/* ---- one interrupt ---- */

bool vgic_backed(const struct vgic_bank *bank, u32 intid)
{
	if (intid < GIC_PPI_FIRST || intid >= GIC_SPI_FIRST + gic_spis() || gic_claimed(intid))
		return false;
	return intid >= GIC_SPI_FIRST || gic_redistributor(bank->cpu);
}

/* A word of a CPU's set, and its bit in `banks`: both are written under the bank's lock only. */
static void set_member(struct vgic_bank *bank, unsigned int cpu, unsigned int n, bool in)
{
	const unsigned int number = bank->first / VGIC_BANK;
	struct vgic_cpu *c = &vgic.cpu[cpu];
	u32 word = atomic_load_explicit(&c->set[number], memory_order_relaxed);

	word = in ? word | BIT32(n) : word & ~BIT32(n);
	atomic_store_explicit(&c->set[number], word, memory_order_relaxed);
	if (word)
		atomic_fetch_or_explicit(&c->banks, BIT32(number), memory_order_relaxed);
	else
		atomic_fetch_and_explicit(&c->banks, ~BIT32(number), memory_order_relaxed);
}

/*
 * Active ones stay with the CPU that took them, wherever the guest routes them: their end comes from there.
 */
static u8 wanted_by(const struct virq *irq)
{
	if (irq->held != VGIC_NOBODY)
		return VGIC_NOBODY;
	if (irq->active)
		return irq->taker;
	return irq->enabled && vgic_is_pending(irq) ? irq->target : VGIC_NOBODY;
}

u64 vgic_update(struct vgic_bank *bank, struct virq *irq)
{
	const unsigned int n = (unsigned int)(irq - bank->irq);
	u8 to = wanted_by(irq);

	if (to == irq->listed)
		return 0;
	if (irq->listed != VGIC_NOBODY)
		set_member(bank, irq->listed, n, false);
	if (to != VGIC_NOBODY)
		set_member(bank, to, n, true);
	irq->listed = to;
	return to == VGIC_NOBODY ? 0 : BIT(to);
}

u64 vgic_holder(const struct virq *irq)
{
	return irq->held != VGIC_NOBODY ? BIT(irq->held) : irq->listed != VGIC_NOBODY ? BIT(irq->listed) : 0;
}

void vgic_unlink(struct vgic_bank *bank, struct virq *irq)
{
	irq->linked = false;
	gic_set_active(bank->cpu, bank->first + (u32)(irq - bank->irq), false);
}

u64 vgic_latch(struct vgic_bank *bank, struct virq *irq)
{
	if (irq->latch)
		return 0;
	irq->latch = true;
	return irq->held != VGIC_NOBODY ? BIT(irq->held) : vgic_update(bank, irq);
}

void vgic_end(struct vgic_bank *bank, struct virq *irq)
{
	irq->active = false;
	if (irq->linked && !irq->latch)
		vgic_unlink(bank, irq);
}

/* ---- CPUs ---- */

static bool is_inside(unsigned int cpu)
{
	return atomic_load_explicit(&vgic.cpu[cpu].inside, memory_order_acquire);
}

static void kick(u64 cpus)
{
	atomic_thread_fence(memory_order_seq_cst); /* the change is seen, or `inside` is */
	for (; cpus; cpus &= cpus - 1) {
		unsigned int cpu = (unsigned int)__builtin_ctzll(cpus);

		if (!is_inside(cpu))
			continue;
		arch_cpu_kick(cpu);
	}
}

void vgic_notify(u64 cpus)
{
	cpus &= ~BIT(arch_cpu_index());
	if (cpus)
		kick(cpus);
}

void vgic_recall(u64 cpus)
{
	u64 returns[CPUS_MAX], begin;

	cpus &= ~BIT(arch_cpu_index());
	if (!cpus)
		return;
	lockcheck_wait();
	for (u64 left = cpus; left; left &= left - 1) {
		unsigned int cpu = (unsigned int)__builtin_ctzll(left);

		returns[cpu] = atomic_load_explicit(&vgic.cpu[cpu].returns, memory_order_acquire);
	}
	kick(cpus);
	begin = arch_time_us();
	for (; cpus; cpus &= cpus - 1) {
		unsigned int cpu = (unsigned int)__builtin_ctzll(cpus);

		while (is_inside(cpu) &&
		       atomic_load_explicit(&vgic.cpu[cpu].returns, memory_order_acquire) == returns[cpu]) {
			if (arch_time_us() - begin > RECALL_US)
				return; /* the change comes when it does come out */
			arch_cpu_relax();
		}
	}
}

/* ---- software's interrupts ---- */

void vgic_raise(u32 intid)
{
	struct vgic_bank *bank;
	u64 cpus;

	if (intid < GIC_SPI_FIRST || intid >= GIC_SPECIAL_FIRST)
		return;
	bank = vgic_bank_of(0, intid);
	vgic_lock(bank);
	cpus = vgic_latch(bank, &bank->irq[intid % VGIC_BANK]);
	vgic_unlock(bank);
	vgic_notify(cpus);
}

void vgic_set_level(u32 intid, bool level)
{
	struct vgic_bank *bank;
	struct virq *irq;
	u64 cpus = 0;

	if (intid < GIC_SPI_FIRST || intid >= GIC_SPECIAL_FIRST)
		return;
	bank = vgic_bank_of(0, intid);
	irq = &bank->irq[intid % VGIC_BANK];
	vgic_lock(bank);
	if (irq->line != level) {
		irq->line = level;
		if (irq->edge)
			cpus = level ? vgic_latch(bank, irq) : 0;
		else
			cpus = irq->held != VGIC_NOBODY ? BIT(irq->held) : vgic_update(bank, irq);
	}
	vgic_unlock(bank);
	vgic_notify(cpus);
}

unsigned int vgic_target(u32 intid)
{
	struct vgic_bank *bank = vgic_bank_of(0, intid);
	u8 target;

	vgic_lock(bank);
	target = bank->irq[intid % VGIC_BANK].target;
	vgic_unlock(bank);
	return target == VGIC_NOBODY ? 0 : target;
}

/* ---- physical interrupts ---- */

/*
 * A physical interrupt of the guest's was taken: it is active, and stays so until the guest has ended the
 * virtual one. If that one is in a list register now, of another CPU, then the guest has ended it there, or
 * it could not have come again.
 */
static void physical_interrupt(unsigned int cpu, u32 intid)
{
	struct vgic_bank *bank = vgic_bank_of(cpu, intid);
	struct virq *irq = &bank->irq[intid % VGIC_BANK];
	u64 cpus;

	vgic_lock(bank);
	if (irq->held != VGIC_NOBODY)
		irq->linked_again = true;
	else
		irq->linked = true;
	cpus = vgic_latch(bank, irq);
	vgic_unlock(bank);
	vgic_notify(cpus);
}

/* Nobody's: it was never enabled. */
static void stray_interrupt(u32 intid)
{
	static once_place logged[16];

	gic_deactivate(intid);
	if (once(logged, intid))
		log_warn("gic: interrupt %u, which nobody has enabled", intid);
}

static void dispatch(unsigned int cpu, u32 intid)
{
	gic_handler handler = gic_claimed(intid);

	if (handler) {
		handler(intid);
		gic_deactivate(intid);
	} else if (intid < GIC_SGIS) {
		gic_deactivate(intid); /* a kick: it has made the guest exit */
	} else if (intid >= GIC_LPI_FIRST) {
		its_interrupt(intid); /* LPIs have no active state */
	} else if (intid < GIC_SPI_FIRST + gic_spis()) {
		physical_interrupt(cpu, intid);
	} else {
		stray_interrupt(intid);
	}
}

void vgic_take_interrupts(struct vcpu *v)
{
	for (unsigned int i = 0; i < TAKEN_AT_ONCE; i++) {
		u32 intid = gic_ack();

		if (intid >= GIC_SPECIAL_FIRST && intid <= GIC_SPURIOUS)
			return;
		gic_drop(intid);
		dispatch(v->index, intid);
	}
}
