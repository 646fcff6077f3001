/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hardware's virtual CPU interface for tests, written from IHI 0069H (4.8, chapter 6, 12.3, 12.4): what a
 * guest's reads of ICC_IAR1_EL1 and writes of ICC_EOIR1_EL1 and ICC_DIR_EL1 do to list registers, and when
 * there is a maintenance interrupt. Each thread is a CPU. With it a loop that plays a guest CPU under
 * Fairlead: an exit whenever a physical interrupt is signalled.
 */
#ifndef TESTS_FAKE_VCPU_INTERFACE_H
#define TESTS_FAKE_VCPU_INTERFACE_H

#include "arch/arm64/ich.h"
#include "arch/arm64/vgic.h"
#include "tests/unit/arm64/fake_gic.h"

#define LR_STATE(lr)	 ((lr) >> 62)
#define LR_PEND		 1u
#define LR_ACT		 2u
#define LR_INTID(lr)	 ((u32)(lr))
#define LR_PRIO(lr)	 ((u32)((lr) >> 48) & 0xff)
#define HCR_EOICOUNT_ONE (1u << 27)

static struct fake_vcpu {
	u64 lr[16];
	u64 hcr, vmcr;
	u32 stack[64]; /* active priorities, the running one last; bit 31: group 0 */
	unsigned int depth;
	bool in_guest;
	/* Counted. */
	unsigned int exits, acks, writes;
	unsigned int broken; /* what the specification calls UNPREDICTABLE */
} fv[FAKE_CPUS];
static unsigned int fake_lrs = 4;
static bool fake_tds = true;
static void (*fake_on_write_lr)(unsigned int n);

/* ---- what EL2 has ---- */

u64 ich_read_vtr(void)
{
	return (fake_lrs - 1) | (fake_tds ? 1u << 19 : 0) | 4u << 26 | 4u << 29;
}

u64 ich_read_lr(unsigned int n)
{
	fv[host_cpu].broken += n >= fake_lrs;
	return fv[host_cpu].lr[n];
}

/*
 * 12.4, ICH_LR<n>_EL2: UNPREDICTABLE: two with one vINTID, HW with pending and active, HW with two of one
 * pINTID, special INTIDs.
 */
void ich_write_lr(unsigned int n, u64 value)
{
	struct fake_vcpu *v = &fv[host_cpu];

	v->broken += n >= fake_lrs;
	v->lr[n] = value;
	v->writes++;
	if (fake_on_write_lr)
		fake_on_write_lr(n);
}

static void fake_check_lrs(struct fake_vcpu *v)
{
	for (unsigned int i = 0; i < fake_lrs; i++) {
		u64 lr = v->lr[i];

		if (!LR_STATE(lr))
			continue;
		v->broken += LR_INTID(lr) >= 1020;
		v->broken += (lr >> 61 & 1) && LR_STATE(lr) == 3;
		v->broken += (lr >> 61 & 1) && (lr >> 32 & 0x1fff) < 16;
		v->broken += !(lr >> 61 & 1) && (lr >> 32 & 0x1dff); /* but for EOI: no field */
		for (unsigned int k = 0; k < i; k++)
			v->broken += LR_STATE(v->lr[k]) && LR_INTID(v->lr[k]) == LR_INTID(lr);
	}
}

u64 ich_read_hcr(void)
{
	return fv[host_cpu].hcr;
}

void ich_write_hcr(u64 value)
{
	fv[host_cpu].hcr = value;
	fv[host_cpu].writes++;
}

u64 ich_read_vmcr(void)
{
	return fv[host_cpu].vmcr;
}

void ich_write_vmcr(u64 value)
{
	fv[host_cpu].vmcr = value;
}

void ich_clear_active_priorities(void)
{
	fv[host_cpu].depth = 0;
}

/* 12.4 ICH_MISR_EL2; the interrupt wants En too. */
static u64 fake_misr(unsigned int cpu)
{
	const struct fake_vcpu *v = &fv[cpu];
	unsigned int valid = 0, pending = 0, eoi = 0;

	for (unsigned int i = 0; i < fake_lrs; i++) {
		valid += LR_STATE(v->lr[i]) != 0;
		pending += LR_STATE(v->lr[i]) == LR_PEND;
		eoi += !LR_STATE(v->lr[i]) && !(v->lr[i] >> 61 & 1) && (v->lr[i] >> 41 & 1);
	}
	return (eoi ? 1 : 0) | ((v->hcr & 2) && valid < 2 ? 2 : 0) | ((v->hcr & 4) && v->hcr >> 27 ? 4 : 0) |
	       ((v->hcr & 8) && !pending ? 8 : 0) | ((v->hcr & 0x10) && (v->vmcr & 1) ? 0x10 : 0) |
	       ((v->hcr & 0x40) && (v->vmcr & 2) ? 0x40 : 0);
}

