/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last words: what panic() and the exception dump said is kept in a reserved page that a warm reset
 * leaves alone, and shown by the next boot.
 */
#ifndef CORE_PANIC_H
#define CORE_PANIC_H

#include "core/log.h"

/* The page, mapped; 0: there is none. Boot, before the first error can be logged. */
void panic_use_record(paddr_t page);
/* Shows and clears the record that a previous run left. Boot, after the console works. */
void panic_show_previous(void);
/*
 * The two halves of panic(), for who has more to say than one line. The first stops the other CPUs; it does
 * not return on a CPU that was not the first, and on the first only once: the second time it resets. Any
 * context but NMI.
 */
void panic_begin(void);
void panic_end(const char *fmt, ...) PRINTF_LIKE(1, 2) NORETURN;
/* The errors from here on are a panic's last words: the next boot shows the record. Any context but NMI. */
void panic_mark_record(void);
/*
 * Sees every line that is logged and keeps errors for the record. For the log sink. Takes the console's
 * lock.
 */
void panic_note_line(enum log_level level, const char *line, size_t len);

#endif
