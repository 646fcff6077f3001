/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VT-d unit for the host: the registers react as Intel's VT-d specification (rev. 4.1) says, and fake_dma()
 * asks it what a device's request would be told. It is written from the specification, with constants of its
 * own, and is strict: what the specification forbids software to do fails the test.
 *
 * What emulators do not show, it does: it caches all that hardware may cache (contexts; translations by
 * domain; pointers to tables; absent entries in caching mode) and forgets only what an invalidation names; it
 * works on the queue later, not at once; it can read memory past the CPU's caches; it hangs, or reports
 * errors, when told to.
 */
#ifndef TESTS_FAKE_VTD_H
#define TESTS_FAKE_VTD_H

#include "core/mmio.h"
#include "tests/unit/fake_pages.h"

#define FAKE_UNITS	2
#define FAKE_RECORDS	4
#define FAKE_RECORDS_AT 0x200
#define FAKE_CACHED	4096
#define FAKE_REGS_SIZE	0x1000

struct fake_context {
	bool valid;
	u16 sid;
	u16 tag; /* domain ID, 0 if the entry was absent */
	u64 low, high;
};

struct fake_translation {
	bool valid, present;
	u16 did;
	u64 iova, size, pa;
	bool read, write;
};

struct fake_irte { /* a cached interrupt remapping entry */
	bool valid;
	u16 index;
	u64 low, high;
};

/* What reached the CPUs' bus. */
struct fake_delivery {
	u32 destination;
	u8 vector, mode; /* delivery mode */
	bool logical, hint, level;
	bool passed; /* as it came: nothing was remapped */
};

struct fake_walk { /* a cached pointer to a last-level table */
	bool valid;
	u16 did;
	u64 iova, table; /* 2 MiB aligned */
};

struct fake_vtd {
	u8 *regs; /* nothing is stored there; only the address counts */
	u64 cap, ecap;
	u32 gsts, gsts_next;
	unsigned int latency; /* reads of GSTS until a command shows */
	u64 rtaddr, root;
	u32 fsts_sticky; /* PFO, IQE, ICE, ITE */
	unsigned int fri, next_record;
	u32 fectl, fedata, feaddr, feuaddr;
	u32 pmen;
	u64 iqh, iqt, iqa;
	u64 record[FAKE_RECORDS][2];
	unsigned int messages; /* fault messages sent */
	struct fake_context contexts[64];
	struct fake_translation iotlb[FAKE_CACHED];
	struct fake_walk walks[FAKE_CACHED];
	u64 irta, irt, irt_entries;
	bool eime;
	struct fake_irte irtes[FAKE_CACHED];
	bool was_open; /* remapping was on while compatibility format passed */
	bool hang_commands, hang_queue;
	unsigned int fail_descriptors; /* so many of the next ones are errors */
	struct {
		u64 at, low, high;
	} bad[4]; /* those: they stay errors as long as they stand there */
	unsigned int write_buffer_flushes, drains, intr_global, intr_indexed;
};

static struct fake_vtd fake[FAKE_UNITS];
static u64 fake_now; /* microseconds */

#define FAKE_CAP_RWBF	 ((u64)1 << 4)
#define FAKE_CAP_PLMR	 ((u64)1 << 5)
#define FAKE_CAP_CM	 ((u64)1 << 7)
#define FAKE_SAGAW(bits) ((u64)(bits) << 8)
#define FAKE_MGAW(bits)	 ((u64)((bits)-1) << 16)
#define FAKE_SSLPS(bits) ((u64)(bits) << 34)
#define FAKE_CAP_PSI	 ((u64)1 << 39)
#define FAKE_MAMV(n)	 ((u64)(n) << 48)
#define FAKE_CAP_DRAINS	 ((u64)3 << 54)
#define FAKE_ECAP_C	 ((u64)1)
#define FAKE_ECAP_QI	 ((u64)2)
#define FAKE_ECAP_IR	 ((u64)1 << 3)
#define FAKE_ECAP_EIM	 ((u64)1 << 4)
#define FAKE_MHMV(n)	 ((u64)(n) << 20)

