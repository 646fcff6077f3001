/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console: one serial port that Fairlead and the guest share. What is the same whatever chip it is:
 * whose the terminal's current line is, the log's lines, the line that is typed to the monitor (output.c),
 * what is received (input.c). Chips: uart16550.h, and the architecture's own.
 *
 * It guards two promises: a line of Fairlead's is never mixed into a line of the guest's, and nothing the
 * guest writes here can make Fairlead mute or wait for ever.
 */
#ifndef CORE_CONSOLE_CONSOLE_H
#define CORE_CONSOLE_CONSOLE_H

#include "core/console/lock.h"
#include "core/log.h"

/*
 * A log sink: "fairlead: " before the line, at the start of a line of the terminal. Any context but NMI;
 * bounded.
 */
void console_log_sink(enum log_level level, const char *line, size_t len);
/*
 * Shows the line that is being typed to the monitor, prompt included, as it is now; `complete`: the cursor
 * goes to the next line. The guest's output may interrupt it; it is then shown anew below. Exit path.
 */
void console_edit(const char *line, size_t len, bool complete);
/* Waits, bounded, until all has left the wire. Before a reset. */
void console_drain(void);

/* ---- for the chips: all under the console's lock ---- */

/* What a chip does for the console. None of these waits; each is called under the console's lock. */
struct console_uart {
	bool (*can_send)(void); /* is there room for one character? */
	void (*send)(u8 c);
	bool (*idle)(void); /* has all left the wire? */
	bool (*has_input)(void);
	u16 (*receive)(void); /* bits 7:0 the character; others are the chip's own, for its guest */
};

/*
 * Output goes there from here on, and input comes from there; what was queued is dropped. NULL: nowhere.
 * Boot.
 */
void console_attach(const struct console_uart *uart) REQUIRES(console_spinlock);
/* Waits, bounded, for room and sends; a character for which there is none in time is dropped. */
void console_put(u8 c) REQUIRES(console_spinlock);
void console_drain_locked(void) REQUIRES(console_spinlock);
/*
 * The guest is about to send that character itself: an edited line of Fairlead's is left. The chip is as
 * empty as it was.
 */
void console_guest_sends(u8 c) REQUIRES(console_spinlock);

/*
 * Characters of the escape that was not completed are given to the guest as this one. 0: there is none.
 * Boot.
 */
void console_set_escape(char escape) REQUIRES(console_spinlock);
/*
 * Takes characters from the chip: each goes to the monitor first (core/monitor/monitor.h), and what is not
 * its into the guest's queue. At most `most`; `wanted`: no more once that many wait there. True: the chip
 * has more.
 */
bool console_take(unsigned int most, unsigned int wanted) REQUIRES(console_spinlock);
#define CONSOLE_ALL ~0u
/*
 * How many characters wait for the guest; the next of them (the last one again if there is none); drops
 * them all.
 */
unsigned int console_waiting(void) REQUIRES(console_spinlock);
u16 console_next(void) REQUIRES(console_spinlock);
void console_drop(void) REQUIRES(console_spinlock);
/* Has one been lost since the last call, because the queue was full? */
bool console_overran(void) REQUIRES(console_spinlock);

#endif
