/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's calls to its firmware: HVC #0 and SMC #0 by the SMC Calling Convention (DEN 0028E). PSCI 1.1
 * (DEN 0022E) is answered here, from the power of the guest's own CPUs (cpus.h); of the rest only the
 * workarounds for speculation reach the real firmware, and only where it says that it has them. All else is
 * NOT_SUPPORTED: the real firmware's vendor calls could move memory, devices or CPUs under Fairlead.
 *
 * Arguments beyond those that a function has, and X1-X17, are left alone: no answer here has more than X0.
 */
#include "arch/arm64/psci.h"

#include "arch/arm64/cpus.h"
#include "arch/arm64/exits.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/once.h"
#include "core/vm.h"

/* ESR_EL2.ISS of HVC and SMC: the immediate (D19.2.37) */
#define ISS_IMMEDIATE(esr) (ESR_ISS(esr) & 0xffff)
#define INSTRUCTION_BYTES 4u
#define LOGGED_CLASSES 16

/* ---- PSCI ---------------------------------------------------------------------------------------------- */

static s64 cpu_on(u64 mpidr, u64 entry, u64 context)
{
	unsigned int cpu = cpu_of_mpidr(mpidr);

	if (cpu == CPUS_MAX)
		return PSCI_INVALID_PARAMETERS;
	/* Memory may go away before the CPU is there: then it takes an abort, as with its MMU on. */
	if (!IS_ALIGNED(entry, (u64)INSTRUCTION_BYTES) || !vm_allows(&guest, entry, PT_READ | PT_EXEC))
		return PSCI_INVALID_ADDRESS;
	switch (cpu_request_on(cpu, entry, context)) {
	case 0:
		return PSCI_SUCCESS;
	case -EALREADY:
		return PSCI_ALREADY_ON;
	case -EINPROGRESS:
		return PSCI_ON_PENDING;
	default: /* it did not come up at boot */
		return PSCI_INTERNAL_FAILURE;
	}
}

static s64 cpu_off(struct vcpu *v)
{
	if (cpu_set_off(v->index))
		return PSCI_DENIED;
	vcpu_wants_off(v);
	return PSCI_SUCCESS; /* seen by nobody: it comes back by CPU_ON only */
}

/* Only CPUs: levels above are optional since version 1.0 (5.7.1). */
static s64 affinity_info(u64 mpidr, u64 lowest_level)
{
	unsigned int cpu = cpu_of_mpidr(mpidr);

	if (cpu == CPUS_MAX || lowest_level)
		return PSCI_INVALID_PARAMETERS;
	switch (cpu_power(cpu)) {
	case CPU_IS_ON:
		return PSCI_AFFINITY_ON;
	case CPU_IS_OFF:
		return PSCI_AFFINITY_OFF;
	default:
		return PSCI_AFFINITY_ON_PENDING;
	}
}

static bool is_answered(u32 function)
{
	switch (function) {
	case SMCCC_VERSION:
	case PSCI_VERSION:
	case PSCI_CPU_SUSPEND:
	case PSCI_CPU_SUSPEND_64:
	case PSCI_CPU_OFF:
	case PSCI_CPU_ON:
	case PSCI_CPU_ON_64:
	case PSCI_AFFINITY_INFO:
	case PSCI_AFFINITY_INFO_64:
	case PSCI_MIGRATE_INFO_TYPE:
	case PSCI_SYSTEM_OFF:
	case PSCI_SYSTEM_RESET:
	case PSCI_FEATURES:
		return true;
	default:
		return false;
	}
}

/* ---- the workarounds for speculation ------------------------------------------------------------------- */

/*
 * They act on the CPU that asks, and cores of one machine differ; so each is asked for itself, the first time
 * its guest wants to know. Only the CPU itself uses its row.
 */
static const u32 workarounds[] = {
	SMCCC_ARCH_WORKAROUND_1,
	SMCCC_ARCH_WORKAROUND_2,
	SMCCC_ARCH_WORKAROUND_3,
};
struct answer {
	bool known;
	s32 value; /* of SMCCC_ARCH_FEATURES: < 0: the firmware does not have it */
};
static struct answer answers[CPUS_MAX][ARRAY_SIZE(workarounds)];

