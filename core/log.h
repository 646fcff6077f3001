/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Fairlead says. A line is formatted into a buffer on the stack and handed whole to one sink, so that
 * lines of different CPUs, and the guest's, never mix. The sink adds the mark ("fairlead: ") and the line
 * end.
 *
 * Formats: %s %c %d %i %u %x %X %p %% with the flags 0 and -, a width, a precision (also *) for %s, and the
 * lengths l, ll, z, h, hh.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdarg.h>

#include "core/types.h"

#define LOG_LINE_MAX 256 /* bytes, NUL included; longer lines are cut and end in "..." */

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* A sink gets one line: no mark, no line end. Any context but NMI. */
typedef void (*log_sink_fn)(enum log_level level, const char *line, size_t len);

void log_set_sink(log_sink_fn sink); /* NULL: lines are dropped */
void log_set_level(enum log_level most_verbose);
enum log_level log_get_level(void);
void log_at(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__) /* sink prints "error: " before it */
#define log_warn(...) log_at(LOG_WARN, __VA_ARGS__)   /* sink prints "warning: " before it */
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

/* An answer to who asked at the console: shown whatever the level. */
void log_print(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Like C's snprintf for the formats above: returns the length the whole text would have. */
int fl_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));
int fl_snprintf(char *buf, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);

/*
 * For Fairlead's own bugs only: print, leave the panic record, reset the machine. Supplied by the
 * architecture.
 */
void panic(const char *fmt, ...) PRINTF_LIKE(1, 2) NORETURN;

#endif
