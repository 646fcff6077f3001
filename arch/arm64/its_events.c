/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which event of which device is which interrupt. It guards that an event is mapped only in the table of the
 * DeviceID that it was taken for, and that nothing of an entry is given to another before hardware has
 * forgotten it.
 *
 * Entries, events and LPIs are one array: entry n is LPI GIC_LPI_FIRST + n, and a device's table is a run of
 * entries, a power of two of them at a multiple of it. So an EventID is the entry's number less the table's
 * first, and the memory that the ITS wants for the table (ITT) is the run's part of one block. A table stays
 * its DeviceID's for ever; one that is in nobody's use and too small is replaced by one of twice the size or
 * more.
 *
 * What the guest wants of an entry is one word, its SPI. its_interrupt() goes by that word, so a change
 * counts at once; the hardware follows at the flush: an entry that raises nothing is not mapped.
 */
#include "arch/arm64/its_internal.h"
#include "core/arch.h"
#include "core/counters.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/pages.h"
#include "core/trace.h"

/* Tables are made of these. */
#define CHUNK	       32u
#define TABLE_BITS_MAX 14u
#define CHUNKS_MAX     ((1u << TABLE_BITS_MAX) / CHUNK)
#define NOBODY	       0u
static_assert(ITS_EVENTS_MAX == CHUNKS_MAX * CHUNK, "chunks of all entries");

enum event_flag {
	EVENT_USED = 1,	  /* somebody has it */
	EVENT_MAPPED = 2, /* in the device's table, or about to be: the command is in the queue */
	EVENT_BROKEN = 4, /* nobody knows what the hardware has: lost */
};

struct its_event {
	_Atomic u32 spi; /* of the guest, 0: it raises nothing */
	u8 flags;	 /* the rest under events_lock */
	u8 cpu;		 /* whose collection it is, or was last, mapped to */
	bool placed;	 /* cpu says something */
};

struct its_device {
	u32 id;
	u32 first, size; /* entries; 0: the place is free */
	bool mapped;	 /* MAPD is in the queue, for this table */
	bool stale;	 /* and another table before it */
	unsigned int used;
};

static LOCK_CLASS(its_events_class, "its_events");
static struct spinlock events_lock ACQUIRED_AFTER(pci_vpci_class)
	ACQUIRED_BEFORE(leaf_locks) = SPINLOCK_INIT(its_events_class);
static struct its_event *event; /* its.events; set at boot; fields as above */
static struct its_device device[CHUNKS_MAX] GUARDED_BY(events_lock);
static unsigned int devices GUARDED_BY(events_lock);  /* none is in use from here on */
static u16 owner[CHUNKS_MAX] GUARDED_BY(events_lock); /* device's index + 1 */
static unsigned int used GUARDED_BY(events_lock);
static u8 *itts;		/* set at boot */
static u64 chunk_bytes;		/* of one chunk in there; set at boot */
static unsigned int event_bits; /* of the largest table; set at boot */
/* The entry that was set to that SPI of the frame last, + 1. */
static _Atomic u32 entry_of_spi[GIC_SPECIAL_FIRST];
static _Atomic u64 dropped, unmoved;

int its_events_init(void)
{
	const u64 bytes = ALIGN_UP((u64)its.events * sizeof(struct its_event), PAGE_SIZE);
	u64 itt_bytes;

	chunk_bytes = ALIGN_UP((u64)CHUNK * GITS_TYPER_ITT_ENTRY_SIZE(its.typer), (u64)ITS_ITT_ALIGN);
	itt_bytes = ALIGN_UP(chunk_bytes * (its.events / CHUNK), PAGE_SIZE);
	event_bits = min_u32(GITS_TYPER_ID_BITS(its.typer), TABLE_BITS_MAX);
	event = pages_alloc_contig(bytes / PAGE_SIZE, PAGE_SIZE);
	itts = pages_alloc_contig(itt_bytes / PAGE_SIZE, PAGE_SIZE);
	if (!event || !itts) {
		log_error("its: no memory for %u events", its.events);
		return -ENOMEM;
	}
	arch_cache_flush(itts, itt_bytes);
	spin_lock(&events_lock);
	devices = used = 0;
	for (unsigned int i = 0; i < CHUNKS_MAX; i++) {
		device[i] = (struct its_device){ 0 };
		owner[i] = NOBODY;
	}
	spin_unlock(&events_lock);
	for (unsigned int i = 0; i < GIC_SPECIAL_FIRST; i++)
		atomic_store(&entry_of_spi[i], 0);
	return 0;
}

