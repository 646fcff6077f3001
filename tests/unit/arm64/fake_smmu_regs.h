/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The other half of the model in fake_smmu.h: commands, registers, and how it is when it is switched on.
 */
#ifndef TESTS_FAKE_SMMU_REGS_H
#define TESTS_FAKE_SMMU_REGS_H

#include "tests/unit/arm64/fake_smmu.h"

/* ---- commands: chapter 4 ------------------------------------------------------------------------------- */

/* The caches are arrays without holes: what is dropped is replaced by the last one. */
#define FAKE_DROP_IF(array, condition)                                      \
	do {                                                                \
		unsigned int n_ = 0, kept_ = 0;                             \
		for (; n_ < ARRAY_SIZE(array) && (array)[n_].valid; n_++) { \
			typeof(&(array)[0]) it = &(array)[n_];              \
			if (!(condition))                                   \
				(array)[kept_++] = *it;                     \
		}                                                           \
		for (; kept_ < n_; kept_++)                                 \
			(array)[kept_].valid = false;                       \
	} while (0)

/* 4.7.3: CMD_SYNC waits for the requests that used a translation which an earlier command has dropped. */
#define FAKE_NAME_IF(condition)                                                                   \
	do {                                                                                      \
		for (unsigned int f_ = 0; f_ < ARRAY_SIZE(u->flights) && u->flights[f_].valid; f_++) { \
			struct fake_flight *it = &u->flights[f_];                                 \
			it->named |= (condition);                                                 \
		}                                                                                 \
	} while (0)

/* False: it does not understand that. Reserved fields are to be 0. */
static bool fake_command(struct fake_smmu *u, u64 low, u64 high)
{
	const u32 sid = (u32)(low >> 32);
	const u16 vmid = (u16)(low >> 32);
	const u64 address = high & 0xffffffffff000ull;

	switch (low & 0xff) {
	case 0x03: /* CFGI_STE */
		if ((low & 0xffffff00) || (high & ~(u64)1))
			return false;
		FAKE_DROP_IF(u->configs, it->sid == sid);
		if (!(high & 1))
			FAKE_DROP_IF(u->l1, it->index == sid >> (u->strtab_cfg >> 6 & 0x1f));
		break;
	case 0x04: /* CFGI_STE_RANGE */
		if ((low & 0xffffff00) || (high & ~(u64)0x1f))
			return false;
		FAKE_DROP_IF(u->configs, (high & 0x1f) == 31 || it->sid >> (high + 1) == sid >> (high + 1));
		FAKE_DROP_IF(u->l1, (high & 0x1f) == 31);
		break;
	case 0x28: /* TLBI_S12_VMALL */
		if ((low & 0xffff0000ffffff00ull) || high)
			return false;
		FAKE_DROP_IF(u->tlb, it->vmid == vmid);
		FAKE_NAME_IF(it->vmid == vmid);
		FAKE_DROP_IF(u->walks, it->vmid == vmid);
		break;
	case 0x2a: /* TLBI_S2_IPA */
		if ((low & 0xffff0000ffffff00ull) || (high & ~(u64)1) != address)
			return false;
		FAKE_DROP_IF(u->tlb,
			     it->vmid == vmid && address >= it->iova && address - it->iova < it->size);
		FAKE_NAME_IF(it->vmid == vmid && it->iova >> 12 == address >> 12);
		if (!(high & 1))
			FAKE_DROP_IF(u->walks, it->vmid == vmid && it->iova == address >> 21 << 21);
		break;
	case 0x30: /* TLBI_NSNH_ALL */
		if (low != 0x30 || high)
			return false;
		FAKE_DROP_IF(u->tlb, true);
		FAKE_NAME_IF(true);
		FAKE_DROP_IF(u->walks, true);
		break;
	case 0x46: /* SYNC; CS: no signal */
		if (low != 0x46 || high)
			return false;
		FAKE_DROP_IF(u->flights, it->named);
		break;
	default: return false;
	}
	u->commands[low & 0xff]++;
	return true;
}

static bool fake_is_bad(struct fake_smmu *u, u32 at, const u64 *word)
{
	if (u->skip_illegal) {
		u->skip_illegal--;
	} else if (u->illegal_commands) {
		u->illegal_commands--;
		if (word[0] == 0x46)
			return true; /* what it is replaced by is the same, and is taken */
		u->bad[u->illegal_commands].at = at;
		u->bad[u->illegal_commands].word[0] = word[0];
		u->bad[u->illegal_commands].word[1] = word[1];
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(u->bad); i++) {
		if (word[0] && u->bad[i].word[0] == word[0] && u->bad[i].word[1] == word[1] &&
		    u->bad[i].at == at)
			return true;
	}
	return false;
}

