/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An access to device registers that Fairlead emulates, done as the guest's instruction would have done it:
 * fetch, decode, find the operand, read, compute, write, and only then change the guest's registers.
 */
#include "arch/x86/emulate.h"

#include "arch/x86/alu.h"
#include "arch/x86/emulate_fetch.h"
#include "arch/x86/emulate_mem.h"
#include "arch/x86/emulate_string.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/once.h"
#include "core/vm.h"

#define LOGGED_RIPS 16

/* What an instruction changes; applied when its memory accesses have succeeded. */
struct effect {
	u64 memory;
	u64 rflags;
	bool set_reg;
	u8 reg, reg_size;
	bool high_byte;
	u64 value;
};

static bool writes_memory(const struct x86_insn *insn)
{
	return insn->mem_is_dest && insn->op != X86_OP_CMP && insn->op != X86_OP_TEST &&
	       insn->op != X86_OP_BT;
}

static bool reads_memory(const struct x86_insn *insn)
{
	return insn->op != X86_OP_MOV || !insn->mem_is_dest;
}

static u64 other_operand(const struct vcpu *v, const struct x86_insn *insn)
{
	if (insn->other == X86_OTHER_IMM)
		return insn->imm;
	return x86_truncate(v->reg[insn->reg] >> (insn->high_byte ? 8 : 0), insn->reg_size);
}

static void to_register(const struct x86_insn *insn, struct effect *e, u64 value)
{
	e->set_reg = true;
	e->reg = insn->reg;
	e->reg_size = insn->reg_size;
	e->high_byte = insn->high_byte;
	e->value = value;
}

/* APM vol. 3, CMPXCHG: the accumulator against memory; equal: memory becomes the register, else the
 * accumulator becomes memory. */
static void compare_exchange(const struct vcpu *v, const struct x86_insn *insn, u64 mem, struct effect *e)
{
	u64 accumulator = x86_truncate(v->reg[REG_RAX], insn->size);

	x86_alu(X86_OP_CMP, insn->size, accumulator, mem, &e->rflags);
	if (accumulator == mem) {
		e->memory = other_operand(v, insn);
		return;
	}
	e->memory = mem;
	e->set_reg = true;
	e->reg = REG_RAX;
	e->reg_size = insn->size;
	e->value = mem;
}

static void compute_alu(const struct vcpu *v, const struct x86_insn *insn, u64 mem, struct effect *e)
{
	u64 other = other_operand(v, insn);

	if (insn->mem_is_dest)
		e->memory = x86_alu(insn->op, insn->size, mem, other, &e->rflags);
	else if (insn->op == X86_OP_CMP)
		x86_alu(insn->op, insn->size, other, mem, &e->rflags);
	else
		to_register(insn, e, x86_alu(insn->op, insn->size, other, mem, &e->rflags));
}

/* mem: what memory held, if the instruction reads it. */
static struct effect compute(const struct vcpu *v, const struct x86_insn *insn, u64 mem)
{
	struct effect e = { .rflags = v->rflags };
	u64 other = other_operand(v, insn);

	switch (insn->op) {
	case X86_OP_MOV:
		if (insn->mem_is_dest)
			e.memory = other;
		else
			to_register(insn, &e, mem);
		break;
	case X86_OP_MOVZX: to_register(insn, &e, mem); break;
	case X86_OP_MOVSX: to_register(insn, &e, x86_sign_extend(mem, insn->size)); break;
	case X86_OP_BT:
	case X86_OP_BTS:
	case X86_OP_BTR:
	case X86_OP_BTC:
		e.memory = x86_alu_bit(insn->op, mem, (unsigned int)other & (insn->size * 8u - 1), &e.rflags);
		break;
	case X86_OP_XADD:
		e.memory = x86_alu(X86_OP_ADD, insn->size, mem, other, &e.rflags);
		to_register(insn, &e, mem);
		break;
	case X86_OP_XCHG:
		e.memory = other;
		to_register(insn, &e, mem);
		break;
	case X86_OP_CMPXCHG: compare_exchange(v, insn, mem, &e); break;
	default: compute_alu(v, insn, mem, &e); break;
	}
	return e;
}

static void apply(struct vcpu *v, const struct effect *e)
{
	u64 value = e->value;
	unsigned int size = e->reg_size;

	v->rflags = e->rflags;
	if (!e->set_reg)
		return;
	if (e->high_byte) {
		value = (v->reg[e->reg] & 0xff) | x86_truncate(value, 1) << 8;
		size = 2;
	}
	set_reg(v, e->reg, size, value);
}

/* A bit number in a register counts from the operand's address, either way (APM vol. 3, BT). */
static u64 operand_offset(const struct vcpu *v, const struct x86_insn *insn)
{
	u64 offset = x86_effective_address(insn, v->reg, v->rip + insn->length);
	s64 bit;

	if (insn->op < X86_OP_BT || insn->op > X86_OP_BTC || insn->other != X86_OTHER_REG)
		return offset;
	bit = (s64)x86_sign_extend(v->reg[insn->reg], insn->size);
	bit -= (s64)((u64)bit & (insn->size * 8u - 1));
	return x86_truncate(offset + (u64)(bit / 8), insn->address_size);
}

static int execute(struct vcpu *v, const struct x86_insn *insn, gpa_t trapped, bool write)
{
	bool writes = writes_memory(insn);
	struct guest_span span;
	struct effect effect;
	u64 mem = 0;
	int err;

	if (write && !writes)
		return -EAGAIN;
	err = mem_locate(v, insn->segment, insn->stack, operand_offset(v, insn), insn->size, writes, &span);
	if (err)
		return err;
	if (!mem_touches(&span, trapped))
		return -EAGAIN;
	if (reads_memory(insn))
		err = mem_read(&span, trapped, &mem);
	if (err)
		return err;
	effect = compute(v, insn, mem);
	if (writes)
		err = mem_write(&span, trapped, effect.memory);
	if (err)
		return err;
	apply(v, &effect);
	complete_instruction(v, v->rip + insn->length);
	return 0;
}

static void refuse(struct vcpu *v, const u8 *bytes, unsigned int n, gpa_t gpa)
{
	static once_place logged[LOGGED_RIPS];
	char text[X86_INSN_MAX * 3 + 1] = "";

	if (once(logged, v->rip)) {
		for (unsigned int i = 0; i < n; i++)
			fl_snprintf(text + 3 * i, sizeof(text) - 3 * i, " %02x", bytes[i]);
		log_warn("guest: access to 0x%llx by an instruction that is not emulated, at 0x%llx:%s: #UD",
			 (unsigned long long)gpa, (unsigned long long)v->rip, text);
	}
	vcpu_raise(v, X86_VEC_UD);
}

int emulate_mmio(struct vcpu *v, gpa_t fault_gpa, bool write)
{
	gpa_t trapped = fault_gpa & PAGE_MASK;
	u8 bytes[X86_INSN_MAX];
	struct x86_insn insn;
	unsigned int got;
	int err = emulate_fetch(v, bytes, &got);

	if (err)
		return err == -EFAULT ? 0 : err;
	err = x86_decode(bytes, got, vcpu_mode(v), &insn);
	if (err == -E2BIG)
		err = emulate_fetch_rest(v, got);
	else if (err == -EILSEQ)
		err = -EAGAIN;
	else if (!err)
		err = insn.op >= X86_OP_MOVS ? emulate_string(v, &insn, trapped, write)
					     : execute(v, &insn, trapped, write);
	if (err == -EOPNOTSUPP)
		refuse(v, bytes, got, fault_gpa);
	return err == -EAGAIN ? -EAGAIN : 0;
}
