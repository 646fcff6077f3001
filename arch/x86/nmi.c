/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sorts NMIs. The guest gets one at a time: from the injection to the IRET of its handler further ones
 * wait, and of those the hardware keeps one (APM vol. 2, 8.5.1), so this does too.
 */
#include "arch/x86/nmi.h"

#include "arch/x86/cpu.h"
#include "arch/x86/desc.h"
#include "arch/x86/lapic.h"
#include "core/arch.h"
#include "core/log.h"
#include "drivers/iommu/iommu.h"

/* NMI status and control, port 61h: bit 7 SERR#, bit 6 IOCHK# (Intel ICH9 datasheet, 13.7.1). */
#define NMI_STATUS_PORT 0x61
#define NMI_STATUS_SERR 0x80u
#define NMI_STATUS_IOCHK 0x40u

/*
 * Two faults in a row may latch two NMIs, and the first one's visit drains both: the second then finds
 * nothing. It is the very next NMI, or it does not exist.
 */
static u64 visits;
static u64 drained_at; /* the visit that found a fault; 0: none */

void arch_cpu_kick(unsigned int cpu UNUSED)
{
	lapic_send_nmi(lapic_id());
}

void nmi_init(void)
{
	for (struct iommu *iommu = iommu_first(); iommu; iommu = iommu->next)
		iommu->ops->fault_message(iommu, lapic_message_address(), LAPIC_MESSAGE_NMI);
}

static bool from_iommu(void)
{
	visits++;
	if (iommu_any_fault_pending()) {
		iommu_report_faults();
		drained_at = visits;
		return true;
	}
	return drained_at && drained_at + 1 == visits;
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
 * An NMI that nobody explains is the guest's too: it may have a source in NMI mode that Fairlead does not
 * know.
 */
void nmi_handle(struct vcpu *v)
{
	bool iommu, guest_asked;

	if (!nmi_arrived)
		return; /* taken by an earlier window */
	nmi_arrived = false;
	guest_asked = lapic_nmi_expected();
	iommu = from_iommu();
	if (!from_chipset() && iommu && !guest_asked)
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
