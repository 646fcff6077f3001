/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ITS, and the LPIs of its redistributors, for the host: written from IHI 0069H with constants of its own,
 * and strict: what the specification forbids software to do fails the test.
 *
 * What emulators do not show, it does: it works on the queue later, not at once; what a command changes at a
 * redistributor shows there only when a SYNC names that redistributor; redistributors keep what they have
 * read of an LPI's configuration; it can read memory past the CPUs' caches; it stands still on a command that
 * it cannot do, or hangs.
 *
 * The test defines fake_taken(): a redistributor has given its CPU that LPI.
 */
#ifndef TESTS_FAKE_ITS_H
#define TESTS_FAKE_ITS_H

#include "core/arch.h"
#include "core/mmio.h"
#include "tests/unit/fake_pages.h"

#define FAKE_CPUS   4u
#define FAKE_LPIS   32768u /* INTIDs below; the first 8192 are no LPIs */
#define FAKE_MAPPED 64u	   /* devices */
#define FAKE_EVENTS 8192u
#define FAKE_LATER  4096u

enum fake_source { FAKE_BY_QUEUE, FAKE_BY_TABLES, FAKE_BY_LPIS, FAKE_SOURCES };

struct fake_device {
	bool valid;
	u32 id;
	u64 itt;
	unsigned int bits;
};

struct fake_mapping { /* of an event: what the ITT holds */
	bool valid;
	u32 device, event, lpi;
	u16 collection;
};

/* What waits for SYNC at a redistributor. */
struct fake_later {
	unsigned int cpu;
	u32 lpi;
	bool forget; /* the pending state, too (DISCARD); else what is cached (INV) */
};

static struct fake_its {
	u8 *regs, *gicd, *rd[FAKE_CPUS]; /* nothing is stored there; only addresses count */
	/* what it is; a test changes it before the start */
	u64 typer;
	u32 gicd_typer;
	unsigned int device_baser, collection_baser; /* 8: there is none */
	unsigned int device_entry, collection_entry; /* bytes */
	bool indirect;
	unsigned int smallest_page, largest_page; /* codes: 0 to 2 */
	bool aloof[FAKE_SOURCES];		  /* does not snoop; says so by its shareability */
	bool uncached[FAKE_SOURCES];		  /* the same; says so by its cacheability */
	unsigned int busy;			  /* reads of GITS_CTLR until it is quiescent; ~0: never */
	bool fixed_addresses, fixed_queue;	  /* takes none */
	/* state */
	u32 ctlr;
	u64 cbaser, cwriter, creadr, baser[8];
	bool stalled, told;   /* a barrier since the last write of GITS_CWRITER */
	unsigned int at_once; /* commands done at each look of software's; 0: hangs */
	unsigned int refuse;  /* so many of the next commands of that kind are errors: */
	u8 refused_kind;      /* 0: of any */
	u64 mad;	      /* not 0: CREADR says this, which is nonsense */
	u64 done;	      /* commands */
	u64 done_of[256];
	struct fake_device device[FAKE_MAPPED];
	struct fake_mapping mapping[FAKE_EVENTS];
	struct {
		bool valid;
		unsigned int cpu;
	} collection[FAKE_CPUS];
	struct fake_later later[FAKE_LATER];
	unsigned int laters;
	struct {
		u32 ctlr;
		u64 propbaser, pendbaser;
		unsigned int rwp,
			slow; /* reads until it is clear; from EnableLPIs' clearing on. ~0: for ever */
		bool stuck;   /* EnableLPIs stays */
		bool ces;
		bool no_lpis;
		bool started;		       /* EnableLPIs was set after it was clear */
		signed char cached[FAKE_LPIS]; /* configuration: -1: none */
		bool pending[FAKE_LPIS];
	} cpu[FAKE_CPUS];
} fake;
static _Atomic u64 fake_now; /* microseconds */

static void fake_taken(unsigned int cpu, u32 lpi);

/* ---- memory as the ITS and the redistributors see it ---- */

#define FAKE_BLOCKS 4096u
static struct {
	u64 page;
	u8 bytes[4096];
} fake_memory[FAKE_BLOCKS];
static unsigned int fake_blocks;

