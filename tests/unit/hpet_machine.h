/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of Fairlead's timer share: a model of an HPET (IA-PC HPET specification 1.0a, 2.3: a comparator sends its message when
 * the counter comes to be equal to it, and only then), of what becomes of its messages, and of a guest that exits for NMIs only.
 */
#ifndef TESTS_UNIT_HPET_MACHINE_H
#define TESTS_UNIT_HPET_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/cpus.h"
#include "arch/x86/desc.h"
#include "arch/x86/lapic.h"
#include "arch/x86/nmi.h"
#include "arch/x86/timer.h"
#include "core/arch.h"
#include "core/log.h"
#include "core/mmio.h"
#include "core/timer.h"
#include "core/work.h"
#include "tests/unit/fake_intr.h"

#define SECOND 1000000000ull /* ns */
#define LATE_US_MAX 10000

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c: which CPU this is */

/* ---- the machine ---- */

static u64 now_ns;
static u64 mhz;
static u32 counter_start;
static int clock_error; /* after calibration the counter runs so many tenths of a percent fast */
static u64 skew_from, counter_at_skew;
static bool stuck;
static u64 stall_ns; /* passes before the next comparator write is done, once */
static bool stalls_each; /* before each */
static u64 address;  /* of messages to this CPU */

static struct {
	u32 caps, period, config;
	struct {
		u32 config, fixed, comparator, data, address;
	} timer[4];
} regs;
static u8 registers[1024] __attribute__((aligned(4096)));
static unsigned int messages, expected_nmis, kicks;
static u32 last_data, last_address;
static bool nmi_waits;
static enum { ARRIVES, VANISHES, IS_BLOCKED } fate; /* of a message; blocked: a fault, and the unit's NMI */
static bool stray; /* an NMI of somebody else, as soon as the comparator is on */
static bool fault, faults_by_itself;		     /* a device's faults meanwhile, once */
static unsigned int faults_reported, looks;
volatile bool nmi_arrived[CPUS_MAX];

static u64 counter64_at(u64 ns)
{
	if (!clock_error)
		return counter_start + ns * mhz / 1000;
	return counter_at_skew + (ns - skew_from) * mhz / 1000 * (u64)(1000 + clock_error) / 1000;
}

static u32 counter_now(void)
{
	return stuck || !(regs.config & 1) ? counter_start : (u32)counter64_at(now_ns);
}

/* Time passes; comparators that the counter passes, or comes to, send. */
static void pass(u64 ns)
{
	u64 before = counter64_at(now_ns), after = counter64_at(now_ns + ns);

	now_ns += ns;
	if (stuck || !(regs.config & 1))
		return;
	for (unsigned int n = 0; n < ARRAY_SIZE(regs.timer); n++) {
		u32 ahead = regs.timer[n].comparator - (u32)before;

		if ((regs.timer[n].config & 0x4004) != 0x4004)
			continue;
		/* 2.3.9.2.1: once, with 32 bits, there is another when the counter wraps. */
		if ((ahead == 0 || ahead > after - before) && after >> 32 == before >> 32)
			continue;
		messages++;
		last_data = regs.timer[n].data;
		last_address = regs.timer[n].address;
		fault |= fate == IS_BLOCKED || faults_by_itself;
		faults_by_itself = false;
		nmi_waits |= fate != VANISHES;
	}
}

void nmi_window(void)
{
	pass(100);
	nmi_arrived[0] |= nmi_waits;
	nmi_waits = false;
}

void nmi_look(void)
{
	looks++;
}

bool iommu_any_fault_pending(void)
{
	return fault;
}

void iommu_report_faults(void)
{
	faults_reported += fault;
	fault = false;
}

void arch_cpu_relax(void)
{
	pass(1000);
}

u32 lapic_id(void)
{
	return 5;
}

u64 arch_time_us(void)
{
	pass(50);
	return now_ns / 1000;
}

void arch_cpu_kick(unsigned int cpu)
{
	assert_int_equal(cpu, BOOT_CPU); /* who has the comparator */
	kicks++;
	nmi_waits = true;
}

void nmi_expect(void)
{
	assert_int_equal(host_cpu, BOOT_CPU);
	expected_nmis++;
}

u64 lapic_message_address(void)
{
	return address;
}

static bool model_read(const volatile void *at, unsigned int size, u64 *value)
{
	u64 offset = (u64)((const u8 *)at - registers), n = (offset - 0x100) / 0x20;

	if ((const u8 *)at < registers || offset >= sizeof(registers))
		return false;
	assert_int_equal(size, 4);
	pass(200);
	*value = 0;
	if (offset == 0x000)
		*value = regs.caps;
	else if (offset == 0x004)
		*value = regs.period;
	else if (offset == 0x010)
		*value = regs.config;
	else if (offset == 0x0f0)
		*value = counter_now();
	else if (offset >= 0x100 && offset % 0x20 == 0)
		*value = regs.timer[n].config | regs.timer[n].fixed;
	else
		fail_msg("read of 0x%llx", (unsigned long long)offset);
	return true;
}

