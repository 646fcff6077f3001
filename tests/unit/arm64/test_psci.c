/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's calls to its firmware, as DEN 0028E (SMC Calling Convention) and DEN 0022E (PSCI 1.1) have
 * them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/arm64/cpus.h"
#include "arch/arm64/exits.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/vm.h"

/* As the documents have them, not as psci.h has. */
#define VERSION 0x84000000u
#define CPU_SUSPEND 0x84000001u
#define CPU_OFF 0x84000002u
#define CPU_ON 0x84000003u
#define AFFINITY_INFO 0x84000004u
#define MIGRATE 0x84000005u
#define MIGRATE_INFO_TYPE 0x84000006u
#define MIGRATE_INFO_UP_CPU 0x84000007u
#define SYSTEM_OFF 0x84000008u
#define SYSTEM_RESET 0x84000009u
#define FEATURES 0x8400000au
#define CPU_FREEZE 0x8400000bu
#define CPU_DEFAULT_SUSPEND 0x8400000cu
#define NODE_HW_STATE 0x8400000du
#define SYSTEM_SUSPEND 0x8400000eu
#define SET_SUSPEND_MODE 0x8400000fu
#define STAT_RESIDENCY 0x84000010u
#define STAT_COUNT 0x84000011u
#define SYSTEM_RESET2 0x84000012u
#define MEM_PROTECT 0x84000013u
#define MEM_PROTECT_CHECK 0x84000014u
#define SMC64 0x40000000u
#define ARCH_VERSION 0x80000000u
#define ARCH_FEATURES 0x80000001u
#define ARCH_SOC_ID 0x80000002u
#define WORKAROUND_1 0x80008000u
#define WORKAROUND_2 0x80007fffu
#define WORKAROUND_3 0x80003fffu
#define TRNG_VERSION 0x84000050u

#define MINUS_32(n) ((u64)(u32)-(n)) /* a negative answer of an SMC32 call: W0 */
#define MINUS_64(n) ((u64)-(s64)(n))

#define RAM 0x40000000ull
#define RAM_END 0x80000000ull
#define JUNK 0xdeadbeef00000000ull

/* ---- the machine --------------------------------------------------------------------------------------- */

struct vm guest;
static u64 asked_at;

bool vm_allows(struct vm *vm, gpa_t gpa, unsigned int prot)
{
	assert_ptr_equal(vm, &guest);
	assert_int_equal(prot & PT_EXEC, PT_EXEC);
	asked_at = gpa;
	return gpa >= RAM && gpa < RAM_END;
}

static unsigned int skipped, undefined_count;
static u64 undefined_at;

void vcpu_skip_instruction(struct vcpu *v)
{
	skipped++;
	v->pc += 4;
}

void vcpu_inject_undefined(struct vcpu *v)
{
	undefined_count++;
	undefined_at = v->pc;
}

static const struct vcpu *wanted_off;

void vcpu_wants_off(struct vcpu *v)
{
	wanted_off = v;
}

static jmp_buf end;
enum { OFF = 1, RESET };

void machine_off(const char *why)
{
	longjmp(end, OFF);
}

void machine_reset(const char *why)
{
	longjmp(end, RESET);
}

/* The real firmware: what it says to which function; all else is not supported. */
static struct firmware_call {
	u32 function;
	u64 a;
	bool any_a;
	s64 answer;
} firmware[8];
static unsigned int firmware_calls;
static struct {
	u32 function;
	u64 a, b, c;
} last_call;

s64 psci_firmware_call(u32 function, u64 a, u64 b, u64 c)
{
	firmware_calls++;
	last_call.function = function;
	last_call.a = a;
	last_call.b = b;
	last_call.c = c;
	for (unsigned int i = 0; i < ARRAY_SIZE(firmware); i++) {
		if (firmware[i].function == function && (firmware[i].any_a || firmware[i].a == a))
			return firmware[i].answer;
	}
	return MINUS_32(1);
}

/* ---- the guest ----------------------------------------------------------------------------------------- */

static struct vcpu v;
static unsigned int log_lines;

static void count_line(enum log_level level, const char *line, size_t len)
{
	log_lines++;
}

