/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An SMMUv3 for the host: the registers react as IHI 0070F says, and fake_dma() asks it what a device's request
 * would be told. It is written from the specification, with constants of its own, and is strict: what the
 * specification forbids software to do fails the test.
 *
 * What emulators do not show, it does: it caches all that hardware may cache (descriptors and entries of the
 * stream table, valid or not; translations by VMID; pointers to tables) and forgets only what a command names;
 * it reads an entry in two steps with time in between; it works on the queue later, not at once; it can read
 * memory past the CPU's caches, and write there; it hangs, or reports errors, when told to.
 */
#ifndef TESTS_FAKE_SMMU_H
#define TESTS_FAKE_SMMU_H

#include "core/mmio.h"
#include "tests/unit/fake_pages.h"

#define FAKE_UNITS  2
#define FAKE_CACHED 512
#define FAKE_SIZE   0x20000

struct fake_l1 { /* a cached descriptor of the first level */
	bool valid;
	u32 index;
	u64 descriptor;
};

struct fake_config { /* a cached entry */
	bool valid, half; /* half: word 0 has not been read yet */
	u32 sid;
	u64 word[8];
};

struct fake_translation {
	bool valid;
	u16 vmid;
	u64 iova, size, pa;
	bool read, write;
};

struct fake_walk { /* a cached pointer to a last-level table */
	bool valid;
	u16 vmid;
	u64 iova, table; /* 2 MiB aligned */
};

struct fake_smmu {
	u8 *regs; /* nothing is stored there; only the address counts */
	u32 idr0, idr1, idr3, idr5, aidr;
	u32 cr0, cr0ack, cr1, cr2, gbpa, gbpa_next, irq_ctrl, irq_ctrlack, gerror, gerrorn, strtab_cfg;
	u32 cmdq_prod, cmdq_cons, eventq_prod, eventq_cons;
	u64 strtab, cmdq, eventq, gerror_msi, eventq_msi;
	unsigned int latency; /* time until a register write shows */
	struct fake_l1 l1[FAKE_CACHED];
	struct fake_config configs[FAKE_CACHED];
	struct fake_translation tlb[FAKE_CACHED];
	struct fake_walk walks[FAKE_CACHED];
	bool hang_registers, hang_queue;
	bool overflow_aborts; /* as QEMU does it: a full event queue is a record that cannot be written */
	unsigned int illegal_commands; /* so many of the next ones are errors */
	struct {
		u32 at;
		u64 word[2];
	} bad[4]; /* those: they stay errors as long as they stand there */
	unsigned int abort_fetches; /* so many reads of a command fail */
	unsigned int commands[256]; /* done, by opcode */
	unsigned int event_wire, gerror_wire; /* edges */
	unsigned int let_through; /* requests that passed while it was off */
};

static struct fake_smmu fake[FAKE_UNITS];
static u64 fake_now; /* microseconds */
static void (*fake_meanwhile)(void); /* what devices do while Fairlead waits */

/* IDR0: S2P, S1P, AArch64 tables, coherent, VMID16, little-endian, no stall, two levels */
#define FAKE_IDR0 (1u | 2u | 2u << 2 | 1u << 4 | 1u << 18 | 2u << 21 | 1u << 24 | 1u << 27)
#define FAKE_IDR0_COHACC (1u << 4)
#define FAKE_IDR0_ATS (1u << 10)
#define FAKE_IDR0_MSI (1u << 13)
#define FAKE_IDR0_VMID16 (1u << 18)
#define FAKE_IDR1(cmdqs, eventqs, sids) ((u32)(cmdqs) << 21 | (u32)(eventqs) << 16 | (u32)(sids))
#define FAKE_IDR1_OVR (1u << 27)
#define FAKE_IDR5(oas) (1u << 4 | (u32)(oas))
#define FAKE_GERROR_CMDQ 1u
#define FAKE_GERROR_EVENTQ_ABT 4u
#define FAKE_GERROR_SFM (1u << 8)

/* ---- memory as the unit sees it ------------------------------------------------------------------------ */

static struct fake_page {
	u64 page;
	u8 bytes[4096];
	bool written[4096 / 8]; /* by the unit: the CPU's cache holds something older */
} fake_memory[256]; /* for units that do not snoop: memory as last written back */
static unsigned int fake_memory_pages, fake_flushes, fake_barriers;

