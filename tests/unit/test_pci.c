/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Enumeration, BAR sizing, capability walks and device objects, on a fake machine. The machines that lie
 * are the point: loops, reversed bus numbers, functions that vanish in between.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/pages.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/pci.h"
#include "tests/fake/fake_pci.h"

#define POOL_SIZE (8 * SIZE_2M)
#define POOL_DEVICES 512

void arch_cpu_relax(void)
{
	sched_yield();
}

void panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

static char log_text[65536];

static void sink(enum log_level level, const char *line, size_t len)
{
	size_t used = strlen(log_text);

	if (used + len + 2 < sizeof(log_text))
		snprintf(log_text + used, sizeof(log_text) - used, "%.*s\n", (int)len, line);
}

static bool logged(const char *words)
{
	return strstr(log_text, words) != NULL;
}

static u8 *pool;

static int setup(void **state)
{
	pool = aligned_alloc(SIZE_2M, POOL_SIZE);
	pages_init(virt_to_phys(pool), POOL_SIZE);
	log_text[0] = '\0';
	log_set_sink(sink);
	log_set_level(LOG_DEBUG);
	fake_machine_reset();
	return pci_objects_init(POOL_DEVICES);
}

static int teardown(void **state)
{
	log_set_sink(NULL);
	free(pool);
	return 0;
}

static struct pci_dev *found(u16 bdf)
{
	struct pci_dev *dev = pci_dev_find((struct sbdf){ 0, bdf });

	if (dev)
		pci_dev_put(dev, PCI_REF_TRANSIENT);
	return dev;
}

static struct pci_dev *must_find(u16 bdf)
{
	struct pci_dev *dev = found(bdf);

	assert_non_null(dev);
	return dev;
}

static struct pci_dev *first(void)
{
	struct pci_dev *dev = pci_dev_next(NULL);

	if (dev)
		pci_dev_put(dev, PCI_REF_TRANSIENT);
	return dev;
}

/* ---- which functions there are ---- */

static void test_nothing_there(void **state)
{
	assert_int_equal(pci_enumerate(), -ENODEV);
	assert_null(first());
}

static void test_identity(void **state)
{
	struct pci_dev *dev;

	fake_add(PCI_BDF(0, 2, 0), 0x8086, 0x10d3, 0x020000, 0);
	assert_int_equal(pci_enumerate(), 1);
	dev = must_find(PCI_BDF(0, 2, 0));
	assert_int_equal(dev->vendor, 0x8086);
	assert_int_equal(dev->device, 0x10d3);
	assert_int_equal(dev->class_code, 0x020000);
	assert_int_equal(dev->revision, 0x01);
	assert_int_equal(dev->subsystem_vendor, 0x1af4);
	assert_int_equal(dev->subsystem, 0x1100);
	assert_int_equal(dev->header_type, 0);
	assert_false(dev->multifunction);
	assert_int_equal(dev->state, PCI_LIVE);
	assert_int_equal(dev->owner, PCI_OWNER_QUARANTINE);
	assert_int_equal(dev->cfg_size, 256);
	assert_null(dev->parent);
}

/* PCI Local Bus 3.0, 3.2.2.3.4: functions above 0 exist only behind a multi-function function 0. */
static void test_multifunction_rule(void **state)
{
	fake_add(PCI_BDF(0, 3, 0), 0x8086, 1, 0x030000, 0x00);
	fake_add(PCI_BDF(0, 3, 1), 0x8086, 2, 0x030000, 0x00); /* must not be seen */
	fake_add(PCI_BDF(0, 4, 0), 0x8086, 3, 0x030000, 0x80);
	fake_add(PCI_BDF(0, 4, 7), 0x8086, 4, 0x030000, 0x00);
	fake_add(PCI_BDF(0, 5, 3), 0x8086, 5, 0x030000, 0x80); /* no function 0 */
	assert_int_equal(pci_enumerate(), 3);
	assert_null(found(PCI_BDF(0, 3, 1)));
	assert_null(found(PCI_BDF(0, 5, 3)));
	assert_true(must_find(PCI_BDF(0, 4, 0))->multifunction);
	assert_non_null(found(PCI_BDF(0, 4, 7)));
}

