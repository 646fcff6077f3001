/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's two timers (Arm ARM DDI 0487J, D12): level interrupts that stay as long as their condition
 * does, and none when it has gone.
 */
#include "gic.h"

#define VIRTUAL 27u
#define PHYSICAL 30u
#define CTL_ENABLE 1u
#define CTL_IMASK 2u
#define CTL_ISTATUS 4u

static void control(u32 intid, u64 ctl, u64 cval)
{
	if (intid == VIRTUAL) {
		write_sysreg("cntv_cval_el0", cval);
		write_sysreg("cntv_ctl_el0", ctl);
	} else {
		write_sysreg("cntp_cval_el0", cval);
		write_sysreg("cntp_ctl_el0", ctl);
	}
}

static u64 now(u32 intid)
{
	return intid == VIRTUAL ? read_sysreg("cntvct_el0") : read_sysreg("cntpct_el0");
}

static void one_timer(const char *name, u32 intid)
{
	u64 tick = read_sysreg("cntfrq_el0") / 5000;

	begin_test(name);
	gic_priority(intid, 0x80);
	gic_set(ISENABLER, intid);
	control(intid, CTL_ENABLE, 0);
	check(gic_wait() == intid, "it does not come");
	gic_end(intid);
	check(gic_wait() == intid, "its condition holds, but it does not come again");
	control(intid, CTL_ENABLE | CTL_IMASK, 0);
	gic_end(intid);
	check(gic_take() == SPURIOUS, "it comes masked");
	control(intid, CTL_ENABLE, ~0ull);
	check(gic_take() == SPURIOUS, "it comes before its time");
	for (unsigned int i = 0; i < 300; i++) {
		u64 at = now(intid) + tick;

		control(intid, CTL_ENABLE, at);
		check(gic_wait() == intid, "tick %lu does not come", (unsigned long)i);
		check(now(intid) >= at, "tick %lu is early", (unsigned long)i);
		control(intid, 0, ~0ull);
		gic_end(intid);
		check(gic_take() == SPURIOUS, "tick %lu comes twice", (unsigned long)i);
	}
	gic_set(ICENABLER, intid);
	end_test();
}

static void counters(void)
{
	u64 before, after;

	begin_test("counters");
	/* One clock, without an offset: PSCI and other CPUs compare. */
	for (unsigned int i = 0; i < 1000; i++) {
		before = read_sysreg("cntpct_el0");
		__asm__ volatile("isb");
		after = read_sysreg("cntvct_el0");
		check(after >= before, "0x%lx before 0x%lx", (unsigned long)before, (unsigned long)after);
		before = read_sysreg("cntvct_el0");
		__asm__ volatile("isb");
		after = read_sysreg("cntpct_el0");
		check(after >= before, "0x%lx before 0x%lx", (unsigned long)before, (unsigned long)after);
	}
	end_test();
}

void test_timers(void)
{
	gic_reset();
	counters();
	one_timer("timer-virtual", VIRTUAL);
	one_timer("timer-physical", PHYSICAL);
	gic_reset();
}
