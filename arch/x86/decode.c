/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions with a memory operand. The two tables are the opcode maps of AMD64 APM vol. 3, appendix A,
 * tables, with a row for each opcode that programs use on device registers; an empty row is
 * refused.
 */
#include "arch/x86/decode.h"

#include "arch/x86/decode_prefix.h"
#include "core/errno.h"

/* Which operands an opcode has. */
enum form {
	FORM_NONE,
	FORM_MEM_REG,	  /* memory first, then register */
	FORM_REG_MEM,	  /* register first, then memory */
	FORM_MEM_IMM,	  /* immediate of the operand's size, at most 4 bytes, sign-extended */
	FORM_MEM_IMM8,	  /* one byte, sign-extended */
	FORM_MEM,	  /* memory alone */
	FORM_LOAD_OFFSET, /* accumulator and an address in full after the opcode (MOV A0 to A3) */
	FORM_STORE_OFFSET,
	FORM_STRING,
	FORM_GROUP, /* `op` is an enum group: ModRM.reg selects the row */
};

/* Size of the memory operand. The register's is that of the operand size, but for WIDTH_8. */
enum width {
	WIDTH_8,
	WIDTH_OPERAND,	  /* 2, 4 or 8 by mode, 0x66 and REX.W */
	WIDTH_EXTEND_8,	  /* 1, extended to the operand size */
	WIDTH_EXTEND_16,  /* 2, extended */
	WIDTH_EXTEND_32,  /* 4, extended; an instruction of 64-bit mode only */
};

struct opcode {
	u8 op;	  /* enum x86_op, or enum group */
	u8 form;  /* enum form */
	u8 width; /* enum width */
};

enum group { GROUP_1, GROUP_3, GROUP_4, GROUP_8, GROUP_11, GROUPS };

/* Opcode byte, register number and so on are written in the base the manuals use. */
#define ALU(base, operation)                                                         \
	[(base) + 0] = { operation, FORM_MEM_REG, WIDTH_8 },                         \
	[(base) + 1] = { operation, FORM_MEM_REG, WIDTH_OPERAND },                   \
	[(base) + 2] = { operation, FORM_REG_MEM, WIDTH_8 },                         \
	[(base) + 3] = { operation, FORM_REG_MEM, WIDTH_OPERAND }

#define BYTE_AND_WIDE(base, operation, form)                                         \
	[(base) + 0] = { operation, form, WIDTH_8 },                                 \
	[(base) + 1] = { operation, form, WIDTH_OPERAND }

static const struct opcode one_byte[256] = {
	ALU(0x00, X86_OP_ADD),
	ALU(0x08, X86_OP_OR),
	ALU(0x10, X86_OP_ADC),
	ALU(0x18, X86_OP_SBB),
	ALU(0x20, X86_OP_AND),
	ALU(0x28, X86_OP_SUB),
	ALU(0x30, X86_OP_XOR),
	ALU(0x38, X86_OP_CMP),
	[0x63] = { X86_OP_MOVSX, FORM_REG_MEM, WIDTH_EXTEND_32 },
	BYTE_AND_WIDE(0x80, GROUP_1, FORM_GROUP),
	[0x83] = { GROUP_1, FORM_GROUP, WIDTH_OPERAND },
	BYTE_AND_WIDE(0x84, X86_OP_TEST, FORM_MEM_REG),
	BYTE_AND_WIDE(0x86, X86_OP_XCHG, FORM_MEM_REG),
	BYTE_AND_WIDE(0x88, X86_OP_MOV, FORM_MEM_REG),
	BYTE_AND_WIDE(0x8a, X86_OP_MOV, FORM_REG_MEM),
	BYTE_AND_WIDE(0xa0, X86_OP_MOV, FORM_LOAD_OFFSET),
	BYTE_AND_WIDE(0xa2, X86_OP_MOV, FORM_STORE_OFFSET),
	BYTE_AND_WIDE(0xa4, X86_OP_MOVS, FORM_STRING),
	BYTE_AND_WIDE(0xa6, X86_OP_CMPS, FORM_STRING),
	BYTE_AND_WIDE(0xaa, X86_OP_STOS, FORM_STRING),
	BYTE_AND_WIDE(0xac, X86_OP_LODS, FORM_STRING),
	BYTE_AND_WIDE(0xae, X86_OP_SCAS, FORM_STRING),
	BYTE_AND_WIDE(0xc6, GROUP_11, FORM_GROUP),
	BYTE_AND_WIDE(0xf6, GROUP_3, FORM_GROUP),
	BYTE_AND_WIDE(0xfe, GROUP_4, FORM_GROUP),
};

