/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stage 2 aborts that are emulated: by the syndrome (Arm ARM DDI 0487J, D19.2.37 ESR_EL2, ISV = 1), or by the
 * instruction. What is seen by whoever answers, and what becomes of the guest's registers.
 */
#include "tests/unit/arm64/a64_vectors.h"
#include "tests/unit/arm64/abort_machine.h"

/* ---- with a valid syndrome ---- */

static void test_loads_by_syndrome(void **state)
{
	static const struct {
		unsigned int sas, sse, sf;
		u64 answer, value;
	} row[] = {
		{ 0, 0, 0, 0xf1, 0xf1 },
		{ 0, 1, 0, 0xf1, 0xfffffff1 },
		{ 0, 1, 1, 0xf1, 0xfffffffffffffff1 },
		{ 0, 1, 1, 0x71, 0x71 },
		{ 1, 0, 0, 0x8001, 0x8001 },
		{ 1, 1, 0, 0x8001, 0xffff8001 },
		{ 1, 1, 1, 0x8001, 0xffffffffffff8001 },
		{ 2, 0, 0, 0x80000001, 0x80000001 },
		{ 2, 1, 1, 0x80000001, 0xffffffff80000001 },
		{ 3, 0, 1, 0x8000000000000001, 0x8000000000000001 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(row); i++) {
		for (unsigned int srt = 0; srt < 32; srt++) {
			struct vcpu v =
				abort_of(DATA | TRANSLATION | ISV(row[i].sas, row[i].sse, srt, row[i].sf),
					 DEVICE_VA + 0x128);
			const struct vcpu old = v;

			seen_count = 0;
			answer[0] = row[i].answer;
			assert_int_equal(run(&v), DONE);
			assert_int_equal(seen_count, 1);
			assert_int_equal(seen[0].gpa, DEVICE + 0x128);
			assert_int_equal(seen[0].size, 1 << row[i].sas);
			assert_false(seen[0].write);
			for (unsigned int n = 0; n < 31; n++)
				assert_int_equal(v.x[n], n == srt ? row[i].value : old.x[n]);
		}
	}
}

static void test_stores_by_syndrome(void **state)
{
	for (unsigned int sas = 0; sas < 4; sas++) {
		for (unsigned int srt = 0; srt < 32; srt++) {
			struct vcpu v =
				abort_of(DATA | TRANSLATION | WNR | ISV(sas, 0, srt, 0), DEVICE_VA + 0xff8);
			const u64 all = srt == 31 ? 0 : v.x[srt];

			seen_count = 0;
			assert_int_equal(run(&v), DONE);
			assert_int_equal(seen_count, 1);
			assert_true(seen[0].write);
			assert_int_equal(seen[0].gpa, DEVICE + 0xff8);
			assert_int_equal(seen[0].size, 1 << sas);
			assert_int_equal(seen[0].value, sas == 3 ? all : all & ((1ull << (8 << sas)) - 1));
		}
	}
}

/* ISS.AR, bit 14: LDAR and STLR */
static void test_ordered_by_syndrome(void **state)
{
	for (unsigned int ar = 0; ar < 2; ar++) {
		struct vcpu v = abort_of(DATA | TRANSLATION | WNR | ISV(3, 0, 1, 1) | ar << 14, DEVICE_VA + 8);

		seen_count = barriers = 0;
		assert_int_equal(run(&v), DONE);
		assert_int_equal(seen[0].barriers, ar);
		assert_int_equal(barriers, 2 * ar);
	}
}

/*
 * SCTLR_EL1.EE (25) for EL1, E0E (24) for EL0, PSTATE.E (9) in AArch32 state: the bytes are the other way
 * round.
 */
static void test_big_endian(void **state)
{
	static const struct {
		u64 sctlr, pstate;
		bool big;
	} row[] = {
		{ 1 << 25, 0x5, true },
		{ 1 << 25, 0x0, false },
		{ 1 << 24, 0x0, true },
		{ 1 << 24, 0x5, false },
		{ 0, 0x10 | 0x200, true },
		{ 3 << 24, 0x10, false },
		{ 0, 0x5 | 0x200 /* D */, false },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(row); i++) {
		for (unsigned int sas = 0; sas < 4; sas++) {
			struct vcpu v = abort_of(DATA | TRANSLATION | WNR | ISV(sas, 0, 3, 0), DEVICE_VA + 8);
			static const u64 in[] = { 0x88, 0x7788, 0x55667788, 0x1122334455667788 };
			static const u64 out[] = { 0x88, 0x8877, 0x88776655, 0x8877665544332211 };

			v.x[3] = 0x1122334455667788;
			v.pstate = row[i].pstate;
			v.pc = (u32)v.pc; /* as AArch32 state has it */
			el1[EL1_SCTLR] = row[i].sctlr;
			seen_count = 0;
			assert_int_equal(run(&v), DONE);
			assert_int_equal(seen[0].value, row[i].big ? out[sas] : in[sas]);
			v = abort_of(DATA | TRANSLATION | ISV(sas, 0, 3, 1), DEVICE_VA + 8);
			v.pstate = row[i].pstate;
			v.pc = (u32)v.pc;
			seen_count = 0;
			answer[0] = in[sas];
			assert_int_equal(run(&v), DONE);
			assert_int_equal(v.x[3], row[i].big ? out[sas] : in[sas]);
		}
	}
}

static void test_misaligned_is_a_fault(void **state)
{
	for (unsigned int sas = 1; sas < 4; sas++) {
		for (unsigned int low = 1; low < 1u << sas; low++) {
			struct vcpu v = abort_of(DATA | TRANSLATION | WNR | ISV(sas, 0, 1, 0),
						 DEVICE_VA + 0x100 + low);

			assert_int_equal(run(&v), ALIGNMENT);
			assert_int_equal(el1[EL1_ESR], 0x96000061);
		}
	}
	assert_int_equal(seen_count, 0);
}

/*
 * The access begins in the page before, which the guest has: FAR_EL2 has the first byte of the one that it
 * has not. What looks like an aligned access of the whole size is the tail of one that is not.
 */
static void test_crossing_into_the_page(void **state)
{
	for (unsigned int before = 0; before < 8; before++) {
		struct vcpu v = abort_of(DATA | TRANSLATION | ISV(3, 0, 1, 1), MEMORY_VA + PAGE_SIZE);

		code[4] = 0xf9400041; /* ldr x1, [x2] */
		v.x[2] = MEMORY_VA + PAGE_SIZE - before;
		seen_count = 0;
		assert_int_equal(run(&v), before ? ALIGNMENT : DONE);
		assert_int_equal(seen_count, before ? 0 : 1);
	}
	for (unsigned int tag = 0; tag < 2; tag++) { /* the tag of the address may be anything */
		struct vcpu v = abort_of(DATA | TRANSLATION | ISV(3, 0, 1, 1), MEMORY_VA + PAGE_SIZE);

		v.x[2] = (MEMORY_VA + PAGE_SIZE - tag) & 0x12ffffffffffffff;
		assert_int_equal(run(&v), tag ? ALIGNMENT : DONE);
	}
}

/* ---- without ---- */

/* Each form: the access is where its registers say, and they are afterwards what the form makes of them. */
static void test_by_instruction(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(a64_vectors); i++) {
		const struct a64_access *a = &a64_vectors[i].access;
		const u64 va = DEVICE_VA + 0x800; /* where it shall go */
		u64 base = va - (u64)a->offset, sign;
		struct vcpu v, old;

		if (a->pc_relative || (a->extend && a->rm == a->rn))
			continue; /* below */
		v = abort_of(DATA | TRANSLATION | (a->write ? WNR : 0), va);
		code[4] = a64_vectors[i].word;
		if (a->extend) {
			const u64 index = a->extend == A64_UXTW ? 0x80 : (u64)-0x80;

			vcpu_set_reg(&v, a->rm,
				     a->extend == A64_UXTX || a->extend == A64_SXTX
					     ? index
					     : 0xabcd000000000000 | (u32)index);
			base -= (a->rm == 31 ? 0 : index) << a->shift;
		}
		if (a->rn == 31)
			el1[EL1_SP] = base;
		else
			v.x[a->rn] = base;
		old = v;
		answer[0] = 0x8182838485868788;
		answer[1] = 0x9192939495969798;
		seen_count = barriers = 0;
		if (run(&v) != DONE)
			print_error("%s\n", a64_vectors[i].text);
		assert_int_equal(v.pc, old.pc + 4);
		assert_int_equal(seen_count, a->registers);
		/* acquire and release: one before, one behind */
		assert_int_equal(seen[0].barriers, a->ordered);
		assert_int_equal(barriers, a->ordered ? 2 : 0);
		sign = 1ull << (8 * a->size - 1);
		for (unsigned int r = 0; r < a->registers; r++) {
			const u64 mask = sign | (sign - 1);
			u64 value = answer[r] & mask;

			assert_int_equal(seen[r].gpa, DEVICE + 0x800 + r * a->size);
			assert_int_equal(seen[r].size, a->size);
			assert_int_equal(seen[r].write, a->write);
			if (a->write) {
				assert_int_equal(seen[r].value, vcpu_reg(&old, a->rt[r]) & mask);
				continue;
			}
			if (a->sign_extend) /* all answers are negative */
				value |= ~mask;
			if (!a->to_64)
				value &= 0xffffffff;
			vcpu_set_reg(&old, a->rt[r], value);
		}
		if (a->write_back && a->rn != 31)
			old.x[a->rn] = base + (u64)a->moved;
		else if (a->rn == 31)
			assert_int_equal(el1[EL1_SP], base + (u64)a->moved);
		for (unsigned int n = 0; n < 31; n++)
			assert_int_equal(v.x[n], old.x[n]);
	}
}