static int setup(void **state)
{
	struct cpu_start start;

	log_set_sink(count_line);
	arm64_cpus = (struct arm64_cpus){ .count = 4, .mpidr = { 0, 1, 0x100, 0x4200000101 } };
	cpus_init_power();
	/* CPU 1 is on, 2 and 3 are off. */
	assert_int_equal(cpu_request_on(1, RAM, 0), 0);
	assert_true(cpu_take_on(1, &start));
	memset(firmware, 0, sizeof(firmware));
	wanted_off = NULL;
	return 0;
}

/* By HVC, whose return address is behind it; registers that no call may change are watched. */
static u64 call_on(unsigned int index, u64 x0, u64 x1, u64 x2, u64 x3)
{
	memset(&v, 0, sizeof(v));
	for (unsigned int i = 0; i < 31; i++)
		v.x[i] = 0x1111111111111111u * (i % 15 + 1);
	v.index = index;
	v.x[0] = x0;
	v.x[1] = x1;
	v.x[2] = x2;
	v.x[3] = x3;
	v.pc = 0x1004;
	v.esr = (u64)EC_HVC64 << 26 | ESR_IL;
	skipped = undefined_count = firmware_calls = 0;
	smccc_call(&v, false);
	assert_int_equal(v.pc, 0x1004);
	assert_int_equal(skipped, 0);
	assert_int_equal(v.x[1], x1);
	assert_int_equal(v.x[2], x2);
	assert_int_equal(v.x[3], x3);
	for (unsigned int i = 4; i < 31; i++)
		assert_int_equal(v.x[i], 0x1111111111111111u * (i % 15 + 1));
	return v.x[0];
}

static u64 call(u64 x0, u64 x1, u64 x2, u64 x3)
{
	return call_on(0, x0, x1, x2, x3);
}

/* ---- PSCI ---------------------------------------------------------------------------------------------- */

static void version(void **state)
{
	assert_int_equal(call(VERSION, 0, 0, 0), 0x10001);
	assert_int_equal(call(JUNK | VERSION, ~0ull, ~0ull, ~0ull),
			 0x10001);				       /* W0 alone says which function */
	assert_int_equal(call(VERSION | SMC64, 0, 0, 0), MINUS_64(1)); /* there is none in SMC64 */
	assert_int_equal(call(ARCH_VERSION, 0, 0, 0), 0x10001);
}

static void smc_is_skipped(void **state)
{
	v.x[0] = VERSION;
	v.pc = 0x1000;
	v.esr = (u64)EC_SMC64 << 26 | ESR_IL;
	skipped = 0;
	smccc_call(&v, true);
	assert_int_equal(v.x[0], 0x10001);
	assert_int_equal(v.pc, 0x1004);
	assert_int_equal(skipped, 1);
}

/* The exception's return address is the instruction itself. */
static void other_immediates_are_undefined(void **state)
{
	for (u32 imm = 1; imm <= 0x8000; imm <<= 1) {
		undefined_count = skipped = 0;
		v.x[0] = VERSION;
		v.pc = 0x1004;
		v.esr = (u64)EC_HVC64 << 26 | ESR_IL | imm;
		smccc_call(&v, false);
		assert_int_equal(undefined_count, 1);
		assert_int_equal(undefined_at, 0x1000);
		assert_int_equal(v.x[0], VERSION);
		v.pc = 0x1000;
		v.esr = (u64)EC_SMC64 << 26 | ESR_IL | imm;
		smccc_call(&v, true);
		assert_int_equal(undefined_count, 2);
		assert_int_equal(undefined_at, 0x1000);
		assert_int_equal(skipped, 0);
	}
}

static void starts(u32 function, u64 mpidr, unsigned int cpu, u64 entry, u64 context, u64 want_context)
{
	struct cpu_start start;

	assert_int_equal(cpu_power(cpu), CPU_IS_OFF);
	assert_int_equal(call(function, mpidr, entry, context), 0);
	assert_int_equal(cpu_power(cpu), CPU_ON_PENDING);
	assert_true(cpu_take_on(cpu, &start));
	assert_int_equal(start.entry, entry & (function & SMC64 ? ~0ull : 0xffffffff));
	assert_int_equal(start.context, want_context);
}

