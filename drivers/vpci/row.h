/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual configuration space as rows, one a register, and what the files of drivers/vpci share. Nobody
 * else includes this (the tests do).
 *
 * Each bit of a row has exactly one rule:
 *   ro      the guest reads the hardware's bit; its writes have no effect
 *   rw      reads and writes go to the hardware
 *   w1c     as rw, but writing 1 clears: never written back from what was read
 *   shadow  reads and writes stay here, in `value`; the hardware is not told
 *   none    a constant, the bit in `value`
 * A row with handlers decides by itself. dword -> rows goes through an index: finding a row does not depend
 * on how many there are.
 *
 * Everything here runs under dev->vpci_lock.
 */
#ifndef DRIVERS_VPCI_ROW_H
#define DRIVERS_VPCI_ROW_H

#include "drivers/pci/msi.h"
#include "drivers/vpci/vpci.h"

struct vpci_dev;
struct vpci_row;

struct vpci_row_ops {
	/* The whole register as the guest sees it. Reading must have no side effect. */
	u32 (*read)(struct vpci_dev *v, const struct vpci_row *row);
	/* The guest wrote the bits of `mask` (whole bytes of the register) with those of `value`. */
	void (*write)(struct vpci_dev *v, struct vpci_row *row, u32 value, u32 mask);
};

struct vpci_row {
	u16 offset;
	u16 length; /* bytes: 1, 2, 4; or whole dwords under one rule each (ro, rw and w1c only) */
	u8 next;    /* another row in the same dword: index + 1; 0: none */
	u8 arg;	    /* for the handlers: which BAR */
	bool guard; /* a write that changes nothing counts as refused */
	u32 ro, rw, w1c, shadow;
	u32 value;
	const struct vpci_row_ops *ops; /* NULL: the masks say everything */
};

struct vpci_bar {
	bool present, io, rom, is64;
	bool blocked;	/* never mapped: unassigned, or its page holds what is not the guest's */
	bool complained;
	u32 flags;	/* the low, read-only bits of the register; the ROM's enable bit */
	u64 size;	/* bytes, a power of two */
	paddr_t host;	/* where the hardware decodes it: never changed */
	u64 guest;	/* where the guest wants it */
	/*
	 * The pages of the MSI-X table, in bytes from the start of the BAR's first page: nobody reaches them,
	 * accesses are trapped. Equal: no table.
	 */
	u64 trap_from, trap_to;
	/* Where it stands: written only by the device's remapper (remap.c). */
	bool placed;	/* stands at placed_at: the interval map remembers it */
	bool leaving;	/* out of the table, but a CPU did not answer the shoot-down */
	bool refused;	/* cannot stand at `guest`: not tried again before the guest's next write */
	u64 placed_at;
};

/*
 * Messages, in two phases. What the guest writes is recorded, and goes into the entries (drivers/pci/msi.h),
 * under vpci_lock; that takes effect when a flush is done, which waits. So whoever unlocks notes the
 * entries that he has changed (vpci_dev.flush), flushes them without the lock, and then, under the lock again,
 * lets the hardware use what is flushed: sets MSI's enable bit, clears mask bits in the MSI-X table.
 *
 * Each change of an entry gets a number, counted over all devices and never used again; the note says the
 * newest number in it. An entry whose own number is newer was changed by another CPU meanwhile, and is that one's
 * to commit; and so is one that is not in the note's range. Masking and disabling never wait.
 */
struct vpci_flush {
	bool wanted;
	u32 first, count; /* a range that holds all entries that were changed */
	u64 upto;	  /* number of the newest change */
};

/* Message Signalled Interrupts, as the guest wrote them and as the hardware has them (msi.c). */
struct vpci_msi {
	u16 cap;     /* 0: no MSI */
	u16 fixed;   /* read-only bits of Message Control that the guest sees */
	u64 address;
	u16 data;
	u16 control; /* enable and multiple message enable */
	u32 mask;    /* one bit a message */
	/* What became of it. */
	u32 first;	    /* entries */
	unsigned int count; /* of them and of descriptors; 0: the hardware is disabled */
	bool allowed;	    /* all entries deliver; else the hardware is disabled */
	bool unflushed;	    /* hardware may still go by what they said before: no mask bit is cleared */
	u64 changed_at;	    /* number of their last change */
	bool enabled;	    /* the hardware is, with the message `sent` */
	struct pci_message sent;
};

