/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host builds only: the architecture's part of core/arch.h for threads that play CPUs. Each is weak: a test
 * that wants to see the call brings its own. Empty in the image.
 */
#include "core/arch.h"

#ifdef FL_HOST
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/console/console.h"
#include "core/log.h"

#define WEAK __attribute__((weak))

/* Which CPU this thread plays; a test's threads set theirs first. */
_Thread_local unsigned int host_cpu;

WEAK unsigned int arch_cpu_index(void)
{
	return host_cpu;
}

WEAK unsigned int arch_cpu_count(void)
{
	return 1;
}

WEAK void arch_cpu_halt(void)
{
	abort();
}

WEAK void arch_interrupts_off(void)
{
}

WEAK bool arch_cpu_info(unsigned int cpu, struct arch_cpu_info *out)
{
	*out = (struct arch_cpu_info){ "thread", cpu, "in Fairlead" };
	return cpu == 0;
}

WEAK void arch_cpu_kick(unsigned int cpu UNUSED)
{
}

WEAK int arch_map_registers(paddr_t base UNUSED, u64 size UNUSED)
{
	return 0;
}

WEAK void arch_timer_arm(u64 at_us UNUSED)
{
}

WEAK void console_edit(const char *line UNUSED, size_t len UNUSED, bool complete UNUSED)
{
}

WEAK bool arch_wants_extended_interrupts(void)
{
	return false;
}

WEAK void arch_cpu_relax(void)
{
	sched_yield();
}

WEAK u64 arch_time_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (u64)now.tv_sec * 1000000u + (u64)now.tv_nsec / 1000u;
}

/* Nanoseconds play cycles. */
WEAK u64 arch_cycles(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (u64)now.tv_sec * 1000000000u + (u64)now.tv_nsec;
}

WEAK u64 arch_cycles_per_us(void)
{
	return 1000;
}

WEAK void arch_io_barrier(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}

void host_report(const char *text);

WEAK void host_report(const char *text)
{
	fputs(text, stderr);
}

WEAK void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("panic: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	abort();
}
#endif
