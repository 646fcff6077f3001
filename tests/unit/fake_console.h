/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is around the shared console, whatever the UART is: time, the end of an exit, and the monitor's
 * commands as a record of lines.
 */
#ifndef TESTS_FAKE_CONSOLE_H
#define TESTS_FAKE_CONSOLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/monitor/internal.h"
#include "core/monitor/monitor.h"
#include "core/timer.h"
#include "core/work.h"

static _Atomic u64 now_us;
static char command_lines[256]; /* each with a '|' */

u64 arch_time_us(void)
{
	return now_us;
}

void arch_cpu_kick(unsigned int cpu)
{
	if (arch_cpu_index() == 0)
		fail_msg("CPU %u is kicked by the boot CPU, whose the monitor is", cpu);
}

void arch_timer_arm(u64 at_us)
{
}

/* What an exit's end does. */
static void exit_now(void)
{
	(void)timers_run();
	(void)work_run(WORK_BUDGET);
}

static UNUSED void pass_ms(unsigned int ms)
{
	for (unsigned int i = 0; i < ms; i += 10) {
		now_us += 10000;
		exit_now();
	}
}

void monitor_commands_init(struct vm *vm)
{
	command_lines[0] = '\0';
}

bool monitor_start(const char *line)
{
	strcat(command_lines, line);
	strcat(command_lines, "|");
	return false;
}

bool monitor_continue(void)
{
	fail();
	return false;
}

#endif
