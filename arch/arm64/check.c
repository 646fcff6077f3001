/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Before anything is touched: can this CPU run Fairlead, and what does it offer? Used by the refusal and by --probe.
 */
#include "arch/arm64/paging.h"
#include "arch/arm64/sysregs.h"
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"

#define EL2 2
#define CURRENT_EL(r) ((unsigned int)((r) >> 2) & 3)
/* D19.2.98 MIDR_EL1 */
#define MIDR_IMPLEMENTER(r) ((unsigned int)((r) >> 24) & 0xff)
#define MIDR_PART(r) ((unsigned int)((r) >> 4) & 0xfff)

static const char *missing(void)
{
	const unsigned int el = CURRENT_EL(sysreg_read("CurrentEL"));
	const u64 mmfr0 = sysreg_read("id_aa64mmfr0_el1");
	const unsigned int granule2 = MMFR0_TGRAN4_2(mmfr0);

	if (el != EL2)
		return "the firmware has started Fairlead at EL1, without the virtualization level EL2; switch virtualization on in "
		       "the firmware (QEMU: -machine virtualization=on)";
	if (MMFR0_TGRAN4(mmfr0) == TGRAN4_NONE || granule2 == TGRAN4_2_NONE)
		return "the CPU has no translation tables of 4 KiB pages";
	if (!pa_bits_of(MMFR0_PARANGE(mmfr0)))
		return "the CPU has a size of physical addresses that Fairlead does not know";
	if (!PFR0_GIC(sysreg_read("id_aa64pfr0_el1")))
		return "the CPU has no GICv3 system registers; Fairlead needs a GICv3 (QEMU: gic-version=3)";
	if (!sysreg_read("cntfrq_el0"))
		return "the firmware has not set the timer's frequency (CNTFRQ_EL0); update the firmware";
	return NULL;
}

int arch_check_cpu(char *error, size_t size)
{
	const char *what = missing();

	if (!what)
		return 0;
	fl_snprintf(error, size, "%s", what);
	return -EOPNOTSUPP;
}

static void describe(const char *name, bool has)
{
	log_info("cpu: %-14s %s", name, has ? "yes" : "no");
}

void arch_describe_cpu(void)
{
	const u64 midr = sysreg_read("midr_el1"), mmfr1 = sysreg_read("id_aa64mmfr1_el1");
	const char *what = missing();
	bool wide;

	log_info("cpu: implementer 0x%02x, part 0x%03x, MPIDR 0x%llx, timer %llu kHz", MIDR_IMPLEMENTER(midr), MIDR_PART(midr),
		 (unsigned long long)sysreg_read("mpidr_el1"), (unsigned long long)sysreg_read("cntfrq_el0") / 1000);
	log_info("cpu: physical addresses of %u bits%s", stage2_bits(&wide), wide ? " (LPA2)" : "");
	describe("VHE", MMFR1_VH(mmfr1));
	describe("PAN", MMFR1_PAN(mmfr1));
	describe("BTI", PFR1_BT(sysreg_read("id_aa64pfr1_el1")));
	describe("GICv3", PFR0_GIC(sysreg_read("id_aa64pfr0_el1")));
	if (what)
		log_info("missing: %s", what);
}

int arch_pci_cfg_init(void)
{
	return 0; /* ECAM is all there is */
}