/* One entry of the MSI-X table as the guest wrote it (PCIe base spec 6.0, 7.7.2.5), and what became of it. */
struct vpci_msix_entry {
	u64 address;
	u32 data;
	u32 control;	/* vector control: bit 0 masks */
	u64 changed_at; /* number of the last change of its entry */
	bool allowed;	/* what that change said may be delivered */
	bool ready;	/* its entry says address and data, and hardware goes by it */
	bool open;	/* the hardware's mask bit is clear */
};

#define VPCI_MSIX_MAX 2048u
#define VPCI_MSIX_PER_PAGE (4096u / (unsigned int)sizeof(struct vpci_msix_entry))

struct vpci_msix {
	u16 cap;     /* 0: no MSI-X */
	u16 entries; /* 0: it is not the guest's to use */
	u8 bar;
	u32 table; /* offset in that BAR */
	bool enabled, function_masked; /* as the guest wrote them */
	bool on;			/* there are descriptors; the hardware is enabled */
	u32 first;			/* entries, while on: one for each of the table's */
	struct vpci_msix_entry *page[(VPCI_MSIX_MAX + VPCI_MSIX_PER_PAGE - 1) / VPCI_MSIX_PER_PAGE];
};

#define VPCI_ROWS_MAX 240
#define VPCI_DWORDS   (PCIE_CFG_SIZE / 4)

/* As vpci_stats, of one device. Changed under vpci_lock, read without it. */
struct vpci_counters {
	_Atomic u64 reads, writes, passed_reads, passed_writes, refused_writes;
};

struct vpci_dev {
	struct pci_dev *dev; /* a VPCI reference; NULL: free */
	struct work work;    /* remap.c */
	struct vpci_counters stats;
	/* Class 06: nothing reaches the hardware that is not allowed by name. */
	bool chipset GUARDED_BY(pci_vpci_class);
	bool refusal_logged GUARDED_BY(pci_vpci_class);
	bool overflow_logged GUARDED_BY(pci_vpci_class);
	bool messages_logged GUARDED_BY(pci_vpci_class);
	bool refused_message_logged GUARDED_BY(pci_vpci_class);
	/* Withdrawn: the guest does not find it, BARs are wanted nowhere. */
	bool closing GUARDED_BY(pci_vpci_class);
	/* Something was written that may change where BARs stand. */
	bool unsettled GUARDED_BY(pci_vpci_class);
	/* One CPU, or deferred work, is making it so: v stays. */
	bool remapping GUARDED_BY(pci_vpci_class);
	/*
	 * What the guest has switched off goes off in the hardware when it is out of reach: decoders, the
	 * ROM's bit.
	 */
	u16 decode_off GUARDED_BY(pci_vpci_class);
	bool rom_off GUARDED_BY(pci_vpci_class);
	/* Command's I/O and memory enables as the guest wrote them; those that the hardware may be given. */
	u16 decode GUARDED_BY(pci_vpci_class);
	u16 decode_allowed GUARDED_BY(pci_vpci_class);
	/* Not in D0: it answers configuration accesses only (PCIe base spec 6.0, 5.3.1.2 to 5.3.1.4). */
	bool asleep GUARDED_BY(pci_vpci_class);
	u16 payload GUARDED_BY(pci_vpci_class); /* Device Control's Max_Payload_Size as firmware set it */
	struct vpci_msi msi GUARDED_BY(pci_vpci_class);
	struct vpci_msix msix GUARDED_BY(pci_vpci_class);
	struct vpci_flush flush GUARDED_BY(pci_vpci_class); /* entries changed since the lock was taken */
	struct pci_msi *retired GUARDED_BY(pci_vpci_class); /* descriptors to be released without the lock */
	struct vpci_bar bar[PCI_BARS + 1] GUARDED_BY(pci_vpci_class);
	unsigned int rows GUARDED_BY(pci_vpci_class);
	struct vpci_row row[VPCI_ROWS_MAX] GUARDED_BY(pci_vpci_class);
	u8 index[VPCI_DWORDS] GUARDED_BY(pci_vpci_class); /* first row of each dword: index + 1; 0: no row */
};

#define VPCI_DEV_PAGES 3
static_assert(sizeof(struct vpci_dev) <= VPCI_DEV_PAGES * 4096, "a virtual device fits its pages");
static_assert(VPCI_ROWS_MAX < 256, "a row's number + 1 fits 8 bits");

/* ---- row.c ---- */
/*
 * Adds a copy of *row. Bytes that another row covers already stay that row's: the first wins (capabilities
 * that overlap are the device's mistake). Shadow bits begin as the hardware's. On class 06, rw becomes
 * shadow (ranges: ro). A full table: the register is guarded by nothing else, so the caller must hide it:
 * -ENOSPC, logged once.
 */
