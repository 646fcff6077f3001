/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses to system registers that exit (ESR_EL2 EC 0x18: Arm ARM DDI 0487J, D19.2.37): those that Fairlead
 * answers, each as hardware would; all other encodings, in both directions, are undefined, and none does
 * anything else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/arm64/exits.h"
#include "arch/arm64/traps.h"
#include "arch/arm64/vgic.h"
#include "core/log.h"

#define RT 7u
#define ASKED 0x123456789abcdef0ull
#define REVIDR 0x11ull
#define AIDR 0x22ull

/* ---- the machine --------------------------------------------------------------------------------------- */

static struct vcpu v;
static unsigned int skipped, undefined_count, sgis, log_lines;
static struct {
	const struct vcpu *v;
	unsigned int group;
	u64 value;
} sgi;

void vcpu_skip_instruction(struct vcpu *vcpu)
{
	skipped++;
}

void vcpu_inject_undefined(struct vcpu *vcpu)
{
	undefined_count++;
}

void vgic_write_sgi(struct vcpu *vcpu, unsigned int group, u64 value)
{
	sgis++;
	sgi.v = vcpu;
	sgi.group = group;
	sgi.value = value;
}

static unsigned int deactivations;
static u32 deactivated;

void vgic_write_dir(struct vcpu *vcpu, u32 intid)
{
	assert_ptr_equal(vcpu, &v);
	deactivations++;
	deactivated = intid;
}

u64 cpu_revidr(void)
{
	return REVIDR;
}

u64 cpu_aidr(void)
{
	return AIDR;
}

static void count_line(enum log_level level, const char *line, size_t len)
{
	log_lines++;
}

static int setup(void **state)
{
	/* Each ID register its own value, where the filter lets all of it through. */
	struct id_registers id = { .value = { [ID_INDEX(2, 0)] = 0x02101110, [ID_INDEX(6, 0)] = 0x00011120,
					      [ID_INDEX(3, 2)] = 0x43, [ID_INDEX(1, 4)] = 0x10201105,
					      [ID_INDEX(4, 0)] = 0x01002222 } };

	log_set_sink(count_line);
	features_add_cpu(0, &id);
	return 0;
}

/* ---- one access ---------------------------------------------------------------------------------------- */

enum outcome { DONE, UNDEFINED, NEITHER };

static enum outcome access_rt(unsigned int number, bool read, unsigned int rt)
{
	u32 op0 = number >> 14, op1 = number >> 11 & 7, crn = number >> 7 & 15, crm = number >> 3 & 15,
	    op2 = number & 7;

	for (unsigned int i = 0; i < 31; i++)
		v.x[i] = ASKED + i - RT;
	v.esr = 0x18ull << 26 | 1u << 25 | op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | rt << 5 |
		crm << 1 | read;
	skipped = undefined_count = sgis = deactivations = 0;
	sysreg_access(&v);
	for (unsigned int i = 0; i < 31; i++) {
		if (i != rt || !read || undefined_count)
			assert_int_equal(v.x[i], ASKED + i - RT);
	}
	return skipped == 1 && !undefined_count	  ? DONE
	       : undefined_count == 1 && !skipped ? UNDEFINED
						  : NEITHER;
}

static enum outcome access(unsigned int number, bool read)
{
	return access_rt(number, read, RT);
}

#define N(op0, op1, crn, crm, op2) ((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

/* ---- what is answered ---------------------------------------------------------------------------------- */

#define NO (~0ull)
#define SGI (~0ull - 1)
#define IGNORED 0
#define DIR (~0ull - 2)