static u32 round_up(u32 n)
{
	u32 power = 1;

	while (power < n)
		power *= 2;
	return power;
}

/* ---- tables of devices ---- */

static struct its_device *find_device(u32 id) REQUIRES(events_lock)
{
	for (unsigned int i = 0; i < devices; i++) {
		if (device[i].size && device[i].id == id)
			return &device[i];
	}
	return NULL;
}

/* NULL: nobody's. */
static struct its_device *device_of(u32 entry) REQUIRES(events_lock)
{
	const u16 at = owner[entry / CHUNK];

	return at == NOBODY ? NULL : &device[at - 1];
}

static bool is_free_run(u32 chunk, u32 count) REQUIRES(events_lock)
{
	for (u32 i = chunk; i < chunk + count; i++) {
		if (owner[i] != NOBODY)
			return false;
	}
	return true;
}

/* A table of that many events, for the device that is to be at `place`. False: there is no run of that size.
 */
static bool make_table(unsigned int place, u32 id, u32 size) REQUIRES(events_lock)
{
	const u32 count = size / CHUNK;
	struct its_device *d = &device[place];
	u32 at = 0;

	while (at + count <= its.events / CHUNK && !is_free_run(at, count))
		at += count;
	if (at + count > its.events / CHUNK)
		return false;
	for (u32 i = at; i < at + count; i++)
		owner[i] = (u16)(place + 1);
	/* The old table's chunks stay its own, and without use: the ITS may still look there. */
	*d = (struct its_device){
		.id = id, .first = at * CHUNK, .size = size, .stale = d->mapped || d->stale
	};
	return true;
}

/* The device's table, made if there is none, or none that could ever hold `count`. NULL: there is no room. */
static struct its_device *table_for(u32 id, u32 count, u32 room) REQUIRES(events_lock)
{
	struct its_device *d = find_device(id);
	const unsigned int place = d ? (unsigned int)(d - device) : devices;
	const u32 least = max_u32(round_up(count), CHUNK),
		  most = min_u32(max_u32(round_up(room), least), 1u << event_bits);

	if (d && (d->used || d->size >= least))
		return d;
	if (place == CHUNKS_MAX || least > most ||
	    (!make_table(place, id, most) && !make_table(place, id, least)))
		return NULL;
	devices += place == devices;
	return &device[place];
}

/* ---- rows ---- */

static bool is_free_row(u32 first, u32 count) REQUIRES(events_lock)
{
	for (u32 i = first; i < first + count; i++) {
		if (event[i].flags)
			return false;
	}
	return true;
}

static bool take_row(struct its_device *d, u32 count, u32 *first) REQUIRES(events_lock)
{
	const u32 step = round_up(count), end = d->first + d->size;
	u32 at = d->first;

	while (at + step <= end && !is_free_row(at, count))
		at += step;
	if (at + step > end)
		return false;
	for (u32 i = at; i < at + count; i++) {
		atomic_store_explicit(&event[i].spi, 0, memory_order_relaxed);
		event[i].flags = EVENT_USED;
	}
	d->used += count;
	used += count;
	*first = at;
	return true;
}

int its_row_take(u32 id, unsigned int count, unsigned int room, u32 *first)
{
	struct its_device *d;
	bool taken;

	if (!count || count > its.events)
		return -ENOSPC;
	spin_lock(&events_lock);
	d = table_for(id, count, room);
	taken = d && take_row(d, count, first);
	spin_unlock(&events_lock);
	return taken ? 0 : -ENOSPC;
}

static bool is_forgotten(const struct its_event *e) REQUIRES(events_lock)
{
	return e->flags == EVENT_USED && !atomic_load_explicit(&e->spi, memory_order_relaxed);
}

void its_row_free(u32 first, unsigned int count)
{
	spin_lock(&events_lock);
	for (u32 i = first; i < its.events && i - first < count; i++) {
		struct its_device *d = device_of(i);

		if (!d || !is_forgotten(&event[i]))
			continue;
		event[i].flags = 0;
		d->used--;
		used--;
	}
	spin_unlock(&events_lock);
}