#define FAKE_CAP                                                                                        \
	(2ull | FAKE_SAGAW(2 | 4) | FAKE_MGAW(48) | (u64)(FAKE_RECORDS_AT / 16) << 24 | FAKE_SSLPS(3) | \
	 FAKE_CAP_PSI | (u64)(FAKE_RECORDS - 1) << 40 | FAKE_MAMV(18) | FAKE_CAP_DRAINS)
#define FAKE_ECAP (FAKE_ECAP_C | FAKE_ECAP_QI | FAKE_ECAP_IR | FAKE_ECAP_EIM | FAKE_MHMV(6) | (u64)0x10 << 8)

/* ---- memory as the unit sees it ------------------------------------------------------------------------ */

static struct {
	u64 page;
	u8 bytes[4096];
} fake_flushed[256]; /* for units that do not snoop: memory as last written back */
static unsigned int fake_flushed_pages;
static unsigned int fake_flushes;

void arch_cache_flush(const void *start, size_t size)
{
	const u64 address = (u64)(uintptr_t)start, page = address & ~(u64)0xfff;
	unsigned int i;

	assert_true(size && (address & 0xfff) + size <= 4096);
	fake_flushes++;
	for (i = 0; i < fake_flushed_pages && fake_flushed[i].page != page; i++)
		;
	if (i == fake_flushed_pages) {
		assert_true(i < ARRAY_SIZE(fake_flushed));
		fake_flushed_pages++;
		fake_flushed[i].page = page;
		memset(fake_flushed[i].bytes, 0xa5, 4096); /* what lay in memory before */
	}
	memcpy(&fake_flushed[i].bytes[address & 0xfff], start, size);
}

static u64 fake_read(const struct fake_vtd *u, u64 address)
{
	u64 value = 0xa5a5a5a5a5a5a5a5ull;

	if (u->ecap & FAKE_ECAP_C)
		return __atomic_load_n((const u64 *)(uintptr_t)address, __ATOMIC_ACQUIRE);
	for (unsigned int i = 0; i < fake_flushed_pages; i++) {
		if (fake_flushed[i].page == (address & ~(u64)0xfff))
			memcpy(&value, &fake_flushed[i].bytes[address & 0xfff], 8);
	}
	return value;
}

/* ---- faults: 7.2.1 ------------------------------------------------------------------------------------- */

static bool fake_any_record(const struct fake_vtd *u)
{
	for (unsigned int i = 0; i < FAKE_RECORDS; i++) {
		if (u->record[i][1] >> 63)
			return true;
	}
	return false;
}

static void fake_fault(struct fake_vtd *u, u16 sid, u64 address, bool write, u8 reason)
{
	u64 *r = u->record[u->next_record];

	if (u->fsts_sticky & 1)
		return; /* overflow: nothing more is recorded */
	if (r[1] >> 63) {
		u->fsts_sticky |= 1;
		return;
	}
	if (!fake_any_record(u)) {
		u->fri = u->next_record;
		if (!(u->fectl >> 31))
			u->messages++;
	}
	r[0] = address & ~(u64)0xfff;
	r[1] = (u64)1 << 63 | (u64)!write << 62 | (u64)reason << 32 | sid;
	u->next_record = (u->next_record + 1) % FAKE_RECORDS;
}

/* ---- translation: 3.4, 3.7, 9.1, 9.3, 9.8 -------------------------------------------------------------- */

