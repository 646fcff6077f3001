/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the ID registers show works, what they must not show they do not (Arm ARM DDI 0487J, D19.2).
 * Instructions that the assembler does not know at Armv8.0 stand as numbers.
 */
#include "kernel.h"

static unsigned int field(u64 reg, unsigned int shift)
{
	return (unsigned int)(reg >> shift) & 0xf;
}

static void zero(const char *name, u64 reg, unsigned int shift)
{
	check(field(reg, shift) == 0, "%s is %lu", name, (unsigned long)field(reg, shift));
}

static void hidden_fields(void)
{
	u64 pfr0 = read_sysreg("S3_0_C0_C4_0"), pfr1 = read_sysreg("S3_0_C0_C4_1"),
	    dfr0 = read_sysreg("S3_0_C0_C5_0");
	u64 mmfr1 = read_sysreg("S3_0_C0_C7_1"), mmfr2 = read_sysreg("S3_0_C0_C7_2");

	say("INFO PFR0 0x%lx PFR1 0x%lx DFR0 0x%lx", (unsigned long)pfr0, (unsigned long)pfr1,
	    (unsigned long)dfr0);
	say("INFO ISAR0 0x%lx ISAR1 0x%lx ISAR2 0x%lx", (unsigned long)read_sysreg("S3_0_C0_C6_0"),
	    (unsigned long)read_sysreg("S3_0_C0_C6_1"), (unsigned long)read_sysreg("S3_0_C0_C6_2"));
	say("INFO MMFR0 0x%lx MMFR1 0x%lx MMFR2 0x%lx MMFR3 0x%lx",
	    (unsigned long)read_sysreg("S3_0_C0_C7_0"), (unsigned long)mmfr1, (unsigned long)mmfr2,
	    (unsigned long)read_sysreg("S3_0_C0_C7_3"));
	begin_test("id-hidden");
	zero("EL2", pfr0, 8);
	zero("EL3", pfr0, 12);
	zero("RAS", pfr0, 28);
	zero("MPAM", pfr0, 40);
	zero("AMU", pfr0, 44);
	zero("RME", pfr0, 52);
	zero("MTE", pfr1, 8);
	zero("SME", pfr1, 24);
	zero("NMI", pfr1, 36);
	zero("TraceVer", dfr0, 4);
	zero("SPE", dfr0, 32);
	zero("TraceFilt", dfr0, 40);
	zero("VH", mmfr1, 8);
	zero("LO", mmfr1, 16);
	zero("IESB", mmfr2, 12);
	zero("NV", mmfr2, 24);
	check(read_sysreg("S3_0_C0_C7_3") == 0, "MMFR3 is not 0");
	check(field(pfr0, 24) == 1, "GIC is %lu", (unsigned long)field(pfr0, 24));
	check(field(pfr0, 4) == 1, "EL1 is %lu", (unsigned long)field(pfr0, 4));
	end_test();
}

static void write_to_id_registers(void)
{
	begin_test("id-read-only");
	fault_begin();
	__asm__ volatile("msr S3_0_C0_C4_0, xzr");
	check(fault_end() && fault_class() == EC_UNKNOWN, "ID_AA64PFR0_EL1 can be written");
	end_test();
}

/* One instruction of a feature that is shown: does it work? */
#define works(name, there, ...)                                                \
	do {                                                                   \
		if (there) {                                                   \
			fault_begin();                                         \
			__asm__ volatile(__VA_ARGS__);                         \
			check(!fault_end(), "%s: exception class 0x%lx", name, \
			      (unsigned long)fault_class());                   \
		}                                                              \
	} while (0)

static u64 memory[2] __attribute__((aligned(16)));

