/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VT-d and the interface above it: which unit translates for which device, and what a device's request is
 * told in the end. That is what counts here, not which registers were written; the hardware is the model in
 * fake_vtd.h.
 */
#include "drivers/pci/group.h"
#include "tests/unit/vtd_machine.h"

static struct pci_dev root_port = {
	.sbdf = { 0, PCI_BDF(0, 0x1c, 0) },
	.header_type = 1,
	.is_pcie = true,
	.pcie_type = 4,
	.secondary_bus = 4,
};
static struct pci_dev bridge = {
	/* PCI Express to PCI */
	.sbdf = { 0, PCI_BDF(4, 0, 0) },
	.header_type = 1,
	.is_pcie = true,
	.pcie_type = 7,
	.secondary_bus = 5,
	.parent = &root_port,
};
static struct pci_dev behind_bridge = { .sbdf = { 0, PCI_BDF(5, 3, 0) }, .parent = &bridge };
static struct pci_dev old_bridge = {
	/* PCI to PCI */
	.sbdf = { 0, PCI_BDF(5, 4, 0) },
	.header_type = 1,
	.secondary_bus = 6,
	.parent = &bridge,
};
static struct pci_dev behind_both = { .sbdf = { 0, PCI_BDF(6, 1, 2) }, .parent = &old_bridge };
static struct pci_dev on_bus_0 = { .sbdf = { 0, PCI_BDF(0, 5, 0) } };
static struct pci_dev on_bus_7 = { .sbdf = { 0, PCI_BDF(7, 0, 0) } };
static struct pci_dev disk = { .sbdf = { 0, PCI_BDF(0, 3, 0) } };
static struct pci_dev other_segment = { .sbdf = { 1, PCI_BDF(0, 2, 0) } };

/* ---- who reaches what ---------------------------------------------------------------------------------- */

static void test_blocked_until_attached(void **state)
{
	one_unit();
	discover(1);
	reaches(&fake[0], &nic, 0x1234000, true,
		0x1234000); /* the model lets it through while translation is off */
	enable();
	blocked(&fake[0], &nic, 0x1234567, true);
	expect_fault(&nic, 0x1234567, true, 1);
	assert_int_equal(iommu_map(&guest, 0x400000, 0x9000000, SIZE_2M, PT_READ | PT_WRITE), 0);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	reaches(&fake[0], &nic, 0x400123, true, 0x9000123);
	reaches(&fake[0], &nic, 0x5fffff, false, 0x91fffff);
	blocked(&fake[0], &nic, 0x600000, false);
	expect_fault(&nic, 0x600000, false, 6);
	blocked(&fake[0], &nic, 0x3fffff, true);
	expect_fault(&nic, 0x3fffff, true, 5);
	blocked(&fake[0], &disk, 0x400000, false); /* its bus has a table now, it has no entry */
	expect_fault(&disk, 0x400000, false, 2);
}

static void test_permissions_and_page_sizes(void **state)
{
	start();
	assert_int_equal(iommu_map(&guest, 0x1000, 0x1000, 0x1000, PT_READ), 0);
	assert_int_equal(iommu_map(&guest, SIZE_1G, 3 * SIZE_1G, SIZE_1G + SIZE_2M, PT_READ | PT_WRITE), 0);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	reaches(&fake[0], &nic, 0x1fff, false, 0x1fff);
	blocked(&fake[0], &nic, 0x1fff, true);
	expect_fault(&nic, 0x1fff, true, 5);
	reaches(&fake[0], &nic, SIZE_1G + 0x12345678, true, 3 * SIZE_1G + 0x12345678);
	reaches(&fake[0], &nic, 2 * SIZE_1G + 0x1fffff, true, 4 * SIZE_1G + 0x1fffff);
	blocked(&fake[0], &nic, 2 * SIZE_1G + SIZE_2M, true);
	blocked(&fake[0], &nic, (u64)1 << 48, true);
	assert_int_equal(guest.table.levels, 4);
	assert_int_equal(guest.table.max_leaf, 2);
}