static u8 *fake_block(u64 page)
{
	for (unsigned int i = 0; i < fake_blocks; i++) {
		if (fake_memory[i].page == page)
			return fake_memory[i].bytes;
	}
	assert_true(fake_blocks < FAKE_BLOCKS);
	fake_memory[fake_blocks].page = page;
	memset(fake_memory[fake_blocks].bytes, 0xa5, 4096); /* what lay there before */
	return fake_memory[fake_blocks++].bytes;
}

void arch_cache_flush(const void *start, size_t size)
{
	const u8 *at = start;

	while (size) {
		const u64 in = (u64)(uintptr_t)at & 0xfff;
		const size_t now = size < 4096 - in ? size : 4096 - in;

		memcpy(fake_block((u64)(uintptr_t)at - in) + in, at, now);
		at += now;
		size -= now;
	}
}

static u8 fake_byte(enum fake_source source, u64 address)
{
	if (!fake.aloof[source] && !fake.uncached[source])
		return __atomic_load_n((const u8 *)(uintptr_t)address, __ATOMIC_ACQUIRE);
	return fake_block(address & ~(u64)0xfff)[address & 0xfff];
}

static u64 fake_word(enum fake_source source, u64 address)
{
	u64 value = 0;

	for (unsigned int i = 0; i < 8; i++)
		value |= (u64)fake_byte(source, address + i) << 8 * i;
	return value;
}

/* What the ITS is given holds zeros, in memory as well as in the caches. */
static void assert_zeroes(u64 address, u64 size)
{
	static const u8 zeroes[4096];

	while (size) {
		const u64 in = address & 0xfff, now = size < 4096 - in ? size : 4096 - in;

		assert_memory_equal((u8 *)(uintptr_t)address, zeroes, now);
		assert_memory_equal(fake_block(address - in) + in, zeroes, now);
		address += now;
		size -= now;
	}
}

/* ---- tables ---- */

#define FAKE_VALID (1ull << 63)

static u64 fake_page_bytes(u64 baser)
{
	static const u64 bytes[] = { 0x1000, 0x4000, 0x10000, 0x10000 };

	return bytes[baser >> 8 & 3];
}

static u64 fake_table(u64 baser)
{
	if ((baser >> 8 & 3) < 2)
		return baser & 0xfffffffff000ull;
	return (baser & 0xffffffff0000ull) | (baser & 0xf000) << 36;
}

static u64 fake_table_bytes(u64 baser)
{
	return ((baser & 0xff) + 1) * fake_page_bytes(baser);
}

/* Has the device table an entry for that DeviceID? */
static bool fake_has_entry(u32 id)
{
	const u64 baser = fake.device_baser < 8 ? fake.baser[fake.device_baser] : 0;
	const u64 page = fake_page_bytes(baser), in_page = page / fake.device_entry;
	u64 first;

	if (!(baser & FAKE_VALID) || id >> ((fake.typer >> 13 & 0x1f) + 1))
		return false;
	if (!(baser & 1ull << 62))
		return ((u64)id + 1) * fake.device_entry <= fake_table_bytes(baser);
	if ((id / in_page + 1) * 8 > fake_table_bytes(baser))
		return false;
	first = fake_word(FAKE_BY_TABLES, fake_table(baser) + id / in_page * 8);
	if (!(first & FAKE_VALID))
		return false;
	assert_int_equal(first & (page - 1), 0);
	assert_zeroes(first & ~FAKE_VALID, page);
	return true;
}

static bool fake_has_collection(u16 id)
{
	const u64 baser = fake.collection_baser < 8 ? fake.baser[fake.collection_baser] : 0;

	if (id < (fake.typer >> 24 & 0xff))
		return true;
	return (baser & FAKE_VALID) && (id + 1ull) * fake.collection_entry <= fake_table_bytes(baser);
}

static struct fake_device *fake_find_device(u32 id)
{
	for (unsigned int i = 0; i < FAKE_MAPPED; i++) {
		if (fake.device[i].valid && fake.device[i].id == id)
			return &fake.device[i];
	}
	return NULL;
}

static struct fake_mapping *fake_find(u32 device, u32 event)
{
	const struct fake_device *d = fake_find_device(device);

	for (unsigned int i = 0; d && i < FAKE_EVENTS; i++) {
		if (fake.mapping[i].valid && fake.mapping[i].device == device &&
		    fake.mapping[i].event == event)
			return &fake.mapping[i];
	}
	return NULL;
}

/* ---- LPIs ---- */

