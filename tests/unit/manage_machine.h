/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole machine for the tests of core/manage: configuration space (fake_pci.h), an IOMMU that caches
 * (fake_iommu.h), the real guest tables, and a clock that only the tests move. Everything between is the real
 * thing.
 *
 * Include after cmocka.h.
 */
#ifndef TESTS_MANAGE_MACHINE_H
#define TESTS_MANAGE_MACHINE_H

#define FAKE_IOMMU_HERE

#include <pthread.h>

#include "core/errno.h"
#include "core/lockcheck.h"
#include "core/log.h"
#include "core/manage/internal.h"
#include "core/pages.h"
#include "drivers/pci/group.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/msi.h"
#include "drivers/pci/sriov.h"
#include "drivers/vpci/vpci.h"
#include "tests/fake/fake_iommu.h"
#include "tests/fake/fake_pci.h"
#include "tests/fake/fake_remap.h"

#define POOL_SIZE (8 * SIZE_2M)

#define NIC    PCI_BDF(0, 2, 0) /* FLR, MSI, memory and I/O BARs */
#define PAIR_A PCI_BDF(0, 3, 0) /* two whose registers share a page; FLR */
#define PAIR_B PCI_BDF(0, 4, 0)
#define PLAIN  PCI_BDF(0, 5, 0) /* cannot be reset */
#define PORT   PCI_BDF(0, 6, 0)
#define BEHIND PCI_BDF(1, 0, 0) /* FLR, below the port */
#define PF     PCI_BDF(0, 7, 0)

#define NIC_BAR	  0xfeb80000u
#define NIC_PORTS 0xc040u
#define DMA_PAGE  0x200000u  /* RAM of the guest */
#define OURS	  0x2000000u /* Fairlead's */

/* ---- what the architecture has ---- */

static _Atomic u64 now_us;

u64 arch_time_us(void)
{
	return atomic_fetch_add(&now_us, 5);
}

void arch_cpu_relax(void)
{
	atomic_fetch_add(&now_us, 1000);
}

static char panic_text[300];
static bool panic_expected; /* once; it returns to panic_return */
static jmp_buf panic_return;

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(panic_text, sizeof(panic_text), fmt, ap);
	va_end(ap);
	if (panic_expected) {
		panic_expected = false;
		longjmp(panic_return, 1);
	}
	fail_msg("panic: %s", panic_text);
	abort();
}

static char log_text[1 << 18];

static void sink(enum log_level level, const char *line, size_t len)
{
	size_t used = strlen(log_text);

	if (used + len + 2 < sizeof(log_text))
		snprintf(log_text + used, sizeof(log_text) - used, "%.*s\n", (int)len, line);
}

static inline bool logged(const char *words)
{
	return strstr(log_text, words) != NULL;
}

/* ---- the guest's ports: which of them answer ---- */

static bool port_open[65536];

static int map_ports(void *ctx, u16 port, u16 host, u32 size, bool on)
{
	for (u32 i = 0; i < size; i++)
		port_open[port + i] = on;
	return 0;
}

static bool may_map(void *ctx, gpa_t gpa, u64 size)
{
	return gpa >= 0x80000000u;
}

static const struct vpci_platform platform = { .map_ports = map_ports, .may_map = may_map };

static u16 uncovered; /* no unit translates for it; 0: each is covered */

static enum iommu_cover covers(struct iommu *iommu, struct pci_dev *dev)
{
	return uncovered && dev->sbdf.bdf == uncovered ? IOMMU_COVERS_NOT : IOMMU_COVERS_THE_REST;
}

static const struct iommu_ops iommu_functions = {
	.name = "fake",
	.covers = covers,
	.enable = fi_enable,
	.domain_init = fi_domain_init,
	.attach = fi_attach,
	.block = fi_block,
	.invalidate = fi_invalidate,
	.lookup = fi_lookup,
	.drain_faults = fi_drain,
	.fault_pending = fi_pending,
	.fault_message = fi_message,
	.describe = fi_describe,
};

/* ---- events ---- */

static struct pci_event events[64];
static unsigned int event_count;

static void listen(const struct pci_event *event, void *ctx)
{
	assert_true(event_count < ARRAY_SIZE(events));
	events[event_count++] = *event;
}

/* ---- the machine ---- */

static u8 *pool;
static struct vm vm;
static struct memmap memory;
static struct fake_fn *nic, *pair_a, *pair_b, *plain, *port, *behind, *pf;

static inline struct fake_fn *endpoint(u16 bdf, u32 bar, u32 size)
{
	struct fake_fn *f = fake_add(bdf, 0x8086, 0x10d3, 0x020000, 0);

	fake_put(f->cfg, 0x04, 2, 0x0107); /* decoding, bus mastering */
	fake_bar(f, 0, size, 0, bar);
	return f;
}

static inline void add_msi(struct fake_fn *f)
{
	unsigned int msi = fake_cap(f, 0x50, 0x05);

	fake_set(f, msi + 2, 2, 0x0086, 0x0071, 0); /* 64-bit, 8 messages */
	fake_set(f, msi + 4, 4, 0, 0xfffffffc, 0);
	fake_set(f, msi + 8, 4, 0, 0xffffffff, 0);
	fake_set(f, msi + 12, 2, 0, 0xffff, 0);
}

