/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt remapping above the backends: the policy, who may raise a device's messages, and the operations
 * that vPCI calls, over a backend that remembers what it was told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/errno.h"
#include "core/log.h"
#include "drivers/iommu/intr.h"
#include "drivers/pci/regs.h"

/* ---- the log ---- */

static char lines[4096];

static void sink(enum log_level level, const char *line, size_t len)
{
	size_t n = strlen(lines);

	snprintf(lines + n, sizeof(lines) - n, "%d %.*s\n", level, (int)len, line);
}

/* ---- a backend ---- */

#define ROW 7u

static struct iommu unit[2];
static const char *obstacle[2];
static struct intr_source asked_for;
static struct {
	bool known;
	u32 entry;
	struct intr_entry is;
} table[2];
static unsigned int flushes[2], frees[2];
static u32 flushed_first, freed_first;
static unsigned int flushed_count, freed_count, asked_count;
static int flush_answer[2];

static unsigned int number(struct iommu *u)
{
	return (unsigned int)(u - unit);
}

static const char *cannot_remap(struct iommu *u)
{
	return obstacle[number(u)];
}

static enum iommu_cover covers(struct iommu *u, struct pci_dev *dev)
{
	return dev->sbdf.segment == u->segment ? IOMMU_COVERS_THE_REST : IOMMU_COVERS_NOT;
}

static int backend_alloc(struct iommu *u, const struct intr_source *source, unsigned int count, u32 *first)
{
	asked_for = *source;
	asked_count = count;
	*first = ROW;
	table[number(u)].is.source = *source;
	return 0;
}

static void backend_set(struct iommu *u, u32 entry, const struct apic_target *target)
{
	table[number(u)].known = true;
	table[number(u)].entry = entry;
	table[number(u)].is.present = target;
	if (target)
		table[number(u)].is.target = *target;
}

static int backend_flush(struct iommu *u, u32 first, unsigned int count)
{
	flushes[number(u)]++;
	flushed_first = first;
	flushed_count = count;
	return flush_answer[number(u)];
}

static void backend_free(struct iommu *u, u32 first, unsigned int count)
{
	frees[number(u)]++;
	freed_first = first;
	freed_count = count;
}

static struct pci_message backend_message(struct iommu *u, u32 entry, bool multiple)
{
	return (struct pci_message){ .address = 0x1000u * number(u) + entry, .data = multiple };
}

static bool backend_lookup(struct iommu *u, u32 entry, struct intr_entry *out)
{
	*out = table[number(u)].is;
	return entry == ROW;
}

static bool backend_platform(struct iommu *u, unsigned int kind, u8 id, struct intr_source *out)
{
	*out = (struct intr_source){ .kind = INTR_SOURCE_ID, .id = 0xf0f8 };
	return number(u) == 1 && kind == INTR_IOAPIC && id == 4;
}

/* Each unit has so many in use, of 100. */
static void backend_usage(struct iommu *u, unsigned int *used, unsigned int *entries)
{
	*used = number(u) ? 40 : 7;
	*entries = 100;
}

static const struct iommu_ops full = {
	.name = "fake",
	.covers = covers,
	.cannot_remap = cannot_remap,
	.intr_alloc = backend_alloc,
	.intr_set = backend_set,
	.intr_flush = backend_flush,
	.intr_free = backend_free,
	.intr_message = backend_message,
	.intr_lookup = backend_lookup,
	.intr_platform = backend_platform,
	.intr_usage = backend_usage,
};
static const struct iommu_ops bare = { .name = "bare", .covers = covers };

static const struct pci_msi_ops *msi;

static int setup(void **state)
{
	log_set_sink(sink);
	lines[0] = '\0';
	iommu_forget_all();
	memset(unit, 0, sizeof(unit));
	memset(table, 0, sizeof(table));
	memset(flushes, 0, sizeof(flushes));
	memset(frees, 0, sizeof(frees));
	memset(flush_answer, 0, sizeof(flush_answer));
	obstacle[0] = obstacle[1] = NULL;
	for (unsigned int i = 0; i < 2; i++) {
		unit[i].ops = &full;
		unit[i].index = i;
		unit[i].segment = (u16)i;
		iommu_register(&unit[i]);
	}
	return 0;
}

static void remap(void)
{
	assert_int_equal(intr_decide(INTR_REQUIRED), 0);
	intr_start();
	msi = pci_msi_get_ops();
	assert_non_null(msi);
}

