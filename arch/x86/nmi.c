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
#include "arch/x86/desc.h"
#include "arch/x86/lapic.h"
#include "arch/x86/timer.h"
#include "core/arch.h"
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
static unsigned int owed;
static u64 owed_since; /* the first entry with the newest of them; 0: none yet */
static bool proof;     /* this entry disproves all that is owed, unless an NMI ends it */

#define FAULTS_AGAIN_US 1000u

static u32 boot_cpu_id;
static _Atomic bool kicked[CPUS_MAX]; /* sent, not yet seen */

void arch_cpu_kick(unsigned int cpu)
{
	/*
	 * One on its way is enough: two would be two NMIs with one explanation. Only the boot CPU runs
	 * (arch_cpu_index()).
	 */
	if (!atomic_exchange(&kicked[cpu], true))
		lapic_send_nmi(boot_cpu_id);
}

/*
 * A unit sends a message when its first fault waits, and none for those that come while one does. So what
 * is left after a look, or came during it, is looked for again, a moment later: a storm of faults must not
 * keep the guest from running.
 */
static void report_faults(struct work *w);
static void look_again(struct timer *t);
static struct work faults = { .fn = report_faults };
static struct timer faults_again = { .fn = look_again };

static void report_faults(struct work *w UNUSED)
{
	iommu_report_faults();
	if (iommu_any_fault_pending())
		timer_set(&faults_again, FAULTS_AGAIN_US);
}

static void look_again(struct timer *t UNUSED)
{
	(void)work_post(&faults);
}

void nmi_init(void)
{
	u64 address = lapic_message_address();

	boot_cpu_id = lapic_id();
	if (!address)
		log_warn("platform: APIC ID %u is more than a message can name: no IOMMU fault is reported",
			 boot_cpu_id);
	for (struct iommu *iommu = iommu_first(); iommu; iommu = iommu->next)
		iommu->ops->fault_message(iommu, address, LAPIC_MESSAGE_NMI);
}

static void void_old_debt(void)
{
	if (proof || (owed && owed_since && arch_time_us() - owed_since > OWED_US))
		owed = 0;
	proof = false;
}

void nmi_expect(void)
{
	void_old_debt();
	owed = owed < OWED_MAX ? owed + 1 : OWED_MAX;
	owed_since = 0;
}

void nmi_entry(bool at_once)
{
	u64 now;

	void_old_debt();
	if (!owed)
		return;
	now = arch_time_us();
	if (!owed_since)
		owed_since = now;
	proof = at_once && now - owed_since >= ARRIVES_US;
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

/* True if the chipset says that it raised one. */
static bool from_chipset(void)
{
	u8 status = inb(NMI_STATUS_PORT);

	if (status & NMI_STATUS_SERR)
		log_warn("platform: NMI with SERR# set (port 61h = 0x%02x): a device reported a fatal error",
			 status);
	if (status & NMI_STATUS_IOCHK)
		log_warn("platform: NMI with IOCHK# set (port 61h = 0x%02x)", status);
	return status & (NMI_STATUS_SERR | NMI_STATUS_IOCHK);
}

/*
 * How many NMIs of ours this visit may stand for. A fault counts twice: it and one that came right after it
 * may have sent a message each, and the drain that this visit asks for takes both.
 */
static unsigned int count_ours(void)
{
	return (from_iommu() ? 2u : 0u) + (timer_fired() ? 1u : 0u) +
	       (atomic_exchange(&kicked[arch_cpu_index()], false) ? 1u : 0u);
}

/* Of what is owed, what this visit may be, or may still come. */
static unsigned int still_owed(unsigned int ours)
{
	bool late = proof;

	proof = false;
	void_old_debt();
	if (!late)
		return owed;
	/* All that had arrived are one, this one; and that is explained if one of ours is found. */
	return owed && !ours ? 1 : 0;
}

/*
 * Is the visit ours? `known`: the guest has one to expect, so this may be that, and all of ours are still
 * to come.
 */
static bool settle(unsigned int ours, bool known)
{
	unsigned int before = still_owed(ours), after = before + ours;

	if (after && !known)
		after--;
	if (after > before)
		owed_since = 0;
	owed = after < OWED_MAX ? after : OWED_MAX;
	return ours || before;
}

/*
 * An NMI that nobody explains is the guest's too: it may have a source in NMI mode that Fairlead does not
 * know.
 */
void nmi_handle(struct vcpu *v)
{
	unsigned int ours;
	bool known;

	if (!nmi_arrived) {
		proof = false;
		return; /* taken by an earlier window */
	}
	nmi_arrived = false;
	known = lapic_nmi_expected();
	known = from_chipset() || known;
	ours = count_ours();
	trace(TRACE_NMI, (u16)ours, 0, 0, v->nmi_waiting);
	if (settle(ours, known) && !known)
		return;
	if (v->nmi_waiting < (v->nmi_blocked ? 1u : 2u))
		v->nmi_waiting++;
}

void nmi_iret(struct vcpu *v)
{
	v->nmi_blocked = false;
	v->nmi_iret_to_run = true;
	v->nmi_iret_rip = v->rip;
}

bool nmi_take(struct vcpu *v)
{
	/*
	 * Still at the IRET: NMIs stay blocked until it has run, or the handler would be entered on top of
	 * itself.
	 */
	v->nmi_iret_to_run = v->nmi_iret_to_run && v->rip == v->nmi_iret_rip;
	if (!v->nmi_waiting || v->nmi_blocked || v->nmi_iret_to_run)
		return false;
	v->nmi_waiting--;
	v->nmi_blocked = true;
	return true;
}