static struct fake_page *fake_page_of(u64 address)
{
	const u64 page = address & ~(u64)0xfff;
	unsigned int i;

	for (i = 0; i < fake_memory_pages && fake_memory[i].page != page; i++)
		;
	if (i == fake_memory_pages) {
		assert_true(i < ARRAY_SIZE(fake_memory));
		fake_memory_pages++;
		fake_memory[i].page = page;
		memset(fake_memory[i].bytes, 0xa5, 4096); /* what lay in memory before */
		memset(fake_memory[i].written, 0, sizeof(fake_memory[i].written));
	}
	return &fake_memory[i];
}

void arch_cache_flush(const void *start, size_t size)
{
	const u64 first = (u64)(uintptr_t)start & ~(u64)7, end = (u64)(uintptr_t)start + size;

	fake_flushes++;
	for (u64 at = first; at < end; at += 8) {
		struct fake_page *p = fake_page_of(at);
		const unsigned int word = (unsigned int)(at & 0xfff) / 8;

		if (p->written[word])
			memcpy((void *)(uintptr_t)at, &p->bytes[8 * word], 8);
		else
			memcpy(&p->bytes[8 * word], (const void *)(uintptr_t)at, 8);
		p->written[word] = false;
	}
}

void arch_io_barrier(void)
{
	fake_barriers++;
}

static bool fake_snoops(const struct fake_smmu *u)
{
	return u->idr0 & FAKE_IDR0_COHACC;
}

static u64 fake_read(const struct fake_smmu *u, u64 address)
{
	u64 value;

	if (fake_snoops(u))
		return __atomic_load_n((const u64 *)(uintptr_t)address, __ATOMIC_ACQUIRE);
	memcpy(&value, &fake_page_of(address)->bytes[address & 0xfff], 8);
	return value;
}

static void fake_write(const struct fake_smmu *u, u64 address, u64 value)
{
	if (fake_snoops(u)) {
		*(volatile u64 *)(uintptr_t)address = value;
	} else {
		memcpy(&fake_page_of(address)->bytes[address & 0xfff], &value, 8);
		fake_page_of(address)->written[(address & 0xfff) / 8] = true;
	}
}

/* ---- errors and events: 7.2 to 7.5 --------------------------------------------------------------------- */

static void fake_gerror(struct fake_smmu *u, u32 bit)
{
	if ((u->gerror ^ u->gerrorn) & bit)
		return; /* active already */
	u->gerror ^= bit;
	if (u->irq_ctrl & 1)
		u->gerror_wire++;
}

static void fake_event(struct fake_smmu *u, u8 type, u32 sid, u64 address, bool write)
{
	const u32 log2 = (u32)(u->eventq & 0x1f), mask = (2u << log2) - 1, used = (u->eventq_prod - u->eventq_cons) & mask;
	const u64 at = (u->eventq & ~(u64)0x1f & ~((u64)1 << 62)) + 32ull * (u->eventq_prod & (mask >> 1));
	const bool fault = type >= 0x10;

	if (!(u->cr0ack & 4))
		return;
	if (used == 1u << log2 && u->overflow_aborts)
		return fake_gerror(u, FAKE_GERROR_EVENTQ_ABT);
	if (used == 1u << log2) { /* 7.4: toggled if the last overflow was acknowledged */
		if (!((u->eventq_prod ^ u->eventq_cons) >> 31))
			u->eventq_prod ^= 1u << 31;
		return;
	}
	fake_write(u, at, type | (u64)sid << 32);
	fake_write(u, at + 8, (u64)!write << 35 | (fault ? (u64)1 << 39 | (u64)2 << 40 : 0));
	fake_write(u, at + 16, address);
	fake_write(u, at + 24, fault ? address & 0xffffffffff000ull : 0);
	u->eventq_prod = (u->eventq_prod & 1u << 31) | ((u->eventq_prod + 1) & mask);
	if (!used && (u->irq_ctrl & 4))
		u->event_wire++;
}

/* ---- configuration: 3.3, 5.1, 5.2 ---------------------------------------------------------------------- */

static bool fake_two_levels(const struct fake_smmu *u)
{
	return (u->strtab_cfg >> 16 & 3) == 1;
}

