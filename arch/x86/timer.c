/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The HPET as Fairlead's timer (IA-PC HPET specification 1.0a). It guards that a moment asked for is not
 * missed, whatever the counter does meanwhile, and that each message the comparator sent can be told from
 * an NMI of the guest.
 *
 * Only 32 bits of the counter are used: they are what every HPET has, and what every access reads in one
 * piece (2.4.7 asks for care with 64). They wrap within minutes, so far moments are approached in steps of
 * at most a second, which also keeps the error of the calibration small. No step goes beyond the wrap.
 *
 * The boot CPU gets the messages, so it alone touches the comparator, and so knows of each whether it has
 * been seen. The others ask it to.
 */
#include "arch/x86/timer.h"

#include <stdatomic.h>

#include "arch/x86/cpus.h"
#include "arch/x86/desc.h"
#include "arch/x86/lapic.h"
#include "arch/x86/nmi.h"
#include "arch/x86/svm/svm.h"
#include "core/arch.h"
#include "core/log.h"
#include "core/mmio.h"
#include "core/timer.h"
#include "core/work.h"
#include "drivers/iommu/intr.h"

/* 2.3.4, general capabilities; 2.3.5, general configuration; 2.3.7, main counter */
#define HPET_CAPABILITIES 0x000u
#define CAP_LAST_TIMER(low) (((low) >> 8) & 0x1f)
#define HPET_PERIOD 0x004u /* upper half of the capabilities: femtoseconds a tick */
#define PERIOD_MAX 0x05f5e100u
#define HPET_CONFIG 0x010u
#define CONFIG_ENABLE BIT32(0)
#define CONFIG_LEGACY_ROUTE BIT32(1)
#define HPET_COUNTER 0x0f0u

/*
 * 2.3.8, configuration and capabilities of timer n; 2.3.9, its comparator; 2.3.10, its message (FSB
 * interrupt route)
 */
#define TIMER_CONFIG(n) (0x100u + 0x20 * (n))
#define TIMER_LEVEL BIT32(1)
#define TIMER_ENABLE BIT32(2)
#define TIMER_PERIODIC BIT32(3)
#define TIMER_32BIT BIT32(8)
#define TIMER_FSB BIT32(14)
#define TIMER_FSB_CAPABLE BIT32(15)
#define TIMER_COMPARATOR(n) (0x108u + 0x20 * (n))
#define TIMER_MESSAGE_DATA(n) (0x110u + 0x20 * (n))
#define TIMER_MESSAGE_ADDRESS(n) (0x114u + 0x20 * (n))

#define NEVER ((u64)-1)
#define STEP_US 1000000u /* a counter of 100 MHz, the fastest of any known HPET, wraps after 43 s */
#define STEP_TICKS_MAX BIT32(30)
/*
 * Between the write of a comparator and its first comparison some ticks may pass: a match within them may
 * be missed.
 */
#define MARGIN_TICKS 128u
#define CALIBRATION_US 10000u
#define SAMPLE_US 5u /* a counter and a time that are read so close together are of one moment */
#define SAMPLE_TRIES 16u
#define TEST_US 100u
/* Each further try is so many times as far ahead: a CPU that its host lets stand still for long enough misses the first ones. */
#define TEST_FURTHER 10u
#define TEST_WAIT_US 500000u /* a busy host below us may let the HPET stand still */
#define TEST_TRIES 3u

static u8 *hpet; /* NULL: no timer */
static unsigned int comparator;
static u32 config;	     /* of the comparator, not enabled */
static u64 cal_us, cal_ticks; /* so many ticks in so many microseconds */
static bool enabled;	     /* the comparator may send a message */
static u64 deadline = NEVER; /* under the timers' lock */
static _Atomic u32 match;    /* what the comparator holds */
static _Atomic bool armed;   /* its message is still to be seen; whoever clears it accounts for it */

static void arm_again(struct work *w UNUSED)
{
	timers_rearm();
}

static struct work again = { .fn = arm_again };

static u32 counter(void)
{
	return mmio_read32(hpet + HPET_COUNTER);
}

static bool reached(u32 moment)
{
	return (s32)(counter() - moment) >= 0;
}