/* The model keeps what the hardware may keep: without the invalidation the device goes on. */
static void test_unmap_needs_invalidation(void **state)
{
	static const struct {
		u64 iova, size; /* what is invalidated */
	} how[] = { { 0x200000, 0x200000 }, { 0x201000, 0x1000 }, { 0, 0 }, { 0x1ff000, 0x3000 } };

	for (unsigned int i = 0; i < ARRAY_SIZE(how); i++) {
		start();
		assert_int_equal(iommu_map(&guest, 0x200000, 0x200000, 0x200000 - 0x1000, PT_READ | PT_WRITE),
				 0);
		assert_int_equal(iommu_attach(&nic, &guest), 0);
		reaches(&fake[0], &nic, 0x201000, true, 0x201000);
		assert_int_equal(iommu_unmap(&guest, 0x201000, 0x1000), 0);
		reaches(&fake[0], &nic, 0x201000, true, 0x201000); /* stale */
		assert_int_equal(iommu_invalidate(&guest, how[i].iova, how[i].size), 0);
		blocked(&fake[0], &nic, 0x201000, true);
		reaches(&fake[0], &nic, 0x202000, true, 0x202000);
	}
}

/* What lies outside the range is not dropped: page-selective invalidation is really used. */
static void test_invalidation_is_selective(void **state)
{
	start();
	assert_int_equal(iommu_map(&guest, 0x200000, 0x200000, 0x10000, PT_READ | PT_WRITE), 0);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	reaches(&fake[0], &nic, 0x201000, true, 0x201000);
	reaches(&fake[0], &nic, 0x208000, true, 0x208000);
	assert_int_equal(iommu_unmap(&guest, 0x201000, 0x8000), 0);
	assert_int_equal(iommu_invalidate(&guest, 0x201000, 0x1000), 0);
	blocked(&fake[0], &nic, 0x201000, true);
	reaches(&fake[0], &nic, 0x208000, true, 0x208000); /* stale: nobody asked for it */
	assert_int_equal(iommu_invalidate(&guest, 0x201000, 0x8000), 0);
	blocked(&fake[0], &nic, 0x208000, true);
}

/* Without page-selective invalidation, or for a block too large for it, the whole domain is dropped. */
static void test_invalidation_falls_back_to_the_domain(void **state)
{
	for (int run = 0; run < 2; run++) {
		one_unit();
		if (run == 0)
			fake[0].cap &= ~FAKE_CAP_PSI;
		else
			fake[0].cap &= ~FAKE_MAMV(0x3f);
		discover(1);
		enable();
		assert_int_equal(iommu_map(&guest, 0x200000, 0x200000, 0x10000, PT_READ | PT_WRITE), 0);
		assert_int_equal(iommu_attach(&nic, &guest), 0);
		reaches(&fake[0], &nic, 0x201000, true, 0x201000);
		reaches(&fake[0], &nic, 0x202000, true, 0x202000);
		assert_int_equal(iommu_unmap(&guest, 0x201000, 0x2000), 0);
		assert_int_equal(iommu_invalidate(&guest, 0x201000, 0x2000), 0);
		blocked(&fake[0], &nic, 0x201000, true);
		blocked(&fake[0], &nic, 0x202000, true);
	}
}

/*
 * Emptied tables go back to the allocator only after the hardware forgot them, even if the range that is
 * invalidated is another: else the model walks freed memory, and the sanitizer says so.
 */
static void test_tables_are_kept_until_forgotten(void **state)
{
	unsigned int pages;

	start();
	assert_int_equal(iommu_map(&guest, 0x200000, 0x200000, 0x2000, PT_READ | PT_WRITE), 0);
	assert_int_equal(iommu_map(&guest, SIZE_1G, SIZE_1G, 0x2000, PT_READ | PT_WRITE), 0);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	pages = fake_pages_used;
	reaches(&fake[0], &nic, 0x200000, true, 0x200000); /* the pointer to the last table is cached */
	assert_int_equal(iommu_unmap(&guest, 0x200000, 0x2000), 0);
	assert_int_equal(fake_pages_used, pages);
	blocked(&fake[0], &nic, 0x201000, true); /* by way of that pointer */
	assert_int_equal(iommu_invalidate(&guest, SIZE_1G, 0x1000), 0);
	assert_true(fake_pages_used < pages);
	blocked(&fake[0], &nic, 0x200000, true);
	blocked(&fake[0], &nic, 0x201000, true);
}

