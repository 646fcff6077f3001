/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System register accesses that exit: those in the table are answered, all others are undefined, as on a CPU
 * that does not have them. What traps at all: traps.c; what ID registers say: features.c.
 */
#include "arch/arm64/exits.h"
#include "arch/arm64/traps.h"
#include "arch/arm64/vgic.h"
#include "core/log.h"
#include "core/once.h"

#define LOGGED_REGISTERS 32

/* ESR_EL2.ISS of EC 0x18 (D19.2.37) */
#define ISS_READ(iss) ((iss) & 1)
#define ISS_CRM(iss) ((iss) >> 1 & 0xf)
#define ISS_RT(iss) ((iss) >> 5 & 0x1f)
#define ISS_CRN(iss) ((iss) >> 10 & 0xf)
#define ISS_OP1(iss) ((iss) >> 14 & 0x7)
#define ISS_OP2(iss) ((iss) >> 17 & 0x7)
#define ISS_OP0(iss) ((iss) >> 20 & 0x3)
/* of the AArch32 classes */
#define ISS_COND(iss) ((iss) >> 20 & 0xf)
#define ISS_CV BIT32(24)

/* A register's number: its encoding, in the order of C5.1.2. */
#define REGISTER(op0, op1, crn, crm, op2) ((u16)((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2)))

/* NULL for a direction: undefined. */
struct row {
	u16 number;
	u64 (*read)(void);
	void (*write)(struct vcpu *v, u64 value);
};

static u64 read_zero(void)
{
	return 0;
}

static void ignore(struct vcpu *v UNUSED, u64 value UNUSED)
{
}

/* D19.3.21 OSLSR_EL1: there is an OS lock (OSLM = 0b10), and it is open. */
static u64 read_oslsr(void)
{
	return BIT(3);
}

/* IHI 0069H, 12.2.25 ICC_SRE_EL1: system registers only. Not trapped where ICC_SRE_EL2.Enable is. */
static u64 read_sre(void)
{
	return BIT(0) | BIT(1) | BIT(2); /* SRE, DFB, DIB */
}

/* 12.2.20-22. With one security state, which is the guest's, ASGI1R's "other" group 1 is what group 0 is. */
static void send_sgi_group1(struct vcpu *v, u64 value)
{
	vgic_write_sgi(v, 1, value);
}

static void send_sgi_group0(struct vcpu *v, u64 value)
{
	vgic_write_sgi(v, 0, value);
}

/* 12.2.9 ICC_DIR_EL1: traps while more interrupts are active than there are list registers. */
static void deactivate(struct vcpu *v, u64 value)
{
	vgic_write_dir(v, (u32)value & 0xffffff);
}

static const struct row rows[] = {
	{ REGISTER(2, 0, 1, 0, 0), read_zero, NULL },		  /* MDRAR_EL1: no debug ROM */
	{ REGISTER(2, 0, 1, 0, 4), NULL, ignore },		  /* OSLAR_EL1 */
	{ REGISTER(2, 0, 1, 1, 4), read_oslsr, NULL },		  /* OSLSR_EL1 */
	{ REGISTER(2, 0, 1, 3, 4), read_zero, ignore },		  /* OSDLR_EL1 */
	{ REGISTER(2, 0, 1, 4, 4), read_zero, ignore },		  /* DBGPRCR_EL1 */
	{ REGISTER(3, 0, 0, 0, 6), cpu_revidr, NULL },		  /* REVIDR_EL1 */
	{ REGISTER(3, 0, 1, 0, 1), read_zero, ignore },		  /* ACTLR_EL1 */
	{ REGISTER(3, 0, 12, 11, 1), NULL, deactivate },	  /* ICC_DIR_EL1 */
	{ REGISTER(3, 0, 12, 11, 5), NULL, send_sgi_group1 },	  /* ICC_SGI1R_EL1 */
	{ REGISTER(3, 0, 12, 11, 6), NULL, send_sgi_group0 },	  /* ICC_ASGI1R_EL1 */
	{ REGISTER(3, 0, 12, 11, 7), NULL, send_sgi_group0 },	  /* ICC_SGI0R_EL1 */
	{ REGISTER(3, 0, 12, 12, 5), read_sre, ignore },	  /* ICC_SRE_EL1 */
	{ REGISTER(3, 1, 0, 0, 7), cpu_aidr, NULL },		  /* AIDR_EL1 */
};