static void test_vendor_zero_and_retry(void **state)
{
	fake_add(PCI_BDF(0, 1, 0), 0x0000, 1, 0x020000, 0);
	fake_add(PCI_BDF(0, 2, 0), 0x0001, 0xffff, 0x020000, 0);
	fake_add(PCI_BDF(0, 3, 0), 0x8086, 1, 0x020000, 0);
	assert_int_equal(pci_enumerate(), 1);
	assert_true(logged("0000:00:02.0 is not ready"));
}

static void test_unknown_header_type(void **state)
{
	fake_add(PCI_BDF(0, 1, 0), 0x8086, 1, 0x020000, 0x03);
	fake_add(PCI_BDF(0, 2, 0), 0x8086, 1, 0x060700, 0x02);
	assert_int_equal(pci_enumerate(), 1);
	assert_true(logged("header type 0x03"));
	assert_int_equal(pci_objects_left(), POOL_DEVICES - 1);
}

static void test_bridges(void **state)
{
	struct pci_dev *dev;

	fake_add_bridge(PCI_BDF(0, 1, 0), 1, 3);
	fake_add_bridge(PCI_BDF(1, 0, 0), 2, 2);
	fake_add_bridge(PCI_BDF(1, 1, 0), 3, 3);
	fake_add(PCI_BDF(2, 5, 0), 0x8086, 1, 0x020000, 0);
	fake_add(PCI_BDF(3, 6, 0), 0x8086, 2, 0x020000, 0);
	assert_int_equal(pci_enumerate(), 5);
	dev = must_find(PCI_BDF(3, 6, 0));
	assert_ptr_equal(dev->parent, must_find(PCI_BDF(1, 1, 0)));
	assert_ptr_equal(dev->parent->parent, must_find(PCI_BDF(0, 1, 0)));
	assert_int_equal(dev->parent->secondary_bus, 3);
	assert_int_equal(must_find(PCI_BDF(0, 1, 0))->subordinate_bus, 3);
	/* Order of the list: bus, device, function. */
	u32 last = 0;

	for (struct pci_dev *d = pci_dev_next(NULL); d; d = pci_dev_next(d)) {
		assert_true(d->sbdf.bdf >= last);
		last = d->sbdf.bdf + 1u;
	}
}

static void test_bridge_numbers_are_not_believed(void **state)
{
	fake_add_bridge(PCI_BDF(0, 1, 0), 0, 0);   /* unset */
	fake_add_bridge(PCI_BDF(0, 2, 0), 5, 4);   /* reversed */
	fake_add_bridge(PCI_BDF(0, 3, 0), 6, 7);
	fake_add_bridge(PCI_BDF(0, 4, 0), 6, 6);   /* taken */
	fake_add_bridge(PCI_BDF(6, 0, 0), 6, 6);   /* itself */
	fake_add_bridge(PCI_BDF(6, 1, 0), 7, 200); /* beyond the one above */
	assert_int_equal(pci_enumerate(), 6);
	assert_true(logged("0000:00:01.0: bus numbers 0-0 are unset"));
	assert_true(logged("0000:00:02.0: bus numbers 5-4 are reversed"));
	assert_true(logged("0000:00:04.0: bus numbers 6-6 are another"));
	assert_true(logged("0000:06:00.0: bus numbers 6-6 are leading back"));
	assert_true(logged("0000:06:01.0: bus numbers 7-200 are outside"));
	assert_int_equal(must_find(PCI_BDF(0, 1, 0))->secondary_bus, 0);
}

/* A bridge that leads to bus 0 again: each function is found once. */
static void test_bridge_loop(void **state)
{
	fake_add_bridge(PCI_BDF(0, 1, 0), 1, 255);
	fake_add_bridge(PCI_BDF(1, 0, 0), 0, 255);
	fake_add(PCI_BDF(0, 9, 0), 0x8086, 1, 0x020000, 0);
	assert_int_equal(pci_enumerate(), 3);
}

static void test_longest_chain(void **state)
{
	for (unsigned int bus = 0; bus < 15; bus++)
		fake_add_bridge(PCI_BDF(bus, 0, 0), (u8)(bus + 1), 15);
	fake_add(PCI_BDF(15, 0, 0), 0x8086, 1, 0x020000, 0);
	assert_int_equal(pci_enumerate(), 16);
	assert_non_null(must_find(PCI_BDF(15, 0, 0))->parent);
}

