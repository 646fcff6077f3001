/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local APIC (AMD64 APM vol. 2, chapter 16). It is the guest's own: interrupts arrive in it without
 * Fairlead. Only the registers by which a CPU can be taken away from Fairlead are checked: the interrupt
 * command register and the local vector table.
 */
#ifndef ARCH_X86_LAPIC_H
#define ARCH_X86_LAPIC_H

#include "arch/x86/vcpu.h"

/* x2APIC MSRs are 800h + (register offset / 16). */
#define MSR_X2APIC_FIRST 0x800u
#define MSR_X2APIC_LAST 0x8ffu
#define MSR_X2APIC_LVT_CMCI 0x82fu
#define MSR_X2APIC_ICR 0x830u
#define MSR_X2APIC_LVT_FIRST 0x832u
#define MSR_X2APIC_LVT_LAST 0x837u
#define MSR_X2APIC_EXT_LVT_FIRST 0x850u
#define MSR_X2APIC_EXT_LVT_LAST 0x853u
#define MSR_APIC_BASE 0x1bu

/* Data of an interrupt message with delivery mode NMI (Intel SDM vol. 3A, 11.11.2). */
#define LAPIC_MESSAGE_NMI 0x400u

/*
 * The value that really goes in a vector table register of that CPU: an entry with a delivery mode that is
 * refused is masked. Pure.
 */
u32 lvt_check(unsigned int cpu, unsigned int offset, u32 value);
/* Is there a register at that offset of the page that software may write? Pure. */
bool lapic_writable(unsigned int offset);

/* Puts the APIC's page in the guest's map: readable, its writes emulated. Boot. -EEXIST, -ENOMEM, -ENOSPC. */
int MUST_CHECK lapic_init(paddr_t base);
/* The guest's writes to the x2APIC registers that are checked. 0, or -EPERM: #GP. Exit path. */
int MUST_CHECK lapic_write_msr(u32 msr, u64 value);
/* The guest's write to APIC_BASE. 0, or -EPERM: #GP. Exit path. */
int MUST_CHECK lapic_write_base(u64 value);

/*
 * Sends every other CPU to wait for a SIPI. Boot CPU; finds out in which mode its APIC is.
 */
void lapic_park_other_cpus(void);
/*
 * For real, to the CPU with that APIC ID, for Fairlead's own purposes: back to wait for a SIPI; start at
 * page << 12 in real mode. Boot CPU, boot. False: xAPIC mode, and the ID has more than 8 bits.
 */
bool MUST_CHECK lapic_send_init(u32 id);
bool MUST_CHECK lapic_send_startup(u32 id, u8 page);
/*
 * On an application processor, once, before it uses any other function here: its APIC at the address and in
 * the mode of the boot CPU's, and as after INIT. Boot.
 */
void lapic_start_cpu(void);
/*
 * This CPU's APIC as after INIT (APM vol. 2, 16.3.2; Intel SDM vol. 3A, 11.4.7.3): fixed interrupts are not
 * accepted, every vector table entry is masked; NMIs come. Its mode and address stay. Exit path, GIF 0. Kicks
 * that are on their way may be lost: the caller forgets that they were sent (arch_cpu_kick() sends no second
 * one), and then looks at all that they may have been for.
 */
void lapic_reset(void);
/* Sends an NMI to the CPU with that APIC ID, which may be this one. Any CPU, any context. */
void lapic_send_nmi(u32 id);
/* This CPU's APIC ID. */
u32 lapic_id(void);
/*
 * May an NMI of this CPU be for its LINT1 pin, where the chipset's errors come, or for its performance
 * counters: is that entry of the vector table in NMI mode and not masked? Exit path.
 */
bool lapic_lint1_sends_nmi(void);
bool lapic_counters_send_nmi(void);
/*
 * Address of a message to the boot CPU, from any CPU; 0: its ID has more than 8 bits, which a message without
 * remapping does not have.
 */
u64 lapic_message_address(void);

#endif
