/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the VT-d backend share: a log, PCI functions, a DMAR table, and questions to the model in
 * fake_vtd.h.
 */
#ifndef TESTS_VTD_MACHINE_H
#define TESTS_VTD_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/errno.h"
#include "core/log.h"
#include "drivers/iommu/intr.h"
#include "drivers/iommu/vtd/discover.h"
#include "drivers/iommu/vtd/vtd.h"
#include "tests/unit/fake_vtd.h"

/* ---- the log: kept whole, searched by the tests -------------------------------------------------------- */

static char log_text[256 * 1024];
static size_t log_used;

static void sink(enum log_level level, const char *line, size_t len)
{
	if (log_used + len + 2 < sizeof(log_text))
		log_used += (size_t)sprintf(log_text + log_used, "%.*s\n", (int)len, line);
}

static void log_clear(void)
{
	log_used = 0;
	log_text[0] = '\0';
}

static unsigned int log_count(const char *words)
{
	unsigned int n = 0;

	for (const char *at = log_text; (at = strstr(at, words)); at++)
		n++;
	return n;
}

/* ---- the PCI functions that DMAR's paths lead through -------------------------------------------------- */

static const struct {
	u16 bdf;
	u8 header, secondary;
} functions[] = {
	{ PCI_BDF(0, 2, 0), 0, 0 }, { PCI_BDF(0, 0x1c, 0), 1, 4 },    /* a root port */
	{ PCI_BDF(4, 0, 0), 1, 5 },				      /* a switch, or a bridge, behind it */
	{ PCI_BDF(5, 3, 0), 0, 0 }, { PCI_BDF(0, 0x1d, 0), 0x81, 0 }, /* a bridge without a bus number yet */
	{ PCI_BDF(0, 5, 0), 0, 0 }, { PCI_BDF(0, 6, 0), 0, 7 }, /* no bridge: that byte is part of a BAR */
	{ PCI_BDF(7, 0, 0), 0, 0 },
};

static u32 config_read(void *ctx, struct sbdf sbdf, unsigned int offset, unsigned int size)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(functions); i++) {
		if (functions[i].bdf != sbdf.bdf || sbdf.segment != 0)
			continue;
		switch (offset) {
		case 0x00: return 0x8086;
		case 0x0e: return functions[i].header;
		case 0x19: return functions[i].secondary;
		default: return 0;
		}
	}
	return 0xffffffff;
}

static void config_write(void *ctx, struct sbdf sbdf, unsigned int offset, unsigned int size, u32 value)
{
	fail(); /* discovery changes nothing */
}

static bool config_reaches(void *ctx, struct sbdf sbdf, unsigned int offset)
{
	return true;
}

static const struct pci_cfg_ops config = { "fake", config_read, config_write, config_reaches };

/* A device as enumeration would make it. */
static UNUSED struct pci_dev nic = {
	.sbdf = { 0, PCI_BDF(0, 2, 0) },
	.is_pcie = true,
	.requester_id = { PCI_BDF(0, 2, 0) },
	.requester_ids = 1,
};

/* ---- a machine ----------------------------------------------------------------------------------------- */

static u8 dmar[1024];
static unsigned int dmar_length;

static void dmar_add(const void *bytes, unsigned int n)
{
	memcpy(dmar + dmar_length, bytes, n);
	dmar_length += n;
	memcpy(dmar + 4, &dmar_length, 4);
}

static void dmar_begin(void)
{
	memset(dmar, 0, sizeof(dmar));
	memcpy(dmar, "DMAR", 4);
	dmar[36] = 47;
	dmar_length = 48;
	memcpy(dmar + 4, &dmar_length, 4);
}

/* A DRHD with endpoint or bridge scopes, six bytes each: type, bus, and two path steps (device << 3 |
 * function; 0xff: none). */
static void dmar_unit(unsigned int unit, bool rest, const u8 (*scope)[4], unsigned int scopes)
{
	const u64 base = (u64)(uintptr_t)fake[unit].regs;
	u8 drhd[16] = { 0, 0, 0, 0, rest, 0, 0, 0 };
	const unsigned int start = dmar_length;

	memcpy(drhd + 8, &base, 8);
	dmar_add(drhd, sizeof(drhd));
	for (unsigned int i = 0; i < scopes; i++) {
		const u8 *s = scope[i];
		const u8 entry[10] = {
			s[0], s[3] == 0xff ? 8 : 10, 0, 0, 0, s[1], s[2] >> 3, s[2] & 7, s[3] >> 3, s[3] & 7
		};

		dmar_add(entry, entry[1]);
	}
	dmar[start + 2] = (u8)(dmar_length - start);
}

/* Discovery starts from nothing; the model's units are powered on. */
static void power_on(void)
{
	fake_pages_allowed = FAKE_PAGES_MAX;
	fake_pages_forget(); /* those of the machine before */
	iommu_forget_all();
	assert_int_equal(intr_decide(INTR_OFF), 0);
	fake_power_on();
	log_clear();
	dmar_begin();
}

static struct iommu_domain guest;

static void one_unit(void)
{
	power_on();
	dmar_unit(0, true, NULL, 0);
}

static void discover(int expected)
{
	assert_int_equal(vtd_discover(dmar, dmar_length), expected);
}

static void enable(void)
{
	assert_int_equal(iommu_enable_all(), 0);
	assert_int_equal(iommu_domain_init(&guest), 0);
}

static inline void start(void)
{
	one_unit();
	discover(1);
	enable();
}

static inline void reaches(struct fake_vtd *u, struct pci_dev *dev, u64 iova, bool write, u64 expected)
{
	u64 pa;

	assert_true(fake_dma(u, dev->sbdf.bdf, iova, write, &pa));
	assert_int_equal(pa, expected);
}

static inline void blocked(struct fake_vtd *u, struct pci_dev *dev, u64 iova, bool write)
{
	u64 pa;

	assert_false(fake_dma(u, dev->sbdf.bdf, iova, write, &pa));
}

/* Drains the units; the last fault is what the request above left. */
static struct iommu_fault last_fault;

static void keep_fault(const struct iommu_fault *fault, void *ctx)
{
	last_fault = *fault;
	++*(unsigned int *)ctx;
}

static inline void expect_fault(struct pci_dev *dev, u64 address, bool write, u8 reason)
{
	struct iommu *u = iommu_of(dev);
	unsigned int seen = 0;

	assert_true(u->ops->fault_pending(u));
	assert_int_equal(u->ops->drain_faults(u, 100, keep_fault, &seen), 1);
	assert_int_equal(seen, 1);
	assert_int_equal(last_fault.source.bdf, dev->sbdf.bdf);
	assert_int_equal(last_fault.source.segment, 0);
	assert_false(last_fault.interrupt);
	assert_int_equal(last_fault.address, address & ~(u64)0xfff);
	assert_int_equal(last_fault.write, write);
	assert_int_equal(last_fault.reason, reason);
	assert_non_null(last_fault.text);
	assert_false(u->ops->fault_pending(u));
}

static int machine_init(void **state)
{
	log_set_sink(sink);
	return pci_cfg_register(&config, NULL);
}

#endif