static void fake_queue_step(struct fake_smmu *u)
{
	const u32 mask = (2u << (u->cmdq & 0x1f)) - 1;
	const u64 base = u->cmdq & 0xfffffffffffe0ull;
	bool first = true;

	while ((u->cr0ack & 8) && !u->hang_queue && ((u->cmdq_prod ^ u->cmdq_cons) & mask) &&
	       !((u->gerror ^ u->gerrorn) & (FAKE_GERROR_CMDQ | FAKE_GERROR_SFM))) {
		const u32 at = u->cmdq_cons & mask;
		const u64 entry = base + 16ull * (at & mask >> 1);
		u64 word[2] = { fake_read(u, entry), fake_read(u, entry + 8) };
		u32 error = 0;

		if (word[0] == 0x46 && !first)
			return; /* CMD_SYNC takes its time */
		first = false;
		if (u->abort_fetches) {
			u->abort_fetches--;
			error = 2;
		} else if (fake_is_bad(u, at, word) || !fake_command(u, word[0], word[1])) {
			error = 1;
		}
		if (error) {
			u->cmdq_cons = at | error << 24;
			fake_gerror(u, FAKE_GERROR_CMDQ);
		} else {
			u->cmdq_cons = ((at + 1) & mask) | (u->cmdq_cons & 0x7f000000);
		}
	}
}

static void fake_registers_step(struct fake_smmu *u)
{
	if (u->hang_registers || (u->latency && u->latency--))
		return;
	u->cr0ack = u->cr0;
	u->irq_ctrlack = u->irq_ctrl;
	if (u->gbpa >> 31)
		u->gbpa = u->gbpa_next;
}

u64 arch_time_us(void)
{
	if (fake_meanwhile)
		fake_meanwhile();
	for (unsigned int i = 0; i < FAKE_UNITS; i++) {
		fake_registers_step(&fake[i]);
		fake_queue_step(&fake[i]);
	}
	return fake_now += 50;
}

void arch_cpu_relax(void)
{
}

/* ---- registers: 6.3 ------------------------------------------------------------------------------------ */

static u64 fake_reg_read(struct fake_smmu *u, unsigned int reg, unsigned int size)
{
	assert_int_equal(size, 4);
	switch (reg) {
	case 0x00: return u->idr0;
	case 0x04: return u->idr1;
	case 0x0c: return u->idr3;
	case 0x14: return u->idr5;
	case 0x1c: return u->aidr;
	case 0x20: return u->cr0;
	case 0x24: return u->cr0ack;
	case 0x44: return u->gbpa;
	case 0x50: return u->irq_ctrl;
	case 0x54: return u->irq_ctrlack;
	case 0x60: return u->gerror;
	case 0x64: return u->gerrorn;
	case 0x98: return u->cmdq_prod;
	case 0x9c: return u->cmdq_cons;
	case 0x100a8: fake_barriers = 0; return u->eventq_prod;
	case 0x100ac: return u->eventq_cons;
	}
	fail_msg("read of register 0x%x", reg);
	return 0;
}

static void fake_write_64(struct fake_smmu *u, unsigned int reg, u64 value)
{
	switch (reg) {
	case 0x68: /* GERROR_IRQ_CFG0, 6.3.20: only while the interrupt is off; RES0 without MSI */
		assert_true(!(u->irq_ctrlack & 1) && (u->idr0 & FAKE_IDR0_MSI));
		u->gerror_msi = value;
		return;
	case 0x80: /* STRTAB_BASE */
		assert_false((u->cr0 | u->cr0ack) & 1);
		u->strtab = value;
		return;
	case 0x90: /* CMDQ_BASE */
		assert_false((u->cr0 | u->cr0ack) & 8);
		assert_true((value & 0x1f) <= (u->idr1 >> 21 & 0x1f));
		assert_int_equal(value & 0xfffffffffffe0ull & ((16ull << (value & 0x1f)) - 1), 0);
		u->cmdq = value;
		return;
	case 0xa0: /* EVENTQ_BASE */
		assert_false((u->cr0 | u->cr0ack) & 4);
		assert_true((value & 0x1f) <= (u->idr1 >> 16 & 0x1f));
		assert_int_equal(value & 0xfffffffffffe0ull & ((32ull << (value & 0x1f)) - 1), 0);
		u->eventq = value;
		return;
	case 0xb0:
		assert_true(!(u->irq_ctrlack & 4) && (u->idr0 & FAKE_IDR0_MSI));
		u->eventq_msi = value;
		return;
	}
	fail_msg("64-bit write of register 0x%x", reg);
}

static void fake_write_cr0(struct fake_smmu *u, u32 value)
{
	assert_int_equal(u->cr0, u->cr0ack); /* 6.3.9: after the one before */
	assert_int_equal(value & ~(u32)0x1f, 0);
	assert_true(!(value & 0x10) || (u->idr0 & FAKE_IDR0_ATS));
	if ((value & 1) && !(u->cr0 & 1)) { /* the table fits its register, and firmware's caches are gone */
		const unsigned int log2 = u->strtab_cfg & 0x3f;
		const unsigned int size = fake_two_levels(u) ? (log2 > 6 ? log2 - 6 : 0) + 3 : log2 + 6;

		assert_true(log2 <= (u->idr1 & 0x3f));
		assert_int_equal(u->strtab & 0xfffffffffffc0ull & (((u64)1 << size) - 1), 0);
		assert_true(!fake_two_levels(u) || (u->idr0 >> 27 & 3) == 1);
	}
	u->cr0 = value;
	u->latency = 3;
}

