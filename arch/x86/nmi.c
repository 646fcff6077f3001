/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sorts NMIs. The guest gets one at a time: from the injection to the IRET of its handler further ones wait, and of those the
 * hardware keeps one (APM vol. 2, 8.5.1), so this does too.
 */
#include "arch/x86/nmi.h"

#include "arch/x86/cpu.h"
#include "arch/x86/desc.h"
#include "arch/x86/lapic.h"
#include "core/log.h"
#include "drivers/iommu/iommu.h"

/* NMI status and control, port 61h: bit 7 SERR#, bit 6 IOCHK# (Intel ICH9 datasheet, 13.7.1). */
#define NMI_STATUS_PORT 0x61
#define NMI_STATUS_SERR 0x80u
#define NMI_STATUS_IOCHK 0x40u

/* A fault may raise its message while the previous one is being drained: the NMI then finds nothing, and is ours all the same. */
static bool drained_since_last;

void nmi_init(void)
{
	for (struct iommu *iommu = iommu_first(); iommu; iommu = iommu->next)
		iommu->ops->fault_message(iommu, lapic_message_address(), LAPIC_MESSAGE_NMI);
}

static bool from_iommu(void)
{
	if (iommu_any_fault_pending()) {
		iommu_report_faults();
		drained_since_last = true;
		return true;
	}
	if (drained_since_last) {
		drained_since_last = false;
		return true;
	}
	return false;
}

static void log_chipset_reason(void)
{
	u8 status = inb(NMI_STATUS_PORT);

	if (status & NMI_STATUS_SERR)
		log_warn("platform: NMI with SERR# set (port 61h = 0x%02x): a device reported a fatal error", status);
	if (status & NMI_STATUS_IOCHK)
		log_warn("platform: NMI with IOCHK# set (port 61h = 0x%02x)", status);
}

void nmi_handle(struct vcpu *v)
{
	bool from_guest = lapic_nmi_expected();

	if (!nmi_arrived)
		return; /* taken by an earlier window */
	nmi_arrived = false;
	if (from_iommu() && !from_guest)
		return;
	log_chipset_reason();
	if (v->nmi_waiting < (v->nmi_blocked ? 1u : 2u))
		v->nmi_waiting++;
}

void nmi_iret(struct vcpu *v)
{
	v->nmi_blocked = false;
	v->nmi_iret_rip = v->rip; /* the IRET itself has still to run */
}

bool nmi_take(struct vcpu *v)
{
	if (!v->nmi_waiting || v->nmi_blocked)
		return false;
	if (v->nmi_iret_rip && v->rip == v->nmi_iret_rip)
		return false;
	v->nmi_iret_rip = 0;
	v->nmi_waiting--;
	v->nmi_blocked = true;
	return true;
}
