/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every kind of load and store at emulated registers: those that the syndrome describes, and those that it
 * does not (Arm ARM DDI 0487J, D19.2.37, ISS of a data abort: ISV). The value has to be right, and registers
 * and the base as after the instruction; or the access is refused by an abort.
 */
#include "gic.h"

/*
 * A register of 32 bits that reads as something, and its neighbour; four priorities, which are stored as
 * written.
 */
#define TYPER (machine.gicd + GICD_TYPER)
#define STORE (machine.gicd + IPRIORITYR + FREE_FIRST / 4 * 4)

static unsigned long refused;

/* It may be refused, by an external abort, but not be wrong. */
static bool done(const char *name, bool must)
{
	if (!fault_end())
		return true;
	refused++;
	say("INFO mmio: %s is refused", name);
	check(!must, "%s is refused", name);
	check(fault_class() == EC_DATA_ABORT, "%s: exception class 0x%lx", name,
	      (unsigned long)fault_class());
	return false;
}

#define LOAD(name, must, code, expected)                                                                     \
	do {                                                                                                 \
		u64 value_ = 0x5a5a5a5a5a5a5a5a, expected_ = (expected);                                     \
		fault_begin();                                                                               \
		__asm__ volatile(code : "+r"(value_) : "r"(TYPER) : "x0", "x1", "x9", "x10", "memory");      \
		if (done(name, must))                                                                        \
			check(value_ == expected_, "%s reads 0x%lx, not 0x%lx", name, (unsigned long)value_, \
			      (unsigned long)expected_);                                                     \
	} while (0)

static void loads(u32 typer, u32 iidr)
{
	begin_test("mmio-loads");
	LOAD("ldr w", true, "ldr %w0, [%1]", typer);
	LOAD("ldr w, offset", true, "sub %0, %1, #64\n\tldr %w0, [%0, #64]", typer);
	LOAD("ldur", true, "ldur %w0, [%1]", typer);
	LOAD("ldtr", true, "ldtr %w0, [%1]", typer);
	LOAD("ldar", true, "ldar %w0, [%1]", typer);
	LOAD("ldrsw", true, "ldrsw %0, [%1]", (u64)(int64_t)(s32)typer);
	LOAD("ldr w, register", true, "mov x9, #4\n\tsub x10, %1, x9\n\tldr %w0, [x10, x9]", typer);
	LOAD("prfm", true, "prfm pldl1keep, [%1]", 0x5a5a5a5a5a5a5a5a);
	LOAD("ldp w", true, "ldp %w0, w9, [%1]\n\teor %w0, %w0, w9", typer ^ iidr);
	LOAD("ldpsw", true, "ldpsw %0, x9, [%1]\n\tadd %0, %0, x9",
	     (u64)(int64_t)(s32)typer + (u64)(int64_t)(s32)iidr);
	LOAD("ldnp w", true, "ldnp %w0, w9, [%1]\n\teor %w0, %w0, w9", typer ^ iidr);
	LOAD("ldr w, post-index", true, "mov x9, %1\n\tldr %w0, [x9], #8\n\tsub x9, x9, %1\n\tadd %0, %0, x9",
	     (u64)typer + 8);
	LOAD("ldr w, pre-index", true,
	     "sub x9, %1, #16\n\tldr %w0, [x9, #16]!\n\tsub x9, x9, %1\n\tadd %0, %0, x9", typer);
	LOAD("ldp w, post-index", true,
	     "mov x9, %1\n\tldp %w0, w10, [x9], #8\n\tsub x9, x9, %1\n\tadd %0, %0, x9", (u64)typer + 8);
	LOAD("ldr xzr", true, "ldr wzr, [%1]", 0x5a5a5a5a5a5a5a5a);
	LOAD("ldxr", false, "ldxr %w0, [%1]\n\tclrex", typer);
	LOAD("ldaxr", false, "ldaxr %w0, [%1]\n\tclrex", typer);
	/* ldr s0, [x1]; fmov w0, s0 by way of fixed registers */
	LOAD("ldr s", false, "mov x1, %1\n\t.inst 0xbd400020\n\t.inst 0x1e260000\n\tmov %w0, w0", typer);
	LOAD("ldp s", false, "mov x1, %1\n\t.inst 0x2d400420\n\t.inst 0x1e260000\n\tmov %w0, w0", typer);
	end_test();
}

#define STORED(name, must, code, expected)                                              \
	do {                                                                            \
		u64 value_ = 0x88482818, expected_ = (expected);                        \
		write32(STORE, 0xc0c0c0c0);                                             \
		fault_begin();                                                          \
		__asm__ volatile(code                                                   \
				 : "+r"(value_)                                         \
				 : "r"(STORE)                                           \
				 : "x0", "x1", "x9", "x10", "cc", "memory");            \
		if (done(name, must))                                                   \
			check(read32(STORE) == expected_, "%s: 0x%lx, not 0x%lx", name, \
			      (unsigned long)read32(STORE), (unsigned long)expected_);  \
	} while (0)

