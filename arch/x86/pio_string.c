/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INS and OUTS, one element an exit. The guest's memory is checked before the port is touched: reading a port
 * can have an effect, and a page fault would make the guest read it again.
 */
#include "arch/x86/pio_string.h"

#include "arch/x86/emulate_fetch.h"
#include "arch/x86/emulate_mem.h"
#include "arch/x86/pio.h"
#include "core/errno.h"
#include "core/log.h"

/* DS, or what a prefix says. */
static int source_segment(struct vcpu *v, unsigned int *segment)
{
	u8 bytes[X86_INSN_MAX];
	unsigned int got, length;
	int err = emulate_fetch(v, bytes, &got);

	if (err)
		return err;
	if (x86_match(bytes, got, vcpu_mode(v), X86_INSN_OUTS, &length))
		return -EAGAIN;
	return x86_prefix_segment(bytes, got, vcpu_mode(v), segment);
}

static int locate(struct vcpu *v, bool in, unsigned int size, unsigned int address_size,
		  struct guest_span *span)
{
	unsigned int segment = SEG_ES;
	u64 offset = string_reg(v, in ? REG_RDI : REG_RSI, address_size);
	int err = in ? 0 : source_segment(v, &segment);

	return err ? err : mem_locate(v, segment, segment == SEG_SS, offset, size, in, span);
}

static int transfer(const struct guest_span *span, bool in, unsigned int size, u16 port)
{
	u64 element = 0;
	u32 value = 0;
	int err;

	if (in) {
		pio_access(port, size, false, &value);
		return mem_write(span, NO_TRAPPED_PAGE, value);
	}
	err = mem_read(span, NO_TRAPPED_PAGE, &element);
	value = (u32)element;
	if (!err)
		pio_access(port, size, true, &value);
	return err;
}

int emulate_pio_string(struct vcpu *v, bool in, unsigned int size, bool rep, unsigned int address_size,
		       u16 port, u64 next_rip)
{
	struct guest_span span;
	int err;

	if (rep && !string_reg(v, REG_RCX, address_size)) {
		complete_instruction(v, next_rip);
		return 0;
	}
	err = locate(v, in, size, address_size, &span);
	if (!err)
		err = transfer(&span, in, size, port);
	if (err == -EOPNOTSUPP) {
		log_debug("guest: string I/O between port 0x%x and a device's registers: #GP", port);
		vcpu_raise_error(v, X86_VEC_GP, 0);
	}
	if (err)
		return err == -EAGAIN ? -EAGAIN : 0;
	advance_index(v, in ? REG_RDI : REG_RSI, address_size, size);
	complete_element(v, rep, address_size, false, next_rip);
	return 0;
}
