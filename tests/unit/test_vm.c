/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's address space: who gets what of the memory map, and what an access to nobody's memory is
 * answered.
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
#include "core/string.h"
#include "core/vm.h"

#define POOL_SIZE (4 * SIZE_2M)

extern _Thread_local unsigned int host_cpu; /* core/host_cpu.c */

/* What another CPU does while this one waits for a lock. */
static void (*meanwhile)(void);

void arch_cpu_relax(void)
{
	if (meanwhile)
		meanwhile();
	else
		sched_yield();
}

/* The DMA map, as the test sees it: what vm_map_memory() asked for. */
static u64 dma_bytes;

int iommu_map(struct iommu_domain *domain, u64 iova, paddr_t pa, u64 size, unsigned int prot)
{
	assert_int_equal(iova, pa);
	dma_bytes += size;
	return 0;
}

/*
 * vm_may_map() asks for IOMMUs' registers; there is none here, and the real one would bring iommu_map() with
 * it.
 */
struct iommu *iommu_first(void)
{
	return NULL;
}

static unsigned int lines;

static void sink(enum log_level level, const char *line, size_t len)
{
	lines++;
}

static int setup(void **state)
{
	u8 *pool = aligned_alloc(SIZE_2M, POOL_SIZE);

	pages_init(virt_to_phys(pool), POOL_SIZE);
	*state = pool;
	lines = 0;
	dma_bytes = 0;
	log_set_sink(sink);
	return vm_init(&guest, &pt_format_npt, 4, 2);
}

static int teardown(void **state)
{
	log_set_sink(NULL);
	free(*state);
	return 0;
}

static bool reaches(gpa_t gpa, unsigned int *prot)
{
	u64 out;

	return pt_lookup(&guest.stage2, gpa, &out, prot, NULL) == 0 && out == gpa;
}

static void test_memory_map(void **state)
{
	static const struct memmap map = {
		.count = 7,
		.range = {
			{ 0x100000, 0x100000, MEM_RAM },	     { 0x200000, 0x1000, MEM_FAIRLEAD },
			{ 0x300000, 0x2000, MEM_ACPI_RECLAIM },    { 0x400000, 0x1000, MEM_FIRMWARE },
			{ 0x500000, 0x1000, MEM_RESERVED },	     { 0x40000000, SIZE_1G, MEM_RAM },
			{ 0x80000000, 0x1000, MEM_CUT },
		},
	};
	unsigned int prot;
	u64 size;

	guest.dma_on = true;
	assert_int_equal(vm_map_memory(&guest, &map), 0);
	assert_int_equal(dma_bytes, 0x100000 + SIZE_1G); /* devices: RAM only */
	assert_true(reaches(0x1ff000, &prot));
	assert_int_equal(prot, PT_READ | PT_WRITE | PT_EXEC);
	assert_true(reaches(0x301000, &prot));
	assert_int_equal(prot & (PT_READ | PT_WRITE | PT_EXEC), PT_READ | PT_WRITE);
	assert_true(reaches(0x500000, &prot));
	assert_int_equal(prot & (PT_READ | PT_WRITE | PT_EXEC), PT_READ | PT_WRITE);
	assert_false(reaches(0x200000, &prot));
	assert_false(reaches(0x400000, &prot));
	assert_false(reaches(0x80000000, &prot));
	assert_int_equal(pt_lookup(&guest.stage2, 0x40000000, NULL, NULL, &size), 0);
	assert_int_equal(size, SIZE_1G); /* the largest page that fits */
}