/* ---- policy ---- */

static void test_policy(void **state)
{
	for (unsigned int bad = 0; bad < 4; bad++) {
		obstacle[0] = bad & 1 ? "it is old" : NULL;
		obstacle[1] = bad & 2 ? "it is broken" : NULL;
		lines[0] = '\0';
		assert_int_equal(intr_decide(INTR_REQUIRED), bad ? -EOPNOTSUPP : 0);
		assert_int_equal(intr_remapped(), !bad);
		if (bad) { /* one line: what, which, why, what to do */
			assert_ptr_equal(strchr(lines, '\n'), lines + strlen(lines) - 1);
			assert_non_null(strstr(lines, "intremap=required"));
			assert_non_null(strstr(lines, bad & 1 ? "fake unit 0" : "fake unit 1"));
			assert_non_null(strstr(lines, bad & 1 ? "it is old" : "it is broken"));
			assert_non_null(strstr(lines, "intremap=off"));
			assert_int_equal(lines[0] - '0', LOG_ERROR);
		}
		assert_int_equal(intr_decide(INTR_OPTIONAL), 0);
		assert_int_equal(intr_remapped(), !bad);
		lines[0] = '\0';
		assert_int_equal(intr_decide(INTR_OFF), 0);
		assert_false(intr_remapped());
		assert_int_equal(lines[0], '\0');
	}
}

static void test_backend_without(void **state)
{
	unit[1].ops = &bare;
	assert_int_equal(intr_decide(INTR_REQUIRED), -EOPNOTSUPP);
	assert_non_null(strstr(lines, "bare unit 1"));
	assert_int_equal(intr_decide(INTR_OPTIONAL), 0);
	assert_false(intr_remapped());
}

/* Without a unit there is nothing to remap with: iommu= has decided. */
static void test_no_unit(void **state)
{
	static const enum intr_policy all[] = { INTR_REQUIRED, INTR_OPTIONAL, INTR_OFF };

	iommu_forget_all();
	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++) {
		lines[0] = '\0';
		assert_int_equal(intr_decide(all[i]), 0);
		assert_false(intr_remapped());
		intr_start();
		assert_non_null(strstr(lines, "UNPROTECTED"));
		assert_non_null(strstr(lines, "no IOMMU"));
	}
}

static void test_unprotected_is_told(void **state)
{
	remap();
	assert_null(strstr(lines, "UNPROTECTED"));
	assert_int_equal(intr_decide(INTR_OFF), 0);
	intr_start();
	assert_non_null(strstr(lines, "UNPROTECTED: interrupts are not remapped"));
	assert_non_null(strstr(lines, "(intremap=off)"));
}

/* ---- who raises a device's messages ---- */

static struct pci_dev root_port = {
	.sbdf = { 0, PCI_BDF(0, 0x1c, 0) },
	.header_type = 1,
	.is_pcie = true,
	.pcie_type = 4,
	.secondary_bus = 4,
};
static struct pci_dev to_pci = { /* PCIe-to-PCI */
	.sbdf = { 0, PCI_BDF(4, 0, 0) },
	.header_type = 1,
	.is_pcie = true,
	.pcie_type = 7,
	.secondary_bus = 5,
	.parent = &root_port,
};
static struct pci_dev pci_bridge = { /* PCI-to-PCI, below it */
	.sbdf = { 0, PCI_BDF(5, 4, 0) },
	.header_type = 1,
	.secondary_bus = 6,
	.parent = &to_pci,
};
static struct pci_dev old_bridge = { /* PCI-to-PCI on the root bus */
	.sbdf = { 0, PCI_BDF(0, 0x1e, 0) },
	.header_type = 1,
	.secondary_bus = 9,
};
static struct pci_dev bridge_below_old = {
	.sbdf = { 0, PCI_BDF(9, 2, 0) },
	.header_type = 1,
	.secondary_bus = 10,
	.parent = &old_bridge,
};

static struct intr_source source;

/* A device with these IDs, its own first. */
static int source_of(u16 bdf, struct pci_dev *parent, unsigned int ids, const u16 *id)
{
	struct pci_dev dev = { .sbdf = { 0, bdf }, .parent = parent, .requester_ids = (u8)ids };

	memcpy(dev.requester_id, id, ids * sizeof(*id));
	memset(&source, 0x5a, sizeof(source));
	return intr_source_of(&dev, &source);
}