/* After 0x0f. */
static const struct opcode two_byte[256] = {
	[0xa3] = { X86_OP_BT, FORM_MEM_REG, WIDTH_OPERAND },
	[0xab] = { X86_OP_BTS, FORM_MEM_REG, WIDTH_OPERAND },
	BYTE_AND_WIDE(0xb0, X86_OP_CMPXCHG, FORM_MEM_REG),
	[0xb3] = { X86_OP_BTR, FORM_MEM_REG, WIDTH_OPERAND },
	[0xb6] = { X86_OP_MOVZX, FORM_REG_MEM, WIDTH_EXTEND_8 },
	[0xb7] = { X86_OP_MOVZX, FORM_REG_MEM, WIDTH_EXTEND_16 },
	[0xba] = { GROUP_8, FORM_GROUP, WIDTH_OPERAND },
	[0xbb] = { X86_OP_BTC, FORM_MEM_REG, WIDTH_OPERAND },
	[0xbe] = { X86_OP_MOVSX, FORM_REG_MEM, WIDTH_EXTEND_8 },
	[0xbf] = { X86_OP_MOVSX, FORM_REG_MEM, WIDTH_EXTEND_16 },
	BYTE_AND_WIDE(0xc0, X86_OP_XADD, FORM_MEM_REG),
	[0xc3] = { X86_OP_MOV, FORM_MEM_REG, WIDTH_OPERAND }, /* MOVNTI */
};

/* Tables: by ModRM.reg. The width is that of the opcode. 0x83's immediate is a byte: see
 * group_row(). */
static const struct opcode group_rows[GROUPS][8] = {
	[GROUP_1] = { { X86_OP_ADD, FORM_MEM_IMM, 0 }, { X86_OP_OR, FORM_MEM_IMM, 0 },
		      { X86_OP_ADC, FORM_MEM_IMM, 0 }, { X86_OP_SBB, FORM_MEM_IMM, 0 },
		      { X86_OP_AND, FORM_MEM_IMM, 0 }, { X86_OP_SUB, FORM_MEM_IMM, 0 },
		      { X86_OP_XOR, FORM_MEM_IMM, 0 }, { X86_OP_CMP, FORM_MEM_IMM, 0 } },
	[GROUP_3] = { { X86_OP_TEST, FORM_MEM_IMM, 0 }, { X86_OP_TEST, FORM_MEM_IMM, 0 },
		      { X86_OP_NOT, FORM_MEM, 0 }, { X86_OP_NEG, FORM_MEM, 0 } },
	[GROUP_4] = { { X86_OP_INC, FORM_MEM, 0 }, { X86_OP_DEC, FORM_MEM, 0 } },
	[GROUP_8] = { [4] = { X86_OP_BT, FORM_MEM_IMM8, 0 }, { X86_OP_BTS, FORM_MEM_IMM8, 0 },
		      { X86_OP_BTR, FORM_MEM_IMM8, 0 }, { X86_OP_BTC, FORM_MEM_IMM8, 0 } },
	[GROUP_11] = { { X86_OP_MOV, FORM_MEM_IMM, 0 } },
};

#define OPCODE_ESCAPE 0x0f
#define OPCODE_GROUP_1_IMM8 0x83
#define OPCODE_MOVNTI 0xc3 /* after the escape */

struct modrm {
	u8 mod, reg, rm;
};

struct decoder {
	struct x86_cursor cursor;
	struct x86_prefixes prefix;
	enum x86_mode mode;
	bool two_byte;
	u8 byte; /* the opcode */
	struct opcode opcode;
	struct modrm modrm;
};

static u8 operand_size(const struct decoder *d)
{
	if (d->prefix.rex & X86_REX_W)
		return 8;
	return (d->mode == X86_MODE_16) == d->prefix.operand_size ? 4 : 2;
}

static u8 address_size(const struct decoder *d)
{
	if (d->mode == X86_MODE_64)
		return d->prefix.address_size ? 4 : 8;
	return (d->mode == X86_MODE_16) == d->prefix.address_size ? 4 : 2;
}