/* The comparator sends nothing any more. What it may have sent and nobody has seen is announced. */
static void stop(void)
{
	if (!enabled)
		return;
	enabled = false;
	mmio_write32(hpet + TIMER_CONFIG(comparator), config);
	if (atomic_exchange(&armed, false) && reached(atomic_load(&match)))
		nmi_expect();
}

/*
 * The counter in so many ticks, but not beyond its wrap: with a comparator of 32 bits that is a match of its
 * own (2.3.9.2.1), whose message nothing would explain.
 */
static u32 moment_in(u32 ticks)
{
	u32 now = counter();

	return now + ticks < now ? 0 : now + ticks;
}

/* False: the moment is so near that it may have been missed. */
static bool program(u64 in_us)
{
	u64 ticks = min_u64(in_us, STEP_US) * cal_ticks / cal_us + 1;
	u32 moment = moment_in((u32)min_u64(max_u64(ticks, 2 * MARGIN_TICKS), STEP_TICKS_MAX));

	mmio_write32(hpet + TIMER_COMPARATOR(comparator), moment);
	atomic_store(&match, moment);
	atomic_store(&armed, true);
	enabled = true;
	mmio_write32(hpet + TIMER_CONFIG(comparator), config | TIMER_ENABLE);
	return (s32)(moment - counter()) > (s32)MARGIN_TICKS;
}

/*
 * A message that comes early enough will do: the boot CPU then looks at the list. Under the timers' lock;
 * the kick takes no other, and waits at most until the local APIC has sent its last command.
 */
static void ask_boot_cpu(u64 at_us)
{
	if (at_us != NEVER && !(atomic_load(&armed) && deadline <= at_us))
		(void)work_post_on(BOOT_CPU, &again);
}

void arch_timer_arm(u64 at_us)
{
	u64 now;

	if (!hpet)
		return;
	if (arch_cpu_index() != BOOT_CPU) {
		ask_boot_cpu(at_us);
		return;
	}
	if (atomic_load(&armed) && at_us == deadline)
		return;
	stop();
	deadline = at_us;
	if (at_us == NEVER)
		return;
	now = arch_time_us();
	if (at_us > now && program(at_us - now))
		return;
	/*
	 * Too late for the comparator: the tail of this exit looks again, and kicks this CPU if that was
	 * not enough.
	 */
	stop();
	(void)work_post(&again);
}

bool timer_fired(void)
{
	if (!atomic_load(&armed) || !reached(atomic_load(&match)))
		return false;
	if (!atomic_exchange(&armed, false))
		return false;
	/*
	 * It may have been a step on the way only. And the comparator must not match again when the counter
	 * has wrapped.
	 */
	(void)work_post(&again);
	return true;
}

/* ---- boot ---------------------------------------------------------------------------------------------- */

/* The counter and the time of one moment, as near as it can be had. */
static u32 sample(u64 *us)
{
	u32 best_ticks = 0;
	u64 best = NEVER;

	for (unsigned int i = 0; i < SAMPLE_TRIES && best > SAMPLE_US; i++) {
		u64 before = arch_time_us();
		u32 ticks = counter();
		u64 after = arch_time_us();

		if (after - before < best) {
			best = after - before;
			best_ticks = ticks;
			*us = before;
		}
	}
	return best_ticks;
}

/* Against the clock of arch_time_us(), which is not exactly the world's. False: the counter stands still. */
static bool calibrate(void)
{
	u64 from = 0, to = 0;
	u32 first, last;

	(void)arch_time_us(); /* its first call measures for itself */
	first = sample(&from);
	while (arch_time_us() - from < CALIBRATION_US)
		arch_cpu_relax();
	last = sample(&to);
	cal_us = to - from;
	cal_ticks = last - first;
	return cal_ticks != 0;
}

/*
 * No comparator of firmware's goes on, and timers 0 and 1 do not replace the 8254 and the RTC (2.3.5),
 * which are the guest's.
 */
static void quiet(u8 *base, unsigned int last_timer)
{
	u32 general = mmio_read32(base + HPET_CONFIG);

	for (unsigned int n = 0; n <= last_timer; n++) {
		u32 now = mmio_read32(base + TIMER_CONFIG(n));

		mmio_write32(base + TIMER_CONFIG(n), now & ~(TIMER_ENABLE | TIMER_FSB));
	}
	mmio_write32(base + HPET_CONFIG, (general & ~CONFIG_LEGACY_ROUTE) | CONFIG_ENABLE);
}

