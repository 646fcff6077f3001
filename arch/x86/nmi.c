/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sorts NMIs. It guards that none of the guest's is lost and none of Fairlead's reaches it, although an NMI
 * does not say where it comes from, and several that come together are one.
 *
 * The guest gets one at a time: from the injection to the IRET of its handler further ones wait, and of
 * those the hardware keeps one (APM vol. 2, 8.5.1), so this does too.
 */
#include "arch/x86/nmi.h"

#include <stdatomic.h>

#include "arch/x86/cpu.h"
#include "arch/x86/cpus.h"
#include "arch/x86/desc.h"
#include "arch/x86/lapic.h"
#include "arch/x86/pmu.h"
#include "arch/x86/timer.h"
#include "arch/x86/vcpu_request.h"
#include "core/arch.h"
#include "core/counters.h"
#include "core/log.h"
#include "core/trace.h"
#include "core/timer.h"
#include "core/work.h"
#include "drivers/iommu/iommu.h"

/* NMI status and control, port 61h: bit 7 SERR#, bit 6 IOCHK# (Intel ICH9 datasheet, 13.7.1). */
#define NMI_STATUS_PORT 0x61
#define NMI_STATUS_SERR 0x80u
#define NMI_STATUS_IOCHK 0x40u

/*
 * Each visit looks at all of our sources, so it may find one whose NMI is still on its way (a message takes
 * its microseconds), or has merged with another. Those NMIs find nothing when they arrive. They are owed:
 * so many visits that nothing explains are ours.
 *
 * What has reached the CPU ends the next entry before the guest runs. So a debt is void when an entry begins
 * ARRIVES_US after the first one with it, and something else than an NMI ends it. Time alone is not enough:
 * below a hypervisor a CPU may stand still for as long as its host has other work. It only bounds a debt
 * that no exit disproves.
 */
#define OWED_MAX 4u /* two of the IOMMUs', the timer's, a kick's */
#define ARRIVES_US 1000u
#define OWED_US 1000000u

/* A CPU's; only `kicked` is touched by others. */
static struct ALIGNED(64) nmi_cpu {
	_Atomic bool kicked; /* sent, not yet seen */
	bool proof;	     /* this entry disproves all that is owed, unless an NMI ends it */
	bool ask_counters;   /* a visit while the guest had an NMI to handle may have been its counters' */
	unsigned int owed;
	u64 owed_since;	     /* the first entry with the newest of them; 0: none yet */
} cpus[CPUS_MAX];

#define FAULTS_AGAIN_US 1000u

/*
 * On an idle CPU nothing ends an entry, so nothing disproves a debt, and as long as there is one an NMI of the
 * guest's may be taken for it. So while the boot CPU owes any, Fairlead's timer ends its entries: the first
 * with the debt, and one that began long enough after that. Other CPUs have kicks only, and hardly ever a debt.
 */
#define DISPROVE_US (ARRIVES_US + 100u)
static void just_exit(struct timer *t);
static struct timer disprove = { .fn = just_exit };
static u64 disprove_at; /* the boot CPU's */

static struct nmi_cpu *this_cpu(void)
{
	return &cpus[arch_cpu_index()];
}

void arch_cpu_kick(unsigned int cpu)
{
	/* One on its way is enough: two would be two NMIs with one explanation. */
	if (atomic_exchange(&cpus[cpu].kicked, true))
		return;
	count_event(COUNT_KICK);
	lapic_send_nmi(x86_cpus.apic_id[cpu]);
}

static void void_old_debt(struct nmi_cpu *c)
{
	if (c->proof || (c->owed && c->owed_since && arch_time_us() - c->owed_since > OWED_US))
		c->owed = 0;
	c->proof = false;
}

static void owe_one_more(struct nmi_cpu *c)
{
	void_old_debt(c);
	c->owed = c->owed < OWED_MAX ? c->owed + 1 : OWED_MAX;
	c->owed_since = 0;
}

