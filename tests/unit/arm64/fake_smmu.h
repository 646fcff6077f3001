/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An SMMUv3 for the host: the registers react as IHI 0070F says, and fake_dma() asks it what a device's
 * request would be told. It is written from the specification, with constants of its own, and is strict: what
 * the specification forbids software to do fails the test.
 *
 * What emulators do not show, it does: it caches all that hardware may cache (descriptors and entries of the
 * stream table, valid or not; translations by VMID; pointers to tables) and forgets only what a command
 * names; it reads an entry in two steps with time in between; it works on the queue later, not at once; it
 * can read memory past the CPU's caches, and write there; it hangs, or reports errors, when told to.
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

struct fake_flight { /* a request that was translated, and has not reached memory yet */
	bool valid, named; /* named: its translation was dropped; the next CMD_SYNC waits for it */
	u16 vmid;
	u64 iova;
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
	struct fake_flight flights[8];
	bool hang_registers, hang_queue;
	bool overflow_aborts; /* as QEMU does it: a full event queue is a record that cannot be written */
	unsigned int illegal_commands; /* so many of the next ones are errors, */
	unsigned int skip_illegal;     /* from this one on */
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
		memset(fake_memory[i].bytes, 0xa7, 4096); /* what lay in memory before: looks like tables */
		memset(fake_memory[i].written, 0, sizeof(fake_memory[i].written));
	}
	return &fake_memory[i];
}

void arch_cache_flush(const void *start, size_t size)
{
	const u64 first = (u64)(uintptr_t)start & ~(u64)7, end = (u64)(uintptr_t)start + size;

	fake_flushes++;
	if (fake_meanwhile)
		fake_meanwhile(); /* between any two words */
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
		const unsigned int known = fake_memory_pages;

		memcpy(&fake_page_of(address)->bytes[address & 0xfff], &value, 8);
		assert_int_equal(fake_memory_pages,
				 known); /* or the CPU's cache would be written back over it */
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
	const u32 log2 = (u32)(u->eventq & 0x1f), mask = (2u << log2) - 1,
		  used = (u->eventq_prod - u->eventq_cons) & mask;
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

/*
 * 5.2, and 3.4: what must hold of an entry that translates by stage 2 alone. A mistake is Fairlead's: it
 * fails the test.
 */
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
	assert_true(width <= reach + 4 &&
		    width > reach - 9); /* at most 16 tables side by side, and no level too many */
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
		const u64 index =
			iova >> shift & (n == top ? 0x1fff : 0x1ff); /* the roots are side by side */
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
			if ((e & 0xfffffffff000ull & (*size - 1)) ||
			    (e & 0xfffffffff000ull) >> fake_oas[w[2] >> 48 & 7])
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
	*t = (struct fake_translation){
		true,	    (u16)w[2], iova & ~(size - 1), size, e & 0xfffffffff000ull & ~(size - 1),
		e >> 6 & 1, e >> 7 & 1
	};
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

/* One that takes its time: it is translated now, and reaches memory later. */
static inline void fake_slow_dma(struct fake_smmu *u, u32 sid, u64 iova)
{
	unsigned int i = 0;
	u64 pa;

	while (u->flights[i].valid)
		assert_true(++i < ARRAY_SIZE(u->flights));
	assert_true(fake_dma(u, sid, iova, true, &pa));
	u->flights[i] = (struct fake_flight){ true, false, (u16)fake_config_of(u, sid)->word[2], iova };
}

#endif
