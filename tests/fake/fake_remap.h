/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fake interrupt-remapping unit: what becomes of a message that a device sends, and the operations by which
 * Fairlead sets its entries (struct pci_msi_ops). Written from Intel's VT-d specification (rev. 4.1), 5.1, and the
 * SDM (vol. 3A, 11.11), with constants of its own. It caches entries until they are flushed, as hardware may
 * (6.5.5), and it blocks what emulators let through: messages in compatibility format.
 *
 * Threads may play devices and CPUs (each with a host_cpu of its own): all is relaxed atomics, and nothing is
 * locked, because a lock in here would order the threads, and ThreadSanitizer could no longer see where the code
 * under test forgot to.
 *
 *	fake_remap_begin(true);                  installs fake_remap_ops; false: fake_plain_ops
 *	fake_message(requester, address, data)   a device writes; the verdict, and fake_interrupt if it was delivered
 *	fake_remap.misuse                        what the code under test did that the contract forbids, or NULL
 */
#ifndef TESTS_FAKE_REMAP_H
#define TESTS_FAKE_REMAP_H

#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "core/arch.h"
#include "core/errno.h"
#include "core/types.h"
#include "drivers/pci/msi.h"

#ifndef FAKE_IRTES
#define FAKE_IRTES 4096u
#endif
#define FAKE_REMAP_CPUS 16

extern _Thread_local unsigned int host_cpu;

enum fake_verdict { /* 7.1.3, table 29 */
	FAKE_DELIVERED = 0,
	FAKE_BEYOND_TABLE = 0x21,
	FAKE_NOT_PRESENT = 0x22,
	FAKE_COMPATIBILITY = 0x25,
	FAKE_WRONG_REQUESTER = 0x26,
	FAKE_NO_INTERRUPT = 0x100, /* memory was written, or worse: not remapped, and no ordinary interrupt */
};

/* An interrupt as it arrives. */
struct fake_interrupt {
	u8 vector, destination;
	bool logical, lowest;
};

/* An entry is one word, so that it is seen whole. */
#define FAKE_USED	   0x1u /* somebody has it */
#define FAKE_PRESENT	   0x2u
#define FAKE_SID(e)	   ((u16)((e) >> 8))
#define FAKE_VECTOR(e)	   ((u8)((e) >> 24))
#define FAKE_DESTINATION(e) ((u8)((e) >> 32))
#define FAKE_LOGICAL	   (1ull << 40)
#define FAKE_LOWEST	   (1ull << 41)
#define FAKE_ENTRY_BITS	   0x3ffffffffffull
/* In the cache, beside: is there one, and how often was it invalidated. */
#define FAKE_CACHED	   (1ull << 42)
#define FAKE_GENERATION	   (1ull << 43)

static struct {
	bool on;	       /* GSTS.IRES */
	bool compatibility;    /* GSTS.CFIS: compatibility format passes */
	bool threads;	       /* no checks of locks, which other threads may hold */
	_Atomic u64 table[FAKE_IRTES], cached[FAKE_IRTES];
	_Atomic u32 in_flight[FAKE_REMAP_CPUS]; /* odd: that CPU, or device, is sending */
	_Atomic u32 sets, flushes, frees;	/* calls */
	_Atomic u32 last_first, last_count;	/* of the last flush */
	_Atomic u32 fail_flushes;		/* the next so many flushes fail */
	_Atomic u32 entries_left;		/* alloc gives no more than these */
	int alloc_error;			/* what alloc says, if not 0 */
	unsigned int stray, others;		/* entries in use besides: nobody's; said to be of what is no PCI device */
	void (*at_flush)(void);			/* while a flush is waited for: what others do meanwhile */
	void (*deliver)(u16 requester, const struct fake_interrupt *interrupt); /* in the sending thread */
	const char *_Atomic misuse;
} fake_remap UNUSED;

static _Thread_local struct fake_interrupt fake_interrupt UNUSED;

static inline void fake_misuse(bool wrong, const char *what)
{
	if (wrong)
		atomic_store_explicit(&fake_remap.misuse, what, memory_order_relaxed);
}

static inline u64 fake_entry(u32 index)
{
	return atomic_load_explicit(&fake_remap.table[index], memory_order_relaxed);
}