static u8 fake_context_of(struct fake_vtd *u, u16 sid, struct fake_context *out)
{
	u64 root;

	for (unsigned int i = 0; i < ARRAY_SIZE(u->contexts); i++) {
		if (u->contexts[i].valid && u->contexts[i].sid == sid) {
			*out = u->contexts[i];
			return out->low & 1 ? 0 : 2;
		}
	}
	*out = (struct fake_context){ .valid = true, .sid = sid };
	root = fake_read(u, u->root + 16u * (sid >> 8));
	if (root & 1) {
		if ((root & 0xffe) || fake_read(u, u->root + 16u * (sid >> 8) + 8))
			return 0xa;
		out->low = fake_read(u, (root & ~(u64)0xfff) + 16u * (sid & 0xff));
		out->high = fake_read(u, (root & ~(u64)0xfff) + 16u * (sid & 0xff) + 8);
	}
	if (out->low & 1) {
		if ((out->low & 0xff0) || (out->high & ~(u64)0xffff07))
			return 0xb;
		out->tag = (u16)(out->high >> 8);
		assert_int_not_equal(out->tag, 0);
		assert_true(out->tag < 1u << (4 + 2 * (u->cap & 7)));
	}
	if ((out->low & 1) || (u->cap & FAKE_CAP_CM)) {
		unsigned int i = 0;

		while (u->contexts[i].valid)
			assert_true(++i < ARRAY_SIZE(u->contexts));
		u->contexts[i] = *out;
	}
	return out->low & 1 ? 0 : root & 1 ? 2 : 1;
}

static u64 fake_table_walk(struct fake_vtd *u, const struct fake_context *c, u64 iova, u64 *size, u8 *fault)
{
	const unsigned int levels = (unsigned int)(c->high & 7) + 2;
	u64 table = c->low & ~(u64)0xfff;
	unsigned int n = levels;

	*fault = 0;
	if (!(u->cap >> 8 & 0x1f & 1u << (levels - 2)) || ((c->low >> 2) & 3) != 0) {
		*fault = 3;
		return 0;
	}
	if (iova >> (12 + 9 * levels) || iova >> (((u->cap >> 16) & 0x3f) + 1)) {
		*fault = 4;
		return 0;
	}
	for (unsigned int i = 0; i < FAKE_CACHED && u->walks[i].valid; i++) {
		if (u->walks[i].did == c->tag && u->walks[i].iova == iova >> 21 << 21) {
			table = u->walks[i].table;
			n = 1;
		}
	}
	for (;; n--) {
		const unsigned int shift = 12 + 9 * (n - 1);
		const u64 e = fake_read(u, table + 8 * ((iova >> shift) & 0x1ff));

		*size = (u64)1 << shift;
		if (!(e & 3))
			return 0;
		if (n == 1 || (e & 0x80)) {
			const bool allowed =
				n == 1 || (n == 2 && (u->cap >> 34 & 1)) || (n == 3 && (u->cap >> 34 & 2));

			if (!allowed || (e & (*size - 1) & ~(u64)0x83) || (n == 1 && (e & 0x80)))
				*fault = 0xc;
			return e;
		}
		table = e & ~(u64)0xfff;
		if (n == 2) { /* the pointer to a last-level table may be cached on its own */
			unsigned int i = 0;

			while (u->walks[i].valid)
				assert_true(++i < FAKE_CACHED);
			u->walks[i] = (struct fake_walk){ true, c->tag, iova >> 21 << 21, table };
		}
	}
}

/* A request of device `sid`. True: it goes to *pa. False: blocked (and recorded). */
static bool fake_dma(struct fake_vtd *u, u16 sid, u64 iova, bool write, u64 *pa)
{
	struct fake_translation *t = NULL;
	struct fake_context c;
	unsigned int i;
	u8 fault;

	*pa = iova;
	if (u->pmen & 1)
		return false; /* protected memory: all of it, in this model */
	if (!(u->gsts >> 31))
		return true; /* no translation */
	fault = fake_context_of(u, sid, &c);
	if (fault) {
		fake_fault(u, sid, iova, write, fault);
		return false;
	}
	for (i = 0; i < FAKE_CACHED && u->iotlb[i].valid; i++) {
		t = &u->iotlb[i];
		if (t->did == c.tag && iova >= t->iova && iova - t->iova < t->size)
			break;
		t = NULL;
	}
	if (!t) {
		u64 size = 0, e = fake_table_walk(u, &c, iova, &size, &fault);
		struct fake_translation fresh = {
			true, (e & 3) != 0, c.tag, 0, size, 0, e & 1, (e >> 1) & 1
		};

		if (fault) {
			fake_fault(u, sid, iova, write, fault);
			return false;
		}
		assert_true(i < FAKE_CACHED);
		fresh.iova = iova & ~(size - 1);
		fresh.pa = e & ~(u64)0xfff & ~(size - 1);
		t = &u->iotlb[i];
		*t = fresh;
		t->valid = fresh.present ||
			   (u->cap & FAKE_CAP_CM); /* absent ones are cached in caching mode only */
	}
	if (write ? !t->write : !t->read) {
		fake_fault(u, sid, iova, write, write ? 5 : 6);
		return false;
	}
	*pa = t->pa + (iova - t->iova);
	return true;
}

