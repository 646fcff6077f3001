/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log: formats a line and gives it to the sink. The level and the sink are set at boot, before other
 * CPUs run.
 */
#include "core/log.h"

#include "core/string.h"

static log_sink_fn log_sink;
static enum log_level log_level = LOG_INFO;

void log_set_sink(log_sink_fn sink)
{
	log_sink = sink;
}

void log_set_level(enum log_level most_verbose)
{
	log_level = most_verbose;
}

enum log_level log_get_level(void)
{
	return log_level;
}

__attribute__((format(printf, 2, 0))) static void log_line(enum log_level level, const char *fmt, va_list ap)
{
	static const char cut[] = "...";
	char line[LOG_LINE_MAX];
	int n = fl_vsnprintf(line, sizeof(line), fmt, ap);

	if (n < 0)
		return;
	if ((size_t)n >= sizeof(line)) {
		memcpy(line + sizeof(line) - sizeof(cut), cut, sizeof(cut));
		n = sizeof(line) - 1;
	}
	log_sink(level, line, (size_t)n);
}

void log_at(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (!log_sink || level > log_level)
		return;
	va_start(ap, fmt);
	log_line(level, fmt, ap);
	va_end(ap);
}

void log_print(const char *fmt, ...)
{
	va_list ap;

	if (!log_sink)
		return;
	va_start(ap, fmt);
	log_line(LOG_INFO, fmt, ap);
	va_end(ap);
}