static bool fake_maintenance(unsigned int cpu)
{
	return (fv[cpu].hcr & 1) && fake_misr(cpu);
}

u64 ich_read_misr(void)
{
	return fake_misr(host_cpu);
}

/* ---- what the guest has ---- */

/*
 * The pending list register that is signalled: enabled group, below PMR, above the running priority. -1:
 * none.
 */
static int fake_signalled(const struct fake_vcpu *v, bool group1)
{
	u32 limit = min_u32((u32)(v->vmcr >> 24) & 0xff, v->depth ? v->stack[v->depth - 1] : 0x100);
	int best = -1;

	if (!(v->hcr & 1) || !(v->vmcr & (group1 ? 2 : 1)))
		return -1;
	for (unsigned int i = 0; i < fake_lrs; i++) {
		u64 lr = v->lr[i];

		if (LR_STATE(lr) != LR_PEND || (lr >> 60 & 1) != group1 || LR_PRIO(lr) >= limit)
			continue;
		if (best < 0 || LR_PRIO(lr) < LR_PRIO(v->lr[best]) ||
		    (LR_PRIO(lr) == LR_PRIO(v->lr[best]) && LR_INTID(lr) < LR_INTID(v->lr[best])))
			best = (int)i;
	}
	return best;
}

/* ICC_IAR1_EL1 or ICC_IAR0_EL1 */
static u32 fake_iar(bool group1)
{
	struct fake_vcpu *v = &fv[host_cpu];
	int i = fake_signalled(v, group1);

	if (i < 0)
		return 1023;
	v->lr[i] = (v->lr[i] & ~(3ull << 62)) | (u64)LR_ACT << 62;
	if (v->depth == 64)
		abort();
	v->stack[v->depth++] = LR_PRIO(v->lr[i]);
	v->acks++;
	return LR_INTID(v->lr[i]);
}

/* 12.3: deactivation by the guest: in a list register, with the physical one if it is linked; or counted. */
static void fake_virtual_deactivate(u32 intid)
{
	struct fake_vcpu *v = &fv[host_cpu];

	for (unsigned int i = 0; i < fake_lrs; i++) {
		u64 lr = v->lr[i];

		if (!(LR_STATE(lr) & LR_ACT) || LR_INTID(lr) != intid)
			continue;
		v->lr[i] = lr & ~((u64)LR_ACT << 62);
		if (lr >> 61 & 1)
			fake_deactivate(host_cpu, (u32)(lr >> 32) & 0x1fff);
		return;
	}
	v->hcr += HCR_EOICOUNT_ONE;
}

/* ICC_EOIR1_EL1 */
static void fake_eoir(u32 intid)
{
	struct fake_vcpu *v = &fv[host_cpu];

	if (!v->depth)
		return; /* no active priority: permitted to do nothing */
	v->depth--;
	if (!(v->vmcr & 0x200))
		fake_virtual_deactivate(intid);
}

/* ---- a guest CPU under Fairlead ---- */

static struct vcpu fake_cpus[FAKE_CPUS];

static inline void fake_enter(void)
{
	vgic_enter(&fake_cpus[host_cpu]);
	fake_check_lrs(&fv[host_cpu]);
	fv[host_cpu].in_guest = true;
}

static inline void fake_exit(void)
{
	fv[host_cpu].in_guest = false;
	fv[host_cpu].exits++;
	vgic_leave(&fake_cpus[host_cpu]);
}

/* Between two instructions of the guest: every physical interrupt makes it exit. */
static inline void fake_interrupts(void)
{
	for (unsigned int i = 0; fake_irq_signalled(host_cpu); i++) {
		if (i == 1000)
			abort(); /* it never gets back into the guest */
		fake_exit();
		vgic_take_interrupts(&fake_cpus[host_cpu]);
		fake_enter();
	}
}

static inline u32 guest_ack(void)
{
	u32 intid;

	fake_interrupts();
	intid = fake_iar(true);
	fake_interrupts();
	return intid;
}

static inline void guest_eoi(u32 intid)
{
	fake_eoir(intid);
	fake_interrupts();
}

/* ICC_DIR_EL1, which may trap */
static inline void guest_dir(u32 intid)
{
	if (fv[host_cpu].hcr & 0x4000) {
		fake_exit();
		vgic_write_dir(&fake_cpus[host_cpu], intid);
		fake_enter();
	} else if (fv[host_cpu].vmcr & 0x200) {
		fake_virtual_deactivate(intid);
	}
	fake_interrupts();
}

/* On another CPU for a moment. */
#define ON_CPU(cpu) \
	for (unsigned int was_ = host_cpu, go_ = (host_cpu = (cpu), 1); go_; go_ = 0, host_cpu = was_)

#endif