static void expect_id(u16 id, u8 ignored)
{
	assert_int_equal(source.kind, INTR_SOURCE_ID);
	assert_int_equal(source.id, id);
	assert_int_equal(source.ignored, ignored);
}

static void expect_buses(u8 first, u8 last)
{
	assert_int_equal(source.kind, INTR_SOURCE_BUSES);
	assert_int_equal(source.first_bus, first);
	assert_int_equal(source.last_bus, last);
}

static void test_source_is_the_device(void **state)
{
	assert_int_equal(source_of(0x10, NULL, 1, (const u16[]){ 0x10 }), 0);
	expect_id(0x10, 0);
	assert_int_equal(source_of(0x400, &root_port, 1, (const u16[]){ 0x400 }), 0); /* ports change nothing */
	expect_id(0x400, 0);
}

static void test_phantom_functions(void **state)
{
	assert_int_equal(source_of(0x11, NULL, 2, (const u16[]){ 0x11, 0x15 }), 0);
	expect_id(0x11, 1);
	assert_int_equal(source_of(0x11, NULL, 4, (const u16[]){ 0x11, 0x13, 0x15, 0x17 }), 0);
	expect_id(0x11, 2);
	assert_int_equal(source_of(0x10, NULL, 8, (const u16[]){ 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17 }), 0);
	expect_id(0x10, 3);
}

static void test_behind_pcie_to_pci_bridge(void **state)
{
	assert_int_equal(source_of(PCI_BDF(5, 3, 0), &to_pci, 3,
				   (const u16[]){ PCI_BDF(5, 3, 0), PCI_BDF(5, 0, 0), PCI_BDF(4, 0, 0) }),
			 0);
	expect_buses(5, 5); /* not bus 4: others stand beside the bridge */
	assert_int_equal(source_of(PCI_BDF(6, 1, 2), &pci_bridge, 4,
				   (const u16[]){ PCI_BDF(6, 1, 2), PCI_BDF(5, 4, 0), PCI_BDF(5, 0, 0), PCI_BDF(4, 0, 0) }),
			 0);
	expect_buses(5, 6);
}

static void test_behind_conventional_bridge(void **state)
{
	assert_int_equal(source_of(PCI_BDF(9, 3, 0), &old_bridge, 2,
				   (const u16[]){ PCI_BDF(9, 3, 0), PCI_BDF(0, 0x1e, 0) }),
			 0);
	expect_id(PCI_BDF(0, 0x1e, 0), 0);
	assert_int_equal(source_of(PCI_BDF(10, 3, 0), &bridge_below_old, 3,
				   (const u16[]){ PCI_BDF(10, 3, 0), PCI_BDF(9, 2, 0), PCI_BDF(0, 0x1e, 0) }),
			 0);
	expect_id(PCI_BDF(0, 0x1e, 0), 0); /* the one nearest to the root speaks */
}

/* What cannot be told apart gets no messages. */
static void test_source_unknown(void **state)
{
	assert_int_equal(source_of(0x10, NULL, 0, (const u16[]){ 0 }), -EOPNOTSUPP);
	assert_int_equal(source_of(0x10, NULL, 2, (const u16[]){ 0x10, 0x18 }), -EOPNOTSUPP);
	assert_int_equal(source_of(0x10, NULL, 2, (const u16[]){ 0x10, 0x12 }), -EOPNOTSUPP);
	assert_int_equal(source_of(0x10, NULL, 2, (const u16[]){ 0x10, 0x110 }), -EOPNOTSUPP);
	to_pci.group = 0x400; /* the device is isolated from the bridge, but not by its messages' ID */
	assert_int_equal(source_of(PCI_BDF(5, 3, 0), &to_pci, 1, (const u16[]){ PCI_BDF(5, 3, 0) }), -EOPNOTSUPP);
	to_pci.group = 0;
	old_bridge.group = 0xf0;
	assert_int_equal(source_of(PCI_BDF(9, 3, 0), &old_bridge, 1, (const u16[]){ PCI_BDF(9, 3, 0) }), -EOPNOTSUPP);
	old_bridge.group = 0;
}

/* ---- what vPCI calls ---- */