/* Entries that somebody has. */
static inline unsigned int fake_entries_used(void)
{
	unsigned int used = 0;

	for (unsigned int i = 0; i < FAKE_IRTES; i++)
		used += fake_entry(i) & FAKE_USED;
	return used;
}

/* ---- what a device sends ---- */

/*
 * 5.1.3: the address of a remappable message has bit 4 set, 19:5 are handle 14:0, bit 2 handle 15, bit 3
 * "subhandle valid": the data's low 16 bits are added.
 */
static inline u64 fake_remappable(u32 index)
{
	return 0xfee00010u | (u64)(index & 0x7fff) << 5 | (u64)(index >> 15 & 1) << 2;
}

/* SDM vol. 3A, 11.11: FEEh, destination 19:12, RH 3, DM 2; vector 7:0, delivery mode 10:8: 0 fixed, 1 lowest priority. */
static inline bool fake_parse(u64 address, u32 data, struct fake_interrupt *out)
{
	if (address >> 20 != 0xfee || (address & 0xff0) || (data & 0x700) > 0x100 || (data & 0xff) < 16)
		return false;
	*out = (struct fake_interrupt){
		.vector = (u8)data,
		.destination = (u8)(address >> 12),
		.logical = address & 4,
		.lowest = (address & 8) || (data & 0x100),
	};
	return true;
}

/* What hardware goes by: the cached entry, which it reads from memory if there is none. */
static inline u64 fake_cached(u32 index)
{
	u64 cached = atomic_load_explicit(&fake_remap.cached[index], memory_order_relaxed);

	while (!(cached & FAKE_CACHED)) {
		u64 filled = cached | FAKE_CACHED | fake_entry(index);

		/* If it was invalidated meanwhile, what was read is too old. */
		if (atomic_compare_exchange_weak_explicit(&fake_remap.cached[index], &cached, filled,
							  memory_order_relaxed, memory_order_relaxed))
			cached = filled;
	}
	return cached & FAKE_ENTRY_BITS;
}

static inline enum fake_verdict fake_remapped(u16 requester, u32 index)
{
	u64 e = index < FAKE_IRTES ? fake_cached(index) : 0;

	if (index >= FAKE_IRTES)
		return FAKE_BEYOND_TABLE;
	if (!(e & FAKE_PRESENT))
		return FAKE_NOT_PRESENT;
	if (FAKE_SID(e) != requester)
		return FAKE_WRONG_REQUESTER;
	fake_interrupt = (struct fake_interrupt){
		.vector = FAKE_VECTOR(e),
		.destination = FAKE_DESTINATION(e),
		.logical = e & FAKE_LOGICAL,
		.lowest = e & FAKE_LOWEST,
	};
	return FAKE_DELIVERED;
}

static inline enum fake_verdict fake_message(u16 requester, u64 address, u32 data)
{
	_Atomic u32 *in_flight = &fake_remap.in_flight[host_cpu % FAKE_REMAP_CPUS];
	enum fake_verdict verdict;

	atomic_fetch_add_explicit(in_flight, 1, memory_order_relaxed);
	if (fake_remap.on && address >> 20 == 0xfee && (address & 0x10))
		verdict = fake_remapped(requester, ((u32)(address >> 5) & 0x7fff) + ((u32)(address >> 2 & 1) << 15) +
							   (address & 8 ? data & 0xffff : 0));
	else if (fake_remap.on && address >> 20 == 0xfee && !fake_remap.compatibility)
		verdict = FAKE_COMPATIBILITY;
	else
		verdict = fake_parse(address, data, &fake_interrupt) ? FAKE_DELIVERED : FAKE_NO_INTERRUPT;
	if (verdict == FAKE_DELIVERED && fake_remap.deliver)
		fake_remap.deliver(requester, &fake_interrupt);
	atomic_fetch_add_explicit(in_flight, 1, memory_order_relaxed);
	return verdict;
}

/* ---- struct pci_msi_ops ---- */

/* Is the device's lock held as the contract says? Without other threads, whoever holds it is the caller. */
static inline void fake_check_lock(struct pci_dev *dev, bool held, const char *what) NO_THREAD_ANALYSIS
{
	bool free;

	if (fake_remap.threads)
		return;
	free = spin_trylock(&dev->vpci_lock);
	if (free)
		spin_unlock(&dev->vpci_lock);
	fake_misuse(free == held, what);
}