static void set_sizes(const struct decoder *d, struct x86_insn *insn)
{
	insn->reg_size = operand_size(d);
	switch ((enum width)d->opcode.width) {
	case WIDTH_8: insn->size = insn->reg_size = 1; break;
	case WIDTH_OPERAND: insn->size = insn->reg_size; break;
	case WIDTH_EXTEND_8: insn->size = 1; break;
	case WIDTH_EXTEND_16: insn->size = 2; break;
	case WIDTH_EXTEND_32: insn->size = 4; break;
	}
	insn->address_size = address_size(d);
}

static int take_signed(struct decoder *d, unsigned int size, u64 *value)
{
	unsigned int unused = 64 - 8 * size;
	int err = x86_take(&d->cursor, size, value);

	*value = (u64)((s64)(*value << unused) >> unused);
	return err;
}

/* Tables: 16-bit addressing; rm 6 with mod 0 has no base. */
static int take_memory_16(struct decoder *d, struct x86_insn *insn)
{
	static const struct {
		u8 base, index;
	} forms[8] = {
		{ REG_RBX, REG_RSI },	 { REG_RBX, REG_RDI },	  { REG_RBP, REG_RSI },
		{ REG_RBP, REG_RDI },	 { REG_RSI, X86_NO_REG }, { REG_RDI, X86_NO_REG },
		{ REG_RBP, X86_NO_REG }, { REG_RBX, X86_NO_REG },
	};
	struct modrm m = d->modrm;

	if (m.mod == 0 && m.rm == 6)
		return take_signed(d, 2, &insn->displacement);
	insn->base = forms[m.rm].base;
	insn->index = forms[m.rm].index;
	return m.mod ? take_signed(d, m.mod, &insn->displacement) : 0; /* mod 1: one byte, 2: two */
}

#define RM_SIB 4     /* a SIB byte follows */
#define RM_NO_BASE 5 /* with mod 0: four bytes of displacement instead of a base */
#define SIB_NO_INDEX 4

/* Tables: 32- and 64-bit addressing. */
static int take_memory(struct decoder *d, struct x86_insn *insn)
{
	u8 rex = d->prefix.rex;
	u8 base = d->modrm.rm;
	u64 sib;
	int err;

	if (base == RM_SIB) {
		err = x86_take(&d->cursor, 1, &sib);
		if (err)
			return err;
		base = sib & 7;
		insn->index = (u8)(((sib >> 3) & 7) | ((rex & X86_REX_X) ? 8 : 0));
		insn->index_shift = (u8)(sib >> 6);
		if (insn->index == SIB_NO_INDEX)
			insn->index = X86_NO_REG;
	}
	if (base == RM_NO_BASE && d->modrm.mod == 0) {
		insn->rip_relative = d->mode == X86_MODE_64 && d->modrm.rm != RM_SIB;
		return take_signed(d, 4, &insn->displacement);
	}
	insn->base = (u8)(base | ((rex & X86_REX_B) ? 8 : 0));
	if (!d->modrm.mod)
		return 0;
	return take_signed(d, d->modrm.mod == 1 ? 1 : 4, &insn->displacement);
}

static void set_segment(const struct decoder *d, struct x86_insn *insn)
{
	insn->stack = insn->base == REG_RSP || insn->base == REG_RBP;
	insn->segment = insn->stack ? SEG_SS : SEG_DS;
	if (d->prefix.segment != X86_NO_REG) {
		insn->segment = d->prefix.segment;
		insn->stack = d->prefix.segment == SEG_SS;
	}
}

/* Without REX, register numbers 4 to 7 of a byte operand are AH, CH, DH, BH (APM vol. 3, 1.4.1). */
static void set_register(const struct decoder *d, struct x86_insn *insn)
{
	insn->other = X86_OTHER_REG;
	insn->reg = (u8)(d->modrm.reg | ((d->prefix.rex & X86_REX_R) ? 8 : 0));
	if (insn->reg_size == 1 && !d->prefix.rex && insn->reg >= 4) {
		insn->high_byte = true;
		insn->reg = (u8)(insn->reg - 4);
	}
}

static int take_immediate(struct decoder *d, struct x86_insn *insn)
{
	unsigned int size = insn->size == 8 ? 4 : insn->size;

	insn->other = X86_OTHER_IMM;
	return take_signed(d, d->opcode.form == FORM_MEM_IMM8 ? 1 : size, &insn->imm);
}

