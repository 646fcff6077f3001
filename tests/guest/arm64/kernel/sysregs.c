/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every system register encoding, read and written; system instructions; what the ID registers say and
 * whether it is so (Arm ARM DDI 0487J, C5.1.2, D19).
 */
#include "kernel.h"

#define MRS 0xd5200000u /* L = 1; op0 from bit 19 */
#define MSR 0xd5000000u
#define RET 0xd65f03c0u
#define ENCODINGS 0x4000u /* of one op0 */

/* op1, CRn, CRm, op2 as instructions have them, and as one number. */
#define NUMBER(op1, crn, crm, op2) ((op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))
#define INSTRUCTION(kind, op0, number) ((kind) | (op0) << 19 | (number) << 5)

static u32 code[ENCODINGS][2] __attribute__((aligned(64)));
static u8 scratch[4096] __attribute__((aligned(4096)));

static void generate(u32 kind, u32 op0)
{
	for (u32 n = 0; n < ENCODINGS; n++) {
		code[n][0] = INSTRUCTION(kind, op0, n); /* Rt is X0 */
		code[n][1] = RET;
	}
	for (u64 at = (u64)code; at < (u64)code + sizeof(code); at += 16)
		__asm__ volatile("dc cvau, %0\n\tic ivau, %0" : : "r"(at) : "memory");
	__asm__ volatile("dsb sy\n\tic iallu\n\tdsb sy\n\tisb" : : : "memory");
}

enum outcome { WORKS, UNDEFINED, OTHER };

static enum outcome run(u32 n, u64 *x0)
{
	u64 result;

	fault_begin();
	result = call_code(*x0, code[n]);
	if (fault_end())
		/* 0x18: what is not allocated among the ID registers, with FEAT_IDST on some CPUs */
		return fault_class() == EC_UNKNOWN || fault_class() == EC_SYSREG ? UNDEFINED : OTHER;
	*x0 = result;
	return WORKS;
}

/* ---- registers ---- */

static u8 readable[4][ENCODINGS / 8]; /* by op0, a bit each */
static u64 value[ENCODINGS];

static bool is_readable(u32 op0, u32 n)
{
	return readable[op0][n / 8] >> (n % 8) & 1;
}

static void read_all(u32 op0, const char *name)
{
	unsigned long works = 0;

	begin_test(name);
	generate(MRS, op0);
	for (u32 n = 0; n < ENCODINGS; n++) {
		u64 x0 = 0x5a5a5a5a5a5a5a5a;
		enum outcome o = run(n, &x0);

		value[n] = x0;
		readable[op0][n / 8] &= (u8)~(1u << (n % 8));
		readable[op0][n / 8] |= (u8)((o == WORKS) << (n % 8));
		works += o == WORKS;
		check(o != OTHER, "S%lu encoding 0x%lx: exception class 0x%lx", (unsigned long)op0,
		      (unsigned long)n, (unsigned long)fault_class());
	}
	say("INFO %s: %lu registers", name, works);
	end_test();
}

/*
 * Random values do not go where they would end this kernel: MMU, vectors, masks, stack, the CPU's reset, its
 * timers' and interrupts' enables are harmless as everything is masked.
 */
static bool takes_random(u32 op0, u32 n)
{
	static const u32 keep[] = {
		NUMBER(0, 1, 0, 0),  /* SCTLR_EL1 */
		NUMBER(0, 1, 0, 3),  /* SCTLR2_EL1 */
		NUMBER(0, 12, 0, 0), /* VBAR_EL1 */
		NUMBER(0, 12, 0, 2), /* RMR_EL1 */
		NUMBER(0, 4, 2, 0),  /* SPSel */
		NUMBER(3, 4, 2, 1),  /* DAIF */
		NUMBER(0, 1, 0, 2),  /* CPACR_EL1 */
		NUMBER(0, 4, 3, 0),  /* ALLINT */
		NUMBER(3, 4, 2, 2),  /* SVCR */
		NUMBER(0, 12, 11, 5), NUMBER(0, 12, 11, 6), NUMBER(0, 12, 11, 7), /* SGIs: gic.c sends them */
	};

	for (unsigned int i = 0; op0 == 3 && i < ARRAY_SIZE(keep); i++) {
		if (n == keep[i])
			return false;
	}
	return true;
}

/* What was read is written back, then anything, then what was read again. */
static void write_all(u32 op0, const char *name)
{
	unsigned long works = 0;

	begin_test(name);
	generate(MSR, op0);
	for (u32 n = 0; n < ENCODINGS; n++) {
		u64 same = value[n], any = random64();
		bool reads = is_readable(op0, n);
		enum outcome o = WORKS;

		if (!reads && !takes_random(op0, n))
			continue;
		if (reads)
			o = run(n, &same);
		check(o != OTHER, "S%lu encoding 0x%lx: exception class 0x%lx", (unsigned long)op0,
		      (unsigned long)n, (unsigned long)fault_class());
		if (takes_random(op0, n))
			o = run(n, &any);
		works += o == WORKS;
		if (reads)
			(void)run(n, &same);
	}
	say("INFO %s: %lu registers", name, works);
	end_test();
}