/* ---- interrupts: 5.1.2, 5.1.3, 9.10 -------------------------------------------------------------------- */

/* Bits that must be 0: 14:12 and 31:24, of DST all but 15:8 in xAPIC mode; from 84 on. IM (15) would be posted. */
static bool fake_irte_is_valid(const struct fake_vtd *u, u64 low, u64 high)
{
	const unsigned int mode = (low >> 5) & 7;

	if ((low & 0xff00f000ull) || (high & ~(u64)0xfffff) || ((high >> 18) & 3) == 3)
		return false;
	if (!u->eime && (low & 0xffff00ff00000000ull))
		return false;
	return mode != 3 && mode != 6;
}

static bool fake_source_is_right(u64 high, u16 sid)
{
	static const u16 ignored[] = { 0, 4, 6, 7 }; /* by SQ */

	switch ((high >> 18) & 3) {
	case 0: return true;
	case 1: return !(((u16)high ^ sid) & ~ignored[(high >> 16) & 3] & 0xffff);
	default: return (sid >> 8) >= ((high >> 8) & 0xff) && (sid >> 8) <= (high & 0xff);
	}
}

/* Caches what hardware may: present entries; in caching mode, absent ones too. */
static struct fake_irte fake_irte_at(struct fake_vtd *u, u16 index)
{
	struct fake_irte e = { true, index, 0, 0 };
	unsigned int i;

	for (i = 0; i < FAKE_CACHED && u->irtes[i].valid; i++) {
		if (u->irtes[i].index == index)
			return u->irtes[i];
	}
	assert_true(i < FAKE_CACHED);
	e.low = fake_read(u, u->irt + 16u * index);
	e.high = fake_read(u, u->irt + 16u * index + 8);
	if ((e.low & 1) || (u->cap & FAKE_CAP_CM))
		u->irtes[i] = e;
	return e;
}

static bool fake_interrupt_blocked(struct fake_vtd *u, u16 sid, u16 index, u8 reason)
{
	fake_fault(u, sid, (u64)index << 48, true, reason);
	return false;
}

/* Requester `sid` writes `data` to an address in FEExxxxx. False: blocked (and recorded). */
static inline bool fake_interrupt(struct fake_vtd *u, u16 sid, u64 address, u32 data, struct fake_delivery *out)
{
	const bool shv = address & 8;
	struct fake_irte e;
	u32 index;

	assert_int_equal(address >> 20, 0xfee);
	*out = (struct fake_delivery){ 0 };
	if (!(u->gsts >> 25 & 1) || (!(address & 0x10) && (u->gsts >> 23 & 1) && !u->eime)) {
		out->passed = true;
		return true;
	}
	if (!(address & 0x10))
		return fake_interrupt_blocked(u, sid, 0, 0x25);
	index = ((address >> 5) & 0x7fff) | (address & 4) << 13;
	if (shv ? data >> 16 : data)
		return fake_interrupt_blocked(u, sid, (u16)index, 0x20);
	index += shv ? data & 0xffff : 0;
	if (index >= u->irt_entries)
		return fake_interrupt_blocked(u, sid, (u16)index, 0x21);
	e = fake_irte_at(u, (u16)index);
	if (!(e.low & 1))
		return fake_interrupt_blocked(u, sid, (u16)index, 0x22);
	if (!fake_irte_is_valid(u, e.low, e.high))
		return fake_interrupt_blocked(u, sid, (u16)index, 0x24);
	if (!fake_source_is_right(e.high, sid))
		return fake_interrupt_blocked(u, sid, (u16)index, 0x26);
	*out = (struct fake_delivery){
		.destination = u->eime ? (u32)(e.low >> 32) : (u32)(e.low >> 40) & 0xff,
		.vector = (u8)(e.low >> 16),
		.mode = (e.low >> 5) & 7,
		.logical = e.low >> 2 & 1,
		.hint = e.low >> 3 & 1,
		.level = e.low >> 4 & 1,
	};
	return true;
}