static void stores(void)
{
	/* Five bits of priority are kept: the values have no others. */
	begin_test("mmio-stores");
	STORED("str w", true, "str %w0, [%1]", 0x88482818);
	STORED("strb", true, "strb %w0, [%1, #1]", 0xc0c018c0);
	STORED("str wzr", true, "str wzr, [%1]", 0);
	STORED("stlr", true, "stlr %w0, [%1]", 0x88482818);
	STORED("sttr", true, "sttr %w0, [%1]", 0x88482818);
	STORED("stp w", true, "stp %w0, %w0, [%1]", 0x88482818);
	STORED("stp w, pre-index", true,
	       "sub x9, %1, #8\n\tstp %w0, %w0, [x9, #8]!\n\tsub x9, x9, %1\n\tcbz x9, 1f\n\tbrk #1\n1:",
	       0x88482818);
	STORED("str w, post-index", true,
	       "mov x9, %1\n\tstr %w0, [x9], #4\n\tsub x9, x9, %1\n\tcmp x9, #4\n\tb.eq 1f\n\tbrk #1\n1:",
	       0x88482818);
	STORED("stnp w", true, "stnp %w0, %w0, [%1]", 0x88482818);
	/* fmov s0, w0; str s0, [x1] */
	STORED("str s", false, "mov w0, %w0\n\tmov x1, %1\n\t.inst 0x1e270000\n\t.inst 0xbd000020",
	       0x88482818);
	/* exclusive: either it fails, or it has stored */
	write32(STORE, 0xc0c0c0c0);
	fault_begin();
	u32 status = 1;
	__asm__ volatile("ldxr w9, [%1]\n\tstxr %w0, %w2, [%1]"
			 : "+&r"(status)
			 : "r"(STORE), "r"(0x88482818)
			 : "x9", "memory");
	if (done("stxr", false))
		check(read32(STORE) == (status ? 0xc0c0c0c0 : 0x88482818), "stxr: status %lu, 0x%lx",
		      (unsigned long)status, (unsigned long)read32(STORE));
	/* atomics: swp, ldadd, cas of Armv8.1 */
	if (read_sysreg("S3_0_C0_C6_0") >> 20 & 0xf) {
		STORED("swp", false, "mov w9, %w0\n\tmov x1, %1\n\t.inst 0xb8298020",
		       0x88482818); /* swp w9, w0, [x1] */
		STORED("ldset", false, "mov w9, #0x18\n\tmov x1, %1\n\t.inst 0xb8293020", 0xc0c0c0d8);
		STORED("cas", false, "mov w9, %w0\n\tmov w0, #0\n\tmov x1, %1\n\t.inst 0x88a97c20",
		       0xc0c0c0c0);
	}
	/* may be refused, does no harm: cache maintenance, DC ZVA */
	fault_begin();
	__asm__ volatile("dc civac, %0" : : "r"(STORE) : "memory");
	(void)done("dc civac", false);
	fault_begin();
	__asm__ volatile("dc zva, %0" : : "r"(STORE) : "memory");
	(void)done("dc zva", false);
	fault_begin();
	__asm__ volatile("str w9, [%0, #1]" : : "r"(STORE) : "memory"); /* alignment */
	check(!done("unaligned str", false) || true, "never");
	end_test();
}

/* 64 bits where registers have them. */
static void wide(void)
{
	u64 router = machine.gicd + GICD_IROUTER + FREE_FIRST * 8, x = 0, y = 0, was = mmio_read(router, 8);

	begin_test("mmio-wide");
	mmio_write(router, 8, machine.mpidr[0]);
	fault_begin();
	__asm__ volatile("ldp %0, %1, [%2]" : "=&r"(x), "=&r"(y) : "r"(router) : "memory");
	if (done("ldp x", true))
		check(x == machine.mpidr[0] && y == mmio_read(router + 8, 8), "ldp x: 0x%lx, 0x%lx",
		      (unsigned long)x, (unsigned long)y);
	/* ldr q0, [x1]; fmov x0, d0 */
	fault_begin();
	__asm__ volatile("mov x1, %1\n\t.inst 0x3dc00020\n\t.inst 0x9e660000\n\tmov %0, x0"
			 : "=r"(x)
			 : "r"(router)
			 : "x0", "x1", "memory");
	if (done("ldr q", false))
		check(x == machine.mpidr[0], "ldr q: 0x%lx", (unsigned long)x);
	check(mmio_read(gicr_of(0) + GICR_TYPER, 8) ==
		      (read32(gicr_of(0) + GICR_TYPER) | (u64)read32(gicr_of(0) + GICR_TYPER + 4) << 32),
	      "GICR_TYPER's halves");
	mmio_write(router, 8, was);
	end_test();
}

/* The UART that Fairlead shares: flags read as flags, at each width that it has. */
static void uart(void)
{
	begin_test("mmio-uart");
	check((read32(machine.uart + 0xfe0) & 0xff) == 0x11, "UARTPeriphID0 is 0x%lx",
	      (unsigned long)read32(machine.uart + 0xfe0));
	check((mmio_read(machine.uart + 0xfe0, 1) & 0xff) == 0x11, "UARTPeriphID0 as a byte");
	check((mmio_read(machine.uart + 0xfe0, 2) & 0xff) == 0x11, "UARTPeriphID0 as a halfword");
	for (u64 at = 0; at < 0x1000; at += 4) {
		fault_begin();
		(void)mmio_read(machine.uart + at, 4);
		if (at != 0) /* the data register would print */
			mmio_write(machine.uart + at, 4, mmio_read(machine.uart + at, 4));
		(void)fault_end();
	}
	end_test();
}

void test_mmio(void)
{
	u32 typer, iidr;

	gic_reset();
	typer = read32(TYPER);
	iidr = read32(machine.gicd + GICD_IIDR);
	loads(typer, iidr);
	stores();
	wide();
	uart();
	say("INFO mmio: %lu kinds are refused", refused);
	gic_reset();
}