static const struct row *find(u16 number)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].number == number)
			return &rows[i];
	}
	return NULL;
}

static void undefined(struct vcpu *v, u32 iss)
{
	static once_place seen[LOGGED_REGISTERS];
	bool read = ISS_READ(iss);

	if (once(seen, iss & ~(0x1fu << 5))) /* whatever Rt is */
		log_info("platform: the guest's %s S%u_%u_C%u_C%u_%u is undefined",
			 read ? "read of" : "write to", ISS_OP0(iss), ISS_OP1(iss), ISS_CRN(iss),
			 ISS_CRM(iss), ISS_OP2(iss));
	vcpu_inject_undefined(v);
}

/* Group 3 of the ID registers, which reads 0 where nothing is allocated. */
static bool is_id_register(u32 iss)
{
	return ISS_OP0(iss) == 3 && !ISS_OP1(iss) && !ISS_CRN(iss) && ISS_CRM(iss) >= 1 && ISS_CRM(iss) <= 7;
}

static void access64(struct vcpu *v, u32 iss)
{
	const u16 number = REGISTER(ISS_OP0(iss), ISS_OP1(iss), ISS_CRN(iss), ISS_CRM(iss), ISS_OP2(iss));
	const struct row *row = find(number);
	unsigned int rt = ISS_RT(iss);

	if (ISS_READ(iss) && is_id_register(iss))
		vcpu_set_reg(v, rt, features_guest(ID_INDEX(ISS_CRM(iss), ISS_OP2(iss))));
	else if (ISS_READ(iss) && row && row->read)
		vcpu_set_reg(v, rt, row->read());
	else if (!ISS_READ(iss) && row && row->write)
		row->write(v, vcpu_reg(v, rt));
	else {
		undefined(v, iss);
		return;
	}
	vcpu_skip_instruction(v);
}

/* ---- AArch32: only programs at EL0 --------------------------------------------------------------------- */

#define SPSR_N BIT(31)
#define SPSR_Z BIT(30)
#define SPSR_C BIT(29)
#define SPSR_V BIT(28)
/* C5.2.19: IT[7:2] and IT[1:0] of a T32 instruction */
#define SPSR_IT(spsr) ((unsigned int)((spsr) >> 8 & 0xfc) | (unsigned int)((spsr) >> 25 & 0x3))
#define COND_ALWAYS 14u

/* F1.3.1, ConditionHolds() */
static bool condition_holds(u64 spsr, unsigned int cond)
{
	bool n = spsr & SPSR_N, z = spsr & SPSR_Z, c = spsr & SPSR_C, o = spsr & SPSR_V, result = true;

	switch (cond >> 1) {
	case 0:
		result = z;
		break;
	case 1:
		result = c;
		break;
	case 2:
		result = n;
		break;
	case 3:
		result = o;
		break;
	case 4:
		result = c && !z;
		break;
	case 5:
		result = n == o;
		break;
	case 6:
		result = n == o && !z;
		break;
	default:
		return true;
	}
	return cond & 1 ? !result : result;
}

/* An instruction whose condition fails may trap all the same (G1.16.1), and is then to be passed over. */
static bool is_executed(const struct vcpu *v, u32 iss)
{
	unsigned int it = SPSR_IT(v->pstate);

	if (iss & ISS_CV)
		return condition_holds(v->pstate, ISS_COND(iss));
	return condition_holds(v->pstate, it & 0xf ? it >> 4 : COND_ALWAYS);
}

/* None of what traps is a program's to use. */
static void access32(struct vcpu *v, u32 iss)
{
	if (is_executed(v, iss))
		vcpu_inject_undefined(v);
	else
		vcpu_skip_instruction(v);
}

void sysreg_access(struct vcpu *v)
{
	if (ESR_EC(v->esr) == EC_SYSREG)
		access64(v, ESR_ISS(v->esr));
	else
		access32(v, ESR_ISS(v->esr));
}