static bool model_write(volatile void *at, unsigned int size, u64 value)
{
	u64 offset = (u64)((volatile u8 *)at - registers), n = (offset - 0x100) / 0x20;

	if ((volatile u8 *)at < registers || offset >= sizeof(registers))
		return false;
	assert_int_equal(size, 4);
	assert_int_equal(host_cpu, BOOT_CPU);
	assert_true(offset == 0x10 || (offset >= 0x100 && n <= (regs.caps >> 8 & 0x1f)));
	pass(200);
	if (offset == 0x010) {
		regs.config = (u32)value;
	} else if (offset % 0x20 == 0x00) {
		regs.timer[n].config = (u32)value & ~regs.timer[n].fixed & 0x7f4e;
		nmi_waits |= stray && (value & 4);
	} else if (offset % 0x20 == 0x08) {
		pass(stall_ns);
		stall_ns = stalls_each ? stall_ns : 0;
		regs.timer[n].comparator = (u32)value;
	} else if (offset % 0x20 == 0x10) {
		regs.timer[n].data = (u32)value;
	} else if (offset % 0x20 == 0x14) {
		regs.timer[n].address = (u32)value;
	} else {
		fail_msg("write of 0x%llx", (unsigned long long)offset);
	}
	return true;
}

static char last_line[LOG_LINE_MAX];

static void sink(enum log_level level, const char *line, size_t len)
{
	snprintf(last_line, sizeof(last_line), "%.*s", (int)len, line);
}

/* A step that ends before the next match, or is short. */
static inline u64 step(void)
{
	u64 shortest = 1000 * SECOND;

	for (unsigned int n = 0; n < ARRAY_SIZE(regs.timer); n++) {
		u64 ahead = regs.timer[n].comparator - counter_now();

		if ((regs.timer[n].config & 0x4004) == 0x4004)
			shortest = min_u64(shortest, ahead * 500 / mhz);
	}
	return max_u64(shortest, 1000);
}

/* The guest runs, and exits for NMIs only; a visit as nmi.c does it. Returns how many. */
static unsigned int visits_ours, unexplained, kicks_taken;

static inline unsigned int run_guest(u64 ns)
{
	u64 end = now_ns + ns;
	unsigned int visits = 0, kicks_seen = kicks_taken;

	host_cpu = BOOT_CPU;
	while (nmi_waits || now_ns < end) {
		while (!nmi_waits && now_ns < end)
			pass(min_u64(end - now_ns, step()));
		if (!nmi_waits)
			break;
		nmi_waits = false;
		visits++;
		if (timer_fired())
			visits_ours++;
		else if (kicks == kicks_seen)
			unexplained++;
		kicks_seen = kicks_taken = kicks;
		exit_tail();
		assert_true(visits < 100000);
	}
	return visits;
}

static u64 called_at, calls;

static inline void note(struct timer *t)
{
	called_at = now_ns / 1000;
	calls++;
}

static struct timer timer = { .fn = note }, other = { .fn = note };

#define FSB_CAPABLE 0x8000u
#define LEGACY 2u

static inline int setup(void **state)
{
	host_cpu = BOOT_CPU;
	memset(&regs, 0, sizeof(regs));
	now_ns = 5 * SECOND;
	mhz = 14; /* 14 MHz */
	counter_start = 1000;
	clock_error = 0;
	stuck = false;
	stall_ns = 0;
	address = 0xfee05000;
	regs.caps = 0x8086a201;
	regs.period = 71428571;
	regs.config = LEGACY;
	for (unsigned int n = 0; n < 3; n++) {
		regs.timer[n].fixed = n >= 1 ? FSB_CAPABLE | 0x30 : 0x30;
		regs.timer[n].config = 0x000e; /* as firmware may leave it: level, enabled, periodic */
	}
	host_mmio_read = model_read;
	host_mmio_write = model_write;
	fake_intr_reset();
	fake_intr.remapped = false;
	fate = ARRIVES;
	fault = faults_by_itself = stray = stalls_each = nmi_arrived[0] = false;
	faults_reported = looks = 0;
	messages = expected_nmis = kicks = kicks_taken = visits_ours = unexplained = 0;
	calls = 0;
	nmi_waits = false;
	log_set_sink(sink);
	last_line[0] = '\0';
	timer_init(&timer, note);
	timer_init(&other, note);
	return 0;
}

static inline int start(void **state)
{
	setup(state);
	timer_start(virt_to_phys(registers), 3);
	assert_non_null(strstr(last_line, "HPET comparator 1"));
	assert_false(nmi_arrived[0]);
	messages = expected_nmis = 0;
	return 0;
}

static inline int teardown(void **state)
{
	host_cpu = BOOT_CPU;
	(void)timer_cancel(&timer);
	(void)timer_cancel(&other);
	exit_tail();
	assert_false(work_pending());
	return 0;
}

static inline void refused(const char *why)
{
	timer_start(virt_to_phys(registers), 3);
	assert_non_null(strstr(last_line, "no timer of its own: deferred work waits for the guest's"));
	assert_non_null(strstr(last_line, why));
	for (unsigned int n = 0; n < 3; n++)
		assert_true((regs.timer[n].config & 0x4004) != 0x4004);
}

#define WITHOUT(f) cmocka_unit_test_setup(f, setup)
#define WITH(f) cmocka_unit_test_setup_teardown(f, start, teardown)

#endif
