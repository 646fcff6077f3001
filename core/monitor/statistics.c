/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `locks`, `stats` and `cpus`: counters of the other parts, for looking on. All run on the boot CPU; the others count meanwhile.
 */
#include "core/arch.h"
#include "core/counters.h"
#include "core/lockcheck.h"
#include "core/log.h"
#include "core/monitor/internal.h"
#include "core/pages.h"
#include "core/string.h"
#include "core/timer.h"
#include "core/work.h"
#include "drivers/iommu/iommu.h"
#include "drivers/vpci/vpci.h"

typedef unsigned long long ull;

enum monitor_step monitor_show_locks(struct monitor_run *run)
{
	struct lock_class_info info;

	if (!run->cursor) {
		if (!lockcheck_class(0, &info))
			return monitor_refuse("nothing is counted; needs a debug build: make DEBUG=1");
		log_print("  %-20s %12s %12s %6s", "class", "taken", "contended", "held");
	}
	for (unsigned int i = 1; i < MONITOR_STEP_LINES; i++) {
		if (!lockcheck_class(run->cursor, &info))
			return MONITOR_DONE;
		run->cursor++;
		log_print("  %-20s %12llu %12llu %6u", info.name, (ull)info.taken, (ull)info.contended,
			  info.held);
	}
	return MONITOR_MORE;
}

static void show_devices(void)
{
	struct vpci_stats vpci;

	log_print("  devices: %u of the guest, %u in quarantine, %u of Fairlead; room for %u more",
		  pci_domain_count(PCI_OWNER_GUEST), pci_domain_count(PCI_OWNER_QUARANTINE),
		  pci_domain_count(PCI_OWNER_FAIRLEAD), pci_objects_left());
	vpci_get_stats(&vpci);
	log_print("  configuration space: %llu reads, %llu writes (%llu refused); bytes passed: %llu read, "
		  "%llu written",
		  (ull)vpci.reads, (ull)vpci.writes, (ull)vpci.refused_writes, (ull)vpci.passed_reads,
		  (ull)vpci.passed_writes);
	for (struct iommu *iommu = iommu_first(); iommu; iommu = iommu->next)
		log_print("  IOMMU %u (%s): %llu faults", iommu->index, iommu->ops->name, (ull)iommu->faults);
}

static void show_parts(struct vm *vm)
{
	struct work_stats work;
	struct timer_stats timer;

	show_devices();
	work_get_stats(&work);
	timer_get_stats(&timer);
	log_print("  deferred work: %llu run, %llu times more than an exit takes", (ull)work.run,
		  (ull)work.left_over);
	log_print("  timers: %llu expired, latest by %llu us", (ull)timer.expired, (ull)timer.latest_us);
	log_print("  memory: %llu KiB of pool left", (ull)pages_left() * (PAGE_SIZE / 1024));
	log_print("  addresses that nobody owns: %llu reads, %llu writes", (ull)vm->unowned_reads,
		  (ull)vm->unowned_writes);
}

/* ---- one CPU's counters, then their sum: rows, of which those that are 0 are left out ---- */

#define EXITS_HEADING  0u
#define FIRST_EXIT     1u
#define EVENTS_HEADING (FIRST_EXIT + COUNTED_EXITS_MAX)
#define FIRST_EVENT    (EVENTS_HEADING + 1)
#define ROWS	       (FIRST_EVENT + COUNTED_EVENTS)

#define ALL_CPUS CPUS_MAX /* the sum is shown behind the last CPU */

static struct counters_snapshot shown; /* of the CPU whose rows are being shown, or the sum */
static struct counters_snapshot sum;   /* of those that were shown so far: */
static unsigned int summed;	       /* so many */

/* Takes what is to be shown. False: nothing: a CPU that has never counted, or one CPU's sum. */
static bool take_counters(unsigned int cpu)
{
	if (cpu == ALL_CPUS) {
		shown = sum;
		return summed > 1;
	}
	if (!counters_get(cpu, &shown) && cpu)
		return false; /* the boot CPU has its heading all the same */
	counters_add(&sum, &shown);
	summed++;
	return true;
}

static bool show_count(const char *name, u64 count)
{
	if (count)
		log_print("    %-20s %12llu", name, (ull)count);
	return count;
}

/* True: it has taken a line. */
static bool show_row(unsigned int cpu, unsigned int row)
{
	char whose[16] = "all CPUs";

	if (cpu != ALL_CPUS)
		fl_snprintf(whose, sizeof(whose), "CPU %u", cpu);
	if (row == EXITS_HEADING)
		log_print("  exits on %s: %llu", whose, (ull)shown.exits);
	else if (row < EVENTS_HEADING)
		return show_count(counters_exit_name(row - FIRST_EXIT), shown.exit[row - FIRST_EXIT]);
	else if (row == EVENTS_HEADING)
		log_print("  events on %s:", whose);
	else
		return show_count(counters_event_name(row - FIRST_EVENT), shown.event[row - FIRST_EVENT]);
	return true;
}

static enum monitor_step show_counters(u32 *cursor, bool restart)
{
	unsigned int lines = 0;

	for (; *cursor < (ALL_CPUS + 1) * ROWS; (*cursor)++) {
		unsigned int cpu = *cursor / ROWS, row = *cursor % ROWS;

		if (lines == MONITOR_STEP_LINES)
			return MONITOR_MORE;
		if (row == EXITS_HEADING && !take_counters(cpu)) {
			*cursor += ROWS - 1;
			continue;
		}
		lines += show_row(cpu, row);
		if (restart && row == ROWS - 1 && cpu != ALL_CPUS)
			counters_restart(cpu, &shown);
	}
	return MONITOR_DONE;
}

enum monitor_step monitor_show_stats(struct monitor_run *run)
{
	bool restart = run->words == 2;
	u32 row = run->cursor - 1; /* the first step has shown the other parts */
	enum monitor_step step = MONITOR_MORE;

	if (restart && strcmp(run->word[1], "-r"))
		return monitor_refuse("\"%s\" is no option of `stats`; there is -r", run->word[1]);
	if (!run->cursor) {
		show_parts(run->vm);
		memset(&sum, 0, sizeof(sum));
		summed = 0;
		row = 0;
	} else {
		step = show_counters(&row, restart);
	}
	run->cursor = row + 1;
	return step;
}

/* The cursor is the CPU. */
enum monitor_step monitor_show_cpus(struct monitor_run *run)
{
	struct arch_cpu_info info;

	for (unsigned int lines = 0; lines < MONITOR_STEP_LINES; lines++, run->cursor++) {
		if (!arch_cpu_info(run->cursor, &info))
			return MONITOR_DONE;
		(void)counters_get(run->cursor, &shown);
		log_print("  CPU %u: %s 0x%llx, %s, %llu exits", run->cursor, info.id_name, (ull)info.id, info.state,
			  (ull)shown.exits);
	}
	return MONITOR_MORE;
}