static const struct {
	const char *name;
	unsigned int number;
	u64 read, write; /* the value; NO: undefined in that direction */
} answered[] = {
	{ "MDRAR_EL1", N(2, 0, 1, 0, 0), 0, NO },
	{ "OSLAR_EL1", N(2, 0, 1, 0, 4), NO, IGNORED },
	{ "OSLSR_EL1", N(2, 0, 1, 1, 4), 8, NO }, /* OSLM = 0b10 in bits 3 and 0, OSLK in bit 1 */
	{ "OSDLR_EL1", N(2, 0, 1, 3, 4), 0, IGNORED },
	{ "DBGPRCR_EL1", N(2, 0, 1, 4, 4), 0, IGNORED },
	{ "REVIDR_EL1", N(3, 0, 0, 0, 6), REVIDR, NO },
	{ "AIDR_EL1", N(3, 1, 0, 0, 7), AIDR, NO },
	{ "ACTLR_EL1", N(3, 0, 1, 0, 1), 0, IGNORED },
	{ "ICC_DIR_EL1", N(3, 0, 12, 11, 1), NO, DIR },
	{ "ICC_SGI1R_EL1", N(3, 0, 12, 11, 5), NO, SGI },
	{ "ICC_ASGI1R_EL1", N(3, 0, 12, 11, 6), NO, SGI },
	{ "ICC_SGI0R_EL1", N(3, 0, 12, 11, 7), NO, SGI },
	{ "ICC_SRE_EL1", N(3, 0, 12, 12, 5), 7, IGNORED },
};

static void listed(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(answered); i++) {
		assert_int_equal(access(answered[i].number, true), answered[i].read == NO ? UNDEFINED : DONE);
		if (answered[i].read != NO)
			assert_int_equal(v.x[RT], answered[i].read);
		assert_int_equal(sgis, 0);
		assert_int_equal(deactivations, 0);
		assert_int_equal(access(answered[i].number, false),
				 answered[i].write == NO ? UNDEFINED : DONE);
		assert_int_equal(sgis, answered[i].write == SGI);
		assert_int_equal(deactivations, answered[i].write == DIR);
		if (deactivations)
			assert_int_equal(deactivated, ASKED & 0xffffff); /* INTID: bits 23:0 */
	}
}

static void sgi_registers(void **state)
{
	(void)access(N(3, 0, 12, 11, 5), false);
	assert_ptr_equal(sgi.v, &v);
	assert_int_equal(sgi.group, 1);
	assert_int_equal(sgi.value, ASKED);
	(void)access(N(3, 0, 12, 11, 7), false);
	assert_int_equal(sgi.group, 0);
	(void)access(N(3, 0, 12, 11, 5), false);
	(void)access(N(3, 0, 12, 11, 6), false);
	assert_int_equal(sgi.group, 0);
	/* From XZR */
	assert_int_equal(access_rt(N(3, 0, 12, 11, 5), false, 31), DONE);
	assert_int_equal(sgi.value, 0);
}

static void id_registers(void **state)
{
	for (unsigned int crm = 1; crm <= 7; crm++) {
		for (unsigned int op2 = 0; op2 < 8; op2++) {
			assert_int_equal(access(N(3, 0, 0, crm, op2), true), DONE);
			assert_int_equal(v.x[RT], features_guest(ID_INDEX(crm, op2)));
			assert_int_equal(access(N(3, 0, 0, crm, op2), false), UNDEFINED);
		}
	}
	(void)access(N(3, 0, 0, 6, 0), true);
	assert_int_equal(v.x[RT], 0x00011120);
	(void)access(N(3, 0, 0, 2, 0), true);
	assert_int_equal(v.x[RT], 0x02101110);
	(void)access(N(3, 0, 0, 3, 2), true);
	assert_int_equal(v.x[RT], 0x43);
	(void)access(N(3, 0, 0, 4, 0), true);
	assert_int_equal(v.x[RT], 0x01000012);
	/* To XZR: nothing changes (access_rt() looks), and it is done. */
	assert_int_equal(access_rt(N(3, 0, 0, 4, 0), true, 31), DONE);
	/* Groups 0 to 2 and the MIDR are no part of it. */
	assert_int_equal(access(N(3, 0, 0, 0, 1), true), UNDEFINED);
	assert_int_equal(access(N(3, 0, 0, 8, 0), true), UNDEFINED);
	assert_int_equal(access(N(3, 1, 0, 1, 0), true), UNDEFINED);
	assert_int_equal(access(N(2, 0, 0, 4, 0), true), UNDEFINED);
	assert_int_equal(access(N(3, 0, 1, 4, 0), true), UNDEFINED);
}