/* The address of an entry; 0: C_BAD_STREAMID. */
static u64 fake_entry_address(struct fake_smmu *u, u32 sid)
{
	const u64 base = u->strtab & 0xfffffffffffc0ull;
	const unsigned int split = u->strtab_cfg >> 6 & 0x1f;
	const u32 index = sid >> split;
	u64 descriptor = 0;
	unsigned int i;

	if (sid >> (u->strtab_cfg & 0x3f))
		return 0;
	if (!fake_two_levels(u))
		return base + 64ull * sid;
	assert_true(split == 6 || split == 8 || split == 10);
	for (i = 0; i < FAKE_CACHED && u->l1[i].valid && u->l1[i].index != index; i++)
		;
	assert_true(i < FAKE_CACHED);
	if (!u->l1[i].valid)
		u->l1[i] = (struct fake_l1){ true, index, fake_read(u, base + 8ull * index) };
	descriptor = u->l1[i].descriptor;
	if (!(descriptor & 0x1f))
		return 0;
	assert_true((descriptor & 0x1f) <= split + 1);
	assert_int_equal(descriptor & 0xfff0000000000020ull, 0);
	if ((sid & ((1u << split) - 1)) >= 1u << ((descriptor & 0x1f) - 1))
		return 0;
	return (descriptor & 0xfffffffffffc0ull) + 64ull * (sid & ((1u << split) - 1));
}

/* Begins to read an entry: all but the word that holds V. Hardware may do so at any time. */
static struct fake_config *fake_fetch(struct fake_smmu *u, u32 sid)
{
	u64 at;
	unsigned int i;

	for (i = 0; i < FAKE_CACHED && u->configs[i].valid; i++) {
		if (u->configs[i].sid == sid)
			return &u->configs[i];
	}
	assert_true(i < FAKE_CACHED);
	at = fake_entry_address(u, sid);
	if (!at)
		return NULL;
	u->configs[i] = (struct fake_config){ .valid = true, .half = true, .sid = sid };
	for (unsigned int w = 1; w < 8; w++)
		u->configs[i].word[w] = fake_read(u, at + 8 * w);
	return &u->configs[i];
}

static struct fake_config *fake_config_of(struct fake_smmu *u, u32 sid)
{
	struct fake_config *c = fake_fetch(u, sid);

	if (c && c->half) {
		c->word[0] = fake_read(u, fake_entry_address(u, sid));
		c->half = false;
	}
	return c;
}

static const unsigned int fake_oas[] = { 32, 36, 40, 42, 44, 48, 52 };

/* 5.2, and 3.4: what must hold of an entry that translates by stage 2 alone. A mistake is Fairlead's: it fails the test. */
static void fake_check_entry(const struct fake_smmu *u, const u64 *w)
{
	const unsigned int t0sz = w[2] >> 32 & 0x3f, sl0 = w[2] >> 38 & 3, width = 64 - t0sz;
	const unsigned int levels = sl0 + 2, reach = 12 + 9 * levels;
	const bool snoops = fake_snoops(u);

	assert_int_equal(w[0], 1 | 6 << 1);
	assert_int_equal(w[1] >> 28 & 0xf, 0); /* EATS, STRW */
	assert_int_equal(w[1] >> 44 & 3, u->idr1 & FAKE_IDR1_OVR ? 1 : 0); /* SHCFG */
	assert_int_equal(w[1] & ~((u64)3 << 44 | (u64)1 << 19), 0);
	assert_true(w[2] & (u64)1 << 51); /* S2AA64 */
	assert_int_equal(w[2] >> 46 & 3, 0); /* S2TG: 4 KiB */
	assert_int_equal(w[2] >> 52 & 1, 0); /* S2ENDI */
	assert_int_equal(w[2] >> 57 & 1, 0); /* S2S */
	assert_int_equal(w[2] >> 58 & 1, 1); /* S2R */
	assert_int_equal(w[2] & 0xffff & (u->idr0 & FAKE_IDR0_VMID16 ? 0 : 0xff00), 0);
	assert_int_not_equal(w[2] & 0xffff, 0);
	assert_int_equal(w[2] >> 40 & 0x3f, snoops ? 1 | 1 << 2 | 3 << 4 : 0);
	assert_true(sl0 <= 2 && width <= fake_oas[u->idr5 & 7] && width <= 48);
	assert_true(width <= reach + 4 && width > reach - 9); /* at most 16 tables side by side, and no level too many */
	assert_true(sl0 < 2 || fake_oas[u->idr5 & 7] >= 44);
	assert_true((w[2] >> 48 & 7) <= (u->idr5 & 7));
	assert_int_equal(w[3] & 0xfff, 0);
	if (width > reach)
		assert_int_equal(w[3] & (((u64)0x1000 << (width - reach)) - 1), 0);
	assert_int_equal(w[3] >> 52, 0);
	for (unsigned int i = 4; i < 8; i++)
		assert_int_equal(w[i], 0);
}

