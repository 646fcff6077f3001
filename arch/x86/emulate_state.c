/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How an emulated instruction changes registers, RIP and flags when it completes.
 */
#include "arch/x86/alu.h"
#include "arch/x86/emulate_mem.h"

void set_reg(struct vcpu *v, unsigned int reg, unsigned int size, u64 value)
{
	if (size >= 4) /* 4 bytes: the upper half becomes zero (AMD64 APM vol. 1, 3.1.2) */
		v->reg[reg] = x86_truncate(value, size);
	else
		v->reg[reg] = (v->reg[reg] & ~x86_truncate(~(u64)0, size)) | x86_truncate(value, size);
}

u64 string_reg(const struct vcpu *v, enum x86_reg reg, unsigned int address_size)
{
	return x86_truncate(v->reg[reg], address_size);
}

void advance_index(struct vcpu *v, enum x86_reg reg, unsigned int address_size, unsigned int size)
{
	u64 step = (v->rflags & X86_RFLAGS_DF) ? 0 - (u64)size : size;

	set_reg(v, reg, address_size, v->reg[reg] + step);
}

void complete_instruction(struct vcpu *v, u64 next_rip)
{
	switch (vcpu_mode(v)) {
	case X86_MODE_16: v->rip = (u16)next_rip; break;
	case X86_MODE_32: v->rip = (u32)next_rip; break;
	case X86_MODE_64: v->rip = next_rip; break;
	}
	v->rflags &= ~X86_RFLAGS_RF;
	v->retired = true;
}

void complete_element(struct vcpu *v, bool rep, unsigned int address_size, bool stop, u64 next_rip)
{
	v->retired = true;
	if (rep) {
		u64 left = x86_truncate(v->reg[REG_RCX] - 1, address_size);

		set_reg(v, REG_RCX, address_size, left);
		if (left && !stop)
			return;
	}
	complete_instruction(v, next_rip);
}
