/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Non-maskable interrupts: told apart, Fairlead's served, the guest's delivered.
 *
 * Fairlead's sources are the IOMMU's fault message, its timer (timer.h) and arch_cpu_kick(). Every other
 * NMI is the guest's: an error signalled by the chipset, or one that it sent itself.
 */
#ifndef ARCH_X86_NMI_H
#define ARCH_X86_NMI_H

#include "arch/x86/vcpu.h"

/* Asks every IOMMU to report faults to this CPU by NMI, and learns where kicks go. Boot. */
void nmi_init(void);
/* An NMI was taken that was no exit: looks at the sources that send no other. Boot. */
void nmi_look(void);
/* An NMI exit, after nmi_window(). Exit path. */
void nmi_handle(struct vcpu *v);
/* An NMI of Fairlead's own may be on its way that nothing else will explain. Exit path. */
void nmi_expect(void);
/*
 * The guest is entered next. `at_once`: an NMI that waits ends the entry before the guest runs; false if an
 * event is injected, or NMIs are blocked. Exit path.
 */
void nmi_entry(bool at_once);
/* The guest is about to run the IRET that ends its handler. Exit path. */
void nmi_iret(struct vcpu *v);
/* True if an NMI is to be injected at the entry that follows: it counts as delivered. Exit path. */
bool nmi_take(struct vcpu *v);

#endif
