/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupt command register (AMD64 APM vol. 2, 16.5; Intel SDM vol. 3A, 11.6.1 and 11.12.9): what a value
 * that the guest writes means, and for which of its CPUs. Pure: changes nothing.
 *
 * It guards that INIT, SIPI, SMI, ExtINT and NMI never get to the hardware as they are: the first two and NMI
 * become requests to the guest's CPUs (vcpu_request.h), the others nothing.
 */
#ifndef ARCH_X86_ICR_H
#define ARCH_X86_ICR_H

#include <stdatomic.h>

#include "arch/x86/cpus.h"

/* Delivery mode ("message type"), bits 10:8; the vector table's entries have the same field (16.4). */
enum icr_mode {
	ICR_MODE_FIXED,
	ICR_MODE_LOWEST,
	ICR_MODE_SMI,
	ICR_MODE_REMOTE_READ,
	ICR_MODE_NMI,
	ICR_MODE_INIT,
	ICR_MODE_STARTUP,
	ICR_MODE_EXTINT,
	ICR_MODES,
};

enum icr_action {
	ICR_PASS,    /* fixed, lowest priority: the hardware's */
	ICR_NMI,     /* vcpu_request_nmi() for each target */
	ICR_INIT,    /* vcpu_request_init() */
	ICR_STARTUP, /* vcpu_request_startup() */
	ICR_IGNORE,  /* legal, and does nothing on any CPU of these days: INIT level de-assert */
	ICR_REFUSE,  /* SMI, remote read, ExtINT, combinations that the specification does not allow: logged */
};

/* A CPU's local APIC, as far as destinations need it. That CPU writes it at any time. */
struct icr_apic {
	_Atomic bool x2apic;
	_Atomic u32 ldr, dfr; /* xAPIC mode: as the guest wrote them */
};

struct icr_command {
	enum icr_action action;
	u64 targets; /* CPUs of the guest, bit n: CPU n. For NMI, INIT and start-up only */
	u8 vector;   /* start-up: the page */
};

/*
 * `icr`: all 64 bits; in xAPIC mode the destination is in bits 63:56, in x2APIC mode in 63:32. apic: of all
 * CPUs, by number.
 */
struct icr_command icr_decode(u64 icr, unsigned int self, const struct icr_apic *apic);

#endif
