/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of Fairlead: for its own bugs only. Stops the other CPUs, prints, leaves the record
 * (panic_record.c), resets the machine. The first CPU that panics is heard; what another has to say at the
 * same moment is not.
 */
#include "core/panic.h"

#include "core/arch.h"
#include "core/stop.h"

#define LINE_MAX (LOG_LINE_MAX - 16) /* "panic: " goes before it */

static bool panicking; /* of the CPU that ends the machine */

void panic_begin(void)
{
	arch_interrupts_off();
	stop_others();
	if (panicking) /* a panic while panicking: nothing can be trusted any more */
		machine_reset("panic within a panic");
	panicking = true;
	panic_mark_record();
}

void panic_end(const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	fl_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_error("panic: %s", line);
	machine_reset("panic");
}

void panic(const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list ap;

	panic_begin();
	va_start(ap, fmt);
	fl_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	panic_end("%s", line);
}
