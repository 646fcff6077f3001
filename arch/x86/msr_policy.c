/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of MSRs. Default: #GP. MSRs that route memory accesses, run firmware or belong to virtualization never pass a write: the
 * direct map would have a way around it (IORR, TOP_MEM, SYSCFG, HWCR, SMM, VM_HSAVE_PA, microcode).
 *
 * Numbers: AMD64 APM vol. 2, appendix A; BKDG/PPR of family 17h for the C001xxxx ones.
 */
#include "arch/x86/msr.h"

struct row {
	u32 first, last;
	enum msr_rule read, write;
};

/* Ascending, without overlap (tested). */
static const struct row rows[] = {
	{ 0x00000010, 0x00000010, MSR_PASSED, MSR_IGNORED },   /* TSC: Fairlead's own clock */
	{ 0x0000001b, 0x0000001b, MSR_REAL, MSR_EMULATED },    /* APIC_BASE */
	{ 0x0000003b, 0x0000003b, MSR_REAL, MSR_IGNORED },     /* TSC_ADJUST */
	{ 0x00000048, 0x00000049, MSR_PASSED, MSR_PASSED },    /* SPEC_CTRL, PRED_CMD */
	{ 0x0000008b, 0x0000008b, MSR_REAL, MSR_IGNORED },     /* PATCH_LEVEL */
	{ 0x000000e7, 0x000000e8, MSR_PASSED, MSR_IGNORED },   /* MPERF, APERF */
	{ 0x000000fe, 0x000000fe, MSR_EMULATED, MSR_REFUSED }, /* MTRRcap */
	{ 0x0000010a, 0x0000010a, MSR_REAL, MSR_REFUSED },     /* ARCH_CAPABILITIES */
	{ 0x0000010b, 0x0000010b, MSR_PASSED, MSR_PASSED },    /* FLUSH_CMD */
	{ 0x00000174, 0x00000176, MSR_PASSED, MSR_PASSED },    /* SYSENTER_CS, ESP, EIP: in the VMCB */
	{ 0x00000179, 0x00000179, MSR_REAL, MSR_IGNORED },     /* MCG_CAP */
	{ 0x0000017a, 0x0000017b, MSR_REAL, MSR_EMULATED },    /* MCG_STATUS, MCG_CTL */
	{ 0x000001d9, 0x000001d9, MSR_EMULATED, MSR_IGNORED }, /* DebugCtl: shared with us, reads 0 */
	{ 0x00000200, 0x0000020f, MSR_EMULATED, MSR_EMULATED }, /* MTRR base and mask */
	{ 0x00000250, 0x00000250, MSR_EMULATED, MSR_EMULATED }, /* MTRR fixed */
	{ 0x00000258, 0x00000259, MSR_EMULATED, MSR_EMULATED },
	{ 0x00000268, 0x0000026f, MSR_EMULATED, MSR_EMULATED },
	{ 0x00000277, 0x00000277, MSR_EMULATED, MSR_EMULATED }, /* PAT: in the VMCB */
	{ 0x000002ff, 0x000002ff, MSR_EMULATED, MSR_EMULATED }, /* MTRR default type */
	{ 0x00000400, 0x0000047f, MSR_REAL, MSR_EMULATED },    /* machine-check banks */
	{ 0x000006e0, 0x000006e0, MSR_PASSED, MSR_PASSED },    /* TSC_DEADLINE */
	/* x2APIC: the registers there are (APM vol. 2, table 16-6), so that none that sends something is overlooked */
	{ 0x00000802, 0x00000803, MSR_PASSED, MSR_PASSED },    /* ID, version */
	{ 0x00000808, 0x0000080b, MSR_PASSED, MSR_PASSED },    /* TPR, APR, PPR, EOI */
	{ 0x0000080d, 0x0000080d, MSR_PASSED, MSR_PASSED },    /* LDR */
	{ 0x0000080f, 0x00000828, MSR_PASSED, MSR_PASSED },    /* SVR, ISR, TMR, IRR, ESR */
	{ 0x0000082f, 0x00000830, MSR_PASSED, MSR_EMULATED },  /* LVT CMCI, ICR */
	{ 0x00000832, 0x00000837, MSR_PASSED, MSR_EMULATED },  /* LVT */
	{ 0x00000838, 0x00000839, MSR_PASSED, MSR_PASSED },    /* timer: initial and current count */
	{ 0x0000083e, 0x0000083f, MSR_PASSED, MSR_PASSED },    /* divide configuration, SELF_IPI */
	{ 0x00000840, 0x00000842, MSR_PASSED, MSR_PASSED },    /* extended: feature, control, specific EOI */
	{ 0x00000848, 0x0000084f, MSR_PASSED, MSR_PASSED },    /* interrupt enable */
	{ 0x00000850, 0x00000853, MSR_PASSED, MSR_EMULATED },  /* extended LVT */
	{ 0x00000da0, 0x00000da0, MSR_PASSED, MSR_PASSED },    /* XSS: XSAVE state is all the guest's */
	{ 0xc0000080, 0xc0000080, MSR_EMULATED, MSR_EMULATED }, /* EFER */
	{ 0xc0000081, 0xc0000084, MSR_PASSED, MSR_PASSED },    /* STAR, LSTAR, CSTAR, SFMASK: in the VMCB */
	{ 0xc0000100, 0xc0000103, MSR_PASSED, MSR_PASSED },    /* FS, GS, kernel GS base (VMCB); TSC_AUX */
	{ 0xc0000300, 0xc0000303, MSR_PASSED, MSR_PASSED },    /* performance counters, global */
	{ 0xc0000408, 0xc000040f, MSR_REAL, MSR_IGNORED },     /* machine-check misc */
	{ 0xc0002000, 0xc00021ff, MSR_REAL, MSR_EMULATED },    /* scalable machine-check banks */
	{ 0xc0010000, 0xc0010007, MSR_PASSED, MSR_PASSED },    /* performance counters */
	{ 0xc0010010, 0xc0010010, MSR_REAL, MSR_IGNORED },     /* SYSCFG */
	{ 0xc0010015, 0xc001001d, MSR_REAL, MSR_IGNORED },     /* HWCR, IORR, TOP_MEM, TOP_MEM2 */
	{ 0xc001001f, 0xc001001f, MSR_REAL, MSR_IGNORED },     /* NB_CFG */
	{ 0xc0010055, 0xc0010055, MSR_REAL, MSR_IGNORED },     /* interrupt pending */
	{ 0xc0010058, 0xc0010058, MSR_REAL, MSR_IGNORED },     /* MMIO configuration base */
	{ 0xc0010061, 0xc0010061, MSR_REAL, MSR_IGNORED },     /* P-state limit */
	{ 0xc0010062, 0xc0010062, MSR_PASSED, MSR_PASSED },    /* P-state control: one of those firmware defined */
	{ 0xc0010063, 0xc001006b, MSR_REAL, MSR_IGNORED },     /* P-state status and definitions */
	{ 0xc0010111, 0xc0010113, MSR_REAL, MSR_IGNORED },     /* SMM base, address, mask */
	{ 0xc0010114, 0xc0010114, MSR_EMULATED, MSR_IGNORED }, /* VM_CR: SVM switched off and locked */
	{ 0xc001011f, 0xc001011f, MSR_PASSED, MSR_PASSED },    /* VIRT_SPEC_CTRL */
	{ 0xc0010140, 0xc0010141, MSR_REAL, MSR_IGNORED },     /* OS visible workarounds */
	{ 0xc0010200, 0xc001020b, MSR_PASSED, MSR_PASSED },    /* performance counters, extended */
	{ 0xc0011002, 0xc0011005, MSR_REAL, MSR_IGNORED },     /* CPUID feature overrides */
	{ 0xc001100c, 0xc001100c, MSR_REAL, MSR_IGNORED },     /* node ID */
	{ 0xc0011019, 0xc001101b, MSR_PASSED, MSR_PASSED },    /* address masks of DR1-DR3 */
	{ 0xc0011020, 0xc0011020, MSR_REAL, MSR_EMULATED },    /* LS_CFG: the guest may disable speculative store bypass */
	{ 0xc0011021, 0xc0011023, MSR_REAL, MSR_IGNORED },     /* IC_CFG, DC_CFG, BU_CFG */
	{ 0xc0011027, 0xc0011027, MSR_PASSED, MSR_PASSED },    /* address mask of DR0 */
	{ 0xc0011029, 0xc0011029, MSR_REAL, MSR_EMULATED },    /* DE_CFG: the guest may make LFENCE serializing */
	{ 0xc001102a, 0xc001102b, MSR_REAL, MSR_IGNORED },     /* BU_CFG2 */
};