static struct opcode group_row(const struct decoder *d)
{
	struct opcode row = group_rows[d->opcode.op][d->modrm.reg];

	row.width = d->opcode.width;
	if (!d->two_byte && d->byte == OPCODE_GROUP_1_IMM8)
		row.form = FORM_MEM_IMM8;
	return row;
}

/* ModRM, what belongs to it, and the immediate. */
static int take_operands(struct decoder *d, struct x86_insn *insn)
{
	u64 byte;
	int err = x86_take(&d->cursor, 1, &byte);

	if (err)
		return err;
	d->modrm = (struct modrm){ .mod = (u8)(byte >> 6), .reg = (byte >> 3) & 7, .rm = byte & 7 };
	if (d->opcode.form == FORM_GROUP)
		d->opcode = group_row(d);
	if (d->opcode.form == FORM_NONE)
		return -EOPNOTSUPP;
	if (d->modrm.mod == 3)
		return -EILSEQ;
	set_sizes(d, insn);
	err = insn->address_size == 2 ? take_memory_16(d, insn) : take_memory(d, insn);
	if (err)
		return err;
	set_segment(d, insn);
	insn->mem_is_dest = d->opcode.form != FORM_REG_MEM;
	if (d->opcode.form == FORM_MEM_REG || d->opcode.form == FORM_REG_MEM)
		set_register(d, insn);
	if (d->opcode.form == FORM_MEM_IMM || d->opcode.form == FORM_MEM_IMM8)
		return take_immediate(d, insn);
	return 0;
}

static int take_offset(struct decoder *d, struct x86_insn *insn)
{
	set_sizes(d, insn);
	set_segment(d, insn);
	insn->other = X86_OTHER_REG;
	insn->reg = REG_RAX;
	insn->mem_is_dest = d->opcode.form == FORM_STORE_OFFSET;
	return x86_take(&d->cursor, insn->address_size, &insn->displacement);
}

static void set_string(struct decoder *d, struct x86_insn *insn)
{
	set_sizes(d, insn);
	set_segment(d, insn);
	insn->rep = d->prefix.rep;
}

static int take_opcode(struct decoder *d)
{
	u64 byte;
	int err = x86_take(&d->cursor, 1, &byte);

	if (err)
		return err;
	if (byte == OPCODE_ESCAPE) {
		d->two_byte = true;
		err = x86_take(&d->cursor, 1, &byte);
		if (err)
			return err;
	}
	d->byte = (u8)byte;
	d->opcode = d->two_byte ? two_byte[byte] : one_byte[byte];
	return d->opcode.form == FORM_NONE ? -EOPNOTSUPP : 0;
}

/* Opcodes that are another instruction with this mode or prefix. */
static bool is_other_instruction(const struct decoder *d)
{
	if (d->opcode.width == WIDTH_EXTEND_32) /* ARPL */
		return d->mode != X86_MODE_64;
	return d->two_byte && d->byte == OPCODE_MOVNTI && (d->prefix.operand_size || d->prefix.rep);
}

int x86_decode(const u8 *bytes, unsigned int n, enum x86_mode mode, struct x86_insn *insn)
{
	struct decoder d = { .cursor = x86_cursor(bytes, n), .mode = mode };
	int err = x86_take_prefixes(&d.cursor, mode, &d.prefix);

	*insn = (struct x86_insn){ .base = X86_NO_REG, .index = X86_NO_REG };
	if (!err)
		err = take_opcode(&d);
	if (err)
		return err;
	if (is_other_instruction(&d))
		return -EOPNOTSUPP;
	switch (d.opcode.form) {
	case FORM_STRING: set_string(&d, insn); break;
	case FORM_LOAD_OFFSET:
	case FORM_STORE_OFFSET: err = take_offset(&d, insn); break;
	default: err = take_operands(&d, insn); break;
	}
	insn->op = (enum x86_op)d.opcode.op;
	insn->length = (u8)d.cursor.pos;
	return err;
}

u64 x86_effective_address(const struct x86_insn *insn, const u64 *reg, u64 next_rip)
{
	u64 address = insn->displacement;

	if (insn->base != X86_NO_REG)
		address += reg[insn->base];
	if (insn->index != X86_NO_REG)
		address += reg[insn->index] << insn->index_shift;
	if (insn->rip_relative)
		address += next_rip;
	if (insn->address_size < 8)
		address &= BIT(8 * insn->address_size) - 1;
	return address;
}
