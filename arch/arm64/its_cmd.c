/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ITS's command queue (IHI 0069H, 5.3): a ring in memory that Fairlead fills up to GITS_CWRITER and the
 * ITS empties up to GITS_CREADR. Commands are done in order, so "done" is a count: who waits needs no lock,
 * but for the look at CREADR that turns its offset into that count.
 *
 * An ITS that meets a command it cannot do stands still on it (GITS_CREADR.Stalled). That command is replaced
 * by a SYNC and retried, so the others go on; all who wait at that time are told -EIO. Waits are bounded: an
 * ITS that does not answer costs a second once, and until it answers again each wait is short.
 */
#include "arch/arm64/its_internal.h"
#include "core/arch.h"
#include "core/errno.h"
#include "core/lockcheck.h"
#include "core/log.h"
#include "core/mmio.h"
#include "core/once.h"
#include "core/pages.h"

#define QUEUE_BYTES   0x10000u
#define QUEUE_ENTRIES (QUEUE_BYTES / (unsigned int)sizeof(struct its_command))
#define QUEUE_ALIGN   0x10000u

static LOCK_CLASS(its_queue_class, "its_queue");
static struct spinlock queue_lock LEAF_LOCK = SPINLOCK_INIT(its_queue_class);
static struct its_command *ring;
static bool not_coherent; /* the ITS does not snoop: each command is written back to memory. Set at boot */
static u64 submitted GUARDED_BY(queue_lock); /* commands so far */
static u64 completed GUARDED_BY(queue_lock); /* of them, as last seen */
static _Atomic u32 errors;
static _Atomic bool silent;

int its_queue_init(void)
{
	u64 value = GITS_CBASER_VALID | GITS_CBASER_SHARE(GIC_SHARE_INNER) |
		    GITS_CBASER_SIZE(QUEUE_BYTES / PAGE_SIZE);
	u64 now;

	ring = pages_alloc_contig(QUEUE_BYTES / PAGE_SIZE, QUEUE_ALIGN);
	if (!ring) {
		log_error("its: no memory for the command queue");
		return -ENOMEM;
	}
	arch_cache_flush(ring, QUEUE_BYTES);
	spin_lock(&queue_lock);
	submitted = completed = 0;
	spin_unlock(&queue_lock);
	atomic_store(&silent, false);
	atomic_store(&errors, 0);
	value |= virt_to_phys(ring);
	mmio_write64(its.regs + GITS_CBASER, value | GITS_CBASER_CACHE(GIC_WRITE_BACK));
	now = mmio_read64(its.regs + GITS_CBASER);
	not_coherent = !GITS_CBASER_SHARE_OF(now) || !GIC_IS_CACHEABLE(GITS_CBASER_CACHE_OF(now));
	if (not_coherent) {
		value &= ~GITS_CBASER_SHARE(3);
		mmio_write64(its.regs + GITS_CBASER, value | GITS_CBASER_CACHE(GIC_NON_CACHEABLE));
		now = mmio_read64(its.regs + GITS_CBASER);
	}
	if ((now & GITS_CBASER_ADDRESS) != virt_to_phys(ring) || !(now & GITS_CBASER_VALID)) {
		log_error("its: it does not take the command queue (GITS_CBASER 0x%llx)",
			  (unsigned long long)now);
		return -EOPNOTSUPP;
	}
	mmio_write64(its.regs + GITS_CWRITER, 0);
	return 0;
}

/* ---- the ring ---- */

static void store(u64 number, const struct its_command *command)
{
	struct its_command *at = &ring[number % QUEUE_ENTRIES];

	*at = *command;
	if (not_coherent)
		arch_cache_flush(at, sizeof(*at));
}

static void tell(u64 flags) REQUIRES(queue_lock)
{
	arch_io_barrier(); /* the commands, and the tables that they speak of, before the offset */
	mmio_write64(its.regs + GITS_CWRITER, (submitted % QUEUE_ENTRIES) << GITS_QUEUE_SHIFT | flags);
}

/* The ITS stands still on that command: it becomes one that does nothing (as the GIC-600's manual, 3.10.2,
 * says). */