static void test_second_root_bus(void **state)
{
	fake.root[0x80] = true;
	fake_add(PCI_BDF(0, 0, 0), 0x8086, 1, 0x060000, 0);
	fake_add_bridge(PCI_BDF(0x80, 1, 0), 0x81, 0x81);
	fake_add(PCI_BDF(0x81, 0, 0), 0x8086, 2, 0x020000, 0);
	assert_int_equal(pci_enumerate(), 3);
	assert_null(must_find(PCI_BDF(0x80, 1, 0))->parent);
	assert_ptr_equal(must_find(PCI_BDF(0x81, 0, 0))->parent, must_find(PCI_BDF(0x80, 1, 0)));
}

/*
 * PCIe base spec 6.0, 7.3.1: a root port's link leads to device 0 only; something that answers to all
 * numbers is one device.
 */
static void test_one_device_on_a_link(void **state)
{
	struct fake_fn *port = fake_add_bridge(PCI_BDF(0, 1, 0), 1, 1);

	fake_express(port, 0x40, 4);
	fake_add(PCI_BDF(1, 0, 0), 0x8086, 2, 0x020000, 0);
	fake_add(PCI_BDF(1, 7, 0), 0x8086, 2, 0x020000, 0);
	assert_int_equal(pci_enumerate(), 2);
	assert_null(found(PCI_BDF(1, 7, 0)));
}

static void test_ari_functions(void **state)
{
	struct fake_fn *port = fake_add_bridge(PCI_BDF(0, 1, 0), 1, 1);
	unsigned int cap = fake_express(port, 0x40, 4);

	fake_put(port->cfg, cap + 0x28, 2, 0x0020); /* ARI forwarding */
	fake_add(PCI_BDF(1, 0, 0), 0x8086, 2, 0x020000, 0);
	fake_add(PCI_BDF(1, 2, 3), 0x8086, 3, 0x020000, 0); /* function 19 */
	assert_int_equal(pci_enumerate(), 3);
	assert_non_null(found(PCI_BDF(1, 2, 3)));
}

static void test_pool_too_small(void **state)
{
	assert_int_equal(pci_objects_init(2), 0);
	for (unsigned int i = 0; i < 3; i++)
		fake_add(PCI_BDF(0, i, 0), 0x8086, 1, 0x020000, 0);
	assert_int_equal(pci_enumerate(), -ENOMEM);
	assert_true(logged("more functions than the pool"));
}

/* Whenever it vanishes, nothing of it stays and the rest is found. */
static void test_function_vanishes_at_each_read(void **state)
{
	for (unsigned int reads = 2; reads < 40; reads++) {
		struct fake_fn *f;

		fake_machine_reset();
		assert_int_equal(pci_objects_init(8), 0);
		f = fake_add(PCI_BDF(0, 1, 0), 0x8086, 1, 0x020000, 0);
		fake_bar(f, 0, 0x20000, 0, 0xfe000000);
		fake_add(PCI_BDF(0, 2, 0), 0x8086, 2, 0x020000, 0);
		f->vanish_after_reads = reads;
		assert_in_range(pci_enumerate(), 1, 2);
		assert_non_null(found(PCI_BDF(0, 2, 0)));
		if (!found(PCI_BDF(0, 1, 0)))
			assert_int_equal(pci_objects_left(), 7);
	}
}

static void test_extended_space(void **state)
{
	struct fake_fn *f = fake_add(PCI_BDF(0, 1, 0), 0x8086, 1, 0x020000, 0);
	struct fake_fn *alias = fake_add(PCI_BDF(0, 2, 0), 0x8086, 2, 0x020000, 0);
	struct fake_fn *cut = fake_add(PCI_BDF(0, 3, 0), 0x8086, 3, 0x020000, 0);

	fake_express(f, 0x40, 0);
	fake_express(alias, 0x40, 0);
	fake_put(alias->cfg, 0x100, 4, 0x00028086); /* the header again */
	fake_express(cut, 0x40, 9);
	cut->size = 256;
	assert_int_equal(pci_enumerate(), 3);
	assert_int_equal(must_find(PCI_BDF(0, 1, 0))->cfg_size, 4096);
	assert_int_equal(must_find(PCI_BDF(0, 2, 0))->cfg_size, 256);
	assert_int_equal(must_find(PCI_BDF(0, 3, 0))->cfg_size, 256);
	assert_int_equal(must_find(PCI_BDF(0, 3, 0))->pcie_type, 9);
	assert_int_equal(must_find(PCI_BDF(0, 3, 0))->pcie_cap, 0x40);
}

