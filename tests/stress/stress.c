/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stress run: threads play CPUs on the fake machine, with the real locks, and do all that the object
 * model must stand at once: lookups, the guest's config accesses, MSI and MSI-X, BARs that move, assign, deassign and
 * reset, remove and add again, virtual functions that come and go, devices that vanish. Built once with ThreadSanitizer
 * and once with the address and undefined-behaviour sanitizers.
 *
 *	stress [--threads N] [--lifecycles N] [--seed N]
 *
 * It checks as it goes that a device which was taken from the guest is reached neither by the guest's CPUs
 * nor its DMA, and at the end that every count is back where it began and the oracle has nothing to say. It
 * prints how much really overlapped and fails if the overlap was too small to mean anything.
 */
#define _GNU_SOURCE
#define FAKE_IOMMU_HERE
#define FAKE_THREADS_HERE
#include <pthread.h>
#include <stdarg.h>

#include "core/lockcheck.h"
#include "core/log.h"
#include "core/manage/manage.h"
#include "core/pages.h"
#include "core/rendezvous.h"
#include "core/timer.h"
#include "core/work.h"
#include "drivers/pci/group.h"
#include "drivers/pci/sriov.h"
#include "drivers/vpci/vpci.h"
#include "tests/fake/fake_iommu.h"
#include "tests/fake/fake_remap.h"
#include "tests/fake/fake_threads.h"
#include "tests/stress/stress.h"

struct vm ft_vm;

static struct {
	unsigned int threads;
	u64 lifecycles, seed;
} options = { .threads = 4, .lifecycles = 10000, .seed = 1 };

struct stress_counters counters;
_Atomic bool stop;
_Atomic bool failed;
_Atomic bool kicked[CPUS_MAX];

void arch_cpu_kick(unsigned int cpu)
{
	atomic_store_explicit(&kicked[cpu], true, memory_order_relaxed);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("stress: panic: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	abort();
}

void complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("stress: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	atomic_store(&failed, true);
}

/* ---- the machine ---- */

static bool may_map(void *ctx, gpa_t gpa, u64 size)
{
	(void)ctx;
	(void)size;
	return gpa >= 0x80000000u;
}

static const struct vpci_platform platform = { .may_map = may_map };
static const struct iommu_ops fake_ops = {
	.name = "fake",
	.covers = fi_covers,
	.enable = fi_enable,
	.domain_init = fi_domain_init,
	.attach = fi_attach,
	.block = fi_block,
	.invalidate = fi_invalidate,
	.lookup = fi_lookup,
	.device_tlb_invalidate = fi_device_tlb,
	.drain_faults = fi_drain,
	.fault_pending = fi_pending,
	.fault_message = fi_message,
	.describe = fi_describe,
};

static void must(int ret, const char *what)
{
	if (ret)
		panic("%s: %d", what, ret);
}

static void build_machine(void)
{
	struct ft_fn *pf;

	ft_add(PCI_BDF(0, 0, 0), 0x29c08086, 0x060000, 0);
	pf = ft_endpoint(PF_BDF, 9, 0xd0000000);
	ft_sriov(pf, PF_VFS, VF_BDF(0) - PF_BDF, VF_BDF(1) - VF_BDF(0), 0xd1000000);
	for (unsigned int i = 0; i < HOT; i++) {
		struct ft_fn *f = ft_endpoint(HOT_BDF(i), 9, HOT_BAR(i));

		ft_ats(f);
		if (HAS_MSIX(i))
			ft_msix(f, MSIX_MESSAGES);
	}
	ft_register();
}

/* What is said of a device that somebody pulled out is right; a CPU that does not come to rest is not. */
static void judge_line(enum log_level level, const char *line, size_t len)
{
	char text[LOG_LINE_MAX];

	(void)level;
	snprintf(text, sizeof(text), "%.*s", (int)len, line);
	if (strstr(text, "rendezvous") || strstr(text, "shoot-down"))
		complain("%s", text);
}

static void start_machine(void)
{
	void *memory = aligned_alloc(SIZE_2M, POOL_BYTES);

	pages_init(virt_to_phys(memory), POOL_BYTES);
	fi.unit.ops = &fake_ops;
	iommu_register(&fi.unit);
	must(pci_objects_init(OBJECTS), "objects");
	if (pci_enumerate() != 2 + HOT)
		panic("enumeration");
	pci_groups_compute();
	must(vm_init(&ft_vm, &pt_format_npt, 4, 1), "guest");
	must(iommu_enable_all(), "IOMMU");
	must(iommu_domain_init(&ft_vm.dma), "domain");
	ft_vm.dma_on = true;
	must(iommu_map(&ft_vm.dma, DMA_PAGE, DMA_PAGE, PAGE_SIZE, PT_READ | PT_WRITE), "DMA map");
	must(vpci_init(&ft_vm, &platform, OBJECTS), "vPCI");
	fake_remap_begin(true);
	fake_remap.threads = true;
	start_remapping();
	manage_init(&ft_vm);
	oracle_after_operations(true);
	log_set_sink(judge_line);
	pci_set_event_listener(stress_event, NULL);
}

/* ---- the threads ---- */

struct cpu {
	pthread_t thread;
	unsigned int index;
};

static void *run_cpu(void *ctx)
{
	struct cpu *cpu = ctx;
	struct actor actor = { .random = options.seed * 0x9e3779b97f4a7c15u + cpu->index + 1 };

	host_cpu = cpu->index;
	rendezvous_work();
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		act(&actor);
		exit_tail();
		lockcheck_vm_entry();
		be_the_guest(&actor);
		ft_tick();
		if (cpu->index == 0 && atomic_load_explicit(&counters.lifecycles, memory_order_relaxed) >= options.lifecycles)
			atomic_store(&stop, true);
	}
	drop_held(&actor);
	exit_tail();
	return NULL; /* at rest */
}