/* ---- invalidation: 6.5.2 ------------------------------------------------------------------------------- */

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

static bool fake_overlap(u64 a, u64 asize, u64 b, u64 bsize)
{
	return a < b + bsize && b < a + asize;
}

/* False: hardware does not understand it. */
static bool fake_descriptor(struct fake_vtd *u, u64 low, u64 high)
{
	const u16 did = (u16)(low >> 16), sid = (u16)(low >> 32);
	const unsigned int g = (low >> 4) & 3;

	if (u->fail_descriptors) {
		u->fail_descriptors--;
		u->bad[u->fail_descriptors].at = u->iqh;
		u->bad[u->fail_descriptors].low = low;
		u->bad[u->fail_descriptors].high = high;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(u->bad); i++) {
		if (u->bad[i].low == low && u->bad[i].high == high && u->bad[i].at == u->iqh && low)
			return false;
	}
	switch (low & 0xe0f) {
	case 1: /* context cache */
		if (high || g == 0 || (low & 0xfffc00000000ffc0ull))
			return false;
		FAKE_DROP_IF(u->contexts, g == 1 || (it->tag == did && (g == 2 || it->sid == sid)));
		return true;
	case 2: /* IOTLB */
		if (g == 0 || (low & 0xffffffff0000ff00ull) || (high & 0xf80))
			return false;
		if ((low & 0xc0) == 0xc0) /* what was translated before has reached memory */
			u->drains++;
		if (g == 3) {
			const unsigned int am = high & 0x3f;
			const u64 size = (u64)0x1000 << am, iova = high & ~(u64)0xfff;

			assert_true(u->cap & FAKE_CAP_PSI);
			assert_true(am <= ((u->cap >> 48) & 0x3f));
			assert_int_equal(iova & (size - 1), 0);
			FAKE_DROP_IF(u->iotlb,
				     it->did == did && fake_overlap(it->iova, it->size, iova, size));
			FAKE_DROP_IF(u->walks, !(high & 0x40) && it->did == did &&
						       fake_overlap(it->iova, 0x200000, iova, size));
			return true;
		}
		FAKE_DROP_IF(u->iotlb, g == 1 || it->did == did);
		FAKE_DROP_IF(u->walks, g == 1 || it->did == did);
		return true;
	case 4: /* interrupt entry cache */
		if (!(u->ecap & FAKE_ECAP_IR) || high || (low & 0xffff000007fff1e0ull))
			return false;
		if (!(low & 0x10)) {
			u->intr_global++;
			FAKE_DROP_IF(u->irtes, true);
			return true;
		}
		assert_true((low >> 27 & 0x1f) <= ((u->ecap >> 20) & 0xf));
		u->intr_indexed++;
		FAKE_DROP_IF(u->irtes, it->index >> (low >> 27 & 0x1f) == (u16)(low >> 32) >> (low >> 27 & 0x1f));
		return true;
	case 5: /* wait */
		if ((low & 0xffffff00) || (high & 3))
			return false;
		if (low & 0x20)
			*(volatile u32 *)(uintptr_t)high = (u32)(low >> 32);
		return true;
	default: return false;
	}
}

static void fake_queue_step(struct fake_vtd *u)
{
	if (!(u->gsts >> 26 & 1) || u->hang_queue)
		return;
	assert_int_equal(u->iqa & 0xfff, 0); /* 256 descriptors of 128 bits */
	while (u->iqh != u->iqt && !(u->fsts_sticky & 0x10)) {
		const u64 *d = (const u64 *)(uintptr_t)(u->iqa + u->iqh);

		if (!fake_descriptor(u, d[0], d[1]))
			u->fsts_sticky |= 0x10; /* stands still here */
		else
			u->iqh = (u->iqh + 16) % 4096;
	}
}

