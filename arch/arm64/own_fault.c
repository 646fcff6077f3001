/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the machine or the guest can make go wrong inside Fairlead (own_fault.h). It guards that neither a
 * device that has gone nor a guest that puts its page tables where nobody answers ends the machine, and that
 * everything else does.
 */
#include "arch/arm64/own_fault.h"

#include "arch/arm64/decode.h"
#include "arch/arm64/exits.h"

/* ISS of a data abort (Arm ARM D19.2.37): status code of a synchronous external abort, not of a table walk */
#define DFSC(esr) ((u32)(esr) & 0x3f)
#define DFSC_EXTERNAL 0x10u

/* AT S1E1R, <Xt> (C5.5.7): the only one that Fairlead uses (el1.c) */
#define AT_S1E1R 0xd5087800u
#define AT_RT 0x1fu
#define INSTRUCTION_BYTES 4u

/*
 * Only loads and stores of mmio.h reach device memory, and those of the compiler's choice for them have one
 * register and no write-back.
 */
static bool is_refused(struct trap_frame *f, u32 insn)
{
	struct a64_access access;

	unsigned int size;

	if (DFSC(f->esr) != DFSC_EXTERNAL || a64_decode(insn, &access) || access.registers != 1 ||
	    access.write_back)
		return false;
	size = access.sign_extend ? (access.to_64 ? 8 : 4) : access.size;
	if (!access.write && access.rt[0] < 31)
		f->x[access.rt[0]] = GENMASK64(size * 8 - 1, 0);
	return true;
}

/*
 * Faults of the translation are reported in PAR_EL1; but an external abort on its walk, or two entries of a
 * TLB for one address, are exceptions of whoever asks (D8.13.1). Both are the guest's to cause: its tables
 * stand where it likes. Nothing but tables is touched, so whatever it is, it is the translation's.
 */
static bool is_translate(u32 insn)
{
	return (insn & ~AT_RT) == AT_S1E1R;
}

enum own_fault own_fault_pass(struct trap_frame *f, u32 insn)
{
	enum own_fault fault = OWN_FAULT_BUG;

	if (ESR_EC(f->esr) != EC_DATA_ABORT_SAME)
		return OWN_FAULT_BUG;
	if (is_translate(insn))
		fault = OWN_FAULT_TRANSLATE;
	else if (is_refused(f, insn))
		fault = OWN_FAULT_REFUSED;
	if (fault != OWN_FAULT_BUG)
		f->elr += INSTRUCTION_BYTES;
	return fault;
}
