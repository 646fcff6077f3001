/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Before anything is touched: can this CPU run Fairlead, and what does it offer? Used by the refusal and by --probe.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/svm/svm.h"
#include "core/arch.h"
#include "core/log.h"
#include "core/string.h"

/* APM vol. 3, appendix E: the leaves used here. */
#define CPUID_VENDOR 0u
#define CPUID_BRAND 0x80000002u
#define CPUID_EXT_MAX 0x80000000u

int arch_check_cpu(char *error, size_t size)
{
	return svm_check(error, size);
}

struct feature {
	const char *name;
	u32 leaf;
	enum { IN_EAX, IN_EBX, IN_ECX, IN_EDX } where;
	unsigned int bit;
};

static const struct feature features[] = {
	{ "SVM", 0x80000001u, IN_ECX, 2 },	    { "nested paging", 0x8000000au, IN_EDX, 0 },
	{ "next-RIP save", 0x8000000au, IN_EDX, 3 }, { "decode assists", 0x8000000au, IN_EDX, 7 },
	{ "flush by ASID", 0x8000000au, IN_EDX, 6 }, { "x2APIC", 1, IN_ECX, 21 },
	{ "1 GiB pages", 0x80000001u, IN_EDX, 26 },  { "SMEP", 7, IN_EBX, 7 },
	{ "SMAP", 7, IN_EBX, 20 },
};

static bool has_feature(const struct feature *f)
{
	struct cpuid_regs r;
	u32 regs[4];

	if (cpuid(f->leaf & CPUID_EXT_MAX, 0).eax < f->leaf)
		return false;
	r = cpuid(f->leaf, 0);
	regs[IN_EAX] = r.eax;
	regs[IN_EBX] = r.ebx;
	regs[IN_ECX] = r.ecx;
	regs[IN_EDX] = r.edx;
	return regs[f->where] & BIT32(f->bit);
}

static void log_brand(void)
{
	char brand[49] = "unknown CPU";

	if (cpuid(CPUID_EXT_MAX, 0).eax >= CPUID_BRAND + 2) {
		for (u32 i = 0; i < 3; i++) {
			struct cpuid_regs r = cpuid(CPUID_BRAND + i, 0);

			memcpy(brand + i * sizeof(r), &r, sizeof(r));
		}
		brand[48] = '\0';
	}
	log_info("cpu: %s", brand);
}

void arch_describe_cpu(void)
{
	char error[LOG_LINE_MAX];

	log_brand();
	for (unsigned int i = 0; i < ARRAY_SIZE(features); i++)
		log_info("cpu: %-14s %s", features[i].name, has_feature(&features[i]) ? "yes" : "no");
	if (svm_check(error, sizeof(error)))
		log_info("missing: %s", error);
}