void nmi_expect(void)
{
	if (arch_cpu_index() != BOOT_CPU)
		panic("an NMI of the boot CPU's is expected on CPU %u", arch_cpu_index());
	owe_one_more(this_cpu());
}

/*
 * A unit sends a message when its first fault waits, and none for those that come while one does. So what
 * is left after a look, or came during it, is looked for again, a moment later: a storm of faults must not
 * keep the guest from running.
 *
 * The boot CPU looks, whoever's timer asks for it: the message of a fault that another CPU takes out would
 * arrive there and find nothing.
 */
static void report_faults(struct work *w);
static void look_again(struct timer *t);
static struct work faults = { .fn = report_faults };
static struct timer faults_again = { .fn = look_again };

static void report_faults(struct work *w UNUSED)
{
	/* Before the look that empties them one more may come, whose message finds nothing. */
	if (iommu_any_fault_pending())
		nmi_expect();
	iommu_report_faults();
	if (iommu_any_fault_pending())
		timer_set(&faults_again, FAULTS_AGAIN_US);
}

static void look_again(struct timer *t UNUSED)
{
	(void)work_post_on(BOOT_CPU, &faults);
}

void nmi_init(void)
{
	u64 address = lapic_message_address();

	if (!address)
		log_warn("platform: APIC ID %u is more than a message can name: no IOMMU fault is reported",
			 x86_cpus.apic_id[BOOT_CPU]);
	for (struct iommu *iommu = iommu_first(); iommu; iommu = iommu->next)
		iommu->ops->fault_message(iommu, address, LAPIC_MESSAGE_NMI);
}

/* Whichever CPU calls it: the boot CPU has the timer's NMI. */
static void just_exit(struct timer *t UNUSED)
{
}

/*
 * Before each entry with a debt. To set the timer may announce another NMI, and may leave work, for which the
 * tail of this exit is over.
 */
static void disprove_soon(void)
{
	u64 now = arch_time_us();

	if (arch_cpu_index() != BOOT_CPU || now < disprove_at)
		return;
	disprove_at = now + DISPROVE_US;
	timer_set(&disprove, DISPROVE_US);
	if (work_pending())
		arch_cpu_kick(BOOT_CPU);
}

void nmi_entry(bool at_once)
{
	struct nmi_cpu *c = this_cpu();
	u64 now;

	void_old_debt(c);
	if (!c->owed)
		return;
	disprove_soon();
	now = arch_time_us();
	if (!c->owed_since)
		c->owed_since = now;
	c->proof = at_once && now - c->owed_since >= ARRIVES_US;
}

static bool from_iommu(void)
{
	if (!iommu_any_fault_pending())
		return false;
	(void)work_post(&faults);
	return true;
}

void nmi_look(void)
{
	(void)from_iommu();
}

/*
 * True if the chipset says that it raised one. Its line is LINT1 (of which CPUs: the MADT's local APIC NMI
 * structures), and the guest decides which CPUs listen.
 */
static bool from_chipset(void)
{
	u8 status;

	if (!lapic_lint1_sends_nmi())
		return false;
	status = inb(NMI_STATUS_PORT);
	if (status & NMI_STATUS_SERR)
		log_warn("platform: NMI with SERR# set (port 61h = 0x%02x): a device reported a fatal error",
			 status);
	if (status & NMI_STATUS_IOCHK)
		log_warn("platform: NMI with IOCHK# set (port 61h = 0x%02x)", status);
	return status & (NMI_STATUS_SERR | NMI_STATUS_IOCHK);
}

/*
 * How many NMIs of ours this visit may stand for. Messages of devices go to the boot CPU. The flag first,
 * and only then what it may have been set for: who sets it later sends another.
 */
static unsigned int count_ours(struct nmi_cpu *c)
{
	unsigned int ours = atomic_exchange(&c->kicked, false) ? 1 : 0;

	if (arch_cpu_index() == BOOT_CPU)
		ours += (from_iommu() ? 1u : 0u) + (timer_fired() ? 1u : 0u);
	return ours;
}

