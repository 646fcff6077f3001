/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the ITS driver share: a machine with the ITS of fake_its.h, four CPUs, PCI devices with
 * messages, and a guest that asks for SPIs of its GICv2m frame.
 */
#ifndef TESTS_ITS_MACHINE_H
#define TESTS_ITS_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/arm64/its.h"
#include "core/errno.h"
#include "core/log.h"
#include "drivers/pci/msi.h"
#include "tests/unit/arm64/fake_its.h"

extern _Thread_local unsigned int host_cpu;

/* ---- the log ---- */

static char log_text[64 * 1024];
static size_t log_used;

static void sink(enum log_level level, const char *line, size_t len)
{
	if (log_used + len + 4 < sizeof(log_text))
		log_used += (size_t)sprintf(log_text + log_used, "%d %.*s\n", level, (int)len, line);
}

static UNUSED unsigned int log_count(const char *words)
{
	unsigned int n = 0;

	for (const char *at = log_text; (at = strstr(at, words)); at++)
		n++;
	return n;
}

static void log_clear(void)
{
	log_used = 0;
	log_text[0] = '\0';
}

/* ---- the CPUs and their emulated GIC ---- */

#define FRAME	   0x08020000ull
#define SPI_FIRST  320u
#define SPIS	   600u
#define ROUTE_INTO 1020u

static unsigned int raised[ROUTE_INTO];	   /* SPIs, */
static unsigned int raised_by[ROUTE_INTO]; /* and the CPU that took the last one's LPI */
static unsigned int route[ROUTE_INTO];
static unsigned int taking, all_raised;

void vgic_raise(u32 intid)
{
	assert_in_range(intid, SPI_FIRST, SPI_FIRST + SPIS - 1);
	raised[intid]++;
	all_raised++;
	raised_by[intid] = taking;
}

unsigned int vgic_target(u32 intid)
{
	assert_in_range(intid, SPI_FIRST, SPI_FIRST + SPIS - 1);
	return route[intid];
}

static void fake_taken(unsigned int cpu, u32 lpi)
{
	taking = cpu;
	its_interrupt(lpi);
}

volatile void *gic_redistributor(unsigned int cpu)
{
	return fake.rd[cpu];
}

u32 gic_processor_number(unsigned int cpu)
{
	return cpu + 5;
}

/* ---- the tree ---- */

static struct dt_machine dt;

/* As the binding of msi-map has it. */
bool dt_device_id(const struct dt_machine *machine, u16 segment, u16 rid, u32 *device_id)
{
	assert_ptr_equal(machine, &dt);
	for (unsigned int i = 0; i < dt.msi_maps; i++) {
		const struct dt_msi_map *m = &dt.msi_map[i];

		if (m->segment != segment || rid < m->first || (u32)(rid - m->first) >= m->count)
			continue;
		*device_id = m->device_id + (rid - m->first);
		return true;
	}
	return false;
}

/* ---- configuration space: devices with MSI (offset 50h) and MSI-X (offset 70h), if asked for ---- */

static unsigned int msix_entries; /* 0: no such capability */
static bool has_msi;

static u32 config_read(void *ctx, struct sbdf sbdf, unsigned int offset, unsigned int size)
{
	u8 space[256] = { 0 };
	u32 value = 0;

	space[6] = 0x10;
	space[0x34] = has_msi ? 0x50 : msix_entries ? 0x70 : 0;
	space[0x50] = 5;
	space[0x51] = msix_entries ? 0x70 : 0;
	space[0x52] = 0x8a; /* 32 messages, 64 bits */
	space[0x70] = 0x11;
	space[0x72] = (u8)(msix_entries - 1);
	space[0x73] = (u8)((msix_entries - 1) >> 8);
	memcpy(&value, &space[offset & 0xff], size);
	return value;
}

static void config_write(void *ctx, struct sbdf sbdf, unsigned int offset, unsigned int size, u32 value)
{
}

static bool config_reaches(void *ctx, struct sbdf sbdf, unsigned int offset)
{
	return true;
}

