/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `locks` and `stats`: counters of the other parts, for looking on.
 */
#include "core/lockcheck.h"
#include "core/log.h"
#include "core/monitor/internal.h"
#include "core/pages.h"
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

enum monitor_step monitor_show_stats(struct monitor_run *run)
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
	log_print("  addresses that nobody owns: %llu reads, %llu writes", (ull)run->vm->unowned_reads,
		  (ull)run->vm->unowned_writes);
	return MONITOR_DONE;
}
