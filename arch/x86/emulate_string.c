/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * String instructions, one element an exit: so an exit stays short whatever count the guest has in rCX, and
 * an interrupt comes between two elements as on hardware.
 */
#include "arch/x86/emulate_string.h"

#include "arch/x86/alu.h"
#include "arch/x86/emulate_mem.h"
#include "core/errno.h"

#define PREFIX_REPNE 0xf2

static bool uses_source(enum x86_op op)
{
	return op == X86_OP_MOVS || op == X86_OP_CMPS || op == X86_OP_LODS;
}

static bool uses_destination(enum x86_op op)
{
	return op != X86_OP_LODS;
}

static bool writes_destination(enum x86_op op)
{
	return op == X86_OP_MOVS || op == X86_OP_STOS;
}

/* Both operands; every fault comes out here, before anything is accessed. */
static int locate(struct vcpu *v, const struct x86_insn *insn, struct guest_span *source,
		  struct guest_span *destination)
{
	int err = 0;

	if (uses_source(insn->op))
		err = mem_locate(v, insn->segment, insn->stack, string_reg(v, REG_RSI, insn->address_size),
				 insn->size, false, source);
	/* ES:rDI, whatever the prefixes say (APM vol. 3, 1.2.4). */
	if (!err && uses_destination(insn->op))
		err = mem_locate(v, SEG_ES, false, string_reg(v, REG_RDI, insn->address_size), insn->size,
				 writes_destination(insn->op), destination);
	return err;
}

/* The accesses and what they do to the accumulator and the flags. */
static int access(struct vcpu *v, const struct x86_insn *insn, gpa_t trapped, const struct guest_span *source,
		  const struct guest_span *destination)
{
	u64 a = v->reg[REG_RAX];
	u64 b;
	int err = 0;

	if (uses_source(insn->op))
		err = mem_read(source, trapped, &a);
	if (err)
		return err;
	if (writes_destination(insn->op))
		return mem_write(destination, trapped, a);
	if (insn->op == X86_OP_LODS) {
		set_reg(v, REG_RAX, insn->size, a);
		return 0;
	}
	err = mem_read(destination, trapped, &b);
	if (!err)
		x86_alu(X86_OP_CMP, insn->size, a, b, &v->rflags);
	return err;
}

/* REPE goes on while equal, REPNE while not; the others look at the count alone. */
static bool ends_early(const struct vcpu *v, const struct x86_insn *insn)
{
	if (insn->op != X86_OP_CMPS && insn->op != X86_OP_SCAS)
		return false;
	return ((v->rflags & X86_RFLAGS_ZF) != 0) == (insn->rep == PREFIX_REPNE);
}

int emulate_string(struct vcpu *v, const struct x86_insn *insn, gpa_t trapped, bool write)
{
	struct guest_span source = { 0 }, destination = { 0 };
	u64 next_rip = v->rip + insn->length;
	int err;

	if (insn->rep && !string_reg(v, REG_RCX, insn->address_size))
		return -EAGAIN; /* accesses nothing, so it is not what faulted */
	if (write && !writes_destination(insn->op))
		return -EAGAIN;
	err = locate(v, insn, &source, &destination);
	if (err)
		return err;
	if (!(uses_source(insn->op) && mem_touches(&source, trapped)) &&
	    !(uses_destination(insn->op) && mem_touches(&destination, trapped)))
		return -EAGAIN;
	err = access(v, insn, trapped, &source, &destination);
	if (err)
		return err;
	if (uses_source(insn->op))
		advance_index(v, REG_RSI, insn->address_size, insn->size);
	if (uses_destination(insn->op))
		advance_index(v, REG_RDI, insn->address_size, insn->size);
	complete_element(v, insn->rep != 0, insn->address_size, ends_early(v, insn), next_rip);
	return 0;
}
