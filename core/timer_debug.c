/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A timer that is set again and again, whose function posts work. What is measured is the whole way: from
 * the moment that was asked for to the work that was done.
 */
#include "core/timer_debug.h"

#include "core/arch.h"
#include "core/log.h"
#include "core/timer.h"
#include "core/work.h"

#define PERIOD_US 5000u
#define LINE_US 1000000u

static struct timer timer;
static struct work work;
static u64 asked_for, line_at; /* moments */
static u64 expiries, latest_us; /* since the last line */

static void set_again(void)
{
	timer_set(&timer, PERIOD_US);
	asked_for = timer.at_us;
}

static void expired(struct timer *t UNUSED)
{
	(void)work_post(&work);
}

static void worked(struct work *w UNUSED)
{
	u64 now = arch_time_us();

	expiries++;
	latest_us = max_u64(latest_us, now - asked_for);
	if (now >= line_at) {
		log_info("timer: %llu expiries, latest %llu us late", (unsigned long long)expiries,
			 (unsigned long long)latest_us);
		line_at = now + LINE_US;
		expiries = 0;
		latest_us = 0;
	}
	set_again();
}

void timer_debug_start(void)
{
	timer_init(&timer, expired);
	work_init(&work, worked);
	line_at = arch_time_us() + LINE_US;
	set_again();
}