/* Older firmware may not know the question (DEN 0028E 7.2 and appendix B: how to find out). */
static s32 firmware_feature(u32 function)
{
	if ((s32)psci_firmware_call(PSCI_VERSION, 0, 0, 0) < (s32)PSCI_VERSION_1_0 ||
	    (s32)psci_firmware_call(PSCI_FEATURES, SMCCC_VERSION, 0, 0) < 0 ||
	    (s32)psci_firmware_call(SMCCC_VERSION, 0, 0, 0) < (s32)SMCCC_VERSION_1_1)
		return SMCCC_NOT_SUPPORTED;
	return (s32)psci_firmware_call(SMCCC_ARCH_FEATURES, function, 0, 0);
}

static s32 workaround(unsigned int cpu, u32 function)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(workarounds); i++) {
		struct answer *a = &answers[cpu][i];

		if (workarounds[i] != function)
			continue;
		if (!a->known)
			*a = (struct answer){ true, firmware_feature(function) };
		return a->value;
	}
	return SMCCC_NOT_SUPPORTED;
}

static s64 arch_features(unsigned int cpu, u32 function)
{
	if (function == SMCCC_VERSION || function == SMCCC_ARCH_FEATURES)
		return SMCCC_SUCCESS;
	return workaround(cpu, function);
}

/* ---- the calls ----------------------------------------------------------------------------------------- */

static s64 not_supported(u32 function)
{
	static once_place seen[LOGGED_CLASSES];

	if (once(seen, SMCCC_CLASS(function)))
		log_info("platform: the guest's call 0x%08x, and others of owner %u: not supported",
			 function, SMCCC_OWNER(function));
	return SMCCC_NOT_SUPPORTED;
}

static s64 forwarded(unsigned int cpu, u32 function, u64 argument)
{
	if (workaround(cpu, function) < 0)
		return not_supported(function);
	return psci_firmware_call(function, argument, 0, 0);
}

static s64 answer_to(struct vcpu *v, u32 function, u64 a, u64 b, u64 c)
{
	switch (function) {
	case SMCCC_VERSION:
		return SMCCC_VERSION_1_1;
	case SMCCC_ARCH_FEATURES:
		return arch_features(v->index, (u32)a);
	case SMCCC_ARCH_WORKAROUND_1:
	case SMCCC_ARCH_WORKAROUND_2:
	case SMCCC_ARCH_WORKAROUND_3:
		return forwarded(v->index, function, a);
	case PSCI_VERSION:
		return PSCI_VERSION_1_1;
	case PSCI_CPU_SUSPEND:
	case PSCI_CPU_SUSPEND_64:
		/*
		 * Standby, and power-down as standby, which the caller must expect (5.4.2): nothing is lost,
		 * and the wake-up may come at once. The guest's tree offers no idle states; WFI does not
		 * exit.
		 */
		return PSCI_SUCCESS;
	case PSCI_CPU_OFF:
		return cpu_off(v);
	case PSCI_CPU_ON:
	case PSCI_CPU_ON_64:
		return cpu_on(a, b, c);
	case PSCI_AFFINITY_INFO:
	case PSCI_AFFINITY_INFO_64:
		return affinity_info(a, b);
	case PSCI_MIGRATE_INFO_TYPE:
		return PSCI_NO_TRUSTED_OS;
	case PSCI_SYSTEM_OFF:
		machine_off("the guest has called SYSTEM_OFF");
	case PSCI_SYSTEM_RESET:
		machine_reset("the guest has called SYSTEM_RESET");
	case PSCI_FEATURES:
		return is_answered((u32)a) ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED;
	default:
		return not_supported(function);
	}
}

/* Immediates other than 0 are another interface (DEN 0028E 2.9), which this machine does not have. */
static void no_such_interface(struct vcpu *v, bool smc)
{
	static once_place seen[2];

	if (once(seen, smc))
		log_info("platform: the guest's %s with an immediate is undefined", smc ? "SMC" : "HVC");
	if (!smc)
		v->pc -= INSTRUCTION_BYTES; /* HVC's return address is behind it */
	vcpu_inject_undefined(v);
}

void smccc_call(struct vcpu *v, bool smc)
{
	u32 function = (u32)v->x[0]; /* the convention is W0 only (DEN 0028E 2.5) */
	bool wide = function & SMCCC_64;
	u64 mask = wide ? ~(u64)0 : ~(u32)0;
	s64 result;

	if (ISS_IMMEDIATE(v->esr)) {
		no_such_interface(v, smc);
		return;
	}
	if (smc)
		vcpu_skip_instruction(v); /* trapped, so not done (D1.3.5); HVC is */
	result = answer_to(v, function, v->x[1] & mask, v->x[2] & mask, v->x[3] & mask);
	v->x[0] = (u64)result & mask;
}
