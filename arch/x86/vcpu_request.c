/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests between the guest's CPUs (vcpu_request.h). All share a word, because their order counts: INIT wipes what stood there, so
 * what is in the word beside an INIT came after it (docs/design/models.md, cpus.pml).
 */
#include "arch/x86/vcpu_request.h"

#include <stdatomic.h>

#include "core/arch.h"

#define REQUEST_INIT BIT32(8)
#define REQUEST_STARTUP BIT32(9)
#define REQUEST_WAKE BIT32(10)
#define REQUEST_VECTOR 0xffu
#define REQUEST_ONE_NMI BIT32(11) /* how many, in bits 12:11 */
#define REQUEST_NMIS (3 * REQUEST_ONE_NMI)
/* One that is delivered and one that waits behind it (APM vol. 2, 8.5.1). */
#define REQUEST_NMIS_MAX (2 * REQUEST_ONE_NMI)

static struct ALIGNED(64) { /* its own cache line */
	_Atomic u32 word;
} requests[CPUS_MAX];

static void kick(unsigned int cpu)
{
	if (cpu != arch_cpu_index())
		arch_cpu_kick(cpu);
}

void vcpu_request_init(unsigned int cpu)
{
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
	u32 word = atomic_load(&requests[cpu].word);

	do {
		if ((word & REQUEST_NMIS) == REQUEST_NMIS_MAX)
			return;
	} while (!atomic_compare_exchange_weak(&requests[cpu].word, &word, word + REQUEST_ONE_NMI));
	kick(cpu);
}

/* A HLT that the guest is in ends with the kick. One that it was about to execute needs the mark. */
void vcpu_request_wake(unsigned int cpu)
{
	atomic_fetch_or(&requests[cpu].word, REQUEST_WAKE);
	kick(cpu);
}

struct vcpu_requests vcpu_take_requests(void)
{
	u32 word = atomic_fetch_and(&requests[arch_cpu_index()].word, REQUEST_NMIS | REQUEST_WAKE);

	return (struct vcpu_requests){
		.init = word & REQUEST_INIT,
		.startup = word & REQUEST_STARTUP,
		.vector = (u8)(word & REQUEST_VECTOR),
	};
}

unsigned int vcpu_take_nmis(void)
{
	_Atomic u32 *of_self = &requests[arch_cpu_index()].word;
	u32 word = atomic_load(of_self);

	do {
		if (word & REQUEST_INIT || !(word & REQUEST_NMIS))
			return 0; /* what came after an INIT is not for the CPU as it is now */
	} while (!atomic_compare_exchange_weak(of_self, &word, word & ~REQUEST_NMIS));
	return (word & REQUEST_NMIS) / REQUEST_ONE_NMI;
}

bool vcpu_take_wake(void)
{
	_Atomic u32 *of_self = &requests[arch_cpu_index()].word;

	return atomic_load(of_self) & REQUEST_WAKE && atomic_fetch_and(of_self, ~REQUEST_WAKE) & REQUEST_WAKE;
}

bool vcpu_requested(void)
{
	return atomic_load(&requests[arch_cpu_index()].word) & (REQUEST_INIT | REQUEST_STARTUP);
}