static void cpu_on(void **state)
{
	starts(CPU_ON | SMC64, 0x100, 2, RAM + 0x1000, 0x123456789abcdef0, 0x123456789abcdef0);
	starts(CPU_ON | SMC64, 0x4200000101, 3, RAM + 4, ~0ull, ~0ull);
}

/* SMC32 has the lower halves of its arguments only, zero-extended (DEN 0028E 3.1). */
static void cpu_on_32(void **state)
{
	starts(CPU_ON, JUNK | 0x100, 2, JUNK | (RAM + 0x1000), 0xfedcba9887654321, 0x87654321);
	/* so Aff3 cannot be named */
	assert_int_equal(call(CPU_ON, 0x4200000101, RAM, 0), MINUS_32(2));
}

static void cpu_on_wrong_cpu(void **state)
{
	static const u64 wrong[] = { 2, 0x101, 0x200, 0x10000, 0x80000000, 0x81000100, 1ull << 40 | 0x100,
				     0x4100000101, 0x100000100, ~0ull };

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(call(CPU_ON | SMC64, wrong[i], RAM, 0), MINUS_64(2));
	assert_int_equal(cpu_power(2), CPU_IS_OFF);
	assert_int_equal(cpu_power(3), CPU_IS_OFF);
}

static void cpu_on_wrong_entry(void **state)
{
	static const u64 wrong[] = { 0, RAM - 4, RAM_END, ~3ull, RAM + 1, RAM + 2, 1ull << 63 | RAM };

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(call(CPU_ON | SMC64, 0x100, wrong[i], 0), MINUS_64(9));
	assert_int_equal(cpu_power(2), CPU_IS_OFF);
	assert_int_equal(call(CPU_ON, 0x100, RAM_END, 0), MINUS_32(9));
	(void)call(CPU_ON | SMC64, 0x100, RAM + 8, 0);
	assert_int_equal(asked_at, RAM + 8);
}

static void cpu_on_twice(void **state)
{
	assert_int_equal(call(CPU_ON | SMC64, 0, RAM, 0), MINUS_64(4)); /* itself */
	assert_int_equal(call(CPU_ON | SMC64, 1, RAM, 0), MINUS_64(4));
	assert_int_equal(call(CPU_ON, 1, RAM, 0), MINUS_32(4));
	assert_int_equal(call(CPU_ON | SMC64, 0x100, RAM, 0), 0);
	assert_int_equal(call(CPU_ON | SMC64, 0x100, RAM, 0), MINUS_64(5));
	assert_int_equal(call(CPU_ON, 0x100, RAM, 0), MINUS_32(5));
	/* what is wrong with the call is said first */
	assert_int_equal(call(CPU_ON | SMC64, 1, 0, 0), MINUS_64(9));
}

static void cpu_that_is_not_there(void **state)
{
	cpu_leave_out(2);
	assert_int_equal(call(CPU_ON | SMC64, 0x100, RAM, 0), MINUS_64(6));
	assert_int_equal(call(AFFINITY_INFO | SMC64, 0x100, 0, 0), 1);
}

static void cpu_off(void **state)
{
	(void)call_on(1, CPU_OFF, 0, 0, 0);
	assert_ptr_equal(wanted_off, &v);
	assert_int_equal(cpu_power(1), CPU_IS_OFF);
	wanted_off = NULL;
	assert_int_equal(call_on(0, CPU_OFF, 0, 0, 0), MINUS_32(3)); /* the last one */
	assert_null(wanted_off);
	assert_int_equal(cpu_power(0), CPU_IS_ON);
	assert_int_equal(call_on(0, CPU_OFF | SMC64, 0, 0, 0), MINUS_64(1));
}