u64 arch_time_us(void)
{
	for (unsigned int i = 0; i < FAKE_UNITS; i++)
		fake_queue_step(&fake[i]);
	return fake_now += 50;
}

void arch_cpu_relax(void)
{
}

/* ---- registers: 11.4 ----------------------------------------------------------------------------------- */

static void fake_command(struct fake_vtd *u, u32 value)
{
	const u32 lasting = 0x86800000; /* TE, QIE, IRE, CFI */
	const u32 change = (value ^ u->gsts) & lasting;
	const u32 shots = value & 0x69000000; /* SRTP, SFL, EAFL (unused), WBF, SIRTP */

	assert_int_equal(value & ~(lasting | 0x49000000u), 0); /* nothing else is Fairlead's business yet */
	assert_true(__builtin_popcount(change) + __builtin_popcount(shots) == 1); /* one thing at a time */
	assert_int_equal(u->gsts, u->gsts_next); /* and after the one before */
	if (u->hang_commands)
		return;
	u->latency = 3;
	u->gsts_next = (u->gsts & ~lasting) | (value & lasting);
	if (shots & 0x40000000) {
		assert_int_equal(u->rtaddr & 0xfff, 0); /* legacy mode */
		u->root = u->rtaddr;
		u->gsts_next |= 0x40000000;
	}
	if (shots & 0x01000000) {
		assert_true(u->ecap & FAKE_ECAP_IR);
		assert_int_equal(u->irta & 0x7f0, 0);
		assert_true((u->ecap & FAKE_ECAP_EIM) || !(u->irta & 0x800));
		u->irt = u->irta & ~(u64)0xfff;
		u->irt_entries = (u64)2 << (u->irta & 0xf);
		u->eime = u->irta >> 11 & 1;
		assert_int_equal(u->irt & (16 * u->irt_entries - 1), 0); /* some want it aligned to its size */
		u->gsts_next |= 0x01000000;
	}
	if ((change & 0x02000000) && (value & 0x02000000)) {
		assert_true(u->gsts & 0x01000000); /* a table was set, and the queue is on */
		assert_true(u->gsts & 0x04000000);
	}
	u->was_open |= (u->gsts_next & 0x02800000) == 0x02800000;
	if (shots & 0x08000000) {
		assert_true(u->cap & FAKE_CAP_RWBF);
		u->gsts |= 0x08000000; /* set until it is done */
		u->write_buffer_flushes++;
	}
	if ((change & 0x04000000) && !(value & 0x04000000)) {
		if (!(u->fsts_sticky & 0x10))
			assert_int_equal(u->iqh,
					 u->iqt); /* 6.5.2: only when empty, unless it stands on an error */
	}
	if ((change & 0x04000000) && (value & 0x04000000))
		u->iqh = 0;
	if ((change & 0x80000000) && (value & 0x80000000))
		assert_true(u->gsts & 0x40000000); /* a root table was set */
}

static u32 fake_status(struct fake_vtd *u)
{
	if (u->gsts != u->gsts_next && u->latency-- == 0)
		u->gsts = u->gsts_next;
	return u->gsts;
}

static u64 fake_reg_read(struct fake_vtd *u, unsigned int reg, unsigned int size)
{
	if (reg >= FAKE_RECORDS_AT && reg < FAKE_RECORDS_AT + 16 * FAKE_RECORDS) {
		const u64 value = u->record[(reg - FAKE_RECORDS_AT) / 16][(reg >> 3) & 1];

		return reg & 4 ? value >> 32 : value;
	}
	switch (reg) {
	case 0x00: return u->cap == ~(u64)0 ? ~(u64)0 : 0x10;
	case 0x08: assert_int_equal(size, 8); return u->cap;
	case 0x10: assert_int_equal(size, 8); return u->ecap;
	case 0x1c: return fake_status(u);
	case 0x34: return u->fsts_sticky | (u32)fake_any_record(u) << 1 | u->fri << 8;
	case 0x64: return u->pmen;
	case 0x80: return u->iqh;
	case 0x88: return u->iqt;
	case 0xb0: return 0;
	}
	fail_msg("read of register 0x%x", reg);
	return 0;
}

