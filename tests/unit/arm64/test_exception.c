/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions that the guest gets, against Arm ARM (DDI 0487J) J1.1 AArch64.TakeException(), D1.3.4 (vectors)
 * and D19.2.37 (ESR); and the end of an instruction that Fairlead has carried out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "arch/arm64/el1.h"
#include "arch/arm64/vcpu.h"

static u64 el1[EL1_REGISTERS];
static bool written[EL1_REGISTERS];

u64 el1_read(enum el1_register r)
{
	return el1[r];
}

void el1_write(enum el1_register r, u64 value)
{
	el1[r] = value;
	written[r] = true;
}

#define VBAR 0xffff800008010800ull
#define PC   0xffff800008123454ull
#define FAR  0xffff80001234567cull

/* Where it may come from: PSTATE.M, and the vector's offset; "lower" is EL0. */
static const struct source {
	u32 m;
	u64 offset;
	bool lower;
} sources[] = {
	{ 0x0, 0x400, true },  /* EL0, AArch64 */
	{ 0x4, 0x000, false }, /* EL1t: SP_EL0 in use */
	{ 0x5, 0x200, false }, /* EL1h */
	{ 0x10, 0x600, true }, /* User, AArch32 */
	{ 0x30, 0x600, true }, /* the same in T32 (bit 5) */
};

enum how { UNDEFINED, DATA, INSTRUCTION, ALIGNMENT };

static struct vcpu before(const struct source *s, u64 pstate)
{
	struct vcpu v = { .pc = PC, .far = FAR, .pstate = s->m | pstate };

	for (unsigned int i = 0; i < EL1_REGISTERS; i++) {
		el1[i] = 0x5a5a000000000000 + i;
		written[i] = false;
	}
	for (unsigned int i = 0; i < 31; i++)
		v.x[i] = 0x1000 + i;
	el1[EL1_VBAR] = VBAR | 0x7ff; /* 10:0 are RES0: a guest may have set them */
	return v;
}

static void inject(struct vcpu *v, enum how how)
{
	switch (how) {
	case UNDEFINED: vcpu_inject_undefined(v); break;
	case DATA: vcpu_inject_external_abort(v, false); break;
	case INSTRUCTION: vcpu_inject_external_abort(v, true); break;
	case ALIGNMENT: vcpu_inject_alignment_fault(v); break;
	}
}

/* D19.2.37: IL is 1 for all of these; DFSC 010000: synchronous external abort, 100001: alignment fault. */
static u64 syndrome(enum how how, bool lower, u64 copied)
{
	switch (how) {
	case UNDEFINED: return 0x02000000;
	case DATA: return (lower ? 0x92000010 : 0x96000010) | copied;
	case INSTRUCTION: return (lower ? 0x82000010 : 0x86000010) | copied;
	case ALIGNMENT: return (lower ? 0x92000021 : 0x96000021) | copied;
	}
	return 0;
}

static void check(const struct source *s, enum how how, u64 pstate, u64 sctlr, u64 esr)
{
	struct vcpu v = before(s, pstate), old = v;
	u64 want, copied = 0;

	el1[EL1_SCTLR] = sctlr;
	v.esr = esr;
	inject(&v, how);
	assert_int_equal(v.pc, VBAR + s->offset);
	assert_int_equal(el1[EL1_ELR], PC);
	assert_int_equal(el1[EL1_SPSR], s->m | pstate);
	if (esr >> 26 == 0x24)
		copied = esr & 0x540;
	else if (esr >> 26 == 0x20)
		copied = esr & 0x400;
	assert_int_equal(el1[EL1_ESR], syndrome(how, s->lower, copied));
	assert_int_equal(written[EL1_FAR], how != UNDEFINED);
	if (how != UNDEFINED)
		assert_int_equal(el1[EL1_FAR], FAR);
	/* EL1h; D, A, I, F set; IL, SS, BTYPE, UAO clear; N, Z, C, V, DIT, TCO as they were */
	want = 0x5 | 0x3c0 | (pstate & 0xf3000000);
	if ((pstate & BIT(22)) || !(sctlr & BIT(23)))
		want |= BIT(22); /* PAN: set unless SCTLR_EL1.SPAN */
	if (sctlr & BIT(44))
		want |= BIT(12); /* SSBS: SCTLR_EL1.DSSBS */
	assert_int_equal(v.pstate, want);
	for (unsigned int i = 0; i < 31; i++)
		assert_int_equal(v.x[i], old.x[i]);
	for (unsigned int r = 0; r < EL1_REGISTERS; r++) {
		if (r != EL1_ESR && r != EL1_ELR && r != EL1_SPSR && r != EL1_FAR)
			assert_false(written[r]);
	}
}

