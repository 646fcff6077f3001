/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one CPU of the guest asks of another: INIT, start-up (SIPI), NMI, to be woken. None of these is sent for real, because it
 * would reach the CPU and not the guest's CPU. They are marked here, and the CPU is kicked: it comes out of the guest and takes
 * what is marked before it goes in again.
 *
 * It guards that a mark is seen before the next entry of the guest, that a SIPI counts only behind an INIT (Intel SDM vol. 3A,
 * 9.4.4; AMD64 APM vol. 2, 15.26.1 and 16.5), and that nobody waits for anybody.
 */
#ifndef ARCH_X86_VCPU_REQUEST_H
#define ARCH_X86_VCPU_REQUEST_H

#include "core/types.h"

/* ---- by any CPU, for any, itself included. Exit path; never wait. ---- */

/* INIT: what was marked before is void. */
void vcpu_request_init(unsigned int cpu);
/* SIPI: starts at vector << 12, if the CPU waits for one then. Of several only the first counts. */
void vcpu_request_startup(unsigned int cpu, u8 vector);
/* An NMI of the guest's. */
void vcpu_request_nmi(unsigned int cpu);
/* Ends the CPU's HLT, or the next one if it is in none: it may be about to execute it. */
void vcpu_request_wake(unsigned int cpu);

/* ---- by each CPU for itself. Exit path, with GIF 0: what is marked later comes with an NMI that ends the next entry. ---- */

struct vcpu_requests {
	bool init;    /* first: reset, then wait for a SIPI */
	bool startup; /* then: start, if it waits for that; else ignore it */
	u8 vector;
};
/*
 * What was marked since the last call. What was marked before an INIT, NMIs too, is gone with it. A start-up interrupt beside an INIT
 * came after it; it must not be marked again, or it would come after a second INIT, too.
 */
struct vcpu_requests vcpu_take_requests(void);
/*
 * How many NMIs of the guest were marked since the last call, at most 2: hardware latches no more. After vcpu_take_requests(): beside
 * an INIT that was not taken yet it is 0. A CPU that waits for a SIPI leaves them until it starts.
 */
unsigned int vcpu_take_nmis(void);
/* True: the guest's next HLT is to end at once. Before each entry. */
bool vcpu_take_wake(void);
/* Is INIT or SIPI marked? For a CPU that is about to sleep. */
bool vcpu_requested(void);

#endif
