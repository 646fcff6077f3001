/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the ITS driver share among themselves; nobody else includes this.
 *
 * its.c starts the machine's; its_tables.c gives it its tables; its_lpi.c is the redistributors' part;
 * its_cmd.c is the command queue; its_events.c says which event of which device is which LPI and which SPI of
 * the guest; its_messages.c is the face towards drivers/pci.
 */
#ifndef ARCH_ARM64_ITS_INTERNAL_H
#define ARCH_ARM64_ITS_INTERNAL_H

#include "arch/arm64/its.h"
#include "arch/arm64/its_regs.h"
#include "core/lock.h"
#include "drivers/pci/msi.h"

#define ITS_EVENTS_MAX 16384u

/* Longest that an answer may take before the ITS counts as dead. Real ones take microseconds. */
#define ITS_TIMEOUT_US 1000000u
/* The same for commands, once it has let one wait pass without an answer, and until it answers. */
#define ITS_SILENT_US 10000u

/* Written at boot; `started` by each CPU when it starts. */
struct its {
	volatile u8 *regs; /* NULL: there is none, or it is not used */
	const struct dt_machine *dt;
	struct vgic_frame frame; /* the guest's */
	u64 typer;
	unsigned int cpus;
	unsigned int events;  /* LPIs GIC_LPI_FIRST .. GIC_LPI_FIRST + events - 1 are in use */
	u64 target[CPUS_MAX]; /* each CPU's redistributor, as commands name it */
	_Atomic u64 started;  /* a bit for each CPU that takes LPIs */
};
extern struct its its;

/* ---- its_tables.c ---- */

/* Tables for DeviceIDs and collections; the ITS is disabled. -EOPNOTSUPP, -ENOMEM after one log_error. Boot.
 */
int MUST_CHECK its_tables_init(void);
/* Has that DeviceID an entry in the device table? */
bool its_device_fits(u32 id);

/* ---- its_lpi.c ---- */

/* Decides how many LPIs there are (its.events), takes memory for their tables. -EOPNOTSUPP, -ENOMEM (logged).
 * Boot. */
int MUST_CHECK its_lpi_init(void);
/* This CPU: LPIs off, whoever switched them on. -EOPNOTSUPP: they stay on; -ETIMEDOUT (logged). */
int MUST_CHECK its_lpi_stop(void);
/* This CPU, after that: on, with Fairlead's tables. -EOPNOTSUPP (logged). */
int MUST_CHECK its_lpi_start(void);
/* The LPI's configuration in memory; what hardware has cached of it is the caller's to invalidate. */
void its_lpi_enable(u32 index, bool on);
bool its_lpi_enabled(u32 index);

/* ---- its_cmd.c: takes a leaf lock ---- */

/* The queue, empty; the ITS is disabled. -ENOMEM, -EOPNOTSUPP (logged). Boot. */
int MUST_CHECK its_queue_init(void);
/* Puts the commands in the queue, all or none. False: there is no room now. Does not wait. */
bool MUST_CHECK its_put(const struct its_command *commands, unsigned int count);

struct its_wait {
	u64 start, us;
	u32 errors;
};
/* Before the first command that is to be waited for. No lock held, from here to the end. */
void its_wait_begin(struct its_wait *wait);
/* There was no room. True: try again; false: the time is over (logged). */
bool MUST_CHECK its_wait_for_room(const struct its_wait *wait);
/*
 * Until all that is in the queue now is done. -ETIMEDOUT; -EIO: the ITS has reported an error since the
 * begin, of these commands or of somebody's at the same time. Both are logged; then nothing may be assumed of
 * what was asked for.
 */
int MUST_CHECK its_wait_end(const struct its_wait *wait);
/* Puts SYNC for each CPU of that set, and waits for all. As its_wait_end(). */
int MUST_CHECK its_sync(const struct its_wait *wait, u64 cpus);
u64 its_command_errors(void);

/* ---- its_events.c: takes its_events_lock ---- */

/* -ENOMEM (logged). Boot. */
int MUST_CHECK its_events_init(void);
/*
 * A row of `count` events of that DeviceID, at a multiple of the power of two not below count; its table is
 * made for `room` events if it has none yet. -ENOSPC.
 */
int MUST_CHECK its_row_take(u32 device, unsigned int count, unsigned int room, u32 *first);
/* Gives back those that deliver nothing, in the hardware too; the others are lost. */
void its_row_free(u32 first, unsigned int count);
/* The entry raises that SPI from now on; 0: nothing. */
void its_event_set(u32 entry, u32 spi);
/* Hardware follows, and it is waited for. -ETIMEDOUT, -EIO. */
int MUST_CHECK its_events_flush(u32 first, unsigned int count);

struct its_event_info {
	u32 device, event; /* DeviceID, EventID */
	u32 spi;
	bool mapped;
};
/* False: the entry is nobody's. */
bool MUST_CHECK its_event_look(u32 entry, struct its_event_info *out);

/* ---- its_messages.c ---- */
extern const struct pci_msi_ops its_message_ops;

#endif