static void affinity_info(void **state)
{
	assert_int_equal(call(AFFINITY_INFO | SMC64, 0, 0, 0), 0);
	assert_int_equal(call(AFFINITY_INFO | SMC64, 1, 0, 0), 0);
	assert_int_equal(call(AFFINITY_INFO | SMC64, 0x100, 0, 0), 1);
	assert_int_equal(call(AFFINITY_INFO | SMC64, 0x4200000101, 0, 0), 1);
	assert_int_equal(call(CPU_ON | SMC64, 0x100, RAM, 0), 0);
	assert_int_equal(call(AFFINITY_INFO | SMC64, 0x100, 0, 0), 2);
	assert_int_equal(call(AFFINITY_INFO, JUNK | 0x100, JUNK, 0), 2);
	assert_int_equal(call(AFFINITY_INFO | SMC64, 2, 0, 0), MINUS_64(2));
	assert_int_equal(call(AFFINITY_INFO, 2, 0, 0), MINUS_32(2));
	/* Levels above CPUs need not be supported since PSCI 1.0; 4 and more never exist. */
	for (u64 level = 1; level < 6; level++)
		assert_int_equal(call(AFFINITY_INFO | SMC64, 0, level, 0), MINUS_64(2));
}

/* 5.4.2: a power-down state may be treated as standby: the call returns, and nothing is lost. */
static void cpu_suspend(void **state)
{
	assert_int_equal(call(CPU_SUSPEND, 0, 0, 0), 0);
	assert_int_equal(call(CPU_SUSPEND | SMC64, 1 << 16, RAM, 42), 0);
	assert_int_equal(call(CPU_SUSPEND, 1 << 16, RAM, 42), 0);
	assert_int_equal(cpu_power(0), CPU_IS_ON);
}

static void the_machine_ends(void **state)
{
	int how = setjmp(end);

	if (!how)
		(void)call(SYSTEM_OFF, 0, 0, 0);
	assert_int_equal(how, OFF);
}

static void the_machine_resets(void **state)
{
	int how = setjmp(end);

	if (!how)
		(void)call(SYSTEM_RESET, 0, 0, 0);
	assert_int_equal(how, RESET);
}

static const u32 present[] = {
	VERSION,	CPU_SUSPEND,   CPU_SUSPEND | SMC64,   CPU_OFF,		 CPU_ON,
	CPU_ON | SMC64, AFFINITY_INFO, AFFINITY_INFO | SMC64, MIGRATE_INFO_TYPE, SYSTEM_OFF,
	SYSTEM_RESET,	FEATURES,      ARCH_VERSION
};
static const u32 absent[] = { MIGRATE,
			      MIGRATE | SMC64,
			      MIGRATE_INFO_UP_CPU,
			      MIGRATE_INFO_UP_CPU | SMC64,
			      CPU_FREEZE,
			      CPU_DEFAULT_SUSPEND,
			      CPU_DEFAULT_SUSPEND | SMC64,
			      NODE_HW_STATE,
			      NODE_HW_STATE | SMC64,
			      SYSTEM_SUSPEND,
			      SYSTEM_SUSPEND | SMC64,
			      SET_SUSPEND_MODE,
			      STAT_RESIDENCY,
			      STAT_RESIDENCY | SMC64,
			      STAT_COUNT,
			      STAT_COUNT | SMC64,
			      SYSTEM_RESET2,
			      SYSTEM_RESET2 | SMC64,
			      MEM_PROTECT,
			      MEM_PROTECT_CHECK,
			      MEM_PROTECT_CHECK | SMC64,
			      VERSION | SMC64,
			      CPU_OFF | SMC64,
			      SYSTEM_OFF | SMC64,
			      SYSTEM_RESET | SMC64,
			      FEATURES | SMC64,
			      MIGRATE_INFO_TYPE | SMC64 };

static void features(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(present); i++)
		assert_int_equal(call(FEATURES, JUNK | present[i], 0, 0), 0); /* no flags: 5.16 */
	for (unsigned int i = 0; i < ARRAY_SIZE(absent); i++)
		assert_int_equal(call(FEATURES, absent[i], 0, 0), MINUS_32(1));
	assert_int_equal(call(FEATURES, TRNG_VERSION, 0, 0), MINUS_32(1));
	assert_int_equal(call(FEATURES, 0, 0, 0), MINUS_32(1));
	assert_int_equal(call(MIGRATE_INFO_TYPE, 0, 0, 0), 2);
}

/* What FEATURES says is true. */
static void absent_is_not_supported(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(absent); i++)
		assert_int_equal(call(absent[i], 0x100, RAM, 0),
				 absent[i] & SMC64 ? MINUS_64(1) : MINUS_32(1));
	assert_int_equal(cpu_power(2), CPU_IS_OFF);
}