static u64 fake_id_limit(unsigned int cpu)
{
	const unsigned int bits = (fake.cpu[cpu].propbaser & 0x1f) + 1,
			   all = (fake.gicd_typer >> 19 & 0x1f) + 1;
	const unsigned int said = fake.gicd_typer >> 11 & 0x1f;
	u64 limit = 1ull << (bits < all ? bits : all);

	if (said && limit > 8192 + (2ull << said))
		limit = 8192 + (2ull << said);
	return limit;
}

static u8 fake_configuration(unsigned int cpu, u32 lpi)
{
	return fake_byte(FAKE_BY_LPIS, (fake.cpu[cpu].propbaser & 0xffffffffff000ull) + lpi - 8192);
}

static bool fake_any_mapped(void)
{
	for (unsigned int i = 0; i < FAKE_MAPPED; i++) {
		if (fake.device[i].valid)
			return true;
	}
	return false;
}

static void fake_try(unsigned int cpu, u32 lpi)
{
	if (!fake.cpu[cpu].pending[lpi] || !(fake.cpu[cpu].ctlr & 1))
		return;
	if (fake.cpu[cpu].cached[lpi] < 0)
		fake.cpu[cpu].cached[lpi] = fake_configuration(cpu, lpi) & 1;
	if (!fake.cpu[cpu].cached[lpi])
		return;
	fake.cpu[cpu].pending[lpi] = false;
	fake_taken(cpu, lpi);
}

/* A device writes that EventID to GITS_TRANSLATER. False: it is discarded. */
static bool fake_message(u32 device, u64 address, u32 data)
{
	const struct fake_mapping *m;
	unsigned int cpu;

	if (address != (u64)(uintptr_t)fake.regs + 0x10040 || !(fake.ctlr & 1))
		return false;
	m = fake_find(device, data);
	if (!m || !fake.collection[m->collection].valid)
		return false;
	cpu = fake.collection[m->collection].cpu;
	if (!(fake.cpu[cpu].ctlr & 1) || m->lpi >= fake_id_limit(cpu))
		return false;
	fake.cpu[cpu].pending[m->lpi] = true;
	fake_try(cpu, m->lpi);
	return true;
}

static void fake_put_off(unsigned int cpu, u32 lpi, bool forget)
{
	assert_true(fake.laters < FAKE_LATER);
	fake.later[fake.laters++] = (struct fake_later){ cpu, lpi, forget };
}

static void fake_synchronize(unsigned int cpu)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < fake.laters; i++) {
		const struct fake_later l = fake.later[i];

		if (l.cpu != cpu) {
			fake.later[kept++] = l;
			continue;
		}
		fake.cpu[cpu].cached[l.lpi] = -1;
		if (l.forget)
			fake.cpu[cpu].pending[l.lpi] = false;
		fake_try(cpu, l.lpi);
	}
	fake.laters = kept;
}

/* ---- commands, 5.3: false: a command error ---- */

static unsigned int fake_target(u64 word)
{
	const u64 at = word & 0xfffffffff0000ull;

	for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++) {
		if (at == (fake.typer & 1ull << 19 ? (u64)(uintptr_t)fake.rd[cpu] : (u64)(cpu + 5) << 16))
			return cpu;
	}
	return FAKE_CPUS;
}

static bool fake_mapd(u32 id, unsigned int bits, bool valid, u64 itt)
{
	struct fake_device *d = fake_find_device(id);
	const u64 bytes = ((fake.typer >> 4 & 0xf) + 1) << bits;

	if (!fake_has_entry(id) || (valid && bits > (fake.typer >> 8 & 0x1f) + 1))
		return false;
	for (unsigned int i = 0; i < FAKE_EVENTS; i++) {
		assert_true(!valid || !d || !fake.mapping[i].valid || fake.mapping[i].device != id);
		if (fake.mapping[i].device == id)
			fake.mapping[i].valid = false;
	}
	if (d)
		d->valid = false;
	if (!valid)
		return true;
	assert_zeroes(itt, bytes);
	for (unsigned int i = 0; i < FAKE_MAPPED; i++) {
		const struct fake_device *o = &fake.device[i];

		assert_false(o->valid && itt < o->itt + (((fake.typer >> 4 & 0xf) + 1) << o->bits) &&
			     o->itt < itt + bytes);
	}
	for (d = fake.device; d->valid; d++)
		assert_true(d < fake.device + FAKE_MAPPED - 1);
	*d = (struct fake_device){ true, id, itt, bits };
	return true;
}

