/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the trapped I/O APIC share: the machine, and the guest's accesses to the page.
 */
#ifndef TESTS_UNIT_IOAPIC_MACHINE_H
#define TESTS_UNIT_IOAPIC_MACHINE_H

#include "tests/unit/fake_ioapic.h"

#include <stdlib.h>

#include "arch/x86/ioapic.h"

#define BASE 0xfec00000u
#define SECOND_BASE 0xfec80000u
#define VERSION_ICH9 0x20
#define VERSION_82093AA 0x11

/* ---- the guest's address space and the pools ---- */

static struct vm_mmio_region regions[VM_MMIO_REGIONS];
static unsigned int region_count;
static int region_result;
static _Atomic unsigned int exits; /* accesses of the guest to the page */

int vm_add_region(struct vm *vm, const struct vm_mmio_region *region)
{
	regions[region_count++] = *region;
	return region_result;
}

static bool no_memory;
static u8 pool[CHIPS * 4 * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static u64 pool_used;

void *pages_alloc_contig(u64 count, u64 align)
{
	u8 *pages = pool + pool_used;

	if (no_memory)
		return NULL;
	pool_used += count * PAGE_SIZE;
	assert_true(pool_used <= sizeof(pool));
	return memset(pages, 0, count * PAGE_SIZE);
}

static unsigned int warnings, infos;
static char last_line[LOG_LINE_MAX];

static void note_line(enum log_level level, const char *line, size_t len)
{
	warnings += level == LOG_WARN;
	infos += level == LOG_INFO;
	snprintf(last_line, sizeof(last_line), "%.*s", (int)len, line);
}

/* ---- the guest ---- */

static u64 access_page(unsigned int chip, unsigned int offset, unsigned int size, bool write, u64 value)
{
	exits++;
	regions[chip].fn(regions[chip].ctx, regions[chip].base + offset, size, write, &value);
	return value;
}

static inline void reg_write(unsigned int chip, unsigned int index, u32 value)
{
	(void)access_page(chip, 0x00, 4, true, index);
	(void)access_page(chip, 0x10, 4, true, value);
}

static inline u32 reg_read(unsigned int chip, unsigned int index)
{
	(void)access_page(chip, 0x00, 4, true, index);
	return (u32)access_page(chip, 0x10, 4, false, 0);
}

static inline void low_write(unsigned int n, u32 value)
{
	reg_write(0, 0x10 + 2 * n, value);
}

static inline void high_write(unsigned int n, u32 value)
{
	reg_write(0, 0x11 + 2 * n, value);
}

static inline u32 low_read(unsigned int n)
{
	return reg_read(0, 0x10 + 2 * n);
}

static inline u32 high_read(unsigned int n)
{
	return reg_read(0, 0x11 + 2 * n);
}

static inline void entry(unsigned int n, u32 high, u32 low)
{
	high_write(n, high);
	low_write(n, low);
}

/* ---- boot ---- */

static struct acpi_machine acpi;
static struct memmap map;

static inline void boot(void)
{
	region_count = 0;
	ioapic_quiet(&acpi, &map);
	assert_int_equal(ioapic_init((struct vm *)8), 0);
	fake_intr.sets = fake_intr.flushes = 0;
	exits = 0;
}

static inline void power_on(void)
{
	chips_reset();
	fake_intr_reset();
	chip_add(0, BASE, 24, VERSION_ICH9);
	acpi = (struct acpi_machine){ .ioapics = 1 };
	acpi.ioapic[0].base = BASE;
	acpi.ioapic[0].id = 9;
	map = (struct memmap){ .count = 1 };
	map.range[0] = (struct mem_range){ .base = 0, .size = 0x80000000, .type = MEM_RAM };
	no_memory = false;
	pool_used = 0;
	region_result = 0;
	log_set_sink(note_line);
	log_set_level(LOG_DEBUG);
	warnings = infos = 0;
}

static inline int remapped(void **state)
{
	power_on();
	boot();
	return 0;
}

/* Hardware that never goes by an old entry: as right as one that does. */
static inline int remapped_uncached(void **state)
{
	power_on();
	fake_intr.caches = false;
	boot();
	return 0;
}

static inline int plain(void **state)
{
	power_on();
	fake_intr.remapped = false;
	boot();
	return 0;
}

#endif