/* ---- BARs ---- */

static void assert_bar(const struct pci_dev *dev, unsigned int i, enum pci_bar_type type, u64 base, u64 size,
		       bool pref)
{
	assert_int_equal(dev->bar[i].type, type);
	assert_int_equal(dev->bar[i].base, base);
	assert_int_equal(dev->bar[i].size, size);
	assert_int_equal(dev->bar[i].prefetchable, pref);
}

static void test_bar_kinds(void **state)
{
	struct fake_fn *f = fake_add(PCI_BDF(0, 1, 0), 0x8086, 1, 0x020000, 0);
	u8 before[4096];
	struct pci_dev *dev;

	fake_bar(f, 0, 0x20000, 0x0, 0xfeb80000);
	fake_bar(f, 1, 0x20, 0x1, 0xc040);
	fake_set(f, 0x14, 4, 0xc041, 0x0000ffe0, 0); /* upper 16 bits are wired to 0 */
	fake_bar(f, 2, 0x400000000ull, 0xc, 0x8000000000ull);
	fake_bar(f, 4, 16, 0x8, 0xfebf0010);
	fake_bar(f, 5, 0x1000, 0x0, 0);
	fake_rom(f, 0x40000, 0xfe000001);
	fake_put(f->cfg, 0x04, 2, 0x0507);
	memcpy(before, f->cfg, sizeof(before));
	assert_int_equal(pci_enumerate(), 1);
	assert_memory_equal(before, f->cfg, sizeof(before));
	assert_int_equal(f->moved_while_decoding, 0);
	dev = must_find(PCI_BDF(0, 1, 0));
	assert_bar(dev, 0, PCI_BAR_MEM32, 0xfeb80000, 0x20000, false);
	assert_bar(dev, 1, PCI_BAR_IO, 0xc040, 0x20, false);
	assert_bar(dev, 2, PCI_BAR_MEM64, 0x8000000000ull, 0x400000000ull, true);
	assert_int_equal(dev->bar[3].type, PCI_BAR_MEM64_HIGH);
	assert_bar(dev, 4, PCI_BAR_MEM32, 0xfebf0010, 16, true);
	assert_bar(dev, 5, PCI_BAR_MEM32, 0, 0x1000, false); /* not assigned */
	assert_bar(dev, PCI_ROM_BAR, PCI_BAR_MEM32, 0xfe000000, 0x40000, false);
}

/* Status is beside Command in one dword: its error bits must survive the sizing. */
static void test_sizing_disturbs_nothing(void **state)
{
	struct fake_fn *f = fake_add(PCI_BDF(0, 1, 0), 0x8086, 1, 0x020000, 0);
	struct fake_fn *host = fake_add(PCI_BDF(0, 0, 0), 0x8086, 0x29c0, 0x060000, 0);
	struct fake_fn *isa = fake_add(PCI_BDF(0, 31, 0), 0x8086, 0x2918, 0x060100, 0x80);
	struct fake_fn *bridge = fake_add_bridge(PCI_BDF(0, 2, 0), 1, 1);
	u8 bridge_before[4096];

	fake_bar(f, 0, 0x1000, 0, 0xfe000000);
	fake_put(f->cfg, 0x04, 4, 0xf9000007);
	fake_bar(host, 0, 0x1000, 0, 0xfed10000);
	fake_bar(bridge, 0, 0x1000, 0, 0xfe100000);
	memcpy(bridge_before, bridge->cfg, sizeof(bridge_before));
	assert_int_equal(pci_enumerate(), 4);
	assert_int_equal(fake_reg(f, 0x04, 4), 0xf9000007);
	assert_int_equal(host->writes, 0);
	assert_int_equal(isa->writes, 0);
	assert_int_equal(must_find(PCI_BDF(0, 0, 0))->bar[0].type, PCI_BAR_NONE);
	assert_memory_equal(bridge_before, bridge->cfg, sizeof(bridge_before));
	assert_int_equal(bridge->moved_while_decoding, 0);
	assert_bar(must_find(PCI_BDF(0, 2, 0)), 0, PCI_BAR_MEM32, 0xfe100000, 0x1000, false);
	/* What is behind the bridge's own two BARs are bus numbers and windows. */
	assert_int_equal(must_find(PCI_BDF(0, 2, 0))->bar[2].type, PCI_BAR_NONE);
	assert_int_equal(fake.bad_accesses, 0);
}