static void run_threads(void)
{
	struct cpu cpu[FT_THREADS_MAX];

	for (unsigned int i = 0; i < options.threads; i++) {
		cpu[i].index = i;
		if (pthread_create(&cpu[i].thread, NULL, run_cpu, &cpu[i]))
			panic("no thread");
	}
	for (unsigned int i = 0; i < options.threads; i++)
		pthread_join(cpu[i].thread, NULL);
}

/* One thread plays all CPUs until nothing is under way any more. */
static bool settle(void)
{
	for (unsigned int round = 0; round < 20000; round++) {
		for (host_cpu = 0; host_cpu < options.threads; host_cpu++) {
			exit_tail();
			ft_tick();
		}
		host_cpu = 0;
		if (round > 100 && nothing_under_way())
			return true;
	}
	return false;
}

/* ---- the verdict ---- */

static void check_share(const char *what, u64 part, u64 whole, unsigned int percent)
{
	if (part * 100 < whole * percent)
		complain("only %llu %s %llu; %u%% are needed for the run to mean anything", (unsigned long long)part, what,
			 (unsigned long long)whole, percent);
}

static void check_counters(void)
{
	static const struct {
		const char *name;
		_Atomic u64 *value;
	} all[] = {
		{ "lookups", &counters.lookups },
		{ "lookups that hit", &counters.hits },
		{ "lookups during a remove of that device", &counters.overlaps },
		{ "config accesses", &counters.config },
		{ "MSI set-ups", &counters.msi },
		{ "MSI-X set-ups", &counters.msix },
		{ "MSI-X messages delivered", &counters.msix_delivered },
		{ "messages changed while they may be sent", &counters.affinity },
		{ "messages changed under the mask", &counters.affinity_masked },
		{ "messages delivered", &counters.delivered },
		{ "messages delivered while they are changed", &counters.delivered_in_change },
		{ "messages kept back by a mask", &counters.masked_sends },
		{ "foreign messages blocked", &counters.forged },
		{ "flushes", &counters.flushes },
		{ "lifecycles (remove and add again)", &counters.lifecycles },
		{ "removes that others still held", &counters.in_progress },
		{ "removes refused", &counters.busy },
		{ "second removes", &counters.already },
		{ "removes after the end", &counters.nodev },
		{ "adds that found the slot occupied", &counters.add_busy },
		{ "assigned", &counters.assigned },
		{ "deassigned", &counters.deassigned },
		{ "reset in quarantine", &counters.resets },
		{ "operations refused", &counters.refused },
		{ "looks around by the oracle, beside operations", &counters.oracle_runs },
		{ "virtual functions enabled", &counters.vfs_on },
		{ "virtual functions disabled", &counters.vfs_off },
		{ "vanished", &counters.vanished },
		{ "guest accesses that reached a device", &counters.guest_reached },
		{ "guest accesses that reached nothing", &counters.guest_nothing },
		{ "devices switched off", &counters.switched_off },
		{ "kicks that ended an entry", &counters.kicked },
		{ "DMA let through", &counters.dma_reached },
		{ "DMA blocked", &counters.dma_blocked },
	};

	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		u64 value = atomic_load(all[i].value);

		printf("  %-44s %12llu\n", all[i].name, (unsigned long long)value);
		if (!value)
			complain("\"%s\" never happened: the run proves nothing about it", all[i].name);
	}
	check_share("hits in lookups:", counters.hits, counters.lookups, 30);
	check_share("overlapped a remove, of lookups:", counters.overlaps, counters.lookups, 10);
	/* Or most devices have no registers any more, and the checks on those wait for something that never comes. */
	check_share("guest accesses reached a device, beside misses:", counters.guest_reached, counters.guest_nothing, 2);
	check_share("MSI-X messages delivered, of set-ups:", counters.msix_delivered, counters.msix, 25);
}

static void parse(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--threads"))
			options.threads = (unsigned int)atoi(argv[i + 1]);
		else if (!strcmp(argv[i], "--lifecycles"))
			options.lifecycles = strtoull(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "--seed"))
			options.seed = strtoull(argv[i + 1], NULL, 10);
		else
			panic("unknown option %s", argv[i]);
	}
	if (options.threads < 2 || options.threads > FT_THREADS_MAX)
		panic("--threads: 2 to %u", FT_THREADS_MAX);
}

int main(int argc, char **argv)
{
	char text[ORACLE_TEXT_MAX];
	u64 pages;

	parse(argc, argv);
	ft_threads = options.threads;
	build_machine();
	start_machine();
	remember_baseline();
	pages = pages_left();
	run_threads();
	if (!settle())
		complain("an operation never came to its end");
	put_all_back();
	if (!settle())
		complain("the last clean-up never came to its end");
	printf("stress: %u threads, seed %llu\n", options.threads, (unsigned long long)options.seed);
	compare_entries();
	check_counters();
	compare_with_baseline();
	if (pages_left() != pages)
		printf("  pages of the pool: %llu before, %llu after (page tables stay)\n", (unsigned long long)pages,
		       (unsigned long long)pages_left());
	if (oracle_check(&ft_vm, text))
		complain("oracle: %s", text);
	puts(atomic_load(&failed) ? "stress: FAILED" : "stress: passed");
	return atomic_load(&failed);
}