int MUST_CHECK vpci_add_row(struct vpci_dev *v, const struct vpci_row *row) REQUIRES(pci_vpci_class);
/* Adds rows whose offsets count from `base`; stops at the first error. */
int MUST_CHECK vpci_add_rows(struct vpci_dev *v, unsigned int base, const struct vpci_row *rows,
			     unsigned int count) REQUIRES(pci_vpci_class);
/* The bytes [offset, offset + count), all in one dword, in the low bytes of the value. */
u32 vpci_dword_read(struct vpci_dev *v, unsigned int offset, unsigned int count) REQUIRES(pci_vpci_class);
void vpci_dword_write(struct vpci_dev *v, unsigned int offset, unsigned int count, u32 value)
	REQUIRES(pci_vpci_class);
/* A rule dropped the guest's write at that offset: counted; on class 06 the first one is logged. */
void vpci_refused(struct vpci_dev *v, unsigned int offset) REQUIRES(pci_vpci_class);
/* The guest's bytes over the old value. */
static inline u32 vpci_merge(u32 old, u32 value, u32 mask)
{
	return (old & ~mask) | (value & mask);
}

/* ---- header.c ---- */
int MUST_CHECK vpci_build_header(struct vpci_dev *v, u8 cap_pointer) REQUIRES(pci_vpci_class);

/* ---- bar.c: base address registers and the ROM, and where they may stand in the guest's map ---- */
struct vpci_range {
	bool io;
	u64 at;	     /* guest address (whole pages), or port */
	paddr_t host; /* what is there */
	u64 size;
	unsigned int prot;
	/* Of a BAR with an MSI-X table: those bytes of it are not mapped but trapped, for this device and BAR. */
	u64 trap_from, trap_to;
	struct sbdf owner;
	u8 bar;
};

void vpci_bars_init(struct vpci_dev *v) REQUIRES(pci_vpci_class);
int MUST_CHECK vpci_build_bars(struct vpci_dev *v) REQUIRES(pci_vpci_class);
/* Does the guest want it to answer at bar->guest? */
bool vpci_bar_wanted(const struct vpci_dev *v, const struct vpci_bar *bar) REQUIRES(pci_vpci_class);
/* 0, or why it cannot stand at bar->guest. */
int MUST_CHECK vpci_bar_may_stand(const struct vpci_bar *bar);
/* What the guest's map holds when it stands at `at`. */
struct vpci_range vpci_bar_range(const struct vpci_dev *v, unsigned int i, u64 at) REQUIRES(pci_vpci_class);
/* Does another memory BAR than that one, of this or any other function, have a byte there? */
bool vpci_bar_has_neighbour(const struct vpci_dev *v, unsigned int i, paddr_t host, u64 size)
	REQUIRES(pci_vpci_class);
/* It does not stand where the guest wants it: one line a BAR. */
void vpci_bar_complain(struct vpci_dev *v, unsigned int i, int err) REQUIRES(pci_vpci_class);
/* Firmware's addresses back in the hardware, where a reset has wiped them. */
void vpci_restore_bars(struct vpci_dev *v) REQUIRES(pci_vpci_class);
/* The ROM's enable bit off in the hardware, if that was put off. */
void vpci_rom_off(struct vpci_dev *v) REQUIRES(pci_vpci_class);

/* ---- remap.c: the guest's map follows the wishes ---- */
/* Under the lock: what the guest wants may have changed. */
void vpci_wish(struct vpci_dev *v) REQUIRES(pci_vpci_class);
/* Under the lock: true: the caller is the remapper now, and calls vpci_remap() after unlocking. */
bool MUST_CHECK vpci_remap_claim(struct vpci_dev *v) REQUIRES(pci_vpci_class);
/*
 * By the remapper, no lock held. 0: all is where it is wanted; -EINPROGRESS: deferred work goes on; another:
 * something could not be taken out (logged; the next wish tries again).
 */
int vpci_remap(struct pci_dev *dev) EXCLUDES(pci_vpci_class);
void vpci_remap_work(struct work *w);

/* ---- command.c ---- */
int MUST_CHECK vpci_build_command(struct vpci_dev *v) REQUIRES(pci_vpci_class);
/*
 * A reset that the guest asked for is about to begin: the guest's view goes back to its reset values, BARs
 * are wanted nowhere. Only recorded; the reset itself is the guest's to wait for.
 */