static void fake_reg_write(struct fake_vtd *u, unsigned int reg, unsigned int size, u64 value)
{
	if (reg >= FAKE_RECORDS_AT && reg < FAKE_RECORDS_AT + 16 * FAKE_RECORDS) {
		assert_true((reg & 0xf) == 12 && size == 4);
		if (value >> 31) /* F: write 1 to clear */
			u->record[(reg - FAKE_RECORDS_AT) / 16][1] &= ~((u64)1 << 63);
		return;
	}
	switch (reg) {
	case 0x18: fake_command(u, (u32)value); return;
	case 0x20:
		assert_int_equal(size, 8);
		u->rtaddr = value;
		return;
	case 0x34: u->fsts_sticky &= ~(u32)value; return;
	case 0x38: u->fectl = (u32)value; return;
	case 0x3c: u->fedata = (u32)value; return;
	case 0x40: u->feaddr = (u32)value; return;
	case 0x44: u->feuaddr = (u32)value; return;
	case 0xb8:
		assert_true(size == 8 && (u->ecap & FAKE_ECAP_IR));
		u->irta = value;
		return;
	case 0x64: u->pmen = value >> 31 ? 0x80000001 : 0; return;
	case 0x88:
		assert_int_equal(value & ~(u64)0xff0, 0);
		u->iqt = value;
		return;
	case 0x90:
		assert_false(u->gsts >> 26 & 1); /* not while the queue is on */
		u->iqa = value;
		return;
	}
	fail_msg("write of register 0x%x", reg);
}

static struct fake_vtd *fake_at(const volatile void *addr, unsigned int size, unsigned int *reg)
{
	for (unsigned int i = 0; i < FAKE_UNITS; i++) {
		const u64 offset = (u64)((const volatile u8 *)addr - fake[i].regs);

		if (offset < FAKE_REGS_SIZE) {
			assert_true(size >= 4 &&
				    offset % size == 0); /* 11.2: whole, aligned dwords or qwords */
			*reg = (unsigned int)offset;
			return &fake[i];
		}
	}
	return NULL;
}

static bool fake_mmio_read(const volatile void *addr, unsigned int size, u64 *value)
{
	unsigned int reg;
	struct fake_vtd *u = fake_at(addr, size, &reg);

	if (u)
		*value = fake_reg_read(u, reg, size);
	return u != NULL;
}

static bool fake_mmio_write(volatile void *addr, unsigned int size, u64 value)
{
	unsigned int reg;
	struct fake_vtd *u = fake_at(addr, size, &reg);

	if (u)
		fake_reg_write(u, reg, size, value);
	return u != NULL;
}

/*
 * Units as after power-on, but with rubbish in their caches that would let devices 00:00.0 to 00:03.7 through
 * to anywhere, and anybody raise the first interrupts: so it is noticed if nobody drops it.
 */
static void fake_power_on(void)
{
	static u8 registers[FAKE_UNITS][FAKE_REGS_SIZE] ALIGNED(4096);

	host_mmio_read = fake_mmio_read;
	host_mmio_write = fake_mmio_write;
	fake_flushed_pages = 0;
	for (unsigned int i = 0; i < FAKE_UNITS; i++) {
		struct fake_vtd *u = &fake[i];

		memset(u, 0, sizeof(*u));
		u->regs = registers[i];
		u->cap = FAKE_CAP;
		u->ecap = FAKE_ECAP;
		u->fectl = 0x80000000;
		for (u16 sid = 0; sid < 32; sid++)
			u->contexts[sid] = (struct fake_context){ true, sid, 1, 1, 0x102 };
		for (u16 index = 0; index < 8; index++)
			u->irtes[index] = (struct fake_irte){ true, index, 0x660001, 0 };
		u->iotlb[0] = (struct fake_translation){ true, true, 1, 0, (u64)1 << 48, 0, true, true };
	}
}

#endif
