/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the monitor's files share: monitor.c has the keyboard and the line, commands.c the table, the others
 * the commands by topic.
 *
 * A serial line is slow, 16 lines take 0.1 s, so a long answer comes in steps: each is one piece of deferred
 * work, and the guest runs in between.
 */
#ifndef CORE_MONITOR_INTERNAL_H
#define CORE_MONITOR_INTERNAL_H

#include "core/vm.h"
#include "drivers/pci/pci.h"

#define MONITOR_LINE_MAX   64 /* characters; with the prompt less than a terminal's 80 */
#define MONITOR_WORDS_MAX  4
#define MONITOR_STEP_LINES 16

enum monitor_step {
	MONITOR_MORE, /* to be called again */
	MONITOR_DONE, /* through: `done` is still to be said */
	MONITOR_SAID, /* through, and the last line was said */
};

struct monitor_command;

/* One command on its way. */
struct monitor_run {
	struct vm *vm;
	const struct monitor_command *command; /* NULL: none runs */
	char line[MONITOR_LINE_MAX + 1];       /* cut into words */
	unsigned int words;
	char *word[MONITOR_WORDS_MAX]; /* [0] is the command */
	u32 cursor;		       /* where the next step goes on; 0 at first */
	unsigned int shown;	       /* of what the command counts */
};

struct monitor_command {
	const char *name, *arguments, *help;
	unsigned int words_min, words_max; /* the command included */
	enum monitor_step (*step)(struct monitor_run *run);
};

/* ---- commands.c ---- */

/* Boot. */
void monitor_commands_init(struct vm *vm);
/* Takes a line; true: a command runs, monitor_step() brings it on. False: the line was empty, or the reason
 * why not was said. */
bool monitor_start(const char *line);
/* One step; true: there are more. */
bool monitor_continue(void);
/* `refused: REASON` */
enum monitor_step monitor_refuse(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* A decimal number of at most five digits. False: it is none. operations.c */
bool MUST_CHECK monitor_count(const char *word, unsigned int *out);
/* The address in a word: [ssss:]bb:dd.f, hexadecimal. False: it is none. */
bool MUST_CHECK monitor_sbdf(const char *word, struct sbdf *out);
/* The same; on failure it has refused. */
bool MUST_CHECK monitor_sbdf_or_refuse(const char *word, struct sbdf *out);

/* ---- the commands ---- */

enum monitor_step monitor_show_devices(struct monitor_run *run); /* devices.c */
enum monitor_step monitor_show_locks(struct monitor_run *run);	 /* statistics.c */
enum monitor_step monitor_show_stats(struct monitor_run *run);
enum monitor_step monitor_show_cpus(struct monitor_run *run);
enum monitor_step monitor_trace(struct monitor_run *run);	/* trace.c */
enum monitor_step monitor_remove(struct monitor_run *run); /* operations.c */
enum monitor_step monitor_assign(struct monitor_run *run);
enum monitor_step monitor_deassign(struct monitor_run *run);
enum monitor_step monitor_reset(struct monitor_run *run);
enum monitor_step monitor_rescan(struct monitor_run *run);
enum monitor_step monitor_vfs(struct monitor_run *run);
/* operations.c: what became of an operation. */
void monitor_event(const struct pci_event *event, void *ctx);

#endif