/* ---- the rest ------------------------------------------------------------------------------------------ */

/*
 * Every owner, fast and yielding, both conventions: no call but those above is answered, and none reaches
 * firmware.
 */
static void all_else_is_not_supported(void **state)
{
	srandom(1);
	for (u32 class = 0; class < 256; class++) {
		for (unsigned int n = 0; n < 2000; n++) {
			u32 function = class << 24 | (n < 1000 ? n : (u32)random() & 0xffffff);
			u32 name = function & ~SMC64;

			if ((name >= VERSION && name <= SYSTEM_RESET2) || name == ARCH_VERSION ||
			    name == ARCH_FEATURES || name == WORKAROUND_1 || name == WORKAROUND_2 ||
			    name == WORKAROUND_3)
				continue;
			assert_int_equal(call(function, 0, 0, 0),
					 function & SMC64 ? MINUS_64(1) : MINUS_32(1));
			assert_int_equal(firmware_calls, 0);
			assert_int_equal(undefined_count, 0);
		}
	}
	/* The UID of a vendor's hypervisor services (DEN 0028E 6.2), OEM, SiP, TRNG, SOC_ID */
	assert_int_equal(call(0x8600ff01, 0, 0, 0), MINUS_32(1));
	assert_int_equal(call(0xc2000000, 0, 0, 0), MINUS_64(1));
	assert_int_equal(call(ARCH_SOC_ID, 0, 0, 0), MINUS_32(1));
	assert_int_equal(call(ARCH_FEATURES, ARCH_SOC_ID, 0, 0), MINUS_32(1));
	assert_int_equal(call(TRNG_VERSION, 0, 0, 0), MINUS_32(1));
}

static void the_log_is_not_filled(void **state)
{
	for (unsigned int n = 0; n < 100000; n++)
		(void)call((u32)random() | 0x01000000, 0, 0, 0);
	log_lines = 0;
	for (unsigned int n = 0; n < 100000; n++)
		(void)call((u32)random() | 0x01000000, 0, 0, 0);
	assert_int_equal(log_lines, 0);
}

static void modern_firmware(s64 w1, s64 w2, s64 w3)
{
	const struct firmware_call calls[] = {
		{ VERSION, 0, true, 0x10001 },
		{ FEATURES, ARCH_VERSION, false, 0 },
		{ ARCH_VERSION, 0, true, 0x10002 },
		{ ARCH_FEATURES, WORKAROUND_1, false, w1 },
		{ ARCH_FEATURES, WORKAROUND_2, false, w2 },
		{ ARCH_FEATURES, WORKAROUND_3, false, w3 },
		{ WORKAROUND_1, 0, true, 0x77 },
		{ WORKAROUND_2, 0, true, 0x88 },
	};

	memcpy(firmware, calls, sizeof(calls));
}

/* Each test has a CPU of its own: what firmware has said of one is remembered. */
static void firmware_without_workarounds(void **state)
{
	modern_firmware((s64)MINUS_32(1), -1, (s64)MINUS_32(1));
	assert_int_equal(call_on(10, ARCH_FEATURES, WORKAROUND_1, 0, 0), MINUS_32(1));
	assert_int_equal(call_on(10, ARCH_FEATURES, WORKAROUND_2, 0, 0), MINUS_32(1));
	assert_int_equal(call_on(10, ARCH_FEATURES, WORKAROUND_3, 0, 0), MINUS_32(1));
	assert_int_equal(call_on(10, WORKAROUND_1, 0, 0, 0), MINUS_32(1));
	assert_int_equal(firmware_calls, 0);
	assert_int_equal(call_on(10, ARCH_FEATURES, ARCH_FEATURES, 0, 0), 0);
	assert_int_equal(call_on(10, ARCH_FEATURES, ARCH_VERSION, 0, 0), 0);
	assert_int_equal(call_on(10, ARCH_FEATURES | SMC64, WORKAROUND_1, 0, 0), MINUS_64(1));
}