/* ---- a machine ---- */

#define NIC_ID	 0x10u
#define OTHER_ID 0x18u

static const struct vgic_frame frame = { FRAME, SPI_FIRST, SPIS };
static struct pci_dev nic = { .sbdf = { 0, PCI_BDF(0, 2, 0) },
			      .requester_ids = 1,
			      .requester_id = { PCI_BDF(0, 2, 0) },
			      .cfg_size = 256 };
static struct pci_dev other = { .sbdf = { 0, PCI_BDF(0, 3, 0) },
				.requester_ids = 1,
				.requester_id = { PCI_BDF(0, 3, 0) },
				.cfg_size = 256 };
static const struct pci_msi_ops *msi;

static void power_on(void)
{
	static const struct pci_cfg_ops config = { "test", config_read, config_write, config_reaches };
	static bool registered;

	if (!registered)
		assert_int_equal(pci_cfg_register(&config, NULL), 0);
	registered = true;
	log_set_sink(sink);
	log_set_level(LOG_DEBUG);
	log_clear();
	fake_power_on();
	fake_pages_allowed = FAKE_PAGES_MAX;
	memset(raised, 0, sizeof(raised));
	memset(route, 0, sizeof(route));
	all_raised = msix_entries = 0;
	has_msi = false;
	host_cpu = 0;
	dt = (struct dt_machine){
		.its = { (u64)(uintptr_t)fake.regs, 0x20000 },
		.gicd = { (u64)(uintptr_t)fake.gicd, 0x10000 },
		.msi_maps = 1,
		.msi_map = { { .segment = 0, .first = 0, .count = 0x10000, .device_id = 0 } },
	};
}

static int start_cpu(unsigned int cpu)
{
	int ret;

	host_cpu = cpu;
	ret = its_start_cpu();
	host_cpu = 0;
	return ret;
}

static void start(unsigned int cpus)
{
	assert_int_equal(its_init(&dt, cpus, &frame), 0);
	for (unsigned int cpu = 0; cpu < cpus; cpu++)
		assert_int_equal(start_cpu(cpu), 0);
	msi = pci_msi_get_ops();
	assert_non_null(msi);
}

static UNUSED int setup(void **state)
{
	power_on();
	return 0;
}

/* ---- what vPCI does ---- */

static u32 take(struct pci_dev *dev, unsigned int count)
{
	u32 first = 0xdeadbeef;

	assert_int_equal(msi->alloc(dev, count, &first), 0);
	return first;
}

static struct pci_message v2m(u32 spi)
{
	return (struct pci_message){ FRAME + 0x40, spi };
}

static bool set(struct pci_dev *dev, u32 entry, u32 spi)
{
	const struct pci_message m = v2m(spi);

	return msi->set(dev, entry, &m);
}

static void aim(struct pci_dev *dev, u32 entry, u32 spi)
{
	assert_true(set(dev, entry, spi));
	assert_int_equal(msi->flush(dev, entry, 1), 0);
}

static void give_back(struct pci_dev *dev, u32 first, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		assert_true(msi->set(dev, first + i, NULL));
	assert_int_equal(msi->flush(dev, first, count), 0);
	msi->free(dev, first, count);
}

static struct pci_message programmed(struct pci_dev *dev, u32 entry)
{
	const struct pci_message m = v2m(SPI_FIRST);

	return msi->program(dev, entry, false, &m);
}

/* That DeviceID sends what an entry of the device is programmed with. How many SPIs rose? */
static unsigned int sends(u32 device, struct pci_dev *dev, u32 entry)
{
	const struct pci_message m = programmed(dev, entry);
	const unsigned int before = all_raised;

	(void)fake_message(device, m.address, m.data);
	return all_raised - before;
}

static UNUSED unsigned int in_use(void)
{
	struct pci_msi_usage usage;

	assert_true(msi->usage(&usage));
	assert_int_equal(usage.others, 0);
	return usage.used;
}

#endif