static void test_malformed_bars(void **state)
{
	struct fake_fn *f = fake_add(PCI_BDF(0, 1, 0), 0x8086, 1, 0x020000, 0);
	struct pci_dev *dev;

	fake_set(f, 0x10, 4, 0x2, 0xfffff000, 0);   /* "below 1 MiB" */
	fake_set(f, 0x14, 4, 0x6, 0xfffff000, 0);   /* reserved type */
	fake_set(f, 0x18, 4, 0x1, 0x00000000, 0);   /* I/O without an address bit */
	fake_set(f, 0x1c, 4, 0x1, 0xfff00000, 0);   /* I/O of 1 MiB */
	fake_set(f, 0x20, 4, 0xfffff000, 0xfffff000, 0); /* firmware left its sizing */
	fake_set(f, 0x24, 4, 0x4, 0xfffff000, 0);   /* 64-bit in the last register */
	assert_int_equal(pci_enumerate(), 1);
	dev = must_find(PCI_BDF(0, 1, 0));
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(dev->bar[i].type, PCI_BAR_NONE);
	assert_bar(dev, 4, PCI_BAR_MEM32, 0, 0x1000, false);
	assert_int_equal(dev->bar[5].type, PCI_BAR_NONE);
	assert_true(logged("BAR of a type that does not exist"));
}

/* ---- capabilities ---- */

struct walk {
	unsigned int count;
	unsigned int offsets[2000];
	u16 ids[2000];
};

static int remember(struct pci_dev *dev, unsigned int offset, u16 id, unsigned int version, void *ctx)
{
	struct walk *w = ctx;

	w->offsets[w->count] = offset;
	w->ids[w->count++] = id;
	return 0;
}

static struct pci_dev *one_device(struct fake_fn **f)
{
	*f = fake_add(PCI_BDF(0, 1, 0), 0x8086, 1, 0x020000, 0);
	fake_express(*f, 0x40, 0);
	assert_int_equal(pci_enumerate(), 1);
	return must_find(PCI_BDF(0, 1, 0));
}

static void test_cap_walk(void **state)
{
	struct fake_fn *f;
	struct pci_dev *dev = one_device(&f);
	struct walk w = { 0 };

	fake_cap(f, 0xfc, 0x01);
	fake_cap(f, 0x80, 0x05);
	assert_int_equal(pci_for_each_cap(dev, remember, &w), 0);
	assert_int_equal(w.count, 3);
	assert_int_equal(w.offsets[1], 0xfc);
	assert_int_equal(pci_find_cap(dev, 0x05), 0x80);
	assert_int_equal(pci_find_cap(dev, 0x11), 0);
	f->cfg[0x06] &= 0xef; /* Status says there is no list */
	assert_int_equal(pci_find_cap(dev, 0x05), 0);
}

static void test_cap_walk_is_bounded(void **state)
{
	struct fake_fn *f;
	struct pci_dev *dev = one_device(&f);
	struct walk w = { 0 };

	f->cfg[0x41] = 0x40; /* to itself */
	assert_int_equal(pci_for_each_cap(dev, remember, &w), 0);
	assert_int_equal(w.count, 1);
	fake_cap(f, 0x80, 0x05);
	f->cfg[0x41] = 0x80;
	f->cfg[0x81] = 0x43; /* low bits are reserved: back to 0x40 */
	w.count = 0;
	assert_int_equal(pci_for_each_cap(dev, remember, &w), 0);
	assert_int_equal(w.count, 2);
	f->cfg[0x81] = 0x3c; /* into the header */
	w.count = 0;
	assert_int_equal(pci_for_each_cap(dev, remember, &w), 0);
	assert_int_equal(w.count, 2);
	for (unsigned int o = 0x40; o < 0x100; o += 4) { /* as many as fit, in a ring */
		f->cfg[o] = 0x09;
		f->cfg[o + 1] = (u8)(o + 4);
	}
	f->cfg[0xfd] = 0x40;
	f->cfg[0x34] = 0x40;
	w.count = 0;
	assert_int_equal(pci_for_each_cap(dev, remember, &w), 0);
	assert_int_equal(w.count, 48);
}