static inline bool fake_claim_row(u32 first, unsigned int count, u64 entry)
{
	for (u32 i = 0; i < count; i++) {
		u64 unused = 0;

		if (atomic_compare_exchange_strong_explicit(&fake_remap.table[first + i], &unused, entry,
							    memory_order_relaxed, memory_order_relaxed))
			continue;
		while (i--)
			atomic_store_explicit(&fake_remap.table[first + i], 0, memory_order_relaxed);
		return false;
	}
	return true;
}

static inline int fake_op_alloc(struct pci_dev *dev, unsigned int count, u32 *first)
{
	u32 left = atomic_load_explicit(&fake_remap.entries_left, memory_order_relaxed), align = 1;

	fake_check_lock(dev, true, "alloc without the device's lock");
	fake_misuse(!count, "a row of no entries");
	if (fake_remap.alloc_error)
		return fake_remap.alloc_error;
	while (align < count)
		align *= 2;
	for (u32 at = 0; at + count <= FAKE_IRTES && count <= left; at += align) {
		if (!fake_claim_row(at, count, FAKE_USED | (u64)dev->sbdf.bdf << 8))
			continue;
		atomic_fetch_sub_explicit(&fake_remap.entries_left, count, memory_order_relaxed);
		*first = at;
		return 0;
	}
	return -ENOSPC;
}

static inline bool fake_op_set(struct pci_dev *dev, u32 entry, const struct pci_message *asked)
{
	u64 e = FAKE_USED | (u64)dev->sbdf.bdf << 8;
	struct fake_interrupt i;
	bool delivers = asked && fake_parse(asked->address, asked->data, &i);

	fake_check_lock(dev, true, "set without the device's lock");
	atomic_fetch_add_explicit(&fake_remap.sets, 1, memory_order_relaxed);
	if (entry >= FAKE_IRTES || !(fake_entry(entry) & FAKE_USED) || FAKE_SID(fake_entry(entry)) != dev->sbdf.bdf) {
		fake_misuse(true, "an entry is set that is not the device's");
		return false;
	}
	if (delivers)
		e |= FAKE_PRESENT | (u64)i.vector << 24 | (u64)i.destination << 32 | (i.logical ? FAKE_LOGICAL : 0) |
		     (i.lowest ? FAKE_LOWEST : 0);
	atomic_store_explicit(&fake_remap.table[entry], e, memory_order_relaxed);
	return delivers || !asked;
}

static inline struct pci_message fake_op_program(struct pci_dev *dev, u32 entry, bool multiple,
					      const struct pci_message *asked)
{
	(void)dev;
	(void)asked;
	return (struct pci_message){ fake_remappable(entry) | (multiple ? 8 : 0), 0 };
}

/* 6.5.2.7 and 6.5.4: afterwards no interrupt that went by the old entry is still on its way. */
static inline void fake_wait_for_flights(void)
{
	for (unsigned int cpu = 0; cpu < FAKE_REMAP_CPUS; cpu++) {
		u32 seen = atomic_load_explicit(&fake_remap.in_flight[cpu], memory_order_relaxed);

		while ((seen & 1) && cpu != host_cpu &&
		       atomic_load_explicit(&fake_remap.in_flight[cpu], memory_order_relaxed) == seen)
			sched_yield();
	}
}

static inline void fake_invalidate(u32 entry)
{
	u64 cached = atomic_load_explicit(&fake_remap.cached[entry], memory_order_relaxed);

	while (!atomic_compare_exchange_weak_explicit(&fake_remap.cached[entry], &cached,
						      (cached & ~(FAKE_ENTRY_BITS | FAKE_CACHED)) + FAKE_GENERATION,
						      memory_order_relaxed, memory_order_relaxed))
		;
}

static inline bool fake_take_failure(void)
{
	u32 left = atomic_load_explicit(&fake_remap.fail_flushes, memory_order_relaxed);

	while (left && !atomic_compare_exchange_weak_explicit(&fake_remap.fail_flushes, &left, left - 1,
							      memory_order_relaxed, memory_order_relaxed))
		;
	return left;
}

