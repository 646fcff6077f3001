/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupt command register (AMD64 APM vol. 2, 16.5; Intel SDM vol. 3A, 11.6.1 and 11.12.9): what a value that the guest
 * writes means, and for which of its CPUs. Pure: changes nothing.
 *
 * It guards that INIT, SIPI, SMI, ExtINT and NMI never get to the hardware as they are: the first two and NMI become requests to
 * the guest's CPUs (vcpu_request.h), the others nothing.
 */
#ifndef ARCH_X86_ICR_H
#define ARCH_X86_ICR_H

#include "arch/x86/cpus.h"

enum icr_action {
	ICR_PASS,    /* fixed, lowest priority: the hardware's */
	ICR_NMI,     /* vcpu_request_nmi() for each target */
	ICR_INIT,    /* vcpu_request_init() */
	ICR_STARTUP, /* vcpu_request_startup() */
	ICR_IGNORE,  /* legal, and does nothing on any CPU of these days: INIT level de-assert */
	ICR_REFUSE,  /* SMI, remote read, ExtINT, combinations that the specification does not allow: logged */
};

/* A CPU's local APIC, as far as logical destinations need it. */
struct icr_apic {
	bool x2apic;
	u32 ldr, dfr; /* xAPIC mode: as the guest wrote them */
};

struct icr_command {
	enum icr_action action;
	u64 targets; /* CPUs of the guest, bit n: CPU n. For NMI, INIT and start-up only */
	u8 vector;   /* start-up: the page */
};

/* `icr`: all 64 bits; in xAPIC mode the destination is in bits 63:56, in x2APIC mode in 63:32. apic: of all CPUs, by number. */
struct icr_command icr_decode(u64 icr, unsigned int self, const struct icr_apic *apic);

#endif