static void firmware_with_workarounds(void **state)
{
	modern_firmware(0, 1, (s64)MINUS_32(1));
	assert_int_equal(call_on(11, ARCH_FEATURES, JUNK | WORKAROUND_1, 0, 0), 0);
	assert_int_equal(call_on(11, ARCH_FEATURES, WORKAROUND_2, 0, 0), 1);
	assert_int_equal(call_on(11, ARCH_FEATURES, WORKAROUND_1 & ~0x80000000u, 0, 0), MINUS_32(1));
	(void)call_on(11, WORKAROUND_1, 0x5555, 0, 0);
	assert_int_equal(firmware_calls, 1);
	assert_int_equal(last_call.function, WORKAROUND_1);
	(void)call_on(11, WORKAROUND_2, JUNK | 1, ~0ull, ~0ull);
	assert_int_equal(firmware_calls, 1);
	assert_int_equal(last_call.function, WORKAROUND_2);
	assert_int_equal(last_call.a, 1);
	assert_int_equal(last_call.b, 0);
	assert_int_equal(last_call.c, 0);
	assert_int_equal(call_on(11, WORKAROUND_3, 0, 0, 0), MINUS_32(1));
	assert_int_equal(call_on(11, WORKAROUND_1 | SMC64, 0, 0, 0), MINUS_64(1));
	assert_int_equal(firmware_calls, 0);
}

/* A call that nobody has asked for before is not passed on unseen either. */
static void workaround_without_question(void **state)
{
	modern_firmware(0, 0, 0);
	(void)call_on(12, WORKAROUND_3, 0, 0, 0);
	assert_int_equal(last_call.function, WORKAROUND_3);
	(void)call_on(12, WORKAROUND_3, 0, 0, 0);
	assert_int_equal(firmware_calls,
			 1); /* the answer is remembered: a call for each exception entry of Linux */
}

/* Each link of the chain by which newer firmware is known (DEN 0028E, "SMCCC version discovery"). */
static void older_firmware_is_not_asked(void **state)
{
	for (unsigned int broken = 0; broken < 3; broken++) {
		static const s64 old[] = { 0x2, -1, 0x10000 };

		modern_firmware(0, 0, 0);
		firmware[broken].answer = old[broken];
		assert_int_equal(call_on(13 + broken, ARCH_FEATURES, WORKAROUND_1, 0, 0), MINUS_32(1));
		assert_int_not_equal(last_call.function, ARCH_FEATURES);
	}
}

static void cpus_differ(void **state)
{
	modern_firmware(0, 0, 0);
	assert_int_equal(call_on(16, ARCH_FEATURES, WORKAROUND_1, 0, 0), 0);
	modern_firmware((s64)MINUS_32(1), 0, 0);
	assert_int_equal(call_on(17, ARCH_FEATURES, WORKAROUND_1, 0, 0), MINUS_32(1));
	assert_int_equal(call_on(16, ARCH_FEATURES, WORKAROUND_1, 0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(version, setup),
		cmocka_unit_test_setup(smc_is_skipped, setup),
		cmocka_unit_test_setup(other_immediates_are_undefined, setup),
		cmocka_unit_test_setup(cpu_on, setup),
		cmocka_unit_test_setup(cpu_on_32, setup),
		cmocka_unit_test_setup(cpu_on_wrong_cpu, setup),
		cmocka_unit_test_setup(cpu_on_wrong_entry, setup),
		cmocka_unit_test_setup(cpu_on_twice, setup),
		cmocka_unit_test_setup(cpu_that_is_not_there, setup),
		cmocka_unit_test_setup(cpu_off, setup),
		cmocka_unit_test_setup(affinity_info, setup),
		cmocka_unit_test_setup(cpu_suspend, setup),
		cmocka_unit_test_setup(the_machine_ends, setup),
		cmocka_unit_test_setup(the_machine_resets, setup),
		cmocka_unit_test_setup(features, setup),
		cmocka_unit_test_setup(absent_is_not_supported, setup),
		cmocka_unit_test_setup(all_else_is_not_supported, setup),
		cmocka_unit_test_setup(the_log_is_not_filled, setup),
		cmocka_unit_test_setup(firmware_without_workarounds, setup),
		cmocka_unit_test_setup(firmware_with_workarounds, setup),
		cmocka_unit_test_setup(workaround_without_question, setup),
		cmocka_unit_test_setup(older_firmware_is_not_asked, setup),
		cmocka_unit_test_setup(cpus_differ, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