static void test_literal(void **state)
{
	struct vcpu v = abort_of(DATA | TRANSLATION, DEVICE_VA);

	v.pc = CODE_VA + 0xff0;
	code[0xff0 / 4] = 0x58000080; /* ldr x0, .+16 */
	/* The guest's code lies directly below a device: here the two are made neighbours. */
	v.far = CODE_VA + 0x1000;
	v.hpfar = DEVICE >> 12 << 4;
	answer[0] = 0x1234567890;
	assert_int_equal(run(&v), DONE);
	assert_int_equal(seen[0].gpa, DEVICE);
	assert_int_equal(v.x[0], 0x1234567890);
}

/* SP_EL0 at EL0 and at EL1t, SP_EL1 at EL1h. */
static void test_which_stack_pointer(void **state)
{
	static const struct {
		u64 pstate;
		enum el1_register sp;
	} row[] = { { 0x0, EL1_SP0 }, { 0x4, EL1_SP0 }, { 0x5, EL1_SP } };

	code[4] = 0xf81f0fe0; /* str x0, [sp, #-16]! */
	for (unsigned int i = 0; i < ARRAY_SIZE(row); i++) {
		struct vcpu v = abort_of(DATA | TRANSLATION | WNR, DEVICE_VA + 0x40);

		el1[EL1_SP] = el1[EL1_SP0] = 0;
		el1[row[i].sp] = DEVICE_VA + 0x50;
		v.pstate = row[i].pstate;
		seen_count = 0;
		assert_int_equal(run(&v), DONE);
		assert_int_equal(seen[0].gpa, DEVICE + 0x40);
		assert_int_equal(el1[row[i].sp], DEVICE_VA + 0x40);
		assert_int_equal(el1[row[i].sp == EL1_SP ? EL1_SP0 : EL1_SP], 0);
	}
}

