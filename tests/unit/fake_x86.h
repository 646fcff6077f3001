/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PC's ports, MSRs and CPUID for tests of the platform policy: what was written is recorded, what does not exist raises #GP (the
 * "safe" accessors fail, the others fail the test). machine_reset() jumps back into the test, on the thread that called it.
 *
 * Included by one test program each; defines the functions that arch/x86/cpu.h declares for the host.
 */
#ifndef TESTS_FAKE_X86_H
#define TESTS_FAKE_X86_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/cpu.h"
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"

/* ---- ports -------------------------------------------------------------------------------------------------------- */

struct port_write {
	u16 port;
	unsigned int size;
	u32 value;
};

static u8 fake_port[0x10000];
static struct port_write port_writes[64];
static unsigned int port_write_count, port_read_count;
/* Asked first, if set: true if the port is the model's. */
static bool (*model_read)(u16 port, u8 *value) UNUSED;
static bool (*model_write)(u16 port, u8 value) UNUSED;

static u32 fake_port_in(u16 port, unsigned int size)
{
	u32 value = 0;
	u8 byte;

	port_read_count++;
	for (unsigned int i = 0; i < size; i++) {
		u16 at = (u16)(port + i);

		if (!model_read || !model_read(at, &byte))
			byte = fake_port[at];
		value |= (u32)byte << (8 * i);
	}
	return value;
}

static void fake_port_out(u16 port, unsigned int size, u32 value)
{
	if (port_write_count < ARRAY_SIZE(port_writes))
		port_writes[port_write_count] = (struct port_write){ port, size, value };
	port_write_count++;
	for (unsigned int i = 0; i < size; i++) {
		u16 at = (u16)(port + i);

		if (!model_write || !model_write(at, (u8)(value >> (8 * i))))
			fake_port[at] = (u8)(value >> (8 * i));
	}
}

u8 inb(u16 port)
{
	return (u8)fake_port_in(port, 1);
}

u16 inw(u16 port)
{
	return (u16)fake_port_in(port, 2);
}

u32 inl(u16 port)
{
	return fake_port_in(port, 4);
}

void outb(u16 port, u8 value)
{
	fake_port_out(port, 1, value);
}

void outw(u16 port, u16 value)
{
	fake_port_out(port, 2, value);
}

void outl(u16 port, u32 value)
{
	fake_port_out(port, 4, value);
}

static UNUSED void ports_forget(void)
{
	port_write_count = port_read_count = 0;
}

#define assert_one_write(p, s, v)                                    \
	do {                                                         \
		assert_int_equal(port_write_count, 1);               \
		assert_int_equal(port_writes[0].port, (p));          \
		assert_int_equal(port_writes[0].size, (s));          \
		assert_int_equal(port_writes[0].value, (v));         \
	} while (0)

/* ---- MSRs --------------------------------------------------------------------------------------------------------- */

static struct fake_msr {
	u32 msr;
	u64 value;
	u64 reserved; /* a write with one of these bits raises #GP */
	unsigned int writes;
} fake_msrs[128];
static unsigned int fake_msr_count, msr_writes_total;

static struct fake_msr *msr_find(u32 msr)
{
	for (unsigned int i = 0; i < fake_msr_count; i++) {
		if (fake_msrs[i].msr == msr)
			return &fake_msrs[i];
	}
	return NULL;
}

static UNUSED struct fake_msr *msr_set(u32 msr, u64 value)
{
	struct fake_msr *m = msr_find(msr);

	if (!m) {
		assert_true(fake_msr_count < ARRAY_SIZE(fake_msrs));
		m = &fake_msrs[fake_msr_count++];
	}
	*m = (struct fake_msr){ msr, value, 0, 0 };
	return m;
}

int rdmsr_safe(u32 msr, u64 *value)
{
	const struct fake_msr *m = msr_find(msr);

	if (!m)
		return -EFAULT;
	*value = m->value;
	return 0;
}

int wrmsr_safe(u32 msr, u64 value)
{
	struct fake_msr *m = msr_find(msr);

	if (!m || (value & m->reserved))
		return -EFAULT;
	m->value = value;
	m->writes++;
	msr_writes_total++;
	return 0;
}

u64 rdmsr(u32 msr)
{
	u64 value;

	if (rdmsr_safe(msr, &value))
		fail_msg("#GP in Fairlead: rdmsr %x", msr);
	return value;
}

void wrmsr(u32 msr, u64 value)
{
	if (wrmsr_safe(msr, value))
		fail_msg("#GP in Fairlead: wrmsr %x", msr);
}

/* ---- CPUID, XSETBV, time ------------------------------------------------------------------------------------------ */

static struct cpuid_regs (*fake_cpuid)(u32 leaf, u32 subleaf);
static int (*fake_xsetbv)(u32 index, u64 value);

struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
	return fake_cpuid ? fake_cpuid(leaf, subleaf) : (struct cpuid_regs){ 0 };
}

int xsetbv_safe(u32 index, u64 value)
{
	return fake_xsetbv ? fake_xsetbv(index, value) : -EFAULT;
}

u64 rdtsc(void)
{
	static u64 now;

	return now += 1000;
}

/* What stops a CPU for good; a test that wants it sets what to do instead. */
static void (*fake_halt)(void) UNUSED;

void arch_cpu_halt(void)
{
	if (fake_halt)
		fake_halt();
	fail_msg("the CPU is stopped");
}

/* ---- reset and log ------------------------------------------------------------------------------------------------ */

static _Thread_local jmp_buf reset_jump;
static _Thread_local const char *reset_reason;

void NORETURN machine_reset(const char *why)
{
	reset_reason = why;
	longjmp(reset_jump, 1);
}

/* True if the statement resets the machine. */
#define RESETS(statement) (setjmp(reset_jump) ? true : ((statement), false))

static unsigned int log_lines;
static char last_line[LOG_LINE_MAX];

static void fake_sink(enum log_level level UNUSED, const char *line, size_t len)
{
	log_lines++;
	memcpy(last_line, line, len);
	last_line[len] = '\0';
}

static UNUSED void fake_log(void)
{
	log_set_sink(fake_sink);
	log_set_level(LOG_DEBUG);
	log_lines = 0;
}

/* True if the statement panics. */
static jmp_buf panic_jump;
static bool panic_expected;
#define PANICS(statement) (panic_expected = true, setjmp(panic_jump) ? true : ((statement), panic_expected = false))

/* core/ and others may refer to it; else no test ends here. */
void panic(const char *fmt, ...)
{
	if (panic_expected) {
		panic_expected = false;
		longjmp(panic_jump, 1);
	}
	printf("panic: %s\n", fmt);
	fail();
	__builtin_trap();
}

#endif
