/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions for the guest, and the end of an instruction that Fairlead has carried out for it. What this
 * guards: the guest's EL1 finds every register as the hardware would have left it (Arm ARM DDI 0487J, J1.1:
 * AArch64.TakeException()), so that its handlers, which were written for hardware, do the right thing.
 */
#include "arch/arm64/el1.h"
#include "arch/arm64/exits.h"
#include "arch/arm64/vcpu.h"

/* D19.2.118 SCTLR_EL1: without the feature, SPAN is RES1 and DSSBS RES0. */
#define SCTLR_SPAN  BIT(23) /* PSTATE.PAN stays as it is, at an exception to EL1 */
#define SCTLR_DSSBS BIT(44) /* PSTATE.SSBS then */

/* D1.3.4: offsets into the vector table of a synchronous exception, by where it comes from */
#define VECTOR_SAME_EL_SP0  0x000u
#define VECTOR_SAME_EL_SPX  0x200u
#define VECTOR_LOWER_EL_A64 0x400u
#define VECTOR_LOWER_EL_A32 0x600u
#define VBAR_BASE	    GENMASK64(63, 11)

/* D19.2.37: fault status codes that Fairlead gives, and what a data abort says besides */
#define FSC_EXTERNAL  0x10u /* synchronous external abort, not on a table walk */
#define FSC_ALIGNMENT 0x21u
#define ISS_WNR	      BIT(6)
#define ISS_CM	      BIT(8)
#define ISS_FNV	      BIT(10) /* FAR is not valid */

/* C5.2.19: SPSR_EL1 of AArch32 state: the position in an IT block */
#define SPSR32_IT_1_0 GENMASK64(26, 25)
#define SPSR32_IT_7_2 GENMASK64(15, 10)

/* What of PSTATE an exception leaves as it is: the flags, PAN (but for SPAN), DIT, TCO. */
#define PSTATE_KEPT (GENMASK64(31, 28) | PSTATE_PAN | PSTATE_DIT | PSTATE_TCO)

static bool from_el1(const struct vcpu *v)
{
	/* In AArch32 state the guest is in User mode: 0 there, too. */
	return (v->pstate & PSTATE_MODE_MASK) != PSTATE_MODE_EL0;
}

static unsigned int vector_offset(const struct vcpu *v)
{
	if (v->pstate & PSTATE_AARCH32)
		return VECTOR_LOWER_EL_A32;
	if (!from_el1(v))
		return VECTOR_LOWER_EL_A64;
	return v->pstate & PSTATE_SP ? VECTOR_SAME_EL_SPX : VECTOR_SAME_EL_SP0;
}

static void take_exception(struct vcpu *v, unsigned int ec, u64 iss)
{
	const u64 sctlr = el1_read(EL1_SCTLR);
	u64 pstate = v->pstate & PSTATE_KEPT;

	/*
	 * TCO belongs to tags, which the guest does not have (features.c); without them in the CPU it is
	 * RES0.
	 */
	pstate |= PSTATE_MODE_EL1H | PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F;
	if (!(sctlr & SCTLR_SPAN))
		pstate |= PSTATE_PAN;
	if (sctlr & SCTLR_DSSBS)
		pstate |= PSTATE_SSBS;

	el1_write(EL1_ESR, (u64)ec << ESR_EC_SHIFT | ESR_IL | iss);
	el1_write(EL1_ELR, v->pc);
	el1_write(EL1_SPSR, v->pstate);
	v->pc = (el1_read(EL1_VBAR) & VBAR_BASE) + vector_offset(v);
	v->pstate = pstate;
}

void vcpu_inject_undefined(struct vcpu *v)
{
	take_exception(v, EC_UNKNOWN, 0);
}

/* Of an abort's classes, that of the same exception level follows that of a lower one. */
static unsigned int abort_class(const struct vcpu *v, unsigned int lower)
{
	return from_el1(v) ? lower + 1 : lower;
}
static_assert(EC_INSTRUCTION_ABORT_SAME == EC_INSTRUCTION_ABORT_LOWER + 1, "abort_class()");
static_assert(EC_DATA_ABORT_SAME == EC_DATA_ABORT_LOWER + 1, "abort_class()");

static void inject_data_abort(struct vcpu *v, u64 fsc)
{
	u64 iss = fsc;

	if (ESR_EC(v->esr) == EC_DATA_ABORT_LOWER)
		iss |= v->esr & (ISS_WNR | ISS_CM | ISS_FNV);
	el1_write(EL1_FAR, v->far);
	take_exception(v, abort_class(v, EC_DATA_ABORT_LOWER), iss);
}

void vcpu_inject_external_abort(struct vcpu *v, bool instruction)
{
	if (!instruction) {
		inject_data_abort(v, FSC_EXTERNAL);
		return;
	}
	el1_write(EL1_FAR, v->far);
	take_exception(v, abort_class(v, EC_INSTRUCTION_ABORT_LOWER), FSC_EXTERNAL | (v->esr & ISS_FNV));
}

void vcpu_inject_alignment_fault(struct vcpu *v)
{
	inject_data_abort(v, FSC_ALIGNMENT);
}

/*
 * The next instruction's place in an IT block (Arm ARM F1.3: ITAdvance()); bits 7:5 are the condition, 4:0
 * move up.
 */
static u64 advance_it(u64 spsr)
{
	u64 it = (spsr & SPSR32_IT_7_2) >> 10 << 2 | (spsr & SPSR32_IT_1_0) >> 25;

	it = it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0;
	return (spsr & ~(SPSR32_IT_7_2 | SPSR32_IT_1_0)) | it >> 2 << 10 | (it & 3) << 25;
}

void vcpu_skip_instruction(struct vcpu *v)
{
	v->pstate &= ~PSTATE_SS;
	if (!(v->pstate & PSTATE_AARCH32)) {
		v->pc += 4;
		v->pstate &= ~PSTATE_BTYPE;
		return;
	}
	v->pc = (u32)(v->pc + (v->esr & ESR_IL ? 4 : 2));
	v->pstate = advance_it(v->pstate); /* 0 in A32 state */
}