static inline void build(void)
{
	fake_add(PCI_BDF(0, 0, 0), 0x8086, 0x29c0, 0x060000, 0);
	nic = endpoint(NIC, NIC_BAR, 0x4000);
	fake_bar(nic, 1, 0x20, 1, NIC_PORTS);
	add_msi(nic);
	fake_express(nic, 0x80, 9);
	pair_a = endpoint(PAIR_A, 0xfea00100, 0x100);
	fake_express(pair_a, 0x80, 9);
	pair_b = endpoint(PAIR_B, 0xfea00200, 0x100);
	fake_express(pair_b, 0x80, 9);
	plain = endpoint(PLAIN, 0xfea10000, 0x1000);
	port = fake_add_bridge(PORT, 1, 1);
	fake_express(port, 0x40, 4);
	behind = endpoint(BEHIND, 0xfe800000, 0x1000);
	fake_express(behind, 0x80, 0);
	pf = endpoint(PF, 0xfea20000, 0x1000);
	fake_express(pf, 0x80, 9);
}

static inline void ok(int ret)
{
	assert_int_equal(ret, 0);
}

static inline void start_guest(void)
{
	memset(&memory, 0, sizeof(memory));
	ok(memmap_add(&memory, 0x100000, 0x1f00000, MEM_RAM));
	ok(memmap_add(&memory, OURS, 0x400000, MEM_FAIRLEAD));
	ok(vm_init(&vm, &pt_format_npt, 4, 1));
	ok(iommu_enable_all());
	ok(iommu_domain_init(&vm.dma));
	vm.dma.root = virt_to_phys(vm.dma.table.root);
	vm.dma_on = true;
	ok(vm_map_memory(&vm, &memory));
	ok(vpci_init(&vm, &platform, 16));
	fake_remap_begin(true);
	manage_init(&vm);
	oracle_set_memory(&memory);
	oracle_after_operations(true);
	pci_set_event_listener(listen, NULL);
}

static inline void idle(unsigned int rounds)
{
	while (rounds--) {
		atomic_fetch_add(&now_us, 1000);
		exit_tail();
		lockcheck_vm_entry();
	}
}

static inline bool anything_under_way(void)
{
	struct pci_dev_info info;
	u32 from = 0;

	while (pci_dev_info_next(&from, &info)) {
		if (info.state != PCI_LIVE || info.op != PCI_OP_NONE)
			return true;
	}
	return work_pending();
}

/* Exits of the guest until nothing is under way. */
static inline void settle(void)
{
	for (unsigned int i = 0; i < 20000; i++) {
		idle(1);
		if (!anything_under_way())
			return;
	}
	fail_msg("an operation does not come to its end");
}

static inline struct sbdf at(u16 bdf)
{
	return (struct sbdf){ 0, bdf };
}

/* The object; a test's machine does not change behind its back. */
static inline struct pci_dev *device(u16 bdf)
{
	struct pci_dev *dev = pci_dev_find(at(bdf));

	assert_non_null(dev);
	pci_dev_put(dev, PCI_REF_TRANSIENT);
	return dev;
}

static inline struct pci_dev_info info_of(u16 bdf)
{
	struct pci_dev_info info;
	u32 from = bdf;

	assert_true(pci_dev_info_next(&from, &info));
	assert_int_equal(info.sbdf.bdf, bdf);
	return info;
}

static inline void give(u16 bdf)
{
	struct pci_reason why;
	int ret = manage_give_at_boot(device(bdf), &why);

	if (ret)
		fail_msg("%02x.%x: %s (%d)", PCI_DEV(bdf), PCI_FN(bdf), why.text, ret);
}

static inline void oracle_is_content(void)
{
	char text[ORACLE_TEXT_MAX];

	if (oracle_check(&vm, text))
		fail_msg("oracle: %s", text);
}

static inline void forget_events(void)
{
	event_count = 0;
	log_text[0] = '\0';
}

/* All of the guest's but PLAIN and PF, as after boot. */
static inline int boot(void **state)
{
	pool = aligned_alloc(SIZE_2M, POOL_SIZE);
	pages_init(virt_to_phys(pool), POOL_SIZE);
	lockcheck_reset();
	log_text[0] = '\0';
	log_set_sink(sink);
	memset(port_open, 1, sizeof(port_open));
	memset(&fi, 0, sizeof(fi));
	manage_fault = NULL;
	uncovered = 0;
	fake_machine_reset();
	build();
	iommu_forget_all();
	fi.unit.ops = &iommu_functions;
	iommu_register(&fi.unit);
	ok(pci_objects_init(32));
	assert_int_equal(pci_enumerate(), 8);
	pci_groups_compute();
	start_guest();
	for (struct pci_dev *d = pci_dev_next(NULL); d; d = pci_dev_next(d)) {
		if (d->sbdf.bdf != PLAIN && d->sbdf.bdf != PF)
			give(d->sbdf.bdf);
	}
	oracle_is_content();
	forget_events();
	return 0;
}

static inline int shutdown_machine(void **state)
{
	manage_fault = NULL;
	settle();
	assert_int_equal(fake.bad_accesses, 0);
	log_set_sink(NULL);
	pci_set_event_listener(NULL, NULL);
	oracle_after_operations(false);
	free(pool);
	return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, boot, shutdown_machine)

#endif
