/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way out: off or reset, by the firmware's PSCI (DEN 0022E, 5.9, 5.10), which resets devices and the SMMU with the machine; until
 * then the SMMU holds them. Of several CPUs that want it the first does it; the others have stopped before.
 */
#include "arch/arm64/console.h"
#include "arch/arm64/cpus.h"
#include "arch/arm64/psci.h"
#include "core/arch.h"
#include "core/log.h"
#include "core/stop.h"

static void end(u32 function) NORETURN;
static void end(u32 function)
{
	console_drain();
	stop_wait();
	(void)psci_firmware_call(function, 0, 0, 0);
	for (;;)
		arch_cpu_halt(); /* the firmware has refused */
}

void machine_reset(const char *why)
{
	stop_others();
	log_info("resetting the machine: %s", why);
	end(PSCI_SYSTEM_RESET);
}

void machine_off(const char *why)
{
	stop_others();
	log_info("switching the machine off: %s", why);
	end(PSCI_SYSTEM_OFF);
}
