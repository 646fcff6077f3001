/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of Fairlead: for its own bugs only. Prints, leaves the record (panic_record.c), resets the machine.
 */
#include "arch/x86/panic.h"

#include "arch/x86/platform.h"

static bool panicking;

void panic(const char *fmt, ...)
{
	char line[LOG_LINE_MAX - 16];
	va_list ap;

	__asm__ volatile("cli");
	va_start(ap, fmt);
	fl_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (panicking) /* a panic while panicking: nothing can be trusted any more */
		machine_reset("panic within a panic");
	panicking = true;
	panic_mark_record();
	log_error("panic: %s", line);
	machine_reset("panic");
}