/* ---- what an entry raises ---- */

void its_event_set(u32 entry, u32 spi)
{
	if (entry >= its.events)
		return;
	count_event(COUNT_INTERRUPT_ENTRY);
	trace(TRACE_INTR_SET, 0, entry, 0, spi);
	atomic_store_explicit(&event[entry].spi, spi, memory_order_release);
	if (spi)
		atomic_store_explicit(&entry_of_spi[spi], entry + 1, memory_order_relaxed);
}

void its_interrupt(u32 lpi)
{
	const u32 entry = lpi - GIC_LPI_FIRST;
	const u32 spi =
		entry < its.events ? atomic_load_explicit(&event[entry].spi, memory_order_acquire) : 0;

	if (spi)
		vgic_raise(spi);
	else
		atomic_fetch_add_explicit(&dropped, 1, memory_order_relaxed);
}

/* ---- the hardware follows ---- */

/* The CPU whose redistributor takes that SPI's LPIs: where the guest wants it, if LPIs are on there. */
static unsigned int taker(unsigned int wanted)
{
	const u64 started = atomic_load_explicit(&its.started, memory_order_acquire);

	return wanted < CPUS_MAX && (started >> wanted & 1) ? wanted : (unsigned int)__builtin_ctzll(started);
}

struct batch {
	struct its_command command[6];
	unsigned int count;
};

static void add(struct batch *b, u64 word0, u64 word1, u64 word2)
{
	b->command[b->count++] = (struct its_command){ { word0, word1, word2, 0 } };
}

static void add_table(struct batch *b, const struct its_device *d) REQUIRES(events_lock)
{
	const u64 itt = virt_to_phys(itts) + d->first / CHUNK * chunk_bytes;
	const unsigned int bits = (unsigned int)__builtin_ctz(d->size);

	if (d->mapped)
		return;
	if (d->stale)
		add(b, ITS_MAPD | ITS_DEVICE(d->id), 0, 0);
	add(b, ITS_MAPD | ITS_DEVICE(d->id), ITS_EVENT_BITS(bits), ITS_VALID | (itt & ITS_ITT_ADDRESS));
}

static void add_mapping(struct batch *b, const struct its_device *d, u32 entry, unsigned int cpu)
	REQUIRES(events_lock)
{
	const u32 id = entry - d->first;

	its_lpi_enable(entry, true);
	add_table(b, d);
	add(b, ITS_MAPTI | ITS_DEVICE(d->id), ITS_EVENT(id) | ITS_INTID(GIC_LPI_FIRST + entry),
	    ITS_COLLECTION(cpu));
	/* What is cached of the LPI says that it is disabled. */
	add(b, ITS_INV | ITS_DEVICE(d->id), ITS_EVENT(id), 0);
}

/* Its pending state goes, too. */
static void add_discard(struct batch *b, const struct its_device *d, u32 entry) REQUIRES(events_lock)
{
	its_lpi_enable(entry, false);
	add(b, ITS_DISCARD | ITS_DEVICE(d->id), ITS_EVENT(entry - d->first), 0);
}

/* The old redistributor has given up what was pending, when the new one's commands are done. */
static void add_move(struct batch *b, const struct its_device *d, u32 entry, unsigned int cpu)
	REQUIRES(events_lock)
{
	add(b, ITS_MOVI | ITS_DEVICE(d->id), ITS_EVENT(entry - d->first), ITS_COLLECTION(cpu));
	add(b, ITS_SYNC, 0, its.target[event[entry].cpu]);
}

/* Queues what it takes. False: there is no room, and nothing has changed. */
static bool follow(struct its_device *d, u32 entry, u32 spi, unsigned int cpu) REQUIRES(events_lock)
{
	struct its_event *e = &event[entry];
	const bool mapped = e->flags & EVENT_MAPPED;
	struct batch b = { .count = 0 };

	if (spi && !mapped)
		add_mapping(&b, d, entry, cpu);
	else if (!spi && mapped)
		add_discard(&b, d, entry);
	else if (spi && e->cpu != cpu)
		add_move(&b, d, entry, cpu);
	if (!b.count)
		return true;
	if (!its_put(b.command, b.count))
		return false;
	if (!spi) {
		e->flags &= (u8)~EVENT_MAPPED;
		return true;
	}
	e->flags |= EVENT_MAPPED;
	e->cpu = (u8)cpu;
	e->placed = true;
	d->mapped = true;
	return true;
}