static void test_big_endian_pair(void **state)
{
	struct vcpu v = abort_of(DATA | TRANSLATION, DEVICE_VA + 0x40);

	el1[EL1_SCTLR] = 1 << 25;
	code[4] = 0x29400440; /* ldp w0, w1, [x2] */
	v.x[2] = v.far;
	answer[0] = 0x11223344;
	answer[1] = 0x55667788;
	assert_int_equal(run(&v), DONE);
	assert_int_equal(v.x[0], 0x44332211);
	assert_int_equal(v.x[1], 0x88776655);
}

/* The address has a tag, which the guest has ignored (TBI), and FAR_EL2 another one, or none. */
static void test_tagged_address(void **state)
{
	struct vcpu v = abort_of(DATA | TRANSLATION, DEVICE_VA + 0x40);

	code[4] = 0xf9400041; /* ldr x1, [x2] */
	v.x[2] = (DEVICE_VA + 0x40) & 0x5affffffffffffff;
	assert_int_equal(run(&v), DONE);
	assert_int_equal(seen[0].gpa, DEVICE + 0x40);
}

/* The two halves of a pair in two pages. */
static void test_pair_across_pages(void **state)
{
	struct vcpu v = abort_of(DATA | TRANSLATION, DEVICE_VA + PAGE_SIZE - 8);

	code[4] = 0xa9400440; /* ldp x0, x1, [x2] */
	v.x[2] = v.far;
	answer[0] = 1;
	answer[1] = 2;
	assert_int_equal(run(&v), DONE);
	assert_int_equal(seen_count, 2);
	assert_int_equal(seen[0].gpa, DEVICE + PAGE_SIZE - 8);
	assert_int_equal(seen[1].gpa, DEVICE + PAGE_SIZE);
	assert_int_equal(v.x[0], 1);
	assert_int_equal(v.x[1], 2);
	/* the first half is the guest's memory */
	v = abort_of(DATA | TRANSLATION, MEMORY_VA + PAGE_SIZE);
	v.x[2] = v.far - 8;
	seen_count = 0;
	assert_int_equal(run(&v), EXTERNAL);
	/* the guest's stage 1 has nothing there */
	v = abort_of(DATA | TRANSLATION, DEVICE_VA + 2 * PAGE_SIZE - 8);
	v.x[2] = v.far;
	assert_int_equal(run(&v), EXTERNAL);
	/* not aligned */
	v = abort_of(DATA | TRANSLATION, DEVICE_VA + 0x101);
	v.x[2] = v.far;
	assert_int_equal(run(&v), ALIGNMENT);
	assert_int_equal(seen_count, 0);
}

