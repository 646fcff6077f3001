/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads out the machine-check banks. Registers: AMD64 APM vol. 2, 9.3.
 */
#include "arch/x86/mce.h"

#include "arch/x86/cpu.h"
#include "core/log.h"

#define MSR_MCG_CAP 0x179u
#define MCG_CAP_BANKS 0xffu
#define MSR_MCG_STATUS 0x17au
#define MCG_STATUS_RIPV BIT(0) /* the interrupted program can be continued */
#define MSR_BANK_STATUS(bank) (0x401u + 4 * (bank))
#define MSR_BANK_ADDRESS(bank) (0x402u + 4 * (bank))
#define STATUS_VALID BIT(63)
#define STATUS_OVERFLOW BIT(62)
#define STATUS_UNCORRECTED BIT(61)
#define STATUS_ADDRESS_VALID BIT(58)
#define STATUS_CONTEXT_CORRUPT BIT(57)
#define BANKS_MAX 32u

/* True if this bank says that the CPU's state is not to be trusted. */
static bool log_bank(u32 bank)
{
	u64 status, address = 0;

	if (rdmsr_safe(MSR_BANK_STATUS(bank), &status) || !(status & STATUS_VALID))
		return false;
	if (status & STATUS_ADDRESS_VALID)
		(void)rdmsr_safe(MSR_BANK_ADDRESS(bank), &address);
	log_error("machine check: bank %u status 0x%016llx address 0x%llx: %s%s", bank, (unsigned long long)status,
		  (unsigned long long)address, status & STATUS_UNCORRECTED ? "uncorrected" : "corrected",
		  status & STATUS_CONTEXT_CORRUPT ? ", processor context corrupt" : "");
	(void)wrmsr_safe(MSR_BANK_STATUS(bank), 0);
	/* With an overflow an error was lost; beside an uncorrected one it may have been a fatal one (9.3.2.1). */
	return (status & STATUS_CONTEXT_CORRUPT) || ((status & STATUS_OVERFLOW) && (status & STATUS_UNCORRECTED));
}

bool mce_log_and_classify(void)
{
	u64 capabilities = 0, status = 0;
	bool corrupt = false;
	u32 banks;

	if (rdmsr_safe(MSR_MCG_CAP, &capabilities) || rdmsr_safe(MSR_MCG_STATUS, &status))
		return false;
	banks = (u32)min_u64(capabilities & MCG_CAP_BANKS, BANKS_MAX);
	for (u32 bank = 0; bank < banks; bank++)
		corrupt |= log_bank(bank);
	log_error("machine check: status 0x%llx", (unsigned long long)status);
	(void)wrmsr_safe(MSR_MCG_STATUS, 0);
	return !corrupt && (status & MCG_STATUS_RIPV);
}