static bool fake_mapti(u32 device, u32 event, u32 lpi, u16 collection)
{
	const struct fake_device *d = fake_find_device(device);
	struct fake_mapping *m = fake.mapping;

	if (!d || event >> d->bits || lpi < 8192 || collection >= FAKE_CPUS ||
	    !fake.collection[collection].valid || lpi >= fake_id_limit(fake.collection[collection].cpu))
		return false;
	assert_null(fake_find(device, event)); /* unpredictable */
	for (unsigned int i = 0; i < FAKE_EVENTS; i++)
		assert_false(fake.mapping[i].valid &&
			     fake.mapping[i].lpi == lpi); /* one interrupt, one event */
	for (; m->valid; m++)
		assert_true(m < fake.mapping + FAKE_EVENTS - 1);
	*m = (struct fake_mapping){ true, device, event, lpi, collection };
	return true;
}

static bool fake_event_command(unsigned int kind, u32 device, u32 event, u16 collection)
{
	struct fake_mapping *m = fake_find(device, event);
	unsigned int cpu;

	if (!m)
		return false;
	cpu = fake.collection[m->collection].cpu;
	switch (kind) {
	case 0x01: /* MOVI: what is pending goes along */
		if (collection >= FAKE_CPUS || !fake.collection[collection].valid)
			return false;
		m->collection = collection;
		fake.cpu[fake.collection[collection].cpu].pending[m->lpi] |= fake.cpu[cpu].pending[m->lpi];
		fake.cpu[cpu].pending[m->lpi] = false;
		fake_try(fake.collection[collection].cpu, m->lpi);
		return true;
	case 0x0c: fake_put_off(cpu, m->lpi, false); return true;
	case 0x0f:
		fake_put_off(cpu, m->lpi, true);
		m->valid = false;
		return true;
	default: return false;
	}
}

static bool fake_command(const u64 *w)
{
	const unsigned int kind = w[0] & 0xff, target = fake_target(w[2]);
	const u16 collection = (u16)w[2];

	switch (kind) {
	case 0x05: /* SYNC */
		assert_true(target < FAKE_CPUS);
		fake_synchronize(target);
		return true;
	case 0x08: /* MAPD */
		return fake_mapd((u32)(w[0] >> 32), (w[1] & 0x1f) + 1, w[2] >> 63, w[2] & 0xfffffffffff00ull);
	case 0x09: /* MAPC */
		if (!fake_has_collection(collection) || collection >= FAKE_CPUS || target == FAKE_CPUS)
			return false;
		fake.collection[collection].valid = w[2] >> 63;
		fake.collection[collection].cpu = target;
		return true;
	case 0x0a: /* MAPTI */ return fake_mapti((u32)(w[0] >> 32), (u32)w[1], (u32)(w[1] >> 32), collection);
	case 0x0d: /* INVALL */
		if (collection >= FAKE_CPUS || !fake.collection[collection].valid)
			return false;
		memset(fake.cpu[fake.collection[collection].cpu].cached, -1, sizeof(fake.cpu[0].cached));
		return true;
	default: return fake_event_command(kind, (u32)(w[0] >> 32), (u32)w[1], collection);
	}
}

static void fake_step(void)
{
	const u64 base = fake.cbaser & 0xffffffffff000ull, size = ((fake.cbaser & 0xff) + 1) * 0x1000;
	u64 w[4];
	bool refused;

	for (unsigned int i = 0; i < 4; i++)
		w[i] = fake_word(FAKE_BY_QUEUE, base + fake.creadr + 8 * i);
	refused = fake.refuse && (!fake.refused_kind || fake.refused_kind == (w[0] & 0xff));
	if (refused)
		fake.refuse--;
	if (refused || !fake_command(w)) {
		fake.stalled = true;
		return;
	}
	fake.done++;
	fake.done_of[w[0] & 0xff]++;
	fake.creadr = (fake.creadr + 32) % size;
}

static void fake_run(void)
{
	for (unsigned int i = 0;
	     i < fake.at_once && (fake.ctlr & 1) && !fake.stalled && fake.creadr != fake.cwriter; i++)
		fake_step();
}

/* ---- registers ---- */