static bool find_comparator(const u8 *base, unsigned int last_timer)
{
	for (unsigned int n = 0; n <= last_timer; n++) {
		u32 now = mmio_read32(base + TIMER_CONFIG(n));

		if (now & TIMER_FSB_CAPABLE) {
			comparator = n;
			/* Edge, once, 32 bits; where bits are fixed, writing them does nothing. */
			config = now & ~(TIMER_ENABLE | TIMER_PERIODIC | TIMER_LEVEL);
			config |= TIMER_32BIT | TIMER_FSB;
			return true;
		}
	}
	return false;
}

/*
 * An NMI to this CPU. Where interrupts are remapped it is an entry, if firmware says who remaps the HPET's;
 * if not, only the format without an entry is left. False: it does not reach this CPU's ID.
 */
static bool choose_message(u8 number, struct pci_message *out)
{
	const struct apic_target target = { .destination = lapic_id(), .nmi = true };
	struct iommu *unit;
	u32 entry;

	if (intr_remapped() && !intr_platform_alloc(INTR_HPET, number, 1, &unit, &entry)) {
		intr_set(unit, entry, &target);
		if (!intr_flush(unit, entry, 1)) {
			*out = intr_message(unit, entry);
			return true;
		}
	}
	*out = (struct pci_message){ lapic_message_address(), LAPIC_MESSAGE_NMI };
	return out->address;
}

/* True: an NMI came, and not before its time, as those from before would. The comparator is off again. */
static bool provoke(u64 in_us)
{
	u64 end = arch_time_us() + TEST_WAIT_US;
	bool came;

	if (!program(in_us))
		end = 0; /* it may have been missed: another try */
	while (!nmi_arrived[BOOT_CPU] && arch_time_us() < end) {
		arch_cpu_relax();
		nmi_window();
	}
	came = nmi_arrived[BOOT_CPU] && reached(atomic_load(&match));
	if (came)
		atomic_store(&armed, false); /* seen */
	stop();
	return came;
}

/*
 * A message that is to be remapped and names no entry is blocked by hardware. An NMI comes all the same
 * then: the IOMMU's, which reports just that. So one that a fault explains proves nothing.
 */
static bool message_arrives(void)
{
	u64 in_us = TEST_US;

	for (unsigned int i = 0; i < TEST_TRIES; i++, in_us *= TEST_FURTHER) {
		bool came = provoke(in_us);

		nmi_arrived[BOOT_CPU] = false;
		if (came && !iommu_any_fault_pending())
			return true;
		iommu_report_faults();
	}
	nmi_look();
	return false;
}

/* NULL: there is a timer. Otherwise why not. */
static const char *find(u8 *base, u8 number)
{
	struct pci_message message;
	u32 low, period;

	if (!base)
		return "this machine has no HPET";
	low = mmio_read32(base + HPET_CAPABILITIES);
	period = mmio_read32(base + HPET_PERIOD);
	if (!period || period > PERIOD_MAX)
		return "the HPET's period is not a valid one";
	quiet(base, CAP_LAST_TIMER(low));
	if (!find_comparator(base, CAP_LAST_TIMER(low)))
		return "the HPET cannot send messages";
	if (!choose_message(number, &message))
		return "no message reaches this CPU's APIC ID";
	mmio_write32(base + TIMER_MESSAGE_DATA(comparator), message.data);
	mmio_write32(base + TIMER_MESSAGE_ADDRESS(comparator), (u32)message.address);
	mmio_write32(base + TIMER_CONFIG(comparator), config);
	hpet = base;
	if (!calibrate())
		return "the HPET's counter stands still";
	if (!message_arrives())
		return "the HPET's message does not arrive";
	return NULL;
}

void timer_start(paddr_t base, u8 number)
{
	const char *missing = find(base ? phys_to_virt(base) : NULL, number);

	if (missing) {
		hpet = NULL;
		log_warn("no timer of its own: deferred work waits for the guest's next exit (%s)", missing);
	} else {
		log_info("timer: HPET comparator %u, %llu ticks in %llu us", comparator,
			 (unsigned long long)cal_ticks, (unsigned long long)cal_us);
	}
}
