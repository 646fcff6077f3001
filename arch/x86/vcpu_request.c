/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests between the guest's CPUs (vcpu_request.h). INIT and SIPI share a word, because their order counts: INIT wipes what stood
 * there, so a SIPI in the word beside an INIT came after it.
 */
#include "arch/x86/vcpu_request.h"

#include <stdatomic.h>

#include "core/arch.h"

#define REQUEST_INIT BIT32(8)
#define REQUEST_STARTUP BIT32(9)
#define REQUEST_VECTOR 0xffu

#define NMIS_MAX 2u /* one that is delivered and one that waits behind it (APM vol. 2, 8.5.1) */

static struct ALIGNED(64) { /* its own cache line */
	_Atomic u32 word;
	_Atomic u32 nmis;
} requests[CPUS_MAX];

static void kick(unsigned int cpu)
{
	if (cpu != arch_cpu_index())
		arch_cpu_kick(cpu);
}

void vcpu_request_init(unsigned int cpu)
{
	atomic_store(&requests[cpu].nmis, 0);
	atomic_store(&requests[cpu].word, REQUEST_INIT);
	kick(cpu);
}

void vcpu_request_startup(unsigned int cpu, u8 vector)
{
	u32 word = atomic_load(&requests[cpu].word);

	do {
		if (word & REQUEST_STARTUP)
			return;
	} while (!atomic_compare_exchange_weak(&requests[cpu].word, &word, word | REQUEST_STARTUP | vector));
	kick(cpu);
}

void vcpu_request_nmi(unsigned int cpu)
{
	u32 nmis = atomic_load(&requests[cpu].nmis);

	do {
		if (nmis == NMIS_MAX)
			return;
	} while (!atomic_compare_exchange_weak(&requests[cpu].nmis, &nmis, nmis + 1));
	kick(cpu);
}

/* Whatever ends the entry ends the HLT: the guest goes on behind it. */
void vcpu_request_wake(unsigned int cpu)
{
	kick(cpu);
}

struct vcpu_requests vcpu_take_requests(void)
{
	u32 word = atomic_exchange(&requests[arch_cpu_index()].word, 0);

	return (struct vcpu_requests){
		.init = word & REQUEST_INIT,
		.startup = word & REQUEST_STARTUP,
		.vector = (u8)(word & REQUEST_VECTOR),
	};
}

unsigned int vcpu_take_nmis(void)
{
	return atomic_exchange(&requests[arch_cpu_index()].nmis, 0);
}

bool vcpu_requested(void)
{
	return atomic_load(&requests[arch_cpu_index()].word);
}