static const struct {
	const char *name;
	u32 n;
} hidden[] = {
	{ "ERRIDR_EL1", NUMBER(0, 5, 3, 0) },	{ "ERRSELR_EL1", NUMBER(0, 5, 3, 1) },
	{ "ERXFR_EL1", NUMBER(0, 5, 4, 0) },	{ "ERXSTATUS_EL1", NUMBER(0, 5, 4, 2) },
	{ "LORSA_EL1", NUMBER(0, 10, 4, 0) },	{ "LORC_EL1", NUMBER(0, 10, 4, 3) },
	{ "LORID_EL1", NUMBER(0, 10, 4, 7) },	{ "MPAMIDR_EL1", NUMBER(0, 10, 4, 4) },
	{ "MPAM1_EL1", NUMBER(0, 10, 5, 0) },	{ "MPAM0_EL1", NUMBER(0, 10, 5, 1) },
	{ "PMSCR_EL1", NUMBER(0, 9, 9, 0) },	{ "PMSIDR_EL1", NUMBER(0, 9, 9, 7) },
	{ "PMBLIMITR_EL1", NUMBER(0, 9, 10, 0) }, { "PMBIDR_EL1", NUMBER(0, 9, 10, 7) },
	{ "TRBLIMITR_EL1", NUMBER(0, 9, 11, 0) }, { "TRBIDR_EL1", NUMBER(0, 9, 11, 7) },
	{ "TRFCR_EL1", NUMBER(0, 1, 2, 1) },	{ "ZCR_EL2", NUMBER(4, 1, 2, 0) },
	{ "SMPRI_EL1", NUMBER(0, 1, 2, 4) },	{ "SMCR_EL1", NUMBER(0, 1, 2, 6) },
	{ "SMIDR_EL1", NUMBER(1, 0, 0, 6) },	{ "SVCR", NUMBER(3, 4, 2, 2) },
	{ "TPIDR2_EL0", NUMBER(3, 13, 0, 5) },	{ "RGSR_EL1", NUMBER(0, 1, 0, 5) },
	{ "GCR_EL1", NUMBER(0, 1, 0, 6) },	{ "TFSR_EL1", NUMBER(0, 5, 6, 0) },
	{ "GMID_EL1", NUMBER(1, 0, 0, 4) },	{ "TCR2_EL1", NUMBER(0, 2, 0, 3) },
	{ "SCTLR2_EL1", NUMBER(0, 1, 0, 3) },	{ "PIR_EL1", NUMBER(0, 10, 2, 3) },
	{ "POR_EL1", NUMBER(0, 10, 2, 4) },	{ "GCSCR_EL1", NUMBER(0, 2, 5, 0) },
	{ "RCWMASK_EL1", NUMBER(0, 13, 0, 6) }, { "ACCDATA_EL1", NUMBER(0, 13, 0, 5) },
	{ "AMCR_EL0", NUMBER(3, 13, 2, 0) },
	{ "AMEVCNTR00_EL0", NUMBER(3, 13, 4, 0) }, { "HCR_EL2", NUMBER(4, 1, 1, 0) },
	{ "VTTBR_EL2", NUMBER(4, 2, 1, 0) },	{ "ICH_HCR_EL2", NUMBER(4, 12, 11, 0) },
	{ "SCTLR_EL12", NUMBER(5, 1, 0, 0) },	{ "SCR_EL3", NUMBER(6, 1, 1, 0) },
};

static void hidden_registers(void)
{
	begin_test("sysreg-hidden");
	for (unsigned int i = 0; i < ARRAY_SIZE(hidden); i++)
		check(!is_readable(3, hidden[i].n), "%s can be read", hidden[i].name);
	for (u32 n = 0; n < ENCODINGS; n++) {
		u32 op1 = n >> 11, crn = n >> 7 & 15;

		check(!is_readable(3, n) || op1 < 4, "S3_%lu register 0x%lx can be read", (unsigned long)op1,
		      (unsigned long)n);
		check(!is_readable(3, n) || (crn != 11 && crn != 15),
		      "implementation defined 0x%lx can be read", (unsigned long)n);
	}
	end_test();
}

/* ---- system instructions ---- */

/* With an address of ours in X0: maintenance, translation, predictions. EL2's and EL3's are undefined. */
static void system_instructions(void)
{
	static const u32 kinds[] = { MSR, MRS };
	unsigned long works = 0;

	begin_test("system-instructions");
	for (unsigned int k = 0; k < ARRAY_SIZE(kinds); k++) {
		generate(kinds[k], 1);
		for (u32 n = 0; n < ENCODINGS; n++) {
			u64 x0 = (u64)scratch;
			enum outcome o = run(n, &x0);
			u32 op1 = n >> 11, crn = n >> 7 & 15;

			works += o == WORKS;
			check(o != OTHER || fault_class() == EC_DATA_ABORT,
			      "encoding 0x%lx: exception class 0x%lx", (unsigned long)n,
			      (unsigned long)fault_class());
			check(o != WORKS || (op1 != 4 && op1 != 6), "EL2's or EL3's 0x%lx works",
			      (unsigned long)n);
			check(o != WORKS || (crn != 11 && crn != 15), "implementation defined 0x%lx works",
			      (unsigned long)n);
		}
	}
	say("INFO system instructions: %lu", works);
	end_test();
}

/* ALLINT's reads cannot be trapped, its writes can. */
static void allint(void)
{
	begin_test("sysreg-allint");
	fault_begin();
	__asm__ volatile("msr S3_0_C4_C3_0, %0" : : "r"(0ul));
	check(fault_end() && fault_class() == EC_UNKNOWN, "ALLINT can be written");
	end_test();
}

#define CPACR_ALL (3u << 16 | 3u << 20 | 3u << 24) /* ZEN, FPEN, SMEN: EL1 traps nothing itself */

void test_sysregs(void)
{
	u64 cpacr = read_sysreg("cpacr_el1");

	write_sysreg("cpacr_el1", CPACR_ALL);
	read_all(2, "debug-registers-read");
	write_all(2, "debug-registers-write");
	read_all(3, "sysreg-read");
	hidden_registers();
	allint();
	write_all(3, "sysreg-write");
	system_instructions();
	write_sysreg("cpacr_el1", cpacr);
	gic_reset();
}