/* Another CPU of the guest writes the instruction anew between the abort and Fairlead's look. */
static void test_instruction_changed(void **state)
{
	struct vcpu v = abort_of(DATA | TRANSLATION, DEVICE_VA + 0x40);

	code[4] = 0xf9400041; /* ldr x1, [x2]: not there */
	v.x[2] = DEVICE_VA + PAGE_SIZE;
	assert_int_equal(run(&v), EXTERNAL);
	v = abort_of(DATA | TRANSLATION, DEVICE_VA + 0x40);
	v.x[2] = MEMORY_VA;
	assert_int_equal(run(&v), EXTERNAL);
	code[4] = 0xf9000041; /* str x1, [x2]: it was a load */
	v = abort_of(DATA | TRANSLATION, DEVICE_VA + 0x40);
	v.x[2] = v.far;
	assert_int_equal(run(&v), EXTERNAL);
	assert_int_equal(seen_count, 0);
}

static void test_instructions_refused(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(a64_refused); i++) {
		struct vcpu v = abort_of(DATA | TRANSLATION, DEVICE_VA + 0x40);

		code[4] = a64_refused[i].word;
		for (unsigned int n = 0; n < 31; n++)
			v.x[n] = v.far;
		assert_int_equal(run(&v), EXTERNAL);
		assert_int_equal(el1[EL1_ESR], 0x96000010);
	}
	assert_int_equal(seen_count, 0);
	assert_true(lines <= 1); /* the same page */
}

/* The instruction is read from the guest's RAM only, and only while the guest itself could. */
static void test_instruction_out_of_reach(void **state)
{
	struct vcpu v = abort_of(DATA | TRANSLATION, DEVICE_VA + 0x40);

	v.pc = DEVICE_VA + 0x1000; /* not mapped at stage 2 */
	assert_int_equal(run(&v), EXTERNAL);
	assert_int_equal(pt_map(&guest.stage2, DEVICE + PAGE_SIZE, DEVICE + PAGE_SIZE, PAGE_SIZE,
				PT_READ | PT_DEVICE),
			 0);
	v = abort_of(DATA | TRANSLATION, DEVICE_VA + 0x40);
	v.pc = DEVICE_VA + 0x1000; /* a device's register, which a read could change */
	assert_int_equal(run(&v), EXTERNAL);
	v = abort_of(DATA | TRANSLATION, DEVICE_VA + 0x40);
	v.pstate = 0x10; /* AArch32 at EL0: what would be a load in A64 is none there */
	code[4] = 0xf9400041;
	v.x[2] = v.far;
	assert_int_equal(run(&v), EXTERNAL);
	assert_int_equal(v.pc, VBAR + 0x600);
	v = abort_of(DATA | TRANSLATION, DEVICE_VA + 0x40);
	stage1_broken = true; /* tried again: if it stays so, the guest gets a fault of its own */
	assert_int_equal(run(&v), AGAIN);
	assert_int_equal(seen_count, 0);
}

static void test_read_u32(void **state)
{
	const gpa_t at = (uintptr_t)code;
	u32 value = 0;

	code[1] = 0x12345678;
	assert_int_equal(guest_read_u32(at + 4, &value), 0);
	assert_int_equal(value, 0x12345678);
	for (unsigned int low = 1; low < 4; low++)
		assert_int_equal(guest_read_u32(at + 4 + low, &value), -EFAULT);
	assert_int_equal(guest_read_u32(DEVICE, &value), -EFAULT);
	assert_int_equal(guest_read_u32(~(gpa_t)3, &value), -EFAULT);
	/* RAM that the guest may write, but not read */
	assert_int_equal(pt_map(&guest.stage2, DEVICE, at, PAGE_SIZE, PT_WRITE), 0);
	assert_int_equal(guest_read_u32(DEVICE + 4, &value), -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_loads_by_syndrome),
		TEST(test_stores_by_syndrome),
		TEST(test_ordered_by_syndrome),
		TEST(test_big_endian),
		TEST(test_misaligned_is_a_fault),
		TEST(test_crossing_into_the_page),
		TEST(test_by_instruction),
		TEST(test_literal),
		TEST(test_which_stack_pointer),
		TEST(test_big_endian_pair),
		TEST(test_tagged_address),
		TEST(test_pair_across_pages),
		TEST(test_instruction_changed),
		TEST(test_instructions_refused),
		TEST(test_instruction_out_of_reach),
		TEST(test_read_u32),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
