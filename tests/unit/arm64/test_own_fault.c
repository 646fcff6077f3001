/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which of Fairlead's own exceptions end the machine: all but a device's register that the bus refuses, and a
 * translation by the guest's tables. Words of instructions are the assembler's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "arch/arm64/exits.h"
#include "arch/arm64/own_fault.h"
#include "core/string.h"

#define ELR 0x40001000u
#define LDR_W3_X0 0xb9400003u
#define LDRB_W3_X0 0x39400003u
#define LDRH_W3_X0 0x79400003u
#define LDR_X3_X0 0xf9400003u
#define LDR_XZR_X0 0xf940001fu
#define STR_W3_X0 0xb9000003u
#define STR_X3_X0 0xf9000003u
#define LDP_X3_X4_X0 0xa9401003u
#define LDR_X3_X0_POST 0xf8408403u
#define NOP 0xd503201fu
#define AT_S1E1R_X0 0xd5087800u
#define AT_S1E1R_X30 0xd508781eu
#define AT_S1E1W_X0 0xd5087820u
#define AT_S1E0R_X0 0xd5087840u
#define AT_S12E1R_X0 0xd50c7880u
#define AT_S1E2R_X0 0xd50c7800u
#define DC_CIVAC_X0 0xd50b7e20u

/* D19.2.37: fault status codes */
#define EXTERNAL 0x10u
#define EXTERNAL_ON_WALK_MINUS_1 0x13u
#define EXTERNAL_ON_WALK_0 0x14u
#define TRANSLATION_3 0x07u
#define PERMISSION_3 0x0fu
#define TLB_CONFLICT 0x30u

static struct trap_frame frame(unsigned int ec, unsigned int dfsc)
{
	struct trap_frame f = { .elr = ELR, .esr = (u64)ec << ESR_EC_SHIFT | ESR_IL | dfsc };

	for (unsigned int i = 0; i < 31; i++)
		f.x[i] = 0x1111111111111111ull * (i % 15 + 1);
	return f;
}

/* What it does, and that it does nothing else; `rt`: the register that becomes `value`, 31: none. */
static void check(unsigned int ec, unsigned int dfsc, u32 insn, enum own_fault expected, unsigned int rt,
		  u64 value)
{
	struct trap_frame f = frame(ec, dfsc), wanted = f;

	if (expected != OWN_FAULT_BUG)
		wanted.elr += 4;
	if (rt < 31)
		wanted.x[rt] = value;
	assert_int_equal(own_fault_pass(&f, insn), expected);
	assert_memory_equal(&f, &wanted, sizeof(f));
}

static void bug(unsigned int ec, unsigned int dfsc, u32 insn)
{
	check(ec, dfsc, insn, OWN_FAULT_BUG, 31, 0);
}

static void refused_loads_read_all_ones(void **state)
{
	check(EC_DATA_ABORT_SAME, EXTERNAL, LDRB_W3_X0, OWN_FAULT_REFUSED, 3, 0xff);
	check(EC_DATA_ABORT_SAME, EXTERNAL, LDRH_W3_X0, OWN_FAULT_REFUSED, 3, 0xffff);
	check(EC_DATA_ABORT_SAME, EXTERNAL, LDR_W3_X0, OWN_FAULT_REFUSED, 3, 0xffffffff);
	check(EC_DATA_ABORT_SAME, EXTERNAL, LDR_X3_X0, OWN_FAULT_REFUSED, 3, ~0ull);
	check(EC_DATA_ABORT_SAME, EXTERNAL, LDR_XZR_X0, OWN_FAULT_REFUSED, 31, 0);
}

static void refused_stores_are_dropped(void **state)
{
	check(EC_DATA_ABORT_SAME, EXTERNAL, STR_W3_X0, OWN_FAULT_REFUSED, 31, 0);
	check(EC_DATA_ABORT_SAME, EXTERNAL, STR_X3_X0, OWN_FAULT_REFUSED, 31, 0);
}

/* The guest puts a table of its stage 1 where the bus answers with an error. */
static void errors_of_the_guests_tables_are_no_bug(void **state)
{
	for (unsigned int dfsc = EXTERNAL_ON_WALK_MINUS_1; dfsc <= EXTERNAL_ON_WALK_0 + 3; dfsc++)
		check(EC_DATA_ABORT_SAME, dfsc, AT_S1E1R_X0, OWN_FAULT_TRANSLATE, 31, 0);
	check(EC_DATA_ABORT_SAME, EXTERNAL_ON_WALK_0, AT_S1E1R_X30, OWN_FAULT_TRANSLATE, 31, 0);
	check(EC_DATA_ABORT_SAME, TLB_CONFLICT, AT_S1E1R_X0, OWN_FAULT_TRANSLATE, 31, 0);
}

static void other_faults_of_loads_are_bugs(void **state)
{
	for (unsigned int dfsc = 0; dfsc < 64; dfsc++) {
		if (dfsc == EXTERNAL)
			continue;
		bug(EC_DATA_ABORT_SAME, dfsc, LDR_W3_X0);
		bug(EC_DATA_ABORT_SAME, dfsc, STR_X3_X0);
	}
}

static void other_instructions_are_bugs(void **state)
{
	static const u32 insns[] = { LDP_X3_X4_X0, LDR_X3_X0_POST, NOP,		DC_CIVAC_X0,
				     AT_S1E1W_X0,  AT_S1E0R_X0,	   AT_S12E1R_X0, AT_S1E2R_X0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(insns); i++) {
		bug(EC_DATA_ABORT_SAME, EXTERNAL, insns[i]);
		bug(EC_DATA_ABORT_SAME, EXTERNAL_ON_WALK_0, insns[i]);
	}
}

static void other_classes_are_bugs(void **state)
{
	for (unsigned int ec = 0; ec < 64; ec++) {
		if (ec == EC_DATA_ABORT_SAME)
			continue;
		bug(ec, EXTERNAL, LDR_W3_X0);
		bug(ec, EXTERNAL_ON_WALK_0, AT_S1E1R_X0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_loads_read_all_ones),
		cmocka_unit_test(refused_stores_are_dropped),
		cmocka_unit_test(errors_of_the_guests_tables_are_no_bug),
		cmocka_unit_test(other_faults_of_loads_are_bugs),
		cmocka_unit_test(other_instructions_are_bugs),
		cmocka_unit_test(other_classes_are_bugs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
