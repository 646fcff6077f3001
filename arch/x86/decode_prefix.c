/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prefixes (AMD64 APM vol. 3, 1.2): any number of legacy ones in any order, then in 64-bit mode one REX
 * directly before the opcode.
 */
#include "arch/x86/decode_prefix.h"

#include "core/errno.h"

struct x86_cursor x86_cursor(const u8 *bytes, unsigned int n)
{
	return (struct x86_cursor){ .bytes = bytes, .n = n < X86_INSN_MAX ? n : X86_INSN_MAX };
}

int x86_take(struct x86_cursor *c, unsigned int size, u64 *value)
{
	*value = 0;
	if (size > c->n - c->pos)
		return -E2BIG;
	for (unsigned int i = 0; i < size; i++)
		*value |= (u64)c->bytes[c->pos++] << (8 * i);
	return 0;
}

static void set_segment(struct x86_prefixes *p, enum x86_mode mode, enum x86_seg segment)
{
	if (mode != X86_MODE_64 || segment == SEG_FS || segment == SEG_GS)
		p->segment = (u8)segment;
}

/* False: not a legacy prefix. */
static bool note_legacy(struct x86_prefixes *p, enum x86_mode mode, u8 byte)
{
	switch (byte) {
	case 0x26: set_segment(p, mode, SEG_ES); return true;
	case 0x2e: set_segment(p, mode, SEG_CS); return true;
	case 0x36: set_segment(p, mode, SEG_SS); return true;
	case 0x3e: set_segment(p, mode, SEG_DS); return true;
	case 0x64: set_segment(p, mode, SEG_FS); return true;
	case 0x65: set_segment(p, mode, SEG_GS); return true;
	case 0x66: p->operand_size = true; return true;
	case 0x67: p->address_size = true; return true;
	case 0xf0: p->lock = true; return true;
	case 0xf2:
	case 0xf3: p->rep = byte; return true;
	default: return false;
	}
}

int x86_take_prefixes(struct x86_cursor *c, enum x86_mode mode, struct x86_prefixes *p)
{
	*p = (struct x86_prefixes){ .segment = X86_NO_REG };
	for (; c->pos < c->n; c->pos++) {
		u8 byte = c->bytes[c->pos];

		if (note_legacy(p, mode, byte))
			p->rex = 0; /* a REX that another prefix follows has no effect */
		else if (mode == X86_MODE_64 && (byte & 0xf0) == 0x40)
			p->rex = byte;
		else
			return 0;
	}
	return -E2BIG;
}

int x86_prefix_segment(const u8 *bytes, unsigned int n, enum x86_mode mode, unsigned int *segment)
{
	struct x86_cursor c = x86_cursor(bytes, n);
	struct x86_prefixes p;
	int err = x86_take_prefixes(&c, mode, &p);

	*segment = p.segment == X86_NO_REG ? SEG_DS : p.segment;
	return err;
}