static void test_unowned_is_all_ones_and_logged_once_a_page(void **state)
{
	static const unsigned int sizes[] = { 1, 2, 4, 8 };

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		u64 value = 0x1234;

		vm_mmio_access(&guest, 0xfed00000 + sizes[i], sizes[i], false, &value);
		assert_int_equal(value, sizes[i] == 8 ? ~(u64)0 : ((u64)1 << (8 * sizes[i])) - 1);
	}
	assert_int_equal(guest.unowned_reads, 4);
	assert_int_equal(lines, 1);
	for (u64 page = 0; page < 1000; page++) {
		u64 value = 0;

		vm_mmio_access(&guest, 0x100000000 + page * PAGE_SIZE, 4, true, &value);
	}
	assert_int_equal(guest.unowned_writes, 1000);
	assert_int_equal(lines, VM_LOGGED_PAGES + 1); /* and one line that says that no more follow */
}

static gpa_t region_gpa;

static void region_access(void *ctx, gpa_t gpa, unsigned int size, bool write, u64 *value)
{
	region_gpa = gpa;
	*value = 0x5a;
}

static void test_regions(void **state)
{
	struct vm_mmio_region r = { 0xe0000000, 0x2000, region_access, NULL, "test" };
	u64 value = 0;

	assert_int_equal(vm_add_region(&guest, &r), 0);
	vm_mmio_access(&guest, 0xe0001ffc, 4, false, &value);
	assert_int_equal(region_gpa, 0xe0001ffc);
	assert_int_equal(value, 0x5a);
	vm_mmio_access(&guest, 0xe0002000, 4, false, &value);
	assert_int_equal(value, 0xffffffff);
	r.base = 0xe0001000;
	assert_int_equal(vm_add_region(&guest, &r), -EEXIST);
	for (unsigned int i = 1; i < VM_MMIO_REGIONS; i++) {
		r.base = 0x1000000 * i;
		assert_int_equal(vm_add_region(&guest, &r), 0);
	}
	r.base = 0xf0000000;
	assert_int_equal(vm_add_region(&guest, &r), -ENOSPC);
}

static void test_mmio_maps(void **state)
{
	unsigned int prot;
	u64 out;

	assert_int_equal(vm_map_mmio(&guest, 0xc0000000, 0xd0000000, 0x4000, PT_READ | PT_WRITE), 0);
	assert_int_equal(pt_lookup(&guest.stage2, 0xc0003000, &out, &prot, NULL), 0);
	assert_int_equal(out, 0xd0003000);
	assert_true(prot & PT_DEVICE);
	assert_int_equal(vm_map_mmio(&guest, 0xc0003000, 0xd8000000, 0x1000, PT_READ), -EEXIST);
	assert_int_equal(vm_unmap_mmio(&guest, 0xc0000000, 0x4000), 0);
	assert_int_equal(pt_lookup(&guest.stage2, 0xc0000000, NULL, NULL, NULL), -ENOENT);
}

/* ---- an unmap on another CPU: a look comes before it or after it, never in a table that is going back to the pool ---- */

static void unmap_and_unlock(void)
{
	meanwhile = NULL;
	host_cpu = 1;
	assert_int_equal(pt_unmap(&guest.stage2, 0xc0000000, PAGE_SIZE), 0);
	spin_unlock(&guest.stage2_lock);
	host_cpu = 0;
}

static void test_looks_wait_for_changes(void **state)
{
	unsigned int prot;
	paddr_t pa;

	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(vm_map_mmio(&guest, 0xc0000000, 0xd0000000, PAGE_SIZE, PT_READ), 0);
		assert_int_equal(vm_lookup(&guest, 0xc0000123, &pa, &prot), 0);
		assert_int_equal(pa, 0xd0000123);
		assert_true(prot & PT_DEVICE);
		host_cpu = 1;
		spin_lock(&guest.stage2_lock);
		host_cpu = 0;
		meanwhile = unmap_and_unlock;
		if (i)
			assert_false(vm_allows(&guest, 0xc0000000, PT_READ));
		else
			assert_int_equal(vm_lookup(&guest, 0xc0000123, &pa, &prot), -ENOENT);
		assert_null(meanwhile);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_memory_map, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unowned_is_all_ones_and_logged_once_a_page, setup, teardown),
		cmocka_unit_test_setup_teardown(test_regions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mmio_maps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_looks_wait_for_changes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