void vpci_function_reset(struct vpci_dev *v) REQUIRES(pci_vpci_class);
/* The guest reaches nothing any more of what it has switched off: the hardware may stop to decode it. */
void vpci_decode_off(struct vpci_dev *v) REQUIRES(pci_vpci_class);

/* ---- barmap.c: which guest addresses and ports are whose; dom->bar_lock ---- */
/* Room for the BARs of that many devices. Boot. -ENOMEM. */
int MUST_CHECK vpci_barmap_init(struct vm *vm, unsigned int devices);
/*
 * One more user of a range. 0: the guest reaches it, but for what is trapped. -EEXIST: another BAR stands there;
 * this one waits, and is mapped when the other goes. -EACCES: there are pages in it that another has claimed.
 * Others (of vm_map_mmio(), of map_ports(); -ENOSPC): nothing is recorded. Takes bar_lock.
 */
int MUST_CHECK vpci_map_enter(const struct vpci_range *range);
/*
 * One user is on his way out: out of the tables, if nobody stays. *shoot_down becomes true if CPUs may still
 * use it. Then vpci_map_left(), after a shoot-down: the place is free. An error of vm_unmap_mmio(),
 * map_ports(): he still stands there.
 */
int MUST_CHECK vpci_map_leave(const struct vpci_range *range, bool *shoot_down);
void vpci_map_left(const struct vpci_range *range);
/* Makes all CPUs forget what has left; waits. 0; -ETIMEDOUT. No lock held. */
int MUST_CHECK vpci_map_shootdown(void) EXCLUDES(pci_vpci_class, bar_map_class);
/* Is that range mapped now? Takes bar_lock. */
bool vpci_map_holds(const struct vpci_range *range);
/*
 * The host pages of an MSI-X table: nobody is given them until it is unclaimed, and the BAR that they are in
 * leaves them out. One claim a device. -EBUSY: somebody stands there, or has them claimed; -ENOSPC. Takes bar_lock.
 */
int MUST_CHECK vpci_map_claim(struct sbdf owner, paddr_t host, u64 size);
void vpci_map_unclaim(struct sbdf owner);
/* Which BAR's table pages stand at that guest address; false: none. Takes bar_lock. */
bool vpci_map_trapped(gpa_t gpa, struct sbdf *owner, unsigned int *bar);

/* ---- capabilities: cap_std.c, cap_ext.c, and the larger ones in files of their own ---- */
struct vpci_cap {
	u16 offset, id;
	u16 next;      /* the next one that the guest sees; 0: none */
	u16 extent;    /* bytes up to the next capability, seen or hidden, or the end of the space */
	u8 version;    /* extended ones */
	bool hidden;   /* from the guest, though it is of an allowed kind */
};

/* Rows for all capabilities; *pointer is the first one that the guest sees (0: none). */
int MUST_CHECK vpci_build_caps(struct vpci_dev *v, u8 *pointer) REQUIRES(pci_vpci_class);
int MUST_CHECK vpci_build_ext_caps(struct vpci_dev *v) REQUIRES(pci_vpci_class);
/* Fills `extent` of each. */
void vpci_cap_extents(struct vpci_cap *caps, unsigned int count, unsigned int end);
/* The body of a standard capability whose header is shown already reads as 0 and ignores writes. */
int MUST_CHECK vpci_hide_body(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class);
int MUST_CHECK vpci_build_msi(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class);
/* May the guest see it? Takes what it needs; false: one line says why not. Before the capabilities are linked. */
bool MUST_CHECK vpci_msix_prepare(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class);
int MUST_CHECK vpci_build_msix(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class);
/*
 * ---- message.c: what MSI and MSI-X share ----
 *
 * The entry delivers what the guest asked for from now on (NULL: nothing), and is noted for the flush. False: what
 * it may not have, which delivers nothing, and is said once. *number is the change's.
 */
bool MUST_CHECK vpci_message_set(struct vpci_dev *v, u32 entry, const struct pci_message *asked, u64 *number)
	REQUIRES(pci_vpci_class);
/* What was changed since the lock was taken; nothing is noted any more. Just before the lock is given back. */
struct vpci_flush vpci_flush_take(struct vpci_dev *v) REQUIRES(pci_vpci_class);
/*
 * Waits for it without the lock, then takes the lock and lets the hardware use what is flushed: vpci_msi_commit(),
 * vpci_msix_commit(). If the flush fails: logged; what was changed is masked or disabled. The caller holds a
 * reference. The device may be detached meanwhile, and even attached again.
 */