/* Of what is owed, what this visit may be, or may still come. */
static unsigned int still_owed(struct nmi_cpu *c, unsigned int ours)
{
	bool late = c->proof;

	c->proof = false;
	void_old_debt(c);
	if (!late)
		return c->owed;
	/* All that had arrived are one, this one; and that is explained if one of ours is found. */
	return c->owed && !ours ? 1 : 0;
}

/*
 * Is the visit ours? `known`: the guest has one to expect, so this may be that, and all of ours are still
 * to come.
 */
static bool settle(struct nmi_cpu *c, unsigned int ours, bool known)
{
	unsigned int before = still_owed(c, ours), after = before + ours;

	if (after && !known)
		after--;
	if (after > before)
		c->owed_since = 0;
	c->owed = after < OWED_MAX ? after : OWED_MAX;
	return ours || before;
}

/* False: an earlier window has taken it. */
static bool take_arrived(struct nmi_cpu *c)
{
	volatile bool *arrived = &nmi_arrived[arch_cpu_index()];
	bool was = *arrived;

	*arrived = false;
	if (!was)
		c->proof = false;
	return was;
}

/* One for the guest. What waits besides the one that is delivered next, or is being handled, is one. */
static void latch(struct vcpu *v)
{
	if (v->nmi_waiting < (v->nmi_blocked ? 1u : 2u))
		v->nmi_waiting++;
}

/* Those that the guest's CPUs have sent each other. */
static void latch_requested(struct vcpu *v)
{
	for (unsigned int n = vcpu_take_nmis(); n; n--)
		latch(v);
}

/*
 * An NMI that nobody explains is the guest's too: it may have a source in NMI mode that Fairlead does not
 * know. Of its counters, an overflow is there until its handler has dealt with it; so while it has an NMI
 * to handle, that says nothing, and is asked again afterwards.
 */
void nmi_handle(struct vcpu *v)
{
	struct nmi_cpu *c = this_cpu();
	bool known, busy = v->nmi_waiting || v->nmi_blocked;
	unsigned int ours;

	if (!take_arrived(c))
		return;
	known = !busy && pmu_overflowed();
	known = from_chipset() || known;
	ours = count_ours(c);
	trace(TRACE_NMI, (u16)ours, 0, 0, v->nmi_waiting);
	if (!settle(c, ours, known) || known)
		latch(v);
	else
		c->ask_counters |= busy;
}

void nmi_while_waiting(void)
{
	struct nmi_cpu *c = this_cpu();

	if (take_arrived(c))
		(void)settle(c, count_ours(c), false);
}

void nmi_reset(struct vcpu *v)
{
	struct nmi_cpu *c = this_cpu();

	v->nmi_waiting = 0;
	v->nmi_blocked = false;
	v->nmi_iret_to_run = false;
	c->ask_counters = false;
	/* If it is not lost, it comes and finds nothing. */
	if (atomic_exchange(&c->kicked, false))
		owe_one_more(c);
}

void nmi_iret(struct vcpu *v)
{
	latch_requested(v); /* they came while it was blocked */
	v->nmi_blocked = false;
	v->nmi_iret_to_run = true;
	v->nmi_iret_rip = v->rip;
}

static void ask_counters_again(struct vcpu *v)
{
	struct nmi_cpu *c = this_cpu();

	if (!c->ask_counters || v->nmi_waiting)
		return;
	c->ask_counters = false;
	if (pmu_overflowed())
		latch(v);
}

bool nmi_take(struct vcpu *v)
{
	latch_requested(v);
	/*
	 * Still at the IRET: NMIs stay blocked until it has run, or the handler would be entered on top of
	 * itself.
	 */
	v->nmi_iret_to_run = v->nmi_iret_to_run && v->rip == v->nmi_iret_rip;
	if (v->nmi_blocked || v->nmi_iret_to_run)
		return false;
	ask_counters_again(v);
	if (!v->nmi_waiting)
		return false;
	v->nmi_waiting--;
	v->nmi_blocked = true;
	return true;
}