static void shown_features(void)
{
	u64 pfr0 = read_sysreg("S3_0_C0_C4_0"), pfr1 = read_sysreg("S3_0_C0_C4_1"),
	    dfr0 = read_sysreg("S3_0_C0_C5_0");
	u64 isar0 = read_sysreg("S3_0_C0_C6_0"), isar1 = read_sysreg("S3_0_C0_C6_1"),
	    isar2 = read_sysreg("S3_0_C0_C6_2");
	u64 mmfr0 = read_sysreg("S3_0_C0_C7_0"), mmfr1 = read_sysreg("S3_0_C0_C7_1"),
	    mmfr2 = read_sysreg("S3_0_C0_C7_2");
	u64 sctlr = read_sysreg("sctlr_el1"), cpacr = read_sysreg("cpacr_el1");

	begin_test("id-shown");
	works("FP", field(pfr0, 16) != 15, ".inst 0x9e670000" : : : "memory"); /* fmov d0, x0 */
	works("RNDR", field(isar0, 60), "mrs x0, S3_3_C2_C4_0" : : : "x0", "cc");
	works("CRC32", field(isar0, 16), ".inst 0x1ac04000" : : : "x0"); /* crc32b w0, w0, w0 */
	works("DIT", field(pfr0, 48), "mrs x0, S3_3_C4_C2_5\n\tmsr S3_3_C4_C2_5, x0" : : : "x0");
	works("SSBS", field(pfr1, 4) > 1, "mrs x0, S3_3_C4_C2_6\n\tmsr S3_3_C4_C2_6, x0" : : : "x0");
	works("PAN", field(mmfr1, 20), "mrs x0, S3_0_C4_C2_3\n\tmsr S3_0_C4_C2_3, x0" : : : "x0");
	works("UAO", field(mmfr2, 4), "mrs x0, S3_0_C4_C2_4\n\tmsr S3_0_C4_C2_4, x0" : : : "x0");
	works("DC CVAP", field(isar1, 0), "sys #3, c7, c12, #1, %0" : : "r"(memory) : "memory");
	works("SB", field(isar1, 36), ".inst 0xd50330ff" : : : "memory");
	works("SPECRES", field(isar1, 40), "sys #3, c7, c3, #4, xzr" : : : "memory"); /* cfp rctx */
	works("CSV2_2", field(pfr0, 56) >= 2, "mrs x0, S3_0_C13_C0_7\n\tmsr S3_0_C13_C0_7, x0" : : : "x0");
	works("TLBI OS", field(isar0, 56), "sys #0, c8, c1, #0, xzr" : : : "memory"); /* vmalle1os */
	works("ECV", field(mmfr0, 60), "mrs x0, S3_3_C14_C0_6" : : : "x0"); /* CNTVCTSS_EL0 */
	works("PMU", field(dfr0, 8), "mrs x0, pmcr_el0\n\tmrs x0, pmccntr_el0" : : : "x0");
	works("DebugVer", true, "mrs x0, mdscr_el1\n\tmrs x0, dbgbcr0_el1\n\tmrs x0, dbgwcr0_el1" : : : "x0");
	works("counters", true, "mrs x0, cntvct_el0\n\tmrs x0, cntpct_el0" : : : "x0");
	/* SCTLR_EL1.EnIA, EnIB; paciza, autiza: X0 is 0 and comes back as it was */
	write_sysreg("sctlr_el1", sctlr | 1u << 31 | 1u << 30);
	works("PAuth", field(isar1, 4) || field(isar1, 8) || field(isar2, 12),
	      "mrs x1, S3_0_C2_C1_0\n\tmsr S3_0_C2_C1_0, x1\n\tmov x0, #0\n\t.inst 0xdac123e0\n\t.inst "
	      "0xdac133e0"
	      :
	      :
	      : "x0", "x1");
	write_sysreg("sctlr_el1", sctlr);
	write_sysreg("cpacr_el1", cpacr | 3u << 16);
	works("SVE", field(pfr0, 32), "mrs x0, S3_0_C1_C2_0\n\t.inst 0x04bf5020"
	      :
	      :
	      : "x0"); /* ZCR_EL1; rdvl x0, #1 */
	write_sysreg("cpacr_el1", cpacr);
	/* SCTLR_EL1.MSCEn is for EL0. cpyfp, cpyfm, cpyfe [x0]!, [x1]!, x2! of nothing */
	works("MOPS", field(isar2, 16),
	      "mov x0, %0\n\tmov x1, %0\n\tmov x2, #0\n\t.inst 0x19010440\n\t.inst 0x19410440\n\t.inst "
	      "0x19810440"
	      :
	      : "r"(memory)
	      : "x0", "x1", "x2", "cc", "memory");
	end_test();
}

/* What needs EL2's leave and is not shown is undefined, whatever the CPU has. */
static void hidden_instructions(void)
{
	static const struct {
		const char *name;
		u32 code;
	} list[] = {
		{ "SMSTART", 0xd503477f },
		{ "RDSVL", 0x04bf5820 },
		{ "LD64B", 0xf83fd042 }, /* ld64b x2, [x2] */
		{ "ST64B", 0xf83f9042 },
		{ "TSTART", 0xd5233060 }, /* tstart x0 */
	};
	static u32 code[2] __attribute__((aligned(16)));
	u64 cpacr = read_sysreg("cpacr_el1");

	write_sysreg("cpacr_el1", cpacr | 3u << 24); /* SMEN: it is not EL1 that traps */
	begin_test("hidden-instructions");
	for (unsigned int i = 0; i < ARRAY_SIZE(list); i++) {
		code[0] = list[i].code;
		code[1] = 0xd65f03c0;
		__asm__ volatile("dc cvau, %0\n\tdsb sy\n\tic ivau, %0\n\tdsb sy\n\tisb"
				 :
				 : "r"(code)
				 : "memory");
		fault_begin();
		(void)call_code(0, code);
		check(fault_end(), "%s works", list[i].name);
		check(fault_class() == EC_UNKNOWN, "%s: exception class 0x%lx", list[i].name,
		      (unsigned long)fault_class());
	}
	end_test();
	write_sysreg("cpacr_el1", cpacr);
}

/* With the OS lock a guest could let its CPU be halted: it is never locked. */
static void os_lock(void)
{
	begin_test("os-lock");
	check((read_sysreg("oslsr_el1") & 0xb) == 8, "OSLSR_EL1 is 0x%lx",
	      (unsigned long)read_sysreg("oslsr_el1"));
	write_sysreg("oslar_el1", 1);
	check((read_sysreg("oslsr_el1") & 0xb) == 8, "locked: OSLSR_EL1 is 0x%lx",
	      (unsigned long)read_sysreg("oslsr_el1"));
	write_sysreg("oslar_el1", 0);
	write_sysreg("osdlr_el1", 1);
	check(!(read_sysreg("osdlr_el1") & 1), "the double lock can be set");
	write_sysreg("osdlr_el1", 0);
	end_test();
}

static void actlr(void)
{
	begin_test("actlr");
	write_sysreg("actlr_el1", ~0ull);
	check(read_sysreg("actlr_el1") == 0, "ACTLR_EL1 is 0x%lx", (unsigned long)read_sysreg("actlr_el1"));
	write_sysreg("actlr_el1", 0);
	end_test();
}

void test_features(void)
{
	hidden_fields();
	write_to_id_registers();
	shown_features();
	hidden_instructions();
	os_lock();
	actlr();
}