static void test_ext_cap_walk_is_bounded(void **state)
{
	struct fake_fn *f;
	struct pci_dev *dev;
	struct walk w = { 0 };

	f = fake_add(PCI_BDF(0, 1, 0), 0x8086, 1, 0x020000, 0);
	fake_express(f, 0x40, 0);
	fake_ext_cap(f, 0x100, 0x0001, 2);
	fake_ext_cap(f, 0xffc, 0x0003, 1);
	assert_int_equal(pci_enumerate(), 1);
	dev = must_find(PCI_BDF(0, 1, 0));
	assert_int_equal(pci_for_each_ext_cap(dev, remember, &w), 0);
	assert_int_equal(w.count, 2);
	assert_int_equal(pci_find_ext_cap(dev, 0x0003), 0xffc);
	fake_put(f->cfg, 0xffc, 4, 0x10010003); /* a loop */
	w.count = 0;
	assert_int_equal(pci_for_each_ext_cap(dev, remember, &w), 0);
	assert_int_equal(w.count, 2);
	fake_put(f->cfg, 0xffc, 4, 0x04010003); /* 0x040: not extended space */
	w.count = 0;
	assert_int_equal(pci_for_each_ext_cap(dev, remember, &w), 0);
	assert_int_equal(w.count, 2);
	for (unsigned int o = 0x100; o < 0x1000; o += 4)
		fake_put(f->cfg, o, 4, 0x0001000b | (o + 4 == 0x1000 ? 0x100 : o + 4) << 20);
	w.count = 0;
	assert_int_equal(pci_for_each_ext_cap(dev, remember, &w), 0);
	assert_int_equal(w.count, 960);
	fake_put(f->cfg, 0x100, 4, 0);
	assert_int_equal(pci_find_ext_cap(dev, 0x000b), 0);
	fake_vanish(f);
	w.count = 0;
	assert_int_equal(pci_for_each_ext_cap(dev, remember, &w), 0);
	assert_int_equal(pci_for_each_cap(dev, remember, &w), 0);
	assert_int_equal(w.count, 0);
}

/* ---- objects ---- */

static void test_lookup(void **state)
{
	struct pci_dev *dev;

	fake_add(PCI_BDF(0, 1, 0), 0x8086, 1, 0x020000, 0);
	assert_int_equal(pci_enumerate(), 1);
	dev = pci_dev_find((struct sbdf){ 0, PCI_BDF(0, 1, 0) });
	assert_non_null(dev);
	assert_int_equal(refcnt_read(&dev->refs), 3); /* BASE, OWNER, ours */
#ifdef FL_DEBUG
	assert_int_equal(dev->refs_by_kind[PCI_REF_TRANSIENT], 1);
	assert_int_equal(dev->refs_by_kind[PCI_REF_BASE], 1);
#endif
	pci_dev_put(dev, PCI_REF_TRANSIENT);
	assert_null(pci_dev_find((struct sbdf){ 0, PCI_BDF(0, 1, 1) }));
	assert_null(pci_dev_find((struct sbdf){ 0, PCI_BDF(9, 1, 0) }));
	assert_null(pci_dev_find((struct sbdf){ 7, PCI_BDF(0, 1, 0) }));
}

static void test_gone(void **state)
{
	struct fake_fn *f;
	struct pci_dev *dev = one_device(&f);
	unsigned long reads, writes;

	fake_vanish(f);
	assert_int_equal(pci_dev_read(dev, 0x04, 2), 0xffff);
	assert_false(dev->flags & PCI_FLAG_GONE); /* one register of ones proves nothing */
	assert_int_equal(pci_dev_read(dev, 0x00, 4), 0xffffffff);
	assert_true(dev->flags & PCI_FLAG_GONE);
	assert_true(logged("0000:00:01.0 vanished"));
	f->vanished = false; /* another card in the slot must not meet old holders */
	reads = f->reads;
	writes = f->writes;
	assert_int_equal(pci_dev_read(dev, 0x00, 2), 0xffff);
	pci_dev_write(dev, 0x04, 2, 0);
	assert_int_equal(f->reads, reads);
	assert_int_equal(f->writes, writes);
}