/* ---- translation: Arm ARM D8.3 ------------------------------------------------------------------------- */

/* A leaf, and its size; 0: none. *fault: an event. */
static u64 fake_table_walk(struct fake_smmu *u, const u64 *w, u64 iova, u64 *size, u8 *fault)
{
	const u16 vmid = (u16)w[2];
	const unsigned int top = (w[2] >> 38 & 3) + 2;
	u64 table = w[3];
	unsigned int n = top;

	*fault = 0;
	for (unsigned int i = 0; i < FAKE_CACHED && u->walks[i].valid; i++) {
		if (u->walks[i].vmid == vmid && u->walks[i].iova == iova >> 21 << 21) {
			table = u->walks[i].table;
			n = 1;
		}
	}
	for (;; n--) {
		const unsigned int shift = 12 + 9 * (n - 1);
		const u64 index = iova >> shift & (n == top ? 0x1fff : 0x1ff); /* the roots are side by side */
		const u64 e = fake_read(u, table + 8 * index);

		*size = (u64)1 << shift;
		if (!(e & 1)) {
			*fault = 0x10;
			return 0;
		}
		if (n == 1 || !(e & 2)) {
			if ((n == 1) != ((e & 2) != 0) || n > 3) {
				*fault = 0x10; /* reserved at that level */
				return 0;
			}
			if ((e & 0xfffffffff000ull & (*size - 1)) || (e & 0xfffffffff000ull) >> fake_oas[w[2] >> 48 & 7])
				*fault = 0x11;
			return e;
		}
		table = e & 0xfffffffff000ull;
		if (n == 2) { /* the pointer to a last-level table may be cached on its own */
			unsigned int i = 0;

			while (u->walks[i].valid)
				assert_true(++i < FAKE_CACHED);
			u->walks[i] = (struct fake_walk){ true, vmid, iova >> 21 << 21, table };
		}
	}
}

static bool fake_refused(struct fake_smmu *u, u8 type, u32 sid, u64 iova, bool write)
{
	fake_event(u, type, sid, iova, write);
	return false;
}

static struct fake_translation *fake_translation_of(struct fake_smmu *u, const u64 *w, u64 iova, u8 *fault)
{
	struct fake_translation *t;
	u64 size = 0, e;
	unsigned int i;

	*fault = 0;
	for (i = 0; i < FAKE_CACHED && u->tlb[i].valid; i++) {
		t = &u->tlb[i];
		if (t->vmid == (u16)w[2] && iova >= t->iova && iova - t->iova < t->size)
			return t;
	}
	e = fake_table_walk(u, w, iova, &size, fault);
	if (*fault)
		return NULL;
	assert_true(i < FAKE_CACHED);
	t = &u->tlb[i];
	*t = (struct fake_translation){ true, (u16)w[2], iova & ~(size - 1), size, e & 0xfffffffff000ull & ~(size - 1),
					e >> 6 & 1, e >> 7 & 1 };
	assert_true(e >> 10 & 1 || w[2] >> 53 & 1); /* access flag */
	return t;
}

