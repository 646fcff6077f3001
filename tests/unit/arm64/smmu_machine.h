/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the SMMUv3 backend share: a log, PCI functions, what firmware says, and questions to the
 * model in fake_smmu.h and fake_smmu_regs.h.
 */
#ifndef TESTS_SMMU_MACHINE_H
#define TESTS_SMMU_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/errno.h"
#include "core/log.h"
#include "drivers/iommu/iommu.h"
#include "drivers/iommu/smmuv3/smmuv3.h"
#include "tests/unit/arm64/fake_smmu_regs.h"

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

/* ---- devices, as enumeration would make them ----------------------------------------------------------- */

#define DEVICE(bus, dev, fn)                                                              \
	{                                                                                 \
		.sbdf = { 0, PCI_BDF(bus, dev, fn) }, .requester_id = { PCI_BDF(bus, dev, fn) }, \
		.requester_ids = 1,                                                       \
	}

static UNUSED struct pci_dev nic = DEVICE(0, 2, 0);
static UNUSED struct pci_dev disk = DEVICE(0, 3, 0);
static UNUSED struct pci_dev far_off = DEVICE(0x80, 0, 0);

/* ---- a machine ----------------------------------------------------------------------------------------- */

static struct smmu_firmware firmware;
static struct iommu_domain guest;

#define EVENT_INTID  106
#define GERROR_INTID 109

static void add_unit(void)
{
	const unsigned int n = firmware.units++;

	firmware.unit[n] = (struct smmu_unit_firmware){
		.registers = (u64)(uintptr_t)fake[n].regs,
		.size = FAKE_SIZE,
		.event_intid = EVENT_INTID + 10 * n,
		.gerror_intid = GERROR_INTID + 10 * n,
		.coherent = true,
	};
}

static void add_map(u16 segment, u16 first, u32 count, u32 stream, unsigned int unit)
{
	firmware.map[firmware.maps++] = (struct smmu_stream_map){ segment, first, count, stream, unit };
}

/* Discovery starts from nothing; the model's units are powered on. */
static void power_on(void)
{
	fake_pages_allowed = FAKE_PAGES_MAX;
	while (fake_pages_used) /* of the machine before */
		free(fake_page[--fake_pages_used]);
	iommu_forget_all();
	iommu_set_doorbell(0);
	fake_power_on();
	log_clear();
	memset(&firmware, 0, sizeof(firmware));
}

static void one_unit(void)
{
	power_on();
	add_unit();
	add_map(0, 0, 0x10000, 0, 0);
}

static void discover(int expected)
{
	assert_int_equal(smmuv3_discover(&firmware), expected);
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

static inline void map(u64 iova, u64 size)
{
	assert_int_equal(iommu_map(&guest, iova, iova, size, PT_READ | PT_WRITE), 0);
}

static inline void reaches(struct fake_smmu *u, u32 stream, u64 iova, bool write)
{
	u64 pa;

	assert_true(fake_dma(u, stream, iova, write, &pa));
	assert_int_equal(pa, iova);
}

static inline void blocked(struct fake_smmu *u, u32 stream, u64 iova, bool write)
{
	u64 pa;

	assert_false(fake_dma(u, stream, iova, write, &pa));
}

/* Drains the units; the last fault is what the request above left. */
static struct iommu_fault last_fault;
static unsigned int faults_seen;

static void keep_fault(const struct iommu_fault *fault, void *ctx)
{
	last_fault = *fault;
	faults_seen++;
}

static inline unsigned int drain(struct iommu *iommu, unsigned int budget)
{
	faults_seen = 0;
	return iommu->ops->drain_faults(iommu, budget, keep_fault, NULL);
}

static inline void forget_faults(void)
{
	for (struct iommu *u = iommu_first(); u; u = u->next) {
		while (u->ops->fault_pending(u))
			drain(u, 1000);
	}
}

static inline void expect_fault(struct pci_dev *dev, u8 reason)
{
	struct iommu *u = iommu_of(dev);

	assert_true(u->ops->fault_pending(u));
	assert_int_equal(drain(u, 100), 1);
	assert_int_equal(faults_seen, 1);
	assert_int_equal(last_fault.source.bdf, dev->sbdf.bdf);
	assert_int_equal(last_fault.source.segment, dev->sbdf.segment);
	assert_false(last_fault.interrupt);
	assert_int_equal(last_fault.reason, reason);
	assert_non_null(last_fault.text);
	assert_false(u->ops->fault_pending(u));
}

static inline void expect_fault_at(struct pci_dev *dev, u8 reason, u64 address, bool write)
{
	expect_fault(dev, reason);
	assert_false(last_fault.somewhere);
	assert_int_equal(last_fault.address, address);
	assert_int_equal(last_fault.write, write);
}

static int machine_init(void **state)
{
	log_set_sink(sink);
	return 0;
}

#endif