static struct pci_dev nic = { .sbdf = { 1, 0x10 }, .requester_id = { 0x10 }, .requester_ids = 1 };
static struct pci_dev uncovered = { .sbdf = { 7, 0x10 }, .requester_id = { 0x10 }, .requester_ids = 1 };
static struct pci_dev nameless = { .sbdf = { 1, 0x20 } };
static const struct pci_message ask = { 0xfee03004, 0x4152 }, bad = { 0xfee03004, 0x0252 }, /* an SMI */
	foreign = { 0xfee03010, 0x0052 };

static void test_alloc(void **state)
{
	u32 first = 0;

	remap();
	assert_int_equal(msi->alloc(&nic, 5, &first), 0);
	assert_int_equal(first, ROW);
	assert_int_equal(asked_count, 5);
	assert_int_equal(asked_for.id, 0x10);
	assert_int_equal(msi->alloc(&uncovered, 1, &first), -ENODEV);
	assert_int_equal(msi->alloc(&nameless, 1, &first), -EOPNOTSUPP);
	msi->free(&nic, 7, 2);
	assert_int_equal(frees[1], 1);
	assert_int_equal(frees[0], 0);
	assert_int_equal(freed_first, 7);
	assert_int_equal(freed_count, 2);
}

static void test_set_and_program(void **state)
{
	struct pci_message m;

	remap();
	assert_true(msi->set(&nic, ROW, &ask));
	assert_true(table[1].is.present);
	assert_false(table[0].known);
	assert_int_equal(table[1].entry, ROW);
	assert_int_equal(table[1].is.target.destination, 3);
	assert_int_equal(table[1].is.target.vector, 0x52);
	assert_true(table[1].is.target.logical && table[1].is.target.lowest);
	assert_false(msi->set(&nic, ROW, &bad)); /* and what was there before is off */
	assert_false(table[1].is.present);
	assert_true(msi->set(&nic, ROW, &ask));
	assert_false(msi->set(&nic, ROW, &foreign));
	assert_false(table[1].is.present);
	assert_true(msi->set(&nic, ROW, &ask));
	assert_true(msi->set(&nic, ROW, NULL));
	assert_false(table[1].is.present);
	assert_false(msi->set(&uncovered, ROW, &ask));
	m = msi->program(&nic, ROW, false, &ask);
	assert_int_equal(m.address, 0x1000 + ROW); /* nothing of what the guest wrote */
	assert_int_equal(m.data, 0);
	assert_int_equal(msi->program(&nic, ROW, true, &ask).data, 1);
}

static void test_flush(void **state)
{
	remap();
	assert_int_equal(msi->flush(&nic, 3, 4), 0);
	assert_int_equal(flushes[0], 0);
	assert_int_equal(flushes[1], 1);
	assert_int_equal(flushed_first, 3);
	assert_int_equal(flushed_count, 4);
	flush_answer[1] = -EIO;
	assert_int_equal(msi->flush(&nic, 3, 4), -EIO);
	flush_answer[0] = -ETIMEDOUT;
	assert_int_equal(msi->flush(&nic, 0, 0), -ETIMEDOUT); /* all units, whatever one says */
	assert_int_equal(flushes[0], 1);
	assert_int_equal(flushes[1], 3);
	assert_int_equal(flushed_count, 0);
}

static void test_agrees(void **state)
{
	struct intr_entry *e = &table[1].is;
	struct intr_entry good;
	u32 first;

	remap();
	assert_int_equal(msi->alloc(&nic, 1, &first), 0);
	assert_true(msi->agrees(&nic, ROW, NULL));
	assert_true(msi->agrees(&nic, ROW, &bad));
	assert_false(msi->agrees(&nic, ROW, &ask));
	assert_true(msi->set(&nic, ROW, &ask));
	assert_true(msi->agrees(&nic, ROW, &ask));
	assert_false(msi->agrees(&nic, ROW, NULL));
	assert_false(msi->agrees(&nic, ROW, &bad));
	assert_false(msi->agrees(&nic, ROW + 1, &ask)); /* beyond the table */
	assert_false(msi->agrees(&uncovered, ROW, &ask));
	good = *e;
#define BROKEN(change)                                             \
	do {                                                       \
		*e = good;                                         \
		change;                                            \
		assert_false(msi->agrees(&nic, ROW, &ask));        \
	} while (0)
	BROKEN(e->target.destination++);
	BROKEN(e->target.vector++);
	BROKEN(e->target.logical = false);
	BROKEN(e->target.lowest = false);
	BROKEN(e->target.nmi = true);
	BROKEN(e->target.level = true);
	BROKEN(e->source.id++);
	BROKEN(e->source.ignored = 1);
	BROKEN(e->source.kind = INTR_SOURCE_BUSES);
	BROKEN(e->present = false);
	*e = good;
	assert_true(msi->agrees(&nic, ROW, &ask));
}