/* A request of that stream. True: it goes to *pa. False: aborted (and recorded). */
static bool fake_request(struct fake_smmu *u, u32 sid, u64 iova, bool write, bool translated, u64 *pa)
{
	const struct fake_translation *t;
	const struct fake_config *c;
	u8 fault;

	*pa = iova;
	if (!(u->cr0ack & 1)) {
		u->let_through += !(u->gbpa >> 20 & 1);
		return !(u->gbpa >> 20 & 1);
	}
	if (translated && (u->idr0 & FAKE_IDR0_ATS) && !(u->cr0ack & 0x10))
		return true; /* 3.9.1.2: nobody looks */
	if (translated && !(u->idr0 & FAKE_IDR0_ATS))
		return fake_refused(u, 7, sid, iova, write);
	c = fake_config_of(u, sid);
	if (!c && (sid >> (u->strtab_cfg & 0x3f)) && !(u->cr2 & 2))
		return false; /* RECINVSID = 0: not recorded */
	if (!c)
		return fake_refused(u, 2, sid, 0, false);
	if (!(c->word[0] & 1))
		return fake_refused(u, 4, sid, 0, false);
	fake_check_entry(u, c->word);
	if (translated)
		return fake_refused(u, 7, sid, iova, write);
	if (iova >> (64 - (c->word[2] >> 32 & 0x3f)))
		return fake_refused(u, 0x10, sid, iova, write);
	t = fake_translation_of(u, c->word, iova, &fault);
	if (!t)
		return fake_refused(u, fault, sid, iova, write);
	if (write ? !t->write : !t->read)
		return fake_refused(u, 0x13, sid, iova, write);
	*pa = t->pa + (iova - t->iova);
	return true;
}

static inline bool fake_dma(struct fake_smmu *u, u32 sid, u64 iova, bool write, u64 *pa)
{
	return fake_request(u, sid, iova, write, false, pa);
}

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
		FAKE_DROP_IF(u->walks, it->vmid == vmid);
		break;
	case 0x2a: /* TLBI_S2_IPA */
		if ((low & 0xffff0000ffffff00ull) || (high & ~(u64)1) != address)
			return false;
		FAKE_DROP_IF(u->tlb, it->vmid == vmid && address >= it->iova && address - it->iova < it->size);
		if (!(high & 1))
			FAKE_DROP_IF(u->walks, it->vmid == vmid && it->iova == address >> 21 << 21);
		break;
	case 0x30: /* TLBI_NSNH_ALL */
		if (low != 0x30 || high)
			return false;
		FAKE_DROP_IF(u->tlb, true);
		FAKE_DROP_IF(u->walks, true);
		break;
	case 0x46: /* SYNC; CS: no signal */
		if (low != 0x46 || high)
			return false;
		break;
	default: return false;
	}
	u->commands[low & 0xff]++;
	return true;
}

static bool fake_is_bad(struct fake_smmu *u, u32 at, const u64 *word)
{
	if (u->illegal_commands) {
		u->illegal_commands--;
		u->bad[u->illegal_commands].at = at;
		u->bad[u->illegal_commands].word[0] = word[0];
		u->bad[u->illegal_commands].word[1] = word[1];
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(u->bad); i++) {
		if (word[0] && u->bad[i].word[0] == word[0] && u->bad[i].word[1] == word[1] && u->bad[i].at == at)
			return true;
	}
	return false;
}

static void fake_queue_step(struct fake_smmu *u)
{
	const u32 mask = (2u << (u->cmdq & 0x1f)) - 1;
	const u64 base = u->cmdq & 0xfffffffffffe0ull;

	while ((u->cr0ack & 8) && !u->hang_queue && ((u->cmdq_prod ^ u->cmdq_cons) & mask) &&
	       !((u->gerror ^ u->gerrorn) & (FAKE_GERROR_CMDQ | FAKE_GERROR_SFM))) {
		const u32 at = u->cmdq_cons & mask;
		const u64 entry = base + 16ull * (at & mask >> 1);
		u64 word[2] = { fake_read(u, entry), fake_read(u, entry + 8) };
		u32 error = 0;

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
	case 0x100a8: return u->eventq_prod;
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
		assert_true(!(u->cr0ack & 4) || fake_barriers); /* the records were read before */
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
 * Units as out of reset: everything passes. Their caches hold rubbish that would let streams 0 to 31 through to
 * anywhere: so it is noticed if nobody drops it.
 */
static void fake_power_on(void)
{
	static u8 registers[FAKE_UNITS][FAKE_SIZE] ALIGNED(4096);
	const u64 rubbish = 1 | (u64)20 << 32 | (u64)2 << 38 | (u64)0x35 << 40 | (u64)4 << 48 | (u64)1 << 51 | (u64)1 << 58;

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
