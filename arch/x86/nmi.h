/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Non-maskable interrupts: told apart, Fairlead's served, the guest's delivered.
 *
 * Fairlead's sources are arch_cpu_kick(), for every CPU, and on the boot CPU the IOMMUs' fault messages and
 * its timer (timer.h). Every other NMI is the guest's: an error signalled by the chipset, its performance
 * counters (pmu.h), what it knows itself. Those that its CPUs send each other are not sent for real
 * (vcpu_request.h); the kick that comes with them is Fairlead's.
 */
#ifndef ARCH_X86_NMI_H
#define ARCH_X86_NMI_H

#include "arch/x86/vcpu.h"

/*
 * Asks every IOMMU to report faults to this CPU by NMI. Boot CPU, boot; from here on it may be kicked, so
 * x86_cpus has its APIC ID, and gets that of another CPU before that runs.
 */
void nmi_init(void);
/* An NMI was taken that was no exit: looks at the sources that send no other. Boot CPU, boot. */
void nmi_look(void);
/* An NMI exit, after nmi_window(). Exit path. */
void nmi_handle(struct vcpu *v);
/*
 * The same on a CPU that waits for the guest's SIPI, after each sleep: NMIs that nobody explains are
 * nobody's. What a kick was for is looked at afterwards.
 */
void nmi_while_waiting(void);
/*
 * INIT, and SIPI: none waits for the guest on this CPU, and none is blocked. A kick that is on its way may
 * have been lost with the local APIC's state, so afterwards the caller looks at all that it may have been
 * for. Exit path.
 */
void nmi_reset(struct vcpu *v);
/*
 * An NMI of the IOMMUs' or the timer's may be on its way that nothing else will explain. Boot CPU, exit
 * path.
 */
void nmi_expect(void);
/*
 * The guest is entered next. `at_once`: an NMI that waits ends the entry before the guest runs; false if an
 * event is injected, or NMIs are blocked. Exit path, after the tail, no lock held.
 */
void nmi_entry(bool at_once);
/* The guest is about to run the IRET that ends its handler. Exit path. */
void nmi_iret(struct vcpu *v);
/*
 * True if an NMI is to be injected at the entry that follows: it counts as delivered. Takes what the guest's
 * CPUs have sent this one. Exit path, with GIF 0.
 */
bool nmi_take(struct vcpu *v);

#endif