/* A table that an unsuccessful invalidation left behind goes back with the next one that succeeds, and no earlier. */
static void test_failed_invalidation_keeps_tables(void **state)
{
	unsigned int pages;

	start();
	assert_int_equal(iommu_map(&guest, 0x200000, 0x200000, 0x2000, PT_READ | PT_WRITE), 0);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	reaches(&fake[0], &nic, 0x200000, true, 0x200000);
	pages = fake_pages_used;
	assert_int_equal(iommu_unmap(&guest, 0x200000, 0x2000), 0);
	fake[0].hang_queue = true;
	assert_int_equal(iommu_invalidate(&guest, 0, 0), -ETIMEDOUT);
	assert_int_equal(fake_pages_used, pages);
	blocked(&fake[0], &nic, 0x201000, true);
	assert_int_equal(iommu_map(&guest, 0x40200000, 0x200000, 0x1000, PT_READ), 0);
	assert_int_equal(iommu_unmap(&guest, 0x40200000, 0x1000), 0);
	pages = fake_pages_used;
	assert_int_equal(iommu_invalidate(&guest, 0x40200000, 0x1000), -ETIMEDOUT); /* theirs are added */
	assert_int_equal(fake_pages_used, pages);
	fake[0].hang_queue = false;
	assert_int_equal(iommu_invalidate(&guest, 0x999000, 0x1000), 0); /* wherever */
	assert_true(fake_pages_used <= pages - 4); /* of each region two levels at least */
	blocked(&fake[0], &nic, 0x200000, true);
	blocked(&fake[0], &nic, 0x40200000, true);
}

static void test_block(void **state)
{
	unsigned int drains;

	start();
	assert_int_equal(iommu_map(&guest, 0, 0, SIZE_1G, PT_READ | PT_WRITE), 0);
	assert_int_equal(iommu_block(&nic), 0); /* nothing to do */
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	assert_int_equal(iommu_attach(&disk, &guest), 0);
	reaches(&fake[0], &nic, 0x5000, true, 0x5000);
	drains = fake[0].drains;
	assert_int_equal(iommu_block(&nic), 0);
	assert_true(fake[0].drains > drains); /* requests under way have reached memory */
	blocked(&fake[0], &nic, 0x5000, true);
	expect_fault(&nic, 0x5000, true, 2);
	reaches(&fake[0], &disk, 0x5000, true, 0x5000);
	assert_int_equal(iommu_block(&nic), 0);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	reaches(&fake[0], &nic, 0x5000, true, 0x5000);
}

static void test_attach_twice(void **state)
{
	struct iommu_domain other;

	start();
	assert_int_equal(iommu_domain_init(&other), 0);
	assert_int_not_equal(other.id, guest.id);
	assert_int_equal(iommu_map(&guest, 0, 0, 0x1000, PT_READ), 0);
	assert_int_equal(iommu_map(&other, 0, 0x8000, 0x1000, PT_READ), 0);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	assert_int_equal(iommu_attach(&nic, &other), -EBUSY);
	reaches(&fake[0], &nic, 0, false, 0);
	assert_int_equal(iommu_block(&nic), 0);
	assert_int_equal(iommu_attach(&nic, &other), 0);
	reaches(&fake[0], &nic, 0, false, 0x8000);
	assert_int_equal(iommu_attach(&disk, &guest), 0);
	reaches(&fake[0], &disk, 0, false, 0); /* translations are kept apart */
	reaches(&fake[0], &nic, 0, false, 0x8000);
}