static const struct row *find(u32 msr)
{
	unsigned int low = 0, high = ARRAY_SIZE(rows);

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (msr < rows[middle].first)
			high = middle;
		else if (msr > rows[middle].last)
			low = middle + 1;
		else
			return &rows[middle];
	}
	return NULL;
}

enum msr_rule msr_read_rule(u32 msr)
{
	const struct row *row = find(msr);

	return row ? row->read : MSR_REFUSED;
}

enum msr_rule msr_write_rule(u32 msr)
{
	const struct row *row = find(msr);

	return row ? row->write : MSR_REFUSED;
}

/* The permission map has three ranges of 2000h MSRs, 2 KiB each (APM vol. 2, 15.11). */
#define RANGE_MSRS 0x2000u
#define RANGE_BYTES 2048u
static const u32 range_first[] = { 0x00000000, 0xc0000000, 0xc0010000 };

static void pass(u8 *bitmap, unsigned int bit)
{
	bitmap[bit / 8] &= (u8)~(1u << bit % 8);
}

void msr_bitmap_fill(u8 *bitmap)
{
	for (unsigned int i = 0; i < MSR_BITMAP_SIZE; i++)
		bitmap[i] = 0xff;
	for (unsigned int range = 0; range < ARRAY_SIZE(range_first); range++) {
		for (u32 i = 0; i < RANGE_MSRS; i++) {
			u32 msr = range_first[range] + i;
			unsigned int bit = range * RANGE_BYTES * 8 + i * 2;

			if (msr_read_rule(msr) == MSR_PASSED)
				pass(bitmap, bit);
			if (msr_write_rule(msr) == MSR_PASSED)
				pass(bitmap, bit + 1);
		}
	}
}