/* In reset a device answers nothing for a while and is there all the same. */
static void test_busy_is_not_gone(void **state)
{
	struct fake_fn *f;
	struct pci_dev *dev = one_device(&f);

	atomic_fetch_or(&dev->flags, PCI_FLAG_BUSY);
	f->vanished = true;
	assert_int_equal(pci_dev_read(dev, 0x00, 2), 0xffff);
	assert_false(dev->flags & PCI_FLAG_GONE);
	f->vanished = false;
	assert_int_equal(pci_dev_read(dev, 0x00, 2), 0x8086);
	assert_int_equal(dev->flags, 0);
}

/* The reset is a management operation's, which has registers to write back: only it ends BUSY. */
static void test_busy_of_our_reset_stays(void **state)
{
	struct fake_fn *f;
	struct pci_dev *dev = one_device(&f);
	u32 busy = PCI_FLAG_BUSY | PCI_FLAG_RESETTING;

	atomic_fetch_or(&dev->flags, busy);
	assert_int_equal(pci_dev_read(dev, 0x00, 2), 0x8086);
	assert_int_equal(dev->flags, busy);
	f->vanished = true;
	assert_int_equal(pci_dev_read(dev, 0x00, 2), 0xffff);
	assert_int_equal(dev->flags, busy);
}

static void test_stop_dma(void **state)
{
	struct fake_fn *f = fake_add(PCI_BDF(0, 1, 0), 0x8086, 1, 0x020000, 0);
	struct fake_fn *b = fake_add_bridge(PCI_BDF(0, 2, 0), 1, 1);

	fake_put(f->cfg, 0x04, 4, 0xf9000507);
	assert_int_equal(pci_enumerate(), 2);
	pci_dev_stop_dma(must_find(PCI_BDF(0, 1, 0)));
	pci_dev_stop_dma(must_find(PCI_BDF(0, 2, 0)));
	assert_int_equal(fake_reg(f, 0x04, 4), 0xf9000503);
	assert_int_equal(f->last_read_offset, 0x04); /* read back */
	assert_int_equal(fake_reg(b, 0x04, 2), 0x0007);
}

static void test_malformed_accesses(void **state)
{
	struct fake_fn *f;
	struct sbdf sbdf = { 0, PCI_BDF(0, 1, 0) };

	one_device(&f);
	fake.bad_accesses = 0;
	assert_int_equal(pci_cfg_read(sbdf, 0x02, 4), 0xffffffff);
	assert_int_equal(pci_cfg_read(sbdf, 0x03, 2), 0xffff);
	assert_int_equal(pci_cfg_read(sbdf, 0x00, 3), 0xffffff);
	assert_int_equal(pci_cfg_read(sbdf, 0x00, 8), 0xffffffff);
	assert_int_equal(pci_cfg_read(sbdf, 4096, 1), 0xff);
	pci_cfg_write(sbdf, 0x06, 4, 0);
	pci_cfg_write(sbdf, 4096, 4, 0);
	assert_int_equal(fake.bad_accesses, 0);
}

static void test_log_tree(void **state)
{
	struct fake_fn *f = fake_add(PCI_BDF(0, 1, 0), 0x8086, 0x10d3, 0x020000, 0);

	fake_bar(f, 0, 0x20000, 0x0, 0xfeb80000);
	fake_bar(f, 1, 0x1000, 0x0, 0);
	assert_int_equal(pci_enumerate(), 1);
	pci_log_tree();
	assert_true(logged(
		"pci: 0000:00:01.0 8086:10d3 class 020000 rev 01; bar0 mem32 0xfeb80000+0x20000; bar1 mem32 "
		"unassigned, 0x1000 bytes\n"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_nothing_there),	      T(test_identity),
		T(test_multifunction_rule),   T(test_vendor_zero_and_retry),
		T(test_unknown_header_type),  T(test_bridges),
		T(test_bridge_numbers_are_not_believed),
		T(test_bridge_loop),	      T(test_longest_chain),
		T(test_second_root_bus),      T(test_one_device_on_a_link),
		T(test_ari_functions),	      T(test_pool_too_small),
		T(test_function_vanishes_at_each_read),
		T(test_extended_space),	      T(test_bar_kinds),
		T(test_sizing_disturbs_nothing),
		T(test_malformed_bars),	      T(test_cap_walk),
		T(test_cap_walk_is_bounded),  T(test_ext_cap_walk_is_bounded),
		T(test_lookup),
		T(test_gone),		      T(test_busy_is_not_gone),
		T(test_busy_of_our_reset_stays),
		T(test_stop_dma),	      T(test_malformed_accesses),
		T(test_log_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