/* A device that joins sees the table as it is, whatever was cached for those that are there. */
static void test_attach_drops_old_translations(void **state)
{
	start();
	assert_int_equal(iommu_map(&guest, 0, 0, 0x2000, PT_READ | PT_WRITE), 0);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	reaches(&fake[0], &nic, 0, true, 0);
	assert_int_equal(iommu_unmap(&guest, 0, 0x1000), 0);
	assert_int_equal(iommu_attach(&disk, &guest), 0);
	blocked(&fake[0], &disk, 0, true);
}

static void test_attach_before_enable(void **state)
{
	one_unit();
	discover(1);
	assert_int_equal(iommu_domain_init(&guest), 0);
	assert_int_equal(iommu_attach(&nic, &guest), -ENODEV);
	assert_int_equal(iommu_invalidate(&guest, 0, 0), 0); /* nothing can be cached */
	assert_int_equal(iommu_enable_all(), 0);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
}

/* Caching mode: absent entries are cached too, so attaching and mapping must invalidate. */
static void test_caching_mode(void **state)
{
	one_unit();
	fake[0].cap |= FAKE_CAP_CM;
	discover(1);
	enable();
	blocked(&fake[0], &nic, 0x5000, true); /* the absent context entry is cached now */
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	blocked(&fake[0], &nic, 0x5000, true); /* the absent translation too */
	assert_int_equal(iommu_map(&guest, 0, 0, SIZE_2M, PT_READ | PT_WRITE), 0);
	blocked(&fake[0], &nic, 0x5000, true);
	assert_int_equal(iommu_invalidate(&guest, 0, SIZE_2M), 0);
	reaches(&fake[0], &nic, 0x5000, true, 0x5000);
	assert_int_equal(iommu_block(&nic), 0);
	blocked(&fake[0], &nic, 0x5000, true);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	reaches(&fake[0], &nic, 0x5000, true, 0x5000);
}

/* ---- which unit ---------------------------------------------------------------------------------------- */

static const u8 scopes_of_unit_1[][4] = {
	{ 1, 0, 2 << 3, 0xff },	     /* endpoint 00:02.0 */
	{ 2, 0, 0x1c << 3, 0 << 3 }, /* bridge 04:00.0, by way of the root port 00:1c.0 */
	{ 1, 0, 0x0a << 3, 0xff },   /* nothing is there */
	{ 1, 0, 0x1d << 3, 5 << 3 }, /* behind a bridge that has no bus number: not 00:05.0 */
	{ 1, 0, 6 << 3, 0 << 3 },    /* behind what is no bridge: not 07:00.0 */
};

static void two_units(void)
{
	power_on();
	dmar_unit(0, true, NULL, 0);
	dmar_unit(1, false, scopes_of_unit_1, ARRAY_SIZE(scopes_of_unit_1));
	discover(2);
}

static void test_which_unit(void **state)
{
	struct iommu *rest, *named;

	two_units();
	rest = iommu_first();
	named = rest->next;
	assert_null(named->next);
	assert_int_equal(rest->registers, (u64)(uintptr_t)fake[0].regs);
	assert_int_equal(named->registers, (u64)(uintptr_t)fake[1].regs);
	assert_int_equal(named->registers_size, 0x1000);
	assert_ptr_equal(iommu_of(&nic), named);
	assert_ptr_equal(iommu_of(&bridge), named);
	assert_ptr_equal(iommu_of(&behind_bridge), named);
	assert_ptr_equal(iommu_of(&behind_both), named);
	assert_ptr_equal(iommu_of(&root_port), rest); /* above the bridge that is named */
	assert_ptr_equal(iommu_of(&disk), rest);
	assert_ptr_equal(iommu_of(&on_bus_0), rest);
	assert_ptr_equal(iommu_of(&on_bus_7), rest);
	assert_null(iommu_of(&other_segment));
	assert_int_equal(iommu_attach(&other_segment, &guest), -ENODEV);
	assert_int_equal(iommu_block(&other_segment), -ENODEV);
	assert_int_equal(log_count("not there"), 3);
}

