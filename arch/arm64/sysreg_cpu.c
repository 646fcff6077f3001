/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads what this CPU has, and programs its EL2 control registers as traps.c says. Registers that not every
 * assembler knows stand by their encoding (Arm ARM DDI 0487J, D19; C5.1.2); each is touched only where the
 * CPU says that it is there.
 */
#include "arch/arm64/cpu.h"
#include "arch/arm64/cpus.h"
#include "arch/arm64/exits.h"
#include "arch/arm64/sysregs.h"
#include "arch/arm64/traps.h"

#define HCRX_EL2 "S3_4_C1_C2_2"
#define ZCR_EL2 "S3_4_C1_C2_0"
#define HFGRTR_EL2 "S3_4_C1_C1_4"
#define HFGWTR_EL2 "S3_4_C1_C1_5"
#define HFGITR_EL2 "S3_4_C1_C1_6"
#define HDFGRTR_EL2 "S3_4_C3_C1_4"
#define HDFGWTR_EL2 "S3_4_C3_C1_5"
#define HFGRTR2_EL2 "S3_4_C3_C1_2"
#define HFGWTR2_EL2 "S3_4_C3_C1_3"
#define HFGITR2_EL2 "S3_4_C3_C1_7"
#define HDFGRTR2_EL2 "S3_4_C3_C1_0"
#define HDFGWTR2_EL2 "S3_4_C3_C1_1"
#define MPAM2_EL2 "S3_4_C10_C5_0"
#define MPAMHCR_EL2 "S3_4_C10_C4_0"
#define MPAMIDR_EL1 "S3_0_C10_C4_4"
#define PMBLIMITR_EL1 "S3_0_C9_C10_0"
#define PMBIDR_EL1 "S3_0_C9_C10_7"
#define PMSCR_EL2 "S3_4_C9_C9_0"
#define TRBLIMITR_EL1 "S3_0_C9_C11_0"
#define TRBIDR_EL1 "S3_0_C9_C11_7"
#define VDISR_EL2 "S3_4_C12_C1_1"
#define VSESR_EL2 "S3_4_C5_C2_3"

/* D19.5.6 PMCR_EL0.N */
#define PMCR_N(r) ((unsigned int)((r) >> 11) & 0x1f)
/*
 * P of PMBIDR_EL1 and TRBIDR_EL1: the buffer belongs to a higher Exception level, which traps who touches it
 */
#define BUFFER_OF_EL3 BIT(4)

/* One row of the ID space: CRm, and op2 = 0 .. 7. */
#define READ_ROW(id, crm)                                                             \
	do {                                                                          \
		(id)->value[ID_INDEX(crm, 0)] = sysreg_read("S3_0_C0_C" #crm "_0");   \
		(id)->value[ID_INDEX(crm, 1)] = sysreg_read("S3_0_C0_C" #crm "_1");   \
		(id)->value[ID_INDEX(crm, 2)] = sysreg_read("S3_0_C0_C" #crm "_2");   \
		(id)->value[ID_INDEX(crm, 3)] = sysreg_read("S3_0_C0_C" #crm "_3");   \
		(id)->value[ID_INDEX(crm, 4)] = sysreg_read("S3_0_C0_C" #crm "_4");   \
		(id)->value[ID_INDEX(crm, 5)] = sysreg_read("S3_0_C0_C" #crm "_5");   \
		(id)->value[ID_INDEX(crm, 6)] = sysreg_read("S3_0_C0_C" #crm "_6");   \
		(id)->value[ID_INDEX(crm, 7)] = sysreg_read("S3_0_C0_C" #crm "_7");   \
	} while (0)

static void read_id_registers(struct id_registers *id)
{
	READ_ROW(id, 1);
	READ_ROW(id, 2);
	READ_ROW(id, 3);
	READ_ROW(id, 4);
	READ_ROW(id, 5);
	READ_ROW(id, 6);
	READ_ROW(id, 7);
}

u64 cpu_revidr(void)
{
	return sysreg_read("revidr_el1");
}

u64 cpu_aidr(void)
{
	return sysreg_read("aidr_el1");
}

static void write_optional(const struct el2_controls *c)
{
	if (c->has_hcrx)
		sysreg_write(HCRX_EL2, c->hcrx);
	if (c->has_fgt) {
		sysreg_write(HFGRTR_EL2, 0);
		sysreg_write(HFGWTR_EL2, 0);
		sysreg_write(HFGITR_EL2, 0);
		sysreg_write(HDFGRTR_EL2, 0);
		sysreg_write(HDFGWTR_EL2, 0);
	}
	if (c->has_fgt2) {
		sysreg_write(HFGRTR2_EL2, 0);
		sysreg_write(HFGWTR2_EL2, 0);
		sysreg_write(HFGITR2_EL2, 0);
		sysreg_write(HDFGRTR2_EL2, 0);
		sysreg_write(HDFGWTR2_EL2, 0);
	}
	if (c->has_mpam)
		sysreg_write(MPAM2_EL2, c->mpam2);
	if (c->has_mpamhcr)
		sysreg_write(MPAMHCR_EL2, c->mpamhcr);
	if (c->has_sve)
		sysreg_write(ZCR_EL2, ZCR_EL2_LEN_MAX);
}

/* What firmware may have left on, and the guest could not switch off or should not see. */
static void switch_off(const struct el2_controls *c)
{
	if (c->has_spe && !(sysreg_read(PMBIDR_EL1) & BUFFER_OF_EL3)) {
		sysreg_write(PMBLIMITR_EL1, 0);
		sysreg_write(PMSCR_EL2, 0);
	}
	if (c->has_trbe && !(sysreg_read(TRBIDR_EL1) & BUFFER_OF_EL3))
		sysreg_write(TRBLIMITR_EL1, 0);
	if (c->has_ras) {
		sysreg_write(VDISR_EL2, 0);
		sysreg_write(VSESR_EL2, 0);
	}
	sysreg_write("oslar_el1", 0); /* locked since reset; the guest's debugging needs it open (traps.c) */
}

void sysreg_start_cpu(struct vcpu *v)
{
	struct id_registers id;
	struct el2_controls c;

	read_id_registers(&id);
	features_add_cpu(v->index, &id);
	traps_compute(&id, cpu_has_vhe(), cpu_has_pmu(&id) ? PMCR_N(sysreg_read("pmcr_el0")) : 0,
		      cpu_has_mpam(&id) ? sysreg_read(MPAMIDR_EL1) : 0, &c);

	sysreg_write("hcr_el2", c.hcr);
	sysreg_write("cptr_el2", c.cptr);
	isb(); /* SVE's register, and others, are not trapped from here on */
	sysreg_write("mdcr_el2", c.mdcr);
	sysreg_write("hstr_el2", 0);
	sysreg_write("hacr_el2", 0);
	sysreg_write("vpidr_el2", sysreg_read("midr_el1"));
	sysreg_write("vmpidr_el2", (sysreg_read("mpidr_el1") & ~MPIDR_AFFINITY) | v->mpidr);
	write_optional(&c);
	switch_off(&c);
	isb();
}