/* What stays of attributes that software wants. */
static u64 fake_attributes(enum fake_source source, u64 value, unsigned int cache, unsigned int share)
{
	if (fake.aloof[source])
		value &= ~(3ull << share);
	if (fake.uncached[source] && (value >> cache & 7) > 1)
		value = (value & ~(7ull << cache)) | 1ull << cache;
	return value;
}

static void fake_write_baser(unsigned int n, u64 value)
{
	const bool devices = n == fake.device_baser;
	const unsigned int code = value >> 8 & 3;
	u64 keep;

	assert_false(fake.ctlr & 1);
	if (!devices && n != fake.collection_baser)
		return;
	keep = (devices ? 1ull : 4ull) << 56 |
	       (u64)((devices ? fake.device_entry : fake.collection_entry) - 1) << 48;
	value &= ~(0x1full << 48 | 7ull << 56);
	if (!fake.indirect || !devices)
		value &= ~(1ull << 62);
	value &= ~(3ull << 8);
	value |= (u64)(code < fake.smallest_page  ? fake.smallest_page
		       : code > fake.largest_page ? fake.largest_page
						  : code)
		 << 8;
	if (fake.fixed_addresses)
		value &= ~0xfffffffff000ull;
	fake.baser[n] = fake_attributes(FAKE_BY_TABLES, value, 59, 10) | keep;
	if (value & FAKE_VALID && !fake.fixed_addresses) {
		assert_int_equal(fake_table(value) & (fake_page_bytes(value) - 1), 0);
		assert_zeroes(fake_table(value), fake_table_bytes(value));
	}
}

static void fake_write_its(u64 at, u64 value)
{
	const u64 size = ((fake.cbaser & 0xff) + 1) * 0x1000;

	switch (at) {
	case 0x0000: fake.ctlr = (u32)value & 1; return;
	case 0x0080:
		assert_false(fake.ctlr & 1);
		assert_int_equal(value & 0xf000, 0);
		fake.cbaser = fake_attributes(FAKE_BY_QUEUE,
					      fake.fixed_queue ? value & ~0xffffffffff000ull : value, 59, 10);
		fake.creadr = 0;
		return;
	case 0x0088:
		assert_int_equal(value & 0x1e, 0);
		assert_true((value & ~1ull) < size);
		assert_true(fake.told || !value);
		fake.told = false;
		fake.cwriter = value & ~1ull;
		if ((value & 1) && fake.stalled)
			fake.stalled = false;
		return;
	default:
		assert_true(at >= 0x100 && at < 0x140);
		fake_write_baser((unsigned int)(at - 0x100) / 8, value);
	}
}

static u64 fake_read_its(u64 at)
{
	switch (at) {
	case 0x0000:
		if (!(fake.ctlr & 1) && fake.busy && fake.busy != ~0u)
			fake.busy--;
		return fake.ctlr | (u32)(!(fake.ctlr & 1) && !fake.busy) << 31;
	case 0x0008: return fake.typer;
	case 0x0080: return fake.cbaser;
	case 0x0088: return fake.cwriter;
	case 0x0090: fake_run(); return fake.mad ? fake.mad : fake.creadr | fake.stalled;
	default: assert_true(at >= 0x100 && at < 0x140); return fake.baser[(at - 0x100) / 8];
	}
}

static void fake_write_rd(unsigned int cpu, u64 at, u64 value)
{
	const bool on = fake.cpu[cpu].ctlr & 1;

	switch (at) {
	case 0x0000:
		assert_true(!fake.cpu[cpu].rwp || on == (value & 1));
		if (on && !(value & 1) && fake.cpu[cpu].stuck)
			value |= 1;
		if (on && !(value & 1))
			fake.cpu[cpu].rwp = fake.cpu[cpu].slow;
		if (!on && (value & 1)) {
			fake.cpu[cpu].started = true;
			assert_true(fake.cpu[cpu].pendbaser & 1ull << 62); /* else the table is read */
			assert_zeroes(fake.cpu[cpu].pendbaser & 0xfffffffff0000ull, fake_id_limit(cpu) / 8);
			for (u64 i = 8192; i < fake_id_limit(cpu) && !fake_any_mapped(); i++)
				assert_int_equal(fake_configuration(cpu, (u32)i) & 1, 0);
			memset(fake.cpu[cpu].cached, -1, sizeof(fake.cpu[cpu].cached));
		}
		fake.cpu[cpu].ctlr = (u32)value & 1;
		return;
	case 0x0070:
	case 0x0078:
		assert_false(on || fake.cpu[cpu].rwp); /* unpredictable */
		value = fake_attributes(FAKE_BY_LPIS, value, 7, 10);
		assert_true(at == 0x70 || !(value & 0xf000));
		*(at == 0x70 ? &fake.cpu[cpu].propbaser : &fake.cpu[cpu].pendbaser) = value;
		return;
	default: fail_msg("write of GICR+0x%llx", (unsigned long long)at);
	}
}