static void test_two_units(void **state)
{
	two_units();
	enable();
	assert_int_equal(iommu_map(&guest, 0, 0, SIZE_2M, PT_READ | PT_WRITE), 0);
	assert_int_equal(iommu_attach(&nic, &guest), 0);
	assert_int_equal(iommu_attach(&disk, &guest), 0);
	reaches(&fake[1], &nic, 0x1000, true, 0x1000);
	reaches(&fake[0], &disk, 0x1000, true, 0x1000);
	blocked(&fake[0], &nic, 0x1000, true); /* each is attached behind its own unit only */
	blocked(&fake[1], &disk, 0x1000, true);
	assert_int_equal(iommu_unmap(&guest, 0, SIZE_2M), 0);
	reaches(&fake[1], &nic, 0x1000, true, 0x1000);
	reaches(&fake[0], &disk, 0x1000, true, 0x1000);
	assert_int_equal(iommu_invalidate(&guest, 0, SIZE_2M), 0);
	blocked(&fake[1], &nic, 0x1000, true);
	blocked(&fake[0], &disk, 0x1000, true);
}

/* Behind a PCI Express to PCI bridge requests carry the secondary bus's
 * 00.0, or the bridge's ID; VT-d 3.4.1. */
static void test_aliases(void **state)
{
	struct pci_dev id = { .sbdf = { 0, 0 } };
	const u16 aliases[] = { PCI_BDF(6, 1, 2), PCI_BDF(5, 4, 0), PCI_BDF(5, 0, 0), PCI_BDF(4, 0, 0) };
	const u16 strangers[] = { PCI_BDF(6, 0, 0), PCI_BDF(5, 3, 0), PCI_BDF(4, 0, 1), PCI_BDF(0, 0x1c, 0) };

	start();
	assert_int_equal(iommu_map(&guest, 0, 0, SIZE_2M, PT_READ | PT_WRITE), 0);
	assert_int_equal(iommu_attach(&behind_both, &guest), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(aliases); i++) {
		id.sbdf.bdf = aliases[i];
		reaches(&fake[0], &id, 0x1000, true, 0x1000);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(strangers); i++) {
		id.sbdf.bdf = strangers[i];
		blocked(&fake[0], &id, 0x1000, true);
	}
	assert_int_equal(iommu_attach(&behind_bridge, &guest), 0); /* shares the last two of them */
	assert_int_equal(iommu_block(&behind_both), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(aliases); i++) {
		id.sbdf.bdf = aliases[i];
		if (i < 2)
			blocked(&fake[0], &id, 0x1000, true);
		else
			reaches(&fake[0], &id, 0x1000, true, 0x1000);
	}
	assert_int_equal(iommu_reach(&behind_both, &guest), IOMMU_REACHES_NOTHING);
	assert_int_equal(iommu_reach(&behind_bridge, &guest), IOMMU_REACHES_DOMAIN);
	assert_int_equal(iommu_block(&behind_bridge), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(aliases); i++) {
		id.sbdf.bdf = aliases[i];
		blocked(&fake[0], &id, 0x1000, true);
	}
}

/* An alias that belongs to another domain: the attach fails, and leaves none of the device's own IDs
 * attached. */
static void test_alias_attached_elsewhere(void **state)
{
	struct iommu_domain other;

	start();
	assert_int_equal(iommu_domain_init(&other), 0);
	assert_int_equal(iommu_map(&guest, 0, 0, SIZE_2M, PT_READ | PT_WRITE), 0);
	assert_int_equal(iommu_map(&other, 0, 0, SIZE_2M, PT_READ | PT_WRITE), 0);
	assert_int_equal(iommu_attach(&bridge, &other), 0);
	assert_int_equal(iommu_attach(&behind_both, &guest), -EBUSY);
	blocked(&fake[0], &behind_both, 0x1000, true);
	blocked(&fake[0], &old_bridge, 0x1000, true);
	reaches(&fake[0], &bridge, 0x1000, true, 0x1000);
}

