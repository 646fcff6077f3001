/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ich.h on the machine: one register, one instruction.
 */
#include "arch/arm64/ich.h"

#include "arch/arm64/sysregs.h"
#include "core/log.h"

#define ICH_HCR_EL2 "S3_4_C12_C11_0"
#define ICH_VTR_EL2 "S3_4_C12_C11_1"
#define ICH_MISR_EL2 "S3_4_C12_C11_2"
#define ICH_VMCR_EL2 "S3_4_C12_C11_7"

/* ICH_VTR_EL2.PREbits: 5 bits of preemption have one register a group, 6 two, 7 four (ICH_AP0R<n>_EL2). */
#define VTR_PREBITS(v) (((unsigned int)((v) >> 26) & 7) + 1)

u64 ich_read_vtr(void)
{
	return sysreg_read(ICH_VTR_EL2);
}

u64 ich_read_hcr(void)
{
	return sysreg_read(ICH_HCR_EL2);
}

void ich_write_hcr(u64 value)
{
	sysreg_write(ICH_HCR_EL2, value);
}

u64 ich_read_misr(void)
{
	return sysreg_read(ICH_MISR_EL2);
}

u64 ich_read_vmcr(void)
{
	return sysreg_read(ICH_VMCR_EL2);
}

void ich_write_vmcr(u64 value)
{
	sysreg_write(ICH_VMCR_EL2, value);
}

void ich_clear_active_priorities(void)
{
	unsigned int bits = VTR_PREBITS(ich_read_vtr());

	sysreg_write("S3_4_C12_C8_0", 0);
	sysreg_write("S3_4_C12_C9_0", 0);
	if (bits >= 6) {
		sysreg_write("S3_4_C12_C8_1", 0);
		sysreg_write("S3_4_C12_C9_1", 0);
	}
	if (bits >= 7) {
		sysreg_write("S3_4_C12_C8_2", 0);
		sysreg_write("S3_4_C12_C9_2", 0);
		sysreg_write("S3_4_C12_C8_3", 0);
		sysreg_write("S3_4_C12_C9_3", 0);
	}
	isb();
}

/* A list register's number is part of the instruction. */
#define EACH_LR(one)                                                                            \
	one(0, "12_0") one(1, "12_1") one(2, "12_2") one(3, "12_3") one(4, "12_4")              \
	one(5, "12_5") one(6, "12_6") one(7, "12_7") one(8, "13_0") one(9, "13_1")              \
	one(10, "13_2") one(11, "13_3") one(12, "13_4") one(13, "13_5") one(14, "13_6")         \
	one(15, "13_7")
#define READ_LR(n, number) case n: return sysreg_read("S3_4_C12_C" number);
#define WRITE_LR(n, number) case n: sysreg_write("S3_4_C12_C" number, value); return;

u64 ich_read_lr(unsigned int n)
{
	switch (n) {
		EACH_LR(READ_LR)
	}
	panic("there is no list register %u", n);
}

void ich_write_lr(unsigned int n, u64 value)
{
	switch (n) {
		EACH_LR(WRITE_LR)
	}
	panic("there is no list register %u", n);
}