void vpci_flush_finish(struct pci_dev *dev, const struct vpci_flush *flush) EXCLUDES(pci_vpci_class);
/* Is the entry in the note, and the change `number` of it no newer? */
static inline bool vpci_flushed(const struct vpci_flush *flush, u32 entry, u64 number)
{
	return entry - flush->first < flush->count && number <= flush->upto;
}

/* ---- msi.c ---- */
/* At attach, when nothing can fail any more: what firmware has left on is off. */
void vpci_msi_start(struct vpci_dev *v) REQUIRES(pci_vpci_class);
/* The guest's view is that after a reset, and the hardware is disabled. */
void vpci_msi_reset(struct vpci_dev *v) REQUIRES(pci_vpci_class);
void vpci_msi_commit(struct vpci_dev *v, const struct vpci_flush *flush) REQUIRES(pci_vpci_class);
/*
 * The flush has failed: hardware may go by the old entries for ever. The device is disabled until the guest's next
 * write of the message. (An entry of the MSI-X table is closed before it changes, and stays so.)
 */
void vpci_msi_give_up(struct vpci_dev *v, const struct vpci_flush *flush) REQUIRES(pci_vpci_class);

/* ---- msix.c ---- */
/* At attach, when nothing can fail any more: what firmware has left on is off. */
void vpci_msix_start(struct vpci_dev *v) REQUIRES(pci_vpci_class);
/* The guest's view is that after a reset, and the hardware is disabled. */
void vpci_msix_reset(struct vpci_dev *v) REQUIRES(pci_vpci_class);
/* Gives back what vpci_msix_prepare() took. */
void vpci_msix_free(struct vpci_dev *v) REQUIRES(pci_vpci_class);
/*
 * The hardware has just begun to decode memory, or was woken: what had to wait for that. Nothing is accessed if
 * nothing waits, for a device that wakes needs a while.
 */
void vpci_msix_in_reach(struct vpci_dev *v) REQUIRES(pci_vpci_class);
/* Can Fairlead reach the table in the hardware now? */
bool vpci_msix_reachable(const struct vpci_dev *v) REQUIRES(pci_vpci_class);

/* ---- msix_table.c ---- */
static inline struct vpci_msix_entry *vpci_msix_entry(struct vpci_dev *v, unsigned int i) REQUIRES(pci_vpci_class)
{
	return &v->msix.page[i / VPCI_MSIX_PER_PAGE][i % VPCI_MSIX_PER_PAGE];
}
/* The guest's table is as after a reset: all masked. The hardware's is not touched. */
void vpci_msix_clear(struct vpci_dev *v) REQUIRES(pci_vpci_class);
/* Masks all entries in the hardware. False: the device does not keep its mask bits, and must not be enabled. */
bool MUST_CHECK vpci_msix_mask_all(struct vpci_dev *v) REQUIRES(pci_vpci_class);
/* Each entry becomes in the hardware what the guest wants, at once or in two phases. */
void vpci_msix_update_all(struct vpci_dev *v) REQUIRES(pci_vpci_class);
/* What was changed is flushed: entries that the guest wants open are opened. */
void vpci_msix_commit(struct vpci_dev *v, const struct vpci_flush *flush) REQUIRES(pci_vpci_class);
/*
 * The guest accesses byte `at` of the BAR, on a page that holds a part of the table: an entry, or another
 * register, which is forwarded to the hardware. size 1, 2, 4, 8; all of it in the BAR, which stands there.
 */
void vpci_msix_access(struct vpci_dev *v, unsigned int bar, u64 at, unsigned int size, bool write, u64 *value)
	REQUIRES(pci_vpci_class);

/*
 * message.c: before messages are enabled: `count` descriptors, with entries from *first on. False (said once): there
 * are not enough, and they must stay off.
 */
bool MUST_CHECK vpci_messages_grow(struct vpci_dev *v, bool msix, unsigned int count, u32 *first)
	REQUIRES(pci_vpci_class);
/*
 * message.c: after they were disabled: all of that kind. What it takes to free them waits, so the remapper does
 * it.
 */
void vpci_messages_retire(struct vpci_dev *v, bool msix) REQUIRES(pci_vpci_class);
int MUST_CHECK vpci_build_express(struct vpci_dev *v, const struct vpci_cap *cap) REQUIRES(pci_vpci_class);
/* One more, of one device. */
static inline void vpci_count(_Atomic u64 *counter, u64 more)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
			      memory_order_relaxed);
}

/* The platform that vpci_init() was given. */
const struct vpci_platform *vpci_platform(void);

#endif