/* ---- discovery ----------------------------------------------------------------------------------------- */

static void test_units_that_cannot_be_used(void **state)
{
	static const struct {
		u64 cap, ecap;
		int err;
		const char *words;
	} bad[] = {
		{ ~(u64)0, ~(u64)0, -EINVAL, "no registers answer" },
		{ FAKE_CAP | 7, FAKE_ECAP, -EINVAL, "reserved value" },
		{ FAKE_CAP, FAKE_ECAP & ~FAKE_ECAP_QI, -EOPNOTSUPP, "queued invalidation" },
		{ FAKE_CAP & ~FAKE_SAGAW(0x1f), FAKE_ECAP, -EOPNOTSUPP, "page-table depth" },
		{ (FAKE_CAP & ~FAKE_SAGAW(0x1f)) | FAKE_SAGAW(0x11), FAKE_ECAP, -EOPNOTSUPP,
		  "page-table depth" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		one_unit();
		fake[0].cap = bad[i].cap;
		fake[0].ecap = bad[i].ecap;
		discover(bad[i].err);
		assert_int_equal(log_count(bad[i].words), 1);
		assert_int_equal(log_count("DMAR"), 1);
		assert_null(iommu_first());
		assert_int_equal(iommu_domain_init(&guest), -ENODEV);
	}
	power_on(); /* a good unit beside a bad one does not make it better */
	dmar_unit(0, true, NULL, 0);
	dmar_unit(1, false, NULL, 0);
	fake[1].ecap = 0;
	discover(-EOPNOTSUPP);
	assert_null(iommu_first());
	power_on();
	dmar_add("\0\0\0\0", 4);
	discover(-EINVAL);
	power_on();
	discover(0);
}

static void test_common_limits(void **state)
{
	static const struct {
		u64 cap[2];
		unsigned int levels, max_leaf, bits;
	} machine[] = {
#define MIX(sagaw, sslps, width)                                                                  \
	((FAKE_CAP & ~(FAKE_SAGAW(0x1f) | FAKE_SSLPS(0xf) | FAKE_MGAW(64))) | FAKE_SAGAW(sagaw) | \
	 FAKE_SSLPS(sslps) | FAKE_MGAW(width))
		{ { MIX(6, 3, 48), MIX(6, 3, 48) }, 4, 2, 48 },
		{ { MIX(6, 3, 48), MIX(2, 3, 39) }, 3, 2, 39 },
		{ { MIX(6, 1, 48), MIX(4, 3, 48) }, 4, 1, 48 },
		{ { MIX(6, 0, 48), MIX(6, 3, 48) }, 4, 0, 48 },
		{ { MIX(6, 2, 48), MIX(6, 3, 48) }, 4, 0, 48 }, /* 1 GiB without 2 MiB is of no use */
		{ { MIX(0xe, 3, 57), MIX(0xe, 3, 48) }, 4, 2, 48 },
		{ { MIX(8, 3, 57), MIX(0xc, 3, 57) }, 5, 2, 57 },
		{ { MIX(6, 3, 42), MIX(6, 3, 48) }, 4, 2, 42 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(machine); i++) {
		const u64 top = (u64)1 << machine[i].bits;

		power_on();
		dmar_unit(0, true, NULL, 0);
		dmar_unit(1, false, scopes_of_unit_1, 1);
		fake[0].cap = machine[i].cap[0];
		fake[1].cap = machine[i].cap[1];
		discover(2);
		enable();
		assert_int_equal(guest.table.levels, machine[i].levels);
		assert_int_equal(guest.table.max_leaf, machine[i].max_leaf);
		assert_int_equal(iommu_map(&guest, 0, SIZE_1G, SIZE_1G, PT_READ), 0);
		assert_int_equal(iommu_map(&guest, top - 0x1000, 0x7000, 0x1000, PT_READ), 0);
		assert_int_equal(iommu_map(&guest, top, 0, 0x1000, PT_READ), -EINVAL);
		assert_int_equal(iommu_attach(&nic, &guest), 0);
		assert_int_equal(iommu_attach(&disk, &guest), 0);
		reaches(&fake[1], &nic, 0x12345, false, SIZE_1G + 0x12345);
		reaches(&fake[0], &disk, top - 1, false, 0x7fff);
		reaches(&fake[1], &nic, top - 1, false, 0x7fff);
	}
}

static void test_domain_ids_run_out(void **state)
{
	struct iommu_domain d;

	one_unit();
	fake[0].cap &= ~(u64)7; /* 16 IDs */
	discover(1);
	for (unsigned int i = 1; i < 16; i++) {
		assert_int_equal(iommu_domain_init(&d), 0);
		assert_int_equal(d.id, i); /* never 0 */
	}
	assert_int_equal(iommu_domain_init(&d), -ENOSPC);
}

static void test_reserved_regions(void **state)
{
	static const u8 rmrr[] = { 1,	 0,    40, 0,	 0, 0, 0, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0,
				   0xff, 0x3f, 0,  0x7f, 0, 0, 0, 0, 1, 8, 0, 0,    0, 0, 2, 0, /* 00:02.0 */
				   1,	 8,    0,  0,	 0, 0, 9, 0 /* not there */ };
	struct iommu_reserved r;
	unsigned int at;

	one_unit();
	dmar_add(rmrr, sizeof(rmrr));
	discover(1);
	assert_true(iommu_reserved_region(0, &r));
	assert_int_equal(r.base, 0x7f000000);
	assert_int_equal(r.size, 0x4000);
	assert_int_equal(r.sbdf.bdf, PCI_BDF(0, 2, 0));
	assert_false(iommu_reserved_region(1, &r));

	one_unit(); /* more than there is room for: none of them is kept, nor the unit */
	at = dmar_length;
	dmar_add(rmrr, 24);
	for (unsigned int i = 0; i < 65; i++)
		dmar_add(rmrr + 24, 8);
	dmar[at + 2] = (24 + 65 * 8) & 0xff;
	dmar[at + 3] = (24 + 65 * 8) >> 8;
	discover(-EINVAL);
	assert_int_equal(log_count("more reserved regions"), 1);
	assert_false(iommu_reserved_region(0, &r));
	assert_null(iommu_first());
}

static void test_describe(void **state)
{
	one_unit();
	discover(1);
	log_clear();
	iommu_first()->ops->describe(iommu_first());
	assert_int_equal(log_count("\n"), 1);
	assert_int_equal(log_count("levels 3 4, pages to 1 GiB, 4 fault records"), 1);
}

int main(void)
{
	struct pci_dev *const devices[] = { &bridge,	 &behind_bridge, &old_bridge, &behind_both,
					    &on_bus_0, &on_bus_7,	 &disk,	      &other_segment };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocked_until_attached),
		cmocka_unit_test(test_permissions_and_page_sizes),
		cmocka_unit_test(test_unmap_needs_invalidation),
		cmocka_unit_test(test_invalidation_is_selective),
		cmocka_unit_test(test_invalidation_falls_back_to_the_domain),
		cmocka_unit_test(test_tables_are_kept_until_forgotten),
		cmocka_unit_test(test_failed_invalidation_keeps_tables),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_attach_twice),
		cmocka_unit_test(test_attach_drops_old_translations),
		cmocka_unit_test(test_attach_before_enable),
		cmocka_unit_test(test_caching_mode),
		cmocka_unit_test(test_which_unit),
		cmocka_unit_test(test_two_units),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_alias_attached_elsewhere),
		cmocka_unit_test(test_units_that_cannot_be_used),
		cmocka_unit_test(test_common_limits),
		cmocka_unit_test(test_domain_ids_run_out),
		cmocka_unit_test(test_reserved_regions),
		cmocka_unit_test(test_describe),
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(devices); i++)
		assert_int_equal(pci_requester_ids(devices[i]), 0);
	return cmocka_run_group_tests(tests, machine_init, NULL);
}