static void skip(u64 number) REQUIRES(queue_lock)
{
	static once_place said[8];
	const struct its_command bad = ring[number % QUEUE_ENTRIES];
	const struct its_command nothing = { { ITS_SYNC, 0, its.target[0], 0 } };

	atomic_fetch_add_explicit(&errors, 1, memory_order_relaxed);
	if (once(said, ITS_OPCODE(bad.word[0])))
		log_error("its: it refuses command 0x%02x (0x%llx 0x%llx 0x%llx), as from now on it may "
			  "others of the kind",
			  ITS_OPCODE(bad.word[0]), (unsigned long long)bad.word[0],
			  (unsigned long long)bad.word[1], (unsigned long long)bad.word[2]);
	store(number, &nothing);
	tell(GITS_CWRITER_RETRY);
}

/* How far has it come? An offset beyond what was submitted is no answer. */
static void look(void) REQUIRES(queue_lock)
{
	const u64 creadr = mmio_read64(its.regs + GITS_CREADR);
	const unsigned int head = GITS_QUEUE_INDEX(creadr);
	const u64 done = (head - completed) % QUEUE_ENTRIES;

	if (head >= QUEUE_ENTRIES || done > submitted - completed)
		return;
	completed += done;
	if ((creadr & GITS_CREADR_STALLED) && completed < submitted)
		skip(completed);
}

/* A full ring would look empty. */
static unsigned int room(void) REQUIRES(queue_lock)
{
	return QUEUE_ENTRIES - 1 - (unsigned int)(submitted - completed);
}

bool its_put(const struct its_command *commands, unsigned int count)
{
	bool fits;

	spin_lock(&queue_lock);
	if (room() < count)
		look();
	fits = room() >= count;
	if (fits) {
		for (unsigned int i = 0; i < count; i++)
			store(submitted++, &commands[i]);
		tell(0);
	}
	spin_unlock(&queue_lock);
	return fits;
}

/* ---- waiting ---- */

void its_wait_begin(struct its_wait *wait)
{
	lockcheck_wait();
	*wait = (struct its_wait){
		.start = arch_time_us(),
		.us = atomic_load_explicit(&silent, memory_order_relaxed) ? ITS_SILENT_US : ITS_TIMEOUT_US,
		.errors = atomic_load_explicit(&errors, memory_order_relaxed),
	};
}

static bool is_over(const struct its_wait *wait)
{
	if (arch_time_us() - wait->start <= wait->us)
		return false;
	atomic_store_explicit(&silent, true, memory_order_relaxed);
	log_error("its: no answer to a command within %llu ms (CREADR 0x%llx, CWRITER 0x%llx)",
		  (unsigned long long)wait->us / 1000,
		  (unsigned long long)mmio_read64(its.regs + GITS_CREADR),
		  (unsigned long long)mmio_read64(its.regs + GITS_CWRITER));
	return true;
}

bool its_wait_for_room(const struct its_wait *wait)
{
	arch_cpu_relax();
	return !is_over(wait);
}

/* Are the first `number` commands done? */
static bool is_done(u64 number)
{
	bool done;

	spin_lock(&queue_lock);
	look();
	done = completed >= number;
	spin_unlock(&queue_lock);
	return done;
}

static u64 all_submitted(void)
{
	u64 number;

	spin_lock(&queue_lock);
	number = submitted;
	spin_unlock(&queue_lock);
	return number;
}

int its_wait_end(const struct its_wait *wait)
{
	const u64 number = all_submitted();

	while (!is_done(number)) {
		if (is_over(wait))
			return -ETIMEDOUT;
		arch_cpu_relax();
	}
	if (atomic_exchange_explicit(&silent, false, memory_order_relaxed))
		log_warn("its: it answers again");
	/* Errors are counted before what is done is: of a command that is done, none is missed. */
	return atomic_load_explicit(&errors, memory_order_relaxed) == wait->errors ? 0 : -EIO;
}

int its_sync(const struct its_wait *wait, u64 cpus)
{
	for (unsigned int cpu = 0; cpu < its.cpus; cpu++) {
		const struct its_command sync = { { ITS_SYNC, 0, its.target[cpu], 0 } };

		while ((cpus >> cpu & 1) && !its_put(&sync, 1)) {
			if (!its_wait_for_room(wait))
				return -ETIMEDOUT;
		}
	}
	return its_wait_end(wait);
}

u64 its_command_errors(void)
{
	return atomic_load_explicit(&errors, memory_order_relaxed);
}
