/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log: formats a line and gives it to the sink. The level and the sink are set at boot, before other CPUs run.
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

void log_at(enum log_level level, const char *fmt, ...)
{
	static const char cut[] = "...";
	char line[LOG_LINE_MAX];
	va_list ap;
	int n;

	if (!log_sink || level > log_level)
		return;
	va_start(ap, fmt);
	n = fl_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(line)) {
		memcpy(line + sizeof(line) - sizeof(cut), cut, sizeof(cut));
		n = sizeof(line) - 1;
	}
	log_sink(level, line, (size_t)n);
}