/* One entry. *cpus: the redistributors that have to answer. False: there was no room in the queue. */
static bool settle(u32 entry, u64 *cpus, bool *broken)
{
	const u32 spi = atomic_load_explicit(&event[entry].spi, memory_order_acquire);
	const unsigned int cpu = spi ? taker(vgic_target(spi)) : 0;
	const struct its_event *e = &event[entry];
	struct its_device *d;
	bool done = true;

	spin_lock(&events_lock);
	d = device_of(entry);
	if (e->flags & EVENT_BROKEN)
		*broken = true;
	else if (d && (e->flags & EVENT_USED))
		done = follow(d, entry, spi, cpu);
	if (e->placed)
		*cpus |= BIT(e->cpu);
	spin_unlock(&events_lock);
	return done;
}

/* An error of the ITS: what the entries in use say in the hardware is unknown from now on. */
static void break_entries(u32 first, u32 end)
{
	spin_lock(&events_lock);
	for (u32 i = first; i < end; i++) {
		if (event[i].flags & EVENT_USED)
			event[i].flags |= EVENT_BROKEN;
	}
	spin_unlock(&events_lock);
}

static int MUST_CHECK flush(u32 first, u32 end)
{
	struct its_wait wait;
	bool broken = false;
	u64 cpus = 0;
	int ret;

	its_wait_begin(&wait);
	for (u32 i = first; i < end; i++) {
		while (!settle(i, &cpus, &broken)) {
			if (!its_wait_for_room(&wait))
				return -ETIMEDOUT;
		}
	}
	ret = its_sync(&wait, cpus);
	if (ret == -EIO)
		break_entries(first, end);
	return ret ? ret : broken ? -EIO : 0;
}

int its_events_flush(u32 first, unsigned int count)
{
	const u64 began = trace_begin(TRACE_CLASS_IOMMU);
	const u32 end = (u32)min_u64((u64)first + count, its.events);
	const int ret = flush(first, end);

	count_event(COUNT_IOMMU_FLUSH);
	trace_since(TRACE_INTR_FLUSH, began, 0, first, count);
	return ret;
}

/* If the queue is full, the LPI goes on to the old CPU, which passes the SPI on: slower, and right. */
void its_route(u32 spi, unsigned int cpu)
{
	const u32 at =
		spi < GIC_SPECIAL_FIRST ? atomic_load_explicit(&entry_of_spi[spi], memory_order_relaxed) : 0;
	const u32 entry = at - 1;
	struct its_device *d;

	if (!its.regs || !at)
		return;
	spin_lock(&events_lock);
	d = device_of(entry);
	if (d && event[entry].flags == (EVENT_USED | EVENT_MAPPED) &&
	    atomic_load_explicit(&event[entry].spi, memory_order_relaxed) == spi &&
	    !follow(d, entry, spi, taker(cpu)))
		atomic_fetch_add_explicit(&unmoved, 1, memory_order_relaxed);
	spin_unlock(&events_lock);
}

/* ---- for the oracle and the monitor ---- */

bool its_event_look(u32 entry, struct its_event_info *out)
{
	const struct its_device *d;
	bool found;

	if (entry >= its.events)
		return false;
	spin_lock(&events_lock);
	d = device_of(entry);
	found = d && (event[entry].flags & EVENT_USED);
	if (found)
		*out = (struct its_event_info){
			.device = d->id,
			.event = entry - d->first,
			.spi = atomic_load_explicit(&event[entry].spi, memory_order_acquire),
			.mapped = event[entry].flags & EVENT_MAPPED,
		};
	spin_unlock(&events_lock);
	return found;
}

void its_usage(struct its_usage *out)
{
	*out = (struct its_usage){
		.events = its.regs ? its.events : 0,
		.dropped = atomic_load_explicit(&dropped, memory_order_relaxed),
		.unmoved = atomic_load_explicit(&unmoved, memory_order_relaxed),
		.errors = its_command_errors(),
	};
	spin_lock(&events_lock);
	out->used = used;
	spin_unlock(&events_lock);
}