static inline int fake_op_flush(struct pci_dev *dev, u32 first, unsigned int count)
{
	fake_check_lock(dev, false, "a flush, which waits, under the device's lock");
	fake_misuse(count && (first >= FAKE_IRTES || count > FAKE_IRTES - first), "a flush beyond the table");
	atomic_store_explicit(&fake_remap.last_first, first, memory_order_relaxed);
	atomic_store_explicit(&fake_remap.last_count, count, memory_order_relaxed);
	if (fake_remap.at_flush)
		fake_remap.at_flush();
	atomic_fetch_add_explicit(&fake_remap.flushes, 1, memory_order_relaxed);
	if (fake_take_failure())
		return -ETIMEDOUT;
	if (!count) {
		first = 0;
		count = FAKE_IRTES;
	}
	for (u32 i = first; i < first + count && i < FAKE_IRTES; i++)
		fake_invalidate(i);
	fake_wait_for_flights();
	return 0;
}

static inline void fake_op_free(struct pci_dev *dev, u32 first, unsigned int count)
{
	for (u32 i = first; i < first + count; i++) {
		u64 cached = atomic_load_explicit(&fake_remap.cached[i], memory_order_relaxed);

		fake_misuse(!(fake_entry(i) & FAKE_USED) || FAKE_SID(fake_entry(i)) != dev->sbdf.bdf,
			    "an entry is freed that is not the device's");
		fake_misuse(fake_entry(i) & FAKE_PRESENT, "an entry is freed that delivers");
		fake_misuse((cached & FAKE_CACHED) && (cached & FAKE_PRESENT), "an entry is freed that was not flushed");
		atomic_store_explicit(&fake_remap.table[i], 0, memory_order_relaxed);
		atomic_fetch_add_explicit(&fake_remap.entries_left, 1, memory_order_relaxed);
	}
	atomic_fetch_add_explicit(&fake_remap.frees, count, memory_order_relaxed);
}

static inline bool fake_op_agrees(struct pci_dev *dev, u32 entry, const struct pci_message *asked)
{
	u64 e = entry < FAKE_IRTES ? fake_entry(entry) : 0;
	struct fake_interrupt i;

	if (!(e & FAKE_USED) || FAKE_SID(e) != dev->sbdf.bdf)
		return false;
	if (!asked || !fake_parse(asked->address, asked->data, &i))
		return !(e & FAKE_PRESENT);
	return (e & FAKE_PRESENT) && FAKE_VECTOR(e) == i.vector && FAKE_DESTINATION(e) == i.destination &&
	       !(e & FAKE_LOGICAL) == !i.logical && !(e & FAKE_LOWEST) == !i.lowest;
}

static inline bool fake_op_usage(struct pci_msi_usage *out)
{
	*out = (struct pci_msi_usage){
		.used = fake_entries_used() + fake_remap.stray, .others = fake_remap.others, .entries = FAKE_IRTES
	};
	return fake_remap.on;
}

static const struct pci_msi_ops fake_remap_ops UNUSED = {
	.alloc = fake_op_alloc,
	.set = fake_op_set,
	.program = fake_op_program,
	.flush = fake_op_flush,
	.free = fake_op_free,
	.agrees = fake_op_agrees,
	.usage = fake_op_usage,
};

/* Nothing is remapped: the device gets what the guest asked for, if that is an interrupt. */
static inline struct pci_message fake_plain_program(struct pci_dev *dev, u32 entry, bool multiple,
						    const struct pci_message *asked)
{
	struct fake_interrupt i;

	(void)dev;
	(void)entry;
	fake_misuse(!multiple && !fake_parse(asked->address, asked->data, &i),
		    "a device is programmed with what is no interrupt");
	return *asked;
}

static const struct pci_msi_ops fake_plain_ops UNUSED = {
	.alloc = fake_op_alloc,
	.set = fake_op_set,
	.program = fake_plain_program,
	.flush = fake_op_flush,
	.free = fake_op_free,
	.agrees = fake_op_agrees,
	.usage = fake_op_usage,
};

static inline void fake_remap_begin(bool on)
{
	memset(&fake_remap, 0, sizeof(fake_remap));
	fake_remap.on = on;
	atomic_store(&fake_remap.entries_left, FAKE_IRTES);
	pci_msi_set_ops(on ? &fake_remap_ops : &fake_plain_ops);
}

#endif