static u64 fake_read_rd(unsigned int cpu, u64 at)
{
	u32 rwp = 0;

	switch (at) {
	case 0x0000:
		if (fake.cpu[cpu].rwp && fake.cpu[cpu].rwp != ~0u)
			fake.cpu[cpu].rwp--;
		rwp = fake.cpu[cpu].rwp ? 8 : 0;
		return fake.cpu[cpu].ctlr | rwp | (u32)fake.cpu[cpu].ces << 1;
	case 0x0008: return (u64)(cpu + 5) << 8 | !fake.cpu[cpu].no_lpis;
	case 0x0070: return fake.cpu[cpu].propbaser;
	case 0x0078: return fake.cpu[cpu].pendbaser & ~(1ull << 62);
	default: fail_msg("read of GICR+0x%llx", (unsigned long long)at); return 0;
	}
}

static bool fake_within(const volatile void *address, const u8 *base, u64 size, u64 *at)
{
	*at = (u64)((uintptr_t)address - (uintptr_t)base);
	return *at < size;
}

static bool fake_read(const volatile void *address, unsigned int size, u64 *value)
{
	u64 at;

	if (fake_within(address, fake.regs, 0x20000, &at)) {
		assert_int_equal(size, at ? 8 : 4);
		*value = fake_read_its(at);
		return true;
	}
	if (fake_within(address, fake.gicd, 0x10000, &at)) {
		assert_int_equal(at, 4);
		*value = fake.gicd_typer;
		return true;
	}
	for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++) {
		if (fake_within(address, fake.rd[cpu], 0x20000, &at)) {
			assert_int_equal(size, at ? 8 : 4);
			*value = fake_read_rd(cpu, at);
			return true;
		}
	}
	return false;
}

static bool fake_write(volatile void *address, unsigned int size, u64 value)
{
	u64 at;

	if (fake_within(address, fake.regs, 0x20000, &at)) {
		assert_int_equal(size, at ? 8 : 4);
		fake_write_its(at, value);
		return true;
	}
	for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++) {
		if (fake_within(address, fake.rd[cpu], 0x20000, &at)) {
			assert_int_equal(size, at ? 8 : 4);
			fake_write_rd(cpu, at, value);
			return true;
		}
	}
	return false;
}

void arch_io_barrier(void)
{
	fake.told = true;
}

u64 arch_time_us(void)
{
	return fake_now += 100;
}

/* As QEMU's is: 16 bits of DeviceID and EventID, 12 bytes for an event, no collection without memory. */
static void fake_power_on(void)
{
	static u8 frames[0x20000 * (FAKE_CPUS + 2)] __attribute__((aligned(0x10000)));

	memset(&fake, 0, sizeof(fake));
	fake_blocks = 0;
	fake.regs = frames;
	fake.gicd = frames + 0x20000 * (FAKE_CPUS + 1);
	for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++) {
		fake.rd[cpu] = frames + 0x20000 * (cpu + 1);
		memset(fake.cpu[cpu].cached, -1, sizeof(fake.cpu[cpu].cached));
		fake.cpu[cpu].slow = 3;
	}
	fake.typer = 1 | 11ull << 4 | 15ull << 8 | 15ull << 13 | 1ull << 36 | 15ull << 32;
	fake.gicd_typer = 1u << 17 | 15u << 19;
	fake.device_baser = 0;
	fake.collection_baser = 1;
	fake.device_entry = fake.collection_entry = 8;
	fake.indirect = true;
	fake.largest_page = 2;
	fake.at_once = 3;
	for (unsigned int i = 0; i < 8; i++)
		fake.baser[i] = i > 1 ? 0 : (i ? 4ull : 1ull) << 56 | 7ull << 48;
	host_mmio_read = fake_read;
	host_mmio_write = fake_write;
}

#endif