/* Of a range of buses, both ends count. */
static void test_agrees_on_buses(void **state)
{
	struct pci_dev dev = { .sbdf = { 0, PCI_BDF(6, 3, 0) }, .parent = &pci_bridge, .requester_ids = 1 };
	struct intr_entry *e = &table[0].is;
	u32 first;

	remap();
	assert_int_equal(msi->alloc(&dev, 1, &first), 0);
	assert_true(msi->set(&dev, ROW, &ask));
	assert_true(msi->agrees(&dev, ROW, &ask));
	e->source.first_bus--;
	assert_false(msi->agrees(&dev, ROW, &ask));
	e->source.first_bus++;
	e->source.last_bus++;
	assert_false(msi->agrees(&dev, ROW, &ask));
}

static void test_plain(void **state)
{
	struct pci_message m;
	u32 first = 5;

	assert_int_equal(intr_decide(INTR_OFF), 0);
	intr_start();
	msi = pci_msi_get_ops();
	assert_int_equal(msi->alloc(&uncovered, 32, &first), 0);
	assert_true(msi->set(&nic, 0, &ask));
	assert_true(msi->set(&nic, 0, NULL));
	assert_false(msi->set(&nic, 0, &bad));
	assert_false(msi->set(&nic, 0, &foreign));
	m = msi->program(&nic, 0, true, &ask);
	assert_int_equal(m.address, ask.address);
	assert_int_equal(m.data, ask.data);
	assert_int_equal(msi->flush(&nic, 0, 0), 0);
	msi->free(&nic, 0, 32);
	assert_true(msi->agrees(&nic, 0, &ask));
	assert_false(table[0].known || table[1].known || flushes[0] || flushes[1] || frees[0] || frees[1]);
}

/* ---- controllers ---- */

static void test_platform(void **state)
{
	struct iommu *u = NULL;
	u32 first = 0;

	remap();
	assert_int_equal(intr_platform_alloc(INTR_IOAPIC, 4, 24, &u, &first), 0);
	assert_ptr_equal(u, &unit[1]);
	assert_int_equal(first, ROW);
	assert_int_equal(asked_for.id, 0xf0f8);
	assert_int_equal(asked_count, 24);
	assert_int_equal(intr_platform_alloc(INTR_IOAPIC, 3, 24, &u, &first), -ENODEV);
	assert_int_equal(intr_platform_alloc(INTR_HPET, 4, 1, &u, &first), -ENODEV);
	assert_int_equal(intr_decide(INTR_OFF), 0);
	assert_int_equal(intr_platform_alloc(INTR_IOAPIC, 4, 24, &u, &first), -ENODEV);
}

static void test_usage(void **state)
{
	struct pci_msi_usage usage;
	struct iommu *u;
	u32 first;

	remap();
	assert_true(msi->usage(&usage));
	assert_int_equal(usage.used, 47);
	assert_int_equal(usage.others, 0);
	assert_int_equal(usage.entries, 200);
	assert_int_equal(intr_platform_alloc(INTR_IOAPIC, 4, 24, &u, &first), 0);
	assert_int_equal(intr_platform_alloc(INTR_IOAPIC, 3, 24, &u, &first), -ENODEV);
	assert_true(msi->usage(&usage));
	assert_int_equal(usage.used, 47);
	assert_int_equal(usage.others, 24);
	assert_int_equal(intr_decide(INTR_OFF), 0);
	intr_start();
	assert_false(pci_msi_get_ops()->usage(&usage));
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_policy),
		T(test_backend_without),
		T(test_no_unit),
		T(test_unprotected_is_told),
		T(test_source_is_the_device),
		T(test_phantom_functions),
		T(test_behind_pcie_to_pci_bridge),
		T(test_behind_conventional_bridge),
		T(test_source_unknown),
		T(test_alloc),
		T(test_set_and_program),
		T(test_flush),
		T(test_agrees),
		T(test_agrees_on_buses),
		T(test_plain),
		T(test_platform),
		T(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