static void fake_write_32(struct fake_smmu *u, unsigned int reg, u32 value)
{
	switch (reg) {
	case 0x20: fake_write_cr0(u, value); return;
	case 0x28: /* CR1: QUEUE fields with the queues off, TABLE fields with the unit off */
		assert_false((u->cr0 | u->cr0ack) & 0xf);
		assert_int_equal(value, fake_snoops(u) ? 0xd75 : 0);
		u->cr1 = value;
		return;
	case 0x2c:
		assert_false((u->cr0 | u->cr0ack) & 1);
		u->cr2 = value;
		return;
	case 0x44:
		assert_false(u->gbpa >> 31); /* 6.3.14: not while an update is under way */
		if (value >> 31) {
			u->gbpa |= 1u << 31;
			u->gbpa_next = value & ~(1u << 31);
			u->latency = 3;
		}
		return;
	case 0x50:
		assert_int_equal(u->irq_ctrl, u->irq_ctrlack);
		u->irq_ctrl = value;
		u->latency = 3;
		return;
	case 0x64: /* 6.3.19: only bits of errors that are active may be toggled */
		assert_int_equal((value ^ u->gerrorn) & ~(u->gerror ^ u->gerrorn), 0);
		u->gerrorn = value;
		return;
	case 0x88:
		assert_false((u->cr0 | u->cr0ack) & 1);
		u->strtab_cfg = value;
		return;
	case 0x98:
		assert_int_equal(value & ~((2u << (u->cmdq & 0x1f)) - 1), 0);
		assert_true(!(u->cr0ack & 8) || fake_barriers); /* the commands are in memory before */
		fake_barriers = 0;
		u->cmdq_prod = value;
		return;
	case 0x9c:
		assert_false((u->cr0 | u->cr0ack) & 8);
		u->cmdq_cons = value;
		return;
	case 0x100a8:
		assert_false((u->cr0 | u->cr0ack) & 4);
		u->eventq_prod = value;
		return;
	case 0x100ac:
		/* What was read of the records was read after PROD, and before this. */
		assert_true(!(u->cr0ack & 4) || fake_barriers >= 2);
		u->eventq_cons = value;
		return;
	}
	fail_msg("write of register 0x%x", reg);
}

static struct fake_smmu *fake_at(const volatile void *addr, unsigned int size, unsigned int *reg)
{
	for (unsigned int i = 0; i < FAKE_UNITS; i++) {
		const u64 offset = (u64)((const volatile u8 *)addr - fake[i].regs);

		if (offset < FAKE_SIZE) {
			assert_true((size == 4 || size == 8) && offset % size == 0); /* 6.1 */
			*reg = (unsigned int)offset;
			return &fake[i];
		}
	}
	return NULL;
}

static bool fake_mmio_read(const volatile void *addr, unsigned int size, u64 *value)
{
	unsigned int reg;
	struct fake_smmu *u = fake_at(addr, size, &reg);

	if (u)
		*value = fake_reg_read(u, reg, size);
	return u != NULL;
}

static bool fake_mmio_write(volatile void *addr, unsigned int size, u64 value)
{
	unsigned int reg;
	struct fake_smmu *u = fake_at(addr, size, &reg);

	if (u && size == 8)
		fake_write_64(u, reg, value);
	else if (u)
		fake_write_32(u, reg, (u32)value);
	return u != NULL;
}

/*
 * Units as out of reset: everything passes. Their caches hold rubbish that would let streams 0 to 31 through
 * to anywhere: so it is noticed if nobody drops it.
 */
static void fake_power_on(void)
{
	static u8 registers[FAKE_UNITS][FAKE_SIZE] ALIGNED(4096);
	const u64 rubbish = 1 | (u64)20 << 32 | (u64)2 << 38 | (u64)0x35 << 40 | (u64)4 << 48 | (u64)1 << 51 |
			    (u64)1 << 58;

	host_mmio_read = fake_mmio_read;
	host_mmio_write = fake_mmio_write;
	fake_meanwhile = NULL;
	fake_memory_pages = 0;
	for (unsigned int i = 0; i < FAKE_UNITS; i++) {
		struct fake_smmu *u = &fake[i];

		memset(u, 0, sizeof(*u));
		u->regs = registers[i];
		u->idr0 = FAKE_IDR0;
		u->idr1 = FAKE_IDR1(19, 19, 16);
		u->idr5 = FAKE_IDR5(5);
		u->aidr = 2;
		for (u32 sid = 0; sid < 32; sid++)
			u->configs[sid] = (struct fake_config){ true, false, sid, { 0xd, 0, rubbish, 0 } };
		u->l1[0] = (struct fake_l1){ true, 0, 0xdead0007 };
		u->tlb[0] = (struct fake_translation){ true, 1, 0, (u64)1 << 48, 0, true, true };
	}
}

#endif