static void test_every_source_and_kind(void **state)
{
	/*
	 * of PSTATE one bit at a time, and all: BTYPE 11:10, SSBS 12, IL 20, SS 21, PAN 22, UAO 23, DIT 24,
	 * TCO 25, NZCV, DAIF
	 */
	static const u64 bits[] = { 0,	     BIT(6),  BIT(7),  BIT(8),	BIT(9),	   BIT(10), BIT(11),
				    BIT(12), BIT(20), BIT(21), BIT(22), BIT(23),   BIT(24), BIT(25),
				    BIT(28), BIT(29), BIT(30), BIT(31), 0xf3f01fc0 };
	static const u64 sctlr[] = { 0, BIT(23), BIT(44), BIT(23) | BIT(44), 0x30d00800 };

	for (unsigned int s = 0; s < ARRAY_SIZE(sources); s++) {
		for (enum how how = UNDEFINED; how <= ALIGNMENT; how++) {
			for (unsigned int b = 0; b < ARRAY_SIZE(bits); b++) {
				for (unsigned int c = 0; c < ARRAY_SIZE(sctlr); c++) {
					const u64 ec = how == INSTRUCTION ? 0x80000000 : 0x90000000;

					check(&sources[s], how, bits[b], sctlr[c], ec);
				}
			}
		}
	}
}

/*
 * WnR (6), CM (8) and FnV (10) are the access's; ISV and what it makes valid, S1PTW and the fault status are
 * not for the guest.
 */
static void test_what_the_guest_learns(void **state)
{
	const struct source *s = &sources[2];

	check(s, DATA, 0, 0, 0x93c08047);
	check(s, DATA, 0, 0, 0x92000047 | BIT(8));
	check(s, DATA, 0, 0, 0x92000010 | BIT(10));
	check(s, DATA, 0, 0, 0x920000c7);
	check(s, INSTRUCTION, 0, 0, 0x82000010 | BIT(10));
	check(s, INSTRUCTION, 0, 0, 0x820003d0);
	check(s, ALIGNMENT, 0, 0, 0x93c08047);
	/* asked for by another handler: its syndrome has other fields there */
	check(s, DATA, 0, 0, 0x62000000 | BIT(6) | BIT(8));
}

/* ---- the end of an instruction ---- */

static void test_skip_a64(void **state)
{
	struct vcpu v = before(&sources[2], 0xf3f01fc0);

	vcpu_skip_instruction(&v);
	assert_int_equal(v.pc, PC + 4);
	/* BTYPE and SS are the only ones that go */
	assert_int_equal(v.pstate, (0xf3f01fc0 & ~(BIT(10) | BIT(11) | BIT(21))) | 0x5);
	v = before(&sources[0], 0);
	v.esr = 0; /* IL says nothing here: an A64 instruction has 4 bytes */
	vcpu_skip_instruction(&v);
	assert_int_equal(v.pc, PC + 4);
}

#define T32 BIT(5)
/* SPSR: IT[7:2] in 15:10, IT[1:0] in 26:25 */
#define IT(x) ((u64)((x) >> 2) << 10 | (u64)((x)&3) << 25)

static void test_skip_a32(void **state)
{
	static const struct {
		u64 esr, pstate, after;
		u64 pc, pc_after;
	} row[] = {
		{ BIT(25), 0, 0, 0x8000, 0x8004 },     /* A32 */
		{ BIT(25), T32, T32, 0x8002, 0x8006 }, /* T32, 32 bits */
		{ 0, T32, T32, 0x8002, 0x8004 },       /* 16 bits */
		{ BIT(25), 0, 0, 0xfffffffc, 0 },      /* the end of the address space */
		{ 0, BIT(21) | BIT(9), BIT(9), 0, 2 }, /* SS goes, E stays */
		/*
		 * F1.3, ITAdvance(): IT EQ, one instruction; ITE EQ: then NE, then none; ITTEE GT's second
		 * and third
		 */
		{ 0, T32 | IT(0x08), T32, 0, 2 },
		{ 0, T32 | IT(0x0c), T32 | IT(0x18), 0, 2 },
		{ 0, T32 | IT(0x18), T32, 0, 2 },
		{ 0, T32 | IT(0xc7), T32 | IT(0xce), 0, 2 },
		{ 0, T32 | IT(0xce), T32 | IT(0xdc), 0, 2 },
		{ BIT(25), T32 | IT(0xdc), T32 | IT(0xd8), 0, 4 },
		{ 0, T32 | IT(0xd8), T32, 0, 2 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(row); i++) {
		struct vcpu v = { .pc = row[i].pc, .esr = row[i].esr, .pstate = 0x10 | row[i].pstate };

		vcpu_skip_instruction(&v);
		assert_int_equal(v.pc, row[i].pc_after);
		assert_int_equal(v.pstate, 0x10 | row[i].after);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_source_and_kind),
		cmocka_unit_test(test_what_the_guest_learns),
		cmocka_unit_test(test_skip_a64),
		cmocka_unit_test(test_skip_a32),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