static enum outcome expected(unsigned int number, bool read)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(answered); i++) {
		if (answered[i].number == number)
			return (read ? answered[i].read : answered[i].write) == NO ? UNDEFINED : DONE;
	}
	return read && number >= N(3, 0, 0, 1, 0) && number <= N(3, 0, 0, 7, 7) ? DONE : UNDEFINED;
}

/* All of op0, op1, CRn, CRm, op2; system instructions are among them. */
static void every_encoding(void **state)
{
	unsigned int done = 0;

	for (unsigned int number = 0; number < 0x10000; number++) {
		for (unsigned int read = 0; read < 2; read++) {
			enum outcome is = access_rt(number, read, number % 32);

			if (is != expected(number, read))
				fail_msg("0x%04x, %s: %u", number, read ? "read" : "write", is);
			done += is == DONE;
		}
	}
	assert_int_equal(done, 7 * 8 + 8 + 9);
}

static void the_log_is_not_filled(void **state)
{
	log_lines = 0;
	for (unsigned int i = 0; i < 1000; i++) {
		assert_int_equal(access_rt(N(3, 3, 15, 15, 7), true, i % 32), UNDEFINED);
		assert_int_equal(access_rt(N(3, 3, 15, 15, 7), false, i % 32), UNDEFINED);
	}
	assert_in_range(log_lines, 0, 2);
	for (unsigned int number = 0; number < 0x10000; number++)
		(void)access(number, true);
	log_lines = 0;
	for (unsigned int number = 0; number < 0x10000; number++)
		(void)access(number, true);
	assert_int_equal(log_lines, 0);
}

/* ---- AArch32 ------------------------------------------------------------------------------------------- */

#define NZCV_N 8u
#define NZCV_Z 4u
#define NZCV_C 2u
#define NZCV_V 1u

/* Arm ARM, table C1-1 */
static bool holds(unsigned int cond, unsigned int nzcv)
{
	bool n = nzcv & NZCV_N, z = nzcv & NZCV_Z, c = nzcv & NZCV_C, o = nzcv & NZCV_V;
	const bool table[] = { z,	!z,	c,	!c,	      n,	   !n,	 o,   !o, c && !z,
			       !c || z, n == o, n != o, !z && n == o, z || n != o, true, true };

	return table[cond];
}

static void aarch32(void **state)
{
	static const unsigned int classes[] = { 0x03, 0x04, 0x05, 0x0c };

	for (unsigned int i = 0; i < ARRAY_SIZE(classes); i++) {
		for (unsigned int nzcv = 0; nzcv < 16; nzcv++) {
			for (unsigned int cond = 0; cond < 16; cond++) {
				v.pstate = (u64)nzcv << 28 | PSTATE_AARCH32;
				v.esr = (u64)classes[i] << 26 | 1u << 24 | cond << 20 | 0x1f5a7;
				skipped = undefined_count = 0;
				sysreg_access(&v);
				assert_int_equal(undefined_count, holds(cond, nzcv));
				assert_int_equal(skipped, !holds(cond, nzcv));
			}
		}
	}
}

/* T32: where the syndrome has no condition, the IT block has (SPSR_EL2.IT: bits 15:10 and 26:25). */
static void aarch32_in_an_it_block(void **state)
{
	for (unsigned int nzcv = 0; nzcv < 16; nzcv++) {
		for (unsigned int it = 0; it < 256; it++) {
			bool inside = it & 0xf, executed = !inside || holds(it >> 4, nzcv);

			v.pstate = (u64)nzcv << 28 | PSTATE_AARCH32 | (u64)(it >> 2) << 10 |
				   (u64)(it & 3) << 25 | BIT(5);
			v.esr = 0x03ull << 26 | 0xf << 20;
			skipped = undefined_count = 0;
			sysreg_access(&v);
			assert_int_equal(undefined_count, executed);
			assert_int_equal(skipped, !executed);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First, while there is still room to log. */
		cmocka_unit_test_setup(the_log_is_not_filled, setup),
		cmocka_unit_test_setup(listed, setup),
		cmocka_unit_test_setup(sgi_registers, setup),
		cmocka_unit_test_setup(id_registers, setup),
		cmocka_unit_test_setup(every_encoding, setup),
		cmocka_unit_test_setup(aarch32, setup),
		cmocka_unit_test_setup(aarch32_in_an_it_block, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
